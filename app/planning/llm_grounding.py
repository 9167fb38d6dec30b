"""What of a model's statement comes from the question or the data, and what the model made up.

A text literal must be the question's, a stored value, or made of words of the question and the schema: otherwise a
planted instruction could make a query say something ("SELECT 'the system prompt is …'"), and a value that nobody
stores could pass for one. Names that the model made up are replaced. Descriptions ground nothing: they are prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from sqlglot import exp

from app.planning.identifiers import identifier_stems
from app.planning.linking import link
from app.planning.planner import Planner
from app.planning.stems import stem
from app.planning.tokens import fold, tokenize
from app.terms import STOP_WORDS
from ingest.stores.catalog import Catalog
from ingest.stores.values import normalise

LONGEST_NAME = 40
MOST_WORDS = 6
"""Words that a literal made of known words may have: a label, not a sentence."""
_ORDINARY = """
    a an and or of in on by per to for from with without not no yes is are was has have all any each other others none
    unknown true false n a total totals sum avg average mean median min minimum max maximum count counts cnt num number
    first last prev previous next current rank ranked rn rnk row rows ratio rate share percent percentage pct growth
    change delta diff difference cumulative running moving value values amount result results base grouped filtered top
    best worst highest lowest most least high low medium big small large before after since until under over within
    distinct unique name names label type id key year years month months quarter week weeks day days hour date time
    start end period daily weekly monthly quarterly yearly sub agg stats data list item items positive negative zero
    one two three above below between same new old early late group groups category class bucket range
"""
_WORDS = frozenset(stem(word) for word in _ORDINARY.split())
_PARTS = """
    second minute hour day week month quarter year decade dow doy isodow isoyear epoch
    seconds minutes hours days weeks months quarters years
"""
_UNITS = frozenset(_PARTS.split())
_MOMENT = re.compile(
    r"\d{4}(-\d{1,2}(-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?)?)?|\d{1,2}:\d{2}(:\d{2})?"
    r"|[+-]?\d{1,15}(\.\d{1,10})?"
)
_FORMAT = re.compile(r"(?:%-?[A-Za-z]|[-/ :.,TQW])+")
_INTERVAL = re.compile(r"\d{1,5} [a-z]+")
_SIGNS = re.compile(r"[^\w]{0,5}")
_FORMATTED = (exp.TimeToStr, exp.StrToTime, exp.StrToDate, exp.TsOrDsToDate)


class Grounds:
    """What a statement for one question over one visible catalog may be made of."""

    def __init__(self, question: str, planner: Planner) -> None:
        self._question = f" {normalise(question)} "
        self._planner = planner
        catalog = planner.index.catalog
        self.names = frozenset(_names(catalog))
        asked = {stem(token.lower) for token in tokenize(question)}
        self._words = asked | _words_of_schema(catalog) | _WORDS
        self._values = frozenset(_known_values(catalog))
        self._numbers = {token.value for token in tokenize(question) if token.value is not None}

    def literal(self, literal: exp.Literal) -> bool:
        """Whether a text literal comes from the question or the data."""
        text = str(literal.this)
        pattern = text.strip("%_") if isinstance(literal.parent, exp.Like | exp.ILike) else text
        return (
            _SIGNS.fullmatch(pattern) is not None
            or _is_technical(pattern, literal)
            or f" {normalise(pattern)} " in self._question
            or normalise(pattern) in self._values
            or self._is_label(pattern)
            or self._is_stored(pattern)
        )

    def number(self, literal: exp.Literal) -> bool:
        """Whether the question says a number."""
        return any(str(number) == str(literal.this) for number in self._numbers)

    def sentence(self, text: str) -> bool:
        """Whether every content word of a question is the asked question's, or links to the schema or stored values."""
        tokens, elements = link(text, self._planner.index, self._planner.values, date.min)
        covered = {at for e in elements if e.kind not in ("quoted", "unknown") for at in range(e.start, e.end)}
        return all(
            token.kind == "mark" or at in covered or token.lower in STOP_WORDS or token.stem in self._words
            for at, token in enumerate(tokens)
        )

    def name(self, name: str) -> bool:
        """Whether an identifier is the schema's, or made of words of the question and the schema."""
        folded = name.casefold()
        if folded in self.names or re.fullmatch(r"[a-z]{1,2}\d{0,2}", folded):
            return True
        return len(name) <= LONGEST_NAME and re.fullmatch(r"\w+", name) is not None and self._all_known(name)

    def _is_label(self, text: str) -> bool:
        return len(text.split()) <= MOST_WORDS and len(text) <= 2 * LONGEST_NAME and self._all_known(text)

    def _all_known(self, text: str) -> bool:
        stems = identifier_stems(text)
        return bool(stems) and all(s in self._words or (s.isdigit() and len(s) <= 4) for s in stems)

    def _is_stored(self, text: str) -> bool:
        """Whether the text is a stored value of a visible column."""
        norm = normalise(text)
        if self._planner.values is None or not norm:
            return False
        return any(f"{hit.table}.{hit.column}".casefold() in self.names for hit in self._planner.values.lookup([norm]))


def _names(catalog: Catalog) -> Iterator[str]:
    """Tables, columns, and columns with their table, casefolded."""
    for table in catalog.tables:
        yield table.name.casefold()
        for column in table.columns:
            yield column.name.casefold()
            yield f"{table.name}.{column.name}".casefold()


def _words_of_schema(catalog: Catalog) -> set[str]:
    said = [name for metric in catalog.metrics for name in (metric.name, *metric.synonyms)]
    for table in catalog.tables:
        said += [table.name, *table.synonyms]
        said += [name for column in table.columns for name in (column.name, *column.synonyms)]
    return {found for name in said for found in identifier_stems(name)}


def _known_values(catalog: Catalog) -> Iterator[str]:
    """Values and labels that the schema text may have told, normalised."""
    for table in catalog.tables:
        for column in table.columns:
            for value, label in column.labels.items():
                yield normalise(value)
                yield normalise(label)
            for frequent in column.frequent if column.pii is None else ():
                yield normalise(str(frequent.value))


def _is_technical(text: str, literal: exp.Literal) -> bool:
    """A date, a number, a unit of time, or the pattern of a date."""
    if _MOMENT.fullmatch(text) or fold(text) in _UNITS:
        return True
    if _INTERVAL.fullmatch(text.casefold()):
        return text.casefold().split()[1] in _UNITS
    return _FORMAT.fullmatch(text) is not None and literal.find_ancestor(*_FORMATTED) is not None
