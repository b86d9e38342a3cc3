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


# the example of each country in the registry: its own check digits vouch for it
EXAMPLES = """
    AT611904300234573201 BE68539007547034 BG80BNBG96611020345678 CH9300762011623852957
    CY17002001280000001200527600 CZ6508000000192000145399 DE89370400440532013000
    DK5000400440116243 EE382200221020145685 ES9121000418450200051332 FI2112345600000785
    FR1420041010050500013M02606 GB29NWBK60161331926819 GR1601101250000000012300695
    HR1210010051863000160 HU42117730161111101800000000 IE29AIBK93115212345678
    IT60X0542811101000000123456 LI21088100002324013AA LT121000011101001000 LU280019400644750000
    LV80BANK0000435195001 NL91ABNA0417164300 NO9386011117947 PL61109010140000071219812874
    PT50000201231234567890154 RO49AAAA1B31007593840000 SE4550000000058398257466
    SI56263300012039086 SK3112000000198742637541
"""


def test_ibans_are_built_like_the_examples_of_the_registry():
    examples = {example[:2]: example for example in EXAMPLES.split()}
    assert sorted(examples) == sorted(fakes.COUNTRIES)
    for country, (length, letters) in fakes.COUNTRIES.items():
        example = examples[country]
        moved = example[4:] + example[:4]
        assert int("".join(str(int(c, 36)) for c in moved)) % 97 == 1, example
        assert len(example) == 4 + length
        head = max([4, *(4 + place + 1 for place in letters)])
        assert example[4:head].isalpha() == bool(letters)
        assert example[head].isdigit()


def test_no_fake_number_is_toll_free():
    free = {"800", "833", "844", "855", "866", "877", "888"}  # only 555-0199 is kept there
    assert not free & {area for area, _, _ in fakes.RANGES["US"]}


@pytest.mark.parametrize("locale", ["de_AT", "de_CH", "it_IT", "es_ES", "pl_PL", "ja_JP", None])
def test_countries_without_a_range_for_fiction_get_north_american_numbers(locale):
    assert fakes.phone_country(locale) == "US"


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
