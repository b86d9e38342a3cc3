"""Every scene at the same size: Mitsuba's distances are absolute where ours may be anything.

A ray starts 9e-5 (1 + |p|) away from the surface at p, against hitting it again. That is nothing
for a room in metres and more than a whole blood cell. With the scene's extent at 1,000 units
around the camera the first part vanishes beside the second, at any size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from abbild.images.errors import SceneError
from abbild.images.stage import Body, Bulb, Floats, Lamp, Panel, Stage, View

__all__ = ["EXTENT", "rescale"]

EXTENT = 1000.0
CORNERS = np.array(list(product((0, 1), repeat=3)))
SQUARE = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])


def rescale(stage: Stage, view: View) -> tuple[Stage, View]:
    """Return the same picture in other units: all within `EXTENT` of the origin.

    Raises
    ------
    SceneError
        for poses that are not finite
    """
    points = np.concatenate([view.matrix[None, :3, 3], *_points(stage)])
    if view.projection == "orthographic":
        centre = 0.5 * (points.min(axis=0) + points.max(axis=0))
    else:
        centre = view.matrix[:3, 3]
    extent = float(np.abs(points - centre).max())
    scale = EXTENT / extent if extent > 0 else 1.0
    new = np.diag([scale, scale, scale, 1.0])
    new[:3, 3] = -scale * centre
    bodies = tuple(replace(body, matrix=new @ body.matrix) for body in stage.bodies)
    lamps = tuple(_rescale_lamp(lamp, new, scale) for lamp in stage.lamps)
    return replace(stage, bodies=bodies, lamps=lamps), _rescale_view(view, new, scale)


def _points(stage: Stage) -> Iterator[Floats]:
    """Yield the corners of boxes around all parts, and of panels, each (n, 3)."""
    for body in stage.bodies:
        yield from _corners_of(body)
    for lamp in stage.lamps:
        if isinstance(lamp, Panel) and np.isfinite(lamp.matrix).all():
            yield SQUARE @ lamp.matrix[:3, :3].T + lamp.matrix[:3, 3]


def _corners_of(body: Body) -> Iterator[Floats]:
    if not np.isfinite(body.matrix).all():
        raise SceneError(f"the pose of {body.name!r} is not finite", hint="check its matrix")
    for part in body.parts:
        if len(part.mesh.faces):
            low, high = part.mesh.bounds
            corners = low + CORNERS * (high - low)
            if not np.isfinite(corners).all():
                raise SceneError(
                    f"a mesh of {body.name!r} has corners that are not finite numbers",
                    hint="repair or leave out the mesh",
                )
            yield corners @ body.matrix[:3, :3].T + body.matrix[:3, 3]


def _rescale_lamp(lamp: Lamp, new: Floats, scale: float) -> Lamp:
    if isinstance(lamp, Panel):
        return replace(lamp, matrix=new @ lamp.matrix)
    if isinstance(lamp, Bulb):
        place = new[:3, :3] @ lamp.position + new[:3, 3]
        light = np.asarray(lamp.intensity, np.float64) * scale**2
        return replace(lamp, position=place, radius=lamp.radius * scale, intensity=light)
    return lamp


def _rescale_view(view: View, new: Floats, scale: float) -> View:
    matrix = view.matrix.copy()
    matrix[:3, 3] = new[:3, :3] @ view.matrix[:3, 3] + new[:3, 3]
    lens = 1 / scale if view.projection == "orthographic" else 1.0
    return replace(
        view,
        matrix=matrix,
        near=view.near * scale,
        aperture=view.aperture * scale,
        focus=view.focus * scale,
        fx=view.fx * lens,
        fy=view.fy * lens,
    )
