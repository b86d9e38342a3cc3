"""One worker of ours: pictures of the reference scene with all labels, until its time is up.

Started by `renderers.py` as the peer's workers are. "All labels" are the exact layers (instance, z,
distance, normals, uv, object coordinates), silhouettes of what is hidden, and the annotations made
of them (masks, boxes in 2D and 3D, poses, visible, occluded and truncated shares).
"""

from __future__ import annotations

import argparse
from typing import Any

from reference_scene import frame, moment
from starting_gun import Clock, race

from abbild.core import Seed
from abbild.images.annotate import annotate
from abbild.images.develop import develop
from abbild.images.exposure import Renderer
from abbild.images.fast import Fast
from abbild.images.labels import find_layers, find_silhouettes
from abbild.images.quality.renderer import Quality
from abbild.images.stage import Stage, View
from abbild.images.world import Situation, Velocity, World

STEPS = ("layers", "silhouettes", "annotations", "light", "bytes", "physics")
LEAN = Fast(shadow_samples=1, supersample=1, ambient_occlusion=0)
RENDERERS: dict[str, Renderer | None] = {
    "fast": Fast(), "lean": LEAN, "quality": Quality(), "quality-8": Quality(samples=8),
    "labels": None,
}  # fmt: skip


def take(stage: Stage, view: View, renderer: Renderer | None, seed: Seed, labels: bool) -> Any:
    """Make one picture and return the processor seconds of each step."""
    seconds, layers = dict.fromkeys(STEPS, 0.0), None
    if labels:
        clock = Clock()
        layers = find_layers(stage, view)
        seconds["layers"], clock = clock()[1], Clock()
        ids = [k for k, body in enumerate(stage.bodies, start=1) if body.label]
        outlines = find_silhouettes(stage, view, ids)
        seconds["silhouettes"], clock = clock()[1], Clock()
        annotate(stage, view, layers, outlines)
        seconds["annotations"] = clock()[1]
    if renderer is not None:
        known = {"layers": layers} if getattr(renderer, "takes_layers", False) else {}
        clock = Clock()
        light = renderer.radiance(stage, view, seed=seed, **known)
        seconds["light"], clock = clock()[1], Clock()
        develop(light, view.sensor, seed=seed)
        seconds["bytes"] = clock()[1]
    return seconds


class Fall:
    """The small world with physics: its toys fall, then lie, while the camera turns."""

    def __init__(self) -> None:
        stage, view = moment(0, 84)
        toys = [body.name for body in stage.bodies if body.label]
        situation = Situation(stage, {"eye": view}, dynamic=toys)
        self.world = World(lambda _: situation, LEAN)
        self.world.reset(Seed(0))

    def picture(self, _: int) -> tuple[float, dict[str, float]]:
        clock = Clock()
        self.world.step({"eye": Velocity(angular=(0.0, 0.01, 0.0), local=True)}, dt=0.02)
        physics, light = clock()[1], Clock()
        assert self.world.observe("eye").rgb.any()
        seconds = dict.fromkeys(STEPS, 0.0) | {"physics": physics, "light": light()[1]}
        return clock()[0], seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("renderer", choices=RENDERERS)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--world", choices=("moves", "falls"), help="the small one, no labels")
    options = parser.parse_args()
    renderer, scene = RENDERERS[options.renderer], moment if options.world else frame

    def staged(number: int) -> tuple[float, dict[str, float]]:
        stage, view = scene(options.first + number, options.size)
        clock = Clock()
        steps = take(stage, view, renderer, Seed(number), not options.world)
        return clock()[0], steps

    picture = Fall().picture if options.world == "falls" else staged

    def work() -> dict[str, Any]:
        walls, steps = [], []
        while sum(walls) < options.seconds:
            wall, each = picture(len(walls))
            walls.append(wall)
            steps.append(each)
        named = {name: [each[name] for each in steps] for name in STEPS}
        return {"wall": walls, "cpu": [sum(each.values()) for each in steps], "steps": named}

    race(lambda: [picture(10_000 + k) for k in range(4)], work)


if __name__ == "__main__":
    main()
