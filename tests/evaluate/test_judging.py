"""The whole judge: null arms, cages, verdicts, hostile tables."""

import datetime as dt
import json
import warnings
from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pyarrow as pa
import pytest

from abbild.core import Column, Kind, Schema, Score, Seed, ShapeError, registry
from abbild.evaluate import judge
from abbild.evaluate.membership import FOUND, NOT_FOUND, TOO_WEAK

from .population import SCHEMA, people

TRAIN, HOLDOUT, FRESH = (people(260, who) for who in ("train", "holdout", "fresh"))


@pytest.fixture(scope="module")
def judged():
    return judge(TRAIN, HOLDOUT, FRESH, SCHEMA, seed=Seed(0))


def every(judgement):
    return [score for scores in judgement.arms.values() for score in scores]


def test_null_arms_stand_beside_the_synthetic_one(judged):
    assert list(judged.arms) == ["synthetic", "independent", "copy", "holdout"]
    value = {
        arm: {s.name: s for s in scores if s.status != "not computed"}
        for arm, scores in judged.arms.items()
    }
    assert value["copy"]["copies.exact"].value == 1.0
    assert value["copy"]["privacy.membership"].low > 0.5
    assert value["independent"]["utility.buys.gap"].high < 0
    assert value["holdout"]["fidelity.accuracy.2"].at_baseline


def test_no_score_travels_alone(judged):
    assert not [s for s in every(judged) if "failed" in s.reason]
    for score in every(judged):
        if score.status == "not computed":
            assert score.reason
        else:
            assert score.low <= score.value <= score.high
            assert score.n > 0 and score.method


def test_evidence_is_plain_and_complete(judged):
    assert json.loads(json.dumps(judged.evidence, allow_nan=False)) == judged.evidence
    assert {
        "marginals",
        "columns",
        "dependence",
        "missing",
        "detection",
        "utility",
        "ranking",
        "attacks",
        "copies",
        "rules",
    } <= set(judged.evidence)
    assert [m["column"] for m in judged.evidence["marginals"]] == SCHEMA.table.names


def test_four_questions_are_answered_with_intervals(judged):
    assert list(judged.verdicts) == ["useful", "privacy", "overfit", "faithful"]
    for verdict in judged.verdicts.values():
        assert verdict.question and verdict.level and verdict.sentence.endswith(".")
        assert " to " in verdict.sentence or verdict.level == "cannot say"
    assert judged.verdicts["privacy"].level == TOO_WEAK  # 260 people are few
    assert judged.verdicts["overfit"].level == "no alarm"


def test_the_same_seed_gives_the_same_answer(judged):
    again = judge(TRAIN, HOLDOUT, FRESH, SCHEMA, seed=Seed(0), arms=False)
    assert again.evidence == judged.evidence
    assert [repr(s) for s in again.arms["synthetic"]] == [repr(s) for s in judged.arms["synthetic"]]


def test_a_copy_is_called_what_it_is():
    found = judge(TRAIN, HOLDOUT, TRAIN, SCHEMA, seed=Seed(0), arms=False).verdicts
    assert found["privacy"].level == FOUND
    assert found["privacy"].sentence.startswith("Leak found")
    assert found["overfit"].level == "alarm"


def test_tables_mixed_up_are_noticed():
    found = judge(HOLDOUT, TRAIN, TRAIN, SCHEMA, seed=Seed(0), arms=False).verdicts
    assert found["privacy"].level == TOO_WEAK
    assert found["overfit"].level == "cannot say" and "not unseen" in found["overfit"].sentence


def test_verdict_words():
    assert (FOUND, NOT_FOUND, TOO_WEAK) == (
        "leak found",
        "no leak found by these attacks",
        "too weak to say",
    )


def test_without_a_holdout_nothing_is_claimed_about_privacy():
    found = judge(TRAIN, None, FRESH, SCHEMA, seed=Seed(0), arms=False)
    assert found.verdicts["privacy"].level == TOO_WEAK
    assert "no holdout" in found.verdicts["privacy"].sentence
    assert found.verdicts["useful"].level == found.verdicts["overfit"].level == "cannot say"
    assert any("no holdout" in note for note in found.notes)


def broken(train, holdout, synthetic, schema, *, seed):
    """Fail."""
    raise ZeroDivisionError("a stranger's bug")


def plain(train, holdout, synthetic, schema, *, seed):
    """Return a plain list."""
    return [Score("stranger.rows", 1.0, 1.0, 1.0, "higher", synthetic.num_rows)]


def test_each_metric_is_in_its_own_cage(monkeypatch):
    points = EntryPoints(
        EntryPoint(name, f"{__name__}:{name}", "abbild.metrics") for name in ("broken", "plain")
    )
    monkeypatch.setattr(registry, "entry_points", lambda **by: points.select(**by))
    found = judge(TRAIN, HOLDOUT, FRESH, SCHEMA, seed=Seed(0), arms=False)
    (failed, kept) = found.arms["synthetic"]
    assert failed.status == "not computed" and "a stranger's bug" in failed.reason
    assert kept.value == 1.0
    assert found.verdicts["useful"].level == "cannot say"


def test_a_missing_column_is_named():
    with pytest.raises(ShapeError, match="'city'"):
        judge(TRAIN, HOLDOUT, FRESH.drop_columns(["city"]), SCHEMA, seed=Seed(0))


def test_columns_may_come_in_another_order():
    turned = FRESH.select(FRESH.column_names[::-1])
    a, b = (judge(TRAIN, None, t, SCHEMA, seed=Seed(0), arms=False) for t in (FRESH, turned))
    assert a.evidence == b.evidence


HOSTILE = Schema.of(
    [
        Column("const", Kind.NUMBER),
        Column("nulls", Kind.NUMBER),
        Column("no level", Kind.CATEGORY),
        Column("one level", Kind.CATEGORY),
        Column("größe 🦊", Kind.CATEGORY),
        Column("many", Kind.CATEGORY),
        Column("day", Kind.DATE),
        Column("moment", Kind.DATETIME),
        Column("endless", Kind.NUMBER),
        Column("huge", Kind.NUMBER),
        Column("flag", Kind.BOOLEAN),
        Column("id", Kind.IDENTIFIER),
        Column("mail", Kind.EMAIL),
    ]
)


def hostile(n, who):
    rng = (Seed(3) / who).rng()
    days = rng.integers(-700_000, 2_900_000, n)  # years 54 to 9909
    return pa.table(
        {
            "const": np.full(n, 3.0),
            "nulls": pa.nulls(n, pa.float64()),
            "no level": pa.nulls(n, pa.string()),
            "one level": ["x"] * n,
            "größe 🦊": rng.choice(["ß", "🦊", ""], n).tolist(),
            "many": rng.integers(0, 10_000, n).astype(str),
            "day": pa.array(days.astype("int32")).cast(pa.date32()),
            "moment": [dt.datetime(1677, 1, 1) + dt.timedelta(days=int(d)) for d in days % 9_999],
            "endless": np.where(rng.random(n) < 0.1, np.inf, rng.standard_normal(n)),
            "huge": rng.standard_normal(n) * 1e300,
            "flag": rng.random(n) < 0.5,
            "id": np.arange(n),
            "mail": [f"{k}@example.org" for k in range(n)],
        }
    )


@pytest.mark.parametrize(
    ("train", "holdout", "synthetic"),
    [(1, 1, 1), (1, None, 1), (0, 0, 0), (5, 3, 0), (2, 40, 3), (120, 100, 70), (300, None, 5)],
)
def test_hostile_tables_get_an_answer(train, holdout, synthetic):
    unseen = None if holdout is None else hostile(holdout, "holdout")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = judge(
            hostile(train, "train"), unseen, hostile(synthetic, "made"), HOSTILE, seed=Seed(0)
        )
    json.dumps(found.evidence, allow_nan=False)
    assert not [s.reason for s in every(found) if "failed" in s.reason]
    for score in every(found):
        assert score.status == "not computed" or score.low <= score.value <= score.high
    assert len(found.verdicts) == 4


def test_a_table_of_keys_alone_says_that_there_is_nothing_to_judge():
    schema = Schema.of([Column("id", Kind.IDENTIFIER)], key="id")
    table = pa.table({"id": np.arange(200)})
    found = judge(table, table, table, schema, seed=Seed(0), arms=False)
    reasons = {s.reason for s in found.arms["synthetic"] if s.name != "rules.declared"}
    assert all("no column is left to judge" in reason for reason in reasons)
