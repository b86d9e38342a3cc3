"""The detection test and its overfit alarm say no more than the data do."""

import numpy as np
import pyarrow as pa
import pytest

from abbild.core import Column, Kind, NotEnoughDataError, Schema, Seed
from abbild.evaluate.detection import detection

from .population import SCHEMA, people


def table(rng, n):
    x = rng.standard_normal((n, 3))
    return pa.table({"a": x[:, 0], "b": x[:, 0] + x[:, 1], "c": x[:, 2]})


NORMAL = Schema.of([Column(name, Kind.NUMBER) for name in "abc"])


def test_honest_generators_raise_no_overfit_alarm_more_often_than_said():
    alarms = 0
    for k in range(16):
        rng = (Seed(k) / "honest").rng()
        found = detection(*(table(rng, 60) for _ in range(3)), NORMAL, seed=Seed(k))
        alarms += found.evidence["detection"]["overfit"]["p"] < 0.05
    assert alarms <= 4  # five or more of 16 happens once in 1,000 at 5 %


def test_levels_only_the_training_data_have_do_not_look_like_memory():
    """Ten thousand levels: each table has its own, which must not tell train from holdout."""
    rng = (Seed(0) / "levels").rng()
    schema = Schema.of([Column("x", Kind.CATEGORY), Column("y", Kind.NUMBER)])
    tables = [
        pa.table({"x": rng.integers(0, 10_000, 400).astype(str), "y": rng.standard_normal(400)})
        for _ in range(3)
    ]
    found = {s.name: s for s in detection(*tables, schema, seed=Seed(0))}
    assert found["detection.overfit"].at_baseline
    assert abs(found["detection.holdout.auc"].baseline - 0.5) < 0.08


def test_the_column_that_gives_it_away_comes_first():
    fake = people(500, "fake")
    fake = fake.set_column(0, "age", pa.array(fake["age"].to_numpy() // 10 * 10))
    found = detection(people(500, "t"), people(500, "h"), fake, SCHEMA, seed=Seed(0))
    columns = found.evidence["detection"]["columns"]
    assert columns[0]["column"] == "age"
    assert sum(c["share"] for c in columns) == pytest.approx(1.0)


def test_digits_of_the_file_format_are_no_difference():
    """Synthetic numbers in full precision, of a column that is rounded: the same numbers."""
    rng = (Seed(0) / "digits").rng()
    schema = Schema.of([Column("x", Kind.NUMBER, decimals=1)])
    real, other, made = (pa.table({"x": rng.standard_normal(600) * 3}) for _ in range(3))
    real, other = (pa.table({"x": np.round(t["x"].to_numpy(), 1)}) for t in (real, other))
    found = {s.name: s for s in detection(real, other, made, schema, seed=Seed(0))}
    assert found["detection.holdout"].value > 0.85


def test_without_a_holdout_only_likeness_to_train_is_said():
    scores = detection(people(200, "t"), None, people(200, "s"), SCHEMA, seed=Seed(0))
    status = {s.name: s.status for s in scores}
    assert status["detection.train"] == "ok"
    assert status["detection.holdout"] == status["detection.overfit"] == "not computed"


def test_too_few_rows():
    with pytest.raises(NotEnoughDataError):
        detection(*(people(20, who) for who in "abc"), SCHEMA, seed=Seed(0))
