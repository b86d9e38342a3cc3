"""Light from all around: what a surface gathers of it, and what it mirrors."""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from functools import lru_cache, partial
from math import acos, atan2, floor, pi
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from abbild.images.fast.compiled import compiled, inlined
from abbild.images.fast.peaks import directions_of, find_peak, take_sun
from abbild.images.stage import Environment, Sun

__all__ = ["Sky", "gathered", "mirrored", "seen", "sky_of"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

_ROWS = 64  # of the reduced map everything is computed from
_ROUGHNESS = np.array([0.15, 0.3, 0.5, 0.75, 1.0])
_SIZE = np.array([64, 32, 16, 16, 16], np.int64)  # of the octahedral map for each roughness
_SOURCE = (64, 32, 16, 16, 16)  # rows of the map each is blurred from
_START = np.concatenate([[0], np.cumsum((_SIZE + 2) ** 2)[:-1]]).astype(np.int64)


class Sky(NamedTuple):
    """An environment, made ready.

    Attributes
    ----------
    radiance : (h, 2 h, 3) float32, as given
    rest : (h, 2 h, 3) float32, without its sun
    harmonics : (9, 3) float64, irradiance in spherical harmonics (Ramamoorthi and Hanrahan 2001)
    mirrors : (n, 3) float32, octahedral maps blurred by the lobe of `roughness`, each with a
        border of one texel, one after the other
    roughness, size, start : (5,) of each map
    """

    radiance: Singles
    rest: Singles
    harmonics: Floats
    mirrors: Singles
    roughness: Floats
    size: NDArray[np.int64]
    start: NDArray[np.int64]


class _Made(NamedTuple):
    """What is kept of an environment.

    Attributes
    ----------
    whole, rest : as in `Sky`; None stands for the array that was given, which may not be held
        here, or it would live for ever
    """

    whole: Singles | None
    rest: Singles | None
    harmonics: Floats
    mirrors: Singles
    suns: tuple[Sun, ...]


_kept: dict[int, tuple[Any, _Made]] = {}


def sky_of(environment: Environment) -> tuple[Sky, tuple[Sun, ...]]:
    """Make an environment ready; once for each array of radiance, about 5 ms for 256 rows.

    Returns
    -------
    sky, suns : a sun in the environment becomes a lamp, and is then missing from what the sky
        lights and mirrors (not from what is seen of it)
    """
    radiance = environment.radiance
    key = id(radiance)
    if key not in _kept:
        _kept[key] = (ref(radiance, partial(_forget, key)), _made(radiance))
    made = _kept[key][1]
    whole = radiance if made.whole is None else made.whole
    rest = whole if made.rest is None else made.rest
    sky = Sky(whole, rest, made.harmonics, made.mirrors, _ROUGHNESS, _SIZE, _START)
    return sky, made.suns


def _made(radiance: Singles) -> _Made:
    whole = np.ascontiguousarray(radiance, dtype=np.float32)
    reduced = {_ROWS: _reduced(whole, _ROWS)}
    rest: Singles | None = None
    suns: tuple[Sun, ...] = ()
    peak = find_peak(reduced[_ROWS])
    if peak is not None:
        sun, rest = take_sun(whole, *peak)
        suns = (sun,)
        reduced[_ROWS] = _reduced(rest, _ROWS)
    for rows in (32, 16):
        reduced[rows] = _reduced(reduced[2 * rows], rows)
    harmonics = np.zeros((9, 3))
    _project(_harmonics(32), reduced[32].reshape(-1, 3), harmonics)
    mirrors = np.empty((int(np.sum((_SIZE + 2) ** 2)), 3), np.float32)
    for k, rows in enumerate(_SOURCE):
        part = mirrors[_START[k] : _START[k] + (_SIZE[k] + 2) ** 2]
        weights = _lobes(int(_SIZE[k]), float(_ROUGHNESS[k]), rows)
        _blur(part, reduced[rows].reshape(-1, 3), *weights)
    own = None if np.shares_memory(whole, radiance) else whole
    return _Made(own, rest, harmonics, mirrors, suns)


def _reduced(image: Singles, rows: int) -> Singles:
    small = np.empty((rows, 2 * rows, 3), np.float32)
    _reduce(image, small)
    return small


def _forget(key: int, _: Any, kept: dict[int, Any] = _kept) -> None:
    kept.pop(key, None)  # bound early: at exit the module may be gone before the array


@compiled
def _reduce(image: Singles, small: Singles) -> None:
    """Average over the texels under each new one, by solid angle."""
    rows, columns = small.shape[0], small.shape[1]
    for i in range(rows):
        top = i * image.shape[0] // rows
        bottom = max(top + 1, (i + 1) * image.shape[0] // rows)
        for j in range(columns):
            left = j * image.shape[1] // columns
            right = max(left + 1, (j + 1) * image.shape[1] // columns)
            red, green, blue, total = 0.0, 0.0, 0.0, 0.0
            for p in range(top, bottom):
                weight = np.sin((p + 0.5) / image.shape[0] * np.pi)
                for q in range(left, right):
                    red += weight * image[p, q, 0]
                    green += weight * image[p, q, 1]
                    blue += weight * image[p, q, 2]
                    total += weight
            small[i, j, 0] = red / total
            small[i, j, 1], small[i, j, 2] = green / total, blue / total


@lru_cache(maxsize=2)
def _harmonics(rows: int) -> Floats:
    """Irradiance harmonics of each texel of a map of piecewise constant radiance, (9, n).

    Each texel is integrated at 8 x 8 places.
    """
    fine = 8 * rows
    d = directions_of(fine, 2 * fine)
    edges = np.cos(np.arange(fine + 1) / fine * pi)
    solid = ((edges[:-1] - edges[1:]) * pi / fine)[:, None]
    x, y, z = d[..., 0], d[..., 1], d[..., 2]
    one = np.ones_like(x)
    basis = [one, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
    squared = np.array([1 / 4, 3 / 4, 3 / 4, 3 / 4, 15 / 4, 15 / 4, 5 / 16, 15 / 4, 15 / 16]) / pi
    band = np.array([pi] + 3 * [2 * pi / 3] + 5 * [pi / 4])
    found = [
        (each * solid * scale).reshape(rows, 8, 2 * rows, 8).sum(axis=(1, 3)).ravel()
        for each, scale in zip(basis, squared * band, strict=True)
    ]
    found[0] *= pi / found[0].sum()
    return np.ascontiguousarray(found)


@compiled
def _project(basis: Floats, radiance: Singles, out: Floats) -> None:
    for k in range(9):
        for n in range(basis.shape[1]):
            for c in range(3):
                out[k, c] += basis[k, n] * radiance[n, c]


def _unfolded(size: int) -> Floats:
    """Directions of an octahedral map with its border, (size + 2, size + 2, 3)."""
    step = (np.arange(-1, size + 1) + 0.5) / size * 2 - 1
    v, u = np.meshgrid(step, step, indexing="ij")
    # beyond an edge the map goes on mirrored about the middle of that edge
    over_u, over_v = np.abs(u) > 1, np.abs(v) > 1
    v = np.where(over_u, -v, v)
    u, v = np.where(over_u, np.sign(u) * 2 - u, u), np.where(over_v, np.sign(v) * 2 - v, v)
    u = np.where(over_v, -u, u)
    z = 1 - np.abs(u) - np.abs(v)
    fold = np.maximum(-z, 0)
    x, y = u - np.copysign(fold, u), v - np.copysign(fold, v)
    d = np.stack([x, y, z], axis=-1)
    unit: Floats = d / np.linalg.norm(d, axis=-1, keepdims=True)
    return unit


@lru_cache(maxsize=8)
def _lobes(size: int, roughness: float, rows: int) -> tuple[NDArray[np.int64], Any, Any]:
    """Weights of the texels of a map in each texel of a blurred one, as a sparse matrix.

    The lobe of GGX seen from its own axis (Karis 2013).

    Returns
    -------
    begin : (m + 1,) where the weights of each texel begin
    texel : (k,) int64
    weight : (k,) float64, with sum 1 for each texel
    """
    out = _unfolded(size).reshape(-1, 3)
    source = directions_of(rows, 2 * rows)
    solid = np.broadcast_to(np.sqrt(1 - source[..., 2] ** 2), source.shape[:2]).ravel()
    source = source.reshape(-1, 3)
    squared = roughness**4
    begin, texels, weights = [0], [], []
    for direction in out:
        cosine = np.clip(source @ direction, -1, 1)
        half = (1 + cosine) / 2
        weight = np.maximum(cosine, 0) * solid / (half * (squared - 1) + 1) ** 2
        kept = np.flatnonzero(weight > 1e-3 * weight.max())
        texels.append(kept)
        weights.append(weight[kept] / weight[kept].sum())
        begin.append(begin[-1] + len(kept))
    return np.array(begin), np.concatenate(texels), np.concatenate(weights)


@compiled
def _blur(
    out: Singles, radiance: Singles, begin: NDArray[np.int64], texel: Any, weight: Floats
) -> None:
    for n in range(len(out)):
        red, green, blue = 0.0, 0.0, 0.0
        for k in range(begin[n], begin[n + 1]):
            red += weight[k] * radiance[texel[k], 0]
            green += weight[k] * radiance[texel[k], 1]
            blue += weight[k] * radiance[texel[k], 2]
        out[n, 0], out[n, 1], out[n, 2] = red, green, blue


@inlined
def _band(h, c, n):
    x, y, z = n
    first = h[0, c] + h[1, c] * y + h[2, c] * z + h[3, c] * x
    mixed = h[4, c] * x * y + h[5, c] * y * z + h[7, c] * x * z
    return first + mixed + h[6, c] * (3.0 * z * z - 1.0) + h[8, c] * (x * x - y * y)


@inlined
def gathered(sky, n):
    """Irradiance of a surface with unit normal `n`; three channels."""
    h = sky.harmonics
    return max(_band(h, 0, n), 0.0), max(_band(h, 1, n), 0.0), max(_band(h, 2, n), 0.0)


@inlined
def seen(radiance, d):
    """Radiance from unit direction `d`, bilinear."""
    rows, columns = radiance.shape[0], radiance.shape[1]
    y = acos(min(max(d[2], -1.0), 1.0)) / pi * rows - 0.5
    x = (0.5 - atan2(d[1], d[0]) / (2.0 * pi)) * columns - 0.5
    top, left = floor(y), floor(x)
    q, p = y - top, x - left
    i0, i1 = max(top, 0), min(top + 1, rows - 1)
    j0, j1 = (left + columns) % columns, (left + 1) % columns
    a, b, c, e = radiance[i0, j0], radiance[i0, j1], radiance[i1, j0], radiance[i1, j1]
    wa, wb, wc, we = (1.0 - p) * (1.0 - q), p * (1.0 - q), (1.0 - p) * q, p * q
    return (
        wa * a[0] + wb * b[0] + wc * c[0] + we * e[0],
        wa * a[1] + wb * b[1] + wc * c[1] + we * e[1],
        wa * a[2] + wb * b[2] + wc * c[2] + we * e[2],
    )


@inlined
def _on_map(sky, k, d):
    size, start = sky.size[k], sky.start[k]
    scale = 1.0 / (abs(d[0]) + abs(d[1]) + abs(d[2]))
    u, v = d[0] * scale, d[1] * scale
    if d[2] < 0.0:
        p, q = (1.0 - abs(v)), (1.0 - abs(u))
        u, v = (p if u >= 0.0 else -p), (q if v >= 0.0 else -q)
    x, y = (u * 0.5 + 0.5) * size + 0.5, (v * 0.5 + 0.5) * size + 0.5
    left, top = min(int(x), size), min(int(y), size)
    p, q = x - left, y - top
    at = start + top * (size + 2) + left
    a, b = sky.mirrors[at], sky.mirrors[at + 1]
    c, e = sky.mirrors[at + size + 2], sky.mirrors[at + size + 3]
    wa, wb, wc, we = (1.0 - p) * (1.0 - q), p * (1.0 - q), (1.0 - p) * q, p * q
    return (
        wa * a[0] + wb * b[0] + wc * c[0] + we * e[0],
        wa * a[1] + wb * b[1] + wc * c[1] + we * e[1],
        wa * a[2] + wb * b[2] + wc * c[2] + we * e[2],
    )


@compiled
def mirrored(sky, d, roughness):
    """Radiance around unit direction `d`, blurred by the lobe of `roughness`."""
    if roughness < sky.roughness[0]:
        share = roughness / sky.roughness[0]
        a, b = seen(sky.rest, d), _on_map(sky, 0, d)
    else:
        k = 0
        while k < 3 and roughness > sky.roughness[k + 1]:
            k += 1
        share = (roughness - sky.roughness[k]) / (sky.roughness[k + 1] - sky.roughness[k])
        a, b = _on_map(sky, k, d), _on_map(sky, k + 1, d)
    rest = 1.0 - share
    return rest * a[0] + share * b[0], rest * a[1] + share * b[1], rest * a[2] + share * b[2]
