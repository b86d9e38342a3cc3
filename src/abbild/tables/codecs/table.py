"""The codec of a whole table: one look at the data, after which no row of it is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import Batch, Column, Dataset, Kind, NotEnoughDataError, Seed, ShapeError, names
from abbild.tables.codecs import key, level, personal, quantity, text
from abbild.tables.codecs.draw import Draw
from abbild.tables.codecs.key import KeyCodec
from abbild.tables.codecs.level import LevelCodec
from abbild.tables.codecs.personal import PersonalCodec
from abbild.tables.codecs.quantity import QuantityCodec
from abbild.tables.codecs.relations import Relation, apply_relations, find_relations
from abbild.tables.codecs.text import TextCodec
from abbild.tables.codecs.units import hash_units
from abbild.tables.counter import row_numbers
from abbild.tables.encoded import Encoded, Levels, Scores

__all__ = ["TableCodec", "analyze", "fit_codec", "merge"]

ColumnCodec = QuantityCodec | LevelCodec | KeyCodec | PersonalCodec | TextCodec

BLOCK = 262_144  # rows analyzed together
_AGAIN = "fit the model again"


@dataclass(frozen=True, slots=True, eq=False)
class TableCodec:
    """How a table becomes codes and scores, and how these become a table again.

    Attributes
    ----------
    table : name of the table
    arrow : its Arrow schema in Arrow's own (IPC) bytes, (m,) uint8
    target : column to be predicted, if the user named one
    columns : one codec per column, in the order of the schema
    relations : columns that follow from others; encoded rows hold, behind the columns, where
    k : least number of units behind anything that is kept
    notes : sentences for the report
    """

    table: str
    arrow: NDArray[np.uint8]
    target: str | None
    columns: tuple[ColumnCodec, ...]
    relations: tuple[Relation, ...]
    k: int
    notes: tuple[str, ...]

    def check(self) -> None:
        """Refuse codecs that cannot make columns of these types; called when a model is loaded."""
        schema = self.schema()
        names = [codec_name(codec) for codec in self.columns]
        if schema.names != names or len(set(names)) != len(names):
            raise ShapeError(f"codecs of {names} are no codecs of the columns {schema.names}")
        if self.k < 1 or self.target not in (None, *names):
            raise ShapeError(f"the target {self.target!r} is none of the columns")
        for field, codec in zip(schema, self.columns, strict=True):
            _check_type(codec, field.type)
        quantities = {c.name for c in self.columns if isinstance(c, QuantityCodec)}
        for relation in self.relations:
            if not {relation.column, *relation.sources} <= quantities:
                raise ShapeError(f"{relation.formula!r} relates columns that hold no numbers")

    def schema(self) -> pa.Schema:
        """Return the names and types of all columns."""
        return pa.ipc.read_schema(pa.py_buffer(self.arrow.tobytes()))

    def encode(self, table: pa.Table) -> Encoded:
        """Return what engines see of `table`.

        Raises
        ------
        ShapeError
            If the columns of `table` are not those of the schema.
        """
        if (have := table.column_names) != (want := self.schema().names):
            raise ShapeError(f"the table has columns {have}, the model learned {want}")
        flags = (relation.flag(table) for relation in self.relations if not relation.always)
        columns = (*self.encode_some(table), *flags)
        target = self.target if self.target in {c.name for c in columns} else None
        return Encoded(table.num_rows, columns, target)

    def encode_some(self, table: pa.Table) -> list[Levels | Scores]:
        """Return the learned ones among the columns of `table`, in the order of the schema."""
        out: list[Levels | Scores] = []
        for name, codec in self._named().items():
            if name in table.column_names:
                encoded = _family(codec).encode(codec, _array(table, name))
                if encoded is not None:
                    out.append(encoded)
        return out

    def decode(
        self,
        encoded: Encoded,
        rows: range,
        *,
        seed: Seed,
        only: Sequence[str] | None = None,
        given: pa.Table | None = None,
    ) -> pa.Table:
        """Return a whole table, in exactly the types that were learned.

        Parameters
        ----------
        encoded : n rows
        rows : their absolute numbers; keys and fakes are functions of these
        seed : the same for all rows of a data set
        only : the columns that are needed; all if None
        given : columns that are known and stay as they are

        Raises
        ------
        ShapeError
            If `rows` are not as many as `encoded` has.
        """
        if len(rows) != encoded.n:
            raise ShapeError(f"{encoded.n} encoded rows cannot be the {len(rows)} rows {rows}")
        found = {column.name: column for column in encoded.columns}
        draw = self._draw(found, rows, seed / "cells")
        arrays = {}
        schema = self.schema()
        if only is not None:
            needed = {*only, *(s for r in self.relations if r.column in only for s in r.sources)}
            schema = pa.schema([field for field in schema if field.name in needed])
        named = self._named()
        for field in schema:
            name, codec = field.name, named[field.name]
            column: Any = found.get(name)
            extra = () if isinstance(codec, QuantityCodec | LevelCodec) else (draw,)
            if isinstance(codec, LevelCodec | QuantityCodec) and column is None:
                raise ShapeError(f"the encoded rows have no column {name!r}", hint=_AGAIN)
            if not _agree(codec, column):
                raise ShapeError(f"the model has another column {name!r}", hint=_AGAIN)
            arrays[name] = _family(codec).decode(codec, column, field.type, *extra)
        fixed = {} if given is None else {n: _array(given, n) for n in given.column_names}
        arrays.update(fixed)
        free = [relation for relation in self.relations if relation.column not in fixed]
        arrays = apply_relations(free, arrays, found)
        whole = pa.table(list(arrays.values()), schema=schema)
        return whole if only is None else whole.select([n for n in schema.names if n in only])

    def completed(self, given: pa.Table) -> pa.Table:
        """Return `given` with the columns that a given one always equals."""
        for relation in self.relations:
            source = relation.sources[0]
            if relation.operation != "equal" or not relation.always:
                continue
            if relation.column in given.column_names and source not in given.column_names:
                given = given.append_column(source, given.column(relation.column))
        return given

    def treatments(self) -> list[tuple[str, str]]:
        """Return one sentence for each column on what happens to it."""
        return [(name, codec.treatment) for name, codec in self._named().items()]

    def empty(self) -> pa.Table:
        """Return a table without rows."""
        return self.schema().empty_table()

    def batch(self, table: pa.Table) -> Batch:
        """Wrap rows under the name of the table."""
        return Batch({self.table: table.combine_chunks()})

    def _named(self) -> Mapping[str, ColumnCodec]:
        return dict(zip(self.schema().names, self.columns, strict=True))

    def _draw(self, found: Mapping[str, Levels | Scores], rows: range, seed: Seed) -> Draw:
        personals = [c for c in self.columns if isinstance(c, PersonalCodec)]
        codes = [found.get(c.presence.name) for c in personals]
        levels = [c if isinstance(c, Levels) else None for c in codes]
        person, known = personal.persons(personals, levels, row_numbers(rows))
        return Draw(rows, seed, person, known)


def codec_name(codec: ColumnCodec) -> str:
    """Return the name of the column of a codec."""
    return codec.name if isinstance(codec, QuantityCodec | LevelCodec) else codec.presence.name


def fit_codec(
    data: Dataset, *, k: int = 5, seed: Seed, block: int = BLOCK, related: bool = True
) -> TableCodec:
    """Learn how to encode the single table of `data`: a reduce over its blocks.

    Parameters
    ----------
    k : least number of units (people) behind any level, value or knot that is kept
    seed : of the rows looked at for relations
    block : rows looked at together; the result does not depend on it while columns have at most
        65,536 distinct values
    related : whether relations between columns are looked for

    Raises
    ------
    NotEnoughDataError
        If there are fewer than `k` units.

    Notes
    -----
    Cost is O(n log n) time in a block; memory is bounded but for the distinct levels.
    """
    described, table = data.schema.table, data.table
    if not table.num_rows:
        raise NotEnoughDataError("there is no row to learn from", hint="check the filters")
    _refuse_few(data, k)
    parts = (
        analyze(data, table.slice(start, block), k=k, first=start)
        for start in range(0, table.num_rows, block)
    )
    stats = reduce(merge, parts)
    columns = _share_locale(described.columns)
    codecs = tuple(_FAMILIES[c.kind].fit(c, s, k) for c, s in zip(columns, stats, strict=True))
    arrow = pa.schema([pa.field(f.name, _plain(f.type)) for f in table.schema])
    learned = [c for c in codecs if isinstance(c, QuantityCodec) and c.learned]
    rng = (seed / "relations").rng()
    relations = find_relations(table, learned, k=k, rng=rng) if related else ()
    return TableCodec(
        next(iter(data.schema.tables)),
        np.frombuffer(arrow.serialize().to_pybytes(), np.uint8),
        described.target,
        codecs,
        relations,
        k,
        (*_notes(described.columns, codecs), *map(_relation_note, relations)),
    )


def analyze(data: Dataset, rows: pa.Table, *, k: int, first: int = 0) -> list[Any]:
    """Return the statistics of each column of some `rows` of the table of `data`.

    `first` is the number of the first of them in the table; a missing unit goes by its number.
    """
    described = data.schema.table
    units = None if described.unit is None else hash_units(_array(rows, described.unit), first)
    return [
        _FAMILIES[column.kind].analyze(column, _array(rows, column.name), units, k)
        for column in described.columns
    ]


def merge(a: list[Any], b: list[Any]) -> list[Any]:
    """Join the statistics of two parts of a table; associative."""
    return [_family(left).merge(left, right) for left, right in zip(a, b, strict=True)]


_FAMILIES: dict[Kind, ModuleType] = {
    **{kind: quantity for kind in Kind if kind.is_quantity},
    **{kind: level for kind in Kind if kind.is_level},
    **dict.fromkeys((Kind.NAME, Kind.EMAIL, Kind.PHONE, Kind.IBAN), personal),
    Kind.IDENTIFIER: key,
    Kind.TEXT: text,
}


def _family(part: Any) -> ModuleType:
    """Return the module that made a statistics or codec object."""
    families = (quantity, level, personal, key, text)
    return next(f for f in families if type(part).__module__ == f.__name__)


def _agree(codec: ColumnCodec, column: Levels | Scores | None) -> bool:
    """Return whether `column` is what `codec` encodes to; None where nothing was to be learned."""
    if isinstance(codec, QuantityCodec):
        return isinstance(column, Scores)
    size = codec.size if isinstance(codec, LevelCodec) else codec.presence.size
    return column is None or (isinstance(column, Levels) and column.size == size)


def _check_type(codec: ColumnCodec, arrow: pa.DataType) -> None:
    """Refuse a codec whose values are not of the type `arrow`, by making some."""
    if isinstance(codec, QuantityCodec):
        z = np.concatenate([codec.z[:1], codec.z[-1:], [np.nan]])
        quantity.decode(codec, Scores(codec.name, z, codec.atoms), arrow)
        right = bool(codec.scale) or not len(codec.knots) or pa.types.is_floating(arrow)
    elif isinstance(codec, LevelCodec):
        codes = np.arange(codec.size, dtype=np.int32)
        level.decode(codec, Levels(codec.name, codes, codec.size, codec.ordered), arrow)
        right = True
    elif isinstance(codec, KeyCodec) and codec.whole:
        right = pa.types.is_integer(arrow)
    else:
        words = codec.words if isinstance(codec, TextCodec) else ("",)
        pa.array(words, pa.large_string()).cast(arrow)
        right = True
    if not right:
        raise ShapeError(f"column {codec_name(codec)!r} cannot be of type {arrow}")


def _refuse_few(data: Dataset, k: int) -> None:
    unit, n = data.schema.table.unit, data.table.num_rows
    what = "rows"
    if unit is not None:
        people = len(np.unique(hash_units(_array(data.table, unit))))
        n, what = (people, f"people in column {unit!r}") if people < n else (n, what)
    if n < k:
        raise NotEnoughDataError(
            f"{n} {what} are too few: a value must be shared by at least {k} people to be kept",
            hint="bring more rows",
        )


def _share_locale(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Give personal columns without a locale that of another, so that a row is one person.

    A name tells before other personal columns, these before all others.
    """
    told = [c for c in columns if c.locale]
    told.sort(key=lambda c: (c.kind is not Kind.NAME, _FAMILIES[c.kind] is not personal))
    return tuple(
        replace(c, locale=told[0].locale)
        if told and not c.locale and _FAMILIES[c.kind] is personal
        else c
        for c in columns
    )


def _array(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _plain(arrow: pa.DataType) -> pa.DataType:
    """Return the type of the values of a dictionary-encoded column."""
    return arrow.value_type if pa.types.is_dictionary(arrow) else arrow


def _notes(columns: tuple[Column, ...], codecs: tuple[ColumnCodec, ...]) -> tuple[str, ...]:
    """Return what a reader of the report must know."""
    notes = []
    for column, codec in zip(columns, codecs, strict=True):
        name = column.name
        if isinstance(codec, QuantityCodec | LevelCodec) and not codec.learned:
            notes.append(f"column {name!r} is left empty: {codec.treatment.partition(': ')[2]}")
        elif isinstance(codec, LevelCodec) and codec.hidden > 0.05:
            notes.append(
                f"column {name!r}: {codec.hidden:.0%} of the rows have a level too rare to show; "
                "the others stand in for them"
            )
        elif isinstance(codec, TextCodec):
            notes.append(_text_note(name, codec))
    return tuple(notes)


def _relation_note(relation: Relation) -> str:
    where = "in all rows" if relation.always else f"in {relation.share:.0%} of the rows"
    return f"{relation.formula} {where}: kept"


def _text_note(name: str, codec: TextCodec) -> str:
    if not codec.words:
        return f"column {name!r} is free text without words that {codec.k} people share: left empty"
    makers = names("text_makers")
    way = f"; {makers[0]!r} can write real sentences" if makers else ""
    return f"column {name!r} is free text: it holds common words at random, not sentences{way}"
