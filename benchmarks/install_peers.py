"""Make one virtual environment a peer under ``benchmarks/.peers``; their pins exclude each other.

``python benchmarks/install_peers.py`` makes all of them and leaves whole ones alone; ``... arfpy``
makes one. An environment holds the stamp ``ready`` when its requirements are installed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE / ".peers"
REQUIREMENTS = HERE / "peers"
TORCH = "torch==2.13.0"  # the build for CPUs; an open pin pulls gigabytes of CUDA
UNWANTED = ("torchvision", "torchaudio")  # their builds for CUDA break imports beside that torch


def python_of(name: str) -> Path:
    """Return the interpreter of the environment `name`, whether or not it exists."""
    folder = ENVIRONMENTS / name
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def is_ready(name: str) -> bool:
    """Say whether the environment holds exactly the requirements of today."""
    stamp = ENVIRONMENTS / name / "ready"
    wanted = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    return stamp.exists() and stamp.read_text(encoding="utf-8") == wanted


def install(name: str) -> None:
    """Make the environment `name` and install its requirements."""
    requirements = REQUIREMENTS / f"{name}.txt"
    venv.create(ENVIRONMENTS / name, with_pip=True)
    constraint = ENVIRONMENTS / "constraints.txt"
    constraint.write_text(TORCH + "\n", encoding="utf-8")
    pip = [str(python_of(name)), "-m", "pip"]
    subprocess.run(
        [*pip, "install", "--quiet", "-r", str(requirements), "-c", str(constraint)], check=True
    )
    subprocess.run([*pip, "uninstall", "--quiet", "--yes", *UNWANTED], check=True)
    stamp = ENVIRONMENTS / name / "ready"
    stamp.write_text(requirements.read_text(encoding="utf-8"), encoding="utf-8")


def main() -> int:
    known = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=known, help=f"of {', '.join(known)}")
    for name in parser.parse_args().names:
        print(f"{name}: {'ready' if is_ready(name) else 'installing'}", flush=True)
        if not is_ready(name):
            install(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
