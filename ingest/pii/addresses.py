"""Street addresses: a street's name with a number, and what follows it (flat, town, postal code) when it is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.pii.spans import PiiSpan

_NAME = r"(?:[^\W\d_a-z][\w'’.-]*|de|la|del|della|di|da|do|dos|das|du|des|van|der|den|und|and|of|the|y)"
_WORD = r"[^\W\d_a-z][\w'’-]*"
_SUFFIX = (
    r"(?:Street|St|Avenue|Ave|Av|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|"
    r"Crescent|Close|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Trail|Trl|Row|Mews|Grove|Gardens|Hill|Walk|Plaza|Alley|"
    r"Turnpike|Pike|Loop|Streets|Roads|Avenues)\b\.?"
)
_NUMBER = r"\d{1,5}(?:[-/]\d{1,4})?[A-Za-z]?"
_ENDING = (
    r"(?:stra(?:ss|ß)e|str\.|weg|platz|gasse|allee|damm|ufer|straat|laan|gracht|plein|gatan|vägen|gata|vej|gade|"
    r"veien|vegen|katu|kuja|polku|utca|u\.|út|ulica|ul\.|uulits)"
)
_LEADING = (
    r"(?:Rua|Avenida|Av\.|Travessa|Rue|Avenue|Boulevard|Bd|Place|Chemin|Allée|Impasse|Quai|Via|Viale|Piazza|Corso|Largo|"
    r"Vicolo|Calle|C/|Carrer|Paseo|Plaza|Camino|Carretera|Ul\.|ul\.|ulica|Ulica|Al\.|Strada|Str\.)"
)
_STREETS = re.compile(
    "|".join(
        (
            rf"\b(?:{_NUMBER}|\d{{1,3}},) (?:[NSEW]\.? )?(?:{_NAME} ){{1,4}}{_SUFFIX}",
            rf"\b{_NUMBER},? {_LEADING} (?:{_NAME} ?){{1,5}}",
            rf"\b{_LEADING} (?:{_NAME},? ){{1,5}}{_NUMBER}\b",
            rf"\b{_WORD}{_ENDING}\.? {_NUMBER}\b",
            rf"\b(?:{_WORD} ){{1,2}}(?i:{_ENDING}) {_NUMBER}\b",
            r"\b(?:P\.? ?O\.? ?Box|Box|Postfach|Postbus|PSC|Unit) \d{2,6}\b(?:,? Box \d+)?",
        )
    )
)
_SECONDARY = r"(?:Apt|Suite|Ste|Unit|Floor|Fl|Room|Flat|Apartment|Appartment)\.? ?#?\d{1,5}[A-Za-z]?\b"
_GAP = r"[\s,>?]{0,12}"
"""Between the lines of an address, also a quoted one."""
_POSTAL = r"(?:(?:[A-Z]{1,2}[- ]?)?\d{4,5}(?:-\d{3,4})?|\d{3} \d{2}|[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|\d{2}-\d{3})\b"
_TOWN = rf"{_WORD}(?: {_WORD}){{0,3}}"
_REST = re.compile(rf"(?:{_GAP}{_SECONDARY}){{0,2}}(?:(?:{_GAP}{_TOWN}){{0,3}}{_GAP}{_POSTAL})?")
_WITH_SECONDARY = re.compile(rf"(?:\b\d{{1,5}} [^\n\d,]{{2,40}}(?:\d{{1,5}}|\b){_GAP})?\b{_SECONDARY}")
_INTRODUCED = re.compile(
    r"(?:\baddress(?:es)?(?: (?:is|to))?|\blives? (?:at|on|in)|\blocated (?:at|on)|\b(?:is|off) (?:at|on)|\bside of)"
    r"[:?]? (?:it is )?"
    rf"((?:\d{{1,5}} )?(?:{_WORD} ){{1,4}}\d{{1,5}}\b)"
)


def street_addresses(text: str) -> Iterator[PiiSpan]:
    """Spans from the house number to the postal code, where there is one within a few words after the street."""
    end = 0
    for start, stop in sorted(_anchors(text)):
        if start < end:
            continue
        rest = _REST.match(text, stop)
        end = rest.end() if rest is not None else stop
        yield PiiSpan(start, end, "STREET_ADDRESS", 0.9)


def _anchors(text: str) -> Iterator[tuple[int, int]]:
    """Where an address surely is: a street with a number, a flat, or a number after "lives at"."""
    for match in _STREETS.finditer(text):
        number = _NUMBER_BEFORE.search(text, max(0, match.start() - 8), match.start())
        yield (number.start() if number is not None else match.start()), match.end()
    for match in _WITH_SECONDARY.finditer(text):
        yield match.span()
    for match in _INTRODUCED.finditer(text):
        yield match.span(1)


_NUMBER_BEFORE = re.compile(r"(?<!\S)\d{1,5} $")
