"""Which stored values hold personal data, names of people too: looked at before a model reads them as samples."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from cachetools import LRUCache

_log = logging.getLogger("answerable.planning")

Detect: TypeAlias = Callable[..., Sequence[Sequence[Any]]]
"""`Detector.detect`: the spans of personal data of each text."""
MOST_KEPT = 50_000
_LIKE_A_NAME = re.compile(r"[^\W\d_]{2}")
_KNOWN: LRUCache[str, bool] = LRUCache(MOST_KEPT)
"""The detector takes milliseconds for a value, and the same values are told again with every question. Two threads
that look at a value at once find the same.
"""


def personal_values(detect: Detect) -> Callable[[Sequence[str]], list[bool]]:
    """For each of some short values whether it holds personal data; those without a capital are not names."""

    def found(values: Sequence[str]) -> list[bool]:
        hits = {value: _KNOWN.get(value) for value in values}
        unknown = [value for value, hit in hits.items() if hit is None and _might_be_named(value)]
        try:
            spans = detect(unknown, names=True) if unknown else ()
        except Exception as error:  # noqa: BLE001 - fail closed: whatever went wrong, the values are not told
            _log.error("personal data could not be looked for among samples: %s", type(error).__name__)
            return [True] * len(values)
        for value, own in zip(unknown, spans, strict=True):
            hits[value] = _KNOWN[value] = bool(own)
        return [bool(hits[value]) for value in values]

    return found


def _might_be_named(value: str) -> bool:
    return value != value.lower() and _LIKE_A_NAME.search(value) is not None
