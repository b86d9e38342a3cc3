"""Both renderers beside Blender's: pictures a second, noise left, cost, memory; in one run.

    python benchmarks/install_peers.py bpy                  # once, 1 GB
    python benchmarks/renderers.py --docs docs/benchmarks.md  # an hour on two idle cores, or more
    python benchmarks/renderers.py --parts speed --sizes 256 --rounds 1 --seconds 4

What is measured lies in `results/renderers.json`, part by part, so that parts may be run alone.
All arms take part in every round, one after the other; each has two cores. Pictures a second are
those of all processes of an arm, by the clock, with all scenes ready in memory and pictures and
labels left there; starting and compiling are left out. Pictures with many samples, which the others
are compared with, take a part of an hour and are kept in `results/references`: remove them when the
scene has changed.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import blender
import numpy as np
import render_costs as costs
from page import block, replace
from render_page import section
from starting_gun import together

from abbild.core import atomically

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
FRAMES = costs.REFERENCES / "frames.npz"
KEPT = 24  # frames the peer goes through, again and again; it keeps nothing of a frame

Settings = dict[str, Any]
Report = dict[str, Any]


@dataclass(frozen=True)
class Arm:
    """What takes part: two processes of one thread, or one of two.

    Attributes
    ----------
    settings : of the peer; None is one of ours
    """

    name: str
    title: str
    processes: int
    settings: Settings | None = None

    def commands(self, size: int, seconds: float) -> list[list[str]]:
        if self.settings is not None:
            given = {**self.settings, "size": size, "seconds": seconds}
            given["threads"] = 2 // self.processes
            starts = [{**given, "first": 11 * k} for k in range(self.processes)]
            return [blender.command(FRAMES, start) for start in starts]
        script = [sys.executable, str(HERE / "render_abbild.py"), self.name]
        shared = [f"--size={size}", f"--seconds={seconds}"]
        return [[*script, *shared, f"--first={5000 * k}"] for k in range(self.processes)]


def cycles(samples: int, quality: str = "FAST", prefilter: str = "FAST") -> Settings:
    return {"engine": "CYCLES", "samples": samples, "denoise": quality, "prefilter": prefilter}


def raster(engine: str) -> Settings:
    return {"engine": engine, "samples": 4}


PLAIN = {"engine": "CYCLES", "samples": 4, "denoise": "HIGH", "prefilter": "ACCURATE", "sky-map": 0}
CYCLES = {
    "cycles-1": cycles(1), "cycles-2": cycles(2), "cycles-4": cycles(4), "cycles-8": cycles(8),
    "cycles-16": cycles(16), "cycles-4-plain": PLAIN,
}  # fmt: skip
OURS = (
    Arm("quality", "**abbild `quality`**, 4 samples, as it is", 2),
    Arm("quality-8", "**abbild `quality`**, 8 samples", 2),
    Arm("fast", "**abbild `fast`**", 2),
    Arm("labels", "**abbild**, labels alone", 2),
)
PEERS = (
    Arm("cycles-4", "Cycles, 4 samples", 2, CYCLES["cycles-4"]),
    Arm("cycles-4 threads", "Cycles, 4 samples, one process with two threads", 1, cycles(4)),
    Arm("cycles-8", "Cycles, 8 samples", 2, CYCLES["cycles-8"]),
    Arm("cycles-1", "Cycles, 1 sample", 2, CYCLES["cycles-1"]),
    Arm("cycles-4-plain", "Cycles, 4 samples, denoiser and sky map as Blender sets them", 2, PLAIN),
    Arm("eevee", "EEVEE, 4 samples", 2, raster("BLENDER_EEVEE")),
    Arm("workbench", "Workbench: no shadows, no textures, no sky", 2, raster("BLENDER_WORKBENCH")),
)
# each of ours beside a setting of the peer; equal numbers of samples are about as free of noise
BESIDE = (
    ("quality", "cycles-4", 3.0),
    ("quality", "cycles-4-plain", 3.0),
    ("quality-8", "cycles-8", 3.0),
    ("fast", "cycles-4", 10.0),
    ("fast", "cycles-4-plain", 10.0),
    ("fast", "cycles-1", 10.0),
)


def speed(options: argparse.Namespace) -> list[Report]:
    """Let every arm make pictures of every size, in rounds."""
    if not blender.is_there():
        print("without the peer: python benchmarks/install_peers.py bpy", flush=True)
    peers = PEERS if blender.is_there() else ()
    lines = []
    for turn in range(options.rounds):
        for size in options.sizes:
            for arm in (*OURS, *peers):
                facts = _tried(arm, arm.commands(size, options.seconds))
                if not facts:
                    continue
                lines.append(_raced(arm, size, turn, facts))
                shown = f"{lines[-1]['per_second']:.2f} a second, load {lines[-1]['load']:.1f}"
                print(f"round {turn}, {size}: {arm.name}: {shown}", flush=True)
    return lines


def _tried(arm: Arm, commands: Sequence[Sequence[str]]) -> Sequence[Report]:
    try:
        return together(commands)
    except RuntimeError as error:
        if arm.settings is None or arm.settings["engine"] == "CYCLES":
            raise
        print(f"{arm.name}: left out, it needs OpenGL without a display: {error}", flush=True)
        return ()


def _raced(arm: Arm, size: int, turn: int, facts: Sequence[Report]) -> Report:
    line: Report = {
        "arm": arm.name,
        "size": size,
        "round": turn,
        "pictures": sum(len(one["wall"]) for one in facts),
        "per_second": sum(len(one["wall"]) / sum(one["wall"]) for one in facts),
        "cpu": float(np.median([x for one in facts for x in one["cpu"]])),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"),
    }
    if "steps" in facts[0]:
        names = facts[0]["steps"]
        line["steps"] = {
            n: float(np.median([x for f in facts for x in f["steps"][n]])) for n in names
        }
    return line


def accuracy(options: argparse.Namespace) -> list[Report]:
    """Compare settings of ours and of the peer each with its own picture of many samples."""
    lines = []
    for size in options.sizes:
        for line in costs.accuracy(size, options.reference):
            lines.append({"arm": "quality", **line})
            print(lines[-1], flush=True)
    for size in options.sizes if blender.is_there() else ():
        lines += _peer_accuracy(size, options.reference)
    return lines


def _peer_accuracy(size: int, samples: int) -> Iterator[Report]:
    many = {"size": size, "samples": samples, "denoise": "", "threads": os.cpu_count() or 1}
    truths = _rendered(f"blender-{size}-{samples}", many)
    for name, settings in CYCLES.items():
        made = _rendered(f"{name}-{size}", {**settings, "size": size})
        errors = [costs.psnr(a, b) for a, b in zip(made, truths, strict=True)]
        print(size, name, errors, flush=True)
        yield {"arm": name, "size": size, **settings, "psnr": errors}
    ours = [costs.reference(index, size, samples) for index in costs.FRAMES]
    apart = [costs.psnr(a, b) for a, b in zip(truths, ours, strict=True)]
    yield {"arm": "references", "size": size, "psnr": apart}


def _rendered(folder: str, settings: Settings) -> list[Any]:
    return [one["rgb"] for one in blender.pictures(FRAMES, costs.REFERENCES / folder, settings)]


def world(options: argparse.Namespace) -> list[Report]:
    """Measure observations of 84 x 84 pixels of the small world, on one core."""
    lines = []
    for arm, renderer, kind in (
        ("fast", "fast", "moves"), ("lean", "lean", "moves"), ("physics", "lean", "falls"),
    ):  # fmt: skip
        command = [sys.executable, str(HERE / "render_abbild.py"), renderer, "--size=84"]
        command += [f"--world={kind}", f"--seconds={options.seconds}"]
        for turn in range(options.rounds):
            lines.append(_raced(Arm(arm, arm, 1), 84, turn, together([command])))
        print(lines[-1], flush=True)
    return lines


def growth(options: argparse.Namespace) -> list[Report]:
    """Measure the cost of objects and pixels."""
    arms = ("labels", "fast", "quality")
    wide = [count for count in (1, 3, 10, 30, 100) if count <= options.most]
    sizes = [128, 256, 512, 1024] if options.most >= 100 else [128, 256]
    found = []
    for arm in arms:
        found.append(_alone(costs.growth, arm, options.pictures, wide, sizes))
        print(found[-1], flush=True)
    return found


def compilations(_: argparse.Namespace) -> Report:
    """Count what is compiled while the number of objects changes."""
    return _alone(costs.compilations)


def memory(options: argparse.Namespace) -> list[Report]:
    """Watch the memory of one process over many images."""
    return [_alone(costs.memory, arm, options.images, 96) for arm in ("fast", "quality")]


def _alone(work: Callable[..., Any], *given: Any) -> Any:
    """Do `work` in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


PARTS: Mapping[str, Callable[[argparse.Namespace], Any]] = {
    "speed": speed, "accuracy": accuracy, "world": world, "growth": growth,
    "compilations": compilations, "memory": memory,
}  # fmt: skip


def _kept() -> Report:
    """Return what was measured until now, by part."""
    path = RESULTS / "renderers.json"
    found: Report = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _keep(part: str, found: Any) -> None:
    report = _kept() | {part: found}
    RESULTS.mkdir(exist_ok=True)
    with atomically(RESULTS / "renderers.json") as new:
        new.write_text(json.dumps(report, indent=1), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each arm, size and round")
    parser.add_argument("--reference", type=int, default=2048, help="samples of the references")
    parser.add_argument("--images", type=int, default=2000, help="of the memory run")
    parser.add_argument("--most", type=int, default=100, help="objects of the largest scene")
    parser.add_argument("--pictures", type=int, default=5, help="for each point of the growth")
    parser.add_argument("--docs", type=Path, help="page whose block is replaced")
    options = parser.parse_args()
    if not FRAMES.exists():
        blender.write_frames(FRAMES, KEPT)
    for part in options.parts:
        print(f"== {part}", flush=True)
        _keep(part, PARTS[part](options))
    report = _kept()
    titles = {arm.name: arm.title for arm in (*OURS, *PEERS)}
    text = list(section(report, titles, BESIDE, shlex.join(["python", *sys.argv])))
    print("\n".join(text))
    if options.docs:
        replace(options.docs, [block("renderers", text)])


if __name__ == "__main__":
    main()
