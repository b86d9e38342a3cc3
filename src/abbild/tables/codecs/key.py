"""Identifiers: keys with the look of the real ones, none of which is real.

Only the look is learned: how many digits the largest number has, or which characters occur at
which place of a text. A new key is a seeded bijection of the absolute row number, so that keys
never repeat, in any shard, and never start over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import AbbildError, Column, ShapeError
from abbild.tables.codecs.draw import Draw, Presence
from abbild.tables.codecs.level import as_text
from abbild.tables.counter import mix, permute
from abbild.tables.encoded import Levels
from abbild.tables.strings import blank, rows_of_bytes, with_suffix

__all__ = ["KeyCodec", "KeyStats", "analyze", "decode", "encode", "fit", "merge"]

LONGEST = 64  # characters of a key whose look is learned
_DIGITS = "0123456789"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_GENERIC = ("K", *(_DIGITS,) * 12)
_DIGITS_OF_64_BITS = 20  # most an unsigned number has
_DASHES = (8, 13, 18, 23)  # of a UUID (RFC 9562)


@dataclass(frozen=True, slots=True, eq=False)
class KeyStats:
    """The look of keys.

    Attributes
    ----------
    whole : whether keys are whole numbers
    digits : of the largest whole number
    negative : whether any is below zero
    looks : length in bytes to (length, 128) counts of characters at each place; byte 0 stands
        for what is not ASCII. Length 0 has the keys that are too long to have a look
    """

    present: int
    missing: int
    whole: bool
    digits: int
    negative: bool
    looks: Mapping[int, NDArray[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class KeyCodec:
    """How new keys look.

    Attributes
    ----------
    presence : where keys are missing
    digits : whole numbers start above ``10 ** digits``
    places : characters that may stand at each place; one character is fixed
    uuid : whether keys are UUIDs of version 4
    upper : whether these are in capitals
    """

    presence: Presence
    whole: bool
    digits: int
    negative: bool
    places: tuple[str, ...]
    uuid: bool
    upper: bool

    def check(self) -> None:
        """Refuse a look no key can have; called when a model is loaded."""
        alphabets = all(p and p.isascii() and len(set(p)) == len(p) for p in self.places)
        if not alphabets or not 0 <= self.digits <= _DIGITS_OF_64_BITS:
            raise ShapeError(f"no key can look like those of column {self.presence.name!r}")

    @property
    def look(self) -> str:
        """The pattern of new keys, such as ``CUST-######``."""
        if self.uuid:
            return "a random UUID"
        if self.whole:
            return f"a number of at least {self.digits + 1} digits"
        return "".join(p if len(p) == 1 else "#" if p in _DIGITS else "?" for p in self.places)

    @property
    def treatment(self) -> str:
        """What happens to the column, for a data protection officer."""
        return f"never learned; replaced by new keys ({self.look})"


def analyze(column: Column, values: pa.Array, units: NDArray[np.uint64] | None, k: int) -> KeyStats:
    """Look at the keys of one block."""
    missing = values.null_count
    present = len(values) - missing
    values = values.drop_null()
    if pa.types.is_integer(values.type):
        x = values.cast(pa.int64()).to_numpy(zero_copy_only=False)
        most = max(int(x.max()), 0) if len(x) else 0
        return KeyStats(present, missing, True, len(str(most)), bool((x < 0).any()), {})
    return KeyStats(present, missing, False, 0, False, _looks(as_text(values)))


def merge(a: KeyStats, b: KeyStats) -> KeyStats:
    """Join the statistics of two blocks; exact."""
    looks = dict(a.looks)
    for length, counts in b.looks.items():
        looks[length] = looks[length] + counts if length in looks else counts
    return KeyStats(
        a.present + b.present,
        a.missing + b.missing,
        a.whole or b.whole,
        max(a.digits, b.digits),
        a.negative or b.negative,
        looks,
    )


def fit(column: Column, stats: KeyStats, k: int) -> KeyCodec:
    """Turn the look of keys into a pattern for new ones."""
    presence = Presence(
        column.name,
        np.zeros(0, np.uint64),
        stats.present > 0,
        stats.missing > 0 or not stats.present,
    )
    places: tuple[str, ...] = _GENERIC
    uuid = upper = False
    common = max(stats.looks, key=lambda length: (_rows(stats.looks, length), length), default=0)
    if not stats.whole and common and _rows(stats.looks, common) >= k:
        seen = ["".join(chr(c) for c in np.flatnonzero(place)) for place in stats.looks[common]]
        uuid = _is_uuid(seen)
        upper = any(c in "ABCDEF" for place in seen for c in place)
        if not any("\0" in place for place in seen):
            places = _pattern(seen, stats, common, k)
    return KeyCodec(presence, stats.whole, stats.digits, stats.negative, places, uuid, upper)


def encode(codec: KeyCodec, values: pa.Array) -> Levels | None:
    """Return where keys are missing, if they ever are."""
    return codec.presence.encode(values)


def decode(codec: KeyCodec, column: Levels | None, arrow: pa.DataType, draw: Draw) -> pa.Array:
    """Return new keys of the type `arrow`."""
    absent = codec.presence.absent(codec.presence.codes(column, len(draw.rows)))
    key = draw.key("key", codec.presence.name)
    if codec.whole:
        return pa.array(_whole_keys(codec, draw.numbers, key), mask=absent).cast(arrow)
    keys = _uuids(codec, draw.numbers, key) if codec.uuid else _texts(codec, draw.numbers, key)
    return blank(keys, absent).cast(arrow)


def _rows(looks: Mapping[int, NDArray[np.int64]], length: int) -> int:
    return int(looks[length][0].sum()) if length else 0


def _looks(text: pa.Array) -> dict[int, NDArray[np.int64]]:
    """Count the characters at each place, for each length."""
    offsets = np.frombuffer(text.buffers()[1], np.int64)[text.offset :][: len(text) + 1]
    data = text.buffers()[2]
    chars = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    lengths = np.diff(offsets)
    out: dict[int, NDArray[np.int64]] = {}
    for length in np.unique(lengths).tolist():
        if not 0 < length <= LONGEST:
            continue
        starts = offsets[:-1][lengths == length]
        letters = chars[starts[:, None] + np.arange(length)].astype(np.int64)  # (rows, length)
        letters[letters > 127] = 0
        place = letters + 128 * np.arange(length)
        out[length] = np.bincount(place.ravel(), minlength=128 * length).reshape(length, 128)
    return out


def _is_uuid(seen: list[str]) -> bool:
    if len(seen) != 36 or any(seen[i] != "-" for i in _DASHES):
        return False
    return all(
        set(s) <= set("0123456789abcdefABCDEF") for i, s in enumerate(seen) if i not in _DASHES
    )


def _pattern(seen: list[str], stats: KeyStats, common: int, k: int) -> tuple[str, ...]:
    """Return the characters allowed at each place, so that no training key can come out."""
    places = _alphabets(seen, stats.looks[common], k)
    free = [i for i, p in enumerate(places) if len(p) > 1]
    if not free:
        return (*places, *(_DIGITS,) * 9)
    space = prod(float(len(places[i])) for i in free)
    best: tuple[float, int, str] = (0.0, -1, "")
    for i in free:
        unseen = "".join(c for c in places[i] if c not in seen[i])
        room = space * len(unseen) / len(places[i])
        if room > best[0] and best[0] < 1000 * stats.present:
            best = (room, i, unseen)
    if best[0] >= 10 * stats.present:
        places[best[1]] = best[2]
    elif space < 2.0**60:  # else a random key is new with certainty enough
        extra = max(stats.looks) - common + 1
        at = free[-1] + 1
        places[at:at] = [places[free[-1]]] * extra
    return tuple(places)


def _alphabets(seen: list[str], counts: NDArray[np.int64], k: int) -> list[str]:
    """Widen what was seen at each place to the class of characters it comes from."""
    varying = "".join(s for s in seen if len(s) > 1)
    letters = _LOWER
    if {c for c in varying.lower() if c.isalpha()} <= set("abcdef"):
        letters = "abcdef"
    out = []
    for place, (chars, count) in enumerate(zip(seen, counts, strict=True)):
        lone = len(chars) == 1
        if lone and not (chars.isdigit() and _in_varying_run(seen, place)):
            out.append(chars)
            continue
        kinds = _classes(chars, letters)
        narrow = "".join(c for c in chars if count[ord(c)] >= k and c.isalnum())
        # few letters at a place, seen often, are a code such as the A or B of a branch
        few = not any(c.isdigit() for c in chars) and count.sum() >= 20 * len(kinds)
        out.append(narrow if few and 1 < len(narrow) <= len(kinds) / 2 else kinds or chars[0])
    return out


def _classes(chars: str, letters: str) -> str:
    parts = (_DIGITS, letters, letters.upper())
    tests = (str.isdigit, str.islower, str.isupper)
    return "".join(p for p, test in zip(parts, tests, strict=True) if any(map(test, chars)))


def _in_varying_run(seen: list[str], place: int) -> bool:
    """Return whether the run of digits around `place` varies anywhere."""
    for step in (-1, 1):
        i = place
        while 0 <= i < len(seen) and all(c.isdigit() for c in seen[i]):
            if len(seen[i]) > 1:
                return True
            i += step
    return False


def _whole_keys(codec: KeyCodec, rows: NDArray[np.uint64], key: int) -> NDArray[np.int64]:
    """Return numbers with more digits than any real key, then negative ones if there were none."""
    out = np.zeros(len(rows), np.int64)
    done = 0
    for number, (start, size, sign) in enumerate(_bands(codec)):
        inside = (rows >= np.uint64(done)) & (rows <= np.uint64(done + size - 1))
        if inside.any():
            drawn = permute(rows[inside] - np.uint64(done), size, key + number).astype(np.int64)
            out[inside] = start + drawn if sign > 0 else -1 - drawn
        done += size
        if done >= 2**64 or not len(rows) or int(rows[-1]) < done:
            return out
    raise AbbildError(
        f"column {codec.presence.name!r} has no more keys of 64 bits",
        hint="declare it as text, so that keys may grow longer",
    )


def _bands(codec: KeyCodec) -> list[tuple[int, int, int]]:
    """Return (start, number of keys, sign) of ranges of new keys."""
    bands = [(10**d, min(9 * 10**d, 2**63 - 10**d), 1) for d in range(codec.digits, 19)]
    return bands if codec.negative else [*bands, (0, 2**63, -1)]


def _uuids(codec: KeyCodec, rows: NDArray[np.uint64], key: int) -> pa.Array:
    """Return UUIDs of version 4: 64 of the 122 free bits are a bijection of the row."""
    a, b = permute(rows, 2**64, key), mix(rows, key + 99)
    nibbles = np.zeros((len(rows), 32), np.uint8)
    at_a = [*range(12), 13, 14, 15, 17]
    for j, at in enumerate(at_a):
        nibbles[:, at] = (a >> np.uint64(4 * j)) & np.uint64(15)
    for j, at in enumerate(range(18, 32)):
        nibbles[:, at] = (b >> np.uint64(4 * j)) & np.uint64(15)
    nibbles[:, 12] = 4
    nibbles[:, 16] = np.uint64(8) | (b >> np.uint64(56)) & np.uint64(3)
    hexes = np.frombuffer(b"0123456789ABCDEF" if codec.upper else b"0123456789abcdef", np.uint8)
    out = np.full((len(rows), 36), ord("-"), np.uint8)
    out[:, [i for i in range(36) if i not in _DASHES]] = hexes[nibbles]
    return rows_of_bytes(out)


def _texts(codec: KeyCodec, rows: NDArray[np.uint64], key: int) -> pa.Array:
    """Return texts: the last places count, in a secret order; the first are random."""
    out = np.zeros((len(rows), len(codec.places)), np.uint8)
    size, counting = 1, set[int]()
    for i in reversed(range(len(codec.places))):
        if len(codec.places[i]) > 1 and size * len(codec.places[i]) < 2**62:
            size *= len(codec.places[i])
            counting.add(i)
    epoch = rows // np.uint64(size)
    rest = permute(rows % np.uint64(size), size, key)
    for i in reversed(range(len(codec.places))):
        alphabet = np.frombuffer(codec.places[i].encode(), np.uint8)
        width = np.uint64(len(alphabet))
        if i in counting:
            out[:, i] = alphabet[rest % width]
            rest = rest // width
        else:
            out[:, i] = alphabet[mix(rows, key + 100 + i) % width]
    keys = rows_of_bytes(out)
    return with_suffix(keys, epoch)
