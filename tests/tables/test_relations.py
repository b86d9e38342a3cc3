"""Copies, sums and products of columns hold in made rows as often as in real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from abbild.core import Column, Dataset, Kind, Schema, Seed, load_model, save_model
from abbild.tables.codecs import fit_codec
from abbild.tables.copula import Copula
from abbild.tables.independent import Independent
from abbild.tables.trees import Trees

N = 3_000


def number(name: str, values: np.ndarray, decimals: int = 2) -> tuple[Column, pa.Array]:
    return Column(name, Kind.NUMBER, decimals=decimals), pa.array(values, from_pandas=True)


def dataset(*columns: tuple[Column, pa.Array]) -> Dataset:
    table = pa.table({column.name: values for column, values in columns})
    return Dataset.of(table, Schema.of([column for column, _ in columns]))


def invoices(seed: int = 0, missing: float = 0.0) -> Dataset:
    rng = np.random.default_rng(seed)
    net = np.round(rng.lognormal(5, 1, N), 2)
    tax = np.round(net * rng.choice([0.07, 0.19], N), 2)
    paid = np.where(rng.random(N) < 0.7, net, np.round(net * rng.random(N), 2))
    price = np.round(rng.lognormal(2, 1, N), 2)
    pieces = rng.integers(1, 9, N)
    total = np.round(price * pieces, 2)
    total[rng.random(N) < missing] = np.nan
    return dataset(
        number("gross", np.round(net + tax, 2)),
        number("net", net),
        number("tax", tax),
        number("paid", paid),
        number("price", price),
        (Column("pieces", Kind.INTEGER), pa.array(pieces)),
        number("total", total),
        number("noise", np.round(rng.normal(size=N), 2)),
    )


def columns_of(table: pa.Table) -> dict[str, np.ndarray]:
    return {name: table[name].to_numpy() for name in table.column_names}


def shares(table: pa.Table) -> dict[str, float]:
    c = columns_of(table)
    known = np.isfinite(c["total"])
    return {
        "gross": float((np.abs(c["gross"] - c["net"] - c["tax"]) < 1e-6).mean()),
        "paid": float((c["paid"] == c["net"]).mean()),
        "total": float((np.abs(c["total"] - c["price"] * c["pieces"]) < 0.005001)[known].mean()),
    }


@pytest.mark.parametrize("engine", [Trees(), Copula()], ids=["trees", "copula"])
def test_relations_hold_as_often_as_in_the_real_rows(engine: Trees | Copula) -> None:
    data = invoices()
    made = engine.fit(data, seed=Seed(1)).sample(range(N), seed=Seed(2)).table
    real, synthetic = shares(data.table), shares(made)
    assert synthetic["gross"] == 1.0
    assert synthetic["total"] == 1.0
    sd = 2 * np.sqrt(0.7 * 0.3 / N)  # two samples of N rows
    assert abs(synthetic["paid"] - real["paid"]) < 5 * sd


def test_round_amounts_stay_round_and_nothing_falls_below_zero() -> None:
    rng = np.random.default_rng(7)
    amount = rng.integers(4, 160, N) * 250.0
    paid = np.round(amount * rng.beta(1, 4, N), 2)
    data = dataset(
        number("paid", paid),
        number("balance", np.round(amount - paid, 2)),
        number("amount", amount),
    )
    c = columns_of(Trees().fit(data, seed=Seed(1)).sample(range(N), seed=Seed(2)).table)
    assert (c["amount"] % 250 == 0).all()
    assert (c["balance"] >= 0).all()
    assert (np.abs(c["amount"] - c["paid"] - c["balance"]) < 0.005).mean() > 0.99


def test_null_engine_stays_independent() -> None:
    made = Independent().fit(invoices(), seed=Seed(1)).sample(range(N), seed=Seed(2)).table
    assert max(shares(made).values()) < 0.05


def test_missing_values_stay_missing_and_relations_hold_for_the_rest() -> None:
    data = invoices(missing=0.3)
    made = Trees().fit(data, seed=Seed(1)).sample(range(N), seed=Seed(2)).table
    rate = pc.mean(made["total"].is_null().cast(pa.float64())).as_py()
    assert abs(rate - 0.3) < 5 * np.sqrt(2 * 0.3 * 0.7 / N)
    assert shares(made)["total"] == 1.0


def test_coincidence_is_no_relation() -> None:
    rng = np.random.default_rng(3)
    small = [
        (Column(name, Kind.INTEGER), pa.array(rng.integers(0, 12, N))) for name in ("a", "b", "c")
    ]
    zeros = [
        number(name, np.where(rng.random(N) < 0.9, 0.0, np.round(rng.lognormal(3, 1, N), 2)))
        for name in ("d", "e", "f")
    ]
    ones = number("g", np.round(rng.lognormal(3, 1, N), 2)), number("one", np.ones(N), 0)
    codec = fit_codec(dataset(*small, *zeros, *ones), seed=Seed(0))
    assert codec.relations == ()


def test_an_equal_date_is_a_relation_and_a_missing_one_is_not() -> None:
    rng = np.random.default_rng(4)
    days = rng.integers(10_000, 20_000, N)
    start = pa.array(days, pa.int32()).cast(pa.date32())
    end = pa.array(days, pa.int32(), mask=rng.random(N) < 0.5).cast(pa.date32())
    data = dataset((Column("start", Kind.DATE), start), (Column("end", Kind.DATE), end))
    made = Trees().fit(data, seed=Seed(1)).sample(range(N), seed=Seed(2)).table
    assert pc.all(pc.equal(made["start"], made["end"])).as_py()
    assert 0.4 < made["end"].null_count / N < 0.6


def test_relations_survive_saving_conditions_and_sharding(tmp_path: Path) -> None:
    sampler = Trees().fit(invoices(), seed=Seed(1))
    save_model(sampler, tmp_path / "model")
    again = load_model(tmp_path / "model")
    rows = sampler.sample(range(500), seed=Seed(5)).table
    assert again.sample(range(500), seed=Seed(5)).table.equals(rows)
    assert sampler.sample(range(100, 200), seed=Seed(5)).table.equals(rows.slice(100, 100))
    large = sampler.sample_where("gross > 400 AND paid < net", 200, seed=Seed(6)).batch.table
    c = columns_of(large)
    assert (c["gross"] > 400).all()
    assert (c["paid"] < c["net"]).all()
    assert shares(large)["gross"] == 1.0
    assert shares(large)["total"] == 1.0


def test_a_formula_that_is_the_name_of_a_column_is_left_alone() -> None:
    x = np.round(np.random.default_rng(5).normal(size=N), 2) * 100
    data = dataset(number("a", x), number("b", x), number("b = a", x[::-1].copy()))
    codec = fit_codec(data, seed=Seed(0))
    assert all(relation.formula != "b = a" for relation in codec.relations)


def test_the_report_is_told() -> None:
    codec = fit_codec(invoices(), seed=Seed(0))
    assert any(note.startswith("gross = net + tax in all rows") for note in codec.notes)
    assert any(note.startswith("paid = net in ") for note in codec.notes)


def test_what_follows_from_given_values_follows_exactly() -> None:
    sampler = Trees().fit(invoices(), seed=Seed(1))
    net = pa.array([1.5, 200.25, 99_999.99])
    made = sampler.sample_given(pa.table({"net": net}), seed=Seed(3)).batch.table
    assert made["net"].to_pylist() == net.to_pylist()
    assert shares(made)["gross"] == 1.0


def test_a_column_that_always_equals_a_given_one_is_given() -> None:
    x = np.round(np.random.default_rng(6).lognormal(3, 1, N), 2)
    sampler = Trees().fit(dataset(number("a", x), number("b", x)), seed=Seed(1))
    made = sampler.sample_given(pa.table({"b": [1.0, 2.0, 3.0]}), seed=Seed(3)).batch.table
    assert made["a"].to_pylist() == made["b"].to_pylist() == [1.0, 2.0, 3.0]


def test_what_floats_cannot_tell_apart_is_no_relation() -> None:
    rng = np.random.default_rng(8)
    large = 2 * (2**53 + rng.integers(0, 10**6, N))
    start = 1_700_000_000_000_000 + np.sort(rng.integers(0, 10**13, N))
    five = np.rint((rng.integers(0, 10**6, N) + (c := rng.integers(0, 10**6, N))) / 5) * 5
    whole = {
        "a": large,
        "b": large + 1,
        "start": start,
        "end": start + rng.integers(0, 3000, N),
        "c": c,
        "five": five.astype(np.int64),
    }
    columns = [(Column(name, Kind.INTEGER), pa.array(values)) for name, values in whole.items()]
    codec = fit_codec(dataset(*columns, number("z", rng.normal(size=N))), seed=Seed(0))
    assert codec.relations == ()
