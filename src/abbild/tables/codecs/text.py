"""Free text, until a text maker writes it: common words, as many as real texts have."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core import Column, ShapeError
from abbild.tables.ascent import ascends
from abbild.tables.codecs import level
from abbild.tables.codecs.draw import Draw, Presence
from abbild.tables.codecs.level import LevelStats, as_text
from abbild.tables.counter import mix, uniform
from abbild.tables.encoded import Levels
from abbild.tables.strings import blank

__all__ = ["TextCodec", "TextStats", "analyze", "decode", "encode", "fit", "merge"]

VOCABULARY = 131_072  # words counted
SPOKEN = 5_000  # words used
LONGEST = 1_024  # words of a text


@dataclass(frozen=True, slots=True, eq=False)
class TextStats:
    """Words, the units that used them, and how long texts are.

    Attributes
    ----------
    words : beyond `VOCABULARY` words the least frequent are forgotten
    lengths : (LONGEST + 1,) texts of each number of words
    missing : rows without a text
    """

    words: LevelStats
    lengths: NDArray[np.int64]
    missing: int


@dataclass(frozen=True, slots=True, eq=False)
class TextCodec:
    """Words that at least k units use, and how many of them make a text.

    Attributes
    ----------
    words, shares : words and the cumulative share of each, the last one 1
    lengths, length_shares : numbers of words and their cumulative shares
    """

    presence: Presence
    words: tuple[str, ...]
    shares: NDArray[np.float64]
    lengths: NDArray[np.int64]
    length_shares: NDArray[np.float64]
    k: int

    def check(self) -> None:
        """Refuse values that do not fit together; called when a model is loaded."""
        right = (
            self.shares.shape == (len(self.words),)
            and self.lengths.shape == self.length_shares.shape
            and self.lengths.size > 0
            and ascends(self.shares)
            and ascends(self.length_shares)
            and self.lengths.min() >= 0
            and self.lengths.max() <= LONGEST
        )
        if not right:
            raise ShapeError(f"the words of column {self.presence.name!r} contradict each other")

    @property
    def treatment(self) -> str:
        """What happens to the column, for a data protection officer."""
        if not self.words:
            return f"left empty: no word is shared by {self.k} people"
        return f"replaced by random words that at least {self.k} people used; sentences never pass"


def analyze(
    column: Column, values: pa.Array, units: NDArray[np.uint64] | None, k: int
) -> TextStats:
    """Count the words of one block."""
    text = as_text(values)
    there = text.is_valid().to_numpy(zero_copy_only=False)
    lists = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(text.drop_null()))
    parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    words = lists.flatten()
    spoken = pc.not_equal(words, "").to_numpy(zero_copy_only=False)
    words, parents = words.filter(pa.array(spoken)), parents[spoken]
    lengths = np.bincount(parents, minlength=len(lists)).clip(max=LONGEST)
    # a word is shared by texts, not by its repetitions within one
    who = units[there] if units is not None else mix(np.arange(len(lists), dtype=np.uint64), 7)
    stats = level.analyze(column, words, who[parents], k)
    return TextStats(
        _prune(stats), np.bincount(lengths, minlength=LONGEST + 1), int(len(there) - there.sum())
    )


def merge(a: TextStats, b: TextStats) -> TextStats:
    """Join the statistics of two blocks; exact up to `VOCABULARY` words."""
    return TextStats(
        _prune(level.merge(a.words, b.words)), a.lengths + b.lengths, a.missing + b.missing
    )


def fit(column: Column, stats: TextStats, k: int) -> TextCodec:
    """Keep what at least `k` units share."""
    shared = np.flatnonzero(stats.words.units >= k)
    shared = shared[np.argsort(-stats.words.counts[shared], kind="stable")][:SPOKEN]
    words = tuple(stats.words.levels.take(pa.array(shared)).to_pylist())
    counts = stats.words.counts[shared]
    lengths = np.flatnonzero(stats.lengths >= k)
    if not len(lengths):  # too few texts of any one length: the mean of all of them
        total = max(int(stats.lengths.sum()), 1)
        lengths = np.array([round(float(stats.lengths @ np.arange(LONGEST + 1)) / total)])
    weights = np.maximum(stats.lengths[lengths], 1)
    texts = int(stats.lengths.sum())
    presence = Presence(
        column.name,
        np.zeros(0, np.uint64),
        texts > 0 and len(words) > 0,
        stats.missing > 0 or not len(words),
    )
    return TextCodec(presence, words, _cumulative(counts), lengths, _cumulative(weights), k)


def encode(codec: TextCodec, values: pa.Array) -> Levels | None:
    """Return where texts are missing, if they ever are."""
    return codec.presence.encode(values)


def decode(codec: TextCodec, column: Levels | None, arrow: pa.DataType, draw: Draw) -> pa.Array:
    """Return bags of common words of the type `arrow`."""
    n = len(draw.rows)
    if not codec.words:
        return pa.nulls(n, arrow)
    absent = codec.presence.absent(codec.presence.codes(column, n))
    key = draw.key("text", codec.presence.name)
    at = np.searchsorted(codec.length_shares, uniform(draw.numbers, key), side="right")
    lengths = codec.lengths[np.minimum(at, len(codec.lengths) - 1)]
    ends = np.concatenate([[0], np.cumsum(lengths)])
    place = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
    cells = mix(np.repeat(draw.numbers, lengths), key) + place.astype(np.uint64)
    chosen = np.searchsorted(codec.shares, uniform(cells, key + 1), side="right")
    words = pa.array(codec.words, pa.large_string())
    chosen = np.minimum(chosen, len(words) - 1)
    lists = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), words.take(pa.array(chosen)))
    return blank(pc.binary_join(lists, pa.scalar(" ", pa.large_string())), absent).cast(arrow)


def _prune(stats: LevelStats) -> LevelStats:
    """Forget the least frequent words beyond the vocabulary."""
    if len(stats.levels) <= VOCABULARY or stats.seen is None:
        return stats
    keep = np.sort(np.argsort(-stats.counts, kind="stable")[:VOCABULARY])
    return replace(
        stats,
        levels=stats.levels.take(pa.array(keep)),
        counts=stats.counts[keep],
        seen=stats.seen[keep],
    )


def _cumulative(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.cumsum(counts) / max(int(counts.sum()), 1)
