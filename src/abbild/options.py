"""What callers may pass: checked at the door, with a sentence instead of a traceback."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abbild.core import AbbildError, unknown_name

__all__ = ["check_choice", "check_whole"]


def check_whole(what: str, value: object, *, least: int) -> None:
    """Refuse a `value` that is neither None nor a whole number of at least `least`."""
    if value is None:
        return
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:  # type: ignore[operator]
        raise AbbildError(
            f"{what} is {value!r}, it must be a whole number", hint=f"pass {least} or more"
        )


def check_choice(what: str, value: object, known: Sequence[str]) -> None:
    """Refuse a `value` that is none of `known`; name the nearest."""
    if value not in known:
        raise unknown_name(what, str(value), known)
