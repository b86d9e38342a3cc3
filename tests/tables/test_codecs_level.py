"""Laws of levels: rare ones are never shown, and nobody is counted twice."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import Column, Kind
from abbild.tables.codecs import level, text
from abbild.tables.codecs.level import LevelCodec
from abbild.tables.encoded import Levels

K = 5
TEXT = st.sampled_from(["a", "b", "ä", "", " ", "NULL", "😀", "x" * 50, "None"])


def fitted(column: Column, values: pa.Array, units: np.ndarray | None = None) -> LevelCodec:
    return level.fit(column, level.analyze(column, values, units, K), K)


def category(**more: object) -> Column:
    return Column("c", Kind.CATEGORY, **more)  # type: ignore[arg-type]


@given(st.lists(st.none() | TEXT, max_size=80))
def test_shared_levels_come_back_and_rare_ones_never_appear(values):
    array = pa.array(values, pa.string())
    codec = fitted(category(), array)
    encoded = level.encode(codec, array)
    back = level.decode(codec, encoded, pa.string()).to_pylist()
    counts = {v: values.count(v) for v in values if v is not None}
    shown = {v for v, n in counts.items() if n >= K}
    assert back == [v if v in shown else None for v in values]
    every = Levels("c", np.arange(codec.size, dtype=np.int32), codec.size, False)
    assert set(level.decode(codec, every, pa.string()).to_pylist()) - {None} == shown
    assert codec.size >= 1 and encoded.codes.max(initial=0) < codec.size
    if shown:
        rare = [i for i, v in enumerate(values) if v is not None and v not in shown]
        assert (encoded.codes[rare] == -1).all()
    else:
        assert (encoded.codes == 0).all()  # nothing to learn: every cell is missing


def test_codes_go_by_count_then_by_value_and_missing_is_last():
    array = pa.array(["b"] * 6 + ["c"] * 9 + ["a"] * 6 + [None])
    codec = fitted(category(), array)
    assert codec.levels == ("c", "a", "b") and codec.missing and codec.size == 4
    assert level.encode(codec, array).codes[-1] == 3


def test_one_person_with_many_rows_is_one_person():
    array = pa.array(["common"] * 20 + ["mine"] * 20)
    units = np.append(np.arange(20), np.full(20, 77)).astype(np.uint64)
    assert fitted(category(), array, units).levels == ("common",)
    assert set(fitted(category(), array).levels) == {"common", "mine"}


def test_missing_cells_do_not_move_people_to_other_rows():
    """Four people show "few", five "enough"; rows without a value stand before them."""
    array = pa.array([None] * 9 + ["few"] * 8 + ["enough"] * 5)
    units = np.concatenate([np.arange(100, 109), np.repeat(np.arange(4), 2), np.arange(20, 25)])
    assert fitted(category(), array, units.astype(np.uint64)).levels == ("enough",)


def test_a_word_that_one_person_repeats_is_said_by_one_person():
    column = Column("c", Kind.TEXT)
    array = pa.array(["secret secret secret secret secret secret plain"] + ["plain"] * 5)
    for units in (None, np.arange(6).astype(np.uint64)):
        codec = text.fit(column, text.analyze(column, array, units, K), K)
        assert codec.words == ("plain",)


def test_declared_public_levels_may_be_shown_whatever_their_count():
    grades = ("low", "mid", "high")
    array = pa.array(["low"] * 9 + ["high", "odd"])
    codec = fitted(Column("o", Kind.ORDINAL, levels=grades, public=True), array)
    assert codec.levels == grades
    encoded = level.encode(codec, array)
    assert encoded.ordered and encoded.codes.tolist() == [0] * 9 + [2, -1]
    private = fitted(Column("o", Kind.ORDINAL, levels=grades), array)
    assert private.levels == ("low",)


def test_ordinals_keep_their_declared_order():
    array = pa.array(["high"] * 9 + ["low"] * 5 + ["mid"] * 7)
    codec = fitted(Column("o", Kind.ORDINAL, levels=("low", "mid", "high")), array)
    assert codec.levels == ("low", "mid", "high")


@given(st.lists(st.none() | st.booleans(), max_size=40))
def test_truth_values_come_back_as_truth_values(values):
    array = pa.array(values, pa.bool_())
    codec = fitted(Column("b", Kind.BOOLEAN), array)
    back = level.decode(codec, level.encode(codec, array), pa.bool_())
    assert back.type == pa.bool_()
    assert back.to_pylist() == [v if values.count(v) >= K else None for v in values]


def test_levels_unseen_in_training_are_hidden_not_invented():
    codec = fitted(category(), pa.array(["a"] * 9))
    assert level.encode(codec, pa.array(["a", "new", None])).codes.tolist() == [0, -1, -1]


def test_a_column_of_rare_levels_is_left_empty_and_says_so():
    codec = fitted(category(), pa.array([f"secret {i}" for i in range(30)]))
    assert not codec.learned and codec.levels == () and codec.size == 1
    assert codec.treatment == "left empty: every value belongs to fewer than 5 people"


def test_ten_thousand_levels_are_no_trouble():
    array = pa.array([f"level {i % 10_000}" for i in range(60_000)])
    codec = fitted(category(), array)
    assert len(codec.levels) == 10_000
    assert level.decode(codec, level.encode(codec, array), pa.string()).equals(array)


parts = st.lists(st.none() | TEXT, max_size=25)


@given(parts, parts, parts, st.booleans())
def test_statistics_are_a_monoid(a, b, c, with_units):
    def stats(values: list[str | None], start: int) -> level.LevelStats:
        units = (np.arange(len(values)) + start).astype(np.uint64) % np.uint64(6)
        array = pa.array(values, pa.string())
        return level.analyze(category(), array, units if with_units else None, K)

    def plain(s: level.LevelStats) -> object:
        rows = dict(zip(s.levels.to_pylist(), s.counts.tolist(), strict=True))
        units = dict(zip(s.levels.to_pylist(), s.units.tolist(), strict=True))
        return rows, units, s.missing

    x, y, z, nothing = stats(a, 0), stats(b, 1), stats(c, 2), stats([], 0)
    left = level.merge(level.merge(x, y), z)
    assert plain(left) == plain(level.merge(x, level.merge(y, z)))
    assert plain(left) == plain(level.merge(left, nothing)) == plain(level.merge(nothing, left))
    if not with_units:
        assert plain(left) == plain(stats(a + b + c, 0))
