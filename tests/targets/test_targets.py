"""Target models learn what is there, and survive what users have in their tables."""

import numpy as np
import pyarrow as pa
import pytest

from abbild.core import (
    Column,
    ColumnTypeError,
    Dataset,
    Kind,
    NotEnoughDataError,
    Schema,
    SchemaError,
    Seed,
    names,
    resolve,
)

COLUMNS = [
    Column("x", Kind.NUMBER),
    Column("day", Kind.DATE),
    Column("city", Kind.CATEGORY),
    Column("class", Kind.CATEGORY),
    Column("amount", Kind.NUMBER),
    Column("id", Kind.IDENTIFIER),
]
MODELS = names("targets")
QUANTITIES = [name for name in MODELS if name != "naive-bayes"]


def rows(n, who):
    rng = (Seed(5) / who).rng()
    x = rng.standard_normal(n)
    city = rng.integers(0, 3, n)
    kind = np.digitize(x + 0.8 * (city == 1) + 0.3 * rng.standard_normal(n), [-0.5, 0.7])
    return pa.table(
        {
            "x": pa.array(x, mask=rng.random(n) < 0.05),
            "day": pa.array((10_000 + 100 * x).astype("int32")).cast(pa.date32()),
            "city": pa.array(np.array(["Ulm", "Köln", "🏙"])[city], mask=rng.random(n) < 0.05),
            "class": np.array(["low", "mid", "high"])[kind],
            "amount": 1e6 + 50 * x + 20 * (city == 2) + 5 * rng.standard_normal(n),
            "id": np.arange(n),
        }
    )


def trained(name, target, table=None):
    data = Dataset.of(rows(600, "train") if table is None else table, schema(target))
    return resolve("targets", name)().train(data, seed=Seed(0))


def schema(target):
    return Schema.of(COLUMNS, target=target)


@pytest.mark.parametrize("name", MODELS)
def test_levels_are_predicted_with_probabilities(name):
    test = rows(400, "test")
    guess = trained(name, "class").predict(test)
    assert guess.column_names == ["high", "low", "mid"]
    p = np.column_stack([c.to_numpy() for c in guess.columns])
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert (p >= 0).all()
    right = np.array(guess.column_names)[p.argmax(1)] == test["class"].to_numpy()
    assert right.mean() > 0.6  # the most frequent class is right for less than half


@pytest.mark.parametrize("name", QUANTITIES)
def test_quantities_are_predicted_in_their_own_unit(name):
    test = rows(400, "test")
    guess = trained(name, "amount").predict(test)["value"].to_numpy()
    error = guess - test["amount"].to_numpy()
    assert 1 - error.var() / test["amount"].to_numpy().var() > 0.8
    assert abs(error.mean()) < 5


@pytest.mark.parametrize("name", MODELS)
def test_missing_values_and_levels_never_seen_are_predicted_too(name):
    test = rows(5, "test")
    strange = test.set_column(2, "city", pa.array(["Atlantis", None, "", "Ulm", "🦊"]))
    strange = strange.set_column(0, "x", pa.array([None, np.inf, -np.inf, 1e300, 0.0]))
    strange = strange.set_column(1, "day", pa.nulls(5, pa.date32()))
    guess = trained(name, "class").predict(strange)
    assert guess.num_rows == 5
    assert all(np.isfinite(c.to_numpy()).all() for c in guess.columns)


@pytest.mark.parametrize("name", MODELS)
def test_rows_without_a_target_are_not_trained_on(name):
    table = rows(600, "train")
    hole = pa.table({**{n: table[n].slice(0, 50) for n in table.column_names if n != "class"}})
    hole = hole.add_column(3, "class", pa.nulls(50, pa.string()))
    test = rows(20, "test")
    more = pa.concat_tables([table, hole])
    assert trained(name, "class", more).predict(test).equals(trained(name, "class").predict(test))


@pytest.mark.parametrize("name", MODELS)
def test_a_target_that_does_not_vary_is_refused(name):
    table = rows(60, "train")
    constant = table.set_column(3, "class", pa.array(["low"] * 60))
    with pytest.raises(NotEnoughDataError, match="'class'"):
        trained(name, "class", constant)


def test_a_target_must_be_named_and_predictable():
    with pytest.raises(SchemaError, match="target"):
        trained("tree", None)
    with pytest.raises(ColumnTypeError, match="'id'"):
        trained("tree", "id")
    with pytest.raises(ColumnTypeError, match="'amount'"):
        trained("naive-bayes", "amount")


def test_the_target_is_not_among_the_features():
    table = rows(600, "train")
    rng = (Seed(0) / "noise").rng()
    schema = Schema.of([Column("a", Kind.NUMBER), Column("y", Kind.NUMBER)], target="y")
    noise = pa.table({"a": rng.standard_normal(600), "y": rng.standard_normal(600)})
    model = resolve("targets", "gradient-boosting")().train(Dataset.of(noise, schema), seed=Seed(0))
    guess = model.predict(noise)["value"].to_numpy()
    assert np.abs(guess - noise["y"].to_numpy()).mean() > 0.2
    assert table.num_rows == 600
