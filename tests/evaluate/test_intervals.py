"""Intervals stay in range, and cover the truth as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import Seed
from abbild.evaluate.intervals import (
    auc_interval,
    clopper_pearson,
    jackknife,
    normal,
    placements,
    wilson,
)

shares = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(shares)
def test_bounds_of_a_share_hold_it_and_stay_in_range(pair):
    hits, n = pair
    for low, high in (wilson(hits, n), clopper_pearson(hits, n)):
        assert 0 <= low <= hits / n <= high <= 1


@given(shares)
def test_nobody_found_and_everybody_found_mirror_each_other(pair):
    hits, n = pair
    low, high = clopper_pearson(hits, n)
    other = clopper_pearson(n - hits, n)
    assert (1 - high, 1 - low) == pytest.approx(other)


def test_exact_bounds_are_known_in_closed_form():
    assert clopper_pearson(0, 10)[1] == pytest.approx(1 - 0.025 ** (1 / 10))
    assert clopper_pearson(0, 100, level=0.9)[1] == pytest.approx(1 - 0.05 ** (1 / 100))


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
)
def test_auc_is_the_share_of_pairs_in_order_ties_counting_half(positive, negative):
    x, y = np.array(positive, float), np.array(negative, float)
    want = np.mean((x[:, None] > y) + 0.5 * (x[:, None] == y))
    up, down = placements(x, y)
    assert up.mean() == pytest.approx(want)
    assert down.mean() == pytest.approx(want)
    value, error, low, high = auc_interval(x, y)
    assert 0 <= low <= value <= high <= 1
    assert error > 0


def test_auc_interval_covers_the_truth_as_often_as_it_says():
    truth, trials, covered = 0.5, 400, 0
    for k in range(trials):
        rng = (Seed(k) / "auc").rng()
        _, _, low, high = auc_interval(rng.standard_normal(40), rng.standard_normal(60))
        covered += low <= truth <= high
    assert 0.92 * trials < covered < 0.98 * trials


def test_jackknife_of_a_mean_is_its_standard_error():
    x = (Seed(0) / "x").rng().standard_normal(50)
    left_out = (x.sum() - x) / 49
    assert jackknife(left_out) == pytest.approx(x.std(ddof=1) / np.sqrt(50))


def test_a_wide_interval_is_cut_at_the_range():
    assert normal(0.9, 1.0) == (0.0, 1.0)
