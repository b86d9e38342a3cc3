"""Codes stay in range, and their meaning comes from the reference alone."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import Column, Discretizer, Kind, Schema, as_floats

SCHEMA = Schema.of(
    [
        Column("number", Kind.NUMBER),
        Column("level", Kind.CATEGORY),
        Column("yes", Kind.BOOLEAN),
        Column("day", Kind.DATE),
        Column("note", Kind.TEXT),
    ]
)
TYPES = [pa.float64(), pa.string(), pa.bool_(), pa.date32(), pa.string()]
rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.floats(allow_nan=False)),
        st.one_of(st.none(), st.sampled_from("abcdefghijklmnö")),
        st.one_of(st.none(), st.booleans()),
        st.one_of(st.none(), st.dates()),
        st.none(),
    ),
    max_size=40,
)


def table(values):
    columns = list(zip(*values, strict=True)) or [[]] * len(TYPES)
    arrays = [pa.array(list(c), t) for c, t in zip(columns, TYPES, strict=True)]
    return pa.table(arrays, names=SCHEMA.table.names)


@given(rows, rows, st.integers(2, 12), st.integers(1, 12), st.sampled_from(["mass", "width"]))
def test_codes_are_in_range_for_any_table(reference, other, bins, levels, widths):
    if widths == "width":  # the width of the whole float line is not a float
        reference = [(None if r[0] is None else r[0] % 1000, *r[1:]) for r in reference]
    made = Discretizer.of(table(reference), SCHEMA, bins=bins, levels=levels, widths=widths)
    assert made.names == ["number", "level", "yes", "day"]
    codes = made.codes(table(other))
    assert codes.shape == (len(other), 4)
    assert (codes >= 0).all()
    assert (codes < made.sizes).all()
    assert max(made.sizes[0], made.sizes[3]) <= bins + 1
    assert made.sizes[1] <= levels + 2


@given(rows, rows)
def test_a_row_has_the_same_codes_in_any_company(reference, other):
    made = Discretizer.of(table(reference), SCHEMA)
    codes = made.codes(table(other))
    for i, row in enumerate(other):
        assert (made.codes(table([row]))[0] == codes[i]).all()


def test_missing_and_never_seen_are_bins_of_their_own():
    made = Discretizer.of(
        table([(1.0, "a", True, None, None), (2.0, "b", True, None, None)]), SCHEMA
    )
    new, missing = made.codes(
        table([(9.0, "new", False, dt.date(2020, 1, 1), None), (None,) * 5])
    ).tolist()
    assert missing == [size - 1 for size in made.sizes]
    assert new[1:3] == [size - 2 for size in made.sizes[1:3]]


def test_quantiles_hold_equal_mass_and_widths_are_equal():
    x = np.arange(1000.0) ** 2
    schema = Schema.of([Column("x", Kind.NUMBER)])
    data = pa.table({"x": x})
    deciles = np.bincount(Discretizer.of(data, schema).codes(data)[:, 0])
    assert len(deciles) == 10
    assert abs(deciles - 100).max() <= 1
    wide = Discretizer.of(data, schema, bins=4, widths="width").codes(data)[:, 0]
    assert (wide == np.minimum(x // (x.max() / 4), 3)).all()


def test_a_bin_begins_at_its_edge():
    schema = Schema.of([Column("x", Kind.NUMBER)])
    made = Discretizer.of(pa.table({"x": np.arange(100.0)}), schema, bins=4)
    (edge, *_) = made.bins[0].edges
    below, at, above = made.codes(pa.table({"x": [np.nextafter(edge, 0), edge, edge + 0.5]}))[:, 0]
    assert below + 1 == at == above


def test_the_most_frequent_levels_are_kept_apart():
    schema = Schema.of([Column("x", Kind.CATEGORY)])
    data = pa.table({"x": ["rare"] + ["b"] * 3 + ["a"] * 3 + ["c"] * 2})
    made = Discretizer.of(data, schema, levels=2)
    assert made.sizes == [4]
    assert made.codes(data)[:, 0].tolist() == [2] + [1] * 3 + [0] * 3 + [2] * 2  # ties by name


@pytest.mark.parametrize(
    ("values", "kind", "want"),
    [
        ([True, None, False], pa.bool_(), [1, np.nan, 0]),
        ([3, None], pa.int64(), [3, np.nan]),
        ([dt.date(1970, 1, 3), None], pa.date32(), [2, np.nan]),
        ([dt.datetime(1969, 12, 31), None], pa.timestamp("s"), [-86400, np.nan]),
        ([dt.time(0, 0, 1), None], pa.time32("ms"), [1000, np.nan]),
        ([dt.time(0, 0, 1), None], pa.time64("us"), [1_000_000, np.nan]),
        ([dt.timedelta(seconds=2), None], pa.duration("us"), [2_000_000, np.nan]),
        ([], pa.float64(), []),
    ],
)
def test_quantities_count_in_their_own_unit(values, kind, want):
    array = pa.array(values, kind)
    for column in (array, pa.chunked_array([array, array.slice(0, 0)])):
        got = as_floats(column)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, want)


def test_no_learned_column_is_no_code():
    schema = Schema.of([Column("note", Kind.TEXT)])
    data = pa.table({"note": ["a", "b"]})
    assert Discretizer.of(data, schema).codes(data).shape == (2, 0)
