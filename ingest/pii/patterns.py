"""Personal data that a pattern and a checksum recognise, in microseconds and without heavy imports.

Each recogniser is a function from a text to spans, in `RECOGNISERS`. A cheap test of the text (`@`, enough digits …)
comes before each regular expression, so that ordinary prose costs next to nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

from ingest.pii.addresses import street_addresses
from ingest.pii.spans import PiiSpan, without_overlaps

_EMAIL = re.compile(
    r"(?<![\w.+%'-])[\w.+%'&*=/?^{|}~!#$-]{1,64}\s?@\s?(?:[^\W_](?:[\w-]{0,62}\.))+[^\W\d_]{2,24}(?![\w-])"
    r"|(?<![\w.+%'-])[\w.+%'-]{1,64}@[^\W_][\w-]{1,62}(?![\w@])",
    re.IGNORECASE,
)
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){11,18}(?![\w]|[.,-]\d)")
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?(?![A-Za-z0-9])"
)
_IBAN_COUNTRIES = frozenset(
    re.findall(
        "..",
        "ADAEALATAZBABEBGBHBRBYCHCRCYCZDEDKDOEEEGESFIFOFRGBGEGIGLGRGTHRHUIEILIQISITJOKWKZLBLCLILTLULVLYMCMDMEMKMRMTMU"
        "NLNOPKPLPSPTQAROSARSSCSDSESISKSMSTSVTLTNTRUAVAVGXK",
    )
)
"""Countries of the IBAN registry (SWIFT, release 97)."""
_SSN = re.compile(r"(?<![\w-])(?!000|666)\d{3}([- .])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])")
_SSN_BARE = re.compile(r"(?<![\w-])(?!000|666)\d{3}(?!00)\d{2}(?!0000)\d{4}(?![\w-])")
_SSN_WORDS = re.compile(r"\b(?:ssn|social security)\b", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_PHONE = re.compile(
    r"(?:(?<![\w+])\+|(?<![\w/.,:€$£#+-])(?:00)?)\(?\d{1,5}\)?(?:[ ./–-]{0,2}\(?\d{1,5}\)?){1,6}"
    r"(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?![\w/:%€$£-]|[.,]\d)"
)
_PHONE_WORDS = re.compile(
    r"\b(?:phone|telephone|tel|mobile|cell|fax|call|dial|hotline|whatsapp|sms|text(?:ed)? me|contact|ring|number|"
    r"answer(?:ing)?|messages?|registered|office)\b",
    re.IGNORECASE,
)
_DATE_LIKE = re.compile(
    r"(?:19|20)\d{2}[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])|"
    r"(?:0?[1-9]|[12]\d|3[01])[-./ ](?:0?[1-9]|[12]\d|3[01])[-./ ](?:19|20)?\d{2}|"
    r"(?:19|20)\d{2} ?[-–/] ?(?:19|20)?\d{2}"
)
_DECIMALS = re.compile(r"\d\.\d+ ?[-–(]|[-–(] ?\d+\.\d")
"""Ranges and intervals of decimal numbers: phone numbers with dots have no other separator."""
_LICENSE = re.compile(r"(?<![\w-])(?:[A-Z]{1,2}\d{5,14}|\d{6,10}|\d{4}-\d{2}-\d{4})(?![\w-])")
_LICENSE_WORDS = re.compile(r"driver'?s?'?[ -]?licen[sc]e|driving licen[sc]e", re.IGNORECASE)
_PASSPORT = re.compile(r"(?<![\w-])(?:[A-Z]{1,2}\d{6,8}|\d{9})(?![\w-])")
_PASSPORT_WORDS = re.compile(r"\bpassport\b", re.IGNORECASE)
_NEAR = 60
"""Characters before a number in which a word such as "phone" or "passport" speaks for it."""


def detect_patterns(text: str) -> tuple[PiiSpan, ...]:
    """Spans of all kinds but names, in text order and without overlaps."""
    if not any(character in text for character in _FIRST_SIGNS):
        return ()
    digits = sum(map(text.count, "0123456789"))
    spans = [span for least, recognise in RECOGNISERS if digits >= least for span in recognise(text)]
    return without_overlaps(spans) if spans else ()


_FIRST_SIGNS = "0123456789@"


def _emails(text: str) -> Iterator[PiiSpan]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield PiiSpan(match.start(), match.end(), "EMAIL_ADDRESS", 1.0)


def luhn(digits: str) -> bool:
    """Whether the digits pass the Luhn checksum (ISO/IEC 7812-1)."""
    total = 0
    for position, character in enumerate(reversed(digits)):
        number = int(character) * (1 + position % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _cards(text: str) -> Iterator[PiiSpan]:
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if 12 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn(digits):
            yield PiiSpan(match.start(), match.end(), "CREDIT_CARD", 1.0)


def iban_valid(text: str) -> bool:
    """Whether the text passes the IBAN check (ISO 13616: modulo 97 is 1)."""
    bare = re.sub(r"[ -]", "", text).upper()
    if not 15 <= len(bare) <= 34 or bare[:2] not in _IBAN_COUNTRIES or not bare.isascii() or not bare.isalnum():
        return False
    return int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def _ibans(text: str) -> Iterator[PiiSpan]:
    for match in _IBAN.finditer(text):
        found = match.group()
        while len(found) >= 15:  # what follows may be a word: "… 5319 paid"
            if iban_valid(found):
                yield PiiSpan(match.start(), match.start() + len(found), "IBAN_CODE", 1.0)
                break
            cut = max(found.rfind(" "), found.rfind("-"))
            found = found[:cut] if cut > 0 else ""


def _near(words: re.Pattern[str], text: str, start: int) -> bool:
    return words.search(text, max(0, start - _NEAR), start) is not None


def _ssns(text: str) -> Iterator[PiiSpan]:
    for match in _SSN.finditer(text):
        yield PiiSpan(match.start(), match.end(), "US_SSN", 0.9)
    if _SSN_WORDS.search(text):
        for match in _SSN_BARE.finditer(text):
            if _near(_SSN_WORDS, text, match.start()):
                yield PiiSpan(match.start(), match.end(), "US_SSN", 0.95)


def _addresses_ip(text: str) -> Iterator[PiiSpan]:
    if text.count(".") >= 3:
        for match in _IPV4.finditer(text):
            yield PiiSpan(match.start(), match.end(), "IP_ADDRESS", 0.95)
    if text.count(":") >= 2:
        for match in _IPV6.finditer(text):
            found = match.group()
            if found.count(":") >= 3 or "::" in found:
                try:
                    ipaddress.IPv6Address(found)
                except ValueError:
                    continue
                if len(found) > 4:
                    yield PiiSpan(match.start(), match.end(), "IP_ADDRESS", 0.95)


def _phones(text: str) -> Iterator[PiiSpan]:
    for match in _PHONE.finditer(text):
        found = match.group()
        score = _phone_score(found, text, match.start())
        if score:
            yield PiiSpan(match.start(), match.end(), "PHONE_NUMBER", score)


def _phone_score(found: str, text: str, start: int) -> float:
    """How surely a run of digits and separators is a phone number; 0 if not."""
    digits = len(re.sub(r"\D", "", found))
    if not 7 <= digits <= 16 or _DATE_LIKE.fullmatch(found.strip()):
        return 0.0
    groups = re.findall(r"\d+", found)
    if not groups[0].strip("0") or _DECIMALS.search(found):
        return 0.0
    if re.match(r"\+|00[1-9]", found) and digits >= 8:
        return 0.9
    if re.fullmatch(r"\(\d{2,5}\)[ .-]?\d{2,5}(?:[ .-]?\d{2,5})*.*", found):
        return 0.85
    if len(groups) >= 2 and re.fullmatch(r"1?[-. ]?\d{3}[-. ]\d{3}[-. ]\d{4}(?:\s?(?:x|ext\.?)\s?\d+)?", found):
        return 0.85
    after = text[start + len(found) : start + len(found) + 12]
    if (_near(_PHONE_WORDS, text, start) or _PHONE_WORDS.search(after)) and (
        len(groups) >= 2 or digits >= 9 or digits == 7
    ):
        return 0.8
    if groups[0].startswith("0") and 9 <= digits <= 12 and (len(groups) >= 2 or len(groups[0]) >= 10):
        return 0.7
    return 0.6 if _grouped_like_phone(found, groups, digits) else 0.0


def _grouped_like_phone(found: str, groups: list[str], digits: int) -> bool:
    """Two to five groups as phone numbers have them, and not those of an amount such as `12 345 678`."""
    if not 8 <= digits <= 12 or not 3 <= len(groups) <= 6 or len(groups[-1]) < 2:
        return False
    amount = re.fullmatch(r"\d{1,3}(?:[ ,.]\d{3})+", found) is not None
    return not amount and min(map(len, groups)) >= 2 and max(map(len, groups)) <= 4


def _documents(text: str) -> Iterator[PiiSpan]:
    for words, pattern, kind in (
        (_LICENSE_WORDS, _LICENSE, "DRIVER_LICENSE"),
        (_PASSPORT_WORDS, _PASSPORT, "PASSPORT"),
    ):
        if words.search(text):
            for match in pattern.finditer(text):
                if _near(words, text, match.start()):
                    yield PiiSpan(match.start(), match.end(), kind, 0.95)


RECOGNISERS: tuple[tuple[int, Callable[[str], Iterator[PiiSpan]]], ...] = (
    (0, _emails),
    (12, _cards),
    (10, _ibans),
    (9, _ssns),
    (2, _addresses_ip),
    (7, _phones),
    (6, _documents),
    (1, street_addresses),
)
"""(least digits that the text must have, recogniser)."""
