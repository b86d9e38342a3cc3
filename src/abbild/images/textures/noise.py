"""Noise that tiles: smooth, fractal, cellular. What most procedural textures are made of.

Every array repeats without a seam. Values depend on the generator only, not on the machine's
threads; a 256 x 256 array of five octaves takes about two milliseconds.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["cells", "fractal", "gradients", "looked_up", "shifted", "white"]

Floats = NDArray[np.float64]


def fractal(
    shape: tuple[int, int],
    frequency: float | tuple[float, float],
    rng: np.random.Generator,
    octaves: int = 5,
    gain: float = 0.5,
) -> Floats:
    """Add octaves of gradient noise, each twice as fine and `gain` as strong as the one before.

    Parameters
    ----------
    shape : (h, w)
    frequency : bumps over the height and the width in the first octave, rounded, >= 1

    Returns
    -------
    values : (h, w), standard deviation about 0.25, nearly all within [-1, 1]

    References
    ----------
    Perlin (1985), "An image synthesizer"; quintic fade of Perlin (2002).
    """
    down, across = (frequency, frequency) if isinstance(frequency, (int, float)) else frequency
    total = np.zeros(shape)
    weight, norm = 1.0, 0.0
    for _ in range(octaves):
        rows, columns = max(round(down), 1), max(round(across), 1)
        angle = rng.random((rows, columns)) * (2 * np.pi)
        if 2 * rows > shape[0] or 2 * columns > shape[1]:
            break  # finer than two pixels a bump would only alias
        _add_gradient_noise(total, np.cos(angle), np.sin(angle), weight)
        norm += weight * weight
        weight *= gain
        down, across = 2 * down, 2 * across
    return total / np.sqrt(norm) if norm > 0 else total


def white(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Independent values in [-1, 1] for each pixel, (h, w)."""
    return np.asarray(rng.random(shape) * 2 - 1)


def cells(
    shape: tuple[int, int],
    frequency: tuple[int, int],
    rng: np.random.Generator,
    jitter: float = 1.0,
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Distances to the nearest of scattered points, one in each cell of a grid.

    Parameters
    ----------
    shape : (h, w)
    frequency : rows and columns of the grid
    jitter : 0 puts the points into the middles of their cells, 1 anywhere in them

    Returns
    -------
    nearest, second : (h, w) distances in edges of a cell
    which : (h, w) number of the nearest point, row by row

    References
    ----------
    Worley (1996), "A cellular texture basis function".
    """
    rows, columns = frequency
    place = 0.5 + jitter * (rng.random((rows, columns, 2)) - 0.5)
    nearest, second = np.empty(shape), np.empty(shape)
    which = np.empty(shape, np.int64)
    _nearest_points(nearest, second, which, place)
    return nearest, second, which


def looked_up(values: Floats, x: Floats, y: Floats) -> Floats:
    """Look a tiling array, (h, w), up at columns x and rows y, any shape (n, m) in pixels.

    The four neighbours are interpolated; places outside wrap around.
    """
    result = np.empty(np.broadcast_shapes(x.shape, y.shape))
    _look_up(
        values,
        np.ascontiguousarray(np.broadcast_to(x, result.shape), np.float64),
        np.ascontiguousarray(np.broadcast_to(y, result.shape), np.float64),
        result,
    )
    return result


def shifted(values: Floats, x: Floats, y: Floats) -> Floats:
    """Look `values`, (h, w), up at places moved by x and y pixels, (h, w) each.

    This bends stripes into veins and grain.
    """
    height, width = values.shape
    return looked_up(values, x + np.arange(width), y + np.arange(height)[:, None])


def gradients(height: Floats) -> tuple[Floats, Floats]:
    """Slopes of a tiling height map along columns and rows, (h, w) each, per pixel."""
    across = (np.roll(height, -1, axis=1) - np.roll(height, 1, axis=1)) / 2
    down = (np.roll(height, -1, axis=0) - np.roll(height, 1, axis=0)) / 2
    return across, down


@njit(cache=True)
def _add_gradient_noise(
    total: Floats, gx: Floats, gy: Floats, weight: float
) -> None:  # pragma: no cover
    """Add one octave; a row first blends the corners above and below, then left and right."""
    height, width = total.shape
    rows, columns = gx.shape
    cell = np.empty(width, np.int64)
    part = np.empty(width)
    fade = np.empty(width)
    for i in range(width):
        x = (i + 0.5) * columns / width
        cell[i] = int(x)
        part[i] = x - cell[i]
        fade[i] = part[i] ** 3 * (part[i] * (part[i] * 6 - 15) + 10)
    p, q = np.empty(columns + 1), np.empty(columns + 1)
    for j in range(height):
        y = (j + 0.5) * rows / height
        r0 = int(y)
        fy = y - r0
        r1 = (r0 + 1) % rows
        sy = fy**3 * (fy * (fy * 6 - 15) + 10)
        for c in range(columns):
            top, low = gy[r0, c] * fy, gy[r1, c] * (fy - 1)
            p[c] = weight * (top + sy * (low - top))
            q[c] = weight * (gx[r0, c] + sy * (gx[r1, c] - gx[r0, c]))
        p[columns], q[columns] = p[0], q[0]
        for i in range(width):
            c = cell[i]
            left = p[c] + q[c] * part[i]
            total[j, i] += left + fade[i] * (p[c + 1] + q[c + 1] * (part[i] - 1) - left)


@njit(cache=True)
def _nearest_points(
    nearest: Floats, second: Floats, which: NDArray[np.int64], place: Floats
) -> None:  # pragma: no cover
    height, width = nearest.shape
    rows, columns = place.shape[0], place.shape[1]
    for j in range(height):
        y = (j + 0.5) * rows / height
        for i in range(width):
            x = (i + 0.5) * columns / width
            one, two, best = 1e30, 1e30, 0
            for r in range(int(y) - 1, int(y) + 2):
                for c in range(int(x) - 1, int(x) + 2):
                    rr, cc = r % rows, c % columns
                    dx = c + place[rr, cc, 0] - x
                    dy = r + place[rr, cc, 1] - y
                    square = dx * dx + dy * dy
                    if square < one:
                        two = one
                        one = square
                        best = rr * columns + cc
                    elif square < two:
                        two = square
            nearest[j, i] = np.sqrt(one)
            second[j, i] = np.sqrt(two)
            which[j, i] = best


@njit(cache=True)
def _look_up(values: Floats, px: Floats, py: Floats, result: Floats) -> None:  # pragma: no cover
    height, width = values.shape
    for j in range(result.shape[0]):
        for i in range(result.shape[1]):
            x, y = px[j, i], py[j, i]
            c, r = int(np.floor(x)), int(np.floor(y))
            fx, fy = x - c, y - r
            c0, c1, r0, r1 = c % width, (c + 1) % width, r % height, (r + 1) % height
            top = values[r0, c0] + fx * (values[r0, c1] - values[r0, c0])
            low = values[r1, c0] + fx * (values[r1, c1] - values[r1, c0])
            result[j, i] = top + fy * (low - top)
