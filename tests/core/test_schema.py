"""Schemas survive being written down; mistakes in them are answered with a place and a guess."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import Column, Kind, Relation, Schema, SchemaError, TableSchema, UnknownNameError

words = st.text(min_size=1, max_size=8)


@st.composite
def columns(draw, name):
    maybe = lambda values: draw(st.one_of(st.none(), values))  # noqa: E731
    return Column(
        name,
        draw(st.sampled_from(Kind)),
        decimals=maybe(st.integers(0, 9)),
        levels=maybe(st.lists(words, max_size=4).map(tuple)),
        unit=maybe(st.sampled_from(["s", "ms", "us", "ns"])),
        zone=maybe(words),
        format=maybe(words),
        locale=maybe(words),
        public=draw(st.booleans()),
        reason=draw(st.text(max_size=5)),
    )


@st.composite
def tables(draw):
    names = draw(st.lists(words, min_size=1, max_size=5, unique=True))
    role = st.one_of(st.none(), st.sampled_from(names))
    made = tuple(draw(columns(name)) for name in names)
    return TableSchema(made, draw(role), draw(role), draw(role))


@st.composite
def schemas(draw):
    named = draw(st.dictionaries(words, tables(), min_size=1, max_size=3))
    key = st.lists(words, min_size=1, max_size=2).map(tuple)
    relation = st.builds(Relation, words, key, words, key)
    return Schema(
        named,
        tuple(draw(st.lists(relation, max_size=2))),
        tuple(draw(st.lists(words, max_size=2))),
    )


@given(schemas())
def test_round_trip_through_json(schema):
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


def test_defaults_are_left_out():
    schema = Schema.of([Column("age", Kind.INTEGER)], name="people")
    columns = [{"name": "age", "kind": "integer"}]
    assert schema.to_dict() == {"tables": {"people": {"columns": columns}}}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_learned_as_one_thing_or_not_at_all(kind):
    assert kind.is_learned == (kind.is_quantity or kind.is_level)
    assert not (kind.is_quantity and kind.is_level)


@pytest.mark.parametrize("kind", ["text", "identifier", "name", "email", "phone", "iban"])
def test_text_keys_and_personal_data_are_never_learned(kind):
    assert not Kind(kind).is_learned
    table = TableSchema((Column("a", Kind(kind)), Column("b", Kind.NUMBER)))
    assert [column.name for column in table.learned] == ["b"]


def one(**column):
    return {"tables": {"people": {"columns": [{"name": "age", "kind": "integer", **column}]}}}


@pytest.mark.parametrize(
    ("data", "says", "hint"),
    [
        (None, "a schema needs 'tables'", "docs/schema.md"),
        ([], "a schema needs 'tables'", "docs/schema.md"),
        ({}, "a schema needs 'tables'", "docs/schema.md"),
        ({"tables": ["people"]}, "a schema needs 'tables'", ""),
        ({**one(), "tabels": {}}, "schema has no key 'tabels'", "did you mean 'tables'"),
        ({"tables": {"people": 3}}, "table 'people' must be a mapping", ""),
        ({"tables": {"people": {"columns": []}}}, "table 'people' needs a list 'columns'", ""),
        ({"tables": {"p": {"columns": [3]}}}, "each column of table 'p' needs 'name'", ""),
        (one(kind="intger"), "column 'age': no kind named 'intger'", "did you mean 'integer'"),
        (one(kind=["integer"]), "column 'age': no kind named", ""),
        (one(decimal=2), "column 'age' has no key 'decimal'", "did you mean 'decimals'"),
        (one(decimals="two"), "column 'age': 'decimals' is 'two', it must be a whole number", ""),
        (one(levels="abc"), "column 'age': 'levels' must be a list", ""),
        ({**one(), "relations": [{"child": "a"}]}, "a relation needs child, columns", ""),
    ],
)
def test_mistakes_name_the_place_and_the_way_out(data, says, hint):
    with pytest.raises(SchemaError, match=says) as caught:
        Schema.from_dict(data)
    assert hint in caught.value.hint


def test_names_yaml_reads_as_numbers_are_names():
    columns = [{"name": 2020, "kind": "number"}, {"name": True, "kind": "category", "levels": [1]}]
    table = Schema.from_dict({"tables": {1: {"columns": columns, "target": 2020}}}).table
    assert (table.names, table.target) == (["2020", "True"], "2020")
    assert table["True"].levels == ("1",)


def test_a_name_twice_is_refused():
    with pytest.raises(SchemaError, match=r"\['a'\] occur more than once"):
        TableSchema((Column("a", Kind.TEXT), Column("b", Kind.TEXT), Column("a", Kind.NUMBER)))


@pytest.mark.parametrize("role", ["unit", "key", "target"])
def test_a_role_names_a_column(role):
    with pytest.raises(UnknownNameError, match=f"no column for the {role} named 'agee'") as caught:
        TableSchema((Column("age", Kind.INTEGER),), **{role: "agee"})
    assert caught.value.hint == "did you mean 'age'?"


def test_an_unknown_column_is_answered_with_a_guess():
    table = TableSchema((Column("Größe", Kind.NUMBER),))
    assert table["Größe"].kind is Kind.NUMBER
    with pytest.raises(UnknownNameError, match="no column named 'Grösse'") as caught:
        table["Grösse"]
    assert "Größe" in caught.value.hint


def test_one_table_is_one_table():
    schema = Schema({name: TableSchema((Column("a", Kind.TEXT),)) for name in "xy"})
    with pytest.raises(SchemaError, match="this data set has 2"):
        _ = schema.table
    other = TableSchema((Column("b", Kind.DATE),))
    assert Schema.of([Column("a", Kind.TEXT)], name="x").with_table(other) == Schema({"x": other})
