"""The lexical store of a segment: BM25 over title, headings and body, English stems, without stop words."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ANALYSER = "answerable_english"
VERSION = "1"
"""Raised when the analyser or the fields change: segments are then rebuilt."""

_BOOSTS = {"title": 1.5, "heading": 1.2, "body": 1.0}
_TIE_BREAKER = 0.3  # what fields other than a term's best one add
_MAX_TERMS = 64  # of a query; longer ones are cut
_HEAP_BYTES = 50_000_000
_LOCK_FILES = frozenset({".tantivy-meta.lock", ".tantivy-writer.lock"})

# Function words that say nothing about a passage. Question words are among them: a question is not its answer.
_STOP_WORDS = """
a about am an and any are as at be been being but by can could did do does doing for from had has have having he her
hers him his how i if in into is it its itself let me my of on onto or our ours she should so some such than that the
their theirs them then there these they this those to too was we were what when where which while who whom whose why
will with would you your yours s t ll re ve please tell
"""


class Entry(NamedTuple):
    """A passage to be indexed."""

    ordinal: int
    visibility: str
    title: str
    heading: str
    body: str


def build_lexical(folder: Path, entries: Iterable[Entry]) -> None:
    """Write the index of all `entries` into `folder`, which must not exist yet."""
    import tantivy

    folder.mkdir()
    index = tantivy.Index(_schema(), path=str(folder))
    index.register_tokenizer(ANALYSER, analyser())
    writer = index.writer(_HEAP_BYTES, 1)
    for entry in entries:
        document = tantivy.Document()
        document.add_unsigned("ordinal", entry.ordinal)
        document.add_text("visibility", entry.visibility)
        for field in _BOOSTS:
            document.add_text(field, getattr(entry, field))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    for name in _LOCK_FILES:
        (folder / name).unlink(missing_ok=True)


class LexicalIndex:
    """Search over one segment's words. Safe to share between threads; never writes into the segment."""

    def __init__(self, folder: Path) -> None:
        import tantivy

        # tantivy takes a lock by creating a file beside the index, which a sealed, possibly read-only folder must not
        # see: it is opened through links in a folder of its own, which is not needed once the files are mapped.
        with tempfile.TemporaryDirectory(prefix="answerable-lexical-") as links:
            for path in folder.iterdir():
                if path.name not in _LOCK_FILES:
                    Path(links, path.name).symlink_to(path.absolute())
            index = tantivy.Index.open(links)
            index.config_reader("manual")
            index.register_tokenizer(ANALYSER, analyser())
            self._searcher = index.searcher()
        self._schema = _schema()

    @property
    def count(self) -> int:
        """Number of passages."""
        return int(self._searcher.num_docs)

    def search(self, text: str, k: int, visibilities: tuple[str, ...]) -> list[tuple[int, float]]:
        """Up to `k` pairs of ordinal and BM25 score, best first. Any text is a valid query; it has no syntax."""
        terms = list(dict.fromkeys(analyser().analyze(text)))[:_MAX_TERMS]
        if not terms or not visibilities or k <= 0:
            return []
        hits = self._searcher.search(self._query(terms, visibilities), min(k, max(1, self.count)), count=False).hits
        ordinals = self._searcher.fast_field_values("ordinal", [address for _, address in hits])
        return [(int(ordinal), float(score)) for ordinal, (score, _) in zip(ordinals, hits, strict=True)]

    def _query(self, terms: list[str], visibilities: tuple[str, ...]) -> Any:
        from tantivy import Occur, Query

        words = Query.boolean_query([(Occur.Should, self._term(term)) for term in terms])
        visible = Query.const_score_query(Query.term_set_query(self._schema, "visibility", list(visibilities)), 0.0)
        return Query.boolean_query([(Occur.Must, words), (Occur.Must, visible)])

    def _term(self, term: str) -> Any:
        from tantivy import Query

        fields = [
            Query.boost_query(Query.term_query(self._schema, field, term, "freq"), boost)
            for field, boost in _BOOSTS.items()
        ]
        return Query.disjunction_max_query(fields, _TIE_BREAKER)


@cache
def analyser() -> Any:
    """The text analyser, the same for passages and queries: `.analyze(text) -> list[str]`."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(64))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.custom_stopword(_STOP_WORDS.split()))
        .filter(Filter.stemmer("english"))
        .build()
    )


@cache
def _schema() -> Any:
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_unsigned_field("ordinal", fast=True)
    builder.add_text_field("visibility", tokenizer_name="raw", index_option="basic")
    for field in _BOOSTS:
        builder.add_text_field(field, tokenizer_name=ANALYSER, index_option="freq")
    return builder.build()
