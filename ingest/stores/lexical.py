"""The lexical store of a segment: BM25 over passages and their surroundings, stems by language, without stop words.

A passage is scored by its own words (title, headings and text as one field: apart, a short title outweighs the text)
and by the same with its neighbours in the document, half each: what a section is about often stands beside the
sentence that answers. Measured with `bench/retrieval.py`: nDCG@10 of BM25 alone on SciFact 0.668 with three boosted
fields, 0.698 with one, 0.705 with its surroundings.

Every passage is indexed by its English stems, which also find names and codes; one in another language that is known
here by that language's stems, too, and a question in that language looks for either, whichever fits better.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ingest.languages import STOP_WORDS, Language, language_of, told_language

ANALYSER = "answerable_english"
VERSION = "3"
"""Raised when the analyser or the fields change: segments are then rebuilt."""

_SHARES = {"own": 0.5, "around": 0.5}
_FURTHER: tuple[Language, ...] = ("german", "spanish", "french")
_MAX_TERMS = 64  # of a query; longer ones are cut
_SYNONYM_SHARE = 0.5  # of a term's score, where a synonym stands in its place
_HEAP_BYTES = 50_000_000
_FEW = 2_000  # passages up to which a filter becomes part of the query; above, hits are filtered as they are found
_LOCK_FILES = frozenset({".tantivy-meta.lock", ".tantivy-writer.lock"})

# Function words that say nothing about a passage. Question words are among them: a question is not its answer.
_STOP_WORDS = """
a about am an and any are as at be been being but by can could did do does doing for from had has have having he her
hers him his how i if in into is it its itself let me my of on onto or our ours she should so some such than that the
their theirs them then there these they this those to too was we were what when where which while who whom whose why
will with would you your yours s t ll re ve please tell
"""


Synonyms: TypeAlias = Callable[[str], Iterable[str]]


def no_synonyms(_: str) -> Iterable[str]:
    """None for any stem."""
    return ()


class Entry(NamedTuple):
    """A passage to be indexed."""

    ordinal: int
    visibility: str
    title: str
    heading: str
    body: str
    document: int | None = None
    """Passages with the same number, one after another, are neighbours."""

    @property
    def own(self) -> str:
        """What the passage says, under its title and headings."""
        return "\n".join((self.title, self.heading, self.body))


def build_lexical(folder: Path, entries: Iterable[Entry]) -> None:
    """Write the index of all `entries` into `folder`, which must not exist yet."""
    import tantivy

    folder.mkdir()
    index = tantivy.Index(_schema(), path=str(folder))
    _register(index)
    writer = index.writer(_HEAP_BYTES, 1)
    for before, entry, after in _with_neighbours(entries):
        document = tantivy.Document()
        document.add_unsigned("ordinal", entry.ordinal)
        document.add_text("visibility", entry.visibility)
        around = "\n".join(part for part in (before, entry.own, after) if part)
        language = language_of(entry.own)
        for suffix in ("", f"_{language}") if language in _FURTHER else ("",):
            document.add_text(f"own{suffix}", entry.own)
            document.add_text(f"around{suffix}", around)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    for name in _LOCK_FILES:
        (folder / name).unlink(missing_ok=True)


def _with_neighbours(entries: Iterable[Entry]) -> Iterator[tuple[str, Entry, str]]:
    """Each passage with the text before and after it in its document, never holding more than three."""
    before: Entry | None = None
    here: Entry | None = None
    for entry in chain(entries, (None,)):
        if here is not None:
            yield _beside(before, here), here, _beside(entry, here)
        before, here = here, entry


def _beside(other: Entry | None, entry: Entry) -> str:
    same = other is not None and entry.document is not None and other.document == entry.document
    return other.body if same and other is not None else ""


class LexicalIndex:
    """Search over one segment's words. Safe to share between threads; never writes into the segment."""

    def __init__(self, folder: Path) -> None:
        import tantivy

        # tantivy takes a lock by creating a file beside the index, which a sealed, possibly read-only folder must not
        # see: it is opened through links in a folder of its own, which is not needed once the files are mapped. The
        # lock may come back while the folder is being deleted: what is left then is an empty file.
        with tempfile.TemporaryDirectory(prefix="answerable-lexical-", ignore_cleanup_errors=True) as links:
            for path in folder.iterdir():
                if path.name not in _LOCK_FILES:
                    Path(links, path.name).symlink_to(path.absolute())
            index = tantivy.Index.open(links)
            index.config_reader("manual")
            _register(index)
            self._searcher = index.searcher()
        self._schema = index.schema
        self._languages = _FURTHER if _has_field(index.schema, f"own_{_FURTHER[0]}") else ()

    @property
    def count(self) -> int:
        """Number of passages."""
        return int(self._searcher.num_docs)

    def search(
        self,
        text: str,
        k: int,
        visibilities: tuple[str, ...],
        allowed: NDArray[np.bool_] | None = None,
        synonyms: Synonyms = no_synonyms,
    ) -> list[tuple[int, float]]:
        """Up to `k` pairs of ordinal and BM25 score, best first. Any text is a valid query; it has no syntax.

        `allowed`: bool[passages], those that may be found; None: all that are visible. `synonyms`: the stems that may
        stand for a stem, at a discount.
        """
        from tantivy import Occur, Query

        words = self._words(text, synonyms)
        if words is None or not visibilities or k <= 0:
            return []
        visible = Query.const_score_query(Query.term_set_query(self._schema, "visibility", list(visibilities)), 0.0)
        query = Query.boolean_query([(Occur.Must, words), (Occur.Must, visible)])
        if allowed is None:
            return self._hits(query, k)
        if int(allowed.sum()) <= _FEW:
            few = Query.term_set_query(self._schema, "ordinal", np.flatnonzero(allowed).tolist())
            return self._hits(
                Query.boolean_query([(Occur.Must, query), (Occur.Must, Query.const_score_query(few, 0.0))]), k
            )
        depth = k
        while True:
            depth = min(4 * depth, self.count)
            found = self._hits(query, depth)
            kept = [hit for hit in found if allowed[hit[0]]][:k]
            if len(kept) == k or len(found) < depth or depth == self.count:
                return kept

    def _hits(self, query: Any, k: int) -> list[tuple[int, float]]:
        hits = self._searcher.search(query, min(k, max(1, self.count)), count=False).hits
        ordinals = self._searcher.fast_field_values("ordinal", [address for _, address in hits])
        return [(int(ordinal), float(score)) for ordinal, (score, _) in zip(ordinals, hits, strict=True)]

    def _words(self, text: str, synonyms: Synonyms) -> Any:
        """The query of a text's words, in English and in its own language (in any if it does not tell its own); None if
        it has no words.
        """
        from tantivy import Query

        told = told_language(text)
        languages = self._languages if told is None else tuple(each for each in self._languages if each == told)
        ways = [self._any_of(_stems(text, "english"), "", synonyms)]
        ways += [self._any_of(_stems(text, language), f"_{language}", no_synonyms) for language in languages]
        ways = [way for way in ways if way is not None]
        return None if not ways else ways[0] if len(ways) == 1 else Query.disjunction_max_query(ways)

    def _any_of(self, terms: list[str], suffix: str, synonyms: Synonyms) -> Any:
        from tantivy import Occur, Query

        wanted = [(Occur.Should, self._term_or(term, suffix, synonyms(term))) for term in terms]
        return Query.boolean_query(wanted) if wanted else None

    def _term_or(self, term: str, suffix: str, others: Iterable[str]) -> Any:
        from tantivy import Query

        also = [Query.boost_query(self._term(other, suffix), _SYNONYM_SHARE) for other in sorted(others)]
        found = self._term(term, suffix)
        return Query.disjunction_max_query([found, *also]) if also else found

    def _term(self, term: str, suffix: str) -> Any:
        from tantivy import Occur, Query

        fields = [
            (Occur.Should, Query.boost_query(Query.term_query(self._schema, field + suffix, term, "freq"), share))
            for field, share in _SHARES.items()
        ]
        return Query.boolean_query(fields)


def _has_field(schema: Any, field: str) -> bool:
    """Whether a segment's index has a field: those of earlier versions know only English."""
    from tantivy import Query

    try:
        Query.term_query(schema, field, "", "freq")
    except ValueError:
        return False
    return True


def _stems(text: str, language: Language) -> list[str]:
    return list(dict.fromkeys(analyser(language).analyze(text)))[:_MAX_TERMS]


def _register(index: Any) -> None:
    for language in ("english", *_FURTHER):
        index.register_tokenizer(_analyser_name(language), analyser(language))


def _analyser_name(language: str) -> str:
    return ANALYSER if language == "english" else f"answerable_{language}"


@cache
def analyser(language: Language = "english") -> Any:
    """The text analyser of a language, the same for passages and queries: `.analyze(text) -> list[str]`."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(64))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.custom_stopword(sorted(STOP_WORDS[language]) if language != "english" else _STOP_WORDS.split()))
        .filter(Filter.stemmer(language))
        .build()
    )


@cache
def _schema() -> Any:
    from tantivy import SchemaBuilder

    builder = SchemaBuilder()
    builder.add_unsigned_field("ordinal", fast=True, indexed=True)
    builder.add_text_field("visibility", tokenizer_name="raw", index_option="basic")
    for language in ("english", *_FURTHER):
        suffix = "" if language == "english" else f"_{language}"
        for field in _SHARES:
            builder.add_text_field(field + suffix, tokenizer_name=_analyser_name(language), index_option="freq")
    return builder.build()
