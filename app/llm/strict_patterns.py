"""Patterns for text that leaves for a model: whatever looks like personal data, with a valid checksum or without.

`ingest.pii.patterns` decides what a reader is not shown, and must not hide order numbers and figures; here a value
hidden for nothing comes back afterwards, so every long number, anything around an `@` and every mixed code counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.pii.spans import PiiSpan

NUMBER, CODE = "NUMBER", "ID_CODE"
"""Kinds of what is only long enough to be personal."""
LEAST_DIGITS = 7
"""Digits of the shortest telephone number."""
LEAST_DIGITS_ALONE = 10
"""Digits of a bare number in a cell, where figures are expected, from which it is no figure."""
SCORE = 0.5

_AT = re.compile(
    r"[^\s<>\"'(),;:]{1,64}[ ]?(?:[@＠]|%40)[ ]?[^\s<>\"'(),;:]{1,255}|@\w{2,}|"
    r"[\w.+-]{2,64} ?(?:\(at\)|\[at\]|\{at\}) ?[\w.-]{2,}(?: ?(?:\(dot\)|\[dot\]) ?\w{2,})*|"
    r"\b[\w.+-]{2,64} at [\w-]{2,} dot \w{2,}\b",
    re.IGNORECASE,
)
_DIGITS = re.compile(
    r"(?<![\w-])[+(]{0,2}\d"
    r"(?:[ ./()\u00a0\u2000-\u200a\u2010-\u2015\u2028\u2029\u202f\u205f\u2212\u3000-]{0,3}\d){5,}(?!\w)|"
    r"(?<!\w)\d{6,}(?!\w)"
)
_DATE = re.compile(
    r"(?:19|20)\d{2}([-./ ])\d{1,2}\1\d{1,2}(?:[ T]\d{1,2})?|\d{1,2}([-./ ])\d{1,2}\2(?:19|20)\d{2}|"
    r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
)
_YEARS = re.compile(r"(?:19|20)\d{2}(?:[ /–-]{1,3}(?:(?:19|20)\d{2}|\d{2}))+")
_AMOUNT = re.compile(r"\d{1,3}(?:[ .\u00a0\u202f]\d{3})+|\d{1,6}\.\d{1,12}|(?:19|20)\d{2}[- ]\d{1,3}(?:\.\d+)?")
_MONEY = re.compile(r"[$€£¥₹%]|\b(?:EUR|USD|GBP|CHF|million|billion|euros?|dollars?|pounds?)\b", re.IGNORECASE)
_CODE = re.compile(r"(?<![\w])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?![\w])")
_CODE_DIGITS, _CODE_LENGTH = 5, 7
_IBAN = re.compile(
    r"(?<!\w)[A-Z]{2}\d{2}(?:[ -]?(?:[A-Z0-9]{4}|\d{1,4}(?!\w))){3,8}(?!\w)|"
    r"(?<!\w)[a-z]{2}\d{2}(?:[ -]?\d{2,4}){3,8}(?!\w)"
)
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])")
_IPV6 = re.compile(r"(?<![\w:])(?=[0-9A-Fa-f:]*\d)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7}(?![\w:])")
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
_PROFILE = re.compile(
    r"(?:https?://)?(?:[\w-]+\.)?(?:linkedin|facebook|instagram|twitter|tiktok|github|x|t|wa)\.(?:com|me|org)/[^\s)\]>]+",
    re.IGNORECASE,
)
_POSTAL = re.compile(
    r"\b(?:zip|post(?:al)?|plz)(?: ?codes?)?(?: is|:)?[ \t]+((?=[\w -]*\d)[A-Z0-9]{2,6}(?:[ -][A-Z0-9]{2,4})?)\b", re.I
)
_STREET = re.compile(
    r"(?<![\w.,])\d{1,5}[a-z]?,? (?:rue|avenue|boulevard|place|chemin|allée|impasse|quai|via|viale|piazza|corso|calle|"
    r"carrer|paseo|plaza|rua|avenida|travessa|ulica|ul\.)(?: [\w'’.-]+){1,4}|"
    r"(?<![\w.,])\d{1,5}[a-z]?,? (?!(?:on|in|at|of|for|the|and|or|to|from|with|per)\b)(?:[\w'’.-]+ ){1,3}"
    r"(?:street|avenue|road|lane|drive|boulevard|court|square|terrace|crescent)\b|"
    r"\b(?:apt|apartment|suite|flat|po box|p\.o\. box)\b\.? ?#?\d{1,6}[a-z]?\b",
    re.IGNORECASE,
)
_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_BIRTH = re.compile(
    r"(?:\bborn\b|\bbirth(?:day|date)?\b|\bd\.?o\.?b\b\.?|geboren|geburt\w*|naissance|nacimiento)[^.\n\d]{0,24}?"
    rf"(\d{{1,4}}(?:(?:st|nd|rd|th)?[ ./-]{{1,3}}(?:of )?(?:\d{{1,2}}|{_MONTHS})[ ,./-]{{1,3}}\d{{2,4}})|"
    rf"{_MONTHS} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|(?:19|20)\d{{2}})",
    re.IGNORECASE,
)


def patterns_in(text: str) -> Iterator[PiiSpan]:
    """Spans of anything that looks personal, in no order; they may overlap."""
    for match in _PROFILE.finditer(text):
        yield PiiSpan(match.start(), match.end(), "URL", SCORE)
    for match in _AT.finditer(text):
        yield PiiSpan(match.start(), match.end(), "EMAIL_ADDRESS", SCORE)
    if not any(map(str.isdigit, text)):
        return
    for match in _BIRTH.finditer(text):
        yield PiiSpan(match.start(1), match.end(1), "DATE_OF_BIRTH", SCORE)
    for match in _POSTAL.finditer(text):
        yield PiiSpan(match.start(1), match.end(1), "STREET_ADDRESS", SCORE)
    for kind, pattern in (
        ("STREET_ADDRESS", _STREET),
        ("IP_ADDRESS", _IPV4),
        ("IP_ADDRESS", _IPV6),
        ("MAC_ADDRESS", _MAC),
    ):
        for match in pattern.finditer(text):
            yield PiiSpan(match.start(), match.end(), kind, SCORE)
    yield from _numbers(text)
    yield from _codes(text)


def bare_number(digits: str) -> bool:
    """Whether a number in a cell is too long for a figure."""
    return len(digits.lstrip("-")) >= LEAST_DIGITS_ALONE


def _numbers(text: str) -> Iterator[PiiSpan]:
    for match in _DIGITS.finditer(text):
        found = match.group()
        digits = sum(map(str.isdigit, found))
        if digits < LEAST_DIGITS or _DATE.fullmatch(found) or _YEARS.fullmatch(found):
            continue
        around = text[max(0, match.start() - 5) : match.start()] + " " + text[match.end() : match.end() + 9]
        if _AMOUNT.fullmatch(found) and (digits < LEAST_DIGITS_ALONE or "." in found or _MONEY.search(around)):
            continue
        yield PiiSpan(match.start(), match.end(), NUMBER, SCORE)


def _codes(text: str) -> Iterator[PiiSpan]:
    """Words of letters and digits as identity cards, passports and accounts have them."""
    for match in _IBAN.finditer(text):
        if sum(map(str.isdigit, match.group())) >= 8:
            yield PiiSpan(match.start(), match.end(), "IBAN_CODE", SCORE)
    for match in _CODE.finditer(text):
        found = match.group()
        if len(found) >= _CODE_LENGTH and sum(map(str.isdigit, found)) >= _CODE_DIGITS and not _DATE.match(found):
            yield PiiSpan(match.start(), match.end(), CODE, SCORE)
