"""Linking: every reading of every span of a question, with evidence.

Readings compete in `app.planning.segmentation`; nothing is decided here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Protocol

import msgspec

from app.planning.dates import read_period
from app.planning.elements import Element, ValueOption
from app.planning.lexicon import ALIASES, DEMONYMS, LONGEST_PHRASE, OPERATORS
from app.planning.plan import ColumnRef
from app.planning.schema_index import SchemaIndex, phrase_key
from app.planning.tokens import Token, fold, tokenize
from ingest.stores.values import ValueHit, normalise

MAX_VALUE_WORDS = 8
MOST_OPTIONS = 24
"""Columns that one mention may mean."""
_NAMED = 0.6
"""Link score from which the question is taken to name a table."""
_NAMED_OUTRIGHT = 0.93
"""Link score from which a word is a column's own name."""
_COUNTING_NOUNS = ("amount", "quantiti")
_SILENT = frozenset("?!.'\"()[]{}*`_")
_SIGNS = ("So", "Sk", "Mn", "Me")
"""Unicode categories of emoji and what modifies them."""
_LIGHT = ("filler", "prep", "where", "ask", "all_of", "with_their", "open")
_NEVER_VALUES = {
    "the",
    "a",
    "an",
    "of",
    "in",
    "on",
    "at",
    "to",
    "for",
    "by",
    "and",
    "or",
    "is",
    "are",
    "was",
    "were",
    "all",
    "any",
    "no",
    "not",
    "what",
    "which",
    "who",
    "how",
    "many",
    "much",
    "there",
    "do",
    "does",
    "did",
    "have",
    "has",
    "had",
    "with",
    "that",
    "this",
    "it",
    "we",
    "our",
    "me",
    "show",
    "list",
    "give",
    "find",
    "name",
    "names",
    "each",
    "per",
    "from",
    "more",
    "most",
    "than",
    "least",
    "their",
    "them",
    "they",
    "i",
    "be",
    "number",
    "total",
    "average",
    "count",
    "order",
    "top",
    "as",
    "between",
    "over",
    "under",
    "every",
    "where",
    "when",
    "id",
    "only",
    "my",
    "first",
    "last",
    "us",
    "can",
    "you",
    "please",
    "both",
    "other",
    "if",
    "so",
    "but",
    "up",
    "out",
}


class ValueLookup(Protocol):
    """The part of a segment's value index that linking needs."""

    def lookup(self, norms: Sequence[str]) -> Sequence[ValueHit]:
        """Stored values whose normalised form is one of `norms`."""

    def alike(self, word: str, mistakes: int) -> Sequence[ValueHit]:
        """Words of stored values that differ from a normalised word by at most so many letters, best first."""

    def nearest(
        self, norm: str, *, table: str | None = None, column: str | None = None, limit: int = 3
    ) -> Sequence[ValueHit]:
        """Stored values spelled most like `norm`, best first."""


def link(
    question: str, index: SchemaIndex, values: ValueLookup | None, today: date
) -> tuple[list[Token], list[Element]]:
    """The tokens of a question and every reading of its spans."""
    tokens = _said(tokenize(index.as_words(question)), index)
    schema = _metrics_first(list(_schema_readings(tokens, index)))
    named = {e.table for e in schema if e.table is not None and e.score >= _NAMED}
    elements = [
        *_operator_readings(tokens, index),
        *(_nearer_first(e, named) for e in schema),
        *_literal_readings(tokens, today),
        *(_value_readings(tokens, index, values, named) if values is not None else ()),
    ]
    return tokens, elements


def _metrics_first(readings: Sequence[Element]) -> list[Element]:
    """The readings without tables where a metric of theirs is read: what "we sold" are units, not order lines."""
    metrics = {(e.start, e.end, e.metric.table) for e in readings if e.metric is not None}
    return [e for e in readings if e.kind != "table" or (e.start, e.end, e.table) not in metrics]


def _said(tokens: Sequence[Token], index: SchemaIndex) -> list[Token]:
    """The tokens that may mean something: without silent punctuation, and without signs that name nothing."""
    said = []
    for token in tokens:
        if token.kind != "mark" or not (token.text in _SILENT or unicodedata.category(token.text) in _SIGNS):
            said.append(token)
        elif index.knows((token.stem,)):
            said.append(msgspec.structs.replace(token, kind="word"))
    return said


def _nearer_first(element: Element, named: Collection[str | None]) -> Element:
    """A column reading with the best of its options: of equal ones those of tables that the question names."""
    if element.kind != "column":
        return element
    ranked = sorted(element.columns, key=lambda o: (-o.score, o.ref.table not in named))
    return msgspec.structs.replace(element, columns=tuple(ranked[:MOST_OPTIONS]))


def _span_text(tokens: Sequence[Token], start: int, end: int) -> str:
    return " ".join(token.text for token in tokens[start:end])


def _operator_readings(tokens: Sequence[Token], index: SchemaIndex) -> Iterator[Element]:
    words = [token.lower for token in tokens]
    for start, token in enumerate(tokens):
        if token.kind == "quoted" or token.text == "US":
            continue
        for length in range(1, min(LONGEST_PHRASE, len(tokens) - start) + 1):
            ops = OPERATORS.get(tuple(words[start : start + length]), ())
            if ops and not _names_a_column(tokens[start : start + length], index):
                per_word = 0.30 if all(op.kind in _LIGHT for op in ops) else 0.62
                yield Element(
                    kind="op",
                    start=start,
                    end=start + length,
                    ops=ops,
                    weight=per_word * length**1.15,
                    text=_span_text(tokens, start, start + length),
                )


def _names_a_column(phrase: Sequence[Token], index: SchemaIndex) -> bool:
    """Whether a phrase that may ask for a count asks for a column: "the amount of" where there is an amount."""
    nouns = [token.stem for token in phrase if token.stem in _COUNTING_NOUNS]
    return len(phrase) > 1 and any(o.score >= _NAMED_OUTRIGHT for n in nouns for o in index.column_options((n,))[:1])


def _schema_readings(tokens: Sequence[Token], index: SchemaIndex) -> Iterator[Element]:
    for start in range(len(tokens)):
        if tokens[start].kind not in ("word", "number") or tokens[start].lower in ("of", "the", "a", "an"):
            continue
        for end in range(start + 1, min(start + index.longest + 3, len(tokens)) + 1):
            if tokens[end - 1].kind not in ("word", "number"):
                break
            key = phrase_key([token.stem for token in tokens[start:end]])
            if not key or tokens[end - 1].lower in ("of", "the", "a", "an"):
                continue
            yield from _phrase_readings(tokens, start, end, key, index)


def _phrase_readings(
    tokens: Sequence[Token], start: int, end: int, key: tuple[str, ...], index: SchemaIndex
) -> Iterator[Element]:
    text, size = _span_text(tokens, start, end), len(key) + 0.12 * (end - start - len(key))
    for name, score in index.tables.get(key, {}).items():
        yield Element(kind="table", start=start, end=end, table=name, score=score, weight=score * size**1.15, text=text)
    options = index.column_options(key)
    if options and not (options[0].score < 0.5 and len(key) == 1 and (tokens[start].lower,) in OPERATORS):
        best = options[0].score
        kept = tuple(option for option in options if option.score >= best - 0.45)
        yield Element(
            kind="column", start=start, end=end, columns=kept, score=best, weight=0.98 * best * size**1.15, text=text
        )
    for metric, score in index.metrics.get(key, {}).items():
        yield Element(
            kind="metric", start=start, end=end, metric=metric, score=score, weight=1.1 * score * size**1.15, text=text
        )


def _literal_readings(tokens: Sequence[Token], today: date) -> Iterator[Element]:
    for at, token in enumerate(tokens):
        if token.kind == "quoted":
            yield Element(kind="quoted", start=at, end=at + 1, text=token.text, weight=0.9)
        elif token.value is not None:
            yield Element(kind="number", start=at, end=at + 1, number=token.value, text=token.text, weight=0.8)
        found = read_period(tokens, at, today)
        if found is not None:
            period, end = found
            yield Element(
                kind="period", start=at, end=end, period=period, text=period.label, weight=0.9 * (end - at) ** 1.15
            )


def _value_readings(
    tokens: Sequence[Token], index: SchemaIndex, values: ValueLookup, named: Collection[str | None]
) -> Iterator[Element]:
    spans: dict[str, list[tuple[int, int, float]]] = {}
    for start in range(len(tokens)):
        for end in range(start + 1, min(start + MAX_VALUE_WORDS, len(tokens)) + 1):
            for norm, score in _norms(tokens[start:end]):
                spans.setdefault(norm, []).append((start, end, score))
    found: dict[tuple[int, int], dict[ColumnRef, ValueOption]] = {}
    for hit in values.lookup(list(spans)):
        ref = ColumnRef(hit.table, hit.column)
        try:
            index.column(ref)
        except KeyError:
            continue
        for start, end, score in spans[hit.norm]:
            exact = 1.0 if _span_text(tokens, start, end) == hit.value else 0.94
            option = ValueOption(ref, hit.value, score * exact)
            bucket = found.setdefault((start, end), {})
            if ref not in bucket or bucket[ref].score < option.score:
                bucket[ref] = option
    for (start, end), options in found.items():
        ranked = tuple(sorted(options.values(), key=lambda o: (-o.score, o.ref.table not in named)))[:12]
        size = (end - start) ** 1.15
        quoted = tokens[start].kind == "quoted"
        yield Element(
            kind="value",
            start=start,
            end=end,
            values=ranked,
            score=ranked[0].score,
            weight=(1.0 if quoted else 0.93) * ranked[0].score * size,
            text=_span_text(tokens, start, end),
        )


def _norms(tokens: Sequence[Token]) -> Iterator[tuple[str, float]]:
    """Normalised forms under which the value index may hold a span, with how much each is trusted."""
    if tokens[0].kind == "mark" or tokens[-1].kind == "mark":
        return
    single = len(tokens) == 1
    if single and tokens[0].kind == "word":
        capital = tokens[0].text[:1].isupper() and tokens[0].start > 0
        if tokens[0].lower in _NEVER_VALUES and not (
            tokens[0].text == "US" or (capital and tokens[0].lower not in ("i", "the"))
        ):
            return
        if len(tokens[0].lower) == 1 and not capital:
            return
    if single and tokens[0].kind == "number" and len(tokens[0].text) < 2:
        return
    if all(token.lower in _NEVER_VALUES for token in tokens) and not single:
        return
    text = normalise(" ".join(token.text for token in tokens))
    if not text:
        return
    yield text, 1.0
    last = tokens[-1].lower
    for singular in _singulars(last):
        yield normalise(" ".join([*(token.text for token in tokens[:-1]), singular])), 0.88
    if tokens[-1].kind == "word" and not last.endswith("s"):
        yield f"{text}s", 0.85
    for other in (*ALIASES.get(text, "").split("|"), *DEMONYMS.get(text, "").replace("_", " ").split("|")):
        if other:
            yield normalise(other), 0.86
    if any("-" in token.text for token in tokens):
        yield normalise(fold(text)), 0.9


def exact_norms(tokens: Sequence[Token]) -> list[str]:
    """The normalised forms that name the same value as the span: as written, other number, aliases; no misspellings."""
    return [norm for norm, _ in _norms(tokens)]


def _singulars(word: str) -> Iterator[str]:
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
        if word.endswith("es"):
            yield word[:-2]
        if word.endswith("ies"):
            yield word[:-3] + "y"
