"""Pictures through a light microscope: bodies absorb the light of a lamp below them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.develop import blurred
from abbild.images.errors import RendererError
from abbild.images.stage import Part, Stage, View

__all__ = ["bright_field", "optical_depth"]

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]

_GRID = 256.0  # steps of a corner's place within a pixel
_DIFFRACTION = 0.12e-6  # metres, deviation of a point seen through an aperture of 1 in green light
_LARGEST = 2.0**30  # of a corner's place, so that products of two fit 64 bits


def bright_field(stage: Stage, view: View, *, seed: Seed, unevenness: float = 0.03) -> Singles:
    """Return the light that passes through all bodies (Beer and Lambert).

    ``radiance = lamp * exp(-sum of absorption * thickness)``, thickness along the parallel rays
    of an orthographic view. What is out of focus is spread by a Gaussian with the second moment of
    its circle of confusion, whose radius is ``fx * aperture * abs(z - focus) / focus`` pixels;
    edges there are lighter or darker by their index excess.

    Parameters
    ----------
    view : orthographic, with `View.bright_field` the radiance of the lamp
    unevenness : by what share the lamp is brighter on one side, and darker towards the corners;
        the direction is drawn

    Returns
    -------
    radiance : (h, w, 3) float32

    Raises
    ------
    RendererError
        For a view that is not orthographic or has no lamp.

    Notes
    -----
    Meshes must be closed: where a ray enters a part as often as it leaves it the thickness is
    exact, elsewhere the part is not seen. Parts within each other add up. About 60 ns a triangle.
    """
    if view.bright_field is None or view.projection != "orthographic":
        raise RendererError(
            f"bright field needs an orthographic view with a lamp, not {view.projection!r}",
            hint="set projection='orthographic' and bright_field=(r, g, b)",
        )
    out = _lamp(view, seed, unevenness)
    for radius, parts in _by_defocus(stage, view).items():
        out *= _passed(parts, radius, view)
    return out


def optical_depth(stage: Stage, view: View) -> Singles:
    """Return the sum of absorption times thickness over all bodies, (h, w, 3), in focus."""
    parts = [(part, body.matrix) for body in stage.bodies for part in body.parts]
    return _depths(parts, view)[..., :3]


def _lamp(view: View, seed: Seed, unevenness: float) -> Singles:
    turn, share = (seed / "lamp").rng().random(2)
    turn *= 2 * np.pi
    y, x = np.ogrid[: view.height, : view.width]
    size = max(view.width, view.height)
    u, v = (x + 0.5 - view.width / 2) / size * 2, (y + 0.5 - view.height / 2) / size * 2
    even = 1.0 + unevenness * (
        share * (np.cos(turn) * u + np.sin(turn) * v) - 0.5 * (u * u + v * v)
    )
    light: Singles = (even[..., None] * np.asarray(view.bright_field)).astype(np.float32)
    return light


_Placed = tuple[Part, Floats]


def _by_defocus(stage: Stage, view: View) -> dict[float, list[_Placed]]:
    """Bodies by the radius of their blur in pixels, in steps of a fifth, at least a quarter.

    Above zero lies what is farther away than the plane in focus.
    """
    groups: dict[float, list[_Placed]] = {0.0: []}
    away = view.camera_from_world[2]
    for body in stage.bodies:
        middle = body.matrix[:3, :3] @ body.bounds.mean(axis=0) + body.matrix[:3, 3]
        beyond = float(away[:3] @ middle + away[3]) - view.focus
        radius = abs(view.fx) * view.aperture * abs(beyond) / abs(view.focus)
        step = 0.0
        if radius > 0.25:
            step = round(float(1.2 ** np.round(np.log(radius) / np.log(1.2))), 6)
        groups.setdefault(float(np.copysign(step, beyond)), []).extend(
            (part, body.matrix) for part in body.parts
        )
    return dict(sorted(groups.items()))


def _passed(parts: list[_Placed], radius: float, view: View) -> Singles:
    """Return the share of light that passes what is out of focus by one radius, (h, w, 3)."""
    depths = _depths(parts, view)
    passed = np.exp(-depths[..., :3])
    if not radius:
        return passed
    spread = max(0.5 * abs(radius), _DIFFRACTION * abs(view.fx))
    passed = blurred(passed, 0.5 * abs(radius))
    if depths[..., 3].any():
        beyond = radius * abs(view.focus) / (abs(view.fx) * view.aperture)
        passed *= _bent(blurred(depths[..., 3:], spread), beyond, view.fx)[..., None]
    return passed


def _bent(paths: Singles, beyond: float, per_metre: float) -> Singles:
    """Return by what factor light gathers where cells act as lenses, (h, w).

    Transport of intensity, Teague (1983), "Deterministic phase retrieval", equation 5, with even
    light: ``1 - beyond * laplacian(path)``, where a path is index excess times thickness. Light is
    moved, not lost: the mean is one where no cell is cut off and no factor meets the limits.
    """
    wide = np.pad(paths[..., 0], 1, mode="edge")
    around = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
    laplacian = (around - 4 * wide[1:-1, 1:-1]) * per_metre**2
    factor: Singles = np.clip(1 - beyond * laplacian, 0.3, 2.0).astype(np.float32)
    return factor


def _depths(parts: list[_Placed], view: View) -> Singles:
    """Return the sums of absorption times thickness, and of index excess times it, (h, w, 4)."""
    depths = np.zeros((view.height, view.width, 4), np.float32)
    sums = np.zeros((view.height, view.width))
    counts = np.zeros((view.height, view.width), np.int32)
    pixels = np.array([[view.fx, 0, 0, view.cx], [0, view.fy, 0, view.cy], [0, 0, 1, 0]])
    for part, matrix in parts:
        per_metre = np.append(part.surface.absorption, part.surface.index_excess)
        if np.any(per_metre):
            whole = pixels @ view.camera_from_world @ matrix
            corners = part.mesh.vertices @ whole[:, :3].T + whole[:, 3]
            _add(depths, sums, counts, corners, part.mesh.faces, per_metre.astype(np.float32))
    return depths


@njit(cache=True)
def _add(
    depths: Singles, sums: Floats, counts: Any, corners: Floats, faces: Any, per_metre: Singles
) -> None:
    """Add one part; `sums` and `counts` are zero before and after."""
    h, w = counts.shape
    left, top, right, bottom = w, h, 0, 0
    for n in range(len(faces)):
        box = _face(sums, counts, corners, faces[n])
        left, right = min(left, box[0]), max(right, box[1])
        top, bottom = min(top, box[2]), max(bottom, box[3])
    for i in range(top, bottom):
        for j in range(left, right):
            if counts[i, j] == 0 and sums[i, j] != 0.0:
                for c in range(4):  # an inside-out mesh has the sign of its thickness turned
                    depths[i, j, c] += per_metre[c] * abs(sums[i, j])
            sums[i, j], counts[i, j] = 0.0, 0


@njit(cache=True)
def _snapped(corners, k):  # type: ignore[no-untyped-def]
    x = min(max(corners[k, 0] * _GRID, -_LARGEST), _LARGEST)
    y = min(max(corners[k, 1] * _GRID, -_LARGEST), _LARGEST)
    return int(np.floor(x + 0.5)), int(np.floor(y + 0.5))


@njit(cache=True)
def _is_ours(ax, ay, bx, by):  # type: ignore[no-untyped-def]
    """Whether what lies on an edge belongs to the face (top-left rule): one of two neighbours."""
    return by < ay or (by == ay and bx > ax)


@njit(cache=True)
def _face(sums, counts, corners, face):  # type: ignore[no-untyped-def]
    """Add z where a face is left, and subtract it where one is entered; return the box touched."""
    h, w = counts.shape
    ax, ay = _snapped(corners, face[0])
    bx, by = _snapped(corners, face[1])
    cx, cy = _snapped(corners, face[2])
    za, zb, zc = corners[face[0], 2], corners[face[1], 2], corners[face[2], 2]
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if area == 0:
        return w, 0, h, 0
    sign = 1
    if area < 0:
        sign, area = -1, -area
        bx, by, zb, cx, cy, zc = cx, cy, zc, bx, by, zb
    low, high = min(ax, min(bx, cx)), max(ax, max(bx, cx))
    left, right = max(int((low - 128) // 256), 0), min(int((high - 128) // 256) + 1, w)
    low, high = min(ay, min(by, cy)), max(ay, max(by, cy))
    top, bottom = max(int((low - 128) // 256), 0), min(int((high - 128) // 256) + 1, h)
    near = (0 if _is_ours(bx, by, cx, cy) else -1, 0 if _is_ours(cx, cy, ax, ay) else -1)
    last = 0 if _is_ours(ax, ay, bx, by) else -1
    for i in range(top, bottom):
        y = i * 256 + 128
        for j in range(left, right):
            x = j * 256 + 128
            e0 = (cx - bx) * (y - by) - (cy - by) * (x - bx)
            e1 = (ax - cx) * (y - cy) - (ay - cy) * (x - cx)
            e2 = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
            if e0 + near[0] >= 0 and e1 + near[1] >= 0 and e2 + last >= 0:
                sums[i, j] += sign * (e0 * za + e1 * zb + e2 * zc) / area
                counts[i, j] += sign
    return left, right, top, bottom
