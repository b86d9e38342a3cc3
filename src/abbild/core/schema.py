"""What a column means: kinds, units, keys, relations. Plain values; YAML and JSON at the edge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from abbild.core.errors import SchemaError, unknown_name


class Kind(StrEnum):
    """What the values of a column are, whatever their storage type."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    ORDINAL = "ordinal"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    DURATION = "duration"
    LATITUDE = "latitude"
    LONGITUDE = "longitude"
    TEXT = "text"
    IDENTIFIER = "identifier"
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    IBAN = "iban"

    @property
    def is_quantity(self) -> bool:
        """Whether the values have an order and distances (numbers, dates, coordinates)."""
        return self in _QUANTITIES

    @property
    def is_level(self) -> bool:
        """Whether the values are levels of a finite set."""
        return self in _LEVELS

    @property
    def is_learned(self) -> bool:
        """Whether engines may learn from the values; text, keys and personal data never are."""
        return self in _QUANTITIES or self in _LEVELS


_QUANTITIES = frozenset(
    {
        Kind.INTEGER,
        Kind.NUMBER,
        Kind.DATE,
        Kind.DATETIME,
        Kind.TIME,
        Kind.DURATION,
        Kind.LATITUDE,
        Kind.LONGITUDE,
    }
)
_LEVELS = frozenset({Kind.BOOLEAN, Kind.CATEGORY, Kind.ORDINAL})


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes
    ----------
    decimals : NUMBER, LATITUDE, LONGITUDE: decimals the values are rounded to; None for full
        precision
    levels : ORDINAL: the levels in their order. CATEGORY: a declared, closed set, or None
    unit : DATETIME, TIME, DURATION: resolution, one of "s", "ms", "us", "ns"
    zone : DATETIME: name of the time zone, None for naive local time
    format : strptime format of dates stored as text; NAME: "full", "first" or "last"
    locale : NAME, PHONE: such as "de_DE", so that fakes look native
    public : True if kind, levels and bounds are public knowledge, so that no look at the data
        is needed to know them
    reason : why this kind was chosen, one short sentence for the user
    """

    name: str
    kind: Kind
    decimals: int | None = None
    levels: tuple[str, ...] | None = None
    unit: str | None = None
    zone: str | None = None
    format: str | None = None
    locale: str | None = None
    public: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One table: its columns in order, whose rows they are, and what is to be predicted.

    Attributes
    ----------
    unit : column that names the person (or household, machine ...) a row belongs to; None if
        each row is its own unit
    key : column unique in every row; None if there is none
    target : column a user wants to predict; it is learned with most care
    """

    columns: tuple[Column, ...]
    unit: str | None = None
    key: str | None = None
    target: str | None = None

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) != len(names):
            twice = sorted({n for n in names if names.count(n) > 1})
            raise SchemaError(f"column names {twice} occur more than once", hint="rename them")
        for role in ("unit", "key", "target"):
            value = getattr(self, role)
            if value is not None and value not in names:
                raise unknown_name(f"column for the {role}", value, names)

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise unknown_name("column", name, self.names)

    @property
    def learned(self) -> list[Column]:
        """Columns engines may learn from, in order."""
        return [column for column in self.columns if column.kind.is_learned]


@dataclass(frozen=True, slots=True)
class Relation:
    """A foreign key: `columns` of table `child` refer to `parent_columns` of table `parent`."""

    child: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """All tables of a data set, and what ties them together.

    Attributes
    ----------
    tables : name to `TableSchema`, at least one
    constraints : SQL conditions over columns that hold in every row
    """

    tables: Mapping[str, TableSchema]
    relations: tuple[Relation, ...] = ()
    constraints: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, columns: Iterable[Column], *, name: str = "data", **roles: str | None) -> Schema:
        """Build the schema of a single table called `name`."""
        return cls({name: TableSchema(tuple(columns), **roles)})

    @property
    def table(self) -> TableSchema:
        """The only table.

        Raises
        ------
        SchemaError
            If there are several.
        """
        if len(self.tables) != 1:
            raise SchemaError(
                f"one table is needed here, this data set has {len(self.tables)}",
                hint="name one of them",
            )
        return next(iter(self.tables.values()))

    def with_table(self, table: TableSchema) -> Schema:
        """Return a copy whose only table is described by `table`."""
        return replace(self, tables={next(iter(self.tables)): table})

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dicts and strings, defaults left out; see `from_dict`."""
        return {
            "tables": {name: _plain(table) for name, table in self.tables.items()},
            **({"relations": [_plain(r) for r in self.relations]} if self.relations else {}),
            **({"constraints": list(self.constraints)} if self.constraints else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Schema:
        """Build a schema from what `to_dict` returned or a user wrote.

        Raises
        ------
        SchemaError
            If a key or kind is unknown or a part is missing; the message names the place.
        """
        tables = data.get("tables") if isinstance(data, Mapping) else None
        if not isinstance(tables, Mapping) or not tables:
            raise SchemaError("a schema needs 'tables'", hint="see docs/schema.md for an example")
        _refuse_unknown(data, {"tables", "relations", "constraints"}, "schema")
        return cls(
            {str(name): _table(name, table) for name, table in tables.items()},
            tuple(_relation(r) for r in data.get("relations") or ()),
            tuple(str(c) for c in data.get("constraints") or ()),
        )


def _plain(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that differ from their defaults."""
    out: dict[str, Any] = {}
    for f in fields(value):
        v = getattr(value, f.name)
        if f.name == "columns" and isinstance(value, TableSchema):
            out["columns"] = [_plain(c) for c in v]
        elif v != f.default:
            out[f.name] = str(v) if isinstance(v, Kind) else list(v) if isinstance(v, tuple) else v
    return out


def _table(name: str, data: Any) -> TableSchema:
    where = f"table {name!r}"
    if not isinstance(data, Mapping):
        raise SchemaError(f"{where} must be a mapping with 'columns'")
    _refuse_unknown(data, {"columns", "unit", "key", "target"}, where)
    columns = data.get("columns")
    if not isinstance(columns, list) or not columns:
        raise SchemaError(f"{where} needs a list 'columns'")
    roles = {role: str(data[role]) for role in ("unit", "key", "target") if data.get(role)}
    return TableSchema(tuple(_column(c, where) for c in columns), **roles)


def _column(data: Any, where: str) -> Column:
    if not isinstance(data, Mapping) or "name" not in data or "kind" not in data:
        raise SchemaError(f"each column of {where} needs 'name' and 'kind', got {data!r}")
    known = {f.name for f in fields(Column)}
    where = f"column {data['name']!r}"
    _refuse_unknown(data, known, where)
    try:
        kind = Kind(data["kind"])
    except ValueError:
        error = unknown_name("kind", str(data["kind"]), list(Kind))
        raise SchemaError(f"{where}: no kind named {data['kind']!r}", hint=error.hint) from None
    values = {**data, "name": str(data["name"]), "kind": kind}  # YAML reads 2020 as a number
    decimals = values.get("decimals")
    if decimals is not None and (not isinstance(decimals, int) or not 0 <= decimals <= 15):
        raise SchemaError(
            f"{where}: 'decimals' is {decimals!r}, it must be a whole number",
            hint="give 0 to 15, or leave it out",
        )
    if values.get("levels") is not None:
        if not isinstance(values["levels"], list | tuple):
            raise SchemaError(f"{where}: 'levels' must be a list")
        values["levels"] = tuple(str(level) for level in values["levels"])
    return Column(**values)


def _relation(data: Any) -> Relation:
    try:
        return Relation(
            data["child"], tuple(data["columns"]), data["parent"], tuple(data["parent_columns"])
        )
    except (KeyError, TypeError) as error:
        raise SchemaError(
            f"a relation needs child, columns, parent, parent_columns, got {data!r}"
        ) from error


def _refuse_unknown(data: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in data:
        if key not in known:
            hint = unknown_name("key", str(key), known).hint
            raise SchemaError(f"{where} has no key {key!r}", hint=hint)
