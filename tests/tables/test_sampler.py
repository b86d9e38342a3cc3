"""Samplers of tables: the same rows however they are cut, and conditions that hold exactly."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.core import (
    Column,
    Conditional,
    ConditionError,
    Dataset,
    Kind,
    Sampler,
    Schema,
    Seed,
    load_model,
    save_model,
)
from abbild.tables.conditions import parse
from abbild.tables.copula import Copula
from abbild.tables.independent import Independent
from abbild.tables.sampler import Allowed, TableSampler
from abbild.tables.selection import allowed_sets

N = 4_000


def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((N, 2))
    z[:, 1] = 0.8 * z[:, 0] + 0.6 * z[:, 1]
    age = np.clip(np.rint(45 + 15 * z[:, 0]), 18, 90).astype(int)
    table = pa.table(
        {
            "id": pa.array(range(N)),
            "age": pa.array(age, mask=rng.random(N) < 0.1),
            "income": np.round(np.exp(10 + 0.5 * z[:, 1]), 2),
            "job": pa.array(np.where(z[:, 1] > 0, "lead", rng.choice(["nurse", "cook"], N))),
            "since": pa.array(rng.integers(10_000, 20_000, N).astype(np.int32)).cast(pa.date32()),
            "Weird name": rng.normal(size=N),
        }
    )
    schema = Schema.of(
        [
            Column("id", Kind.IDENTIFIER),
            Column("age", Kind.INTEGER),
            Column("income", Kind.NUMBER),
            Column("job", Kind.CATEGORY),
            Column("since", Kind.DATE),
            Column("Weird name", Kind.NUMBER),
        ]
    )
    return Dataset.of(table, schema)


DATA = dataset()
ENGINES: dict[str, TableSampler] = {
    engine.name: engine for engine in (e.fit(DATA, seed=Seed(0)) for e in (Independent(), Copula()))
}
every_engine = pytest.mark.parametrize("name", sorted(ENGINES))


@every_engine
def test_engines_meet_the_contracts(name):
    assert isinstance(ENGINES[name], Sampler) and isinstance(ENGINES[name], Conditional)


@every_engine
@settings(max_examples=10)
@given(cut=st.integers(0, 9_000), start=st.integers(0, 5_000))
def test_any_cut_gives_the_same_rows(name, cut, start):
    whole = ENGINES[name].sample(range(9_000), seed=Seed(4)).table
    part = ENGINES[name].sample(range(start, max(start, cut)), seed=Seed(4)).table
    assert part.equals(whole.slice(start, max(cut - start, 0)))


@every_engine
def test_seeds_matter_and_repeat(name):
    once, twice, other = (ENGINES[name].sample(range(50), seed=Seed(s)).table for s in (1, 1, 2))
    assert once.equals(twice) and not once.equals(other)
    assert ENGINES[name].sample(range(0), seed=Seed(1)).table.schema == DATA.table.schema


@every_engine
def test_a_model_survives_the_disk(name, tmp_path):
    save_model(ENGINES[name], tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.sample(range(99), seed=Seed(1)).table.equals(
        ENGINES[name].sample(range(99), seed=Seed(1)).table
    )


def test_fitting_is_deterministic():
    again = Copula().fit(DATA, seed=Seed(0))
    assert np.array_equal(again.model.correlation, ENGINES["copula"].model.correlation)


HOLDS = {
    "age > 60": lambda r: r["age"] is not None and r["age"] > 60,
    "age IS NULL": lambda r: r["age"] is None,
    "age IS NULL OR age < 30": lambda r: r["age"] is None or r["age"] < 30,
    "AGE between 30.5 and 40 and job <> 'lead'": lambda r: (
        r["age"] is not None and 30.5 <= r["age"] <= 40 and r["job"] != "lead"
    ),
    "not (age < 70)": lambda r: r["age"] is not None and r["age"] >= 70,
    "income > age * 1000 AND job LIKE '%e%'": lambda r: (
        r["age"] is not None and r["income"] > r["age"] * 1000 and "e" in r["job"]
    ),
    "since >= '2015-06-01'": lambda r: r["since"] >= dt.date(2015, 6, 1),
    "since >= DATE '2015-06-01' AND job IN ('nurse', 'cook')": lambda r: (
        r["since"] >= dt.date(2015, 6, 1) and r["job"] in ("nurse", "cook")
    ),
    "year(since) = 2010 -- a comment": lambda r: r["since"].year == 2010,
    '"Weird name" < -1 OR "Weird name" > 1.25': lambda r: (
        r["Weird name"] < -1 or r["Weird name"] > 1.25
    ),
    "1 = 1": lambda r: True,
}


@every_engine
@pytest.mark.parametrize("condition", HOLDS)
def test_every_row_satisfies_the_condition(name, condition):
    drawn = ENGINES[name].sample_where(condition, 200, seed=Seed(3))
    rows = drawn.batch.table.to_pylist()
    assert len(rows) == 200 and all(HOLDS[condition](row) for row in rows)
    assert 0 < drawn.effective <= 200
    assert not drawn.exact or drawn.effective == 200
    assert len({row["id"] for row in rows}) == 200


@every_engine
@pytest.mark.parametrize(
    "condition",
    ["age > 60", "job = 'lead' AND age < 40", "since < '2000-01-01' AND income > 30000"],
)
def test_conditioning_is_what_is_left_after_filtering(name, condition):
    """Exactly the rows a long unconditional sample keeps: Smirnov's two-sample bound."""
    engine = ENGINES[name]
    free = engine.sample(range(60_000), seed=Seed(9)).table
    kept = free.filter(pa.array(parse(condition, free.schema).holds(free)))
    drawn = engine.sample_where(condition, 3_000, seed=Seed(8)).batch.table
    for column in ("age", "income", "Weird name"):
        a, b = (np.sort(t[column].drop_null().to_numpy()) for t in (kept, drawn))
        grid = np.concatenate([a, b])
        gap = np.abs(
            np.searchsorted(a, grid, "right") / len(a) - np.searchsorted(b, grid, "right") / len(b)
        ).max()
        bound = np.sqrt(-np.log(1e-6 / 2) / 2 * (1 / len(a) + 1 / len(b)))
        assert gap < bound
    lead = [np.mean(np.array(t["job"].to_pylist()) == "lead") for t in (kept, drawn)]
    assert abs(lead[0] - lead[1]) < 5 * np.sqrt(0.25 * (1 / len(kept) + 1 / len(drawn)))


def test_conditions_on_one_column_are_met_without_rejection():
    condition = parse("age > 60 AND job = 'cook'", DATA.table.schema)
    codec = ENGINES["copula"].codec
    within = allowed_sets(condition, codec)
    assert set(within) == {"age", "job"} and not within["age"].missing
    encoded, _ = ENGINES["copula"].model.draw(range(4_096), seed=Seed(1), within=within)
    table = codec.decode(encoded, range(4_096), seed=Seed(1))
    assert condition.holds(table).all()
    age, job = (c for c in encoded.columns if c.name in within)
    assert within["age"].accepts(age).all() and within["job"].accepts(job).all()


def test_exact_draws_do_not_depend_on_the_cut():
    engine = ENGINES["independent"]
    whole = engine.sample_where("age > 60", 300, seed=Seed(1)).batch.table
    part = engine.sample_where("age > 60", range(100, 300), seed=Seed(1)).batch.table
    assert part.equals(whole.slice(100))


REFUSED = {
    "": "empty",
    "agee > 3": "no column named 'agee'",
    'job = "cook"': "no column named 'cook'",
    "age + 1": "not true or false",
    "age > (": "syntax error",
    "1=1; DROP TABLE t": "no condition",
    "1=1) UNION SELECT * FROM t WHERE (1=1": "more than one expression",
    "1=1) ORDER BY (age": "more than one expression",
    "1=1) GROUP BY (age": "more than one expression",
    "age IN (SELECT 1)": "subquery",
    "EXISTS (SELECT * FROM read_csv('/etc/passwd'))": "no condition",
    "read_text('/etc/passwd') = 'x'": "read_text",
    "random() < 0.5": "another value each time",
    "sum(age) > 3": "not computed from one row",
    "row_number() OVER () > 3": "no condition",
    "nosuch(age) > 3": "nosuch",
    "age > 500": "no value of column 'age'",
    "1 = 0": "never true",
    "age > 30 AND NULL": "never true",
    "job = 'spy'": "no value of column 'job'",
    "age > 30 AND age < 20": "no value of column 'age'",
    "age > 'x'": "cannot be computed",
    "age = ?": "no condition",
}


@pytest.mark.parametrize("condition", REFUSED)
def test_what_is_no_condition_is_one_clear_sentence(condition):
    with pytest.raises(ConditionError) as caught:
        ENGINES["independent"].sample_where(condition, 5, seed=Seed(0))
    assert REFUSED[condition] in str(caught.value)
    assert caught.value.hint


def test_the_nearest_column_is_named():
    with pytest.raises(ConditionError, match="did you mean 'income'"):
        ENGINES["independent"].sample_where("incom > 3", 5, seed=Seed(0))


def test_a_condition_next_to_never_met_says_how_many_rows_were_drawn():
    with pytest.raises(ConditionError, match=r"of 245,760 rows drawn none did"):
        ENGINES["independent"].sample_where("age * 2 = income + 0.5", 5, seed=Seed(0))


def test_few_rows_that_satisfy_are_drawn_again_and_the_effective_size_says_so():
    free = ENGINES["independent"].sample(range(100_000), seed=Seed(4)).table
    sums = free["income"].to_numpy() + 1_000 * free["age"].fill_null(0).to_numpy()
    condition = f"income + 1000 * age > {np.sort(sums)[-9]}"
    drawn = ENGINES["independent"].sample_where(condition, 500, seed=Seed(0))
    table = drawn.batch.table
    assert table.num_rows == 500 and not drawn.exact and 1 <= drawn.effective < 100
    assert parse(condition, table.schema).holds(table).all()
    assert len(set(table["id"].to_pylist())) == 500


def test_columns_that_are_never_learned_cannot_be_asked_for():
    with pytest.raises(ConditionError, match="never learned"):
        ENGINES["independent"].sample_where("id % 2 = 0", 50, seed=Seed(0))


@every_engine
def test_given_columns_are_kept_as_they_are(name):
    told = pa.table({"job": ["cook", "lead", "alien", None] * 30, "age": [20, 80, 33, None] * 30})
    drawn = ENGINES[name].sample_given(told, seed=Seed(2))
    assert drawn.batch.table.select(["job", "age"]).equals(told)
    assert drawn.batch.table.num_rows == 120 and drawn.batch.table.schema == DATA.table.schema
    assert 0 < drawn.effective <= 120


def test_given_values_move_the_others():
    told = pa.table({"age": [25] * 2_000 + [70] * 2_000})
    drawn = ENGINES["copula"].sample_given(told, seed=Seed(2))
    assert drawn.exact and drawn.effective == 4_000
    income = np.log(drawn.batch.table["income"].to_numpy())
    # planted: log income = 10 + 0.5 (0.8 z + 0.6 e) for the z of an age
    for part, age in ((income[:2_000], 25), (income[2_000:], 70)):
        expected = 10 + 0.5 * 0.8 * (age - 45) / 15
        assert abs(part.mean() - expected) < 0.08


@pytest.mark.parametrize(
    ("told", "why"),
    [({"agee": [1]}, "no column named 'agee'"), ({"age": ["old"]}, "column 'age' holds values")],
)
def test_given_nonsense_is_refused(told, why):
    with pytest.raises(ConditionError, match=why):
        ENGINES["copula"].sample_given(pa.table(told), seed=Seed(0))


def test_allowed_says_what_it_accepts():
    encoded = ENGINES["copula"].codec.encode(DATA.table)
    age = next(c for c in encoded.columns if c.name == "age")
    inside = Allowed(intervals=np.array([[-1.0, 0.0]]), missing=True).accepts(age)
    assert np.array_equal(inside, np.isnan(age.z) | ((age.z >= -1) & (age.z <= 0)))
