"""Schemas as YAML that a person reads, corrects and gives back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from abbild.core import Kind, Schema, SchemaError, atomically

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

    Raises
    ------
    SchemaError
        If the file is missing, is no YAML, or says something unknown; names the place.
    """
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SchemaError(
            f"no such schema file: {path}", hint="abbild proxy --write-schema writes one"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SchemaError(f"{path} is no readable YAML: {error}", hint="check it") from error
    if not isinstance(data, dict):
        raise SchemaError(f"{path} is no schema", hint="abbild proxy --write-schema writes one")
    return Schema.from_dict(data)
