"""Phone numbers that ring nowhere: ranges the regulators set aside for fiction.

Germany: Bundesnetzagentur, "Rufnummern fuer Medienproduktionen (Drama Numbers)", Mitteilung
148/2021, Amtsblatt 7/2021, page 489: a thousand numbers in each of five cities. United Kingdom:
Ofcom, "Telephone numbers for use in TV and radio drama programmes": a thousand in each of the
larger cities and in 01632, which is no place. France: Arcep, decision 2018-0881, annex 1, section
2.5.12, "Numeros pour oeuvres audiovisuelles": these can neither call nor be called. North America:
NANPA keeps 555-0100 to 555-0199 of every area code for fiction (with toll-free codes only
555-0199, so none is used here). A country without such a range gets North American numbers.
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
        ("30", "23125", 3),  # Berlin
        ("40", "66969", 3),  # Hamburg
        ("69", "90009", 3),  # Frankfurt am Main
        ("89", "99998", 3),  # Munich
        ("221", "4710", 3),  # Cologne
    ),
    "GB": (
        ("1632", "960", 3),  # no place
        ("20", "79460", 3),  # London
        ("121", "4960", 3),  # Birmingham
        ("161", "4960", 3),  # Manchester
        ("131", "4960", 3),  # Edinburgh
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
