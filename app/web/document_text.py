"""The stored text of a document as a reader may see it: masked like a passage, around the place that is cited.

text, start, end --window, edges moved off personal data--> Excerpt(before, passage, after) --> blocks for a page
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Iterator, Sequence

import msgspec

from app.asking import visible_sources
from app.engine import Engine
from app.errors import NotFound
from app.scrubbing import WITHHELD, scrub_passages
from app.values import Caller, Passage
from ingest.pii import PiiSpan, detect_patterns
from ingest.stores.passages import PassageReader, StoredDocument
from ingest.structure import plain

_log = logging.getLogger("answerable.pages")

WINDOW = 20_000
"""Characters that are shown of a long document."""
MOST = 300_000
"""Characters that one page shows at the very most: looking for personal data in them takes about a second."""
_SLACK = 1000
"""Characters by which a window grows to end where a line does, and in which its edges look for personal data."""
_BLOCK = re.compile(r"\n[ \t]*\n+")
_WRAPPED = re.compile(r"\n(?![ \t]*(?:[-*+•>|]|\d{1,3}[.)])[ \t])")
"""A line break that only keeps lines short."""
_BULLET = re.compile(r"^([ \t]*)[*+-][ \t]+", re.MULTILINE)
_LINE = re.compile(r"[^\n]+")
_RULE = re.compile(r"\s*\|[\s:|-]*-[\s:|-]*")
_BAR = re.compile(r"(?<!\\)\|")
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*)", re.DOTALL)


class Excerpt(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a document, masked; `passage` is empty where no place is asked for."""

    title: str
    before: str
    passage: str
    after: str
    shortened: bool

    @property
    def text(self) -> str:
        """All of it."""
        return self.before + self.passage + self.after


class Run(msgspec.Struct, frozen=True):
    """Text of one kind."""

    text: str
    marked: bool
    first: bool = False
    """It begins the marked passage."""


class Block(msgspec.Struct, frozen=True):
    """A paragraph (`p`), heading (`h2`), code (`pre`) or table (`table`)."""

    kind: str
    runs: tuple[Run, ...]
    rows: tuple[tuple[tuple[Run, ...], ...], ...] = ()
    """Of a table: its rows' cells; `runs` are those of all cells."""
    headed: bool = False
    """The first row names the columns."""


def visible_document(engine: Engine, caller: Caller, source: str, path: str) -> tuple[PassageReader, StoredDocument]:
    """A document that the caller may read; raises `NotFound` alike for any other."""
    reader = next((each for each in visible_sources(engine.store.snapshot(), caller) if each.name == source), None)
    passages = reader.passages if reader is not None else None
    for name in (path, f"{path}/", f"/{path}"):  # the router takes slashes at either end away
        document = passages.document(name) if passages is not None else None
        if passages is not None and document is not None and document.visibility in caller.visibilities:
            return passages, document
    raise NotFound("There is no such document.", hint="It may have been removed, or is not public.")


def excerpt(
    engine: Engine, caller: Caller, source: str, path: str, *, start: int = 0, end: int = 0, whole: bool = False
) -> tuple[StoredDocument, Excerpt]:
    """A document and its text around `start` to `end` (offsets in characters, clamped); raises `NotFound`."""
    reader, document = visible_document(engine, caller, source, path)
    text = reader.document_text(document.path) or ""
    try:
        spans = reader.document_spans(document.path)
        low, first, last, high, found = _cuts(text, spans, start, end, MOST if whole else WINDOW)
    except Exception as error:  # noqa: BLE001 - fail closed: what cannot be examined is not shown
        _log.error("personal data could not be looked for: %s", type(error).__name__)
        return document, Excerpt(title=document.path, before=WITHHELD, passage="", after="", shortened=False)
    edges = [(low, first), (first, last), (last, high)]
    parts = [_part(source, document, text, *edge) for edge in edges]
    scrubbed, _ = scrub_passages(
        parts,
        sees_personal_data=caller.sees_personal_data,
        names=engine.settings.scrub_names,
        spans=[
            [_moved(each, low_) for each in found if low_ <= each.start and each.end <= high_] for low_, high_ in edges
        ],
    )
    before, passage, after = scrubbed.passages
    shown = Excerpt(
        title=before.title or document.path,
        before=before.text,
        passage=passage.text,
        after=after.text,
        shortened=low > 0 or high < len(text),
    )
    return document, shown


def _cuts(
    text: str, stored: Sequence[PiiSpan], start: int, end: int, size: int
) -> tuple[int, int, int, int, list[PiiSpan]]:
    """Where the window and the passage begin and end, never within personal data, and the spans around there."""
    first = min(max(start, 0), len(text))
    last = min(max(end, first), len(text), first + size)
    low = max(0, min(first - size // 3, len(text) - size))
    high = min(len(text), max(last, low + size))
    low = max(text.rfind("\n", max(0, low - _SLACK), low) + 1, 0) or low if low else 0
    newline = text.find("\n", high, high + _SLACK)
    high = newline if newline >= 0 else high
    around = max(0, low - _SLACK)
    detected = [_moved(each, -around) for each in detect_patterns(text[around : high + _SLACK])]
    near = [each for each in stored if each.end > around and each.start < high + _SLACK]
    found = [*near, *(each for each in detected if not any(each.start < s.end and s.start < each.end for s in near))]
    found.sort(key=lambda each: each.start)
    low, first = (_before(edge, found) for edge in (low, first))
    last, high = (_behind(edge, found) for edge in (last, high)) if last > first else (first, _behind(high, found))
    return low, first, last, high, found


def _before(edge: int, spans: Sequence[PiiSpan]) -> int:
    for span in reversed(spans):
        if span.start < edge < span.end:
            edge = span.start
    return edge


def _behind(edge: int, spans: Sequence[PiiSpan]) -> int:
    for span in spans:
        if span.start < edge < span.end:
            edge = span.end
    return edge


def _moved(span: PiiSpan, by: int) -> PiiSpan:
    return PiiSpan(span.start - by, span.end - by, span.kind, span.score)


def _part(source: str, document: StoredDocument, text: str, start: int, end: int) -> Passage:
    return Passage(
        source=source,
        document=document.path,
        title=document.title,
        url=document.url,
        heading="",
        text=text[start:end],
        start=start,
        end=end,
        score=0.0,
        visibility=document.visibility,
    )


def blocks(shown: Excerpt) -> list[Block]:
    """The excerpt as paragraphs, headings and tables, the passage marked in each that it runs through."""
    text = shown.text
    first, last = len(shown.before), len(shown.before) + len(shown.passage)
    found: list[Block] = []
    told = False

    def runs(low: int, high: int, kind: str) -> tuple[Run, ...]:
        nonlocal told
        made = []
        for start, end, marked in ((low, first, False), (max(low, first), last, True), (max(low, last), high, False)):
            piece = text[start : min(end, high)] if start < min(end, high) else ""
            if piece:
                made.append(Run(_read_easily(piece, kind), marked, marked and not told))
                told = told or marked
        return tuple(made)

    for low, high in _paragraphs(text):
        content = text[low:high]
        heading = _HEADING.fullmatch(content)
        if heading is not None and "\n" not in content:
            if found or heading.group(2).strip() != shown.title:
                found.append(Block("h2", runs(low + heading.start(2), high, "h2")))
        elif all(line.lstrip().startswith("|") for line in content.splitlines()):
            lines, headed = _table(text, low, high)
            rows = tuple(tuple(runs(*cell, "td") for cell in cells) for cells in lines)
            found.append(Block("table", tuple(run for row in rows for cell in row for run in cell), rows, headed))
        else:
            kind = "pre" if content.startswith(("```", "~~~")) else "p"
            found.append(Block(kind, runs(low, high, kind)))
    return [block for block in found if block.runs]


def _table(text: str, low: int, high: int) -> tuple[list[list[tuple[int, int]]], bool]:
    """Start and end of each cell, row by row, and whether a rule below the first one makes it a header."""
    rows: list[list[tuple[int, int]]] = []
    headed = False
    for line in _LINE.finditer(text, low, high):
        if _RULE.fullmatch(line[0]):
            headed = headed or len(rows) == 1
            continue
        edges = [line.start() + bar.start() for bar in _BAR.finditer(line[0])]
        if not line[0].rstrip().endswith("|"):
            edges.append(line.end())
        rows.append([_trimmed(text, start + 1, end) for start, end in itertools.pairwise(edges)])
    return rows, headed


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    content = text[start:end]
    return start + len(content) - len(content.lstrip()), end - len(content) + len(content.rstrip())


def _read_easily(text: str, kind: str) -> str:
    """Words without the marks and breaks that only a writer needs."""
    return text if kind == "pre" else plain(_BULLET.sub(r"\1• ", _WRAPPED.sub(" ", text)))


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each block; a heading line is a block of its own."""
    start = 0
    for end, following in (*((each.start(), each.end()) for each in _BLOCK.finditer(text)), (len(text), len(text))):
        while start < end and text[start] == "#" and (line := text.find("\n", start, end)) >= 0:
            yield start, line
            start = line + 1
        if text[start:end].strip():
            yield start, end
        start = following
