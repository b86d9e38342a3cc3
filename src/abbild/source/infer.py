"""The one door through which private data is looked at to decide what its columns mean.

Nothing else in this spoke decides from values: a privacy ledger can stand here. A column that a
schema declares is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from abbild.core import Column, ColumnTypeError, Kind, TableSchema
from abbild.source import dates, durations, naming, numerals, scales
from abbild.source.cells import Habits, Tidy, habits_of, head_of, tidy
from abbild.source.counts import counted
from abbild.source.personal import country_of_phone, is_phone, locale_of, personal_kind
from abbild.source.raw import decoded

_FEW = 20  # fewer rows than this say little about uniqueness
_TEXT_WORDS = 3.0  # mean number of words from which strings are free text
_TEXT_LENGTH = 40.0  # mean number of characters likewise
_LEVELS = 60  # most levels a known scale has
_MEASURED = 0.9  # share of numbers from which the other values are mistakes
_DECIMAL = r"^[-+]?\d+(?:[.,]\d+)*$"
_WITH_MARK = r"^[-+]?\d+[.,]\d+$"
_LATITUDE, _LONGITUDE = 90.0, 180.0  # degrees


@dataclass(frozen=True, slots=True)
class _Look:
    """What is known about the whole table while one column is judged."""

    rows: int
    habits: Habits
    untyped: bool


def is_text(kind: pa.DataType) -> bool:
    """Return whether values of this type are strings of any width."""
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or str(kind) == "string_view")


def habits(table: pa.Table, *, comma: bool = False) -> Habits:
    """Return how the text of `table` writes decimals and dates, all columns together."""
    names = [n for n, t in zip(table.column_names, table.schema.types, strict=True) if is_text(t)]
    return habits_of({n: tidy(table[n].slice(0, 20_000)).strings for n in names}, comma=comma)


def infer(
    table: pa.Table,
    *,
    declared: dict[str, Column] | None = None,
    look: Habits | None = None,
    untyped: bool = False,
) -> TableSchema:
    """Decide what every column of a raw table means, with a reason for each.

    Parameters
    ----------
    table : columns of single values of any Arrow type; (n rows)
    declared : columns that are known; they are taken as they are and not looked at
    look : habits of the text, if known
    untyped : whether strings may be numbers, dates or markers for missing values that the file
        had no other way to write. Strings of a typed file are tried as numbers and dates too,
        but its ``"NA"`` is a level: it has nulls for what is missing

    Notes
    -----
    Cost: O(n) per column, about 0.3 s per million cells. An integer stays an integer however few
    values it has, unless it is named an id and repeats. A string that is unique in every row is
    an identifier or free text and never a category.
    """
    declared = declared or {}
    seen = _Look(table.num_rows, look or habits(table), untyped)
    columns, samples = [], []
    for name in table.column_names:
        if name in declared:
            columns.append(declared[name])
            continue
        column, sample = _column(name, table[name], seen)
        columns.append(column)
        samples.append(sample)
    locale = locale_of(table.column_names, [s for s in samples if s])
    told = tuple(_with_locale(column, locale) for column in columns)
    return TableSchema(told, key=_key(told, table))


def _with_locale(column: Column, locale: str) -> Column:
    if column.kind not in (Kind.NAME, Kind.PHONE) or column.locale is not None:
        return column
    return replace(column, locale=locale)


def _key(columns: tuple[Column, ...], table: pa.Table) -> str | None:
    for column in columns:
        values = table[column.name]
        if (
            column.kind == Kind.IDENTIFIER
            and not values.null_count
            and _distinct(values) == len(values)
        ):
            return column.name
    return None


def _distinct(values: Any) -> int:
    return int(pc.count_distinct(values, mode="only_valid").as_py())


def _column(name: str, values: pa.ChunkedArray, look: _Look) -> tuple[Column, list[str]]:
    kind = values.type
    if pt.is_dictionary(kind):
        return _dictionary(name, values, look)
    if is_text(kind):
        return _text(name, values, look)
    if pt.is_null(kind) or values.null_count == len(values):
        return Column(name, Kind.CATEGORY, reason="holds no value at all"), []
    return _typed(name, values, look), []


def _typed(name: str, values: pa.ChunkedArray, look: _Look) -> Column:
    kind = values.type
    if pt.is_boolean(kind):
        return Column(name, Kind.BOOLEAN, reason="stored as true and false")
    if pt.is_date(kind):
        return Column(name, Kind.DATE, reason="stored as dates")
    if pt.is_timestamp(kind):
        if kind.tz is None and _at_midnight(values):
            return Column(name, Kind.DATE, reason="stored as date-times that are all at midnight")
        return Column(
            name, Kind.DATETIME, unit=kind.unit, zone=kind.tz, reason="stored as date-times"
        )
    if pt.is_time(kind):
        return Column(name, Kind.TIME, unit=kind.unit, reason="stored as times of day")
    if pt.is_duration(kind):
        return Column(name, Kind.DURATION, unit=kind.unit, reason="stored as durations")
    if pt.is_decimal(kind):
        return _decimal(name, values, look)
    if pt.is_integer(kind):
        return _integer(name, values, look, "")
    return _float(name, values, look)


def _at_midnight(values: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.equal(values, pc.floor_temporal(values, unit="day"))).as_py())


def _decimal(name: str, values: pa.ChunkedArray, look: _Look) -> Column:
    stored = f"stored as exact decimals ({values.type})"
    if values.type.scale <= 0:
        return _integer(name, values, look, stored)
    return _number(name, values.cast(pa.float64()), values.type.scale, stored)


def _float(name: str, values: pa.ChunkedArray, look: _Look) -> Column:
    present = values.drop_null().to_numpy()
    finite = present[np.isfinite(present)]
    if not len(finite):
        return Column(name, Kind.NUMBER, reason="stored as numbers, none of them finite")
    decimals = numerals.decimals_of(finite)
    stored = "stored as numbers"
    coordinate = naming.says(name, "latitude") or naming.says(name, "longitude")
    if decimals == 0 and not coordinate and np.abs(finite).max() < 2.0**53:
        whole = pa.chunked_array([pa.array(finite.astype(np.int64))])
        return _integer(name, whole, look, stored)
    return _number(name, pa.chunked_array([pa.array(finite)]), decimals, stored)


def _number(name: str, values: Any, decimals: int | None, stored: str) -> Column:
    ends = pc.min_max(pc.abs(values)).as_py()
    for kind, bound in ((Kind.LATITUDE, _LATITUDE), (Kind.LONGITUDE, _LONGITUDE)):
        if naming.says(name, kind) and ends["max"] is not None and ends["max"] <= bound:
            reason = f"named {name!r}, and all values lie within {bound:.0f} degrees"
            return Column(name, kind, decimals=decimals, reason=reason)
    shown = "full precision" if decimals is None else f"at most {counted(decimals, 'decimal')}"
    prefix = f"{stored}, " if stored else ""
    return Column(name, Kind.NUMBER, decimals=decimals, reason=f"{prefix}with {shown}")


def _integer(name: str, values: Any, look: _Look, stored: str) -> Column:
    """Judge whole numbers: a key, a code that repeats, or a quantity."""
    n = len(values) - values.null_count
    distinct = _distinct(values)
    if (key := _key_reason(name, values, n, distinct, look)) is not None:
        return Column(name, Kind.IDENTIFIER, reason=key)
    if naming.is_person_id(name) and distinct >= _FEW and distinct > 0.05 * n:
        reason = f"named {name!r} and repeats: it seems to name a person"
        return Column(name, Kind.IDENTIFIER, reason=reason)
    if naming.says(name, "id") and distinct >= _FEW:
        return Column(name, Kind.CATEGORY, reason=f"named {name!r}: a code that repeats")
    if naming.says(name, "zip"):
        return Column(name, Kind.CATEGORY, reason=f"named {name!r}: a code, not a quantity")
    if naming.says(name, "phone") and pc.min(values).as_py() >= 10**6:
        return Column(name, Kind.PHONE, reason=f"named {name!r}, whole numbers of 7 digits or more")
    tail = "the only value is a whole number" if n == 1 else f"all {n:,} values are whole numbers"
    reason = f"{stored}, {tail}" if stored else tail
    return Column(name, Kind.INTEGER, reason=reason)


def _key_reason(name: str, values: Any, n: int, distinct: int, look: _Look) -> str | None:
    """Return why whole numbers are a key, None if they are none."""
    if distinct < n or n < look.rows or n < 2:
        return None
    if naming.is_id(name) or (naming.says(name, "number") and n >= _FEW):
        return f"unique in every row and named {name!r}"
    ends = pc.min_max(values).as_py()
    if n >= 50 and ends["min"] in (0, 1) and int(ends["max"]) - int(ends["min"]) == n - 1:
        return "numbers the rows, each exactly once"
    return None


def _dictionary(name: str, values: pa.ChunkedArray, look: _Look) -> tuple[Column, list[str]]:
    plain = decoded(values)
    if not is_text(plain.type) and not values.type.ordered:
        column, sample = _column(name, plain, look)
        if column.kind == Kind.INTEGER:
            column = Column(name, Kind.CATEGORY, reason="stored as a dictionary of levels")
        return column, sample
    if values.type.ordered:
        chunks = values.unify_dictionaries().chunks
        levels = chunks[0].dictionary if chunks else pa.array([], pa.string())
        texts = tuple(levels.drop_null().cast(pa.string()).to_pylist()) if len(levels) else None
        return Column(name, Kind.ORDINAL, levels=texts, reason="stored as ordered levels"), []
    column, sample = _strings(name, tidy(plain), plain, look)
    if column.kind in (Kind.TEXT, Kind.IDENTIFIER):
        column = Column(name, Kind.CATEGORY, reason="stored as a dictionary of levels")
    return column, sample


def _text(name: str, values: pa.ChunkedArray, look: _Look) -> tuple[Column, list[str]]:
    """Judge strings: numbers, dates and truth values as text first, then what they say."""
    neat = tidy(values)
    head = head_of(neat.strings)
    if not len(head):
        return Column(name, Kind.CATEGORY, reason="holds no value at all"), []
    column = (
        _truth(name, neat)
        or _numerals(name, neat, head, look)
        or _moments(name, neat, head, look)
        or _durations(name, neat, head)
    )
    if column is not None:
        return column, []
    return _strings(name, neat, values, look)


def _truth(name: str, neat: Tidy) -> Column | None:
    first = neat.strings.slice(0, 1000).drop_null()
    if len(pc.unique(first)) > 2:
        return None
    words = {v.as_py() for v in pc.unique(neat.strings) if v.is_valid}
    pairs = ({"true", "false"}, {"True", "False"}, {"TRUE", "FALSE"}, {"WAHR", "FALSCH"})
    if words and any(words <= pair for pair in pairs):
        return Column(name, Kind.BOOLEAN, reason="all values are true or false")
    return None


def _numerals(name: str, neat: Tidy, head: pa.Array, look: _Look) -> Column | None:
    if is_phone(name, pc.unique(head).to_pylist()):
        return None
    if numerals.read_numerals(head, comma=look.habits.comma) is None:
        return None
    found = numerals.read_numerals(neat.strings, comma=look.habits.comma)
    if found is None:
        return None
    marks = f"decimal {found.cell.decimal!r}" + (
        f", thousands {found.cell.thousands!r}" if found.cell.thousands else ""
    )
    if pt.is_integer(found.values.type):
        stored = f"written with {marks.split(', ')[1]}" if found.cell.thousands else ""
        return _integer(name, found.values, look, stored)
    written = f"written with {marks}"
    finite = found.values.filter(pc.is_finite(found.values))
    if found.decimals is not None and len(finite):
        whole = pc.all(pc.equal(finite, pc.floor(finite))).as_py()
        small = pc.max(pc.abs(finite)).as_py() < 2.0**53
        coordinate = naming.says(name, "latitude") or naming.says(name, "longitude")
        if whole and small and not coordinate:
            return _integer(name, finite.cast(pa.int64()), look, written)
    return _number(name, finite, found.decimals, written)


def _moments(name: str, neat: Tidy, head: pa.Array, look: _Look) -> Column | None:
    fits = [
        p for p in dates.patterns_of(head[0].as_py()) if dates.read_moments(head, p) is not None
    ]
    read = [(p, m) for p in fits if (m := dates.read_moments(neat.strings, p)) is not None]
    if not read:
        return None
    pattern, moments = _choose(read, look.habits.day_first)
    kind = dates.kind_of(pattern)
    reason = f"all values are written as {pattern}"
    if len({p.replace("-", "") for p, _ in read if kind != Kind.TIME}) > 1:
        reason += " (day and month could be swapped; other columns decided)"
    return Column(name, kind, unit=moments.unit, zone=moments.zone, format=pattern, reason=reason)


def _choose(read: list[tuple[str, dates.Moments]], day_first: bool) -> tuple[str, dates.Moments]:
    wanted = [r for r in read if r[0].lstrip("%-").startswith("d") == day_first]
    return (wanted or read)[0]


def _durations(name: str, neat: Tidy, head: pa.Array) -> Column | None:
    if durations.read_durations(head) is None:
        return None
    found = durations.read_durations(neat.strings)
    if found is None:
        return None
    return Column(name, Kind.DURATION, unit=found[0].type.unit, reason="all values are durations")


def _strings(
    name: str, neat: Tidy, values: pa.ChunkedArray, look: _Look
) -> tuple[Column, list[str]]:
    """Judge strings that are nothing but strings."""
    present = neat.strings.drop_null()
    some = pc.unique(head_of(neat.strings)).to_pylist()
    if not some:
        return Column(name, Kind.CATEGORY, reason="holds no value at all"), []
    if (personal := personal_kind(name, some)) is not None:
        kind, form, reason = personal
        locale = country_of_phone(some) if kind == Kind.PHONE else None
        return Column(name, kind, format=form, locale=locale, reason=reason), some
    _refuse_mixture(name, neat)
    n, distinct = len(present), _distinct(present)
    if n >= _FEW and (free := _free_text(present, n, distinct)) is not None:
        return Column(name, Kind.TEXT, reason=free), some
    if (key := _string_key(name, n, distinct, look)) is not None:
        return Column(name, Kind.IDENTIFIER, reason=key), some
    return _level_column(name, neat, neat.kept(values, untyped=look.untyped)), some


def _refuse_mixture(name: str, neat: Tidy) -> None:
    """Refuse measurements among which a few cells are none.

    Whole numbers with a letter here and there may be codes; decimals are not.
    """
    number = pc.match_substring_regex(neat.strings, _DECIMAL)
    share = pc.mean(number.cast(pa.int8())).as_py() or 0.0
    if share < _MEASURED or not pc.any(pc.match_substring_regex(neat.strings, _WITH_MARK)).as_py():
        return
    at = pc.index(number, False).as_py()
    raise ColumnTypeError(
        f"column {name!r} holds numbers in {share:.1%} of its values, "
        f"but {neat.strings[at].as_py()!r} in row {at + 1}",
        hint="correct or empty such cells, or declare 'kind: category' for the column in a schema",
    )


def _free_text(present: pa.ChunkedArray, n: int, distinct: int) -> str | None:
    if distinct < 0.5 * n:
        return None
    some = present.slice(0, 5000)
    words = pc.mean(pc.count_substring_regex(some, r"\S+")).as_py()
    length = pc.mean(pc.utf8_length(some)).as_py()
    if words >= _TEXT_WORDS or (length >= _TEXT_LENGTH and words >= 2):
        return f"{distinct / n:.0%} of the values are unique, with {words:.1f} words on average"
    if distinct > 0.9 * n and words >= 1.5:
        return f"{distinct / n:.0%} of the values are unique, with {words:.1f} words on average"
    return None


def _string_key(name: str, n: int, distinct: int, look: _Look) -> str | None:
    if distinct == n and n >= 2 and naming.is_id(name):
        return f"unique in every row and named {name!r}"
    if distinct == n and n >= _FEW:
        return "unique in every row" if n == look.rows else "unique wherever it is present"
    if distinct > 0.9 * n and n >= 5 * _FEW:
        return f"{distinct / n:.0%} of the values are unique"
    if naming.is_person_id(name) and distinct >= _FEW and distinct > 0.05 * n:
        return f"named {name!r} and repeats: it seems to name a person"
    return None


def _level_column(name: str, neat: Tidy, kept: pa.ChunkedArray) -> Column:
    tally = pc.value_counts(kept.drop_null())
    distinct, n = len(tally), len(kept) - kept.null_count
    count = (
        f"{counted(distinct, 'level')} in {counted(n, 'value')}" if distinct != 1 else "one level"
    )
    if distinct <= _LEVELS:
        order = scales.in_order(tally.field("values").to_pylist(), name)
        if order is not None:
            return Column(name, Kind.ORDINAL, levels=order, reason=f"{count}, of a known order")
    note = f"; {neat.word!r} is one of them" if neat.word_is_level else ""
    shape = pc.match_substring_regex(neat.strings, r"^[-+]?\d+([.,]\d+)?$")
    numeric = pc.mean(shape.cast(pa.int8())).as_py() or 0.0
    if 0.5 <= numeric < 1:
        note += f"; {numeric:.0%} look like numbers, the others do not"
    return Column(name, Kind.CATEGORY, reason=count + note)
