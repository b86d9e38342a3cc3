"""A schema that a person wrote: read as it looks, or refused in one sentence with its place."""

import pytest

from abbild.core import AbbildError, Kind, SchemaError
from abbild.source import read, read_schema, write_schema

TOP = "tables:\n  data:\n    columns:\n"
AT_4 = r"schema\.yaml, line 4"


def schema(tmp_path, text):
    path = tmp_path / "schema.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_schema(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tables: [", "line 1, column 10: a bracket or brace opens here and never closes"),
        ("tables:\n\tdata: 1\n", "line 2, column 1: a tab stands where YAML wants spaces"),
        (TOP + "      - name: a\n       kind: integer\n", "line 5, column 8: the indentation"),
        (TOP + "      - name: a: b\n", "line 4, column 16: a colon stands where none can"),
        (TOP + '      - name: "a\n', "line 4, column 15: a quote opens here and never closes"),
        ("tables: *nope\n", "line 1, column 9: a text starts with '\\*'"),
        ("tables: !!python/object:os.system x\n", "line 1, column 9: a text starts with '!'"),
        ("a: 1\ntables: \x01\n", r"line 2: the character U\+0001"),
        ("tables: {}\n---\nx: 1\n", "line 2, column 1: '---' starts a second document"),
        ("{[a]: 2}", "line 1: a key is a list or mapping"),
        ("a: &x [*x]\n", "needs 'tables'"),
        ("[" * 3000, "nests too deeply"),
        ("tables: 2020-99-99", "a value that is none"),
        ("hello", "needs 'tables' with columns"),
        ("tables: {a: {columns: 5}}", "table 'a' needs a list 'columns'"),
        (b"PAR1\0\0", "2 NUL bytes"),
        ("tables: {}\nrelations: 5\n", "'relations' must be a list"),
        ("tables: {}\nconstraints: 5\n", "'constraints' must be a list"),
    ],
)
def test_what_is_no_schema_is_refused_in_one_sentence(tmp_path, text, message):
    with pytest.raises(SchemaError, match=message) as caught:
        schema(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "schema.yaml"))
    assert "\n" not in caught.value.args[0] and "<unicode" not in caught.value.args[0]
    assert caught.value.hint


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("{name: a, kind: intger}", "column 'a': no kind named 'intger'"),
        ("{name: a, kind: integer, decimls: 3}", "column 'a' has no key 'decimls'"),
        ("{name: a, kind: number, decimals: two}", "column 'a': 'decimals' is 'two'"),
        ("{name: a, kind: number, decimals: true}", "column 'a': 'decimals' is True"),
        ("{name: a, kind: category, levels: low}", "column 'a': 'levels' must be a list"),
        ("{name: a, kind: category, levels: [[1]]}", "column 'a': the level \\[1\\] must be text"),
        ("{name: a, kind: ordinal, levels: [x, y, x]}", "column 'a': the level 'x' stands there"),
        ("{name: a, kind: category, public: maybe}", "column 'a': 'public' is 'maybe'"),
        ("{name: a, kind: name, locale: [1]}", "column 'a': 'locale' is \\[1\\]"),
        ("{name: a, kind: datetime, unit: hours}", "column 'a': there is no unit 'hours'"),
        ("{name: a, kind: integer, kind: number}", "the key 'kind' stands here twice"),
        ("{name: null, kind: integer}", "a column has no name"),
        ("{name: a}", "each column .* needs 'name' and 'kind'"),
    ],
)
def test_a_wrong_column_is_named_with_its_line(tmp_path, column, message):
    with pytest.raises(SchemaError, match=f"{AT_4}: {message}") as caught:
        schema(tmp_path, f"{TOP}      - {column}\n")
    assert caught.value.hint


def test_a_role_no_column_has_is_named_with_the_file(tmp_path):
    text = "tables:\n  data:\n    target: b\n    columns:\n      - {name: a, kind: integer}\n"
    with pytest.raises(AbbildError, match=r"schema\.yaml: no column for the target named 'b'"):
        schema(tmp_path, text)


def test_a_column_the_table_lacks_is_named_with_the_file_of_the_table(tmp_path):
    (tmp_path / "a.csv").write_text("age,city\n1,x\n2,y\n")
    told = schema(tmp_path, TOP + "      - {name: agee, kind: integer}\n")
    with pytest.raises(SchemaError, match=r"column 'agee', which a\.csv does not have") as caught:
        read(tmp_path / "a.csv", schema=told)
    assert "'age'" in caught.value.hint


def test_texts_are_what_they_look_like(tmp_path):
    column = "{name: no, kind: ordinal, levels: [no, yes, 007, 1.50, 2020-01-01, null, ~]}"
    told = schema(tmp_path, f"{TOP}      - {column}\n").table["no"]
    assert told.kind == Kind.ORDINAL
    assert told.levels == ("no", "yes", "007", "1.50", "2020-01-01", "null", "~")
    text = "tables:\n  data:\n    target: 2020\n    columns:\n      - {name: 2020, kind: integer}\n"
    assert schema(tmp_path, text).table.target == "2020"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_editor_may_save_a_schema(tmp_path, encoding):
    text = f"{TOP}      - {{name: Größe, kind: number}}\n"
    assert schema(tmp_path, text.encode(encoding)).table.names == ["Größe"]


def test_levels_that_yaml_would_take_for_something_else_come_back(tmp_path):
    told = schema(tmp_path, f'{TOP}      - {{name: a, kind: category, levels: [no, "", "~", 1]}}\n')
    write_schema(told, tmp_path / "again.yaml")
    assert read_schema(tmp_path / "again.yaml") == told
