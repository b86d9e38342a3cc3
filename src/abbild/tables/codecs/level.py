"""Levels as codes: categories, booleans, ordinals. A level of fewer than k units never appears."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core import Column, Kind, ShapeError
from abbild.tables.codecs.units import Seen, count_units, join_seen, smallest
from abbild.tables.encoded import Levels

__all__ = ["LevelCodec", "LevelStats", "analyze", "decode", "encode", "fit", "merge"]


@dataclass(frozen=True, slots=True, eq=False)
class LevelStats:
    """Distinct levels of a column, their rows, and the units behind them.

    Attributes
    ----------
    levels : (d,) distinct strings, in the order they were met
    counts : (d,) rows
    missing : rows without a value
    """

    levels: pa.Array
    counts: NDArray[np.int64]
    seen: Seen
    missing: int = 0

    @property
    def units(self) -> NDArray[np.int64]:
        """(d,) units that showed each level, exact below k."""
        return count_units(self.counts, self.seen)


@dataclass(frozen=True, slots=True, eq=False)
class LevelCodec:
    """The map between levels and codes.

    Attributes
    ----------
    levels : the level of each code
    missing : whether one more code stands for a missing value
    ordered : whether neighbouring codes are neighbouring levels
    rare : levels that are hidden because fewer than k units showed them
    hidden : share of rows with such a level, in [0, 1]
    learned : False if nothing but rare levels was found; then every cell is missing
    """

    name: str
    levels: tuple[str, ...]
    missing: bool
    ordered: bool
    rare: int
    hidden: float
    learned: bool
    k: int

    def check(self) -> None:
        """Refuse values that do not fit together; called when a model is loaded."""
        if self.size < 1 or self.rare < 0 or self.k < 1 or not 0 <= self.hidden <= 1:
            raise ShapeError(f"the levels of column {self.name!r} contradict each other")

    @property
    def size(self) -> int:
        """Number of codes an engine may draw."""
        return len(self.levels) + int(self.missing)

    @property
    def treatment(self) -> str:
        """What happens to the column, for a data protection officer."""
        if not self.learned:
            return f"left empty: every value belongs to fewer than {self.k} people"
        rare = "one rare one" if self.rare == 1 else f"{self.rare} rare ones"
        hidden = f", {rare} shown to fewer than {self.k} people never appear" if self.rare else ""
        return f"learned; {len(self.levels)} level{'s' * (len(self.levels) != 1)}{hidden}"


def analyze(
    column: Column, values: pa.Array, units: NDArray[np.uint64] | None, k: int
) -> LevelStats:
    """Count the levels of one block; `units` are hashes of whose rows these are."""
    codes, levels = index_levels(as_text(values))
    there = codes >= 0
    counts = np.bincount(codes[there], minlength=len(levels)).astype(np.int64)
    seen = None
    if units is not None:
        seen = smallest(codes[there], units[there], len(levels), k)
    return LevelStats(levels, counts, seen, int(len(there) - counts.sum()))


def merge(a: LevelStats, b: LevelStats) -> LevelStats:
    """Join the statistics of two blocks; exact."""
    if not len(a.levels) or not len(b.levels):
        full, empty = (b, a) if not len(a.levels) else (a, b)
        return replace(full, missing=full.missing + empty.missing)
    groups, levels = index_levels(pa.concat_arrays([a.levels, b.levels]))
    counts = np.zeros(len(levels), np.int64)
    np.add.at(counts, groups, np.concatenate([a.counts, b.counts]))
    seen = None
    if a.seen is not None and b.seen is not None:
        seen = join_seen(np.concatenate([a.seen, b.seen]), groups, len(levels))
    return LevelStats(levels, counts, seen, a.missing + b.missing)


def fit(column: Column, stats: LevelStats, k: int) -> LevelCodec:
    """Turn statistics into the map. Levels of a public column need no look at the data."""
    found = dict(zip(stats.levels.to_pylist(), stats.counts.tolist(), strict=True))
    public = column.public and column.levels is not None
    shown = stats.levels.filter(pa.array(stats.units >= k)).to_pylist()
    allowed = set(column.levels or ()) if public else set(shown)
    levels = _in_order(column, allowed, found)
    hidden = [level for level in found if level not in allowed]
    rows = sum(found.values()) + stats.missing
    learned = bool(levels) or not found
    return LevelCodec(
        column.name,
        tuple(levels),
        stats.missing > 0 or not levels,
        column.kind is Kind.ORDINAL,
        len(hidden),
        sum(found[level] for level in hidden) / max(rows, 1),
        learned,
        k,
    )


def encode(codec: LevelCodec, values: pa.Array) -> Levels:
    """Return codes; -1 for a level that is rare or unknown."""
    if not codec.levels:
        codes = np.zeros(len(values), np.int32)
    else:
        found = pc.index_in(as_text(values), value_set=pa.array(codec.levels, pa.large_string()))
        codes = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int32)
        if codec.missing:
            codes[values.is_null().to_numpy(zero_copy_only=False)] = len(codec.levels)
    return Levels(codec.name, codes, codec.size, codec.ordered)


def decode(codec: LevelCodec, column: Levels, arrow: pa.DataType) -> pa.Array:
    """Return values of the type `arrow`; what is no level (missing, rare) is null."""
    there = (column.codes >= 0) & (column.codes < len(codec.levels))
    chosen = pa.array(np.where(there, column.codes, 0).astype(np.int64), mask=~there)
    if pa.types.is_boolean(arrow):
        truth = pa.array([level == "true" for level in codec.levels], pa.bool_())
        return truth.take(chosen)
    return pa.array(codec.levels, pa.large_string()).take(chosen).cast(arrow)


def as_text(values: pa.Array) -> pa.Array:
    """Return levels as strings, whatever they are stored as."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    return values.cast(pa.large_string())


def index_levels(text: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Return the number of each string among the distinct ones (-1 where null), and these."""
    encoded = text.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return codes.astype(np.int64), encoded.dictionary


def _in_order(column: Column, allowed: set[str], found: dict[str, int]) -> list[str]:
    """Return levels as declared, else booleans false first, else by count and then by value."""
    declared = [level for level in column.levels or () if level in allowed]
    rest = sorted(allowed - set(declared), key=lambda level: (-found.get(level, 0), level))
    if column.kind is Kind.ORDINAL:
        return declared + sorted(rest)
    if column.kind is Kind.BOOLEAN:
        return sorted(allowed)
    return sorted(allowed, key=lambda level: (-found.get(level, 0), level))
