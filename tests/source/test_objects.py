"""What the user brought is what the user gets back: pandas, polars, Arrow."""

import datetime as dt
import subprocess
import sys

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from abbild.core import ColumnTypeError, FileFormatError, SchemaError
from abbild.source import read_object, to_object

COLUMNS = {
    "i": [1, 2, 3],
    "f": [0.5, None, 2.5],
    "s": ["x", "y", None],
    "b": [True, False, True],
    "d": [dt.datetime(2020, 1, 1), dt.datetime(2021, 1, 1), dt.datetime(1999, 1, 1)],
}


def test_pandas_in_pandas_out():
    frame = pd.DataFrame(COLUMNS).astype({"i": "int32"})
    frame["c"] = pd.Categorical(["lo", "hi", "lo"], ["lo", "hi"], ordered=True)
    loaded = read_object(frame)
    assert loaded.frame == "pandas"
    assert loaded.dataset.schema.table["c"].levels == ("lo", "hi")
    back = to_object(loaded.dataset.table, frame)
    pd.testing.assert_frame_equal(back, frame)
    assert isinstance(to_object(loaded.dataset.table, "pandas"), pd.DataFrame)


def test_polars_in_polars_out():
    frame = pl.DataFrame(COLUMNS, schema_overrides={"i": pl.Int16, "f": pl.Float32}).with_columns(
        pl.Series("c", ["lo", "hi", "lo"], dtype=pl.Enum(["lo", "hi"]))
    )
    loaded = read_object(frame)
    assert loaded.frame == "polars"
    assert to_object(loaded.dataset.table, frame).equals(frame)
    assert to_object(loaded.dataset.table, frame).schema == frame.schema
    assert isinstance(to_object(loaded.dataset.table, "polars"), pl.DataFrame)


def test_arrow_in_arrow_out():
    table = pa.table({"i": pa.array([1, 2], pa.int8()), "s": pa.array(["x", None], "large_string")})
    loaded = read_object(table)
    assert to_object(loaded.dataset.table, table).equals(table)
    assert to_object(loaded.dataset.table, "arrow") is loaded.dataset.table


def test_the_index_of_a_filtered_frame_is_no_column():
    frame = pd.DataFrame(COLUMNS)
    assert read_object(frame[frame["b"]]).dataset.table.column_names == list(COLUMNS)


def test_equal_values_have_equal_hashes_however_they_are_cut():
    table = pa.table({"x": ["a", "b", "c"]})
    cut = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert read_object(table).sha256 == read_object(cut).sha256
    assert read_object(table).sha256 != read_object(table.slice(1)).sha256


def test_mixed_types_are_named():
    with pytest.raises(ColumnTypeError, match="'m'"):
        read_object(pd.DataFrame({"a": [1, 2], "m": pd.Series([1, "x"], dtype=object)}))


def test_what_is_no_table_is_refused():
    with pytest.raises(FileFormatError, match="a dict is no table"):
        read_object({"a": [1]})
    with pytest.raises(SchemaError, match="two columns named 'a'"):
        read_object(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(FileFormatError, match="no columns"):
        read_object(pa.table({}))


def test_neither_library_is_imported_before_it_is_needed():
    code = "import sys, abbild.source; print({'pandas', 'polars'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
