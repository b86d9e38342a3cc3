"""SQL conditions over the columns of a table.

A condition is parsed and evaluated by duckdb, without access to files, network or settings.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import ConditionError

__all__ = ["Condition", "Node", "column_of", "parse", "walk"]

Node = Mapping[str, Any]

_CLASSES = {
    "BETWEEN",
    "CASE",
    "CAST",
    "COLLATE",
    "COLUMN_REF",
    "COMPARISON",
    "CONJUNCTION",
    "CONSTANT",
    "FUNCTION",
    "OPERATOR",
    "TYPE",
}


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A condition that was found to be one.

    Attributes
    ----------
    text : as the user wrote it
    columns : names of the columns it speaks of
    parts : syntax trees that AND joins
    frame : syntax tree of a statement to put a tree into
    """

    text: str
    columns: tuple[str, ...]
    parts: tuple[Node, ...]
    frame: Node

    def holds(self, table: pa.Table) -> NDArray[np.bool_]:
        """Return (n,) whether each row of `table` satisfies the condition; unknown is no."""
        return _answers(f"SELECT (\n{self.text}\n) AS answer FROM t", self._needed(table))

    def part_holds(self, part: Node, table: pa.Table) -> NDArray[np.bool_]:
        """Return (n,) whether each row satisfies one of the parts."""
        return _answers(self._statement([part]), self._needed(table))

    def constants(self, nodes: list[Node], column: pa.Field) -> pa.Array:
        """Return the values of constant trees in the type of `column`, null if they have none."""
        inner = self._statement(nodes)
        names = ", ".join(f"c{i}" for i in range(len(nodes)))
        row = pa.table([pa.nulls(1, column.type)], names=[column.name])
        with _connect() as connection:
            connection.register("t", row)
            (kind,) = _row(connection, f"SELECT typeof({_quoted(column.name)}) FROM t")
            casts = " UNION ALL ".join(
                f"SELECT TRY_CAST(c{i} AS {kind}) AS c FROM s" for i in range(len(nodes))
            )
            found = connection.sql(f"WITH s({names}) AS ({inner}) {casts}").to_arrow_table()
        return found.column(0).combine_chunks().cast(column.type)

    def _statement(self, nodes: list[Node]) -> str:
        """Write ``SELECT nodes FROM t``."""
        frame = json.loads(json.dumps(self.frame))
        frame["statements"][0]["node"] |= {"select_list": nodes, "where_clause": None}
        with _connect() as connection:
            return str(_row(connection, "SELECT json_deserialize_sql(?)", json.dumps(frame))[0])

    def _needed(self, table: pa.Table) -> pa.Table:
        have = [name for name in self.columns if name in table.column_names]
        return table.select(have or table.column_names[:1])


def parse(text: str, schema: pa.Schema) -> Condition:
    """Check that `text` is a condition over the columns of `schema`.

    Raises
    ------
    ConditionError
        If it is no single expression, is not true or false, names an unknown column, or does
        more than compare and compute: statements, subqueries, files, chance.
    """
    if not text.strip():
        raise ConditionError("the condition is empty", hint='write one such as "age > 60"')
    frame = _tree(text)
    statement = frame["statements"][0]["node"]
    where = statement["where_clause"]
    nodes = list(walk(where))
    columns = _columns(nodes, schema)
    _refuse_functions([node for node in nodes if node.get("class") == "FUNCTION"], text)
    for node in nodes:
        if node.get("class") not in _CLASSES:
            what = str(node.get("class", "?")).lower()
            raise _no_condition(text, f"it holds a {what}")
    condition = Condition(text, columns, tuple(_conjuncts(where)), frame)
    _check_type(condition, schema)
    return condition


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Open a database that can reach nothing outside itself; it holds nothing between uses."""
    return duckdb.connect(
        ":memory:",
        config={
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "threads": "1",
            "lock_configuration": "true",
        },
    )


def _connect() -> duckdb.DuckDBPyConnection:
    """Return a connection of one's own, with names of its own."""
    return _database().cursor()


def _row(connection: duckdb.DuckDBPyConnection, statement: str, *values: str) -> tuple[Any, ...]:
    """Return the first row of an answer."""
    (row,) = connection.execute(statement, list(values)).fetchall()
    return tuple(row)


def _answers(statement: str, table: pa.Table) -> NDArray[np.bool_]:
    with _connect() as connection:
        connection.register("t", table)
        try:
            answer = connection.sql(statement).to_arrow_table().column(0)
        except duckdb.Error as error:
            raise ConditionError(
                f"the condition cannot be computed: {_sentence(error)}",
                hint="check the types of what it compares",
            ) from error
    return np.asarray(answer.cast(pa.bool_()).fill_null(False).to_numpy()).astype(bool)


def _tree(text: str) -> Any:
    """Return the syntax tree of ``SELECT * FROM t WHERE text``, refusing anything more."""
    statement = f"SELECT * FROM t WHERE (\n{text}\n)"
    with _connect() as connection:
        try:
            row = _row(connection, "SELECT json_serialize_sql(?)", statement)
        except duckdb.Error as error:
            raise _no_condition(text, _sentence(error)) from error
    frame = json.loads(row[0])
    if frame["error"]:
        raise _no_condition(text, str(frame.get("error_message", "a syntax error")).split("\n")[0])
    node = frame["statements"][0]["node"]
    whole = len(frame["statements"]) == 1 and node["type"] == "SELECT_NODE"
    if whole:
        more = ("modifiers", "group_expressions", "having", "sample", "qualify")
        whole = not any(node.get(part) for part in more) and not node["cte_map"]["map"]
        whole &= node["from_table"]["type"] == "BASE_TABLE" and node["where_clause"] is not None
    if not whole:
        raise _no_condition(text, "it is more than one expression")
    return frame


def walk(node: Any) -> Iterator[Node]:
    """Yield all expressions of a syntax tree."""
    if isinstance(node, dict):
        if "class" in node:
            yield node
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value)


def _conjuncts(node: Node) -> Iterator[Node]:
    if node["type"] == "CONJUNCTION_AND":
        for child in node["children"]:
            yield from _conjuncts(child)
    else:
        yield node


def _columns(nodes: list[Node], schema: pa.Schema) -> tuple[str, ...]:
    references = [node for node in nodes if node.get("class") == "COLUMN_REF"]
    return tuple(dict.fromkeys(column_of(node, schema) for node in references))


def column_of(node: Node, schema: pa.Schema) -> str:
    """Return the column a reference means; SQL names do not tell capitals apart."""
    written = node["column_names"][-1]
    same = [n for n in schema.names if n == written] or [
        n for n in schema.names if n.lower() == written.lower()
    ]
    if len(same) == 1:
        return str(same[0])
    if same:
        raise ConditionError(f"{written!r} may mean {' or '.join(map(repr, same))}")
    close = difflib.get_close_matches(written.lower(), [n.lower() for n in schema.names], n=1)
    near = [n for n in schema.names if close and n.lower() == close[0]]
    raise ConditionError(
        f"no column named {written!r}",
        hint=f"did you mean {near[0]!r}?"
        if near
        else f"text stands in single quotes; columns are {', '.join(schema.names[:20])}",
    )


def _refuse_functions(nodes: list[Node], text: str) -> None:
    """Refuse what is no function of a row: aggregates, table functions, chance."""
    names = sorted({str(node["function_name"]).lower() for node in nodes})
    if not names:
        return
    with _connect() as connection:
        found = connection.execute(
            "SELECT function_name, function_type, stability FROM duckdb_functions() "
            "WHERE list_contains(?, lower(function_name))",
            [names],
        ).fetchall()
    for name, kind, stability in found:
        if stability == "VOLATILE":
            raise _no_condition(text, f"{name} has another value each time")
        if kind not in ("scalar", "macro"):
            raise _no_condition(text, f"{name} is not computed from one row")


def _check_type(condition: Condition, schema: pa.Schema) -> None:
    """Refuse what does not compute, or is not true or false."""
    needed = [schema.field(name) for name in condition.columns] or [schema.field(0)]
    with _connect() as connection:
        connection.register("t", pa.schema(needed).empty_table())
        try:
            answer = connection.execute(f"SELECT (\n{condition.text}\n) AS answer FROM t")
            kind = str(answer.description[0][1])
        except duckdb.Error as error:
            raise _no_condition(condition.text, _sentence(error)) from error
    if kind != "BOOLEAN" and '"NULL"' not in kind:
        raise _no_condition(condition.text, f"its value is {kind.lower()}, not true or false")


def _no_condition(text: str, why: str) -> ConditionError:
    return ConditionError(
        f"{text!r} is no condition: {why}",
        hint="compare columns with values, such as \"age > 60 AND job = 'nurse'\"",
    )


def _sentence(error: duckdb.Error) -> str:
    """Return the first line of what duckdb says, without its class of error."""
    return str(error).split("\n")[0].partition(": ")[2] or str(error)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
