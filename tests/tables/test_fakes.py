"""Fakes are realistic, native, all different, and belong to nobody."""

from __future__ import annotations

import re

import numpy as np
import pytest

from abbild.tables import fakes
from abbild.tables.fakes import PhoneLook

N = 20_000
NUMBERS = np.arange(N, dtype=np.uint64)

# what the regulators set aside, written out again as patterns of dialled digits
FICTION = {
    "DE": r"0?(3023125\d{3}|4066969\d{3}|6990009\d{3}|8999998\d{3}|2214710\d{3})",
    "GB": r"0?(1632960\d{3}|2079460\d{3}|1214960\d{3}|1614960\d{3}|1314960\d{3})",
    "US": r"[2-9]\d\d55501\d\d",
    "FR": r"0?(19900|26191|35301|46571|53649)\d{4}",
}


@pytest.mark.parametrize("country", sorted(fakes.COUNTRIES))
def test_ibans_have_the_right_shape_and_fail_their_check(country):
    made = fakes.ibans(NUMBERS[:2_000], country, 3, grouped=False).to_pylist()
    length, letters = fakes.COUNTRIES[country]
    assert len(set(made)) == 2_000
    for iban in made:
        assert iban.startswith(country) and len(iban) == 4 + length and iban.isalnum()
        assert all(iban[4 + place].isupper() for place in letters)
        assert 2 <= int(iban[2:4]) <= 98
        moved = iban[4:] + iban[:4]
        assert int("".join(str(int(c, 36)) for c in moved)) % 97 != 1  # ISO 13616


def test_grouped_ibans_stand_in_fours():
    (iban,) = fakes.ibans(NUMBERS[:1], "DE", 3, grouped=True).to_pylist()
    assert [len(part) for part in iban.split()] == [4, 4, 4, 4, 4, 2]


LOOKS = [
    PhoneLook(),
    PhoneLook("+"),
    PhoneLook("00", ""),
    PhoneLook("", "-", brackets=True),
    PhoneLook("", " ", slash=True),
    PhoneLook("+", ".", brackets=True),
]


@pytest.mark.parametrize("country", sorted(FICTION))
@pytest.mark.parametrize("look", LOOKS)
def test_phone_numbers_lie_in_ranges_for_fiction(country, look):
    size = min(fakes.phone_count(country), N)
    made = fakes.phones(NUMBERS[:size], country, look, 5).to_pylist()
    assert len(set(made)) == size
    for phone in made:
        code = fakes.CODES[country]
        if look.prefix:
            assert phone.startswith(look.prefix + code)
        digits = re.sub(r"\D", "", phone.removeprefix(look.prefix + code) if look.prefix else phone)
        assert re.fullmatch(FICTION[country], digits), phone
        assert ("(" in phone) == look.brackets


def test_phone_numbers_go_on_with_extensions():
    made = fakes.phones(NUMBERS, "DE", PhoneLook(), 5).to_pylist()
    assert len(set(made)) == N


def test_german_names_are_german():
    who = fakes.people(NUMBERS, "de_DE", 1)
    assert {"Müller", "Schäfer"} & set(who.last.to_pylist())
    assert any("ü" in name for name in who.first.to_pylist())
    mails = fakes.emails(who, ".", 2).to_pylist()
    assert any("mueller" in mail for mail in mails)
    assert all(re.fullmatch(r"[a-z0-9.]+@example\.(com|org|net)", mail) for mail in mails)


@pytest.mark.parametrize(
    "locale", ["de_DE", "en_US", "pl_PL", "ja_JP", "ru_RU", "fr_FR", "xx", None]
)
def test_people_are_all_different_and_their_addresses_too(locale):
    who = fakes.people(NUMBERS, locale, 1)
    full = fakes.full_names(who, comma=False).to_pylist()
    numbered = list(zip(full, who.epoch.tolist(), strict=True))
    assert len(set(numbered)) == N
    mails = fakes.emails(who, ".", 2).to_pylist()
    assert len(set(mails)) == N
    assert all(m.isascii() and m.split("@")[1] in fakes.DOMAINS for m in mails)


def test_last_names_bend_with_the_first():
    who = fakes.people(NUMBERS, "cs_CZ", 1)
    lasts = dict(zip(who.first.to_pylist(), who.last.to_pylist(), strict=True))
    assert lasts["Jana"].endswith("á") and not lasts["Petr"].endswith("ová")


def test_a_person_is_a_function_of_number_and_key():
    once = fakes.people(NUMBERS[500:600], "de_DE", 1)
    assert once.last.equals(fakes.people(NUMBERS, "de_DE", 1).last.slice(500, 100))
    assert not once.last.equals(fakes.people(NUMBERS[500:600], "de_DE", 2).last)
