"""Which Mitsuba works here. A wrong LLVM aborts the process, so another process tries first.

The compiled variant, ``llvm_ad_rgb``, needs the shared library of LLVM. It comes with the wheel
`karellen-llvm-core`; where that is missing, Dr.Jit looks for one of the system. ``scalar_rgb``
needs nothing and is several times slower.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path

__all__ = ["LLVM", "SCALAR", "Verdict", "describe", "find_verdict", "tell_drjit"]

LLVM, SCALAR = "llvm_ad_rgb", "scalar_rgb"
VARIABLE = "DRJIT_LIBLLVM_PATH"  # read by Dr.Jit when the variant is first used
PATIENCE = 120  # seconds for the other process
RETRY = 24 * 3600  # seconds after which a failure is tried again

TRIAL = """
import sys
import drjit as dr
import mitsuba as mi
mi.set_variant("llvm_ad_rgb")
scene = mi.load_dict({
    "type": "scene", "integrator": {"type": "path"}, "light": {"type": "constant"},
    "ball": {"type": "sphere"},
    "sensor": {"type": "perspective", "film": {"type": "hdrfilm", "width": 8, "height": 8}},
})
image = mi.TensorXf(mi.render(scene, spp=1)).numpy()
if image.shape[:2] != (8, 8) or not (image == image).all():
    sys.exit("wrong pixels")
print("LLVM", *dr.detail.llvm_version())
"""


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes
    ----------
    variant : of Mitsuba
    llvm : version of LLVM that was tried, such as "19.1.7", or ""
    reason : why the compiled variant is not used, or ""
    """

    variant: str
    llvm: str = ""
    reason: str = ""


def tell_drjit() -> None:
    """Say where the LLVM of the wheel is, unless the user has said so.

    This sets one variable of the environment of this process (and of its children), which Dr.Jit
    reads when it is imported; it has no other way to be told.
    """
    if VARIABLE not in os.environ and (library := _find_llvm()):
        os.environ[VARIABLE] = library


@lru_cache(maxsize=1)
def find_verdict() -> Verdict:
    """Return what works here; tried once for each set of versions and kept in the user's cache.

    Notes
    -----
    The first call on a machine takes one to three seconds, later ones a millisecond.
    """
    library = os.environ.get(VARIABLE, "")
    path = _cache_folder() / f"renderer-{_fingerprint(library)}.json"
    kept = _read(path)
    if kept is not None:
        return kept
    verdict = _try_llvm(library)
    _write(path, verdict)
    return verdict


def describe() -> str:
    """Say in one sentence which Mitsuba works here and whether pictures are denoised."""
    try:
        mitsuba = f"Mitsuba {version('mitsuba')}"
    except PackageNotFoundError:
        return "the quality renderer needs the package mitsuba, which is not installed"
    verdict = find_verdict()
    if verdict.variant == LLVM:
        state = f"compiled with LLVM {verdict.llvm}"
    else:
        state = f"not compiled, which takes several times as long: {verdict.reason}"
    try:
        noise = f"Open Image Denoise by pyoidn {version('pyoidn')}"
    except PackageNotFoundError:
        noise = "no denoising, as pyoidn is not installed"
    return f"{mitsuba} ({verdict.variant}), {state}; {noise}"


def _find_llvm() -> str:
    """Return the library in the wheel of karellen-llvm-core, or ""."""
    names = {"win32": "LLVM-C.dll", "darwin": "libLLVM.dylib"}
    name = names.get(sys.platform, "libLLVM.so")
    folders = ("lib", "bin", "Library/bin")
    found = [Path(sys.prefix) / folder / name for folder in folders]
    try:
        listed = files("karellen-llvm-core") or []
    except PackageNotFoundError:
        listed = []
    found += [Path(str(file.locate())) for file in listed if file.name == name]
    return next((str(path.resolve().with_name(name)) for path in found if path.exists()), "")


def _fingerprint(library: str) -> str:
    """Return a short name for everything the answer depends on."""
    facts = [version("mitsuba"), version("drjit"), platform.platform(), platform.machine()]
    facts += [sys.version, sys.prefix, library]
    if library and Path(library).exists():
        stat = Path(library).stat()
        facts += [str(stat.st_size), str(int(stat.st_mtime))]
    return hashlib.blake2b("\n".join(facts).encode(), digest_size=8).hexdigest()


def _try_llvm(library: str) -> Verdict:
    try:
        done = subprocess.run(
            [sys.executable, "-c", TRIAL],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Verdict(SCALAR, reason=f"the trial of LLVM did not run ({type(error).__name__})")
    said = done.stdout.decode(errors="replace").split()
    if done.returncode == 0 and said[:1] == ["LLVM"]:
        return Verdict(LLVM, ".".join(said[1:]))
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    last = lines[-1][:200] if lines else f"exit status {done.returncode}"
    name = Path(library).name if library else "an LLVM library, none of which came with pip"
    return Verdict(SCALAR, reason=f"{name} does not work ({last}); pip install karellen-llvm-core")


def _cache_folder() -> Path:
    """Return the folder for what can be made again."""
    home = Path.home() if _has_home() else Path(tempfile.gettempdir())
    if sys.platform == "darwin":
        base = home / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "abbild"


def _has_home() -> bool:
    try:
        Path.home()
    except RuntimeError:
        return False
    return True


def _read(path: Path) -> Verdict | None:
    """Return a kept answer, or None if there is none, it is broken, or a failure grown old."""
    try:
        kept = Verdict(**json.loads(path.read_text(encoding="utf-8")))
        age = time.time() - path.stat().st_mtime
    except (OSError, ValueError, TypeError):
        return None
    if kept.variant not in (LLVM, SCALAR) or (kept.variant == SCALAR and age > RETRY):
        return None
    return kept


def _write(path: Path, verdict: Verdict) -> None:
    """Keep an answer; a folder that cannot be written to only costs the next start a second."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(verdict), file)
        Path(name).replace(path)
    except OSError:
        return
