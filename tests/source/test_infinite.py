"""Infinite numbers mean the same, whichever way they come in."""

import json

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abbild.core import Column, ColumnTypeError, Kind, Schema
from abbild.source import read, read_object


def lines(values, word):
    return "".join(f'{{"x": {word(v)}, "y": "a"}}\n' for v in values)


def workbook(values, path):
    book = openpyxl.Workbook()
    book.active.append(["x", "y"])
    for v in values:
        book.active.append([float(v) if np.isfinite(v) else str(v), "a"])
    book.save(path)


def csv(values, path, word=str):
    path.write_text("x,y\n" + "".join(f"{word(v)},a\n" for v in values))


def as_table(values):
    return pa.table({"x": values, "y": ["a"] * len(values)})


def filed(name, write):
    def door(values, folder, **how):
        write(values, folder / name)
        return read(folder / name, **how)

    return door


def framed(make):
    return lambda values, folder, **how: read_object(make(values), **how)


DOORS = {
    "csv": filed("a.csv", csv),
    "csv, words": filed(
        "a.csv", lambda v, p: csv(v, p, lambda x: str(x).replace("inf", "Infinity"))
    ),
    "jsonl": filed("a.jsonl", lambda v, p: p.write_text(lines(v, json.dumps))),
    "jsonl, words": filed(
        "a.jsonl",
        lambda v, p: p.write_text(
            lines(v, lambda x: str(x) if np.isfinite(x) else json.dumps(str(x)))
        ),
    ),
    "xlsx": filed("a.xlsx", workbook),
    "parquet": filed("a.parquet", lambda v, p: pq.write_table(as_table(v), p)),
    "arrow": framed(as_table),
    "pandas": framed(lambda v: pd.DataFrame({"x": v, "y": "a"})),
    "pandas, nullable": framed(lambda v: pd.DataFrame({"x": v, "y": "a"}).convert_dtypes()),
    "pandas, float32": framed(lambda v: pd.DataFrame({"x": v.astype("float32"), "y": "a"})),
    "polars": framed(lambda v: pl.DataFrame({"x": v, "y": ["a"] * len(v)})),
}
SHAPES = {"halves": (0.5, Kind.NUMBER), "whole": (0.0, Kind.INTEGER)}


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("door", DOORS)
def test_few_are_missing_and_the_column_says_so(tmp_path, door, shape, declared):
    shift, kind = SHAPES[shape]
    values = np.arange(300.0) % 50 + shift
    want = [None if i in (1, 2) else v for i, v in enumerate(values.tolist())]
    values[1:3] = np.inf, -np.inf
    column = Column("x", kind, decimals=1 if shift else None)
    schema = Schema.of([column, Column("y", Kind.CATEGORY)]) if declared else None
    loaded = DOORS[door](values, tmp_path, schema=schema)
    assert loaded.dataset.table["x"].to_pylist() == want
    told = loaded.dataset.schema.table["x"]
    assert told.kind == kind
    assert told.reason.endswith("2 infinite values were taken as missing")
    again = DOORS[door](values, tmp_path, schema=loaded.dataset.schema)
    assert again.dataset.schema == loaded.dataset.schema


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("door", DOORS)
def test_many_are_refused_by_name_and_number(tmp_path, door, shape):
    values = np.arange(100.0) + SHAPES[shape][0]
    values[:50] = np.inf
    with pytest.raises(ColumnTypeError, match="'x' has 50 infinite values in 100 rows") as caught:
        DOORS[door](values, tmp_path)
    assert "missing" in caught.value.hint


@pytest.mark.parametrize("door", DOORS)
def test_one_is_singular(tmp_path, door):
    loaded = DOORS[door](np.array([np.inf, *np.arange(9) / 2]), tmp_path)
    told = loaded.dataset.schema.table["x"].reason
    assert told.endswith("at most 1 decimal; 1 infinite value was taken as missing")


def test_what_is_public_says_nothing_of_this_table():
    told = Schema.of([Column("x", Kind.NUMBER, public=True), Column("y", Kind.CATEGORY)])
    loaded = read_object(as_table(np.array([np.inf, *np.arange(9) / 2])), schema=told)
    assert loaded.dataset.table["x"].null_count == 1
    assert loaded.dataset.schema.table["x"].reason == ""
