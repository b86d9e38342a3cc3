"""What every driver of an engine has in common: arguments in, rows and measured seconds out.

A driver runs in the environment of its engine and imports nothing of this repository but this
module. It reads one Parquet file, writes one, and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

try:
    import resource
except ImportError:  # Windows
    resource = None

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """One fit and one draw.

    Attributes
    ----------
    minutes : CPU minutes a neural engine may train
    options : what only one driver understands
    """

    train: Path
    out: Path
    rows: int
    seed: int
    minutes: float
    model: str
    options: tuple[str, ...]

    @classmethod
    def from_arguments(cls) -> Job:
        """Read the command line."""
        parser = argparse.ArgumentParser()
        parser.add_argument("--train", type=Path, required=True)
        parser.add_argument("--out", type=Path, required=True)
        parser.add_argument("--rows", type=int, required=True)
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--minutes", type=float, default=4.0)
        parser.add_argument("--model", default="")
        parser.add_argument("--options", nargs="*", default=[])
        given = vars(parser.parse_args())
        return cls(**{**given, "options": tuple(given["options"])})


class Meter:
    """CPU and wall seconds of named stages; CPU includes threads and ended child processes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, work: Callable[[], T]) -> T:
        """Run `work` and note what it took under `stage`."""
        cpu, wall = _cpu(), time.perf_counter()
        result = work()
        self.seconds[f"{stage}_cpu"] = _cpu() - cpu
        self.seconds[f"{stage}_wall"] = time.perf_counter() - wall
        return result


def _cpu() -> float:
    return time.process_time() + sum(os.times()[2:4])  # this process, and its ended children


def finish(meter: Meter, packages: tuple[str, ...], **facts: Any) -> None:
    """Print the one line of JSON that ends a driver."""
    versions = {name: version(name) for name in packages}
    line = {**meter.seconds, "peak_mb": _peak(), "versions": versions, **facts}
    print(json.dumps(line), flush=True)


def _peak() -> float | None:
    """Return the highest resident memory of this process in MB; None where it cannot be known."""
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
