"""The block of the page about the renderers, written from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from page import measured

Report = Mapping[str, Any]
Lines = Sequence[Report]

FLOOR = 35.0  # decibel
PACKAGES = ("mitsuba", "drjit", "pyoidn", "embreex", "numba", "numpy")
INTRODUCTION = """\
Reference scene: a textured ground and ten objects, nine primitives and a knot of 65,536
triangles, under a sky and a panel; poses, materials, textures, lights, sky and camera are new in
every picture, meshes stay. Two cores for every arm, two processes of one thread unless it says
otherwise, all arms in every round, one after the other.

The peer is Blender as the package bpy, in its own environment and processes. BlenderProc runs on
the same Cycles, but downloads a Blender of its own and cannot be had from a package index. The
peer gets the same numbers and gives the same pictures (last line of the table of PSNR), with
persistent data, as many bounces and a pixel as wide as ours. Unless it says otherwise it is set
as quick as we could: its denoiser (Open Image Denoise) and prefilter "fast", and a map of 128
columns to find the light of the sky, which by default takes most of a second for every new sky.
Its labels are z, normals and object indices; silhouettes of what is hidden, boxes and poses,
which ours include, it has not."""


Pairs = Sequence[tuple[str, str, float]]


def section(
    report: Report, titles: Mapping[str, str], beside: Pairs, command: str
) -> Iterator[str]:
    """Yield the lines of the block from the parts that were measured.

    Parameters
    ----------
    titles : arm to words
    beside : an arm of ours, one of the peer, and how many times as quick ours has to be
    """
    yield "## Renderers"
    yield ""
    yield from INTRODUCTION.splitlines()
    if "speed" in report:
        yield from _speed(report["speed"], titles)
        yield from _times(report["speed"], titles, beside)
        yield from _steps(report["speed"])
    if "accuracy" in report:
        yield from _accuracy(report["accuracy"], titles)
    if "growth" in report:
        yield from _growth(report["growth"])
    if "compilations" in report:
        found = report["compilations"]
        yield ""
        yield (
            f"`quality` compiled {found['compiled']} kernels in {found['pictures']} pictures with "
            "other numbers of objects each (1 to 25), after three with ten."
        )
    if "memory" in report:
        yield from _memory(report["memory"])
    if "world" in report:
        yield from _world(report["world"])
    yield ""
    yield f"{measured()}; {_versions()}."
    yield ""
    yield "```sh"
    yield command
    yield "```"


def _spread(lines: Lines, key: str = "per_second") -> str:
    """Return the median over rounds, and the lowest and highest."""
    values = [line[key] for line in lines]
    middle = f"{np.median(values):.3g}"
    return f"{middle} ({min(values):.3g} to {max(values):.3g})" if len(values) > 1 else middle


def _of(lines: Lines, **wanted: Any) -> Lines:
    return [line for line in lines if all(line.get(k) == v for k, v in wanted.items())]


def _sizes(lines: Lines) -> list[int]:
    return sorted({line["size"] for line in lines})


def _speed(lines: Lines, titles: Mapping[str, str]) -> Iterator[str]:
    sizes = _sizes(lines)
    yield ""
    yield "Pictures a second with all labels: median of the rounds, lowest and highest."
    yield ""
    yield "| | " + " | ".join(f"{size} x {size} | CPU s a picture" for size in sizes) + " |"
    yield "|---" * (1 + 2 * len(sizes)) + "|"
    for arm in dict.fromkeys(line["arm"] for line in lines):
        cells = []
        for size in sizes:
            own = _of(lines, arm=arm, size=size)
            cells += [_spread(own), f"{np.median([line['cpu'] for line in own]):.3f}"]
        yield f"| {titles[arm]} | " + " | ".join(cells) + " |"


def _times(lines: Lines, titles: Mapping[str, str], beside: Pairs) -> Iterator[str]:
    """Say how many times as quick ours are, round by round."""
    sizes = _sizes(lines)
    yield ""
    yield "Times the pictures a second of the peer, median of the rounds, lowest and highest:"
    yield ""
    yield "| | beside | " + " | ".join(f"{size} x {size}" for size in sizes) + " | gate |"
    yield "|---" * (3 + len(sizes)) + "|"
    for arm, peer, gate in beside:
        cells = []
        for size in sizes:
            own, other = _of(lines, arm=arm, size=size), _of(lines, arm=peer, size=size)
            ratios = [
                {"times": a["per_second"] / b["per_second"]}
                for a, b in zip(own, other, strict=False)
            ]
            cells.append(_spread(ratios, "times") if ratios else "")
        if any(cells):
            yield f"| {titles[arm]} | {titles[peer]} | " + " | ".join(cells) + f" | {gate:g} |"


def _steps(lines: Lines) -> Iterator[str]:
    """Show where the seconds of ours go."""
    own = [line for line in lines if "steps" in line and line["round"] == 0]
    yield ""
    yield "Milliseconds of one core of one picture, by step:"
    yield ""
    names = list(own[0]["steps"])
    yield "| | size | " + " | ".join(names) + " |"
    yield "|---" * (2 + len(names)) + "|"
    for line in own:
        cells = [f"{1e3 * line['steps'][name]:.1f}" for name in names]
        yield f"| {line['arm']} | {line['size']} | " + " | ".join(cells) + " |"


def _accuracy(lines: Lines, titles: Mapping[str, str]) -> Iterator[str]:
    yield ""
    yield (
        "PSNR of the sRGB picture against the same renderer's picture with 2,048 samples, neither "
        "denoised nor clamped; two pictures."
    )
    yield ""
    yield "| | size | samples | denoiser | PSNR, dB |"
    yield "|---|---|---|---|---|"
    for line in lines:
        if line["arm"] == "references":
            continue
        denoiser = line.get("denoise", line.get("polish", "fast")).lower()
        both = ", ".join(f"{each:.1f}" for each in line["psnr"])
        name = "abbild `quality`" if line["arm"] == "quality" else "Cycles"
        yield f"| {name} | {line['size']} | {line.get('samples', 4)} | {denoiser} | {both} |"
    for line in _of(lines, arm="references"):
        both = ", ".join(f"{each:.1f}" for each in line["psnr"])
        yield f"| the two references, ours and Blender's | {line['size']} | | | {both} |"
    default = [line for line in _of(lines, arm="quality") if not {"samples", "polish"} & set(line)]
    if default:
        words = [f"{np.mean(line['psnr']):.1f} dB at {line['size']}" for line in default]
        met = all(np.mean(line["psnr"]) >= FLOOR for line in default)
        verdict = "reached" if met else "missed"
        yield ""
        yield f"`quality` as it is: {', '.join(words)}; gate {FLOOR:g}, {verdict}."


def _growth(lines: Lines) -> Iterator[str]:
    """Show cost against objects and pixels, and how far from straight it is."""
    for key, by, head, unit, factor in (
        ("objects", "by_count", "objects at 256 x 256", "each object more", 1e3),
        ("sizes", "by_size", "pixels a side, ten objects", "each million pixels", 1e9),
    ):
        each = "per_object" if key == "objects" else "per_pixel"
        yield ""
        yield f"Milliseconds of one core with all labels, by {head}; objects of 2,304 triangles:"
        yield ""
        points = lines[0][key]
        heads = [*map(str, points), unit, "any picture", "off the line at most"]
        yield "| | " + " | ".join(heads) + " |"
        yield "|---" * (1 + len(heads)) + "|"
        for line in lines:
            fit = line[each]
            cells = [f"{1e3 * seconds:.1f}" for seconds in line[by]]
            cells += [
                f"{factor * fit['each']:.1f}",
                f"{1e3 * fit['fixed']:.1f}",
                f"{fit['worst']:.0%}",
            ]
            yield f"| {line['arm']} | " + " | ".join(cells) + " |"


def _memory(lines: Lines) -> Iterator[str]:
    yield ""
    yield (
        f"Resident memory, MB, of one process, never recycled, over {lines[0]['images']:,} images "
        f"of the recipe `tabletop` ({lines[0]['size']} pixels a side, 5 to 18 objects); slope of "
        "the second half with its 95 % interval:"
    )
    yield ""
    yield (
        "| | " + " | ".join(f"{n:,}" for n, _ in lines[0]["seen"][::3]) + " | MB for 1,000 images |"
    )
    yield "|---" * (2 + len(lines[0]["seen"][::3])) + "|"
    for line in lines:
        cells = [f"{held:.0f}" for _, held in line["seen"][::3]]
        yield (
            f"| {line['arm']} | "
            + " | ".join(cells)
            + f" | {line['slope']:.1f} ± {line['half']:.1f} |"
        )


def _world(lines: Lines) -> Iterator[str]:
    words = {
        "fast": "`fast` as it is",
        "lean": "with one ray for shadows, without open sky and smooth outlines",
        "physics": "the same, and ten bodies fall or lie for 0.02 s, in five steps, before each",
    }
    found = [f"{words[a]}: {_spread(_of(lines, arm=a))}" for a in words if _of(lines, arm=a)]
    yield ""
    yield (
        "Observations a second of 84 x 84 pixels of a world of 1,878 triangles, on one core, "
        f"without labels: {'; '.join(found)}."
    )


def _versions() -> str:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join([*found, "bpy 5.0.1"])
