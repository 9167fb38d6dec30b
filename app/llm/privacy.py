"""Privacy on the way to a model: inputs with every value that may be personal as a token, and back.

    inputs --may the sources be sent?--> texts --examined--> spans --one map for the answer--> ScrubbedInputs
    output --restored where the reader may see the value--> text          --in string literals only--> SQL

A value that was masked in one input is masked wherever it stands in any other, in any case. Text that looks like a
token already, because scrubbing put it there or somebody typed it, becomes the value of a token of its own: nothing
that an input says can be restored to somebody's data. Whatever cannot be examined is not sent. Only this module
constructs `ScrubbedInputs`.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cachetools import LRUCache

from app.llm.catalog_words import catalog_words, has_unread_people
from app.llm.errors import NotAllowed
from app.llm.known_values import KnownValues, folded
from app.llm.personal_columns import PersonalColumns
from app.llm.strict_detection import joined, strict_spans
from app.llm.strict_names import has_unknown
from app.llm.strict_patterns import NUMBER, bare_number
from app.llm.things import NOTHING, Things, together
from app.llm.values import ScrubbedInputs
from app.llm.walking import Leaf, leaves, rebuilt
from app.scrubbing import TOKEN, TokenMap
from app.values import Caller
from ingest.pii.spans import PiiSpan

if TYPE_CHECKING:
    from sqlglot import exp

    from ingest.pii import Detector
    from ingest.stores.snapshot import SourceReader, Store

_log = logging.getLogger("answerable.privacy")

MOST_CHARACTERS = 300_000
"""Characters that the inputs of one call may have: about two seconds of looking at names."""
MOST_TEXTS = 50_000
MOST_REMEMBERED = 20_000
"""Texts whose spans are remembered, by a hash: passages come again."""
MOST_SEGMENTS = 64
OWN = "\0own"
"""Input name of texts whose tokens are of the service's own making, and stay."""
MASKED = "MASKED_"
"""Begins the kind of a token that stands for something masked before, or typed so."""
_LOOKS_LIKE_TOKEN = re.compile(r"<\s*[A-Za-z]+(?:[_ ][A-Za-z]+)*[_ ]\s*\d+\s*>")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What Unicode calls default ignorable, and other characters of format."""
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Full-width forms of ASCII: the same character to a reader, another to a pattern."""


class Examining(Protocol):
    """What privacy needs of the engine: each part is opened when the first call needs it."""

    @property
    def detector(self) -> Detector:
        """The detector of personal data."""

    @property
    def store(self) -> Store:
        """The sources, with what their owners say of sending them."""


class Privacy:
    """Scrubs the inputs of calls. Thread-safe; holds hashes and offsets of texts, never the texts."""

    def __init__(self, engine: Examining) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._remembered: LRUCache[bytes, tuple[PiiSpan, ...]] = LRUCache(MOST_REMEMBERED)
        self._segments: LRUCache[str, _Segment] = LRUCache(MOST_SEGMENTS)
        self._things: LRUCache[str, Things] = LRUCache(MOST_SEGMENTS)
        self._together: tuple[tuple[str, ...], Things] = ((), NOTHING)

    def scrubbed(
        self, inputs: Mapping[str, Any], clear: Collection[str], tokens: TokenMap, *, sources: Sequence[str]
    ) -> ScrubbedInputs:
        """The inputs, but for those named in `clear`, with tokens of the answer's map in place of personal data.

        Raises `NotAllowed`: a source forbids it or is not known, the inputs are too large or hold what cannot be
        examined, or the detector failed.
        """
        readers = [self._sendable(name) for name in dict.fromkeys(sources)]
        content = {name: value for name, value in inputs.items() if name not in clear}
        found = [leaf for name, value in content.items() for leaf in leaves(name, value)]
        cleaned = [clean(leaf.text) for leaf in found]
        _check_size(cleaned)
        try:
            masked = self._masked(found, cleaned, tokens, [self._segment(reader) for reader in readers])
        except NotAllowed:
            raise
        except Exception as error:  # noqa: BLE001 - fail closed: nothing is sent
            _log.error("inputs of a model could not be searched for personal data: %s", type(error).__name__)
            raise NotAllowed("Personal data could not be looked for.") from None
        texts = iter(masked)
        return ScrubbedInputs(
            values={name: rebuilt(value, texts) if name in content else value for name, value in inputs.items()}
        )

    def masked(self, texts: Sequence[str]) -> list[str]:
        """Texts for a trace, searched as strictly, with the personal columns of all sources; tokens in them stay.

        Nothing of a trace comes back, and people read it: names of things that the sources publish stay. Raises
        `NotAllowed` beyond the limits, and whatever keeps personal data from being looked for.
        """
        cleaned = [clean(text) for text in texts]
        _check_size(cleaned)
        readers = list(self._engine.store.snapshot().sources.values())
        leaves_of = [Leaf(OWN, text) for text in texts]
        segments = [self._segment(reader) for reader in readers]
        return self._masked(leaves_of, cleaned, TokenMap(), segments, self._published(readers))

    def _sendable(self, name: str) -> SourceReader:
        """A source that may be sent. Raises `NotAllowed`."""
        reader = self._engine.store.snapshot().sources.get(name)
        if reader is None:
            raise NotAllowed(f"The source {name} is not known, so nobody has allowed sending it to a model.")
        if not reader.sendable:
            raise NotAllowed(f"The source {name} must not be sent to a model (`models: never`).")
        return reader

    def _segment(self, reader: SourceReader) -> _Segment:
        """What a source's segment says of words, read once."""
        with self._lock:
            found = self._segments.get(reader.segment.id)
        if found is None:
            found = _Segment(reader.segment.id, schema_words(reader), PersonalColumns(reader))
            with self._lock:
                self._segments[found.id] = found
        return found

    def _published(self, readers: Sequence[SourceReader]) -> Things:
        """What all sources say of words: each source read once a segment, all put together once a snapshot."""
        key = tuple(reader.segment.id for reader in readers)
        with self._lock:
            held, known = self._together
        if held == key:
            return known
        found = together(map(self._words, readers))
        if any(map(has_unread_people, readers)):
            found = found._replace(names=frozenset(), whole=frozenset())
        with self._lock:
            self._together = (key, found)
        return found

    def _words(self, reader: SourceReader) -> Things:
        with self._lock:
            found = self._things.get(reader.segment.id)
        if found is None:
            found = catalog_words(reader, self._engine.detector)
            with self._lock:
                self._things[reader.segment.id] = found
        return found

    def _masked(
        self,
        found: Sequence[Leaf],
        texts: Sequence[str],
        tokens: TokenMap,
        segments: Sequence[_Segment],
        published: Things = NOTHING,
    ) -> list[str]:
        """The texts of the leaves with tokens."""
        prose = [each for leaf, text in zip(found, texts, strict=True) for each in _prose(leaf, text)]
        examined = self._examined(dict.fromkeys(prose), segments, published)
        spans = [_spans(leaf, text, examined) for leaf, text in zip(found, texts, strict=True)]
        known = KnownValues(tokens.values())
        for text, each in zip(texts, spans, strict=True):
            for span in each:
                known.learn(span.kind, text[span.start : span.end])
        masking = _Masking(tokens, known)
        masked = [masking.masked(*each) for each in zip(found, texts, spans, strict=True)]
        if known.stand_in(TOKEN.sub(" ", text) for text in masked):
            raise NotAllowed("A value that was masked in one place was left in another.")
        return masked

    def _examined(
        self, texts: Iterable[str], segments: Sequence[_Segment], published: Things
    ) -> dict[str, tuple[PiiSpan, ...]]:
        """The spans of each text; what was examined before is remembered, apart where things published count."""
        given = (str(published is NOTHING), *(segment.id for segment in segments))
        salt = hashlib.blake2b("\0".join(given).encode(), digest_size=16).digest()
        keys = {text: _digest(salt, text) for text in texts}
        with self._lock:
            found = {text: self._remembered[key] for text, key in keys.items() if key in self._remembered}
        new = [text for text in keys if text not in found]
        ordinary = frozenset().union(sql_words(), *(segment.ordinary for segment in segments))
        for text, detected in zip(new, self._engine.detector.detect(new, names=True), strict=True):
            stored = (span for segment in segments for span in segment.columns.spans(text))
            found[text] = strict_spans(text, (*detected, *stored), ordinary, published)
        with self._lock:
            for text in new:
                self._remembered[keys[text]] = found[text]
        return found


class _Segment(NamedTuple):
    """What a source says of words: the names of its schema, and the values of its personal columns."""

    id: str
    ordinary: frozenset[str]
    columns: PersonalColumns


class _Masking:
    """Puts tokens into the texts of one call."""

    def __init__(self, tokens: TokenMap, known: KnownValues) -> None:
        self._tokens = tokens
        self._known = known
        self._by_fold = {
            folded(value): token for token, value in tokens.values().items() if not token.startswith(f"<{MASKED}")
        }

    def masked(self, leaf: Leaf, text: str, spans: Iterable[PiiSpan]) -> str:
        """A text with the token of each span, and of each value that is known from elsewhere."""
        if leaf.number or leaf.key:
            whole = next(iter(spans), None)
            found = whole is not None or self._known.holds(text)
            return self._token(whole.kind if whole else "", text) if found else text
        tokenlike = [PiiSpan(m.start(), m.end(), MASKED, 2.0) for m in _LOOKS_LIKE_TOKEN.finditer(text)]
        parts, end = [], 0
        for span in joined((*spans, *tokenlike, *self._known.spans(text))):
            value = text[span.start : span.end]
            token = self._foreign(value, leaf) if span.kind == MASKED else self._token(span.kind, value)
            parts += [text[end : span.start], token]
            end = span.end
        return "".join((*parts, text[end:]))

    def _token(self, kind: str, value: str) -> str:
        """The token of a value in any case."""
        fold = folded(value)
        token = self._by_fold.get(fold)
        if token is None:
            token = self._by_fold[fold] = self._tokens.token(kind or self._known.kind(value), value)
        self._tokens.respell(token, self._known.spelling(value))
        return token

    def _foreign(self, value: str, leaf: Leaf) -> str:
        """The token of what looks like a token; those of two inputs may come from two maps and are kept apart."""
        if leaf.name == OWN:
            return value
        kind = re.sub(r"[^A-Z]+", "_", value.upper()).strip("_").removeprefix(MASKED)
        return self._tokens.token(MASKED + (kind[:40].strip("_") or "VALUE"), value, apart=leaf.name)


def _check_size(texts: Sequence[str]) -> None:
    if len(texts) > MOST_TEXTS or sum(map(len, texts)) > MOST_CHARACTERS:
        raise NotAllowed("The inputs are too large to be searched for personal data.")


def _spans(leaf: Leaf, text: str, examined: Mapping[str, tuple[PiiSpan, ...]]) -> tuple[PiiSpan, ...]:
    """What is personal in a leaf by itself: all of it, or what was found in its text."""
    if leaf.kind is not None:
        return (PiiSpan(0, len(text), leaf.kind, 1.0),) if text.strip() else ()
    if leaf.number:
        return (PiiSpan(0, len(text), NUMBER, 1.0),) if bare_number(text) else ()
    if leaf.by_line:
        return tuple(_of_lines(text, examined))
    return () if leaf.key else examined[text]


def _prose(leaf: Leaf, text: str) -> list[str]:
    """What of a leaf is to be examined: its text, or the lines of it."""
    if leaf.key or leaf.number or leaf.kind:
        return []
    return text.split("\n") if leaf.by_line else [text]


def _of_lines(text: str, examined: Mapping[str, tuple[PiiSpan, ...]]) -> Iterator[PiiSpan]:
    start = 0
    for line in text.split("\n"):
        for span in examined[line]:
            yield PiiSpan(span.start + start, span.end + start, span.kind, span.score)
        start += len(line) + 1


def restore(text: str, tokens: TokenMap, caller: Caller, question: str, *, shown: Iterable[str] = ()) -> str:
    """The text with values in place of tokens where the caller may read them; other tokens stay.

    That is: every value for callers who see personal data; for others what stands in their own question, and in
    `shown`, texts that were scrubbed for this caller (the passages and cells that the answer is made of).
    """
    readable = [clean(each) for each in (question, *shown)]
    may = _restorable(readable, caller)
    values = tokens.values()
    return TOKEN.sub(lambda m: values[m.group()] if m.group() in values and may(values[m.group()]) else m.group(), text)


def restore_in_sql(tree: exp.Expr, tokens: TokenMap) -> exp.Expr:
    """The tree with values in place of tokens inside string literals; names of tables and columns are never restored.

    What comes out is as untrusted as what went in: it must be validated.
    """
    from sqlglot import exp

    def restored(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Literal) and node.is_string:
            return exp.Literal.string(tokens.restore(node.this))
        return node

    return tree.transform(restored)


def schema_words(reader: SourceReader) -> frozenset[str]:
    """Words of the names of a source's tables, columns and metrics and of their synonyms, case-folded."""
    catalog = reader.catalog
    said: list[str] = [*(metric.name for metric in catalog.metrics), *(s for m in catalog.metrics for s in m.synonyms)]
    for table in catalog.tables:
        said += [table.name, *table.synonyms]
        for column in table.columns:
            said += [column.name, *column.synonyms]
    return frozenset(word.casefold() for text in said for word in re.findall(r"[^\W\d_]+", _spaced(text)))


@lru_cache(maxsize=1)
def sql_words() -> frozenset[str]:
    """Words of SQL that are no ordinary ones, case-folded: a statement to mend keeps keywords, types and functions."""
    from sqlglot import exp
    from sqlglot.dialects.duckdb import DuckDB

    said = (*DuckDB.Tokenizer.KEYWORDS, *DuckDB.Parser.FUNCTIONS, *(kind.name for kind in exp.DataType.Type))
    words = {word.casefold() for text in said for word in re.findall(r"[^\W\d_]+", text)}
    return frozenset(filter(has_unknown, words))


def clean(text: str) -> str:
    """The text without invisible characters and full-width letters, which could hide a value from every pattern."""
    return text if text.isascii() else unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).translate(_WIDE)


def _spaced(name: str) -> str:
    """`CustomerName` as both `CustomerName` and `Customer Name`."""
    return f"{name} {re.sub(r'(?<=[a-z0-9])(?=[A-Z])', ' ', name)}"


def _restorable(readable: Sequence[str], caller: Caller) -> Callable[[str], bool]:
    def may(value: str) -> bool:
        if caller.sees_personal_data or _LOOKS_LIKE_TOKEN.fullmatch(value):
            return True
        pattern = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)", re.IGNORECASE)
        return any(pattern.search(text) for text in readable)

    return may


def _digest(salt: bytes, text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=salt, digest_size=16).digest()
