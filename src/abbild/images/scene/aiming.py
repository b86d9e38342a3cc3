"""Cameras of a drawn scene to views of the stage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.colors import linear_color
from abbild.images.errors import SceneError
from abbild.images.scene.cameras import Camera, Framed, LookAt
from abbild.images.scene.checking import check_look
from abbild.images.scene.numbers import number, vector
from abbild.images.scene.paths import nearest
from abbild.images.scene.poses import look_along, rotation_of, shell
from abbild.images.stage import Body, Stage, View

__all__ = ["view_of"]

MAX_SIDE = 16384

# a camera at rest looks along +x, z up: camera x is world -y, camera y is world -z
_AT_REST = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def view_of(camera: Any, where: str, stage: Stage, ids: Mapping[str, int]) -> View:
    """Return the view of a camera node.

    Raises
    ------
    SceneError
        With the path, for sizes, angles and places that cannot be, and targets that are not
        there.
    """
    if not isinstance(camera, Camera):
        raise SceneError(f"{where} is no camera", hint="use a camera node")
    width = _whole(camera.width, f"{where}/width")
    height = _whole(camera.height, f"{where}/height")
    matrix = _matrix(camera.place, f"{where}/place", stage, ids)
    fx, fy, cx, cy = _intrinsics(camera, where, width, height)
    view = View(
        width, height, fx, fy, cx, cy, matrix,
        projection=_projection(camera, where),
        distortion=_distortion(camera.distortion, f"{where}/distortion"),
        near=number(camera.near, f"{where}/near", 1e-9),
        aperture=number(camera.aperture, f"{where}/aperture", 0),
        focus=number(camera.focus, f"{where}/focus", 1e-9),
        exposure_time=number(camera.exposure_time, f"{where}/exposure_time", 0),
        readout_time=number(camera.readout_time, f"{where}/readout_time", 0),
        sensor=check_look(camera.sensor, f"{where}/sensor"),
        bright_field=None
        if camera.bright_field is None
        else number(camera.brightness, f"{where}/brightness", 0)
        * linear_color(camera.bright_field, f"{where}/bright_field").astype(np.float64),
    )  # fmt: skip
    return view if camera.frame is None else _framed(view, camera.frame, where, stage, ids)


def _whole(value: Any, where: str) -> int:
    size = number(value, where, 1, MAX_SIDE)
    if size != int(size):
        raise SceneError(f"{where} is {value}", hint="a whole number of pixels")
    return int(size)


def _distortion(value: Any, where: str) -> tuple[float, ...]:
    if not isinstance(value, (tuple, list)) or len(value) > 5:
        raise SceneError(f"{where} is {value!r}", hint="a list of at most 5 numbers")
    return tuple(number(k, where, -1e6, 1e6) for k in value)


def _projection(camera: Camera, where: str) -> Any:
    known = ("pinhole", "fisheye", "orthographic")
    if camera.projection not in known:
        raise SceneError(
            f"{where}/projection is {camera.projection!r}", hint=f"one of: {', '.join(known)}"
        )
    if camera.bright_field is not None and camera.projection != "orthographic":
        raise SceneError(
            f"{where}/bright_field needs an orthographic camera", hint="set projection"
        )
    return camera.projection


def _intrinsics(camera: Camera, where: str, width: int, height: int) -> tuple[float, ...]:
    cx, cy = (width / 2, height / 2)
    if camera.center is not None:
        cx, cy = vector(camera.center, f"{where}/center", 2)
    if camera.projection == "orthographic":
        f = height / number(camera.extent, f"{where}/extent", 1e-9)
    elif camera.projection == "fisheye":  # equidistant: angle is proportional to the radius
        f = height / math.radians(number(camera.vertical_view, f"{where}/vertical_view", 1, 360))
    else:
        angle = math.radians(number(camera.vertical_view, f"{where}/vertical_view", 0.01, 175))
        f = height / 2 / math.tan(angle / 2)
    return f, f, float(cx), float(cy)


def _matrix(place: Any, where: str, stage: Stage, ids: Mapping[str, int]) -> NDArray[np.float64]:
    if isinstance(place, LookAt):
        return _looking(place, where, stage, ids)
    if not isinstance(place, (tuple, list)) or len(place) != 2:
        raise SceneError(f"{where} is {place!r}", hint="use look-at, or (position, rotation)")
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_of(place[1], f"{where}/1") @ _AT_REST
    matrix[:3, 3] = vector(place[0], f"{where}/0")
    return matrix


def _looking(
    place: LookAt, where: str, stage: Stage, ids: Mapping[str, int]
) -> NDArray[np.float64]:
    if isinstance(place.target, str):
        target = _middle(_body(place.target, f"{where}/target", stage, ids))
    else:
        target = vector(place.target, f"{where}/target")
    eye = shell(
        target,
        number(place.distance, f"{where}/distance", 1e-9),
        number(place.elevation, f"{where}/elevation", -90, 90),
        number(place.azimuth, f"{where}/azimuth", -1e6, 1e6),
    )
    matrix = look_along(eye, target - eye)
    right, down = (math.radians(v) for v in vector(place.aside, f"{where}/aside", 2))
    forward = matrix[:3, :3] @ np.array([math.tan(right), math.tan(down), 1.0])
    return look_along(eye, forward, number(place.roll, f"{where}/roll", -1e6, 1e6))


def _body(path: str, where: str, stage: Stage, ids: Mapping[str, int]) -> Body:
    name = path.removeprefix("/objects/")
    if name not in ids:
        raise SceneError(f"{where} is {path!r}, which is not there", hint=nearest(name, ids))
    return stage.bodies[ids[name] - 1]


def _middle(body: Body) -> NDArray[np.float64]:
    return np.asarray((body.matrix @ np.append(body.bounds.mean(axis=0), 1.0))[:3])


def _framed(view: View, frame: Any, where: str, stage: Stage, ids: Mapping[str, int]) -> View:
    """Return `view` with the intrinsics that cut it to a frame around an object."""
    if not isinstance(frame, Framed):
        raise SceneError(f"{where}/frame is {frame!r}"[:200], hint="use a framed node")
    body = _body(frame.object, f"{where}/frame/object", stage, ids)
    points = np.concatenate([part.mesh.vertices for part in body.parts]).astype(np.float64)
    to_camera = view.camera_from_world @ body.matrix
    seen = points @ to_camera[:3, :3].T + to_camera[:3, 3]
    if view.projection != "pinhole" or view.distortion or seen[:, 2].min() <= view.near:
        raise SceneError(
            f"{where}/frame: {frame.object!r} is not wholly before the camera",
            hint="frames need a pinhole without distortion, and an object in front of it",
        )
    plane = seen[:, :2] / seen[:, 2:]
    low, high = plane.min(axis=0), plane.max(axis=0)
    sides = high - low
    side = sides if frame.fit else np.full(2, sides.max())
    margin = number(frame.margin, f"{where}/frame/margin", -0.49, 100)
    shift = vector(frame.shift, f"{where}/frame/shift", 2) * side
    stretch = number(frame.stretch, f"{where}/frame/stretch", 0.05, 20)
    half = side * (0.5 + margin) * np.array([max(1.0, stretch), max(1.0, 1 / stretch)])
    center = (low + high) / 2 + shift
    fx, fy = view.width / (2 * half[0]), view.height / (2 * half[1])
    return replace(
        view, fx=fx, fy=fy, cx=view.width / 2 - fx * center[0], cy=view.height / 2 - fy * center[1]
    )
