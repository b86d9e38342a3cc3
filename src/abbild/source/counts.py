"""Counts in sentences."""

from __future__ import annotations


def counted(n: int, noun: str) -> str:
    """Return `n` and its noun, in the singular for one.

    Examples
    --------
    >>> counted(1, "row"), counted(1_200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
