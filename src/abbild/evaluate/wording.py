"""How sentences write numbers: plain signs that any terminal can show; the page sets them."""

from __future__ import annotations

import math

__all__ = ["odds", "share", "signed", "things"]


def signed(value: float) -> str:
    """Write a difference with its sign and three decimals: "+0.012", "-0.003", "0.000"."""
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text


def share(value: float) -> str:
    """Write a share in percent: one decimal, two below one percent."""
    return f"{100 * value:.{2 if 0 < value < 0.01 else 1}f} %"


def things(n: int, one: str, many: str = "") -> str:
    """Write a number of things: "1 row", "2,000 rows"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def odds(chance: float) -> tuple[str, str]:
    """Write a chance near 1/2, and 1/2, as so many times in a hundred, or in a thousand.

    A chance that differs from 1/2 must not be written like it.
    """
    hundred = round(100 * chance)
    if hundred != 50 or math.isclose(chance, 0.5, abs_tol=5e-4):
        return f"{hundred} times in 100", "50"
    return f"{round(1000 * chance)} times in 1,000", "500"
