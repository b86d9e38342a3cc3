"""People who do not exist: a first and a last name of a locale for each person number."""

from __future__ import annotations

import pkgutil
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module

import faker.providers.person
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.tables.counter import mix, permute
from abbild.tables.strings import join, with_suffix

__all__ = ["DOMAINS", "People", "emails", "full_names", "people"]

DOMAINS = ("example.com", "example.org", "example.net")  # reserved by RFC 2606, section 3

_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_FAMILY_FIRST = {"hu": " ", "ja": " ", "ko": "", "zh": ""}  # language to what stands between


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """The persons of (n,) numbers.

    Attributes
    ----------
    first, last : (n,) strings
    first_ascii, last_ascii : (n,) the same in letters fit for an address; two names of one list
        never become the same
    epoch : (n,) uint64, how often all pairs of names were used up before this person
    """

    first: pa.Array
    last: pa.Array
    first_ascii: pa.Array
    last_ascii: pa.Array
    epoch: NDArray[np.uint64]
    locale: str


def people(numbers: NDArray[np.uint64], locale: str | None, key: int) -> People:
    """Return a person for each of `numbers`; each pair of names once before any comes again."""
    pool = _pool(_nearest(locale))
    epoch = numbers // np.uint64(pool.pairs)
    pair = permute(numbers % np.uint64(pool.pairs), pool.pairs, key)
    first, last = np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.int64)
    done = 0
    for firsts, lasts in pool.groups:
        size = len(firsts) * len(lasts)
        inside = (pair >= np.uint64(done)) & (pair < np.uint64(done + size))
        rest = (pair[inside] - np.uint64(done)).astype(np.int64)
        first[inside] = firsts.start + rest % len(firsts)
        last[inside] = lasts.start + rest // len(firsts)
        done += size
    at_first, at_last = pa.array(first), pa.array(last)
    return People(
        pool.firsts.take(at_first),
        pool.lasts.take(at_last),
        pool.firsts_ascii.take(at_first),
        pool.lasts_ascii.take(at_last),
        epoch,
        pool.locale,
    )


def full_names(who: People, *, comma: bool) -> pa.Array:
    """Return names as one writes them in the locale, or "Last, First"."""
    if comma:
        return join(who.last, who.first, ", ")
    between = _FAMILY_FIRST.get(who.locale[:2])
    if between is not None:
        return join(who.last, who.first, between)
    return join(who.first, who.last, " ")


def emails(who: People, separator: str, key: int) -> pa.Array:
    """Return addresses at reserved domains, made of the names; all different for all numbers."""
    local = join(who.first_ascii, who.last_ascii, separator)
    local = with_suffix(local, np.where(who.epoch > 0, who.epoch + np.uint64(1), who.epoch), "")
    domains = pa.array(DOMAINS, pa.large_string())
    chosen = mix(_hash_pairs(who), key) % np.uint64(len(DOMAINS))
    return join(local, domains.take(pa.array(chosen)), "@")


def _hash_pairs(who: People) -> NDArray[np.uint64]:
    lengths = [
        pc.binary_length(part).to_numpy(zero_copy_only=False) for part in (who.first, who.last)
    ]
    return np.asarray(
        mix(lengths[0].astype(np.uint64), 5) + lengths[1].astype(np.uint64) + who.epoch
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pool:
    """Names of a locale; `groups` are the ranges of first and last names that go together."""

    locale: str
    firsts: pa.Array
    lasts: pa.Array
    firsts_ascii: pa.Array
    lasts_ascii: pa.Array
    groups: tuple[tuple[range, range], ...]

    @property
    def pairs(self) -> int:
        return sum(len(first) * len(last) for first, last in self.groups)


@lru_cache(maxsize=16)
def _pool(locale: str) -> _Pool:
    provider = import_module(f"faker.providers.person.{locale}").Provider
    fitting = [("first_names", "last_names")]
    if getattr(provider, "last_names_female", None) and getattr(provider, "last_names_male", None):
        # where last names bend with the sex (Nowak, Nowakowa), they must go together
        fitting = [(f"first_names_{sex}", f"last_names_{sex}") for sex in ("female", "male")]
    firsts: list[str] = []
    lasts: list[str] = []
    groups = []
    for first, last in fitting:
        start = len(firsts), len(lasts)
        firsts += _distinct(getattr(provider, first))
        lasts += _distinct(getattr(provider, last))
        groups.append((range(start[0], len(firsts)), range(start[1], len(lasts))))
    return _Pool(
        locale,
        pa.array(firsts, pa.large_string()),
        pa.array(lasts, pa.large_string()),
        pa.array(_unique_ascii(firsts), pa.large_string()),
        pa.array(_unique_ascii(lasts), pa.large_string()),
        tuple(groups),
    )


def _distinct(given: object) -> list[str]:
    """Return the names of a faker list in a fixed order, one for each plain spelling."""
    plain: dict[str, str] = {}
    for name in sorted(str(name) for name in given):  # type: ignore[attr-defined]
        plain.setdefault(_ascii(name) or name, name)
    return list(plain.values())


def _unique_ascii(names: list[str]) -> list[str]:
    """Spell names in plain letters; where there are none, or they are taken, number by letters.

    Digits stay out, so that a number appended to a name cannot make it another.
    """
    out: list[str] = []
    used: set[str] = set()
    for i, name in enumerate(names):
        plain = _ascii(name)
        if len(plain) < 2 or plain in used:
            plain += "".join(chr(ord("a") + i // 26**place % 26) for place in (2, 1, 0))
        used.add(plain)
        out.append(plain)
    return out


def _ascii(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name.lower().translate(_GERMAN))
    return re.sub(r"[^a-z]", "", folded)


@lru_cache(maxsize=64)
def _nearest(locale: str | None) -> str:
    """Return the locale of faker's name lists nearest to `locale`: same, same language, en_US."""
    known = sorted(module.name for module in pkgutil.iter_modules(faker.providers.person.__path__))
    wanted = (locale or "en_US").replace("-", "_")
    if wanted in known:
        return wanted
    language = wanted.split("_")[0]
    native = f"{language}_{language.upper()}"
    near = [name for name in (native, *known) if name in known and name.split("_")[0] == language]
    return near[0] if near else "en_US"
