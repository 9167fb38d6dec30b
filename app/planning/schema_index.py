"""Phrases of a catalog: which words may name which table, column or metric, built once per catalog and audience."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise

from app.planning.elements import ColumnOption
from app.planning.identifiers import (
    ABBREVIATIONS,
    COMMON_WORDS,
    identifier_stems,
    identifier_words,
    plain_pieces,
    split_solid,
)
from app.planning.lexicon import PHRASE_SYNONYMS, SYNONYM_GROUPS
from app.planning.plan import ColumnRef, MetricRef
from app.planning.stems import fold, stem
from app.terms import STOP_WORDS
from ingest.stores.catalog import Catalog, Column, Table, Visibility

Key = tuple[str, ...]

_IDENTIFYING = {"id", "code", "number", "key", "identifi"}
_AFFIXES = {"tbl", "dim", "fact", "ref", "tb", "vw", "t"}
_PREFIXES = _AFFIXES | {
    "stg",
    "stage",
    "lkp",
    "lookup",
    "fct",
    "rpt",
    "raw",
    "src",
    "tmp",
    "view",
    "refer",
    "all",
    "d",
    "f",
}
"""What stands before the name of a table and says how it is stored, not what it holds."""
_SUFFIXES = _AFFIXES | {"tabl", "master", "mst", "view"}
_PHONES = {"phone", "telephon", "mobil", "fax", "cell"}
_WEAK = {"of", "the", "a", "an", "in", "to", "by", "and", "or", "is", "per", "on", "at", "for", "as", "id"}
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})
SHORTEST_ALIKE = 4
"""Letters under which a word is spelt like too many others."""
_SYNONYMS: dict[str, set[str]] = {}
_PHRASES: dict[Key, set[Key]] = {}
for _group in SYNONYM_GROUPS:
    _stems = {stem(word) for word in _group.split()}
    for _stem in _stems:
        _SYNONYMS.setdefault(_stem, set()).update(_stems - {_stem})


SAME_PHRASE = 0.9
"""Link score of another phrase for the same thing: "surname" for `last_name`."""


def phrase_key(stems: Sequence[str]) -> Key:
    """The look-up key of a phrase: its stems without articles and `of`."""
    return tuple(s for s in stems if s not in ("of", "the", "a", "an", "'"))


for _group in PHRASE_SYNONYMS:
    _keys = {phrase_key(tuple(stem(word) for word in phrase.split())) for phrase in _group.split("|")}
    for _key in _keys:
        _PHRASES.setdefault(_key, set()).update(_keys - {_key})


class SchemaIndex:
    """Look-up from phrase keys to tables, columns and metrics, with link scores in [0, 1]."""

    def __init__(self, catalog: Catalog, visibilities: Sequence[Visibility]) -> None:
        self.catalog = visible(catalog, visibilities)
        self.tables: dict[Key, dict[str, float]] = {}
        self.columns: dict[Key, dict[ColumnRef, float]] = {}
        self.metrics: dict[Key, dict[MetricRef, float]] = {}
        self._options: dict[Key, tuple[ColumnOption, ...]] = {}
        self._table_of = {table.name.casefold(): table for table in self.catalog.tables}
        self._column_of = {ColumnRef(t.name, c.name): c for t in self.catalog.tables for c in t.columns}
        words = {word for table in self.catalog.tables for word in identifier_words(table.name) if len(word) > 3}
        self._vocabulary = frozenset(words) | COMMON_WORDS
        for table in self.catalog.tables:
            self._add_table(table)
            for column in table.columns:
                self._add_column(table, column)
        for metric in self.catalog.metrics:
            for name in (metric.name, *metric.synonyms):
                key = phrase_key(identifier_stems(name))
                self.metrics.setdefault(key, {})[MetricRef(metric.name, metric.table)] = 1.0
                if "sale" in key and {"unit", "piec", "quantiti"} & set(key):
                    self.metrics.setdefault(("sale",), {})[MetricRef(metric.name, metric.table)] = 0.97
        self.longest = max((len(k) for index in (self.tables, self.columns, self.metrics) for k in index), default=1)

        self._marked = _names_with_marks(self.catalog)

    def knows(self, key: Key) -> bool:
        """Whether the phrase may name a table, a column or a metric."""
        return key in self.tables or key in self.columns or key in self.metrics

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The words of tables, columns, synonyms and metrics, each also with and without an `s`."""
        said = [metric.name for metric in self.catalog.metrics]
        for table in self.catalog.tables:
            said += [table.name, *table.synonyms]
            said += [name for column in table.columns for name in (column.name, *column.synonyms)]
        words = {word for name in said for word in identifier_words(name) if len(word) >= SHORTEST_ALIKE}
        return tuple(sorted({form for word in words for form in (word, f"{word}s", word.removesuffix("s"))}))

    def as_words(self, question: str) -> str:
        """The question with names that hold quotes, brackets and the like written as plain words."""
        lowered = question.casefold()
        for name, plain in self._marked.items():
            if name in lowered:
                question = re.sub(re.escape(name), plain.replace("\\", ""), question, flags=re.IGNORECASE)
        return question

    def column(self, ref: ColumnRef) -> Column:
        """The profile of a visible column."""
        return self._column_of[ref]

    def table(self, name: str) -> Table:
        """The visible table of that name."""
        return self._table_of[name.casefold()]

    def column_options(self, key: Key) -> tuple[ColumnOption, ...]:
        """Columns that the phrase may name, best first."""
        options = self._options.get(key)
        if options is None:
            found = sorted(self.columns.get(key, {}).items(), key=lambda item: -item[1])
            options = tuple(ColumnOption(ref, score, self._column_of[ref].type) for ref, score in found)
            if options:
                self._options[key] = options
        return options

    def _add_table(self, table: Table) -> None:
        written = ((key, 1.0) for key in _as_written(table.name))
        taken_apart = ((key, 0.95) for key in self._taken_apart(table.name))
        for key, score in (*_table_keys(table_stems(table), table.synonyms), *written, *taken_apart):
            bucket = self.tables.setdefault(key, {})
            bucket[table.name] = max(score, bucket.get(table.name, 0.0))

    def _add_column(self, table: Table, column: Column) -> None:
        ref = ColumnRef(table.name, column.name)
        written = ((key, 1.0) for key in _as_written(column.name))
        taken_apart = ((key, 0.95) for key in self._taken_apart(column.name))
        for key, score in (*_column_keys(table_stems(table), column), *written, *taken_apart):
            if key:
                bucket = self.columns.setdefault(key, {})
                bucket[ref] = max(score, bucket.get(ref, 0.0))

    def _taken_apart(self, name: str) -> Iterator[Key]:
        """A name written as one word, by the words of this catalog: `playlisttrack` -> playlist track."""
        pieces = plain_pieces(name)
        if len(pieces) == 1 and len(identifier_words(name)) == 1:
            parts = split_solid(fold(pieces[0]), self._vocabulary)
            if len(parts) > 1:
                yield tuple(stem(word) for part in parts for word in ABBREVIATIONS.get(part, (part,)))


def visible(catalog: Catalog, visibilities: Sequence[Visibility]) -> Catalog:
    """The part of a catalog that an audience may see: hidden and foreign-audience parts do not exist."""
    import msgspec

    tables = []
    for table in catalog.tables:
        if table.visibility not in visibilities:
            continue
        columns = tuple(c for c in table.columns if not c.hidden and c.visibility in visibilities)
        if columns:
            tables.append(msgspec.structs.replace(table, columns=columns))
    names = {t.name: {c.name for c in t.columns} for t in tables}

    def has(table: str, columns: Sequence[str]) -> bool:
        return table in names and set(columns) <= names[table]

    joins = tuple(j for j in catalog.joins if has(j.left_table, j.left_columns) and has(j.right_table, j.right_columns))
    metrics = tuple(m for m in catalog.metrics if m.table in names)
    return msgspec.structs.replace(catalog, tables=tuple(tables), joins=joins, metrics=metrics)


def _names_with_marks(catalog: Catalog) -> dict[str, str]:
    """Names in which a reader of words sees more than words, casefolded, the longest first -> the words in them."""
    names = {t.name for t in catalog.tables} | {c.name for t in catalog.tables for c in t.columns}
    marked = [n for n in names if re.search(r"\w.*[^\w\s]|[^\w\s].*\w", n)]
    return {n.casefold(): " ".join(plain_pieces(n)) for n in sorted(marked, key=lambda n: (-len(n), n))}


@lru_cache(maxsize=65_536)
def _stems_of_table(name: str) -> Key:
    words = list(identifier_stems(name))
    while len(words) > 1 and words[0] in _PREFIXES:
        words.pop(0)
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words.pop()
    return tuple(words)


def table_stems(table: Table) -> Key:
    """The stems of a table's name without what says how it is stored: `tbl_`, `dim_`, `stg_`, `_master`."""
    return _stems_of_table(table.name)


def _as_written(name: str) -> Iterator[Key]:
    """A name as people copy it from the tables: `orderDate`, `order_date`, `cust`; umlauts also as two letters."""
    pieces = plain_pieces(name)
    yield tuple(stem(piece.casefold()) for piece in pieces)
    if len(pieces) > 1:
        yield (stem("".join(pieces).casefold()),)
    two_letters = name.casefold().translate(_UMLAUTS)
    if two_letters != name.casefold():
        yield identifier_stems(two_letters)


def _table_keys(words: Key, synonyms: Sequence[str]) -> Iterator[tuple[Key, float]]:
    yield phrase_key(words), 1.0
    if len(words) > 1:
        yield words[-1:], 0.62
        yield words[:1], 0.5
        for pair in pairwise(words):
            yield pair, 0.7
    for synonym in synonyms:
        yield phrase_key(identifier_stems(synonym)), 0.97
    if len(words) == 1:
        for other in _SYNONYMS.get(words[0], ()):
            yield (other,), 0.72


def _column_keys(table: Key, column: Column) -> Iterator[tuple[Key, float]]:
    words = phrase_key(identifier_stems(column.name)) or identifier_stems(column.name)
    yield from _name_keys(words, 1.0)
    yield (*table, *words), 1.0
    if len(table) > 1:
        yield (*table[-1:], *words), 0.97
    without = _without_prefix(words, table)
    if without:
        yield from _name_keys(without, 0.93)
    for synonym in column.synonyms:
        yield phrase_key(identifier_stems(synonym)), 0.97
    for pair in _described_pairs(column.description or ""):
        yield pair, 0.6
    for other in (*_PHRASES.get(words, ()), *_PHRASES.get(without, ())):
        yield other, SAME_PHRASE
    if words[-1] in _PHONES:
        yield (*words, "number"), 0.95
    if column.type == "boolean" and words[0] in ("is", "has"):
        yield words[1:], 0.9


def _described_pairs(description: str) -> Iterator[Key]:
    """Neighbouring words of a description, but for function words: "level in the *loyalty programme*"."""
    words = re.findall(r"[^\W\d_]{3,}", description.lower())
    yield from pairwise(stem(word) for word in words if word not in STOP_WORDS)


def _without_prefix(words: Key, table: Key) -> Key:
    if len(words) > len(table) and words[: len(table)] == table:
        return words[len(table) :]
    return words[1:] if len(words) > 1 and words[0] in (table[0], table[-1]) else ()


def _name_keys(words: Key, score: float) -> Iterator[tuple[Key, float]]:
    """The name itself, turned round, shortened, and with a general synonym for one of its words."""
    yield words, score
    if len(words) == 2:
        yield words[::-1], score * 0.9
    if len(words) >= 2 and words[-1] in (
        *_IDENTIFYING,
        "name",
        "titl",
        "type",
        "valu",
        "amount",
        "date",
        "descript",
        "at",
        "on",
    ):
        yield (
            words[:-1],
            score * (0.8 if words[-1] in ("name", "titl", "type", "amount", "valu", "date", "at", "on") else 0.6),
        )
    if len(words) >= 2:
        for position, word in enumerate(words):
            if word not in _WEAK and word not in _IDENTIFYING:
                yield (word,), score * (0.62 if position == len(words) - 1 else 0.45)
        for start in range(len(words) - 2):
            yield words[start : start + 2], score * 0.7
        if len(words) > 2:
            yield words[-2:], score * 0.74
    for position, word in enumerate(words):
        for other in _SYNONYMS.get(word, ()):
            yield (*words[:position], other, *words[position + 1 :]), score * 0.74
