"""A score never travels without its uncertainty and its reason."""

import math
import pickle

import pytest

from abbild.core import Score


def test_the_interval_decides_whether_a_score_sits_on_its_baseline():
    score = Score("fidelity.shape", 0.9, 0.8, 0.95, "higher", 100, baseline=0.94)
    assert score.at_baseline
    assert not Score("fidelity.shape", 0.9, 0.8, 0.93, "higher", 100, baseline=0.94).at_baseline
    assert Score("x", 0.9, 0.8, 0.93, "higher", 1, baseline=0.93).at_baseline  # ends belong to it


def test_without_a_baseline_nothing_is_claimed():
    assert not Score("x", 0.9, 0.0, 1.0, "higher", 100).at_baseline


def test_what_cannot_be_computed_says_why():
    score = Score.not_computed("privacy.membership", "the holdout has 3 rows")
    assert (score.status, score.reason, score.n) == ("not computed", "the holdout has 3 rows", 0)
    assert all(math.isnan(v) for v in (score.value, score.low, score.high))
    assert not score.at_baseline


def test_a_score_is_a_value():
    score = Score("x", 0.5, 0.4, 0.6, "lower", 10, baseline=0.5)
    assert pickle.loads(pickle.dumps(score)) == score
    with pytest.raises(AttributeError):
        score.value = 0.9
