"""Known ordinal scales, and orders that can be read off the levels themselves."""

from __future__ import annotations

import re
from itertools import pairwise

from abbild.source.naming import says

_SCALES = tuple(
    tuple(scale.split("|"))
    for scale in (
        "none|very low|low|medium low|medium|moderate|medium high|high|very high|critical",
        "low|med|mid|normal|high|extreme",
        "tiny|very small|small|medium|large|very large|huge",
        "3xs|xxxs|2xs|xxs|xs|s|m|l|xl|xxl|2xl|xxxl|3xl|4xl|5xl",
        "very bad|very poor|bad|poor|fair|average|satisfactory|medium|good|very good|great|"
        "excellent|outstanding",
        "fair|good|very good|premium|ideal",
        "i3|i2|i1|si2|si1|vs2|vs1|vvs2|vvs1|if|fl",
        "strongly disagree|disagree|somewhat disagree|neutral|neither agree nor disagree|undecided|"
        "somewhat agree|agree|strongly agree",
        "very dissatisfied|dissatisfied|unsatisfied|neutral|satisfied|very satisfied",
        "very unlikely|unlikely|neutral|likely|very likely",
        "never|rarely|seldom|occasionally|sometimes|often|frequently|usually|very often|always",
        "none|no|absent|minimal|mild|slight|moderate|marked|severe|very severe|extreme",
        "never|yearly|quarterly|monthly|biweekly|weekly|daily|hourly",
        "not at all|a little|somewhat|quite a bit|very much|extremely",
        "beginner|novice|elementary|intermediate|advanced|expert|master",
        "junior|mid|senior|lead|principal",
        "bronze|silver|gold|platinum|diamond",
        "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth",
        "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec",
        "january|february|march|april|may|june|july|august|september|october|november|december",
        "mon|tue|wed|thu|fri|sat|sun",
        "monday|tuesday|wednesday|thursday|friday|saturday|sunday",
        "morning|noon|afternoon|evening|night",
        "child|teen|teenager|young|young adult|adult|middle-aged|senior|elderly",
        "primary|secondary|tertiary",
        "keine|sehr niedrig|niedrig|gering|mittel|hoch|sehr hoch",
        "winzig|sehr klein|klein|mittel|mittelgroß|groß|sehr groß|riesig",
        "ungenügend|mangelhaft|ausreichend|befriedigend|gut|sehr gut",
        "sehr schlecht|schlecht|mittel|mittelmäßig|gut|sehr gut|ausgezeichnet",
        "trifft nicht zu|trifft eher nicht zu|teils teils|teils/teils|trifft eher zu|trifft zu",
        "nie|selten|gelegentlich|manchmal|oft|häufig|immer",
        "sehr unzufrieden|unzufrieden|neutral|zufrieden|sehr zufrieden",
        "kein|leicht|mäßig|mittel|mittelschwer|schwer|sehr schwer",
        "täglich|wöchentlich|monatlich|vierteljährlich|halbjährlich|jährlich",
        "januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember",
        "montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag",
        "mo|di|mi|do|fr|sa|so",
    )
)
_NUMBER = r"(\d+(?:[.,]\d+)?)"
_INTERVAL = re.compile(rf"{_NUMBER}\s?(?:-|–|to|bis)\s?{_NUMBER}")
_BELOW = re.compile(rf"(?:<=?|≤|under|below|unter|bis)\s?{_NUMBER}")
_ABOVE = re.compile(rf"(?:>=?|≥|over|above|über|ab)\s?{_NUMBER}|{_NUMBER}\s?\+")
_COUNTED = re.compile(r"(\D*?)(\d{1,3})(st|nd|rd|th|\.)?(\D*)")


def in_order(levels: list[str], name: str) -> tuple[str, ...] | None:
    """Return `levels` in their order if they have one that everybody would agree on, else None.

    Parameters
    ----------
    levels : distinct values, at least three for a known scale
    name : of the column; single letters are an order only if it speaks of grades

    Examples
    --------
    >>> in_order(["high", "Low", "medium"], "risk")
    ('Low', 'medium', 'high')
    >>> in_order(["60+", "<20", "20-39", "40-59"], "age group")
    ('<20', '20-39', '40-59', '60+')
    >>> in_order(["red", "blue", "green"], "colour") is None
    True
    """
    plain = {level.strip().lower().replace("_", " "): level for level in levels}
    if len(plain) != len(levels) or len(levels) < 2:
        return None  # two spellings of one level have no order
    return _known(plain) or _intervals(plain) or _counted(plain) or _letters(plain, name)


def _known(plain: dict[str, str]) -> tuple[str, ...] | None:
    for scale in _SCALES:
        if plain.keys() <= set(scale) and (len(plain) > 2 or (len(scale) < 12 and _ends(plain))):
            return tuple(plain[level] for level in scale if level in plain)
    return None


def _ends(plain: dict[str, str]) -> bool:
    """Return whether two levels alone are clearly the ends of a scale."""
    pairs = ({"low", "high"}, {"small", "large"}, {"niedrig", "hoch"}, {"klein", "groß"})
    return plain.keys() in pairs


def _intervals(plain: dict[str, str]) -> tuple[str, ...] | None:
    """Order levels such as ``<20``, ``20-39``, ``60+`` that do not overlap."""
    bounds = []
    for text, level in plain.items():
        if found := _INTERVAL.fullmatch(text):
            low, high = (float(v.replace(",", ".")) for v in found.groups())
        elif found := _BELOW.fullmatch(text):
            low, high = float("-inf"), float(found.group(1).replace(",", "."))
        elif found := _ABOVE.fullmatch(text):
            low = float((found.group(1) or found.group(2)).replace(",", "."))
            high = float("inf")
        else:
            return None
        bounds.append((low, high, level))
    bounds.sort()
    chained = all(a[1] <= b[0] and a[1] <= b[1] for a, b in pairwise(bounds))
    return tuple(level for _, _, level in bounds) if chained and len(bounds) > 1 else None


def _counted(plain: dict[str, str]) -> tuple[str, ...] | None:
    """Order levels such as ``1st``, ``2nd`` or ``Stage 1``, ``Stage 2``."""
    found = [_COUNTED.fullmatch(text) for text in plain]
    if len(plain) < 3 or not all(found):
        return None
    around = {(m.group(1), m.group(4)) for m in found if m}
    counts = sorted(int(m.group(2)) for m in found if m)
    ordinal = all(m.group(3) for m in found if m)
    named = says(next(iter(around))[0], "grade") or next(iter(around))[0].strip() in (
        "stage",
        "phase",
        "q",
        "week",
        "month",
        "year",
        "grad",
        "stadium",
        "quartal",
    )
    dense = counts[-1] - counts[0] < 2 * len(counts)
    if len(around) != 1 or not dense or not (ordinal or named):
        return None
    order = sorted(plain, key=lambda text: int(_COUNTED.fullmatch(text).group(2)))  # type: ignore[union-attr]
    return tuple(plain[text] for text in order)


def _letters(plain: dict[str, str], name: str) -> tuple[str, ...] | None:
    """Order grades ``A``, ``B`` ... and ``A1``, ``A2`` ... if the column is called a grade."""
    if not says(name, "grade") or len(plain) < 3:
        return None
    if not all(re.fullmatch(r"[a-g][0-9]?", text) for text in plain):
        return None
    if len({len(text) for text in plain}) != 1:
        return None
    return tuple(plain[text] for text in sorted(plain))
