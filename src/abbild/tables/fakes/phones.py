"""Phone numbers that ring nowhere: ranges the regulators set aside for fiction.

Germany: Bundesnetzagentur, "Rufnummern fuer die Verwendung in Medienproduktionen"; United
Kingdom: Ofcom, "Telephone numbers for use in TV and radio drama"; North America: 555-0100 to
555-0199 of any area code (NANPA); France: Arcep decision 2018-0881, fiction ranges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.tables.counter import permute
from abbild.tables.strings import digits, join, rows_of_bytes, with_suffix

__all__ = ["CODES", "RANGES", "PhoneLook", "phone_count", "phone_country", "phones"]

_AREAS = "201 202 212 213 214 305 312 404 415 503 512 602 612 615 617 702 713 716 718 801 808 907"

# country to (area code, first digits of the number, digits that are free)
RANGES: dict[str, tuple[tuple[str, str, int], ...]] = {
    "DE": (
        ("30", "23125", 3),
        ("40", "66969", 3),
        ("69", "90009", 3),
        ("89", "99998", 3),
        ("221", "4710", 3),
    ),
    "GB": (
        ("1632", "960", 3),
        ("20", "79460", 3),
        ("121", "4960", 3),
        ("161", "4960", 3),
        ("131", "4960", 3),
    ),
    "FR": (
        ("1", "9900", 4),
        ("2", "6191", 4),
        ("3", "5301", 4),
        ("4", "6571", 4),
        ("5", "3649", 4),
    ),
    "US": tuple((area, "55501", 2) for area in _AREAS.split()),
}
CODES = {"DE": "49", "GB": "44", "FR": "33", "US": "1"}  # calling codes


@dataclass(frozen=True, slots=True)
class PhoneLook:
    """How phone numbers are written.

    Attributes
    ----------
    prefix : "+" or "00" before the calling code, "" for a national number
    between : what stands between the groups
    brackets : whether the area code stands in brackets
    slash : whether a slash follows the area code
    """

    prefix: str = ""
    between: str = " "
    brackets: bool = False
    slash: bool = False


def phone_country(locale: str | None) -> str:
    """Return the country whose fiction ranges fit a locale; US where there are none."""
    country = (locale or "en_US").replace("-", "_").split("_")[-1].upper()
    return {"CA": "US", "UK": "GB"}.get(country, country if country in RANGES else "US")


def phone_count(country: str) -> int:
    """Return how many numbers a country has set aside."""
    return sum(10**free for _, _, free in RANGES[country])


def phones(numbers: NDArray[np.uint64], country: str, look: PhoneLook, key: int) -> pa.Array:
    """Return a phone number for each of (n,) `numbers`; each once, then with extensions."""
    ranges = RANGES[country]
    each, size = 10 ** ranges[0][2], phone_count(country)
    chosen = permute(numbers % np.uint64(size), size, key)
    area = (chosen // np.uint64(each)).astype(np.int64)
    free = rows_of_bytes(digits(chosen % np.uint64(each), ranges[0][2]))
    heads = pa.array([_head(country, a, start, look) for a, start, _ in ranges], pa.large_string())
    written = join(heads.take(pa.array(area)), free, "")
    return with_suffix(written, numbers // np.uint64(size), " x" if country == "US" else "-")


def _head(country: str, area: str, start: str, look: PhoneLook) -> str:
    """Write everything before the free digits."""
    trunk = "" if country == "US" or look.prefix else "0"
    code = f"{look.prefix}{CODES[country]}" if look.prefix else ""
    if code and (look.between or look.brackets):
        code += look.between if look.between and not look.brackets else " "
    local = f"({trunk}{area})" if look.brackets else f"{trunk}{area}"
    gap = "/" if look.slash else " " if look.brackets else look.between
    if country == "US":
        start = f"{start[:3]}{look.between if look.between != ' ' else '-'}{start[3:]}"
    return f"{code}{local}{gap}{start}"
