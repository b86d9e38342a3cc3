"""What the name of a column says about its values; English and German."""

from __future__ import annotations

import re
from functools import lru_cache


def word_set(text: str) -> frozenset[str]:
    """Return the words of `text`."""
    return frozenset(text.split())


_WORDS: dict[str, frozenset[str]] = {
    "person": word_set(
        "person patient customer client user member employee student subscriber passenger "
        "visitor applicant borrower respondent participant subject individual resident "
        "citizen tenant policyholder insured cardholder account household owner kunde "
        "kunden mitarbeiter patienten personal versicherter versicherten mitglied "
        "mitglieds mieter nutzer teilnehmer proband probanden schueler schüler studenten "
        "bewerber haushalt haushalts"
    ),
    "id": word_set("id ids uuid guid pid uid oid key pk kennung kennzeichen identifier"),
    "number": word_set("nr no num number nummer index idx sno rownum row ref code serial"),
    "zip": word_set("zip zipcode postcode postalcode postal plz postleitzahl"),
    "email": word_set("email mail e-mail emailadresse mailadresse"),
    "phone": word_set(
        "phone telephone tel telefon telefonnummer mobile mobil handy handynummer fax cell "
        "cellphone phonenumber rufnummer mobilnummer"
    ),
    "latitude": word_set("lat latitude breite breitengrad"),
    "longitude": word_set("lon lng long longitude länge laenge längengrad laengengrad"),
    "grade": word_set("grade class level rating rank tier note stufe klasse"),
    "currency": word_set("eur usd gbp chf"),
}
_FIRST = frozenset({"firstname", "forename", "givenname", "vorname", "rufname"})
_LAST = frozenset({"lastname", "surname", "familyname", "nachname", "familienname", "zuname"})
_FULL = frozenset({"fullname", "customername", "patientname", "clientname", "employeename"})
_FULL |= {"personname", "kundenname", "contactname", "kontaktname", "ansprechpartner"}
_MAYBE = word_set("name kunde kunden customer client patient mitarbeiter employee person")
_GERMAN = word_set(
    "vorname nachname geburtsdatum strasse straße plz stadt kunde kundennummer datum "
    "betrag preis menge umsatz gehalt geschlecht anzahl nummer telefon rechnung "
    "bestellung artikel filiale abteilung mitarbeiter anrede bemerkung konto "
    "familienstand beruf wohnort postleitzahl hausnummer einkommen versicherung größe "
    "groesse gewicht diagnose aufnahme entlassung jahr monat uhrzeit beginn ende"
)
_COMPOUND = re.compile(r"(id|nr|no|nummer|number|key|kennung|uuid)$")


@lru_cache(maxsize=8192)
def tokens(name: str) -> tuple[str, ...]:
    """Return the words of a column name in lower case.

    Examples
    --------
    >>> tokens("customerID"), tokens("Kunden-Nr."), tokens("E-Mail")
    (('customer', 'id'), ('kunden', 'nr'), ('e', 'mail'))
    """
    found = re.findall(r"[A-ZÄÖÜ]+(?![a-zäöüß])|[A-ZÄÖÜ]?[a-zäöüß]+|\d+", name)
    return tuple(word.lower() for word in found)


def says(name: str, topic: str) -> bool:
    """Return whether a word of `name` belongs to `topic`."""
    words = tokens(name)
    return any(word in _WORDS[topic] for word in words) or "".join(words) in _WORDS[topic]


def is_id(name: str) -> bool:
    """Return whether `name` promises a key: ``id``, ``order_id``, ``uuid``."""
    return says(name, "id") or is_person_id(name)


def is_person_id(name: str) -> bool:
    """Return whether `name` promises the key of a person: ``patient_id``, ``kundennr``, ``id``.

    A bare ``id`` counts: what else would the rows of a table be about.
    """
    joined = "".join(tokens(name))
    return joined in ("id", "pid", "uid") or _COMPOUND.sub("", joined) in _WORDS["person"]


def name_part(name: str) -> str | None:
    """Return "first", "last", "full" or "maybe" if `name` promises names of people."""
    joined = "".join(tokens(name))
    for part, known in (("first", _FIRST), ("last", _LAST), ("full", _FULL), ("maybe", _MAYBE)):
        if joined in known:
            return part
    return None


def sounds_german(names: list[str]) -> bool:
    """Return whether column names are German words or carry umlauts."""
    return any(re.search("[äöüßÄÖÜ]", n) or set(tokens(n)) & _GERMAN for n in names)
