"""Usefulness is measured on unseen people, for levels and for quantities."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import Column, Dataset, Kind, NotEnoughDataError, Schema, Seed, resolve
from abbild.evaluate.judgement import Effort
from abbild.evaluate.utility import performance, utility

from .population import SCHEMA, people

LEVEL, NUMBER = Column("y", Kind.CATEGORY), Column("y", Kind.NUMBER)


def test_perfect_useless_and_wrong_predictions():
    truth = pa.table({"y": ["a"] * 30 + ["b"] * 30})
    sure = np.r_[np.ones(30), np.zeros(30)]
    for guess, want in ((sure, 1.0), (np.full(60, 0.5), 0.5), (1 - sure, 0.0)):
        assert performance(pa.table({"a": guess, "b": 1 - guess}), truth, LEVEL).value == want
    y = np.arange(60.0)
    number = pa.table({"y": y})
    assert performance(pa.table({"value": y}), number, NUMBER).value == 1.0
    assert performance(pa.table({"value": np.full(60, y.mean())}), number, NUMBER).value == 0.0


@given(st.integers(0, 1000))
def test_influence_predicts_what_leaving_a_person_out_does(number):
    rng = (Seed(number) / "influence").rng()
    truth = pa.table({"y": rng.choice(["a", "b"], 80)})
    guess = rng.random(80)

    def value(rows):
        chosen = pa.table({"a": guess[rows], "b": 1 - guess[rows]})
        return performance(chosen, truth.take(pa.array(rows)), LEVEL)

    every = value(np.arange(80))
    without = value(np.arange(1, 80)).value
    assert (every.value - without) * 79 == pytest.approx(every.influence[0], abs=0.05)
    assert every.influence.sum() == pytest.approx(0.0, abs=1e-9)


def test_too_few_of_a_level_say_nothing():
    truth = pa.table({"y": ["a"] * 55 + ["b"] * 5})
    with pytest.raises(NotEnoughDataError):
        performance(pa.table({"a": np.zeros(60), "b": np.ones(60)}), truth, LEVEL)


def test_the_declared_target_comes_first_and_fixed_columns_are_no_targets():
    train, holdout = people(500, "t"), people(500, "h")
    found = utility(train, holdout, train, SCHEMA, seed=Seed(0), effort=Effort(repeats=1))
    targets = [entry["target"] for entry in found.evidence["utility"]]
    assert targets[0] == "buys"
    assert "region" not in targets  # the city fixes it
    assert {"age", "joined"} & set(targets)  # each predicts the other well
    kinds = {e["target"]: (e["task"], e["metric"]) for e in found.evidence["utility"]}
    assert kinds["buys"] == ("binary", "AUC")
    for entry in found.evidence["utility"]:
        assert entry["floor"] < entry["real"]
        assert entry["low"] <= entry["gap"] <= entry["high"]


def test_noise_has_no_targets():
    rng = (Seed(0) / "noise").rng()
    schema = Schema.of([Column("a", Kind.NUMBER), Column("b", Kind.NUMBER)])
    tables = [pa.table(dict(zip("ab", rng.standard_normal((2, 300)), strict=True))) for _ in "123"]
    with pytest.raises(NotEnoughDataError, match="no column can be predicted"):
        utility(*tables, schema, seed=Seed(0))


def test_gap_interval_covers_the_truth_of_identical_generators():
    """Two samples of one distribution train equally good models: the mean gap is zero."""
    covered, trials = 0, 30
    schema = Schema.of(SCHEMA.table.columns, target="buys")
    maker = resolve("targets", "tree")
    for k in range(trials):
        models = [
            maker().train(Dataset.of(people(150, f"{who} {k}"), schema), seed=Seed(k))
            for who in ("real", "made")
        ]
        test = people(150, f"test {k}")
        a, b = (performance(m.predict(test), test, schema.table["buys"]) for m in models)
        error = (a.influence - b.influence).std() / np.sqrt(150)
        # the luck of the training rows is not in this error, hence three of them and not two
        covered += abs(a.value - b.value) < 3 * error
    assert covered > 0.8 * trials
