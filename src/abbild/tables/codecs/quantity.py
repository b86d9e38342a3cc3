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

from abbild.core import Column, Kind, ShapeError
from abbild.tables.ascent import climbs
from abbild.tables.codecs.grid import EXACT, FLOATS, count_decimals, find_grid, find_limits
from abbild.tables.codecs.knots import Values, draw_knots, gap, shift
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

    A value on a grid that is not among the k outermost units of a side comes back exactly, as
    long as neighbouring knots lie less than 2^40 steps apart (a score has 53 bits to tell the
    steps between them); at full precision it comes back to about 1e-12 of their distance.

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

    def check(self) -> None:
        """Refuse values that do not fit together; called when a model is loaded."""
        right = (
            self.kind.is_quantity
            and self.knots.dtype == (np.int64 if self.scale else np.float64)
            and 0 <= self.scale <= 10**18
            and 0 <= self.phase < self.step < 2**63
            and climbs(self.knots)
            and climbs(self.z)
            and climbs(self.atoms)
            and self.knots.shape == self.z.shape
            and bool(np.isin(self.atoms, self.z).all())
            and all(0 <= loose <= len(self.knots) for loose in self.loose)
            and self._fits_64_bits()
        )
        if not right:
            raise ShapeError(f"the knots of column {self.name!r} contradict each other")

    def _fits_64_bits(self) -> bool:
        """Whether the outermost knots, and so all values between them, are numbers of int64."""
        ends = self.knots[[0, -1]].tolist() if len(self.knots) and self.scale else []
        return all(-(2**63) <= end * self.step + self.phase < 2**63 for end in ends)

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
        decimals = count_decimals(distinct)
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
    values = stats.values
    grid, index = find_grid(column, values, stats.decimals, stats.step, k, joined=stats.joined)
    index, groups = np.unique(index, return_inverse=True)  # rounding may have made some equal
    counts = np.bincount(groups, stats.counts, len(index)).astype(np.int64)
    seen = stats.seen if len(index) == len(groups) else join_seen(stats.seen, groups, len(index))
    units = count_units(counts, seen)
    frequent = counts >= counts.sum() / 2000
    common = (units >= k) & (frequent | (len(index) <= 400 and not stats.joined))
    limits = find_limits(column, values, grid)
    drawn = draw_knots(index, counts, seen, common, limits, k)
    return QuantityCodec(
        column.name,
        column.kind,
        grid.scale,
        grid.step,
        grid.phase,
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
    if codec.kind in FLOATS:
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


def _index(codec: QuantityCodec, x: Values) -> Values:
    if codec.scale == 0:
        return x.astype(np.float64)
    if codec.kind in FLOATS:
        x = np.clip(np.rint(x * float(codec.scale)), 1 - EXACT, EXACT - 1).astype(np.int64)
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
