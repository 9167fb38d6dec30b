"""A span of personal data in a text."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

KINDS = (
    "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "NATIONAL_ID", "BANK_ACCOUNT",
    "IP_ADDRESS", "STREET_ADDRESS", "PERSON", "PASSPORT", "DRIVER_LICENSE", "DATE_OF_BIRTH",
)  # fmt: skip
"""All kinds that detection and description files know."""

_DECLARED = {
    "person": "PERSON", "name": "PERSON", "email": "EMAIL_ADDRESS", "e-mail": "EMAIL_ADDRESS", "mail": "EMAIL_ADDRESS",
    "phone": "PHONE_NUMBER", "telephone": "PHONE_NUMBER", "address": "STREET_ADDRESS", "card": "CREDIT_CARD",
    "credit_card": "CREDIT_CARD", "iban": "IBAN_CODE", "ssn": "US_SSN", "ip": "IP_ADDRESS", "ip_address": "IP_ADDRESS",
    "passport": "PASSPORT", "licence": "DRIVER_LICENSE", "license": "DRIVER_LICENSE", "birth": "DATE_OF_BIRTH",
    "date_of_birth": "DATE_OF_BIRTH", "national_id": "NATIONAL_ID", "bank": "BANK_ACCOUNT", "account": "BANK_ACCOUNT",
}  # fmt: skip


class PiiSpan(msgspec.Struct, frozen=True):
    """Characters `start` to `end` (exclusive) hold personal data of `kind`; `score` is the confidence in [0, 1]."""

    start: int
    end: int
    kind: str
    score: float


def mask_kind(word: str) -> str | None:
    """The kind that a description file's `pii:` word means (`email`, `PERSON` …); None if it is unknown."""
    folded = word.strip().lower()
    return _DECLARED.get(folded) or (folded.upper() if folded.upper() in KINDS else None)


def without_overlaps(spans: Iterable[PiiSpan]) -> tuple[PiiSpan, ...]:
    """Spans in text order; of two that overlap the more certain one stays, then the longer one."""
    kept: list[PiiSpan] = []
    for span in sorted(spans, key=lambda s: (-s.score, s.start - s.end)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return tuple(sorted(kept, key=lambda s: s.start))
