"""Masking personal data in what was found, before anyone reads it: rows, passages, and texts for traces.

    Rows + ValidatedQuery.personal --> ScrubbedRows, TokenMap
    Passages                       --> ScrubbedPassages, TokenMap
    text for a trace or a model    --> text

A masked value becomes a token such as `<EMAIL_ADDRESS_1>`; the same value has the same token within one answer. The
`TokenMap` that leads back stays in the process. Whatever cannot be examined is withheld, never shown. Only this module
constructs the `Scrubbed…` values.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, SupportsIndex

import msgspec

from app.values import Cell, Passage, Rows, ScrubbedPassages, ScrubbedRows, ValidatedQuery
from ingest.pii import PiiSpan, detect_patterns, open_detector

if TYPE_CHECKING:
    from ingest.pii import Detector

_log = logging.getLogger(__name__)

TOKEN = re.compile(r"<[A-Z][A-Z_]*_[0-9]+>")
"""What a token looks like."""
WITHHELD = "<WITHHELD>"
"""Stands for a text that could not be examined."""
PUBLISHED_KINDS = frozenset({"EMAIL_ADDRESS", "PHONE_NUMBER", "STREET_ADDRESS"})
"""Kinds that documents with visibility `public` show: their owner published them."""
_CELL_SCORES = {"STREET_ADDRESS": 2.0, "PHONE_NUMBER": 0.7}
"""Least score of a span in a cell of a column that nobody called personal; 2: never. Order numbers look like phones."""


class TokenMap:
    """Tokens of one answer and the values behind them. Not printed, not sent; it cannot be pickled or encoded."""

    __slots__ = ("_counts", "_tokens", "_values")

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str, str], str] = {}
        self._values: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._tokens)

    def __repr__(self) -> str:
        return f"TokenMap({len(self)} tokens)"

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        raise TypeError("A TokenMap stays in its process.")

    def token(self, kind: str, value: str, *, apart: str = "") -> str:
        """The value's token; the same for the same value, unless it is kept `apart` from others that read the same."""
        found = self._tokens.get((kind, value, apart))
        if found is None:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            found = f"<{kind}_{self._counts[kind]}>"
            self._tokens[(kind, value, apart)] = found
            self._values[found] = value
        return found

    def respell(self, token: str, value: str) -> None:
        """Restore a token as another spelling of its value from now on."""
        self._values[token] = value

    def values(self) -> Mapping[str, str]:
        """Token -> value, for whoever decides which of them may be restored."""
        return MappingProxyType(self._values)

    def restore(self, text: str) -> str:
        """The text with the values in place of their tokens, for a caller who may see them."""
        return TOKEN.sub(lambda found: self._values.get(found.group(), found.group()), text)

    def masked(self, text: str, spans: Sequence[PiiSpan]) -> str:
        """The text with each span replaced by its token; spans must not overlap."""
        parts, end = [], 0
        for span in sorted(spans, key=lambda s: s.start):
            parts += [text[end : span.start], self.token(span.kind, text[span.start : span.end])]
            end = span.end
        return "".join((*parts, text[end:]))


def scrub_rows(query: ValidatedQuery, rows: Rows, *, sees_personal_data: bool) -> tuple[ScrubbedRows, TokenMap]:
    """Cells as JSON scalars with personal data masked, unless the caller may see it.

    A column that the query calls personal is masked whole; text in other columns is masked where a pattern matches.
    Where the query does not say for each column whether it is personal, all cells are withheld.
    """
    tokens = TokenMap()
    known = len(query.personal) == len(rows.columns)
    if not known:
        _log.error("%d columns, but the query knows %d kinds of personal data", len(rows.columns), len(query.personal))
    masks = [_cell_mask(query.personal[i] if known else None, tokens) for i in range(len(rows.columns))]
    masked = 0
    scrubbed: list[tuple[Cell, ...]] = []
    for row in rows.rows:
        cells = [json_scalar(cell) for cell in row]
        if not sees_personal_data:
            shown = [mask(cell) if known else _withheld(cell) for mask, cell in zip(masks, cells, strict=True)]
            masked += sum(before != after for before, after in zip(cells, shown, strict=True))
            cells = shown
        scrubbed.append(tuple(cells))
    found = ScrubbedRows(columns=rows.columns, rows=tuple(scrubbed), truncated=rows.truncated, masked=masked)
    return found, tokens


def _withheld(cell: Cell) -> Cell:
    return None if cell is None else WITHHELD


def _cell_mask(kind: str | None, tokens: TokenMap) -> Callable[[Cell], Cell]:
    """How the cells of one column are masked."""
    if kind is not None:
        return lambda cell: None if cell is None else tokens.token(kind, str(cell))
    seen: dict[str, str] = {}

    def scan(cell: Cell) -> Cell:
        if not isinstance(cell, str):
            return cell
        if cell not in seen:
            seen[cell] = _scrubbed(cell, tokens, lambda text: [s for s in detect_patterns(text) if _sure(s)])
        return seen[cell]

    return scan


def _sure(span: PiiSpan) -> bool:
    return span.score >= _CELL_SCORES.get(span.kind, 0.0)


def looks_personal(text: str) -> bool:
    """Whether a stored value looks like personal data, wherever it stands."""
    return any(_sure(span) for span in detect_patterns(text))


def _scrubbed(text: str, tokens: TokenMap, spans_of: Callable[[str], Sequence[PiiSpan]]) -> str:
    """The text with its spans masked; withheld if they cannot be found."""
    try:
        return tokens.masked(text, spans_of(text))
    except Exception as error:  # noqa: BLE001 - fail closed: whatever went wrong, the text is not shown
        _log.error("personal data could not be looked for: %s", type(error).__name__)
        return WITHHELD


def scrub_passages(
    passages: Sequence[Passage],
    *,
    sees_personal_data: bool,
    names: bool = False,
    spans: Sequence[Sequence[PiiSpan]] | None = None,
) -> tuple[ScrubbedPassages, TokenMap]:
    """Passages with personal data masked in text, title and heading, unless the caller may see it.

    In public documents, `PUBLISHED_KINDS` are shown. `spans` (one sequence for each passage, relative to its text)
    saves detection at the question; patterns are looked for anyway. `names` masks people's names too.
    """
    tokens = TokenMap()
    if sees_personal_data:
        return ScrubbedPassages(passages=tuple(passages)), tokens
    known = spans if spans is not None and len(spans) == len(passages) else [()] * len(passages)
    scrubbed = []
    for passage, stored in zip(passages, known, strict=True):
        scrubbed.append(_scrub_passage(passage, stored, tokens, names=names))
    masked = sum(before != after for before, after in zip(passages, scrubbed, strict=True))
    return ScrubbedPassages(passages=tuple(scrubbed), masked=masked), tokens


def _scrub_passage(passage: Passage, stored: Sequence[PiiSpan], tokens: TokenMap, *, names: bool) -> Passage:
    shown = PUBLISHED_KINDS if passage.visibility == "public" else frozenset()
    detected_names = names and not any(span.kind == "PERSON" for span in stored)

    def spans_of(text: str) -> Sequence[PiiSpan]:
        own = stored if text == passage.text else ()
        found = open_detector().detect([text])[0] if detected_names or (names and not own) else detect_patterns(text)
        every = (*own, *(span for span in found if not _touches(span, own)))
        return [s for s in every if s.kind not in shown and (names or s.kind != "PERSON")]

    return msgspec.structs.replace(
        passage,
        text=_scrubbed(passage.text, tokens, spans_of),
        title=None if passage.title is None else _scrubbed(passage.title, tokens, spans_of),
        heading=_scrubbed(passage.heading, tokens, spans_of),
    )


def _touches(span: PiiSpan, others: Sequence[PiiSpan]) -> bool:
    return any(span.start < other.end and other.start < span.end for other in others)


def scrub_text(text: str, detector: Detector | None = None, *, names: bool) -> str:
    """The text for a trace, a log or a model: all kinds masked, and people's names where `names` is set."""
    found = detector if detector is not None else open_detector()
    return _scrubbed(text, TokenMap(), lambda t: found.detect([t], names=names)[0])


def json_scalar(value: Any) -> Cell:
    """A cell as JSON can carry it: dates as ISO text, exact decimals, `None` for NaN and infinity, bytes as a note."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(bytes(value))} bytes: {bytes(value)[:8].hex()}…>"
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _decimal(value: Decimal) -> Cell:
    """An int if integral, a float if it reads the same, else the digits as text."""
    if not value.is_finite():
        return None
    if value == value.to_integral_value():
        return int(value)
    as_float = float(value)
    return as_float if Decimal(repr(as_float)) == value else str(value)
