"""Realistic fakes that belong to nobody: people, e-mail addresses, phone numbers, IBANs.

Every fake is a pure function of the number of a person (or of a row) and a key, and made for
many rows at once. Names come from the lists of faker; an address leads to a reserved domain, a
phone number lies in a range set aside for fiction, an IBAN fails its check.
"""

from abbild.tables.fakes.ibans import COUNTRIES, ibans
from abbild.tables.fakes.people import DOMAINS, People, emails, full_names, people
from abbild.tables.fakes.phones import CODES, RANGES, PhoneLook, phone_count, phone_country, phones

__all__ = [
    "CODES",
    "COUNTRIES",
    "DOMAINS",
    "RANGES",
    "People",
    "PhoneLook",
    "emails",
    "full_names",
    "ibans",
    "people",
    "phone_count",
    "phone_country",
    "phones",
]
