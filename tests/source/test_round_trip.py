"""What is written is read back, in every format, whatever the values."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.core import Column, Kind, Schema
from abbild.source import format_for, read, read_schema, write, write_schema
from abbild.source.cells import MARKERS

TEXT = st.text(min_size=1, max_size=12).filter(lambda v: v.strip() not in MARKERS and "\0" not in v)
VALUES = {
    Kind.INTEGER: (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    Kind.NUMBER: (st.floats(allow_nan=False, allow_infinity=False), pa.float64()),
    Kind.BOOLEAN: (st.booleans(), pa.bool_()),
    Kind.CATEGORY: (TEXT, pa.string()),
    Kind.TEXT: (TEXT, pa.string()),
    Kind.DATE: (st.dates(), pa.date32()),
    Kind.DATETIME: (st.datetimes(), pa.timestamp("us")),
    Kind.TIME: (st.times(), pa.time64("us")),
    Kind.DURATION: (
        st.timedeltas(dt.timedelta(days=-9999), dt.timedelta(days=9999)),
        pa.duration("us"),
    ),
}
ENDINGS = (".csv", ".tsv", ".csv.gz", ".csv.zst", ".jsonl", ".json", ".parquet", ".arrow")


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 8))
    names = draw(st.lists(TEXT, min_size=1, max_size=5, unique=True))
    columns, arrays = [], []
    for name in names:
        kind = draw(st.sampled_from(sorted(VALUES)))
        values, stored = VALUES[kind]
        cells = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        columns.append(Column(name, kind, unit="us" if kind in TIMED else None))
        arrays.append(pa.array(cells, stored))
    return pa.table(arrays, names=names), Schema.of(columns)


TIMED = (Kind.DATETIME, Kind.TIME, Kind.DURATION)


def same(got, want):
    return all(got[n].cast(want[n].type).equals(want[n]) for n in want.column_names)


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=30)
@given(made=tables())
def test_what_is_written_is_read_back(tmp_path_factory, ending, made):
    table, schema = made
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"a{ending}"
    write([table], path, format_for(path), schema)
    loaded = read(path, schema=schema)
    assert same(loaded.dataset.table, table)
    again = folder / f"b{ending}"
    write([loaded.dataset.table], again, loaded.format, loaded.dataset.schema)
    assert same(read(again, schema=schema).dataset.table, table)


@settings(max_examples=25)
@given(made=tables())
def test_a_workbook_is_read_back(tmp_path_factory, made):
    table = as_excel_can_hold_it(made[0])
    kinds = [*(c.kind for c in made[1].table.columns), Kind.BOOLEAN]
    schema = Schema.of(
        Column(n, k, unit="us") for n, k in zip(table.column_names, kinds, strict=True)
    )
    path = tmp_path_factory.getbasetemp() / "a.xlsx"
    write([table], path, format_for(path), schema)
    assert same(read(path, schema=schema).dataset.table, table)


def as_excel_can_hold_it(table):
    """15 digits, no control characters, no empty last row."""
    columns = {}
    for at, name in enumerate(table.column_names):
        values, kind = table[name].to_pylist(), table[name].type
        if kind == pa.float64():
            values = [
                None if v is None else float(f"{max(-1e300, min(v, 1e300)):.15g}") for v in values
            ]
        elif kind == pa.string():
            values = [None if v is None else printable(v) for v in values]
        columns[f"{at} {printable(name)}"] = pa.array(values, kind)
    columns["full"] = pa.array([True] * table.num_rows)
    return pa.table(columns)


def printable(text):
    return "".join(c if c >= " " and c not in "\ufffe\uffff" else "_" for c in text)


@pytest.mark.parametrize("ending", (*ENDINGS, ".xlsx"))
def test_same_rows_same_bytes_however_they_are_cut(tmp_path, ending):
    table = pa.table({"a": range(100), "b": ["x", None] * 50})
    schema = Schema.of([Column("a", Kind.INTEGER), Column("b", Kind.CATEGORY)])
    one, many = tmp_path / f"one{ending}", tmp_path / f"many{ending}"
    write([table], one, format_for(one), schema)
    write([table.slice(0, 1), table.slice(1, 60), table.slice(61)], many, format_for(many), schema)
    assert one.read_bytes() == many.read_bytes()
    if ending == ".csv.gz":
        assert one.read_bytes()[4:8] == bytes(4)  # no time of writing (RFC 1952)


GERMAN = (
    "Kundennummer;Vorname;Nachname;PLZ;Geburtsdatum;Umsatz;Anteil;Telefon;Bemerkung;Größe\r\n"
    "1001;Jürgen;Müller;01067;03.04.1961;1.234,56;5 %;+49 351 123456;k.A.;groß\r\n"
    '1002;Käthe;Groß;80331;31.12.1975;99,90;12 %;+49 89 998877;"sagt ""nein""; oft";klein\r\n'
    "1003;Heinz;Schäfer;50667;15.08.1999;-12.000,00;0 %;+49 221 456789;k.A.;mittel\r\n"
)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_a_german_file_comes_back_to_the_byte(tmp_path, encoding):
    path, back = tmp_path / "kunden.csv", tmp_path / "back.csv"
    path.write_bytes(GERMAN.encode(encoding))
    loaded = read(path)
    kinds = {c.name: c.kind for c in loaded.dataset.schema.table.columns}
    assert kinds == {
        "Kundennummer": Kind.IDENTIFIER,
        "Vorname": Kind.NAME,
        "Nachname": Kind.NAME,
        "PLZ": Kind.CATEGORY,
        "Geburtsdatum": Kind.DATE,
        "Umsatz": Kind.NUMBER,
        "Anteil": Kind.INTEGER,
        "Telefon": Kind.PHONE,
        "Bemerkung": Kind.CATEGORY,
        "Größe": Kind.ORDINAL,
    }
    first = loaded.dataset.table.to_pylist()[0]
    assert first["Umsatz"] == 1234.56
    assert first["Geburtsdatum"] == dt.date(1961, 4, 3)
    assert loaded.dataset.schema.table["Nachname"].locale == "de_DE"
    assert loaded.dataset.schema.table["Größe"].levels == ("klein", "mittel", "groß")
    write([loaded.dataset.table], back, loaded.format, loaded.dataset.schema)
    assert back.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x\n2,\n",
        '"a","b"\n"1","x"\n"2",""\n',
        "a\tb\n1.50\tx\n2.00\ty\n",
        "a|b\n$1,234.50|x\n-$3.00|y\n".replace(",", "'"),
        "t,u\n2020-01-01T10:00:00+01:00,10:30\n2020-07-01T10:00:00+02:00,11:45\n",
        "t,u\n1/2/2020 3:04 PM,True\n12/31/2020 11:00 AM,False\n",
        "d,e\n1.2.2020,1 days 00:00:05\n31.12.2020,-2 days 10:00:00\n",
        "d,e\n03-Jan-2013,25:00:00\n04-Feb-2013,-01:30:00\n",
        "a,b\nNA,1\nx,2\nNA,NA\ny,4\n",
        "a\nx\n\"\"\ny\n",
    ],
)  # fmt: skip
def test_the_way_a_file_is_written_is_kept(tmp_path, text):
    path, back = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_bytes(text.encode())
    loaded = read(path)
    write([loaded.dataset.table], back, loaded.format, loaded.dataset.schema)
    assert back.read_bytes().decode() == text


def test_types_of_a_parquet_file_are_kept(tmp_path):
    import_types = {
        "i": pa.array([1, None, 3], pa.int16()),
        "u": pa.array([1, 2, 3], pa.uint32()),
        "f": pa.array([0.1, None, 2.5], pa.float32()),
        "m": pa.array([1, 2, None], pa.decimal128(10, 2)),
        "s": pa.array(["x", "y", None], pa.large_string()),
        "n": pa.array(["1", "2", None]),
        "c": pa.array(["x", "y", "x"]).dictionary_encode(),
        "o": pa.DictionaryArray.from_arrays([0, 1, 0], ["lo", "hi"], ordered=True),
        "t": pa.array([dt.datetime(2020, 1, 1), None, None], pa.timestamp("ns")),
        "z": pa.array([dt.datetime(2020, 1, 1, 5)] * 3, pa.timestamp("ms", "Europe/Berlin")),
    }
    table = pa.table(import_types)
    for ending in (".parquet", ".arrow", ".arrows"):
        path, back = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
        _store(table, path)
        loaded = read(path)
        write([loaded.dataset.table] * 2, back, loaded.format, loaded.dataset.schema)
        got = read(back)
        assert got.format.arrow == loaded.format.arrow
        assert got.dataset.table.equals(pa.concat_tables([loaded.dataset.table] * 2))


def _store(table, path):
    if path.suffix == ".parquet":
        pq.write_table(table, path)
        return
    make = pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream
    with make(path, table.schema) as writer:
        writer.write_table(table)


@settings(max_examples=40)
@given(
    columns=st.lists(
        st.builds(
            Column,
            name=st.text(min_size=1),
            kind=st.sampled_from(Kind),
            decimals=st.none() | st.integers(0, 10),
            levels=st.none() | st.lists(st.text(), min_size=1, max_size=4, unique=True).map(tuple),
            unit=st.none() | st.sampled_from(["s", "ms", "us", "ns"]),
            zone=st.none() | st.just("Europe/Berlin"),
            format=st.none() | st.text(),
            locale=st.none() | st.just("de_DE"),
            public=st.booleans(),
            reason=st.text(),
        ),
        min_size=1,
        unique_by=lambda column: column.name,
    ),
    name=st.text(min_size=1),
)
def test_a_schema_is_read_back(tmp_path_factory, columns, name):
    path = tmp_path_factory.getbasetemp() / "schema.yaml"
    schema = Schema.of(columns, name=name, unit=columns[0].name, target=columns[-1].name)
    write_schema(schema, path)
    assert read_schema(path) == schema
