"""Every judge ranks data of known worth as it must; fresh real data sit at the baseline."""

import numpy as np
import pytest

from abbild.core import Seed
from abbild.evaluate.copies import closeness, copies
from abbild.evaluate.dependence import dependence
from abbild.evaluate.detection import detection
from abbild.evaluate.extremes import missingness, tails
from abbild.evaluate.fidelity import accuracy
from abbild.evaluate.judgement import Effort
from abbild.evaluate.marginals import marginals
from abbild.evaluate.membership import membership
from abbild.evaluate.neighbors import Points, nearest
from abbild.evaluate.rules import rules
from abbild.evaluate.utility import utility

from .population import SCHEMA, jittered, people, shuffled

N = 1500
TRAIN, HOLDOUT = people(N, "train"), people(N, "holdout")
LADDER = {
    "copy": TRAIN,  # memorised
    "jitter": jittered(TRAIN, "jitter"),  # memorised, then smudged
    "oracle": people(N, "fresh"),  # the best any honest generator can do
    "independent": shuffled(TRAIN, "independent"),  # every column right, nothing else
    "mirror": HOLDOUT,  # impossible: knows the holdout
}


def judged(metric, n=N):
    """Return the scores of every rung, by name; the first `n` rows of each table are looked at."""
    effort = Effort(targets=1)
    train, holdout = TRAIN.slice(0, n), HOLDOUT.slice(0, n)
    found = {
        rung: metric(train, holdout, rows.slice(0, n), SCHEMA, seed=Seed(1), effort=effort)
        for rung, rows in LADDER.items()
    }
    return {rung: {s.name: s for s in scores} for rung, scores in found.items()}


@pytest.fixture(scope="module")
def detected():
    return judged(detection, 400)


def test_accuracy():
    scores = judged(accuracy)
    for order in (2, 3):
        value = {rung: s[f"fidelity.accuracy.{order}"].value for rung, s in scores.items()}
        assert value["copy"] == 1.0
        assert value["copy"] > value["jitter"] > value["oracle"] > value["independent"] + 0.05
        assert value["mirror"] == scores["mirror"][f"fidelity.accuracy.{order}"].baseline
        assert scores["oracle"][f"fidelity.accuracy.{order}"].at_baseline
        assert not scores["independent"][f"fidelity.accuracy.{order}"].at_baseline
    assert scores["independent"]["fidelity.accuracy.1"].value == 1.0


def test_dependence():
    score = {rung: s["fidelity.dependence"] for rung, s in judged(dependence).items()}
    assert score["copy"].value == 1.0
    assert score["oracle"].value > 0.97
    assert score["independent"].value < 0.8
    assert score["oracle"].at_baseline and not score["independent"].at_baseline


def test_marginals_tails_and_missing_values():
    distance = {r: s["fidelity.marginals"].value for r, s in judged(marginals).items()}
    assert distance["copy"] == distance["independent"] == 0.0
    assert 0 < distance["oracle"] < 0.04
    for metric, name in ((tails, "fidelity.tails"), (missingness, "fidelity.missing")):
        score = {rung: s[name] for rung, s in judged(metric).items()}
        assert score["copy"].value == 0.0
        assert score["oracle"].at_baseline
    without = LADDER["oracle"].set_column(2, "spent", LADDER["oracle"]["income"])
    (score,) = missingness(TRAIN, HOLDOUT, without, SCHEMA, seed=Seed(0))
    assert not score.at_baseline


def test_detection_against_unseen_rows_is_not_fooled_by_a_copy(detected):
    unseen = {rung: s["detection.holdout"].value for rung, s in detected.items()}
    seen = {rung: s["detection.train"].value for rung, s in detected.items()}
    assert seen["copy"] == 1.0
    assert unseen["copy"] > 0.9 and unseen["oracle"] > 0.9
    assert unseen["independent"] < 0.3
    assert detected["oracle"]["detection.holdout"].at_baseline
    assert not detected["independent"]["detection.holdout"].at_baseline


def test_the_overfit_alarm_hears_memory_and_nothing_else(detected):
    gap = {rung: s["detection.overfit"] for rung, s in detected.items()}
    assert gap["copy"].low > 0 and gap["jitter"].low > 0
    assert gap["copy"].value > gap["oracle"].value
    assert gap["oracle"].at_baseline
    assert gap["mirror"].high < 0


def test_copies():
    scores = judged(copies)
    value = {r: {n: s.value for n, s in found.items()} for r, found in scores.items()}
    assert value["copy"]["copies.exact"] == 1.0
    assert max(value[r]["copies.exact"] for r in ("jitter", "oracle", "independent")) < 0.01
    for name in ("copies.near", "copies.share"):
        assert value["copy"][name] >= value["jitter"][name] > value["oracle"][name] + 0.1
        assert scores["oracle"][name].at_baseline
        assert not scores["jitter"][name].at_baseline
    assert value["mirror"]["copies.share"] < 0.05


def test_membership():
    score = {rung: s["privacy.membership"] for rung, s in judged(membership).items()}
    assert score["copy"].value > 0.99
    assert score["copy"].value >= score["jitter"].value > 0.8
    assert score["jitter"].low > 0.5
    for honest in ("oracle", "independent"):
        assert score[honest].at_baseline
    assert score["mirror"].high < 0.5


def test_usefulness():
    scores = judged(utility, 600)
    gap = {rung: s["utility.buys.gap"] for rung, s in scores.items()}
    assert abs(gap["copy"].value) < 0.01
    assert gap["oracle"].at_baseline
    assert gap["independent"].high < -0.1
    assert gap["mirror"].value > gap["oracle"].value  # trained on the very people tested
    assert scores["oracle"]["utility.ranking"].value >= 0.5
    assert scores["independent"]["utility.buys"].high < scores["oracle"]["utility.buys"].low


def test_rules():
    score = {rung: s["rules.mined"] for rung, s in judged(rules).items()}
    assert score["copy"].value == score["oracle"].value == 1.0
    assert score["independent"].value < 0.6
    assert score["oracle"].at_baseline


def test_intervals_of_fresh_real_data_cover_the_baseline_as_often_as_they_say():
    """Linearised intervals are too wide at the noise floor, never too narrow."""
    trials, covered = 40, {}
    for k in range(trials):
        train, holdout, fresh = (people(300, f"{who} {k}") for who in ("t", "h", "f"))
        for metric in (accuracy, dependence, marginals, copies, missingness):
            for score in metric(train, holdout, fresh, SCHEMA, seed=Seed(k)):
                assert score.low <= score.value <= score.high
                covered.setdefault(score.name, []).append(score.at_baseline)
    # 33 of 40 or fewer happens once in 500 to an interval that covers 95 %
    rates = {name: np.sum(found) for name, found in covered.items()}
    assert all(rate > 33 for rate in rates.values()), rates


def test_the_share_of_nearer_rows_is_honest_when_synthetic_data_is_plentiful():
    """Intervals at 95 % must cover 95 % of the time; a binomial error covers 65 % of it here."""
    trials, covered, m = 150, 0, 50
    for k in range(trials):
        train, holdout, fresh = (
            Points(
                (Seed(k) / who).rng().standard_normal((rows, 2)).astype(np.float32),
                np.zeros((rows, 0), np.int32),
            )
            for who, rows in (("train", m), ("holdout", m), ("fresh", 600))
        )
        found = closeness(nearest(fresh, train), nearest(fresh, holdout), m)
        covered += abs(found.share - 0.5) < 1.96 * found.error
    assert 0.89 * trials < covered < 0.995 * trials
