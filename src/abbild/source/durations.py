"""Durations as text: ``1 days 02:03:04`` and clocks that run beyond a day."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_SHAPES = {
    "days": r"^(?:(?P<n>-?)(?P<D>\d{1,9}) days? )(?P<H>[01]\d|2[0-3]):(?P<M>[0-5]\d):(?P<S>[0-5]\d)(?:\.(?P<f>\d{1,9}))?$",  # noqa: E501
    "clock": r"^(?P<n>-?)(?P<H>\d{1,6}):(?P<M>[0-5]\d):(?P<S>[0-5]\d)(?:\.(?P<f>\d{1,9}))?$",
}
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def read_durations(strings: Any) -> tuple[pa.ChunkedArray, str] | None:
    """Read trimmed strings as durations; return them and the way they are written, or None."""
    for way, shape in _SHAPES.items():
        if pc.all(pc.match_substring_regex(strings, shape), min_count=1).as_py():
            return _read(pc.extract_regex(strings, shape), way), way
    return None


def _read(found: Any, way: str) -> Any:
    def number(name: str) -> Any:
        text = pc.struct_field(found, name)
        return pc.if_else(pc.equal(text, ""), "0", text).cast(pa.int64())

    fraction = pc.struct_field(found, "f")
    digits = pc.max(pc.utf8_length(fraction)).as_py() or 0
    unit = "s" if not digits else "ms" if digits <= 3 else "us" if digits <= 6 else "ns"
    seconds = pc.add(pc.multiply(number("H"), 3600), pc.multiply(number("M"), 60))
    seconds = pc.add(seconds, number("S"))
    if way == "days":
        days = pc.multiply(number("D"), 86400)
        negative = pc.equal(pc.struct_field(found, "n"), "-")
        seconds = pc.add(seconds, pc.if_else(negative, pc.negate(days), days))
    ticks = pc.multiply(seconds, _PER_SECOND[unit])
    if digits:
        ticks = pc.add(ticks, pc.utf8_rpad(fraction, _DIGITS[unit], "0").cast(pa.int64()))
    if way == "clock":
        ticks = pc.if_else(pc.equal(pc.struct_field(found, "n"), "-"), pc.negate(ticks), ticks)
    return ticks.cast(pa.duration(unit))


def as_text(values: pa.Array, way: str | None) -> pa.Array:
    """Return durations as text in the given way, ``"days"`` unless said; nulls stay null.

    Examples
    --------
    >>> as_text(pa.array([90_061], pa.duration("s")), None).to_pylist()
    ['1 days 01:01:01']
    """
    unit = values.type.unit
    ticks = values.cast(pa.int64())
    negative = pc.less(ticks, 0)
    if way == "clock":
        ticks = pc.abs(ticks)
    per_day = 86400 * _PER_SECOND[unit]
    days = pc.divide(pc.subtract(ticks, pc.if_else(negative, per_day - 1, 0)), per_day)
    if way == "clock":
        days = pc.multiply(days, 0)
    rest = pc.subtract(ticks, pc.multiply(days, per_day))
    seconds = pc.divide(rest, _PER_SECOND[unit])
    hours = pc.divide(seconds, 3600)
    minutes = pc.divide(pc.subtract(seconds, pc.multiply(hours, 3600)), 60)
    left = pc.subtract(seconds, pc.multiply(pc.divide(seconds, 60), 60))
    text = pc.binary_join_element_wise(_two(hours), _two(minutes), _two(left), ":")
    if unit != "s":
        ticks_left = pc.subtract(rest, pc.multiply(seconds, _PER_SECOND[unit]))
        fraction = pc.utf8_lpad(ticks_left.cast(pa.string()), _DIGITS[unit], "0")
        text = pc.binary_join_element_wise(text, fraction, ".")
    if way == "clock":
        return pc.binary_join_element_wise(pc.if_else(negative, "-", ""), text, "")
    return pc.binary_join_element_wise(days.cast(pa.string()), text, " days ")


def _two(values: pa.Array) -> pa.Array:
    return pc.utf8_lpad(values.cast(pa.string()), 2, "0")
