"""The 43 German road signs of the GTSRB list, drawn by us as vector artwork.

The designs are those of the German road traffic regulations (StVO, appendices 1 to 4), which as
official works carry no copyright (German Copyright Act, section 5); the drawings are ours.
"""

from __future__ import annotations

from abbild.images.drawing import Drawing
from abbild.images.errors import AssetError
from abbild.images.signs.numbered import FORMS

__all__ = ["SIGN_NAMES", "sign", "variants"]

SIGN_NAMES: tuple[str, ...] = (
    "speed limit 20",
    "speed limit 30",
    "speed limit 50",
    "speed limit 60",
    "speed limit 70",
    "speed limit 80",
    "end of speed limit 80",
    "speed limit 100",
    "speed limit 120",
    "no overtaking",
    "no overtaking by lorries",
    "priority at next crossing",
    "priority road",
    "yield",
    "stop",
    "no vehicles",
    "no lorries",
    "no entry",
    "danger",
    "curve to the left",
    "curve to the right",
    "double curve",
    "uneven road",
    "slippery road",
    "road narrows on the right",
    "road works",
    "traffic lights",
    "pedestrians",
    "children",
    "bicycles",
    "snow or ice",
    "deer",
    "end of all restrictions",
    "right ahead",
    "left ahead",
    "straight only",
    "straight or right",
    "straight or left",
    "keep right",
    "keep left",
    "roundabout",
    "end of no overtaking",
    "end of no overtaking by lorries",
)


def variants(number: int) -> int:
    """Return how many forms of a sign are drawn, as several stand on roads; 1 or more."""
    _check(number, len(FORMS), "sign")
    return len(FORMS[number])


def sign(number: int, variant: int = 0) -> Drawing:
    """Return a road sign that fills -1..1 by its width.

    Parameters
    ----------
    number : 0 to 42, its place in the GTSRB list and in SIGN_NAMES.
    variant : 0 is the common form, up to variants(number) - 1.

    Raises
    ------
    AssetError
        If there is no such sign or no such variant of it.
    """
    _check(variant, variants(number), f"variant of sign {number}")
    return FORMS[number][variant]()


def _check(number: int, count: int, what: str) -> None:
    if not 0 <= number < count:
        raise AssetError(f"there is no {what} {number}", hint=f"they go from 0 to {count - 1}")
