"""Everything in a text that may be personal data, for texts that leave for a model: spans that do not overlap.

detector (patterns, tagged names) + strict_patterns + strict_names -> joined where they touch -> house numbers
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from app.llm.strict_names import NAME, are_ordinary, names_in, tagged_things
from app.llm.strict_patterns import patterns_in
from app.llm.things import NOTHING, Things
from ingest.pii.spans import PiiSpan

PLACED = frozenset({NAME, "PERSON", "STREET_ADDRESS"})
"""Kinds that a house number or a postal code may stand beside."""
TAGGED = 0.8
"""Least score of the tagger's names; those of personal columns have less and are never put aside."""
_BEFORE = re.compile(r"(?<![\w.,/-])(\d{1,6}[A-Za-z]?(?:[-/]\d{1,4})?)[ \t]{1,2}$")
_AFTER = re.compile(
    r"(?:[ \t]*[,\n][ \t,\n]*|[ \t]{1,2})((?:(?:Apt|Suite|Ste|Unit|Floor|Fl|Room|Flat|No|Nr)\.? ?#?)?"
    r"(?:\d{1,6}[A-Za-z]?(?:[-/]\d{1,6})?|[A-Z]{1,2}\d{1,2}[A-Z]? ?\d[A-Z]{2}|[A-Z]{1,3}[- ]?\d{4,6}))"
    r"(?![\w%€$£]|[.,:]\d)"
)
_POSTAL_DIGITS = 3
"""Digits above which a number behind a name is rather a postal code."""
_YEAR = re.compile(r"(?:19|20)\d{2}")
_COUNTED = re.compile(
    r"(?:\b(?:top|first|last|over|above|under|below|than|least|most|in|since|until|year|from|to)\s+)$"
)
_SECONDARY = r"(?:apt|suite|ste|unit|floor|fl|room|flat|apartment|box|no|nr)\b\.?"
_LINE = rf"(?i:{_SECONDARY})[ #]{{0,2}}\d{{1,6}}[A-Za-z]?|[^\W\d_a-z][\w'’.∆-]*|\d{{1,6}}[A-Za-z]?(?:-\d{{3,4}})?|nan"
_REST = re.compile(rf"(?:[\s,>?().-]{{1,8}}(?!(?:19|20)\d{{2}}\b)(?:{_LINE})(?![\w:%€$£@]|[.,]\d)){{1,8}}")
"""What may follow a street and its number: flats, towns, regions, postal codes."""


def strict_spans(
    text: str, detected: Iterable[PiiSpan], allowed: Collection[str] = (), things: Things = NOTHING
) -> tuple[PiiSpan, ...]:
    """Spans in text order without overlaps. `detected` are the detector's; `allowed` are words that are no names, and
    `things` says of others when they are none.
    """
    tagged = [span for span in detected if not _is_no_name(text, span, allowed, things)]
    no_people = tagged_things(text, [span for span in tagged if _is_tagged(span)], allowed, things)
    found = (*(span for span in tagged if span not in no_people), *patterns_in(text), *names_in(text, allowed, things))
    spans = joined(_with_numbers(text, _trimmed(text, span)) for span in joined(found))
    return _addresses(text, joined(spans))


def joined(spans: Iterable[PiiSpan]) -> tuple[PiiSpan, ...]:
    """Spans in text order, those that overlap as one: the kind of the surest, else of the longest."""
    kept: list[list[PiiSpan]] = []
    end = -1
    for span in sorted(spans, key=lambda s: (s.start, s.end)):
        if kept and span.start < end:
            kept[-1].append(span)
        else:
            kept.append([span])
        end = max(end, span.end)
    return tuple(_one(group) for group in kept)


def _is_no_name(text: str, span: PiiSpan, allowed: Collection[str], things: Things) -> bool:
    """Whether what was tagged as a name is one ordinary word (`List`, `Show` at the beginning), or words allowed."""
    if not _is_tagged(span):
        return False
    words = re.findall(r"[^\W\d_]+", text[span.start : span.end])
    rest = [word for word in words if word.casefold() not in allowed]
    return (len(words) == 1 or len(rest) < len(words)) and all(are_ordinary(w) or things.hold(w) for w in rest)


def _is_tagged(span: PiiSpan) -> bool:
    """Whether a span is a name that the tagger found."""
    return span.kind == "PERSON" and span.score >= TAGGED


def _one(group: Sequence[PiiSpan]) -> PiiSpan:
    best = max(group, key=lambda s: (s.score, s.end - s.start))
    return PiiSpan(min(s.start for s in group), max(s.end for s in group), best.kind, best.score)


def _trimmed(text: str, span: PiiSpan) -> PiiSpan:
    """The span without white space at its end; a name also without quotes around it and a possessive `'s`."""
    start, found = span.start, text[span.start : span.end].rstrip()
    if span.kind in (NAME, "PERSON"):
        bare = re.search(r"[^\W_].*?(?=(?:['’]s)?[\W_]*$)", found, re.DOTALL)
        if bare is not None:
            start, found = span.start + bare.start(), bare.group()
    return PiiSpan(start, start + len(found), span.kind, span.score)


def _with_numbers(text: str, span: PiiSpan) -> PiiSpan:
    """A name or an address with the house number or the postal code beside it."""
    if span.kind not in PLACED:
        return span
    start, end, kind = span.start, span.end, span.kind
    after = _AFTER.match(text, end)
    if after and not _YEAR.fullmatch(after[1]):
        end = after.end(1)
        kind = "STREET_ADDRESS" if len(re.sub(r"\D", "", after[1])) > _POSTAL_DIGITS else kind
    before = _BEFORE.search(text, max(0, start - 12), start)
    long = before is not None and (len(before[1]) > 2 or kind == "STREET_ADDRESS")
    if (
        before
        and long
        and not _YEAR.fullmatch(before[1])
        and not _COUNTED.search(text, max(0, before.start() - 12), before.start())
    ):
        start, kind = before.start(1), "STREET_ADDRESS"
    return PiiSpan(start, end, kind, span.score)


def _addresses(text: str, spans: Sequence[PiiSpan]) -> tuple[PiiSpan, ...]:
    """The same with the rest of each address, up to its last number or name: flat, town, postal code."""
    found: list[PiiSpan] = []
    for span in spans:
        if found and span.start < found[-1].end:
            end = max(span.end, found[-1].end)
            found[-1] = PiiSpan(found[-1].start, end, found[-1].kind, found[-1].score)
            continue
        rest = _REST.match(text, span.end) if span.kind == "STREET_ADDRESS" else None
        end = span.end
        if rest is not None:
            numbers = [m.end() for m in re.finditer(r"\d+[A-Za-z]?", text[: rest.end()]) if m.start() >= span.end]
            names = [s.end for s in spans if span.end <= s.start < rest.end() and s.kind in PLACED]
            end = max((span.end, *numbers, *names))
        found.append(PiiSpan(span.start, end, span.kind, span.score))
    return tuple(found)
