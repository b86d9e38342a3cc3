"""Kinds are guessed as a careful person would, with a reason, and never against privacy."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from abbild.core import Column, ColumnTypeError, Kind, Schema, SchemaError
from abbild.source import infer, read, read_object

N = 200
RNG = np.random.default_rng(0)


def column(values, name="x"):
    return infer(pa.table({name: pa.array(values)})).columns[0]


def from_csv(tmp_path, values, name="x", **how):
    path = tmp_path / "a.csv"
    path.write_text(name + ";y\n" + "".join(f"{v};1\n" for v in values), encoding="utf-8")
    loaded = read(path, **how)
    return loaded.dataset.schema.table[name], loaded.dataset.table[name].to_pylist()


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("x", [1, 2, 2], Kind.INTEGER),
        ("x", [1.0, 2.0, None], Kind.INTEGER),
        ("x", [1.5, 2.25], Kind.NUMBER),
        ("x", [True, None], Kind.BOOLEAN),
        ("x", ["true", "false"], Kind.BOOLEAN),
        ("x", ["12", "7", None], Kind.INTEGER),
        ("zip", ["01234", "99999"] * 20, Kind.CATEGORY),
        ("plz", [80331, 50667] * 20, Kind.CATEGORY),
        ("x", ["a", "b", "a"], Kind.CATEGORY),
        ("x", [None, None], Kind.CATEGORY),
        ("x", ["low", "high", "medium"], Kind.ORDINAL),
        ("size", ["S", "XL", "M", "L"], Kind.ORDINAL),
        ("place", ["1st", "3rd", "2nd"], Kind.ORDINAL),
        ("x", [dt.date(2020, 1, 1)], Kind.DATE),
        ("x", [dt.datetime(2020, 1, 1), dt.datetime(2021, 1, 1)], Kind.DATE),
        ("x", [dt.datetime(2020, 1, 1, 5)], Kind.DATETIME),
        ("x", [dt.time(5)], Kind.TIME),
        ("x", [dt.timedelta(5)], Kind.DURATION),
        ("x", ["2020-01-01", "1500-12-31", "2999-01-01"], Kind.DATE),
        ("x", ["2020-01-01T10:00:00Z", None], Kind.DATETIME),
        ("x", ["31.12.2020 10:30", "01.02.2020 00:00"], Kind.DATETIME),
        ("x", ["10:30", "23:59"], Kind.TIME),
        ("x", ["2020-02-30", "2020-01-01"], Kind.CATEGORY),
        ("id", list(range(7, 7 + N)), Kind.IDENTIFIER),
        ("row", list(range(N)), Kind.IDENTIFIER),
        ("salary", [int(v) for v in RNG.choice(10**6, N, replace=False)], Kind.INTEGER),
        ("year", list(range(1960, 2020)), Kind.INTEGER),
        ("price", [v / 100 for v in range(N)], Kind.NUMBER),
        ("x", [f"K-{v:05d}" for v in range(N)], Kind.IDENTIFIER),
        ("tail", [f"N{v % 90:03d}" for v in range(N)], Kind.CATEGORY),
        ("patient_id", [v % 50 for v in range(N)], Kind.IDENTIFIER),
        ("product_id", [v % 50 for v in range(N)], Kind.CATEGORY),
        ("x", [f"the food was number {v} for me" for v in range(N)], Kind.TEXT),
        ("x", [f"u{v}@example.org" for v in range(N)], Kind.EMAIL),
        ("x", [f"+49 30 {v:06d}" for v in range(N)], Kind.PHONE),
        ("x", [f"+4930{v:06d}" for v in range(N)], Kind.PHONE),
        ("Telefon", [f"030/{v:06d}" for v in range(N)], Kind.PHONE),
        ("x", ["DE89370400440532013000", "DE02 1203 0000 0000 2020 51"], Kind.IBAN),
        ("x", ["DE88370400440532013000", "DE03120300000000202051"], Kind.CATEGORY),
        ("Vorname", ["Jürgen", "Anna-Lena"], Kind.NAME),
        ("last_name", ["O'Neil", "Müller"], Kind.NAME),
        ("name", ["Anna Smith", "Peter Müller"], Kind.NAME),
        ("name", ["Endeavor Air Inc.", "Envoy Air"], Kind.CATEGORY),
        ("Latitude", [52.5, -33.1], Kind.LATITUDE),
        ("lon", [13.4, 151.2], Kind.LONGITUDE),
        ("lat", [520.5, 1.0], Kind.NUMBER),
        ("mobile", ["0", "1", "1"], Kind.INTEGER),
    ],
)
def test_kinds(name, values, kind):
    got = column(values, name)
    assert got.kind == kind
    assert got.reason


@pytest.mark.parametrize(
    ("levels", "name"),
    [
        (("<20", "20-39", "40-59", "60+"), "age"),
        (("never", "sometimes", "always"), "x"),
        (("Mangelhaft", "Befriedigend", "Gut"), "Note"),
        (("jan", "apr", "dec"), "month"),
        (("A1", "A2", "B1"), "sub_grade"),
        (("Stage 1", "Stage 2", "Stage 3"), "x"),
    ],
)
def test_known_orders_are_found_whatever_comes_first(levels, name):
    got = column([*reversed(levels), *levels], name)
    assert got.levels == levels


def test_letters_without_a_grade_and_two_spellings_have_no_order():
    assert column(["A", "B", "C"], "blood").kind == Kind.CATEGORY
    assert column(["Low", "low", "high"]).kind == Kind.CATEGORY


@pytest.mark.parametrize(
    ("values", "decimals"),
    [([1.5, 2.25], 2), ([0.1 + 0.2, 1 / 3], None), ([100.1] * 200 + [21.100000028], 1)],
)
def test_decimals_of_numbers(values, decimals):
    assert column(values).decimals == decimals


def test_narrow_floats_are_the_short_decimals_they_stand_for():
    loaded = read_object(pa.table({"x": pa.array([0.1, 2.7], pa.float32())}))
    assert loaded.dataset.table["x"].to_pylist() == [0.1, 2.7]
    assert loaded.dataset.schema.table["x"].decimals == 1


def test_one_clear_column_decides_on_the_marks_of_an_unclear_one(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        'a,b,d,e\n1.234,"0,5",01/02/2020,31/12/2020\n5.678,"1,5",03/04/2020,01/01/2020\n'
    )
    first = read(path).dataset.table.to_pylist()[0]
    assert first == {"a": 1234, "b": 0.5, "d": dt.date(2020, 2, 1), "e": dt.date(2020, 12, 31)}
    path.write_text("a,b,d,e\n1.234,0.5,01/02/2020,12/31/2020\n5.678,1.5,03/04/2020,01/01/2020\n")
    first = read(path).dataset.table.to_pylist()[0]
    assert first == {"a": 1.234, "b": 0.5, "d": dt.date(2020, 1, 2), "e": dt.date(2020, 12, 31)}


def test_one_clear_date_decides_on_the_others(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("d,e\n01/02/2020,31/12/2020\n03/04/2020,01/01/2020\n")
    assert read(path).dataset.table["d"].to_pylist()[0] == dt.date(2020, 2, 1)


def test_an_empty_line_of_a_single_column_is_a_missing_value(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n\n3\n")
    assert read(path).dataset.table["a"].to_pylist() == [1, None, 3]


def test_several_markers_are_written_as_an_empty_cell(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\nNA,x\n-,x\n3,y\n")
    assert read(path).format.cell("a").missing == ""
    path.write_text("a,b\nNA,x\nNA,x\n3,y\n")
    assert read(path).format.cell("a").missing == "NA"


@pytest.mark.parametrize("marker", ["NA", "n.a.", "k.A.", "?", "-", "NULL", "nan", ""])
def test_markers_are_missing_values(tmp_path, marker):
    assert from_csv(tmp_path, ["1", marker, "3"])[1] == [1, None, 3]
    assert from_csv(tmp_path, ["a", marker, "b"])[1] == ["a", None, "b"]


def test_a_marker_in_most_cells_of_a_category_is_a_level(tmp_path):
    got, values = from_csv(tmp_path, ["None"] * 8 + ["Gold"] * 2)
    assert values.count("None") == 8
    assert "None" in got.reason
    assert from_csv(tmp_path, ["None"] * 8 + ["5"] * 2)[1].count(None) == 8


def test_a_marker_of_a_typed_file_is_a_level():
    loaded = read_object(pa.table({"x": ["?", "a", None]}))
    assert loaded.dataset.table["x"].to_pylist() == ["?", "a", None]


def test_few_infinite_values_are_missing_and_many_are_refused():
    some = read_object(pa.table({"x": [*np.linspace(0, 1, 199), np.inf]}))
    assert some.dataset.table["x"].null_count == 1
    assert "infinite" in some.dataset.schema.table["x"].reason
    with pytest.raises(ColumnTypeError, match="'x' has 2 infinite"):
        read_object(pa.table({"x": [1.5, np.inf, -np.inf]}))


def test_measurements_with_a_word_among_them_are_refused_by_name(tmp_path):
    values = [f"{v / 7:.2f}" for v in range(40)]
    with pytest.raises(ColumnTypeError, match=r"'x' holds numbers .* 'broken' in row 41"):
        from_csv(tmp_path, [*values, "broken"])
    declared = Schema.of([Column("x", Kind.CATEGORY)])
    assert from_csv(tmp_path, [*values, "broken"], schema=declared)[0].kind == Kind.CATEGORY


def test_a_declared_column_is_not_looked_at():
    declared = Column("x", Kind.CATEGORY, public=True, levels=("1", "2"))
    loaded = read_object(pa.table({"x": [1, 2]}), schema=Schema.of([declared]))
    assert loaded.dataset.schema.table["x"] == declared
    assert loaded.dataset.table["x"].to_pylist() == ["1", "2"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (Column("x", Kind.INTEGER), "'x' is declared as integer, but row 3 holds 'abc'"),
        (Column("x", Kind.DATE, format="%d.%m.%Y"), "row 1 holds '1'"),
        (Column("x", Kind.DATE, format="%Q"), "unknown part %Q"),
        (Column("x", Kind.CATEGORY, levels=("1", "2")), "'abc' in row 3"),
        (Column("z", Kind.INTEGER), "a column 'z', which a.csv does not have"),
    ],
)
def test_values_that_contradict_a_schema_are_named(tmp_path, column, message):
    with pytest.raises(SchemaError, match=message):
        from_csv(tmp_path, ["1", "2", "abc", "4"], schema=Schema.of([column]))


def test_other_rows_may_have_other_levels_dates_and_units(tmp_path):
    first, other = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(
        "g,d,t\nlow,01.02.2020,2020-01-01 10:00:00\nhigh,31.12.2020,2020-01-01 11:00:00"
    )
    other.write_text("g,d,t\nmedium,2020-02-01,2020-01-01 10:00:00.123\n")
    schema = read(first).dataset.schema
    with pytest.raises(SchemaError, match="none of its declared levels"):
        read(other, schema=schema)
    got = read(other, schema=schema, closed=False).dataset
    assert got.table.schema == read(first).dataset.table.schema
    assert got.table.to_pylist() == [
        {"g": "medium", "d": dt.date(2020, 2, 1), "t": dt.datetime(2020, 1, 1, 10)}
    ]


def test_declared_types_that_do_not_fit_are_named():
    with pytest.raises(SchemaError, match="'x' is declared as date"):
        read_object(pa.table({"x": [True]}), schema=Schema.of([Column("x", Kind.DATE)]))


def test_roles_are_set_and_a_unit_is_never_learned():
    table = pa.table({"who": [1, 1, 2], "x": [0.5, 1.5, 2.5]})
    told = read_object(table, unit="who", target="x").dataset.schema.table
    assert (told.unit, told.target, told["who"].kind) == ("who", "x", Kind.IDENTIFIER)
    assert read_object(pa.table({"id": [3, 4], "x": [1, 1]})).dataset.schema.table.key == "id"


@pytest.mark.parametrize(
    ("name", "values", "locale"),
    [
        ("Telefon", ["030 1234567", "089 7654321"], "de_DE"),
        ("phone", ["+43 1 2345678", "+43 1 8765432"], "de_AT"),
        ("phone", ["(555) 123-4567", "(555) 765-4321"], "en_US"),
        ("last_name", ["Müller", "Schröder"], "de_DE"),
        ("last_name", ["Smith", "Jones"], "en_US"),
    ],
)
def test_locale(name, values, locale):
    assert column(values, name).locale == locale


def test_midnights_of_a_zone_are_moments_and_not_dates():
    values = pa.array([dt.datetime(2024, 1, day) for day in (1, 2, 3)])
    assert column(values.cast(pa.timestamp("us"))).kind is Kind.DATE
    zoned = column(values.cast(pa.timestamp("us", "Europe/Berlin")))
    assert (zoned.kind, zoned.zone) == (Kind.DATETIME, "Europe/Berlin")


def test_whole_floats_that_integers_cannot_tell_apart_stay_floats():
    assert column(np.array([1.0, 2.0, 1e6])).kind is Kind.INTEGER
    assert column(np.array([1.0, 2.0, 2.0**60])).kind is Kind.NUMBER


def test_half_precision_floats_are_read():
    values = read_object(pa.table({"x": np.array([0.5, 1.25], np.float16)})).dataset.table["x"]
    assert values.to_pylist() == [0.5, 1.25]
