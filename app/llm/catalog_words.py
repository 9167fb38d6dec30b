"""Collects what the published parts of a source say of words, once a segment, for `things.py`.

What counts, and what never does:

    values    of text columns that are public or said to hold none (`pii: none`), and shown; not of those whose name or
              values read like people's
    titles    and headings of public documents, but for words that the detector takes for a name in them
    text      of public documents: words that it writes in lower case

Whatever could as well be somebody's name (`person_names.py`) is left out, so that it stays masked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from app.llm.person_names import is_persons
from app.llm.strict_names import ACRONYM, WORD, is_ordinary
from app.llm.things import Things, joined, normal
from app.terms import STOP_WORDS
from ingest.pii.columns import snake

if TYPE_CHECKING:
    from ingest.pii import Detector
    from ingest.stores.catalog import Column, Table
    from ingest.stores.snapshot import SourceReader

MOST_VALUES = 20_000
"""Values looked at of one column, the most frequent ones."""
MOST_TITLES = 2_000
"""Titles and headings looked at: the detector takes a millisecond or two for each."""
MOST_CHARACTERS = 4_000_000
"""Characters of documents looked at: half a second."""
LONGEST_NAME = 8
"""Words above which a value is prose."""
LONGEST_TITLE = 200
FARTHEST = 2
"""Words from the first to the second of a pair."""
LEAST_TIMES, LEAST_TIMES_OF_NAMES, LEAST_SHARE = 1, 8, 0.25
"""Times in lower case, and their share, from which a word is ordinary; what is also somebody's name needs
as many as in `bench/ordinary_words.py`.
"""
PEOPLES = 0.2
"""Share of a column's values that read like names of people from which none of them counts."""
TITLES = frozenset(("mr", "mrs", "ms", "mx", "miss", "dr", "prof", "sir", "herr", "frau"))
_SAMPLE = 1_000
_DIGITS = re.compile(r"\d{6,}")
_IN_TEXT = re.compile(r"(?<![\w@./-])[^\W\d_]{2,24}(?![\w@/-]|\.\w)")
_PEOPLE = frozenset(
    re.findall(
        r"\w+",
        "people person persons surname forename firstname lastname fullname username nickname author editor owner "
        "manager contact agent rep representative employee staff colleague customer client buyer shopper seller "
        "patient user member guest visitor teacher student pupil doctor nurse driver attendee speaker participant "
        "assignee applicant candidate recipient sender holder tenant resident parent child spouse lead partner by",
    )
)
_NAMES_OF_PEOPLE = re.compile(r"(^|_)(first|last|middle|full|given|family|maiden|user|display|preferred)_?names?($|_)")
_NAME = frozenset({"name", "names", "title", "label", "alias"})


def catalog_words(reader: SourceReader, detector: Detector) -> Things:
    """What one source's segment says of words; reads it, up to some seconds for a large one."""
    columns = list(_columns(reader))
    found = things_of((value for _, stored in columns for value in stored), _titles(reader, detector))
    labels = frozenset(joined(snake(said).split("_")) for column, _ in columns for said in _called(column))
    return found._replace(ordinary=_written_small(reader), labels=labels)


def things_of(values: Iterable[str], titles: Iterable[Sequence[str]] = ()) -> Things:
    """What published values, and the words of titles, say of words."""
    split = [(value, WORD.findall(value)) for value in values]
    sure = [words for value, words in split if words and not reads_like_person(value)]
    known = {normal(word) for words in sure for word in words if not is_persons(word)}
    names = {normal(w) for words in sure for w in words if (is_ordinary(w) or len(words) == 1) and not is_persons(w)}
    pairs = {pair for words in sure for pair in _pairs(words)}
    pairs |= {pair for _, words in split if _is_known(words, known) for pair in _pairs(words)}
    for words in titles:
        names |= {normal(word) for word in words if _is_plain(word)}
        pairs |= set(_neighbours(words))
    whole = frozenset(joined(words) for words in sure if not all(map(is_persons, words)))
    return Things(names=frozenset(names), whole=whole, pairs=frozenset(pairs))


def _called(column: Column) -> tuple[str, ...]:
    return (column.name, *column.synonyms)


def _is_plain(word: str) -> bool:
    """Whether a word is an ordinary one, or an abbreviation such as `FAQ`, and nobody's name."""
    return (is_ordinary(word) or (word.isupper() and len(word) <= ACRONYM)) and not is_persons(word)


def _is_known(words: Sequence[str], names: Collection[str]) -> bool:
    """Whether each word of a value that is nobody's name stands in another that does not read like a person."""
    return any(not is_persons(word) for word in words) and all(is_persons(w) or normal(w) in names for w in words)


def has_unread_people(reader: SourceReader) -> bool:
    """Whether a live source has personal columns: their values are not known here, and a word could be one of them."""
    return any(
        table.server is not None and any(column.pii is not None for column in table.columns)
        for table in reader.catalog.tables
    )


def reads_like_person(value: str) -> bool:
    """Whether a value could be somebody's name: one that is listed, and nothing else that is an ordinary word."""
    words = [word for word in WORD.findall(value) if len(word) > 1 and word.casefold() not in TITLES]
    persons = [is_persons(word) for word in words]
    return (
        1 <= len(words) <= 4
        and any(persons)
        and all(p or not is_ordinary(w) for w, p in zip(words, persons, strict=True))
    )


def _columns(reader: SourceReader) -> Iterator[tuple[Column, Sequence[str]]]:
    """Each column that counts, with its values."""
    index = reader.values
    if index is None:
        return
    for table in reader.catalog.tables:
        for column in table.columns:
            if not _counts(table, column):
                continue
            values = [value for value in index.frequent(table.name, column.name, MOST_VALUES) if _is_short(value)]
            sample = values[:_SAMPLE]
            if sum(map(reads_like_person, sample)) < PEOPLES * len(sample):
                yield column, values


def _counts(table: Table, column: Column) -> bool:
    """Whether a column is published and holds no personal data, as far as its name and its owner say."""
    if column.pii is not None or column.hidden or column.type != "text":
        return False
    return column.pii_declared or (column.visibility == "public" and not _names_people(table.name, column.name))


def _names_people(table: str, column: str) -> bool:
    named = snake(column)
    words = set(named.split("_"))
    if words & _PEOPLE or _NAMES_OF_PEOPLE.search(named):
        return True
    return bool(words & _NAME) and any(normal(word) in _PEOPLE or word in _PEOPLE for word in snake(table).split("_"))


def _is_short(value: str) -> bool:
    return "@" not in value and not _DIGITS.search(value) and len(WORD.findall(value)) <= LONGEST_NAME


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Words of a value that are neighbours, or next to that: a `Flint Gas Stove` is a `Flint stove` too."""
    for i, first in enumerate(words):
        for second in words[i + 1 : i + 1 + FARTHEST]:
            if _tells(first, second):
                yield normal(first), normal(second)


def _neighbours(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Neighbours in a title: ordinary words, or both with a capital that tells (`Ridge Club`, not `Ask Corvane`)."""
    for i, (first, second) in enumerate(pairwise(words)):
        capitals = second[0].isupper() and first[0].isupper() and not (i == 0 and _is_plain(first))
        if (capitals or (_is_plain(first) and _is_plain(second))) and _tells(first, second):
            yield normal(first), normal(second)


def _tells(first: str, second: str) -> bool:
    """Whether one word beside the other is no name of people: neither two names nor `Flint and`."""
    return not (is_persons(first) and is_persons(second)) and not {first, second} & STOP_WORDS


def _titles(reader: SourceReader, detector: Detector) -> Iterator[list[str]]:
    """The words of each title and heading of public documents, cut where the detector finds a name."""
    if reader.passages is None:
        return
    titles = [title[:LONGEST_TITLE] for title in islice(reader.passages.titles(("public",)), MOST_TITLES)]
    for title, spans in zip(titles, detector.detect(titles, names=True), strict=True):
        end = 0
        for span in (*spans, None):
            part = title[end : span.start if span is not None else None]
            yield WORD.findall(part)
            end = span.end if span is not None else end


def _written_small(reader: SourceReader) -> frozenset[str]:
    """Words that public documents write in lower case."""
    if reader.passages is None:
        return frozenset()
    small: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for text in _first(reader.passages.texts(("public",)), MOST_CHARACTERS):
        for word in _IN_TEXT.findall(text):
            every[word.casefold()] += 1
            small[word] += word.islower()
    return frozenset(normal(word) for word, times in small.items() if _is_ordinary(word, times, every[word]))


def _is_ordinary(word: str, times: int, every: int) -> bool:
    least = LEAST_TIMES_OF_NAMES if is_persons(word) else LEAST_TIMES
    return times >= least and times >= LEAST_SHARE * every and not is_ordinary(word)


def _first(texts: Iterable[str], most: int) -> Iterator[str]:
    """The texts up to so many characters."""
    for text in texts:
        if most <= 0:
            return
        yield text[:most]
        most -= len(text)
