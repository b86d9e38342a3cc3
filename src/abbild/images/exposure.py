"""Lens and shutter over any renderer: motion blur, rolling shutter, depth of field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from math import ceil, pi, sqrt
from typing import Any, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.labels import find_hits, find_layers
from abbild.images.layers import Hits, Layers
from abbild.images.stage import Body, Stage, View

__all__ = ["Moment", "Renderer", "banded_layers", "circle_of_confusion", "expose", "with_lens"]

Singles = NDArray[np.float32]

Moment = Callable[[float], tuple[Stage, View]]
"""The scene at a time in seconds; 0 is when the middle row is in the middle of its exposure."""

MARGIN = 4  # rows a band is rendered beyond its ends, for filters that look at neighbours
_TAPS = 97  # of the disc that gathers what is out of focus


class Renderer(Protocol):
    """What turns a stage into light.

    A renderer may say ``has_lens = True`` (it follows `View.aperture` by itself) and
    ``takes_layers = True`` (its `radiance` accepts ``layers=``, what the picture sees).
    """

    def radiance(self, stage: Stage, view: View, *, seed: Seed) -> Singles:
        """Return (h, w, 3) linear radiance."""
        ...


def expose(
    renderer: Renderer,
    moment: Moment,
    *,
    seed: Seed,
    layers: Layers | None = None,
    samples: int = 8,
    bands: int = 32,
) -> Singles:
    """Take a picture through the lens and the shutter of a view.

    Parameters
    ----------
    moment : the scene by time; lens and shutter are those of the view at 0
    layers : what the picture sees at time 0, if that is known already
    samples : moments averaged over `View.exposure_time`
    bands : of rows, each with its own moment, over `View.readout_time`

    Returns
    -------
    radiance : (h, w, 3) float32

    Notes
    -----
    What stands still is rendered once and equals the instant to the byte; what moves costs
    `samples` pictures. A rolling shutter costs about one picture, as each band renders only its
    own rows, unless a backdrop makes whole pictures necessary.
    """
    stage, view = moment(0.0)
    times = _times(moment, view.exposure_time, samples)
    if view.readout_time == 0.0 or bands <= 1:
        return _average(renderer, moment, times, seed, layers)
    out = np.empty((view.height, view.width, 3), np.float32)
    for number, (top, bottom, time) in enumerate(_bands(view, bands)):
        rows = _Rows(moment, top, bottom, stage.environment.backdrop is not None)
        times = _times(rows, view.exposure_time, samples, time)
        part = _average(renderer, rows, times, seed / "band" / number, None)
        out[top:bottom] = part[rows.skip : rows.skip + bottom - top]
    return out


def banded_layers(moment: Moment, bands: int = 32) -> Layers:
    """Return what a rolling shutter sees, every band of rows at the moment of its pixels."""
    stage, view = moment(0.0)
    if view.readout_time == 0.0 or bands <= 1:
        return find_layers(stage, view)
    parts = []
    for top, bottom, time in _bands(view, bands):
        stage, view = moment(time)
        parts.append(find_layers(stage, _cropped(view, top, bottom)))
    hits = Hits(**_stacked([part.hits for part in parts]))
    return Layers(hits=hits, **_stacked(parts))


def _stacked(parts: list[Any]) -> dict[str, Any]:
    names = [field.name for field in fields(parts[0]) if field.name != "hits"]
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}


class _Rows:
    """A moment seen by some rows only, with a margin."""

    def __init__(self, moment: Moment, top: int, bottom: int, is_whole: bool) -> None:
        self.moment, self.top, self.bottom, self.is_whole = moment, top, bottom, is_whole
        self.skip = top if is_whole else min(MARGIN, top)

    def __call__(self, time: float) -> tuple[Stage, View]:
        stage, view = self.moment(time)
        if self.is_whole:
            return stage, view
        end = min(self.bottom + MARGIN, view.height)
        return stage, _cropped(view, self.top - self.skip, end)


def _cropped(view: View, top: int, bottom: int) -> View:
    return replace(view, height=bottom - top, cy=view.cy - top)


def _bands(view: View, bands: int) -> Iterator[tuple[int, int, float]]:
    """First and last row and the time of each band; time 0 is the middle of the picture."""
    count = min(bands, view.height)
    for k in range(count):
        top, bottom = k * view.height // count, (k + 1) * view.height // count
        share = 0.5 * (top + bottom) / view.height - 0.5
        yield top, bottom, share * view.readout_time


def _times(moment: Moment, length: float, samples: int, middle: float = 0.0) -> list[float]:
    """Moments within an exposure that differ from each other."""
    if length == 0.0 or samples <= 1:
        return [middle]
    times = [middle + length * ((k + 0.5) / samples - 0.5) for k in range(samples)]
    first = moment(times[0])
    if all(_is_same(first, moment(time)) for time in (middle, times[-1])):
        return [middle]
    return times


def _is_same(a: tuple[Stage, View], b: tuple[Stage, View]) -> bool:
    """Whether two moments show the same."""
    (one, here), (two, there) = a, b
    return (
        len(one.bodies) == len(two.bodies)
        and all(map(_is_at_rest, one.bodies, two.bodies))
        and one.lamps == two.lamps
        and one.environment.radiance is two.environment.radiance
        and (here is there or np.array_equal(here.matrix, there.matrix))
    )


def _is_at_rest(a: Body, b: Body) -> bool:
    return a is b or (a.parts is b.parts and np.array_equal(a.matrix, b.matrix))


def _average(
    renderer: Renderer, moment: Moment, times: list[float], seed: Seed, layers: Layers | None
) -> Singles:
    if len(times) == 1:
        return with_lens(renderer, *moment(times[0]), seed=seed, layers=layers)
    total = np.zeros(1, np.float32)
    for k, time in enumerate(times):
        total = total + with_lens(renderer, *moment(time), seed=seed / k)
    return (total / np.float32(len(times))).astype(np.float32)


def with_lens(
    renderer: Renderer, stage: Stage, view: View, *, seed: Seed, layers: Layers | None = None
) -> Singles:
    """Render an instant with depth of field, whether or not the renderer has a lens.

    Where it has none, every point is spread over its circle of confusion by its z. What a lens
    would see around the edge of something near is not known to it and is filled from beside it.
    """
    keywords: dict[str, Any] = {}
    if layers is not None and getattr(renderer, "takes_layers", False):
        keywords["layers"] = layers
    light = renderer.radiance(stage, view, seed=seed, **keywords)
    if view.aperture == 0.0 or getattr(renderer, "has_lens", False):
        return light
    z = (layers.hits if layers is not None else find_hits(stage, view)).z
    return _focused(light, z, circle_of_confusion(z, view))


def circle_of_confusion(z: Singles, view: View) -> Singles:
    """Radius in pixels over which a thin lens spreads a point at `z` (any shape, metres)."""
    focal = sqrt(abs(view.fx * view.fy))
    with np.errstate(invalid="ignore", divide="ignore"):
        if view.projection == "orthographic":
            away = np.abs(z / view.focus - 1.0)
        else:
            away = np.abs(1.0 / view.focus - 1.0 / z)
    radius = np.where(np.isfinite(z), away, 1.0 / view.focus) * view.aperture * focal
    return radius.astype(np.float32)


def _focused(light: Singles, z: Singles, radius: Singles) -> Singles:
    largest = float(min(radius.max(initial=0.0), 0.25 * max(radius.shape)))
    if largest < 0.5:
        return light
    count = min(_TAPS, 2 * ceil(pi * largest * largest))
    k = np.arange(count)
    reach, turn = largest * np.sqrt((k + 0.5) / count), k * pi * (3 - sqrt(5))  # Vogel's spiral
    taps = np.stack([reach * np.cos(turn), reach * np.sin(turn)], axis=1)
    out = np.empty_like(light)
    _gather(out, light, z, radius, taps, pi * largest**2 / count)
    return out


@njit(cache=True)
def _gather(
    out: Singles, light: Singles, z: Singles, radius: Singles, taps: Any, area: float
) -> None:
    """Sum what the neighbours' circles bring to each pixel (scatter as gather)."""
    h, w = z.shape
    for i in range(h):
        for j in range(w):
            own = max(radius[i, j], 0.5)
            weight = 1.0 / (own * own)
            total = weight
            red, green, blue = (
                weight * light[i, j, 0],
                weight * light[i, j, 1],
                weight * light[i, j, 2],
            )
            for k in range(len(taps)):
                down, right = int(np.floor(taps[k, 1] + 0.5)), int(np.floor(taps[k, 0] + 0.5))
                p, q = min(max(i + down, 0), h - 1), min(max(j + right, 0), w - 1)
                other = max(radius[p, q], 0.5)
                if z[p, q] > z[i, j]:  # what is behind does not spread over what is before it
                    other = min(other, own)
                inside = min(max(other + 0.5 - sqrt(down * down + right * right), 0.0), 1.0)
                if inside > 0.0:
                    weight = inside * area / (other * other)
                    total += weight
                    red += weight * light[p, q, 0]
                    green += weight * light[p, q, 1]
                    blue += weight * light[p, q, 2]
            out[i, j] = red / total, green / total, blue / total
