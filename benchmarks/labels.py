"""Milliseconds of the label engine's functions, on one core, against pixels and objects.

    OMP_NUM_THREADS=1 python benchmarks/labels.py

The scene is the reference scene of the renderers (`reference_scene.py`). Numbers are medians of
processor time over several rounds, after a first one that compiles and builds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from reference_scene import alike, frame, moment, triangles
from starting_gun import Clock

from abbild.images.annotate import annotate, self_checks
from abbild.images.labels import (
    find_flow,
    find_hits,
    find_layers,
    find_silhouettes,
    occluded,
    raster,
    trace,
)
from abbild.images.stage import Stage, View

ROUNDS = 7
BENT = (-0.2, 0.05, 1e-3, 0.0, 0.0)  # a lens that rays must follow

Acts = dict[str, Callable[[], object]]


def milliseconds(act: Callable[[], object]) -> float:
    act()
    taken = []
    for _ in range(ROUNDS):
        clock = Clock()
        act()
        taken.append(clock()[1])
    return 1e3 * statistics.median(taken)


def common(scene: Stage, view: View) -> Acts:
    """Return what every picture needs, and rays through a lens."""
    ids = [k for k, body in enumerate(scene.bodies, start=1) if body.label]
    layers, outlines = find_layers(scene, view), find_silhouettes(scene, view, ids)
    bent = replace(view, distortion=BENT)
    return {
        "raster": lambda: raster(scene, view),
        "layers": lambda: find_layers(scene, view),
        "silhouettes": lambda: find_silhouettes(scene, view, ids),
        "annotate": lambda: annotate(scene, view, layers, outlines),
        "through a lens": lambda: find_hits(scene, bent),
    }


def others(scene: Stage, view: View) -> Acts:
    """Return what only some pictures need."""
    layers = find_layers(scene, view)
    labels = annotate(scene, view, layers)
    seen = layers.body > 0
    points = layers.position[seen].astype(float) + 1e-4 * layers.facet_normal[seen]
    ways = np.array([3.0, 2.0, 6.0]) - points
    matrix = view.matrix.copy()
    matrix[:3, 3] += matrix[:3, :3] @ [0.05, 0.02, 0.1]
    later = replace(view, matrix=matrix)
    return {
        "checks": lambda: self_checks(scene, view, layers, labels),
        "trace": lambda: trace(scene, view),
        "shadow": lambda: occluded(scene, points, ways, 1.0),
        "flow": lambda: find_flow(layers, scene, view, scene, later),
    }


def table(head: str, rows: Sequence[tuple[int, Acts]]) -> None:
    names = list(rows[0][1])
    print("\n" + f"{head:>8s}" + "".join(f"{name:>16s}" for name in names))
    for size, acts in rows:
        print(f"{size:8d}" + "".join(f"{milliseconds(act):16.2f}" for act in acts.values()))


def main() -> None:
    print(f"reference scene: {triangles(frame(0, 64)[0])} triangles; milliseconds")
    sizes = [(size, frame(0, size)) for size in (84, 128, 256, 512, 1024)]
    table("size", [(size, common(*scene) | others(*scene)) for size, scene in sizes])
    counts = [(count, frame(0, 512, count, alike())) for count in (1, 3, 10, 30, 100)]
    table("objects", [(count, common(*scene)) for count, scene in counts])
    small = moment(0, 84)
    print(f"\nsmall world of {triangles(small[0])} triangles, 84 x 84")
    table("size", [(84, common(*small))])


if __name__ == "__main__":
    main()
