"""Which assets are held out, and under which licence they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from abbild.core import Seed
from abbild.images.errors import AssetError

__all__ = ["licence_of", "split_assets"]

SPDX = re.compile(r"SPDX-License-Identifier:\s*([^\s*/][^\n*]*)")
STEMS = ("license", "licence", "copying", "unlicense")
LONGEST = 200  # characters of a licence that are kept


def split_assets(
    names: Iterable[str], held_out: float = 0.2, *, seed: Seed
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide assets into those for training and those held out, each by its own name.

    An asset that is added or removed moves no other one, but where a side would be empty: from
    two assets on, each side has at least one unless `held_out` is 0 or 1.

    Parameters
    ----------
    names : unique names or paths, in any order
    held_out : share, [0, 1]; the count varies about it as in coin tosses

    Returns
    -------
    train, held : sorted

    Raises
    ------
    AssetError
        A name given twice, a share outside of [0, 1].
    """
    several = sorted(names)
    if not 0 <= held_out <= 1:
        raise AssetError(f"the share held out must lie in [0, 1], not {held_out!r}")
    twice = [a for a, b in pairwise(several) if a == b]
    if twice:
        raise AssetError(f"the asset {twice[0]!r} is given twice")
    place = {name: (seed / "held-out" / name).key() / 2**64 for name in several}
    held = {name for name in several if place[name] < held_out}
    if several and 0 < held_out < 1 and len(several) > 1:
        ordered = sorted(several, key=lambda name: place[name])
        held = held or {ordered[0]}
        held = held if len(held) < len(several) else held - {ordered[-1]}
    return tuple(name for name in several if name not in held), tuple(sorted(held))


def licence_of(path: str | Path) -> str | None:
    """Return the licence of an asset from a file beside it, None if there is none.

    Looked for, in this order: ``<file>.license`` (as in the REUSE convention), the same without
    the file's own ending, then LICENSE, LICENCE or COPYING in its folder. An SPDX identifier is
    returned if the text has one, else its first line of up to 200 characters.
    """
    place = Path(path)
    own = [place.with_name(place.name + ending) for ending in (".license", ".licence")]
    own += [place.with_suffix(ending) for ending in (".license", ".licence")]
    shared: list[Path] = []
    if place.parent.is_dir():
        shared = [
            one
            for stem in STEMS
            for one in sorted(place.parent.iterdir())
            if one.stem.lower() == stem and one.suffix.lower() in ("", ".txt", ".md")
        ]
    for candidate in (*own, *shared):
        if candidate.is_file():
            text = candidate.read_bytes()[:65536].decode("utf-8", "replace")
            found = _named(text)
            if found:
                return found
    return None


def _named(text: str) -> str | None:
    spdx = SPDX.search(text)
    if spdx:
        return spdx[1].strip()
    lines = (line.strip(" \t#*-=") for line in text.splitlines())
    return next((line[:LONGEST] for line in lines if line), None)
