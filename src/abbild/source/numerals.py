"""Numbers as text: which marks they use, what they say, and how to write them again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.source.formats import CellFormat

# decimal mark, thousands mark; the plain ones first
_STYLES = (
    (".", ""),
    (",", ""),
    (".", ","),
    (",", "."),
    (".", "'"),
    (".", "’"),
    (",", " "),
    (",", "\u00a0"),
    (",", "\u202f"),
    (".", " "),
    (".", "\u00a0"),
    (".", "\u202f"),
)
_AFFIXES = r"(?:[$€£¥%‰]|EUR|USD|CHF|GBP)"
_BEFORE = re.compile(rf"^-?({_AFFIXES}\s?)[\d.,-]")
_BEHIND = re.compile(rf"[\d.,](\s?{_AFFIXES})$")
_LOOK = re.compile(rf"-?(?:{_AFFIXES}\s?)?[-+]?(?:[\d.,]|inf|nan)", re.IGNORECASE)
_WORDS = ("inf", "-inf", "+inf", "infinity", "-infinity", "+infinity", "nan")
_NOISE = 1e-8  # relative error that sums of rounded amounts carry
_MOSTLY = 0.99  # share of the values that must be exact
_MOST_DECIMALS = 10  # beyond, a number is a measurement in full precision


@dataclass(frozen=True, slots=True, eq=False)
class Numerals:
    """A column of numbers that was text.

    Attributes
    ----------
    values : int64 if no value has a decimal mark or exponent, else float64
    cell : how they were written
    decimals : most decimals any value shows, None if a value has an exponent or too many
    """

    values: pa.ChunkedArray
    cell: CellFormat
    decimals: int | None


def _shape(decimal: str, thousands: str) -> str:
    """Return the pattern of a number in this style; a leading zero is no number but a code."""
    mark = re.escape(decimal)
    if thousands:
        group = re.escape(thousands)
        whole = rf"(?:0|[1-9]\d{{0,2}}(?:{group}\d{{3}})*)"
        return rf"^[-+]?{whole}(?:{mark}\d+)?$"
    return rf"^[-+]?(?:(?:0|[1-9]\d*)(?:{mark}\d*)?|{mark}\d+)(?:[eE][-+]?\d+)?$"


def votes_for_comma(sample: pa.Array) -> int:
    """Return 1 if these numbers must have decimal commas, -1 if decimal points, 0 if neither.

    ``1.234`` alone says nothing: the whole file decides.
    """
    if not _promising(sample):
        return 0
    bare = _bare(sample, _affixes(sample))
    fits = {decimal: False for decimal in ".,"}
    for decimal, thousands in _STYLES:
        if not fits[decimal] and _all_match(bare, _shape(decimal, thousands)):
            fits[decimal] = True
    return int(fits[","]) - int(fits["."])


def read_numerals(strings: pa.ChunkedArray, *, comma: bool) -> Numerals | None:
    """Read a column of trimmed strings as numbers, or return None if one of them is none.

    `comma` says what the rest of the file does with ``1.234``. Cost: O(n), one regular expression
    pass per style until one fits.
    """
    if not _promising(strings):
        return None
    outside = _affixes(strings)
    bare = _bare(strings, outside)
    words = pc.is_in(pc.utf8_lower(bare), value_set=pa.array(_WORDS))
    digits = pc.if_else(words, None, bare) if pc.any(words).as_py() else bare
    if digits.null_count == len(digits):
        return None
    order = sorted(_STYLES, key=lambda style: (style[0] == ",") != comma)
    if comma:  # "1.234" without any other sign of its style: the file's habit decides
        order.sort(key=lambda style: style[0] != ",")
    for decimal, thousands in order:
        if _all_match(digits, _shape(decimal, thousands)):
            return _read(bare, digits, replace(outside, decimal=decimal, thousands=thousands))
    return None


def _promising(strings: pa.Array | pa.ChunkedArray) -> bool:
    """Return whether the first value alone could be a number: most columns are told by it."""
    return len(first := _first(strings)) <= 50 and _LOOK.match(first) is not None


def _first(strings: pa.Array | pa.ChunkedArray) -> str:
    return next((v.as_py() for v in strings if v.is_valid), "")


def _affixes(strings: pa.Array | pa.ChunkedArray) -> CellFormat:
    """Return the currency or percent sign that every value carries, as a `CellFormat`."""
    first = _first(strings)
    before, behind = _BEFORE.search(first), _BEHIND.search(first)
    prefix = before.group(1) if before else ""
    suffix = behind.group(1) if behind else ""
    if prefix and not _all_match(strings, "^-?" + re.escape(prefix)):
        prefix = ""
    if suffix and not _all_match(strings, re.escape(suffix) + "$"):
        suffix = ""
    return CellFormat(prefix=prefix, suffix=suffix)


def _bare(strings: Any, cell: CellFormat) -> Any:
    if cell.prefix:
        strings = pc.replace_substring(strings, cell.prefix, "", max_replacements=1)
    if cell.suffix:
        strings = pc.utf8_slice_codeunits(strings, 0, -len(cell.suffix))
    return strings


def _all_match(strings: pa.Array | pa.ChunkedArray, shape: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(strings, shape), min_count=1).as_py())


def _read(bare: pa.ChunkedArray, digits: pa.ChunkedArray, cell: CellFormat) -> Numerals | None:
    plain = bare
    if cell.thousands:
        used = pc.any(pc.match_substring(digits, cell.thousands)).as_py()
        plain = pc.replace_substring(bare, cell.thousands, "")
        cell = cell if used else replace(cell, thousands="")
    if cell.decimal != ".":
        plain = pc.replace_substring(plain, cell.decimal, ".")
    shown = _places(digits, cell.decimal)
    try:
        if shown == (0, 0) and bare is digits:
            return Numerals(plain.cast(pa.int64()), replace(cell, places=0), 0)
        values = plain.cast(pa.float64())
    except pa.ArrowInvalid:
        return None  # a whole number beyond 64 bits: a code, not a quantity
    if shown is None:
        return Numerals(values, cell, None)
    least, most = shown
    places = most if least == most and most > 0 else None
    return Numerals(values, replace(cell, places=places), most if most <= _MOST_DECIMALS else None)


def _places(digits: pa.ChunkedArray, decimal: str) -> tuple[int, int] | None:
    """Return the fewest and most decimals shown; None if a value has an exponent."""
    if pc.any(pc.match_substring_regex(digits, "[eE]")).as_py():
        return None
    if not pc.any(pc.match_substring(digits, decimal)).as_py():
        return 0, 0
    at = pc.find_substring(digits, decimal)
    behind = pc.subtract(pc.subtract(pc.utf8_length(digits), at), 1)
    ends = pc.min_max(pc.if_else(pc.less(at, 0), 0, behind)).as_py()
    return ends["min"], ends["max"]


def decimals_of(values: NDArray[np.floating[Any]]) -> int | None:
    """Return the fewest decimals that give the values back, or None beyond ten.

    One value in a hundred may be off by the noise of floating-point sums (21.100000028).

    Parameters
    ----------
    values : (n,) finite floats; of float32, the shortest text of each counts
    """
    if values.dtype == np.float16 or not len(values):
        return None if len(values) else 0
    wide = values.astype(np.float64)
    for decimals in range(_MOST_DECIMALS + 1):
        if _fits(wide, np.round(wide, decimals), values):
            largest = float(np.abs(wide).max())
            precise = 15 if values.dtype == np.float64 else 7
            return decimals if largest * 10.0**decimals < 10.0**precise else None
    return None


def _fits(
    wide: NDArray[np.float64], rounded: NDArray[np.float64], values: NDArray[np.floating[Any]]
) -> bool:
    """Return whether rounding keeps all values but for the noise of someone's arithmetic."""
    if not np.array_equal(rounded[:1000].astype(values.dtype), values[:1000]):
        off = np.abs(rounded[:1000] - wide[:1000]) > _NOISE * np.abs(wide[:1000])
        if off.any():
            return False
    same = rounded.astype(values.dtype) == values
    if same.all():
        return True
    near = np.abs(rounded - wide) <= _NOISE * np.abs(wide)
    return bool(near.all() and same.mean() >= _MOSTLY)


def as_text(values: pa.Array, cell: CellFormat) -> pa.Array:
    """Return numbers as text in the style of `cell`; nulls stay null.

    Examples
    --------
    >>> german = CellFormat(decimal=",", thousands=".", places=2)
    >>> as_text(pa.array([-1234.5, None]), german).to_pylist()
    ['-1.234,50', None]
    """
    places = cell.places if cell.places or not pa.types.is_integer(values.type) else None
    text = _fixed(values, places) if places is not None else _shortest(values)
    if cell.thousands:
        text = _grouped(text, cell.thousands)
    if cell.decimal != "." or cell.thousands == "\x1f":
        text = pc.replace_substring(text, ".", cell.decimal)
    text = pc.replace_substring(text, "\x1f", cell.thousands) if cell.thousands else text
    if cell.prefix:
        text = pc.replace_substring_regex(text, r"^(-?)", r"\1" + cell.prefix)
    return pc.binary_join_element_wise(text, cell.suffix, "") if cell.suffix else text


def _shortest(values: pa.Array) -> pa.Array:
    if not pa.types.is_floating(values.type):
        return values.cast(pa.string())
    return pc.replace_substring_regex(values.cast(pa.string()), r"^-0$", "0")


def _fixed(values: pa.Array, places: int) -> pa.Array:
    """Return text with exactly `places` decimals."""
    x = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    missing = np.isnan(x)
    scaled = np.rint(np.where(missing, 0.0, x) * 10.0**places)
    if np.abs(scaled).max(initial=0.0) >= 2.0**53:
        rows = [None if m else f"{v:.{places}f}" for v, m in zip(x.tolist(), missing, strict=True)]
        return pa.array(rows, pa.string())
    whole, rest = np.divmod(np.abs(scaled).astype(np.int64), 10**places)
    text = pa.array(whole).cast(pa.string())
    if places:
        fraction = pc.utf8_lpad(pa.array(rest).cast(pa.string()), places, "0")
        text = pc.binary_join_element_wise(text, fraction, ".")
    sign = pc.if_else(pa.array(scaled < 0), "-", "")
    return pc.if_else(pa.array(missing), None, pc.binary_join_element_wise(sign, text, ""))


def _grouped(text: pa.Array, _thousands: str) -> pa.Array:
    """Put a control character between thousands, so that the decimal mark can be set after."""
    for _ in range(6):
        again = pc.replace_substring_regex(text, r"^(-?\d+)(\d{3})", "\\1\x1f\\2")
        if again.equals(text):
            break
        text = again
    return text
