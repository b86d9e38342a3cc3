"""Bars show distributions and no person."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import Column, Kind, Schema, Seed
from abbild.evaluate.marginals import LEAST, Bars, marginals

numbers = st.lists(
    st.one_of(st.none(), st.integers(-3, 3), st.floats(allow_nan=False, allow_subnormal=False)),
    max_size=60,
).map(lambda x: pa.array(x, pa.float64()))
whole = st.lists(
    st.one_of(st.none(), st.integers(-9, 9), st.integers(-(2**53), 2**53)), max_size=60
)
levels = st.lists(
    st.one_of(st.none(), st.sampled_from("abcdefß🦊"), st.text(max_size=3)), max_size=60
)
columns = st.one_of(
    numbers.map(lambda x: (x, Kind.NUMBER)),
    whole.map(lambda x: (pa.array(x, pa.int64()), Kind.INTEGER)),
    levels.map(lambda x: (pa.array(x, pa.string()), Kind.CATEGORY)),
)


@given(columns)
def test_no_bar_stands_for_one_to_four_people(drawn):
    values, kind = drawn
    table = pa.table({"x": values})
    bars = Bars.of(table, Column("x", kind))
    counts = np.bincount(bars.codes(table), minlength=len(bars.labels))
    assert counts.sum() == len(values)
    assert len(set(bars.labels)) == len(bars.labels)
    shown = counts[counts > 0]
    # fewer people than a bar needs are a bar of their own only if nobody else is there to join
    assert len(shown) <= 1 or (shown >= LEAST).all() or not counts[:-2].any()


def bars(values, kind, synthetic=None):
    schema = Schema.of([Column("x", kind)])
    train = pa.table({"x": values})
    made = train if synthetic is None else pa.table({"x": synthetic})
    return marginals(train, None, made, schema, seed=Seed(0)).evidence["marginals"][0]


def test_extremes_are_not_shown():
    rich = [*range(1000), 987_654_321]
    shown = bars(pa.array(rich), Kind.INTEGER)
    assert "987" not in " ".join(shown["labels"])
    assert shown["labels"][0] == "up to 99"
    assert shown["labels"][-1] == "from 900"


def test_whole_numbers_are_told_with_both_ends_in():
    shown = bars(pa.array([1, 2, 3, 4] * 25), Kind.INTEGER)
    assert shown["labels"] == ["1", "2", "3", "from 4"]
    assert shown["real"] == [0.25] * 4


@pytest.mark.parametrize(
    ("first", "label"), [(dt.date(1500, 1, 1), "15"), (dt.date(2400, 1, 1), "24")]
)
def test_dates_outside_nanoseconds_are_dates(first, label):
    days = [first + dt.timedelta(days=k) for k in range(500)]
    shown = bars(pa.array(days, pa.date32()), Kind.DATE)
    assert len(shown["labels"]) > 4
    assert all(label in text for text in shown["labels"])


def test_levels_never_seen_are_other_and_missing_is_a_bar():
    made = pa.array(["a"] * 50 + ["new"] * 25 + [None] * 25)
    shown = bars(pa.array(["a"] * 50 + ["b"] * 50), Kind.CATEGORY, made)
    assert dict(zip(shown["labels"], shown["synthetic"], strict=True)) == {
        "a": 0.5,
        "b": 0.0,
        "other": 0.25,
        "missing": 0.25,
    }
    assert shown["distance"] == pytest.approx(0.5)


def test_rare_levels_are_not_named():
    shown = bars(pa.array(["a"] * 50 + ["b"] * 50 + ["secret"] * 4), Kind.CATEGORY)
    assert "secret" not in " ".join(shown["labels"])
