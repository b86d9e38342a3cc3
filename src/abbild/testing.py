"""The contract kit: what every part must do, ours and a stranger's alike.

A plugin is one class, one entry point and one green test::

    from abbild.testing import check_synthesizer

    def test_contract():
        check_synthesizer(MyEngine)

Each check raises `AssertionError` with the law that was broken.
"""

from __future__ import annotations

import json
import math
import pickle
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from abbild.core import (
    AbbildError,
    Batch,
    Column,
    Dataset,
    Executor,
    Kind,
    Metric,
    NotEnoughDataError,
    Sampler,
    Schema,
    Score,
    Seed,
    Synthesizer,
    Target,
    load_model,
    save_model,
)

__all__ = [
    "check_executor",
    "check_metric",
    "check_sampler",
    "check_synthesizer",
    "check_target",
    "people",
]

SEED = Seed(2026) / "contract"
TOWNS = ("Köln", "München", "Düsseldorf", "Łódź", "Århus", 'O\'Fallon, "MO"')
DEGREES = ("none", "school", "bachelor", "master")


def people(rows: int = 600, *, seed: Seed = SEED) -> Dataset:
    """Return a small table with a bit of everything: every learned storage, nulls, Unicode.

    `owner` is the target. Income has a point mass at zero and two decimals, weight has full
    precision and missing values, and all columns depend on age.
    """
    rng = (seed / "people").rng()
    age = rng.integers(18, 91, rows)
    old = (age - 18) / 72
    income = np.where(rng.random(rows) < 0.2, 0.0, np.round(np.exp(rng.normal(9 + old, 0.6)), 2))
    town = np.minimum(rng.geometric(0.45, rows) - 1, len(TOWNS) - 1)
    degree = np.clip(np.rint(rng.normal(1 + old, 0.8)), 0, 3).astype(int)
    joined = 18_000 - (old * 9000 * rng.random(rows)).astype(int)  # days since 1970
    seen = 1_600_000_000 + rng.integers(0, 10**8, rows)  # seconds since 1970
    owner = rng.random(rows) < 0.1 + 0.6 * old
    table = pa.table(
        {
            "age": pa.array(age, pa.int64()),
            "income": pa.array(income),
            "weight": pa.array(rng.normal(70 + 10 * old, 9), mask=rng.random(rows) < 0.15),
            "town": pa.array(np.array(TOWNS)[town], pa.string(), mask=rng.random(rows) < 0.1),
            "degree": pa.array(np.array(DEGREES)[degree], pa.string()),
            "member": pa.array(rng.random(rows) < 0.3, mask=rng.random(rows) < 0.05),
            "joined": pa.array(joined, pa.int32()).cast(pa.date32()),
            "seen": pa.array(seen, pa.int64()).cast(pa.timestamp("s")),
            "owner": pa.array(owner),
        }
    )
    columns = [
        Column("age", Kind.INTEGER),
        Column("income", Kind.NUMBER, decimals=2),
        Column("weight", Kind.NUMBER),
        Column("town", Kind.CATEGORY),
        Column("degree", Kind.ORDINAL, levels=DEGREES),
        Column("member", Kind.BOOLEAN),
        Column("joined", Kind.DATE),
        Column("seen", Kind.DATETIME, unit="s"),
        Column("owner", Kind.BOOLEAN),
    ]
    return Dataset.of(table, Schema.of(columns, name="people", target="owner"))


def check_synthesizer(make: Callable[[], Synthesizer], *, data: Dataset | None = None) -> None:
    """Check an engine: its hyper-parameters, how it fits, and the sampler it returns.

    Parameters
    ----------
    make : the class, or a function without arguments that returns an engine
    data : a single table it can learn; `people` unless said
    """
    data = people() if data is None else data
    engine = make()
    _check_hyper_parameters(engine)
    before, knobs = _bytes(data.table), repr(engine)
    sampler = engine.fit(data, seed=SEED / "fit")
    _must(_bytes(data.table) == before, "fit changes the table it learns from")
    _must(repr(engine) == knobs, "fit changes the hyper-parameters")
    check_sampler(sampler, like=data)
    with _untouched_randomness("fit"):
        again = make().fit(data, seed=SEED / "fit")
    _must(_same(_draw(sampler, 90), _draw(again, 90)), "two fits with one seed differ")
    _check_refusals(engine, data)


def check_sampler(sampler: Sampler, *, like: Dataset | None = None) -> None:
    """Check a source of rows: counts, seeds, ranges, and the ways it travels.

    Parameters
    ----------
    sampler : a fitted engine or anything else that draws rows
    like : data whose tables, columns and types the rows must have
    """
    _must(isinstance(sampler.block, int) and sampler.block >= 1, "block is a whole number >= 1")
    whole = _draw(sampler, 5000)
    with _untouched_randomness("sample"):
        _must(_same(_draw(sampler, 5000), whole), "one seed gives different rows")
    for n in (0, 1, 700, 5000):
        _must(_counted(_draw(sampler, n), range(n)), f"{n} rows asked for, another number given")
    for rows in (
        range(0),
        range(1),
        range(700),
        range(4090, 4110),
        range(4999, 5000),
        range(17, 18),
        range(2500, 2500),
    ):
        part = sampler.sample(rows, seed=SEED / "sample")
        _must(_same(part, _part(whole, range(5000), rows)), f"rows {rows} depend on the range")
    other = sampler.sample(range(200), seed=SEED / "other")
    _must(not _same(other, _draw(sampler, 200)), "another seed gives the same rows")
    _check_travel(sampler, whole)
    if like is not None:
        for n in (0, 5000):
            _check_values(_draw(sampler, n), like)


def check_metric(metric: Metric, *, data: Dataset | None = None) -> None:
    """Check a metric: scores with intervals, the same for the same seed; only our errors, if any.

    Parameters
    ----------
    metric : a function that meets `abbild.core.Metric`
    data : a single table it can judge; `people` unless said
    """
    data = people(1800) if data is None else data
    table, third = data.table, data.table.num_rows // 3
    train, holdout, synthetic = (table.slice(k * third, third) for k in range(3))
    few, other, drawn = (part.slice(0, 120) for part in (train, holdout, synthetic))
    hollow = _emptied(few, table.column_names[:3])
    cases: dict[str, tuple[pa.Table, pa.Table | None, pa.Table]] = {
        "three tables": (train, holdout, synthetic),
        "few rows": (few, other, drawn),
        "no holdout": (few, None, drawn),
        "a copy of the training data": (few, other, few),
        "three rows": (few.slice(0, 3), other.slice(0, 3), drawn.slice(0, 3)),
        "one synthetic row": (few, other, drawn.slice(0, 1)),
        "empty columns": (hollow, hollow, hollow),
    }
    for case, (seen, unseen, made) in cases.items():
        try:
            scores = again = metric(seen, unseen, made, data.schema, seed=SEED)
            if case == "few rows":
                with _untouched_randomness("the metric"):
                    again = metric(seen, unseen, made, data.schema, seed=SEED)
        except AbbildError as error:
            _must(made is not synthetic, f"{case}: refused: {error}")
            continue  # who judges turns this into a score that says why
        _check_scores(scores, case)
        _must(_said(scores) == _said(again), f"{case}: two calls with one seed differ")


def check_target(make: Callable[[], Target], *, data: Dataset | None = None) -> None:
    """Check a target model: it predicts every row from the other columns alone.

    Parameters
    ----------
    make : the class, or a function without arguments that returns a target
    data : a single table with a target; `people` unless said
    """
    data = people() if data is None else data
    target, name = make(), data.schema.table.target
    _must(name is not None, "the data to check a target model with names no target")
    _check_hyper_parameters(target)
    before = _bytes(data.table)
    model = target.train(data, seed=SEED)
    predicted = model.predict(data.table)
    _must(_bytes(data.table) == before, "train changes the table it learns from")
    _must(predicted.num_rows == data.table.num_rows, "predict returns another number of rows")
    with _untouched_randomness("train"):
        again = make().train(data, seed=SEED).predict(data.table)
    _must(predicted.equals(again), "two trainings with one seed differ")
    blind = data.table.drop_columns([str(name)])
    _must(predicted.equals(model.predict(blind)), "a prediction looks at the target")
    _must(
        predicted.slice(5, 3).equals(model.predict(data.table.slice(5, 3))),
        "the prediction of a row depends on the rows beside it",
    )
    for table in (blind.slice(0, 0), _emptied(blind, blind.column_names), _strange(blind)):
        _must(model.predict(table).num_rows == table.num_rows, "strange rows are left out")


def check_executor(executor: Executor) -> None:
    """Check an executor: an ordered map, lazy on endless items, whose errors arrive as ours."""
    shared = {"by": 3}
    _must(
        list(executor.map(_times, range(20), shared=shared)) == list(range(0, 60, 3)),
        "results come in another order, or `shared` did not arrive",
    )
    _must(list(executor.map(_times, [], shared=shared)) == [], "no items give results")
    _must(list(islice(executor.map(abs, count()), 3)) == [0, 1, 2], "endless items never end")
    try:
        list(executor.map(_refuse, [7]))
    except NotEnoughDataError as error:
        _must(error.hint == "ask for more", "an error loses its hint")
    else:
        _must(False, "an error in an item is lost")


def _must(condition: bool, law: str) -> None:
    if not condition:
        raise AssertionError(law)


def _times(item: int, *, by: int) -> int:
    return item * by


def _refuse(item: int) -> None:
    raise NotEnoughDataError(f"{item} is not enough", hint="ask for more")


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


@contextmanager
def _untouched_randomness(what: str) -> Iterator[None]:
    """Watch a second call: a first one may import packages that shuffle when imported."""
    state = np.random.get_state()  # noqa: NPY002 - the one place that may look
    before = pickle.dumps(state), random.getstate()
    yield
    after = pickle.dumps(np.random.get_state()), random.getstate()  # noqa: NPY002
    _must(before == after, f"{what} touches the global random state; draw from its seed only")


def _check_hyper_parameters(made: Any) -> None:
    kind = type(made)
    _must(is_dataclass(kind), f"{kind.__name__} is no dataclass of its hyper-parameters")
    _must(kind.__dataclass_params__.frozen, f"{kind.__name__} is not frozen")
    edge: TypeAdapter[Any] = TypeAdapter(with_config(ConfigDict(extra="forbid"))(kind))
    knobs = {f.name: getattr(made, f.name) for f in fields(made)}
    _must(edge.validate_python(knobs) == made, "its own hyper-parameters do not make it again")
    edge.json_schema()
    try:
        edge.validate_python({**knobs, "no_such_knob": 1})
    except ValidationError:
        return
    _must(False, "a misspelt hyper-parameter is not refused")


def _check_refusals(engine: Synthesizer, data: Dataset) -> None:
    table = data.table
    try:
        engine.fit(data.with_table(table.slice(0, 0)), seed=SEED)
    except NotEnoughDataError as error:
        _must(bool(error.hint), "the refusal of an empty table has no hint")
    else:
        _must(False, "an empty table is not refused with NotEnoughDataError")
    hostile = {
        "one row": table.slice(0, 1),
        "columns all missing": _emptied(table, table.column_names[::2]),
        "one row again and again": pa.concat_tables([table.slice(0, 1)] * 50),
    }
    for case, rows in hostile.items():
        small = data.with_table(rows)
        try:
            drawn = _draw(engine.fit(small, seed=SEED), 20)
        except AbbildError as error:
            _must(bool(error.hint), f"{case}: refused without a hint")
        else:
            _check_values(drawn, small)


def _draw(sampler: Sampler, n: int) -> Batch:
    return sampler.sample(range(n), seed=SEED / "sample")


def _counted(batch: Batch, rows: range) -> bool:
    """Whether accepted and rejected rows together are those asked for."""
    rejected = [r.row for r in batch.rejected]
    lengths = {table.num_rows for table in batch.tables.values()}
    whole = len(set(rejected)) == len(rejected) and all(row in rows for row in rejected)
    return whole and (len(batch.tables) > 1 or lengths == {len(rows) - len(rejected)})


def _part(batch: Batch, rows: range, part: range) -> Batch:
    """Return what a batch of `rows` says about `part`; several tables are not cut by row."""
    lost = {r.row for r in batch.rejected}
    keep = pa.array([row in part for row in rows if row not in lost], pa.bool_())
    tables = {name: table.filter(keep) for name, table in batch.tables.items()}
    return Batch(tables, tuple(r for r in batch.rejected if r.row in part))


def _same(a: Batch, b: Batch) -> bool:
    """Whether two batches hold the same values of the same types, wherever their chunks end."""
    return (
        a.rejected == b.rejected
        and list(a.tables) == list(b.tables)
        and all(a.tables[n].equals(b.tables[n]) for n in a.tables)
    )


def _check_travel(sampler: Sampler, whole: Batch) -> None:
    _must(_same(_draw(pickle.loads(pickle.dumps(sampler)), 5000), whole), "pickling changes it")
    with TemporaryDirectory() as name:
        folders = Path(name, "one"), Path(name, "two")
        for folder in folders:
            save_model(sampler, folder)
        _must(_same(_draw(load_model(folders[0]), 5000), whole), "saving and loading changes it")
        one, two = ([p.read_bytes() for p in sorted(f.iterdir())] for f in folders)
        _must(one == two, "one model saved twice is two different files")


def _check_values(batch: Batch, like: Dataset) -> None:
    _must(list(batch.tables) == list(like.tables), f"tables are {list(batch.tables)}")
    for name, described in like.schema.tables.items():
        table, want = batch.tables[name], like.tables[name].schema.remove_metadata()
        _must(table.schema.remove_metadata() == want, f"columns are {table.schema}, not {want}")
        for column in described.columns:
            _must(_canonical(table[column.name], column), f"{column.name!r} is not canonical")


def _canonical(values: pa.ChunkedArray, column: Column) -> bool:
    """Whether there is no NaN, no decimal too many and no level that was not declared."""
    known = values.drop_null()
    if pa.types.is_floating(known.type):
        x = known.to_numpy()
        rounded = x if column.decimals is None else np.round(x, column.decimals)
        return bool(np.isfinite(x).all() and (x == rounded).all())
    if column.kind is Kind.ORDINAL and column.levels is not None:
        return set(known.unique().to_pylist()) <= set(column.levels)
    return True


def _emptied(table: pa.Table, names: list[str]) -> pa.Table:
    for name in names:
        at = table.column_names.index(name)
        kind = table.schema.field(name).type
        table = table.set_column(at, name, pa.nulls(table.num_rows, kind))
    return table


def _strange(table: pa.Table) -> pa.Table:
    """Return `table` with levels nobody has seen."""
    for at, name in enumerate(table.column_names):
        if pa.types.is_string(table.schema.field(name).type):
            new = pc.binary_join_element_wise(table[name], "?", "")
            table = table.set_column(at, name, new)
    return table


def _said(scores: list[Score]) -> list[str]:
    return [repr(score) for score in scores]  # NaN is not equal to itself, its name is


def _check_scores(scores: Any, case: str) -> None:
    _must(isinstance(scores, list) and len(scores) > 0, f"{case}: no list of scores")
    _must(all(isinstance(s, Score) for s in scores), f"{case}: not every answer is a Score")
    names = [s.name for s in scores]
    _must(len(set(names)) == len(names), f"{case}: a name occurs twice in {names}")
    for s in scores:
        where = f"{case}: {s}"
        _must("." in s.name, f"{where}: names are dotted, family first")
        _must(isinstance(s.n, int) and s.n >= 0, f"{where}: n counts records")
        _must(0 < s.level < 1, f"{where}: level is between 0 and 1")
        _must((s.status == "ok") or bool(s.reason), f"{where}: says not why")
        if s.status == "not computed":
            _must(math.isnan(s.value), f"{where}: a value that was not computed")
        else:
            _must(s.low <= s.value <= s.high, f"{where}: the value is outside its interval")
            _must(bool(s.method) or s.low == s.high, f"{where}: says not how its interval was made")
        json.dumps([s.value, s.low, s.high, s.baseline, s.n])
