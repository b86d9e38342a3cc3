"""Quantities as normal scores: integers, numbers, dates, times, durations, coordinates.

A value is a whole number of grid steps where the column has a grid (``x = index * step +
phase``, all int64, so dates of any year and 64-bit integers keep every digit) and a float
otherwise. Knots of a monotone, piecewise linear map tie values to scores; see `knots`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core import Column, Kind
from abbild.tables.codecs.knots import Limits, Values, draw_knots, gap, shift
from abbild.tables.codecs.units import Seen, count_units, join_seen, smallest
from abbild.tables.encoded import Scores

__all__ = [
    "QuantityCodec",
    "QuantityStats",
    "analyze",
    "breakpoints",
    "decode",
    "encode",
    "fit",
    "merge",
]

CAP = 65_536  # distinct values kept exactly
_FULL = 9  # decimals from which on a float has no grid
_EXACT = 2.0**53

_FLOATS = (Kind.NUMBER, Kind.LATITUDE, Kind.LONGITUDE)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_YEARS = (-719_162, 2_932_896)  # days from 1970 to 0001-01-01 and to 9999-12-31


@dataclass(frozen=True, slots=True, eq=False)
class QuantityStats:
    """What merging needs to know of a column.

    Attributes
    ----------
    values, counts : (d,) distinct values, ascending, and their rows. Beyond `CAP` distinct
        values neighbours are joined, which moves a rank by about ``1 / CAP`` of the rows; the
        outermost values and the frequent ones never are
    seen : sketch of the units behind each value
    missing : rows without a value
    decimals : decimals all values have, 9 where a float has more than 8
    step, anchor : greatest common divisor of all differences of whole numbers, and one of them
    joined : whether neighbours were joined
    """

    values: Values
    counts: NDArray[np.int64]
    seen: Seen
    missing: int = 0
    decimals: int = 0
    step: int = 0
    anchor: int = 0
    joined: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class QuantityCodec:
    """The map between values and normal scores; holds no number of fewer than k units.

    Attributes
    ----------
    scale : ``10 ** decimals`` of a float on a grid; 1 for whole numbers; 0 at full precision
    step, phase : grid in units of ``1 / scale``
    knots : (m,) int64 grid indices, or float64 at full precision; strictly increasing
    z : (m,) float64 scores of the knots, strictly increasing
    atoms : (a,) float64 scores that are point masses
    loose : how many of the lowest and of the highest knots stand for the outermost people; what
        lies beyond the first of them is moved to the nearest one
    missing : whether any value was missing
    learned : False if fewer than k units showed a value; then every cell is missing
    """

    name: str
    kind: Kind
    scale: int
    step: int
    phase: int
    knots: Values
    z: NDArray[np.float64]
    atoms: NDArray[np.float64]
    loose: tuple[int, int]
    missing: bool
    learned: bool
    k: int

    @property
    def treatment(self) -> str:
        """What happens to the column, for a data protection officer."""
        if not self.learned:
            return f"left empty: fewer than {self.k} people have a value"
        if not len(self.knots):
            return "left empty: there is no value"
        kept = f"; {len(self.atoms)} values that so many share stay exact" * bool(len(self.atoms))
        ends = f"; the {self.k} outermost people on a side are replaced by typical extremes"
        return f"distribution learned from groups of at least {self.k} people{kept}{ends}"


def analyze(
    column: Column, values: pa.Array, units: NDArray[np.uint64] | None, k: int
) -> QuantityStats:
    """Count the values of one block; `units` are hashes of whose rows these are."""
    x, there = _numbers(values)
    x = x[there]
    distinct, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    seen = None
    if units is not None:
        seen = smallest(inverse.astype(np.int64), units[there], len(distinct), k)
    step, decimals = 0, 0
    if x.dtype == np.float64:
        decimals = _decimals(distinct)
    elif len(distinct):
        away = (distinct.view(np.uint64) - distinct[:1].view(np.uint64))[1:]
        step = int(np.gcd.reduce(away)) if len(away) else 0
    missing = int(len(there) - np.count_nonzero(there))
    anchor = int(distinct[0]) if len(distinct) and x.dtype != np.float64 else 0
    stats = QuantityStats(distinct, counts.astype(np.int64), seen, missing, decimals, step, anchor)
    return _compress(stats, k)


def merge(a: QuantityStats, b: QuantityStats) -> QuantityStats:
    """Join the statistics of two blocks; associative, exact up to `CAP` distinct values."""
    if not len(a.values) or not len(b.values):
        full, empty = (b, a) if not len(a.values) else (a, b)
        return replace(full, missing=full.missing + empty.missing)
    values, inverse = np.unique(np.concatenate([a.values, b.values]), return_inverse=True)
    groups = inverse.astype(np.int64)
    counts = np.zeros(len(values), np.int64)
    np.add.at(counts, groups, np.concatenate([a.counts, b.counts]))
    seen = None
    if a.seen is not None and b.seen is not None:
        seen = join_seen(np.concatenate([a.seen, b.seen]), groups, len(values))
    return _compress(
        QuantityStats(
            values,
            counts,
            seen,
            a.missing + b.missing,
            max(a.decimals, b.decimals),
            gcd(a.step, b.step, abs(a.anchor - b.anchor)),
            a.anchor,
            a.joined or b.joined,
        ),
        a.seen.shape[1] if a.seen is not None else 5,
    )


def fit(column: Column, stats: QuantityStats, k: int) -> QuantityCodec:
    """Turn statistics into the map; every number in it is shared by at least `k` units."""
    scale, step, phase, index = _grid(column, stats)
    total = int(stats.counts.sum())
    units = count_units(stats.counts, stats.seen)
    common = (units >= k) & (
        (stats.counts >= total / 2000) | (len(index) <= 400 and not stats.joined)
    )
    limits = _limits(column, stats, scale, step, phase)
    drawn = draw_knots(index, stats.counts, stats.seen, common, limits, k)
    return QuantityCodec(
        column.name,
        column.kind,
        scale,
        step,
        phase,
        drawn.values,
        drawn.z,
        drawn.z[drawn.atoms],
        drawn.loose,
        stats.missing > 0,
        bool(len(drawn.z)) or not len(stats.values),
        k,
    )


def encode(codec: QuantityCodec, values: pa.Array) -> Scores:
    """Return normal scores, NaN where a value is missing; what lies outside is clipped."""
    x, there = _numbers(values)
    z = np.full(len(x), np.nan)
    if len(codec.knots):
        z[there] = _interpolate_scores(codec, _settle(codec, _index(codec, x[there])))
    return Scores(codec.name, z, codec.atoms)


def decode(codec: QuantityCodec, scores: Scores, arrow: pa.DataType) -> pa.Array:
    """Return values of the type `arrow`; the inverse of `encode` within the knots."""
    there = ~np.isnan(scores.z)
    if not len(codec.knots):
        return pa.nulls(len(there), arrow)
    z = np.where(there, scores.z, 0.0)
    index = _interpolate_values(codec, z)
    if codec.scale == 0:
        return pa.array(index, mask=~there).cast(arrow)
    whole = index * codec.step + codec.phase
    if codec.kind in _FLOATS:
        return pa.array(whole / codec.scale, mask=~there).cast(arrow)
    return _from_int64(pa.array(whole, mask=~there), arrow)


def breakpoints(codec: QuantityCodec, values: pa.Array) -> NDArray[np.float64]:
    """Return the sorted scores at which decoding passes from, to and beyond each of `values`.

    Between two of them a comparison with any of `values` has one answer.
    """
    x, there = _numbers(values)
    if not len(codec.knots) or not there.any():
        return np.zeros(0)
    index = np.clip(_index(codec, x[there]), codec.knots[0], codec.knots[-1])
    z = _interpolate_scores(codec, index)
    if codec.scale == 0:
        return np.unique(z)
    # decoding rounds, so that the grid point owns half of the way to its neighbours
    below = _interpolate_scores(codec, np.maximum(index, codec.knots[0] + 1) - 1)
    above = _interpolate_scores(codec, np.minimum(index, codec.knots[-1] - 1) + 1)
    return np.unique(np.concatenate([z, (z + below) / 2, (z + above) / 2]))


def _numbers(values: pa.Array) -> tuple[Values, NDArray[np.bool_]]:
    """Return raw numbers and where they are; infinite floats count as missing."""
    there = values.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_floating(values.type):
        x = pc.fill_null(values.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False)
        return x + 0.0, there & np.isfinite(x)  # + 0.0 turns -0.0 into 0.0
    if pa.types.is_date32(values.type) or pa.types.is_time32(values.type):
        values = values.cast(pa.int32())
    whole = values.cast(pa.int64())
    return pc.fill_null(whole, 0).to_numpy(zero_copy_only=False), there


def _from_int64(whole: pa.Array, arrow: pa.DataType) -> pa.Array:
    if pa.types.is_date32(arrow) or pa.types.is_time32(arrow):
        return whole.cast(pa.int32()).cast(arrow)
    return whole.cast(arrow)


def _decimals(distinct: NDArray[np.float64]) -> int:
    """Return the smallest number of decimals that reproduces every value, `_FULL` if above 8."""
    rest = distinct
    for decimals in range(_FULL):
        scale = 10.0**decimals
        if np.any(np.abs(rest) >= _EXACT / scale):
            return _FULL
        rest = rest[np.rint(rest * scale) / scale != rest]
        if not len(rest):
            return decimals if np.all(np.abs(distinct) < _EXACT / scale) else _FULL
    return _FULL


def _compress(stats: QuantityStats, k: int) -> QuantityStats:
    """Join neighbours of equal rank beyond `CAP` values; keep frequent and outermost ones."""
    d = len(stats.values)
    if d <= CAP:
        return stats
    share = stats.counts.sum() / (CAP // 2)
    rank = np.cumsum(stats.counts) - stats.counts / 2
    alone = stats.counts >= share
    edge = max(64, 4 * k)
    alone[:edge] = alone[-edge:] = True
    cell = np.floor(rank / share)
    begins = np.ones(d, bool)
    begins[1:] = alone[1:] | alone[:-1] | (cell[1:] != cell[:-1])
    starts = np.flatnonzero(begins)
    groups = np.cumsum(begins) - 1
    counts = np.add.reduceat(stats.counts, starts)
    first = stats.values[starts]
    offset = gap(first[groups], stats.values) * (stats.counts / counts[groups])
    values = shift(first, np.add.reduceat(offset, starts))
    seen = join_seen(stats.seen, groups.astype(np.int64), len(starts))
    return replace(stats, values=values, counts=counts, seen=seen, joined=True)


def _grid(column: Column, stats: QuantityStats) -> tuple[int, int, int, Values]:
    """Return scale, step, phase, and the values as grid indices (or as they are)."""
    x = stats.values
    if x.dtype == np.int64:
        step = stats.step or 1
        return 1, step, stats.anchor % step, x // step
    decimals = stats.decimals if column.decimals is None else column.decimals
    fits = not len(x) or float(np.abs(x).max()) < _EXACT / 10.0**decimals
    if decimals >= _FULL or not fits:
        return 0, 1, 0, x
    whole = np.rint(x * 10.0**decimals).astype(np.int64)
    step = 1
    if not stats.joined and len(whole) > 1:
        step = int(np.gcd.reduce(np.diff(whole))) or 1
    phase = int(whole[0]) % step if len(whole) else 0
    return 10**decimals, step, phase, whole // step


def _index(codec: QuantityCodec, x: Values) -> Values:
    if codec.scale == 0:
        return x.astype(np.float64)
    if codec.kind in _FLOATS:
        x = np.clip(np.rint(x * float(codec.scale)), 1 - _EXACT, _EXACT - 1).astype(np.int64)
    return x // codec.step


def _settle(codec: QuantityCodec, index: Values) -> Values:
    """Clip to the knots, and move what is far out to the nearest of the loose ones."""
    index = np.clip(index, codec.knots[0], codec.knots[-1])
    low, high = codec.loose
    for ends, outside in (
        (codec.knots[:low], index < codec.knots[low - 1] if low > 1 else None),
        (codec.knots[len(codec.knots) - high :], index > codec.knots[-high] if high > 1 else None),
    ):
        if outside is not None:
            middles = shift(ends[:-1], gap(ends[:-1], ends[1:]) / 2)
            index[outside] = ends[np.searchsorted(middles, index[outside])]
    return index


def _limits(column: Column, stats: QuantityStats, scale: int, step: int, phase: int) -> Limits:
    """Return the natural bounds of the column, as far as the data lie inside them."""
    if not len(stats.values):
        return Limits(None, None, False, False)
    low, high = stats.values[0].item(), stats.values[-1].item()
    bounds: tuple[int, int] | None = None
    if column.kind in _FLOATS or column.kind in (Kind.INTEGER, Kind.DURATION):
        if column.kind is Kind.LATITUDE:
            bounds = (-90, 90)
        elif column.kind is Kind.LONGITUDE:
            bounds = (-180, 180)
        else:
            return _sign_limits(column, low, high, scale, step, phase)
    elif column.kind is Kind.DATE:
        bounds = _YEARS
    else:
        second = _PER_SECOND[column.unit or "us"]
        day = 86_400 * second
        bounds = (
            (0, day - 1)
            if column.kind is Kind.TIME
            else (_YEARS[0] * day, (_YEARS[1] + 1) * day - 1)
        )
    inside = bounds[0] <= low and high <= bounds[1]
    if not inside:
        return Limits(None, None, False, False)
    return Limits(
        _as_index(bounds[0], scale, step, phase, up=True),
        _as_index(bounds[1], scale, step, phase, up=False),
        False,
        False,
    )


def _sign_limits(
    column: Column, low: float, high: float, scale: int, step: int, phase: int
) -> Limits:
    """Zero bounds what never crosses it, and one bounds shares."""
    share = column.kind is Kind.NUMBER and scale != 1 and low >= 0 and high <= 1
    floor = _as_index(0, scale, step, phase, up=True) if low >= 0 else None
    top = _as_index(1 if share else 0, scale, step, phase, up=False) if high <= 0 or share else None
    if scale == 0:
        return Limits(floor, top, low > 0, high < 0)
    # on a grid the first step beside zero is the bound of what never touches zero
    floor = -phase // step + 1 if low > 0 else floor
    return Limits(floor, -1 if high < 0 else top, False, False)


def _as_index(bound: int, scale: int, step: int, phase: int, *, up: bool) -> float | int:
    """Return the grid index of `bound`, rounded inwards, within int64."""
    if scale == 0:
        return float(bound)
    index = -((phase - bound * scale) // step) if up else (bound * scale - phase) // step
    return max(-(2**63), min(index, 2**63 - 1))


def _interpolate_scores(codec: QuantityCodec, index: Values) -> NDArray[np.float64]:
    knots, z = codec.knots, codec.z
    if len(knots) == 1:
        return np.full(len(index), z[0])
    j = np.minimum(np.searchsorted(knots, index, side="right") - 1, len(knots) - 2)
    part = gap(knots[j], index) / gap(knots[:-1], knots[1:])[j]
    return np.where(part >= 1, z[j + 1], z[j] + part * np.diff(z)[j])


def _interpolate_values(codec: QuantityCodec, scores: NDArray[np.float64]) -> Values:
    knots, z = codec.knots, codec.z
    if len(knots) == 1:
        return np.full(len(scores), knots[0])
    scores = np.clip(scores, z[0], z[-1])
    j = np.minimum(np.searchsorted(z, scores, side="right") - 1, len(z) - 2)
    part = (scores - z[j]) / np.diff(z)[j]
    out = shift(knots[j], part * gap(knots[:-1], knots[1:])[j])
    return np.where(part >= 1, knots[j + 1], out)
