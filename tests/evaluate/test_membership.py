"""Leaky generators are caught, honest ones not accused, and a weak test says that it is weak."""

from statistics import NormalDist

import numpy as np
import pyarrow as pa
import pytest

from abbild.core import Column, Kind, NotEnoughDataError, Schema, Seed
from abbild.evaluate.attack import attack
from abbild.evaluate.membership import FOUND, NOT_FOUND, TOO_WEAK, membership
from abbild.evaluate.neighbors import Space, nearest

from .population import SCHEMA, jittered, people, shuffled

N = 2400
TRAIN, HOLDOUT, FRESH = people(N, "train"), people(N, "holdout"), people(N, "fresh")


def lonely(table, n):
    """Return the `n` rows farthest from their fifth neighbour."""
    points = Space.of(table, schema=SCHEMA, shape="ranked").points(table)
    return table.take(pa.array(np.argsort(-nearest(points, points, 6)[0][:, 5])[:n]))


def leaking(rows):
    return pa.concat_tables([FRESH.slice(rows.num_rows), rows])


LEAKY = {
    "copies of all": TRAIN,
    "jittered copies of all": jittered(TRAIN, "all"),
    "a tenth copied": leaking(TRAIN.slice(0, N // 10)),
    "outliers copied": leaking(lonely(TRAIN, 60)),
    "outliers copied with jitter": leaking(jittered(lonely(TRAIN, 60), "few")),
}
SAFE = {
    "independent sample": FRESH,
    "shuffled columns": shuffled(TRAIN, "columns"),
    "constant rows": pa.concat_tables([FRESH.slice(0, 1)] * 50),
}


def verdicts(synthetic, holdout=HOLDOUT, seed=0):
    found = membership(TRAIN, holdout, synthetic, SCHEMA, seed=Seed(seed))
    return {a["name"]: a for a in found.evidence["attacks"]}


@pytest.mark.parametrize("name", LEAKY)
def test_a_leak_is_found(name):
    found = verdicts(LEAKY[name])
    assert FOUND in {a["verdict"] for a in found.values()}
    if name == "a tenth copied":  # a few people, and those surely
        everyone = found["membership, everyone"]
        assert everyone["few"] and everyone["size"] in ("of few people", "medium")


@pytest.mark.parametrize("name", SAFE)
def test_an_honest_release_is_not_accused(name):
    found = verdicts(SAFE[name])
    assert {a["verdict"] for a in found.values()} == {NOT_FOUND}


def test_copied_outliers_show_among_the_isolated():
    found = verdicts(LEAKY["outliers copied"])
    assert found["membership, isolated"]["auc"] > found["membership, everyone"]["auc"] + 0.05


@pytest.mark.parametrize("controls", [80, 300])
def test_false_alarms_are_rare(controls):
    """At most one in twenty: then 6 or more of 40 happens once in 70 (measured: one in forty)."""
    alarms = 0
    for k in range(40):
        train, holdout, fresh = (
            people(n, f"{who} {k}") for who, n in (("T", 300), ("H", controls), ("F", 300))
        )
        found = membership(train, holdout, fresh, SCHEMA, seed=Seed(k)).evidence["attacks"]
        alarms += any(a["verdict"] == FOUND for a in found)
    assert alarms < 6


@pytest.mark.parametrize("n", [300, 1000])
def test_a_copy_of_the_training_rows_is_always_found(n):
    for k in range(5):
        train, holdout = people(n, f"T {k}"), people(max(80, n // 4), f"H {k}")
        found = membership(train, holdout, train, SCHEMA, seed=Seed(k)).evidence["attacks"]
        assert [(a["verdict"], a["size"]) for a in found] == [(FOUND, "large")] * 2
        assert all(a["low"] > 0.5005 for a in found)  # so that no lower bound reads 0.500


def test_rows_of_one_person_are_no_leak():
    """An outsider's other rows in the attacker's data would tell outsiders from members."""
    schema = Schema.of(
        [Column("who", Kind.CATEGORY), *(Column(c, Kind.NUMBER) for c in "xyz")], unit="who"
    )

    def visits(name):
        rng = (Seed(3) / name).rng()
        at = rng.standard_normal((200, 3)).repeat(6, axis=0)
        at += 0.05 * rng.standard_normal(at.shape)
        who = [f"{name} {k // 6}" for k in range(len(at))]
        return pa.table({"who": who, **{c: at[:, j] for j, c in enumerate("xyz")}})

    alarms = 0
    for k in range(20):
        tables = (visits(f"{what} {k}") for what in ("T", "H", "S"))
        found = membership(*tables, schema, seed=Seed(k)).evidence["attacks"]
        assert found[0]["members"] <= 200
        alarms += any(a["verdict"] == FOUND for a in found)
    assert alarms < 5


def test_choosing_among_attacks_is_no_evidence():
    """Each half chooses what the other reports; with x and -x both halves then err together."""
    found, wider = [], []
    for k in range(400):
        rng = (Seed(k) / "x against -x").rng()
        inside, outside = rng.standard_normal(60), rng.standard_normal(60)
        tried = ({"x": side, "-x": -side} for side in (inside, outside))
        reached = attack(*tried, seed=Seed(k))
        found.append(reached.low > 0.5)
        wider.append((reached.auc - reached.low) / reached.error)
    assert np.mean(found) < 0.03  # 1.25 % is meant
    assert np.mean(wider) > 1.08 * NormalDist().inv_cdf(1 - 0.0125)


def test_few_outsiders_are_too_weak_to_say():
    found = verdicts(FRESH, HOLDOUT.slice(0, 900))
    assert {a["verdict"] for a in found.values()} == {TOO_WEAK}
    scores = membership(TRAIN, HOLDOUT.slice(0, 900), FRESH, SCHEMA, seed=Seed(0))
    assert {s.status for s in scores} <= {"inconclusive", "not computed"}
    assert all(s.reason for s in scores)


def test_a_leak_is_named_even_with_few_outsiders():
    assert FOUND in {a["verdict"] for a in verdicts(TRAIN, HOLDOUT.slice(0, 300)).values()}


def test_a_holdout_that_was_learned_from_is_no_control():
    """Tables mixed up: a copy of the holdout must not pass for a release without a leak."""
    found = verdicts(HOLDOUT)
    assert found["membership, everyone"]["verdict"] == TOO_WEAK
    assert "not unseen" in found["membership, everyone"]["could_see"]


def test_no_holdout_is_no_claim():
    with pytest.raises(NotEnoughDataError, match="no holdout"):
        membership(TRAIN, None, FRESH, SCHEMA, seed=Seed(0))


def test_the_effect_said_to_be_visible_is_seen_four_times_in_five():
    """Normal scores shifted so that their AUC is the smallest one the attack claims to see."""
    n, found = 400, []
    for k in range(100):
        rng = (Seed(k) / "power").rng()
        outside = rng.standard_normal(n)
        smallest = attack({"x": rng.standard_normal(n)}, {"x": outside}, seed=Seed(k)).smallest_auc
        inside = rng.standard_normal(n) + np.sqrt(2) * NormalDist().inv_cdf(smallest)
        found.append(attack({"x": inside}, {"x": outside}, seed=Seed(k)).low > 0.5)
    assert 0.68 < np.mean(found) < 0.92


def test_scores_that_separate_perfectly_are_a_certain_leak():
    up, down = np.arange(100.0) + 1000, np.arange(200.0)
    found = attack({"good": up, "bad": -up}, {"good": down, "bad": down}, seed=Seed(0))
    assert found.auc == 1.0 and found.found
    assert found.chosen == ("good",)
    assert found.tail_p < 0.0125
