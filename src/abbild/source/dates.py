"""Dates, times and durations as text: patterns in, ISO 8601 inside, the same patterns out.

A pattern is one of strptime's, with three additions: ``%-d`` (and ``%-m``, ``%-H``, ``%-I``) has
no leading zero, ``%f`` is a fraction of one to nine digits, ``%:z`` is an offset with a colon.
Arrow parses ISO 8601 at full speed for the years 1 to 9999, so a pattern is only taken apart and
put together again as ISO.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from abbild.core import Kind

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PARTS = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>0[1-9]|1[0-2])",
    "d": r"(?P<d>[0-2]\d|3[01])",
    "-m": r"(?P<m>[1-9]|1[0-2])",
    "-d": r"(?P<d>[1-9]|[12]\d|3[01])",
    "b": r"(?P<b>" + "|".join(_MONTHS) + ")",
    "H": r"(?P<H>[01]\d|2[0-3])",
    "-H": r"(?P<H>1?\d|2[0-3])",
    "M": r"(?P<M>[0-5]\d)",
    "S": r"(?P<S>[0-5]\d)",
    "f": r"(?P<f>\d{1,9})",
    "I": r"(?P<I>0[1-9]|1[0-2])",
    "-I": r"(?P<I>[1-9]|1[0-2])",
    "p": r"(?P<p>AM|PM)",
    "z": r"(?P<z>[-+]\d{4})",
    ":z": r"(?P<z>[-+]\d{2}:\d{2})",
}
_DAYS = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%-d.%-m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%-m/%-d/%Y",
    "%-d/%-m/%Y",
    "%Y/%m/%d",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%-d %b %Y",
    "%b %-d, %Y",
    "%d.%m.%y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%-m/%-d/%y",
    "%-d/%-m/%y",
)
_CLOCKS = ("%H:%M:%S", "%H:%M", "%-H:%M:%S", "%-H:%M", "%-I:%M:%S %p", "%-I:%M %p", "%I:%M %p")
_FRACTIONS = ("", ".%f", ",%f")
_OFFSETS = ("", "Z", "%:z", "%z", " %:z", " %z")
_BETWEEN = (" ", "T", ", ")
_ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "Europe/Helsinki",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "Australia/Sydney",
)
_PIVOT = 69  # two-digit years from 69 on are of the last century, as in POSIX


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """A column of dates, times or date-times that was text.

    Attributes
    ----------
    values : date32, timestamp or time64
    pattern : how they were written
    """

    values: pa.ChunkedArray
    pattern: str

    @property
    def unit(self) -> str | None:
        """Resolution of the values, None for dates."""
        return None if pa.types.is_date(self.values.type) else str(self.values.type.unit)

    @property
    def zone(self) -> str | None:
        """Time zone of the values."""
        return getattr(self.values.type, "tz", None)


def kind_of(pattern: str) -> Kind:
    """Return which kind of value `pattern` describes."""
    day, clock = re.search("%-?[Yymdb]", pattern), re.search("%-?[HI]", pattern)
    return Kind.TIME if not day else Kind.DATETIME if clock else Kind.DATE


@lru_cache(maxsize=1024)
def _shape(pattern: str) -> str:
    """Return the regular expression of `pattern`; `ValueError` if a part of it is unknown."""
    out = "^"
    plain = pattern.replace("%T", "%H:%M:%S").replace("%F", "%Y-%m-%d")
    for literal, part in re.findall("([^%]+)|%([-:]?[A-Za-z])", plain):
        if literal:
            out += re.escape(literal)
        elif part in _PARTS:
            out += _PARTS[part]
        else:
            raise ValueError(f"%{part}")
    return out + "$"


def patterns_of(value: str) -> list[str]:
    """Return every pattern that `value` alone could be written in, the likelier first.

    Examples
    --------
    >>> patterns_of("01.02.2020")
    ['%d.%m.%Y']
    >>> patterns_of("01/02/2020")
    ['%m/%d/%Y', '%d/%m/%Y']
    """
    if not re.match(r"\d{1,4}[-./: ]|[A-Z][a-z]{2} ", value) or len(value) > 40:
        return []
    days = [(day, found.end()) for day in _DAYS if (found := _prefix(day, value))]
    out = [day for day, end in days if end == len(value)]
    for day, end in days:
        for between in _BETWEEN:
            if value.startswith(between, end):
                rest = value[end + len(between) :]
                out += [day + between + clock for clock in _clocks(rest, _OFFSETS)]
    return out + _clocks(value, ("",))


def _prefix(pattern: str, value: str) -> re.Match[str] | None:
    return re.match(_shape(pattern)[:-1], value)


def _clocks(value: str, offsets: tuple[str, ...]) -> list[str]:
    found = []
    for clock in _CLOCKS:
        for fraction in _FRACTIONS if "%S" in clock and "%p" not in clock else ("",):
            for offset in offsets if "%p" not in clock else ("",):
                if re.match(_shape(clock + fraction + offset), value):
                    found.append(clock + fraction + offset)
    return found


def day_first_vote(sample: pa.Array) -> int:
    """Return 1 if days stand before months in these values, -1 if behind, 0 if unclear."""
    first = next((v.as_py() for v in sample if v.is_valid), "")
    found = [p for p in patterns_of(first) if read_moments(sample, p) is not None]
    ahead = {bool(re.match("%-?d.%-?m", p)) for p in found if re.match("%-?[dm].%-?[dm]", p)}
    return 0 if len(ahead) != 1 else 1 if ahead.pop() else -1


def read_moments(strings: Any, pattern: str) -> Moments | None:
    """Read trimmed strings as dates or times in `pattern`; None if one of them is none.

    Raises
    ------
    ValueError
        If `pattern` has a part that is not known.
    """
    if not pc.all(pc.match_substring_regex(strings, _shape(pattern)), min_count=1).as_py():
        return None
    iso, unit, zone = _as_iso(strings, pattern)
    kind = kind_of(pattern)
    try:
        if kind == Kind.DATE:
            return Moments(iso.cast(pa.date32()), pattern)
        if kind == Kind.TIME:
            iso = pc.binary_join_element_wise("1970-01-01", iso, "T")
            return Moments(iso.cast(pa.timestamp(unit)).cast(_time_type(unit)), pattern)
        values = iso.cast(pa.timestamp(unit, "UTC" if zone else None))
        if zone == "UTC" and pattern.endswith("z"):
            zone = _summer_zone(values, pc.utf8_slice_codeunits(iso, -6)) or zone
        return Moments(values.cast(pa.timestamp(unit, zone)) if zone else values, pattern)
    except pa.ArrowInvalid:
        return None  # a 30th of February, or nanoseconds outside 1677 to 2262


def _time_type(unit: str) -> pa.DataType:
    return pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)


def _as_iso(strings: Any, pattern: str) -> tuple[Any, str, str | None]:
    """Return the values as ISO 8601, their unit, and their zone."""
    if pattern in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%H:%M:%S"):
        return strings, "s", None
    found = pc.extract_regex(strings, _shape(pattern))
    names = {field.name for field in found.type}
    part = {name: pc.struct_field(found, name) for name in names}
    day, clock, unit, zone = None, None, "s", None
    if names & {"Y", "y"}:
        month = _month_number(part["b"]) if "b" in part else pc.utf8_lpad(part["m"], 2, "0")
        year = part["Y"] if "Y" in part else _full_year(part["y"])
        day = pc.binary_join_element_wise(year, month, pc.utf8_lpad(part["d"], 2, "0"), "-")
    if names & {"H", "I"}:
        hour = pc.utf8_lpad(part["H"], 2, "0") if "H" in part else _hour(part["I"], part["p"])
        clock = pc.binary_join_element_wise(hour, part["M"], part.get("S", "00"), ":")
    if "f" in part:
        digits = pc.max(pc.utf8_length(part["f"])).as_py() or 0
        unit = "ms" if digits <= 3 else "us" if digits <= 6 else "ns"
        clock = pc.binary_join_element_wise(clock, part["f"], ".")
    whole = [p for p in (day, clock) if p is not None]
    iso = whole[0] if len(whole) == 1 else pc.binary_join_element_wise(*whole, "T")
    if "z" in part:
        zone = _zone_of(part["z"])
        iso = pc.binary_join_element_wise(iso, part["z"], "")
    elif pattern.endswith("Z"):
        zone, iso = "UTC", pc.binary_join_element_wise(iso, "Z", "")
    return iso, unit, zone


def _month_number(names: Any) -> Any:
    at = pc.add(pc.index_in(names, value_set=pa.array(_MONTHS)), 1)
    return pc.utf8_lpad(at.cast(pa.string()), 2, "0")


def _full_year(two: Any) -> Any:
    late = pc.greater_equal(two.cast(pa.int32()), _PIVOT)
    return pc.binary_join_element_wise(pc.if_else(late, "19", "20"), two, "")


def _hour(twelve: Any, half: Any) -> Any:
    hour = pc.if_else(pc.equal(twelve.cast(pa.int32()), 12), 0, twelve.cast(pa.int32()))
    hour = pc.add(hour, pc.if_else(pc.equal(half, "PM"), 12, 0))
    return pc.utf8_lpad(hour.cast(pa.string()), 2, "0")


def _zone_of(offsets: Any) -> str:
    """Return the offset all values share, or UTC: offsets that change are not a zone."""
    values = pc.unique(pc.replace_substring(offsets, ":", "")).drop_null()
    if len(values) != 1 or values[0].as_py()[1:] == "0000":
        return "UTC"
    text = values[0].as_py()
    return f"{text[:3]}:{text[3:]}"


def _summer_zone(values: Any, ends: Any) -> str | None:
    """Return the place whose clocks show exactly these offsets, if one of a few large ones does."""
    offsets = pc.replace_substring_regex(ends, "^.*([-+]\\d{2}):?(\\d{2})$", "\\1\\2")
    if pc.count_distinct(offsets).as_py() != 2:
        return None  # clocks of one place show two offsets a year
    for zone in _ZONES:
        try:
            local = values.cast(pa.timestamp(values.type.unit, zone)).cast(pa.string())
        except (pa.ArrowInvalid, pa.ArrowKeyError):
            continue  # this system does not know the zone
        if pc.all(pc.equal(pc.utf8_slice_codeunits(local, -5), offsets)).as_py():
            return zone
    return None


def as_text(values: pa.Array, pattern: str | None) -> pa.Array:
    """Return dates, date-times or times as text; nulls stay null; None stands for ISO 8601.

    Examples
    --------
    >>> import datetime
    >>> as_text(pa.array([datetime.date(2020, 3, 1)]), "%-d.%-m.%Y").to_pylist()
    ['1.3.2020']
    """
    if pa.types.is_date(values.type) and pattern in (None, "%Y-%m-%d"):
        return values.cast(pa.string())
    zoned = pa.types.is_timestamp(values.type) and values.type.tz
    if pattern is None:
        pattern = _iso_pattern(values.type)
    local = (pc.local_timestamp(values) if zoned else values).cast(pa.string())
    at = 0 if pa.types.is_time(values.type) else 11
    pieces: list[Any] = []
    plain = pattern.replace("%T", "%H:%M:%S").replace("%F", "%Y-%m-%d")
    for literal, part in re.findall("([^%]+)|%([-:]?[A-Za-z])", plain):
        pieces.append(literal or _piece(part, local, at, values))
    return pc.binary_join_element_wise(*pieces, "")


def _iso_pattern(kind: pa.DataType) -> str:
    fraction = "" if kind.unit == "s" else ".%f"
    if pa.types.is_time(kind):
        return "%H:%M:%S" + fraction
    zone = "" if not kind.tz else "Z" if kind.tz == "UTC" else "%:z"
    return "%Y-%m-%dT%H:%M:%S" + fraction + zone


def _piece(part: str, local: pa.Array, at: int, values: pa.Array) -> pa.Array:
    spans = {"Y": (0, 4), "y": (2, 4), "m": (5, 7), "d": (8, 10)}
    spans |= {"H": (at, at + 2), "M": (at + 3, at + 5), "S": (at + 6, at + 8)}
    bare = part.lstrip("-:")
    if bare in spans:
        text = pc.utf8_slice_codeunits(local, *spans[bare])
        return pc.replace_substring_regex(text, "^0", "") if part[0] == "-" else text
    if part == "f":
        text = pc.utf8_slice_codeunits(local, at + 9)
        return pc.if_else(pc.equal(pc.utf8_length(text), 0), "0", text)
    if part == "b":
        month = pc.utf8_slice_codeunits(local, 5, 7).cast(pa.int32())
        return pa.array(_MONTHS).take(pc.subtract(month, 1))
    if bare == "z":
        return _offset(values, colon=part[0] == ":")
    hour = pc.utf8_slice_codeunits(local, at, at + 2).cast(pa.int32())
    if part == "p":
        return pc.if_else(pc.greater_equal(hour, 12), "PM", "AM")
    twelve = pc.subtract(hour, pc.multiply(pc.divide(hour, 12), 12))
    twelve = pc.if_else(pc.equal(twelve, 0), 12, twelve).cast(pa.string())
    return twelve if part[0] == "-" else pc.utf8_lpad(twelve, 2, "0")


def _offset(values: pa.Array, *, colon: bool) -> pa.Array:
    text = pc.utf8_slice_codeunits(values.cast(pa.string()), -5)
    text = pc.if_else(pc.ends_with(text, "Z"), "+0000", text)
    if not colon:
        return text
    hours, minutes = pc.utf8_slice_codeunits(text, 0, 3), pc.utf8_slice_codeunits(text, 3, 5)
    return pc.binary_join_element_wise(hours, minutes, ":")
