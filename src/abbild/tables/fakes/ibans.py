"""IBANs of the right country, length and look that fail their check, so that no account has one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.tables.counter import mix, permute
from abbild.tables.strings import digits, rows_of_bytes, with_suffix

__all__ = ["COUNTRIES", "ibans"]

# country to (length of the account part, where in it letters must stand), as in SWIFT's "IBAN
# Registry" (ISO 13616-2); where it allows letters or digits, digits stand
COUNTRIES: dict[str, tuple[int, range]] = {
    "AT": (16, range(0)),
    "BE": (12, range(0)),
    "BG": (18, range(4)),
    "CH": (17, range(0)),
    "CY": (24, range(0)),
    "CZ": (20, range(0)),
    "DE": (18, range(0)),
    "DK": (14, range(0)),
    "EE": (16, range(0)),
    "ES": (20, range(0)),
    "FI": (14, range(0)),
    "FR": (23, range(0)),
    "GB": (18, range(4)),
    "GR": (23, range(0)),
    "HR": (17, range(0)),
    "HU": (24, range(0)),
    "IE": (18, range(4)),
    "IT": (23, range(1)),
    "LI": (17, range(0)),
    "LT": (16, range(0)),
    "LU": (16, range(0)),
    "LV": (17, range(4)),
    "NL": (14, range(4)),
    "NO": (11, range(0)),
    "PL": (24, range(0)),
    "PT": (21, range(0)),
    "RO": (20, range(4)),
    "SE": (20, range(0)),
    "SI": (15, range(0)),
    "SK": (20, range(0)),
}


def ibans(numbers: NDArray[np.uint64], country: str, key: int, *, grouped: bool) -> pa.Array:
    """Return an IBAN for each of (n,) `numbers`, each once; `grouped` writes fours apart.

    The two check digits are drawn among the 96 pairs of 02 to 98 that fail (ISO 7064, mod 97-10).
    """
    length, letters = COUNTRIES[country]
    counted = min(length - len(letters), 18)
    size = 10**counted
    account = np.full((len(numbers), length), ord("0"), np.uint8)
    account[:, -counted:] = digits(permute(numbers % np.uint64(size), size, key), counted)
    for place in range(length - counted):
        width, start = (26, ord("A")) if place in letters else (10, ord("0"))
        account[:, place] = mix(numbers, key + 1 + place) % np.uint64(width) + np.uint64(start)
    right = (98 - _mod_97(account, country)).astype(np.uint64)  # in 2 to 98
    away = np.uint64(1) + mix(numbers, key + 99) % np.uint64(96)
    wrong = np.uint64(2) + (right - np.uint64(2) + away) % np.uint64(97)
    head = np.tile(np.frombuffer(country.encode(), np.uint8), (len(numbers), 1))
    chars = np.hstack([head, digits(wrong, 2), account])
    if grouped:
        chars = np.insert(chars, range(4, chars.shape[1], 4), ord(" "), axis=1)
    return with_suffix(rows_of_bytes(chars), numbers // np.uint64(size))


def _mod_97(account: NDArray[np.uint8], country: str) -> NDArray[np.int64]:
    """Return the remainder of the account, the country and 00, letters read as 10 to 35."""
    rest = np.zeros(len(account), np.int64)
    for place in range(account.shape[1]):
        rest = _append(rest, account[:, place].astype(np.int64))
    for char in f"{country}00":
        rest = _append(rest, np.full(len(account), ord(char)))
    return rest


def _append(rest: NDArray[np.int64], char: NDArray[np.int64]) -> NDArray[np.int64]:
    letter = char >= ord("A")
    value = np.where(letter, char - ord("A") + 10, char - ord("0"))
    return np.asarray((rest * np.where(letter, 100, 10) + value) % 97)
