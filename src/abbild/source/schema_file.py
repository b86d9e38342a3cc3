"""Schemas as YAML that a person reads, corrects and gives back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from abbild.core import (
    FileFormatError,
    Kind,
    Schema,
    SchemaError,
    UnknownNameError,
    atomically,
)
from abbild.source.encodings import as_utf8

_HEADER = """\
# What every column means. Correct what was guessed wrong and pass the file with --schema.
# kind: {kinds}
# public: true says that kind, levels and bounds of a column are known to everybody.
"""
_ORDER = (
    "name",
    "kind",
    "decimals",
    "unit",
    "zone",
    "format",
    "locale",
    "levels",
    "public",
    "reason",
)


def write_schema(schema: Schema, path: Path) -> None:
    """Write `schema` as YAML; `read_schema` gives the equal schema back."""
    text = _HEADER.format(kinds=", ".join(Kind))
    data = schema.to_dict()
    for table in data["tables"].values():
        columns = table.pop("columns")
        table["columns"] = [{k: c[k] for k in _ORDER if k in c} for c in columns]
    text += yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000)
    with atomically(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


class _Dumper(yaml.SafeDumper):
    """Lists of levels stay in one line each, so that a column is a short block."""


def _levels(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.Node:
    plain = all(isinstance(value, str) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=plain)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    """Escape line separators of other alphabets, which YAML would fold into spaces."""
    style = '"' if re.search("[\x85\u2028\u2029\ufeff]", value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(list, _levels)
_Dumper.add_representer(str, _text)


def read_schema(path: Path) -> Schema:
    """Read a schema from YAML.

    Names, levels and other texts may stand without quotes: ``no`` and ``007`` are what they look
    like there, not a truth value and a seven.

    Raises
    ------
    SchemaError, UnknownNameError
        If the file is missing, is no YAML, or says something unknown; names the file, the line
        and the column of the table.
    """
    path = Path(path)
    text = _text_of(path)
    try:
        data = _read(text, path)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, SchemaError):
            raise
        raise _no_yaml(error, path, text) from error
    for key in ("relations", "constraints"):
        if not isinstance(data.get(key) or [], list):
            raise SchemaError(f"{path}: {key!r} must be a list", hint=_EXAMPLE)
    return _built(data, str(path))


def _read(text: str, path: Path) -> dict[str, Any]:
    """Return the mapping that `text` holds, every column of it checked by itself."""
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise SchemaError(f"{path} is no schema: it needs 'tables' with columns", hint=_EXAMPLE)
        _check_keys(root, path, set())
        columns = [c for table in _tables(root) for c in _plain_texts(table)]
        data: dict[str, Any] = loader.construct_document(root)
        for node in columns:
            _check_column(loader.construct_document(node), node.start_mark.line + 1, path)
        return data
    finally:
        loader.dispose()


def _text_of(path: Path) -> str:
    try:
        return as_utf8(path.read_bytes(), str(path))[0].decode()
    except FileNotFoundError as error:
        raise SchemaError(
            f"no such schema file: {path}", hint="abbild proxy --write-schema writes one"
        ) from error
    except OSError as error:
        raise SchemaError(
            f"cannot read the schema file {path}: {error.strerror}", hint="name a YAML file"
        ) from error
    except FileFormatError as error:
        raise SchemaError(str(error.args[0]), hint="save it as YAML in UTF-8") from error


def _tables(root: yaml.MappingNode) -> list[yaml.MappingNode]:
    """Return the nodes of the tables; what is no mapping is left for the schema to refuse."""
    found = [value for key, value in root.value if key.value == "tables"]
    inner = [v for node in found if isinstance(node, yaml.MappingNode) for _, v in node.value]
    return [node for node in inner if isinstance(node, yaml.MappingNode)]


def _check_keys(node: yaml.Node, path: Path, done: set[int]) -> None:
    """Refuse keys that are no text or occur twice: YAML would keep the last without a word."""
    if id(node) in done:  # a node may hold itself
        return
    done.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item, path, done)
    if not isinstance(node, yaml.MappingNode):
        return
    seen = set()
    for key, value in node.value:
        where = f"{path}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise SchemaError(f"{where}: a key is a list or mapping", hint=_EXAMPLE)
        if key.value in seen:
            raise SchemaError(f"{where}: the key {key.value!r} stands here twice", hint=_ONCE)
        seen.add(key.value)
        _check_keys(value, path, done)


def _plain_texts(table: yaml.MappingNode) -> list[yaml.MappingNode]:
    """Have texts of a table and its columns read as they are written; return the columns."""
    parts = dict((key.value, value) for key, value in table.value)
    for role in ("unit", "key", "target"):
        _as_text(parts.get(role))
    listed = parts.get("columns")
    items = listed.value if isinstance(listed, yaml.SequenceNode) else []
    columns = [item for item in items if isinstance(item, yaml.MappingNode)]
    for column in columns:
        for key, value in column.value:
            if key.value in _TEXTS:
                _as_text(value)
            elif key.value == "levels" and isinstance(value, yaml.SequenceNode):
                for level in value.value:
                    _as_text(level, null=True)
    return columns


def _as_text(node: yaml.Node | None, *, null: bool = False) -> None:
    if isinstance(node, yaml.ScalarNode) and (null or not node.tag.endswith(":null")):
        node.tag = "tag:yaml.org,2002:str"


def _check_column(data: dict[str, Any], line: int, path: Path) -> None:
    """Refuse a column that is wrong in itself, naming its line."""
    where = f"{path}, line {line}"
    _built({"tables": {"data": {"columns": [data]}}}, where)
    name = f"{where}: column {data['name']!r}"
    for key in _TEXTS:
        if not isinstance(data.get(key), str | None):
            raise SchemaError(f"{name}: {key!r} is {data[key]!r}, it must be text", hint=_EXAMPLE)
    if not data["name"]:
        raise SchemaError(f"{where}: a column has no name", hint=_EXAMPLE)
    if isinstance(data.get("decimals"), bool):
        raise SchemaError(
            f"{name}: 'decimals' is {data['decimals']!r}, it must be a whole number",
            hint="give 0 to 15, or leave it out",
        )
    if not isinstance(data.get("public", False), bool):
        raise SchemaError(
            f"{name}: 'public' is {data['public']!r}, it must be true or false",
            hint="leave it out for false",
        )
    if data.get("unit") not in (None, *_UNITS):
        raise SchemaError(
            f"{name}: there is no unit {data['unit']!r}", hint=f"known: {', '.join(_UNITS)}"
        )
    _check_levels(data.get("levels"), name)


def _check_levels(levels: list[Any] | None, name: str) -> None:
    for level in levels or ():
        if not isinstance(level, str):
            raise SchemaError(f"{name}: the level {level!r} must be text", hint=_EXAMPLE)
        if levels is not None and levels.count(level) > 1:
            raise SchemaError(f"{name}: the level {level!r} stands there twice", hint=_ONCE)


def _built(data: dict[str, Any], where: str) -> Schema:
    """Build the schema, or say in which file or line it is wrong."""
    try:
        return Schema.from_dict(data)
    except (SchemaError, UnknownNameError) as error:
        hint = error.hint or _EXAMPLE
        raise type(error)(f"{where}: {error.args[0]}", hint=hint) from error


def _no_yaml(error: Exception, path: Path, text: str) -> SchemaError:
    """Say in one sentence where the YAML breaks."""
    if isinstance(error, RecursionError):
        return SchemaError(f"{path} nests too deeply or holds itself", hint=_EXAMPLE)
    if not isinstance(error, yaml.YAMLError):
        return SchemaError(f"{path} holds a value that is none: {error}", hint="put it in quotes")
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return SchemaError(
            f"{path}, line {line}: the character U+{ord(text[error.position]):04X} is none that "
            "YAML allows",
            hint="is it a YAML file? Remove the character",
        )
    mark = getattr(error, "problem_mark", None)
    start = getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or "it is broken")
    what, hint = problem, _EXAMPLE
    for sign, said, way in _YAML_PROBLEMS:
        if sign in f"{getattr(error, 'context', None)} {problem}":
            what, hint = said, way
            mark = start if start and "closes" in said else mark
            break
    at = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return SchemaError(f"{path}{at}: {what}", hint=hint)


_UNITS = ("s", "ms", "us", "ns")
_TEXTS = ("name", "kind", "unit", "zone", "format", "locale", "reason")
_EXAMPLE = "see docs/schema.md for an example; abbild proxy --write-schema writes one"
_ONCE = "remove one of the two"
_QUOTE = "put a text that holds ': ', '#', '[', '{', '*', '&', '!', '%' or '@' in quotes"
_INDENT = "indent with spaces, and the keys of one column all by the same"
# in what PyYAML reports -> what is wrong, what to do; the first that fits
_YAML_PROBLEMS = (
    ("'\\t'", "a tab stands where YAML wants spaces", _INDENT),
    ("quoted scalar", "a quote opens here and never closes", "close it"),
    ("mapping values are not allowed", "a colon stands where none can", _QUOTE),
    ("parsing a flow", "a bracket or brace opens here and never closes", "close it"),
    ("parsing a block", "the indentation does not fit the lines above", _INDENT),
    ("could not find expected ':'", "a key without a colon", "write 'key: value'"),
    ("undefined alias", "a text starts with '*', which means a reference in YAML", _QUOTE),
    ("could not determine a constructor", "a text starts with '!', a tag in YAML", _QUOTE),
    ("a single document", "'---' starts a second document", "keep one schema in a file"),
    ("cannot start any token", "a text starts with a sign that means something in YAML", _QUOTE),
)
