"""Rules that were planted are found, and nothing else is."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from abbild.core import Column, Kind, Schema, Seed
from abbild.evaluate.rules import kept_by_sql, mined, rules

from .population import SCHEMA, people, shuffled

TRAIN = people(1000, "rules")


def found(table, schema=SCHEMA):
    return {rule.text for rule in mined(table, schema, Seed(0))}


def test_planted_rules_are_found_and_no_others():
    assert found(TRAIN) == {
        "spent <= income",
        "age >= 0",
        "income >= 0",
        "spent >= 0",
        "city fixes region",
    }


def test_no_rule_is_found_where_columns_are_independent():
    rng = (Seed(0) / "noise").rng()
    table = pa.table({"a": rng.standard_normal(500), "b": rng.standard_normal(500)})
    schema = Schema.of([Column("a", Kind.NUMBER), Column("b", Kind.NUMBER)])
    assert found(table, schema) == set()
    # far apart, so one is always below the other, but that says nothing
    apart = table.set_column(1, "b", pa.array(rng.standard_normal(500) + 100))
    assert found(apart, schema) == {"b >= 0"}


def test_missing_where_another_is_missing():
    rng = (Seed(0) / "missing").rng()
    gone = rng.random(600) < 0.3
    both = gone | (rng.random(600) < 0.2)
    x = rng.standard_normal(600)
    table = pa.table({"a": pa.array(x, mask=gone), "b": pa.array(x, mask=both)})
    schema = Schema.of([Column("a", Kind.NUMBER), Column("b", Kind.NUMBER)])
    assert "b is missing where a is" in found(table, schema)
    assert "a is missing where b is" not in found(table, schema)


def test_broken_rules_are_named_worst_first():
    judged = rules(TRAIN, people(800, "other"), shuffled(TRAIN, "x"), SCHEMA, seed=Seed(0))
    (worst, *_) = judged.evidence["rules"]
    assert worst["rule"] in {"city fixes region", "spent <= income"}
    assert worst["real"] == 1.0 and worst["synthetic"] < 0.8


def test_declared_constraints_are_sql():
    schema = Schema(SCHEMA.tables, constraints=("spent <= income", "age < 50 or age >= 50", "no("))
    judged = rules(TRAIN, None, TRAIN, schema, seed=Seed(0))
    declared = [r for r in judged.evidence["rules"] if r["origin"] == "declared"]
    assert [r["synthetic"] for r in declared] == [1.0, 1.0]
    assert declared[0]["n"] == TRAIN["spent"].drop_null().length()  # unknown is not broken


def test_a_constraint_that_cannot_be_read_says_so():
    schema = Schema(SCHEMA.tables, constraints=("no such thing(",))
    scores = {s.name: s for s in rules(TRAIN, None, TRAIN, schema, seed=Seed(0))}
    assert scores["rules.declared"].status == "not computed"
    assert "no such thing(" in scores["rules.declared"].reason


def test_a_constraint_cannot_read_files(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(duckdb.Error):
        kept_by_sql(TRAIN, f"(SELECT count(*) FROM read_csv('{secret.as_posix()}')) = 1")


def test_three_valued_logic():
    table = pa.table({"x": [1, None, 3]})
    kept = kept_by_sql(table, "x > 2")
    assert kept[[0, 2]].tolist() == [0.0, 1.0] and np.isnan(kept[1])
