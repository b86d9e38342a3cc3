"""What works on this machine, and the command that fixes the rest."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from abbild import __version__

if TYPE_CHECKING:
    from abbild.cli.shell import Shell

__all__ = ["say_doctor"]


class Check(NamedTuple):
    """One thing looked at; `fix` is empty when it works."""

    name: str
    found: str
    fix: str


def say_doctor(shell: Shell) -> dict[str, Any]:
    """Print every check with what was found, and how to repair what does not work."""
    checks = [*_machine(), *_packages(), *_renderer()]
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = "ok  " if not check.fix else "--  "
        shell.say(f"{mark}{check.name:<{width}}  {check.found}")
        if check.fix:
            shell.say(f"    {'':<{width}}  fix: {check.fix}")
    return {"checks": [check._asdict() for check in checks]}


def _machine() -> list[Check]:
    old = sys.version_info < (3, 11)
    free = shutil.disk_usage(tempfile.gettempdir()).free / 2**30
    cache = Path(os.environ.get("NUMBA_CACHE_DIR", Path(__file__).parents[1] / "tables"))
    writable = os.access(cache if cache.exists() else cache.parent, os.W_OK)
    return [
        Check("abbild", __version__, ""),
        Check("python", platform.python_version(), "install Python 3.11 or newer" if old else ""),
        Check("system", platform.platform(terse=True), ""),
        Check("processors", str(os.cpu_count()), ""),
        Check(
            "temporary space",
            f"{free:.1f} GiB free in {tempfile.gettempdir()}",
            "" if free > 1 else "free some space or set TMPDIR to a larger disk",
        ),
        Check(
            "compiled code",
            f"kept in {cache}" if writable else "cannot be kept, so every start compiles anew",
            "" if writable else "set NUMBA_CACHE_DIR to a folder you may write to",
        ),
    ]


def _packages() -> list[Check]:
    """Check every required package, then every extra as a whole."""
    missing: dict[str, list[str]] = {"": []}
    found: dict[str, list[str]] = {"": []}
    for line in requires("abbild") or []:
        spec, _, marker = line.partition(";")
        name = spec.split("[")[0].split(">")[0].split("=")[0].split("<")[0].strip()
        extra = marker.split("extra ==")[1].strip(" '\"") if "extra ==" in marker else ""
        if "sys_platform" in marker:
            continue
        target = found if _installed(name) else missing
        target.setdefault(extra, []).append(name)
    checks = []
    for extra in sorted({*missing, *found}):
        lacks = missing.get(extra, [])
        have = ", ".join(f"{name} {version(name)}" for name in found.get(extra, []))
        label = f"extra {extra}" if extra else "base packages"
        package = f"'abbild[{extra}]'" if extra else "--force-reinstall abbild"
        state = f"missing: {', '.join(lacks)}" if lacks else have
        checks.append(Check(label, state, f"pip install {package}" if lacks else ""))
    return checks


def _renderer() -> list[Check]:
    """Say how finished pictures are made here, if the packages for images are installed."""
    if not (_installed("mitsuba") and _installed("pyoidn")):
        return []
    from abbild.images.quality.probe import describe  # noqa: PLC0415 - only if it is there

    said = describe()
    slow = "not compiled" in said
    fix = "pip install karellen-llvm-core, or a libLLVM 17 or newer of the system" if slow else ""
    return [Check("quality renderer", said, fix)]


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
