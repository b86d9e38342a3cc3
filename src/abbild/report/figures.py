"""How numbers and names are written: one way everywhere, and what is missing is never a zero."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable

__all__ = [
    "MISSING",
    "count",
    "decimals",
    "duration",
    "number",
    "percent",
    "prose",
    "span",
    "things",
    "visible",
]

MISSING = "—"
MINUS = "\u2212"
TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
NARROW = "\u202f"  # narrow no-break space between a number and its unit


def decimals(values: Iterable[float | None], widths: Iterable[float | None] = ()) -> int:
    """Return how many decimals a group of numbers is written with.

    Parameters
    ----------
    values : the numbers; the largest decides
    widths : widths of their intervals; two digits of the narrowest are shown, five at most
    """
    top = max((abs(v) for v in values if v is not None), default=0.0)
    if top >= 10:
        return max(0, 3 - math.floor(math.log10(top)))
    digits = max(3, 1 - math.floor(math.log10(top))) if top > 0 else 3
    narrowest = min((w for w in widths if w is not None and w > 0), default=0.0)
    if narrowest:
        digits = max(digits, min(5, 1 - math.floor(math.log10(narrowest))))
    return min(6, digits)


def number(value: float | None, digits: int | None = None) -> str:
    """Write `value` with `digits` decimals; what would round to a false zero says so."""
    if value is None:
        return MISSING
    digits = decimals([value]) if digits is None else digits
    text = f"{value:,.{digits}f}"
    if value != 0 and float(text.replace(",", "")) == 0:
        bound = f"{10.0**-digits:.{digits}f}"
        return f"<{bound}" if value > 0 else f">{MINUS}{bound}"
    return text.replace("-", MINUS)


def span(low: float | None, high: float | None, digits: int | None = None) -> str:
    """Write an interval, both ends with the same decimals."""
    if low is None and high is None:
        return MISSING
    digits = decimals([low, high]) if digits is None else digits
    return f"{number(low, digits)} to {number(high, digits)}"


def percent(share: float | None) -> str:
    """Write a share in percent: one decimal, two close to none or all, never a false 100."""
    if share is None:
        return MISSING
    if 0.9999 <= share < 1:
        return f">99.99{NARROW}%"
    close = 0 < abs(share) < 0.01 or 0.99 < share < 1
    return number(100 * share, 2 if close else 1) + NARROW + "%"


def count(value: float | None) -> str:
    """Write a number of things."""
    return MISSING if value is None else f"{round(value):,}"


def things(value: float | None, one: str) -> str:
    """Write a number of things, "1 row" and "2 rows"."""
    return f"{count(value)} {one}" if value == 1 else f"{count(value)} {one}s"


def duration(seconds: float | None) -> str:
    """Write seconds as people say them."""
    if seconds is None:
        return MISSING
    if seconds < 60:
        return f"{seconds:.1f}{NARROW}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}{NARROW}h {minutes}{NARROW}min"
    return f"{minutes}{NARROW}min {rest}{NARROW}s"


def prose(text: str) -> str:
    """Return a sentence as `visible` does, with minus signs before numbers and apostrophes.

    Sentences come with plain signs, because they are printed on terminals too.
    """
    minus = re.sub(r"(?<![^\s(])-(?=\d)", MINUS, visible(text))
    return re.sub(r"(?<=[^\W\d_])'(?=[^\W\d_])", "\u2019", minus)


def visible(text: str) -> str:
    """Return `text` on one line, control characters and marks that turn its direction replaced."""
    line = re.sub(r"(\d) %", f"\\1{NARROW}%", re.sub(r"\s+", " ", text))
    return "".join(
        "\ufffd" if c in TURNS or unicodedata.category(c) in ("Cc", "Cs") else c for c in line
    )
