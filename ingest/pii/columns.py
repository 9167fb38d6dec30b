"""The kind of personal data that a whole column holds, from its name and a sample of its values.

Names of people and dates of birth are personal only where the description file says so: a table of singers or of
presidents would be of no use without them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingest.pii.patterns import detect_patterns, iban_valid, luhn

_NAMES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("EMAIL_ADDRESS", re.compile(r"e_?mail(_?(address|addr|id))?s?$|^e_?mail")),
    ("PHONE_NUMBER", re.compile(r"(^|_)(tele)?(phone|fax|mobile|cell)(_?(no|num|number))?(_\d)?$|^tel(_no|efon)?$")),
    ("CREDIT_CARD", re.compile(r"(credit|debit)_?card_?(no|num|number)|^(card|cc)_?(no|num|number)$")),
    ("IBAN_CODE", re.compile(r"(^|_)iban($|_)")),
    ("US_SSN", re.compile(r"(^|_)ssn($|_)|social_security")),
    ("NATIONAL_ID", re.compile(r"national_?id|tax_?(payer_?)?id($|_)|personal_?(id|code|number)")),
    ("BANK_ACCOUNT", re.compile(r"bank_?account_?(no|num|number)|^account_?number$")),
    ("IP_ADDRESS", re.compile(r"(^|_)ip(_?(addr|address))?$|ipv[46]")),
    ("PASSPORT", re.compile(r"passport_?(no|num|number|id)?$")),
    ("DRIVER_LICENSE", re.compile(r"driver_?s?_?licen[sc]e_?(no|num|number)|driving_?licen[sc]e")),
    ("STREET_ADDRESS", re.compile(
        r"(^|_)street(_?(address|name|line))?(_?\d)?$|^(address|addr)(_?line)?(_?\d)?$|"
        r"^(home|postal|mailing|billing|shipping|delivery|ship|customer|full)_?address(_?line)?(_?\d)?$"
    )),
)  # fmt: skip
_NEEDS_VALUES = frozenset({"PHONE_NUMBER", "STREET_ADDRESS", "IP_ADDRESS", "EMAIL_ADDRESS"})
"""Kinds whose names also serve other things (`phone` of a product catalogue, `address` of a server)."""
_LEAST_SHARE = 0.6
"""Share of sampled values that hold a pattern's kind before the column as a whole counts as that kind."""


def snake(name: str) -> str:
    """`CustomerEMail`, `customer e-mail` -> `customer_e_mail`: names in one spelling."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.casefold()).strip("_")


def kind_of_column(name: str, values: Sequence[str | int | float], *, text: bool = True) -> str | None:
    """The kind of personal data in a column of this name with these sampled non-null values; None if none.

    `text` is False for number and date columns: of those, only names and checksums tell.
    """
    named = _named(snake(name))
    if not text:
        return _of_numbers(named, values)
    found = _of_values([str(value) for value in values])
    if found is not None:
        return found
    if named in _NEEDS_VALUES and values:
        return named if any(_plausible(named, str(value)) for value in values[:50]) else None
    return named


def _named(name: str) -> str | None:
    return next((kind for kind, pattern in _NAMES if pattern.search(name)), None)


def _plausible(kind: str, value: str) -> bool:
    if kind == "EMAIL_ADDRESS":
        return "@" in value
    if kind == "IP_ADDRESS":
        return value.count(".") == 3 or value.count(":") > 1
    digits = sum(character.isdigit() for character in value)
    return digits >= 5 if kind == "PHONE_NUMBER" else len(value) > 3


def _of_numbers(named: str | None, values: Sequence[str | int | float]) -> str | None:
    if named in ("PHONE_NUMBER", "CREDIT_CARD", "US_SSN", "NATIONAL_ID", "BANK_ACCOUNT", "PASSPORT"):
        return named
    texts = [str(value) for value in values]
    if len(texts) >= 5 and all(13 <= len(t) <= 19 and t.isdigit() and luhn(t) for t in texts):
        return "CREDIT_CARD"
    return None


def _of_values(values: Sequence[str]) -> str | None:
    """The kind that most values wholly consist of."""
    if not values:
        return None
    counts: dict[str, int] = {}
    for value in values:
        for span in detect_patterns(value):
            if span.end - span.start >= 0.7 * len(value.strip()) or span.kind == "STREET_ADDRESS":
                counts[span.kind] = counts.get(span.kind, 0) + 1
                break
        else:
            if _written_iban(value):
                counts["IBAN_CODE"] = counts.get("IBAN_CODE", 0) + 1
    best = max(counts, key=lambda kind: counts[kind], default=None)
    return best if best is not None and counts[best] >= _LEAST_SHARE * len(values) else None


def _written_iban(value: str) -> bool:
    """An IBAN without spaces, in any country's length."""
    return value.isascii() and value.isalnum() and value[:2].isalpha() and value[2:4].isdigit() and iban_valid(value)
