"""Named points of bodies in the image, and whether they are seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abbild.images.annotation import Keypoint
from abbild.images.labels import occluded, project
from abbild.images.stage import Floats, Stage, View

__all__ = ["find_keypoints"]


def find_keypoints(
    stage: Stage, view: View, ids: Sequence[int], *, tolerance: float = 2e-3
) -> list[tuple[Keypoint, ...]]:
    """Project the keypoints of bodies `ids` and ask by rays which are seen.

    Visibility as in COCO: 0 outside of the image or behind the camera, 1 hidden, 2 seen.

    Parameters
    ----------
    tolerance : share of the diagonal of the body's box; a surface that lies at most this far
        before a point does not hide it, so that points may lie on, or a little under, the skin

    Raises
    ------
    MissingExtraError
        a body has keypoints and embreex is not installed
    """
    names, points, slack = _collect(stage, ids, tolerance)
    if not len(points):
        return [() for _ in ids]
    pixels, _, mapped = project(view, points)
    x, y = pixels[:, 0], pixels[:, 1]
    inside = mapped & (x >= 0) & (x < view.width) & (y >= 0) & (y < view.height)
    seen = np.where(inside, 2, 0)
    asked = np.flatnonzero(inside)
    origins, directions, far = _rays_to(view, points[asked])
    hidden = occluded(stage, origins, directions, far - slack[asked])
    seen[asked[hidden]] = 1
    found: list[list[Keypoint]] = [[] for _ in ids]
    for (place, name), at, state in zip(names, pixels.tolist(), seen.tolist(), strict=True):
        found[place].append(Keypoint(name, at[0], at[1], state))
    return [tuple(points) for points in found]


def _collect(
    stage: Stage, ids: Sequence[int], tolerance: float
) -> tuple[list[tuple[int, str]], Floats, Floats]:
    """Return places in `ids` with names, points in the world and slack in metres."""
    names, points, slack = [], [], []
    for place, identity in enumerate(ids):
        body = stage.bodies[identity - 1]
        if not body.keypoints:
            continue
        diagonal = float(np.linalg.norm(body.matrix[:3, :3] @ np.diff(body.bounds, axis=0)[0]))
        for name, point in body.keypoints.items():
            names.append((place, name))
            points.append(body.matrix[:3, :3] @ np.asarray(point, np.float64) + body.matrix[:3, 3])
            slack.append(tolerance * diagonal)
    return names, np.array(points).reshape(-1, 3), np.array(slack)


def _rays_to(view: View, points: Floats) -> tuple[Floats, Floats, Floats]:
    """Return rays from the near side of the camera to `points`, and how far they are."""
    eye, axis = view.matrix[:3, 3], view.matrix[:3, 2]
    if view.projection == "orthographic":
        far = (points - eye) @ axis
        directions = np.broadcast_to(axis, points.shape)
        origins = points - far[:, None] * axis
    else:
        far = np.linalg.norm(points - eye, axis=1)
        directions = (points - eye) / np.maximum(far, 1e-300)[:, None]
        origins = np.broadcast_to(eye, points.shape)
    return origins + view.near * directions, directions, far - view.near
