"""One scene to its labelled pictures: draw, build, look, check, light, develop."""

from __future__ import annotations

import fnmatch
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.annotate import annotate, caption, self_checks
from abbild.images.annotation import Annotation, Example
from abbild.images.atmosphere import apply_weather
from abbild.images.bright_field import bright_field
from abbild.images.develop import develop
from abbild.images.errors import RejectedSceneError
from abbild.images.exposure import Moment, Renderer, banded_layers, expose
from abbild.images.labels import find_layers, find_silhouettes, is_inside
from abbild.images.layers import Layers
from abbild.images.scene.building import Built, build
from abbild.images.scene.checking import attempts_of
from abbild.images.scene.drawing import Drawn, draw
from abbild.images.scene.living import situation_of
from abbild.images.scene.nodes import Scene
from abbild.images.stage import Stage, View
from abbild.images.world import World

__all__ = ["Picture", "Taken", "capture"]

STEP = 1 / 30  # seconds of the world between two looks of its behaviours
MAX_SECONDS = 300.0  # for one scene; what takes longer is given up, and said


@dataclass(frozen=True, eq=False)
class Picture:
    """One finished picture with everything known about it.

    Attributes
    ----------
    camera : name of the camera
    pixels : (h, w, 3) uint8 sRGB
    example : labels and drawn values; its file is not named yet
    layers : exact layers of the same pixels
    checks : worst error of each self-check
    """

    camera: str
    pixels: NDArray[np.uint8]
    example: Example
    layers: Layers
    checks: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Taken:
    """What became of one scene.

    Attributes
    ----------
    pictures : one for each camera; none if the scene was given up
    reason : why it was given up, or ""
    attempts : how often it was drawn
    rejects : reasons of the attempts before
    """

    pictures: tuple[Picture, ...]
    reason: str
    attempts: int
    rejects: tuple[str, ...] = ()


def capture(scene: Scene, index: int, renderer: Renderer, *, seed: Seed) -> Taken:
    """Take the pictures of scene number `index`.

    A draw that breaks a condition of the scene is drawn again, at most `scene.attempts` times;
    the labels decide, before any light is computed.

    Raises
    ------
    SceneError
        For what no other draw can repair, such as a negative size.
    """
    rejects: list[str] = []
    start = time.monotonic()
    for attempt in range(attempts_of(scene)):
        if time.monotonic() - start > MAX_SECONDS:
            rejects.append(f"took longer than {MAX_SECONDS:.0f} s")
            break
        drawn = draw(scene, seed=seed / "scene", index=index, attempt=attempt)
        here = seed / "image" / index / attempt
        try:
            built = build(drawn.scene, seed=here)
            moments = _moments(built, drawn.scene, here)
            seen = {name: _see(built, name, moments[name]) for name in built.views}
            _check(drawn.scene, built, seen)
        except RejectedSceneError as error:
            rejects.append(str(error.args[0]))
            continue
        pictures = tuple(
            _picture(name, drawn, built, renderer, index, here / name, seen[name])
            for name in built.views
        )
        return Taken(pictures, "", attempt + 1, tuple(rejects))
    return Taken((), rejects[-1] if rejects else "no attempt", len(rejects), tuple(rejects))


def _moments(built: Built, scene: Scene, seed: Seed) -> dict[str, Moment]:
    """Return for each camera the stage and the view by seconds from the picture."""
    if not scene.motions:
        return {name: _still(built.stage, view) for name, view in built.views.items()}
    world = World(lambda _: situation_of(built, scene))
    world.reset(seed / "world")
    left = float(scene.time)
    steps = max(1, math.ceil(left / STEP))
    for _ in range(steps):
        world.step(dt=max(left, 1e-3) / steps)
    return {name: world.moments(name) for name in built.views}


def _still(stage: Stage, view: View) -> Moment:
    return lambda _: (stage, view)


@dataclass(frozen=True, eq=False)
class _Seen:
    moment: Moment
    layers: Layers
    annotations: tuple[Annotation, ...]
    checks: Mapping[str, float]


def _see(built: Built, name: str, moment: Moment) -> _Seen:
    stage, view = moment(0.0)
    inside = is_inside(stage, view.matrix[:3, 3])
    if inside and view.projection != "orthographic":
        raise RejectedSceneError(f"camera {name!r} is inside of {stage.bodies[inside - 1].name!r}")
    rolling = view.readout_time > 0
    layers = banded_layers(moment) if rolling else find_layers(stage, view)
    labelled = [k for k, body in enumerate(stage.bodies, 1) if body.label]
    silhouettes = find_silhouettes(stage, view, labelled)
    annotations = annotate(stage, view, layers, silhouettes)
    # rows of a rolling shutter belong to other moments than the poses they are checked against
    checks = {} if rolling else self_checks(stage, view, layers, annotations)
    if view.bright_field is not None:
        annotations = tuple(_seen_through(a, view) for a in annotations)
    return _Seen(moment, layers, annotations, checks)


def _seen_through(annotation: Annotation, view: View) -> Annotation:
    """Return the labels of a body that others cannot hide, since light passes through them."""
    mask, box = annotation.amodal_mask, annotation.amodal_box
    if mask is None or box is None:
        return annotation
    inside = (max(box[0], 0.0), max(box[1], 0.0), min(box[2], view.width), min(box[3], view.height))
    area = int(mask.sum())
    return replace(
        annotation,
        box=inside if area else None,
        mask=mask,
        area_px=area,
        visible=1.0 - annotation.truncated,
        occluded=0.0,
    )


def _check(scene: Scene, built: Built, seen: Mapping[str, _Seen]) -> None:
    """Refuse a draw that breaks a condition of the scene in one of its pictures."""
    for rule in scene.require:
        for name, what in seen.items():
            chosen = list(_chosen(rule.objects, built, what.annotations))
            good = [a for a in chosen if a.visible >= rule.visible and a.area_px >= rule.area_px]
            needed = len(chosen) if rule.count is None else int(rule.count)
            if not chosen and rule.count is None:
                needed = 1
            if len(good) < needed:
                raise RejectedSceneError(
                    f"{rule.objects!r}: {len(good)} of {needed} are seen as required by {name!r}"
                )


def _chosen(
    pattern: str, built: Built, annotations: tuple[Annotation, ...]
) -> Iterator[Annotation]:
    pattern = pattern.removeprefix("/objects/")
    for annotation in annotations:
        name = built.stage.bodies[annotation.instance - 1].name
        if pattern.startswith("label:"):
            if annotation.label == pattern.removeprefix("label:"):
                yield annotation
        elif fnmatch.fnmatchcase(name, pattern):
            yield annotation


def _picture(
    name: str, drawn: Drawn, built: Built, renderer: Renderer, index: int, seed: Seed, seen: _Seen
) -> Picture:
    _, view = seen.moment(0.0)
    pixels = _pixels(built, renderer, seen, seed)
    visible = tuple(a for a in seen.annotations if a.area_px > 0)
    example = Example(
        index=index,
        file="",
        width=view.width,
        height=view.height,
        label=str(drawn.scene.label),
        annotations=visible,
        intrinsics=view.intrinsics,
        camera=view.matrix,
        parameters=drawn.values,
    )
    example = replace(example, caption=caption(example))
    return Picture(name, pixels, example, seen.layers, seen.checks)


def _pixels(built: Built, renderer: Renderer, seen: _Seen, seed: Seed) -> NDArray[np.uint8]:
    stage, view = seen.moment(0.0)
    layers = seen.layers
    if view.bright_field is not None:
        radiance = bright_field(stage, view, seed=seed / "light")
    else:
        known = None if view.readout_time > 0 else layers
        radiance = expose(renderer, seen.moment, seed=seed / "light", layers=known)
    radiance = apply_weather(radiance, layers.distance, built.weather, seed=seed / "weather")
    return develop(radiance, view.sensor, seed=seed / "sensor")
