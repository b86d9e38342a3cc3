"""Names, e-mail addresses, phone numbers, IBANs: never learned, always invented.

What is learned is how they are written (capitals, separators, country) where at least k units
write so, where they are missing, and which row shares a value with many others. A value of many
rows is stored as a hash and becomes one constant fake.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core import Column, Kind, ShapeError
from abbild.tables import fakes
from abbild.tables.codecs import level
from abbild.tables.codecs.draw import Draw, Presence
from abbild.tables.codecs.level import LevelStats, as_text
from abbild.tables.codecs.units import hash_units
from abbild.tables.counter import mix
from abbild.tables.encoded import Levels
from abbild.tables.strings import blank, join, with_suffix

__all__ = ["PersonalCodec", "PersonalStats", "analyze", "decode", "encode", "fit", "merge"]

KEPT = 65_536  # values counted
REPEATED = 1_000  # values with a code of their own

_HABITS: dict[Kind, tuple[str, ...]] = {  # regular expressions counted, in this order
    Kind.NAME: (r",", r"^\P{Ll}*\p{Lu}\P{Ll}*$", r"^\P{Lu}*\p{Ll}\P{Lu}*$"),
    Kind.EMAIL: (r"^[^@]*\.", r"^[^@]*_", r"^[^@]*-", r"^\P{Ll}*\p{Lu}\P{Ll}*$"),
    Kind.PHONE: (
        r"^\s*\+",
        r"^\s*00",
        r"\(",
        r"/",
        r"-",
        r"\.",
        r"\s",
        *(rf"^\s*(\+|00){code}" for code in fakes.CODES.values()),
    ),
    Kind.IBAN: (r"\s", *(rf"^{country}" for country in fakes.COUNTRIES)),
}


@dataclass(frozen=True, slots=True, eq=False)
class PersonalStats:
    """How values are written.

    Attributes
    ----------
    values : rows and units of each value; beyond `KEPT` values the least frequent are forgotten
    habits : (h,) rows that match each regular expression of the kind
    present : rows with a value
    """

    values: LevelStats
    habits: NDArray[np.int64]
    present: int


@dataclass(frozen=True, slots=True, eq=False)
class PersonalCodec:
    """How fakes are written.

    Attributes
    ----------
    habits : (h,) whether most rows match each regular expression of the kind
    unique : whether no value came twice, so that none may now
    """

    presence: Presence
    kind: Kind
    format: str
    locale: str
    habits: tuple[bool, ...]
    unique: bool

    def check(self) -> None:
        """Refuse habits of another kind; called when a model is loaded."""
        if len(self.habits) != len(_HABITS.get(self.kind, ())) or not self.habits:
            raise ShapeError(f"column {self.presence.name!r} has habits no {self.kind} has")

    @property
    def treatment(self) -> str:
        """What happens to the column, for a data protection officer."""
        how = {
            Kind.NAME: f"realistic fake names ({self.locale})",
            Kind.EMAIL: "realistic fakes, e-mail addresses at reserved domains",
            Kind.PHONE: "realistic fakes, phone numbers in ranges set aside for fiction",
            Kind.IBAN: "realistic fakes, IBANs whose check digits fail",
        }
        return f"never learned; {how[self.kind]}"


def analyze(
    column: Column, values: pa.Array, units: NDArray[np.uint64] | None, k: int
) -> PersonalStats:
    """Look at the habits of one block."""
    text = as_text(values)
    stats = level.analyze(column, text, units, k)
    habits = [
        pc.sum(pc.match_substring_regex(text, pattern)).as_py() or 0
        for pattern in _HABITS[column.kind]
    ]
    return PersonalStats(_prune(stats), np.array(habits, np.int64), len(text) - text.null_count)


def merge(a: PersonalStats, b: PersonalStats) -> PersonalStats:
    """Join the statistics of two blocks; exact up to `KEPT` values."""
    return PersonalStats(
        _prune(level.merge(a.values, b.values)), a.habits + b.habits, a.present + b.present
    )


def fit(column: Column, stats: PersonalStats, k: int) -> PersonalCodec:
    """Keep habits of the majority, if these are at least `k` rows."""
    often = np.flatnonzero((stats.values.units >= k) & (stats.values.counts >= 2))
    if column.format in ("first", "last"):
        often = often[:0]  # first names come again by nature; they follow the person of the row
    often = often[np.argsort(-stats.values.counts[often], kind="stable")][:REPEATED]
    repeated = stats.values.levels.take(pa.array(often))
    fresh = int(stats.values.counts[often].sum()) < stats.present
    missing = stats.values.missing > 0 or not stats.present
    presence = Presence(column.name, hash_units(repeated), fresh, missing)
    majority = stats.habits * 2 > max(stats.present, 2 * k - 1)
    return PersonalCodec(
        presence,
        column.kind,
        column.format or "full",
        column.locale or "en_US",
        tuple(bool(m) for m in majority),
        bool((stats.values.counts <= 1).all()),
    )


def encode(codec: PersonalCodec, values: pa.Array) -> Levels | None:
    """Return where values are missing or repeated, if they ever are."""
    return codec.presence.encode(values)


def decode(codec: PersonalCodec, column: Levels | None, arrow: pa.DataType, draw: Draw) -> pa.Array:
    """Return fakes of the type `arrow`; those of one row agree."""
    codes = codec.presence.codes(column, len(draw.rows))
    absent = codec.presence.absent(codes)
    repeats = codec.presence.repeats(codes)
    # a repeated value is one fake wherever it stands: its number is its code, far beyond rows
    number = np.where(repeats, np.uint64(2**63) + codes.astype(np.uint64), draw.numbers)
    key = draw.key("fakes", codec.kind.value)
    if codec.kind is Kind.NAME:
        out = _names(codec, draw)
    elif codec.kind is Kind.EMAIL:
        out = _emails(codec, draw, repeats, key)
    elif codec.kind is Kind.PHONE:
        out = _phones(codec, number, repeats, key)
    else:
        country = _iban_country(codec)
        number = np.where(repeats, mix(number, key), number)
        out = fakes.ibans(number, country, key, grouped=codec.habits[0])
    return blank(out, absent).cast(arrow)


def persons(
    codecs: list[PersonalCodec], columns: list[Levels | None], numbers: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return (n,) the number of the person of each row, and whether a repeated value names it.

    The first full name or e-mail address that is a repeated value decides, so that a customer of
    many rows has one name and the address that goes with it. A phone may belong to a company.
    """
    person, known = numbers.copy(), np.zeros(len(numbers), bool)
    for number, (codec, column) in enumerate(zip(codecs, columns, strict=True)):
        decides = codec.kind in (Kind.NAME, Kind.EMAIL) and len(codec.presence.repeated)
        if column is None or not decides:
            continue
        codes = codec.presence.codes(column, len(numbers))
        here = codec.presence.repeats(codes) & ~known
        person[here] = codes[here].astype(np.uint64) + np.uint64(number * REPEATED)
        known |= here
    return person, known


def _prune(stats: LevelStats) -> LevelStats:
    """Forget the least frequent values beyond the limit."""
    if len(stats.levels) <= KEPT:
        return stats
    keep = np.sort(np.argsort(-stats.counts, kind="stable")[:KEPT])
    seen = None if stats.seen is None else stats.seen[keep]
    levels = stats.levels.take(pa.array(keep))
    return replace(stats, levels=levels, counts=stats.counts[keep], seen=seen)


def _who(codec: PersonalCodec, draw: Draw) -> fakes.People:
    """Return the person of each row; those of repeated values come from a list of their own."""
    fresh = fakes.people(draw.person, codec.locale, draw.key("fakes", "people"))
    if not draw.known.any():
        return fresh
    known = fakes.people(draw.person, codec.locale, draw.key("fakes", "known people"))
    pick = pa.array(draw.known)
    return fakes.People(
        pc.if_else(pick, known.first, fresh.first),
        pc.if_else(pick, known.last, fresh.last),
        pc.if_else(pick, known.first_ascii, fresh.first_ascii),
        pc.if_else(pick, known.last_ascii, fresh.last_ascii),
        np.where(draw.known, known.epoch, fresh.epoch),
        fresh.locale,
    )


def _names(codec: PersonalCodec, draw: Draw) -> pa.Array:
    who = _who(codec, draw)
    comma, upper, lower = codec.habits
    if codec.format in ("first", "last"):
        out = who.first if codec.format == "first" else who.last
    else:
        out = fakes.full_names(who, comma=comma)
        if codec.unique:
            epoch = np.where(who.epoch > 0, who.epoch + np.uint64(1), who.epoch)
            out = with_suffix(out, epoch, " ")
    return pc.utf8_upper(out) if upper else pc.utf8_lower(out) if lower else out


def _emails(codec: PersonalCodec, draw: Draw, repeats: NDArray[np.bool_], key: int) -> pa.Array:
    dot, under, dash, upper = codec.habits
    separator = "." if dot else "_" if under else "-" if dash else "." if codec.unique else ""
    out = fakes.emails(_who(codec, draw), separator, key)
    # a known person with an address of this row alone: a number keeps it from coming twice
    lone = np.where(draw.known & ~repeats, draw.numbers + np.uint64(1), np.uint64(0))
    if lone.any():
        parts = pc.split_pattern(out, "@", max_splits=1)
        local = with_suffix(pc.list_element(parts, 0), lone, ".")
        out = join(local, pc.list_element(parts, 1), "@")
    return pc.utf8_upper(out) if upper else out


def _phones(
    codec: PersonalCodec, number: NDArray[np.uint64], repeats: NDArray[np.bool_], key: int
) -> pa.Array:
    plus, zeros, brackets, slash, dash, point, blank_, *codes = codec.habits
    country = fakes.phone_country(codec.locale)
    for name, common in zip(fakes.CODES, codes, strict=True):
        country = name if common else country
    between = "-" if dash else "." if point else " " if blank_ else ""
    look = fakes.PhoneLook("+" if plus else "00" if zeros else "", between, brackets, slash)
    size = np.uint64(fakes.phone_count(country))
    # without a promise of uniqueness numbers come again rather than grow an extension
    number = number if codec.unique else number % size
    return fakes.phones(number, country, look, key)


def _iban_country(codec: PersonalCodec) -> str:
    for country, common in zip(fakes.COUNTRIES, codec.habits[1:], strict=True):
        if common:
            return country
    country = codec.locale.replace("-", "_").split("_")[-1].upper()
    return country if country in fakes.COUNTRIES else "DE"
