"""Shapes of personal data: e-mail, phone, IBAN, names of people; and where they are from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from abbild.core import Kind
from abbild.source import naming

_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^\W\d_]{2,}")
_PHONE = re.compile(r"(?:\+|00)?\(?\d[\d\s()/.\-–]{4,22}\d(?:\s?(?:x|ext\.?)\s?\d{1,5})?")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_WORD = r"[^\W\d_]+(?:[-'’.][^\W\d_]*)*"
_ONE_NAME = re.compile(rf"{_WORD}(?: {_WORD}){{0,2}}")
_FULL_NAME = re.compile(rf"(?:{_WORD},? ){{1,5}}{_WORD}")
_ENOUGH = 0.8  # share of the values that must have the shape: some are always mistyped
_KNOWN_SHARE = 0.2  # share of values with a common first name in a column just called "name"
_FIRST_NAMES = naming.word_set(
    "james mary robert patricia john jennifer michael linda david elizabeth william "
    "barbara richard susan joseph jessica thomas sarah charles karen christopher lisa "
    "daniel nancy matthew sandra anthony ashley mark emily steven paul andrew joshua "
    "kevin brian george edward ronald timothy jason jeffrey ryan jacob gary nicholas "
    "eric jonathan stephen larry justin scott brandon benjamin samuel frank raymond "
    "alexander patrick jack dennis jerry donna michelle carol amanda melissa deborah "
    "stephanie rebecca sharon laura cynthia kathleen amy angela shirley anna ruth "
    "brenda pamela nicole katherine emma olivia ava sophia isabella mia charlotte "
    "amelia harper evelyn noah liam oliver elijah lucas mason logan ethan henry owen "
    "sebastian peter hans klaus jürgen juergen wolfgang dieter manfred uwe helmut "
    "günter guenter horst werner gerhard bernd rainer stefan andreas martin christian "
    "markus tobias jan tim lukas leon finn jonas felix maximilian paul philipp moritz "
    "niklas julian florian simon ursula monika petra sabine renate helga karin "
    "brigitte ingrid erika andrea claudia susanne gabriele birgit heike martina nicole "
    "stefanie julia katharina lena marie hannah lea laura sophie leonie johanna greta "
    "frieda jean pierre michel jacques marie françoise isabelle nathalie giovanni "
    "giuseppe marco luca antonio mario francesca giulia josé jose juan carlos maria "
    "luis ana carmen pedro miguel pablo lucía piotr anna krzysztof katarzyna ahmed "
    "mohammed muhammad ali fatima mehmet ayşe mustafa ivan olga sergej elena wei li "
    "hiroshi yuki arjun priya rahul raj sanjay"
)
_COUNTRIES = {
    "+49": "de_DE",
    "+43": "de_AT",
    "+41": "de_CH",
    "+44": "en_GB",
    "+33": "fr_FR",
    "+39": "it_IT",
    "+34": "es_ES",
    "+31": "nl_NL",
    "+48": "pl_PL",
    "+1": "en_US",
}


def is_iban(text: str) -> bool:
    """Return whether `text` is an IBAN whose check digits fit (ISO 13616, modulo 97).

    Examples
    --------
    >>> is_iban("DE89 3704 0044 0532 0130 00"), is_iban("DE88 3704 0044 0532 0130 00")
    (True, False)
    """
    plain = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(plain):
        return False
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _share(values: Sequence[str], fits: object) -> float:
    return sum(bool(fits(value)) for value in values) / len(values)  # type: ignore[operator]


def personal_kind(name: str, values: Sequence[str]) -> tuple[Kind, str | None, str] | None:
    """Return the personal kind of a column, its format, and the reason; None if it has none.

    Parameters
    ----------
    values : distinct trimmed strings, at least one; a sample is enough
    """
    if _share(values, _EMAIL.fullmatch) >= _ENOUGH:
        return Kind.EMAIL, None, "values have the form of e-mail addresses"
    if _share(values, lambda v: _IBAN.fullmatch(v.replace(" ", "").upper())) >= _ENOUGH:
        good = _share(values, is_iban)
        if good >= _ENOUGH or "iban" in naming.tokens(name):
            return Kind.IBAN, None, f"values have the form of IBANs ({good:.0%} with good digits)"
    if is_phone(name, values):
        return Kind.PHONE, None, "values have the form of phone numbers"
    part = naming.name_part(name)
    if part is None:
        return None
    shape = _FULL_NAME if part == "full" else _ONE_NAME
    fits = _share(values, shape.fullmatch)
    if part in ("first", "last", "full") and max(fits, _share(values, _ONE_NAME.fullmatch)) >= 0.5:
        return Kind.NAME, part, f"named {name!r} and shaped like names of people"
    if part == "maybe" and len(values) > 1:
        return _maybe_name(name, values)
    return None


def is_phone(name: str, values: Sequence[str]) -> bool:
    """Return whether these values are phone numbers; without a telling name, international ones."""

    def digits(value: str) -> bool:
        if len(value) > 40:
            return False
        count = sum(character.isdigit() for character in value)
        return 6 <= count <= 17 and _PHONE.fullmatch(value) is not None

    if _share(values, digits) < _ENOUGH:
        return False
    international = _share(values, lambda v: v.startswith(("+", "00")))
    return naming.says(name, "phone") or (
        international >= _ENOUGH
        and _share(values, lambda v: v.startswith("+") and sum(map(str.isdigit, v)) >= 8) >= 0.5
    )


def _maybe_name(name: str, values: Sequence[str]) -> tuple[Kind, str, str] | None:
    def known(value: str) -> bool:
        return any(word in _FIRST_NAMES for word in re.split(r"[\s,]+", value.lower()))

    if _share(values, known) < _KNOWN_SHARE:
        return None
    several = _share(values, _FULL_NAME.fullmatch) >= 0.5
    reason = f"named {name!r}, and many values hold a common first name"
    return Kind.NAME, "full" if several else "first", reason


def country_of_phone(values: Sequence[str]) -> str | None:
    """Return the locale most of these phone numbers are from, None if they do not say."""
    counts: dict[str, int] = {}
    for value in values:
        plain = "+" + value[2:] if value.startswith("00") else value
        for code, locale in _COUNTRIES.items():
            if plain.startswith(code):
                counts[locale] = counts.get(locale, 0) + 1
    return max(counts, key=lambda locale: counts[locale]) if counts else None


def locale_of(names: list[str], samples: Sequence[Sequence[str]]) -> str:
    """Return the locale of a table: "de_DE" for German column names, umlauts, +49 or a DE IBAN."""
    if naming.sounds_german(names):
        return "de_DE"
    for values in samples:
        german = sum(bool(re.search("[äöüßÄÖÜ]|^\\+49|^0049|^DE\\d{20}$", v)) for v in values)
        if german and german >= 0.02 * len(values):
            return "de_DE"
    return "en_US"
