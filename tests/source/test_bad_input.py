"""Whatever a file holds: a working result, or one sentence that names the place and the way out."""

import csv
import gzip
import io
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.core import AbbildError, ColumnTypeError, FileFormatError, SchemaError
from abbild.source import format_for, read, read_object, read_schema, write


def parquet():
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": list(range(1000))}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\xef\xbb\xbf\n\n", "is empty"),
        ("a.csv", b"a,b\n", "no rows"),
        ("a.csv", b"a,b", "no rows"),
        ("a.csv", b"a,b,a\n1,2,3\n", "two columns named 'a'"),
        ("a.csv", b",b\n0,1\n", "column 1 of a.csv has no name"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "row 2 of a.csv has 3 cells"),
        ("a.csv", b'a,b\n1,2\n"3,4\n5,6\n', "opens in line 3"),
        ("a.csv", parquet(), "not delimited text, as its name says, but a Parquet file"),
        ("a.csv", b"SQLite format 3\0", "an SQLite database"),
        ("a.csv", b"<html><table>", "HTML"),
        ("a.csv", bytes(range(256)) * 9, "no text: it holds 9 NUL bytes"),
        ("a.csv", b"a,b\n1,2\n3,\0\n4,5\n", r"^a\.csv .* 1 NUL byte, .* line 3 \(byte 11\)"),
        ("a.csv", b"a,b\n1,\0\n", "1 NUL byte, the first in line 2"),
        ("a.csv", b"ab,c\n\0001,2\n", "1 NUL byte, the first in line 2"),
        ("a.csv", b"a\0,b\n1,2\n", "1 NUL byte, the first in line 1"),
        ("a.csv", b"a,b\n" + b"1,2\n" * 99 + bytes(4096), "4,096 NUL bytes, .* line 101"),
        ("a.csv", bytes(4096), "4,096 NUL bytes, the first in line 1"),
        ("a.csv", b"a,b\n1,2\n\xfc,\0\n", "NUL byte, the first in line 3"),
        ("a.csv", "a,b\n1,\0\n".encode("utf-16"), "1 NUL byte, the first in line 2"),
        ("a.csv", b"\xef\xbb\xbfa,b\n\xff,2\n", "starts like UTF-8, but does not go on so"),
        ("a.csv", b"\xff\xfea\0,\0b\0\n\0\0\xd8", "starts like UTF-16-LE"),
        ("a.jsonl", b'{"a": 1}\n\0\0\0', "3 NUL bytes, the first in line 2"),
        ("a.csv", b"a,b\n1,2\n3", "row 2 of a.csv has 1 cell, its header names 2 columns"),
        ("a.csv", b"a\n1\n1,2\n", "has 2 cells, its header names 1 column\n"),
        ("a.xls", b"\xd0\xcf\x11\xe0rest", "old Excel"),
        ("a.parquet", b"a,b\n1,2\n", "not a Parquet file"),
        ("a.parquet", parquet()[:-20], "cut short"),
        ("a.parquet", parquet()[:9], "cut short"),
        ("a.arrow", b"ARROW1\0\0nothing", "cut short"),
        ("a.xlsx", b"a,b\n1,2\n", "not an Excel workbook"),
        ("a.xlsx", b"PK\x03\x04xl/nothing", "damaged"),
        ("a.zip", b"PK\x03\x04nothing", "zip archive"),
        ("a.jsonl", b"a,b\n1,2\n", "not JSON lines"),
        ("a.jsonl", b'{"a": 1}\n{"a":\n', "line 2"),
        ("a.jsonl", b'{"a": 1}\n[2]\n', "line 2"),
        ("a.json", b'[{"a": 1},', "no JSON"),
        ("a.json", b"[]", "is empty"),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9], "cut short"),
    ],
)
def test_a_file_that_is_not_right(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(AbbildError, match=message) as caught:
        read(path)
    assert caught.value.hint
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "place", ["postgresql://me:secret@host/db", "sqlite:///a.db", "https://example.org/a.csv"]
)
def test_a_database_is_not_supported_yet(place):
    with pytest.raises(FileFormatError, match="not supported yet") as caught:
        read(place)
    assert "secret" not in str(caught.value)


def test_a_folder_and_a_missing_file(tmp_path):
    with pytest.raises(FileFormatError, match="a folder of tables"):
        read(tmp_path)
    (tmp_path / "data.csv").write_text("a\n1\n")
    with pytest.raises(FileFormatError, match="no such file") as caught:
        read(tmp_path / "dta.csv")
    assert "data.csv" in caught.value.hint


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_no_permission(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")
    path.chmod(0)
    with pytest.raises(FileFormatError, match="no permission"):
        read(path)


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "name,n\nJürgen,1\nKäthe,2\n"),
        ("a.csv", "имя;n\nОльга;1\nПётр;2\n"),
        ("a.csv", "名前,n\n山田,1\n田中,2\n"),
        ("a.csv", "name,n\n😀😀😀,1\nb,2\n"),
        ("a.jsonl", '{"name": "Jürgen", "n": 1}\n{"name": "Käthe", "n": 2}\n'),
        ("a.json", '[{"name": "Jürgen", "n": 1}, {"name": "Käthe", "n": 2}]'),
    ],
)
def test_wide_letters_are_read_and_written_with_or_without_a_mark(tmp_path, name, text, encoding):
    path, plain, back = tmp_path / name, tmp_path / f"plain-{name}", tmp_path / f"back-{name}"
    path.write_bytes(text.encode(encoding))
    plain.write_text(text, encoding="utf-8", newline="")
    loaded = read(path)
    assert loaded.dataset.table.equals(read(plain).dataset.table)
    write([loaded.dataset.table], back, loaded.format, loaded.dataset.schema)
    assert read(back).dataset.table.equals(loaded.dataset.table)
    if name == "a.csv":
        assert back.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", b"a,b\n" + b"10,20\n" * 50),
        ("a.csv", b'a,b\n"x\ny",2\n' * 9),
        ("a.jsonl", b'{"a": 1, "b": "x"}\n' * 9),
        ("a.json", b'[{"a": 1}, {"a": 2}]'),
        ("a.csv.gz", gzip.compress(b"a,b\n" + b"10,20\n" * 50, mtime=0)),
        ("a.csv.zst", pa.Codec("zstd").compress(b"a,b\n" + b"10,20\n" * 50).to_pybytes()),
        ("a.parquet", parquet()),
    ],
)
def test_wherever_a_file_is_cut_it_is_refused_or_a_row_shorter(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    rows = read(path).dataset.table.num_rows
    for cut in range(1, min(len(data), 200)):
        path.write_bytes(data[:-cut])
        try:
            left = read(path).dataset.table.num_rows
        except AbbildError as error:
            assert error.hint
            continue
        # text that ends where a row or a last cell could end cannot be told from a whole file
        assert name in ("a.csv", "a.jsonl") and left <= rows


@pytest.mark.parametrize(
    ("name", "data"), [("a.csv", b"a,b\n1,2\n3"), ("a.jsonl", b'{"a": 1}\n{"a": ')]
)
def test_a_last_row_cut_short_says_so(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="2") as caught:
        read(path)
    assert "cut short" in caught.value.hint


def test_a_file_that_is_being_written(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    look = os.fstat

    def look_and_let_another_write(file):
        found = look(file)
        with path.open("ab") as other:
            other.write(b"3,4\n")
        return found

    monkeypatch.setattr(os, "fstat", look_and_let_another_write)
    with pytest.raises(FileFormatError, match="changed while it was read") as caught:
        read(path)
    assert "try again" in caught.value.hint


def test_a_file_rewritten_in_place_with_the_same_size(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    os.utime(path, ns=(0, 0))
    look = os.fstat

    def look_and_let_another_rewrite(file):
        found = look(file)
        path.write_text("a,b\n3,4\n")
        return found

    monkeypatch.setattr(os, "fstat", look_and_let_another_rewrite)
    with pytest.raises(FileFormatError, match="changed while it was read"):
        read(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([[1], [2]]), "'x' of .* holds lists"),
        (pa.array([{"a": 1}]), "'x' of .* holds lists or structs"),
        (pa.array([b"x"]), "'x' of .* holds bytes"),
        (pa.array([b"x"], pa.binary(1)), "'x' of .* holds bytes"),
    ],
)
def test_columns_without_single_values(tmp_path, values, message):
    table = pa.table({"a": pa.array([1] * len(values)), "x": values})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    for make in (lambda: read(path), lambda: read_object(table)):
        with pytest.raises(ColumnTypeError, match=message) as caught:
            make()
        assert caught.value.hint


def test_nested_json_names_the_column(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1, "b": 2}\n{"a": 1, "b": {"c": 2}}\n')
    with pytest.raises(ColumnTypeError, match=r"'b' of a\.jsonl holds a list or object in row 2"):
        read(path)


def test_mixed_json_becomes_text(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{"a": "x", "b": true}\n')
    assert read(path).dataset.table.to_pylist() == [{"a": "1", "b": None}, {"a": "x", "b": True}]


def test_sheets_by_name(tmp_path):
    path = tmp_path / "a.xlsx"
    loaded = read_object(pa.table({"a": [1, 2]}))
    write([loaded.dataset.table], path, format_for(path), loaded.dataset.schema)
    assert read(f"{path}#data").dataset.table.num_rows == 2
    with pytest.raises(FileFormatError, match="no sheet named 'dat'") as caught:
        read(f"{path}#dat")
    assert "'data'" in caught.value.hint


def test_formulas_stay_text_in_a_workbook(tmp_path):
    path = tmp_path / "a.xlsx"
    loaded = read_object(pa.table({"a": ["=1+1", "#N/A", "x"]}))
    write([loaded.dataset.table], path, format_for(path), loaded.dataset.schema)
    assert read(path).dataset.table["a"].to_pylist() == ["=1+1", "#N/A", "x"]


def test_strange_names_and_many_columns(tmp_path):
    names = ["😀", "名前", 'quo"te', "semi;colon", "new\nline", *(f"c{i}" for i in range(1995))]
    table = pa.table({name: ["x", "y"] for name in names})
    path = tmp_path / "a.csv"
    loaded = read_object(table)
    write([loaded.dataset.table], path, format_for(path), loaded.dataset.schema)
    assert read(path).dataset.table.equals(table)


def test_one_huge_cell(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1," + "x" * 9_000_000 + "\n2,y\n")
    assert read(path).dataset.table.num_rows == 2


def test_numbers_beyond_64_bits_stay_codes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n99999999999999999999,1\n12345678901234567890,2\n")
    assert read(path).dataset.table["a"].to_pylist()[0] == "9" * 20


@pytest.mark.parametrize(
    "text", ["", "- 1", "tables: [", "tables: {}", "tables: {a: {columns: 5}}"]
)
def test_a_schema_that_is_none(tmp_path, text):
    path = tmp_path / "schema.yaml"
    path.write_text(text)
    with pytest.raises(SchemaError):
        read_schema(path)
    with pytest.raises(SchemaError, match="no such schema"):
        read_schema(tmp_path / "nothing.yaml")


CELLS = st.one_of(
    st.text(max_size=8).filter(lambda text: "\r" not in text),  # `csv` leaves it unquoted
    st.integers().map(str),
    st.floats().map(str),
    st.dates().map(str),
    st.sampled_from(["NA", "-", "1.234,5", "true", "01/02/2020", "1st", "low", "007", '"', ";"]),
)


@settings(max_examples=80)
@given(
    rows=st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1)
    ),
    delimiter=st.sampled_from(",;\t|"),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_any_text_is_read_to_the_same_values_again_or_refused(
    tmp_path_factory, rows, delimiter, newline
):
    sink = io.StringIO(newline="")
    names = [f"column {i}" for i in range(len(rows[0]))]
    csv.writer(sink, delimiter=delimiter, lineterminator=newline).writerows([names, *rows])
    path, again = (tmp_path_factory.getbasetemp() / name for name in ("any.csv", "again.csv"))
    path.write_bytes(sink.getvalue().encode())
    try:
        loaded = read(path)
    except AbbildError as error:
        assert error.hint
        return
    assert loaded.dataset.table.num_rows == len(rows)
    write([loaded.dataset.table], again, loaded.format, loaded.dataset.schema)
    other = read(again, schema=loaded.dataset.schema)
    assert other.dataset.table.equals(loaded.dataset.table)


@settings(max_examples=150)
@given(st.binary(max_size=200) | st.binary(max_size=40).map(lambda b: b"PAR1" + b + b"PAR1"))
def test_no_bytes_crash_the_reader(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(data)
    try:
        read(path)
    except AbbildError as error:
        assert error.hint
