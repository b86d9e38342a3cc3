"""Nearest rows are the nearest rows, whatever the columns."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import Column, Kind, Schema, Seed
from abbild.evaluate.neighbors import Points, Space, nearest

from .population import SCHEMA, people


@st.composite
def clouds(draw):
    p, c = draw(st.integers(0, 3)), draw(st.integers(0, 9))
    rng = (Seed(draw(st.integers(0, 999))) / "cloud").rng()

    def points(n):
        numbers = rng.integers(-2, 3, (n, p)).astype(np.float32)
        numbers[rng.random((n, p)) < 0.2] = np.nan
        return Points(numbers, rng.choice([0, 1, 2, 70_000, 40_000], (n, c)).astype(np.int32))

    return points(draw(st.integers(1, 6))), points(draw(st.integers(1, 12)))


def plainly(of, among):
    """All distances, by the definition."""
    a, b = of.numbers[:, None], among.numbers[None]
    one_missing = np.isnan(a) != np.isnan(b)
    steps = np.where(one_missing, 1.0, np.nan_to_num(a - b) ** 2)
    differs = of.codes[:, None] % 65_536 != among.codes[None] % 65_536
    return np.sqrt(steps.sum(2) + differs.sum(2))


@given(clouds(), st.integers(1, 5))
def test_search_finds_what_looking_at_every_pair_finds(cloud, k):
    of, among = cloud
    every = np.sort(plainly(of, among), axis=1)[:, :k]
    found, rows = nearest(of, among, k)
    have = min(k, len(among))
    np.testing.assert_allclose(found[:, :have], every)
    assert np.isinf(found[:, have:]).all() and (rows[:, have:] == -1).all()
    at = plainly(of, among)[np.arange(len(of))[:, None], rows[:, :have]]
    np.testing.assert_allclose(at, every)


def test_ranks_do_not_feel_a_heavy_tail():
    table = people(200, "plain")
    income = table["income"].to_numpy()
    tail = table.set_column(1, "income", pa.array(np.where(income > 60, 1e6 * income, income)))
    spaces = [Space.of(t, schema=SCHEMA, shape="ranked") for t in (table, tail)]
    first, second = (s.points(t).numbers for s, t in zip(spaces, (table, tail), strict=True))
    np.testing.assert_array_equal(first, second)


def test_a_level_only_one_table_has_stays_itself():
    schema = Schema.of([Column("x", Kind.CATEGORY)])
    a, b = pa.table({"x": ["a", "new"]}), pa.table({"x": ["other new", "a"]})
    space = Space.of(pa.table({"x": ["a"]}), a, b, schema=schema, shape="scaled")
    found, _ = nearest(space.points(a), space.points(b))
    assert found.ravel().tolist() == [0.0, 1.0]
