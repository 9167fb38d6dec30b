"""What is wrong with the documents of a source as they are stored: a report for those who maintain them.

Computed from the sealed segment when it is asked for: nothing is added to an ingest, and a better check needs no new
sync. Excerpts have personal data masked.
"""

from __future__ import annotations

import posixpath
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from ingest.duplicates import is_superseded
from ingest.report import IngestReport
from ingest.stores.language import language_of
from ingest.stores.passages import PassageReader, StoredDocument

if TYPE_CHECKING:
    from ingest.stores.snapshot import SourceReader

CHECKS = (
    "duplicate", "near_duplicate", "boilerplate", "empty", "tiny", "other_language", "encoding", "dead_link", "stale",
    "contradiction",
)  # fmt: skip
"""What is looked for, in the order of the report."""
TINY_WORDS = 20
STALE_DAYS = 730
_MOST_SHOWN = 100
"""Findings of one check in a report; `counts` has them all."""
_MOST_BLOCKS = 400_000
"""Blocks that are compared; what a larger source has more is named by `complete`."""
_REPEATED_SHARE, _REPEATED_LEAST, _REPEATED_DOCUMENTS = 0.3, 3, 5
_MOST_VERSIONS = 4
"""Documents with the same words and other numbers; more than these are filled from one form: no contradiction."""
_LEAST_BLOCK_WORDS = 5
_EXCERPT = 160
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_HEADING = re.compile(r"^(#{1,6})\s+(.*)$")
_EXPIRES = ("valid_until", "expires", "expiry", "expiry_date", "valid_to")
_REPAIRED = frozenset({"repaired_encoding", "mixed_encoding", "repaired_control_characters"})
_PAGE = re.compile(r"\.(?:md|markdown|mdx?|html?|txt|rst|adoc|pdf|docx|csv|tsv|xlsx|json|parquet)$", re.I)


class QualityFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something to mend in one or more documents."""

    check: str
    """One of `CHECKS`."""
    documents: tuple[str, ...]
    message: str


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a source's documents."""

    source: str
    segment: str
    documents: int
    languages: dict[str, int]
    """Documents by language; `unknown` for those too short to tell."""
    counts: dict[str, int]
    """Findings of each check."""
    findings: tuple[QualityFinding, ...]
    complete: bool
    """False: the source is too large to compare every block of text."""
    seconds: float


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph of a document, `start` characters into it."""

    document: str
    heading: str
    text: str
    start: int


def quality_of(reader: SourceReader, report: IngestReport | None, today: datetime | None = None) -> QualityReport:
    """Look at every document of a source. `report` is that of its last sync, for the repairs made then."""
    clock = time.perf_counter()
    passages = reader.passages
    documents = list(passages.documents()) if passages else []
    texts = {each.path: (passages.document_text(each.path) or "") if passages else "" for each in documents}
    languages = {path: language_of(text) for path, text in texts.items()}
    blocks, complete = _blocks(documents, texts)
    found = [
        *_copies(documents, texts),
        *_repeated(blocks, len(documents), passages),
        *_small(texts),
        *_in_other_languages(languages),
        *_badly_encoded(texts, report),
        *_dead_links(documents, reader, report),
        *_stale(documents, today or datetime.now(UTC)),
        *_contradictions(blocks, passages),
    ]
    counts = Counter(finding.check for finding in found)
    shown = [finding for check in CHECKS for finding in [f for f in found if f.check == check][:_MOST_SHOWN]]
    return QualityReport(
        source=reader.name,
        segment=reader.segment.id,
        documents=len(documents),
        languages=dict(Counter(language or "unknown" for language in languages.values()).most_common()),
        counts={check: counts[check] for check in CHECKS},
        findings=tuple(shown),
        complete=complete,
        seconds=round(time.perf_counter() - clock, 3),
    )


def _copies(documents: Sequence[StoredDocument], texts: Mapping[str, str]) -> Iterator[QualityFinding]:
    for document in documents:
        kept = document.collapsed_into
        if kept:
            exact = texts.get(document.path) == texts.get(kept)
            check, said = ("duplicate", "the same") if exact else ("near_duplicate", "nearly the same")
            yield _finding(check, f"Says {said} as {kept}, which is searched in its stead.", document.path, kept)


def _small(texts: Mapping[str, str]) -> Iterator[QualityFinding]:
    for path, text in texts.items():
        words = len(_WORD.findall(text[: 100 * TINY_WORDS]))
        if not words:
            yield _finding("empty", "Has no text.", path)
        elif words < TINY_WORDS:
            yield _finding("tiny", f"Has {words} words: too few to answer anything.", path)


def _in_other_languages(languages: Mapping[str, str | None]) -> Iterator[QualityFinding]:
    """Documents in another language than nearly all of the source."""
    known = Counter(filter(None, languages.values()))
    if not known:
        return
    main, count = known.most_common(1)[0]
    if count >= 0.8 * known.total():
        for path, language in languages.items():
            if language and language != main:
                yield _finding("other_language", f"Is written in {language}, most of the source in {main}.", path)


def _badly_encoded(texts: Mapping[str, str], report: IngestReport | None) -> Iterator[QualityFinding]:
    repaired = (
        {finding.path: finding.message for finding in report.findings if finding.code in _REPAIRED} if report else {}
    )
    for path, text in texts.items():
        lost = text.count("\ufffd")
        if lost:
            yield _finding("encoding", f"{lost} characters could not be decoded: save the file as UTF-8.", path)
        elif path in repaired:
            yield _finding("encoding", repaired[path], path)


def _dead_links(
    documents: Sequence[StoredDocument], reader: SourceReader, report: IngestReport | None
) -> Iterator[QualityFinding]:
    """Relative links to where the source has nothing."""
    there = {each.path for each in documents} | {table.path.partition("#")[0] for table in reader.catalog.tables}
    there |= {finding.path for finding in report.findings} if report else set()
    names = {_PAGE.sub("", path) for path in there}
    folders = {parent for path in there for parent in _parents(path)}
    for path, target in reader.passages.links() if reader.passages else ():
        base = "" if target.startswith("/") else posixpath.dirname(path)
        joined = posixpath.normpath(posixpath.join(base, target.lstrip("/")))
        suffix = posixpath.splitext(joined)[1]
        if joined.startswith("..") or joined == "." or (suffix and not _PAGE.search(joined)):
            continue  # out of the source, or to a picture or the like, which is not read
        if joined not in there and _PAGE.sub("", joined) not in names and joined.rstrip("/") not in folders:
            yield _finding("dead_link", f"Links to {target}, which the source does not have.", path)


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _stale(documents: Sequence[StoredDocument], today: datetime) -> Iterator[QualityFinding]:
    for document in documents:
        if (newer := document.metadata.get("newer_version")) or is_superseded(document.metadata):
            successor = newer or document.metadata.get("superseded_by") or "another document"
            yield _finding(
                "stale", f"Is replaced by {successor}: remove it, or say in it what still holds.", document.path
            )
        elif until := _expired(document.metadata, today):
            yield _finding("stale", f"Was valid until {until}.", document.path)
        elif document.modified and today - datetime.fromisoformat(document.modified) > timedelta(days=STALE_DAYS):
            yield _finding(
                "stale", f"Was last changed on {document.modified[:10]}: check that it holds.", document.path
            )


def _expired(metadata: Mapping[str, str], today: datetime) -> str | None:
    for name, value in metadata.items():
        if name.casefold() in _EXPIRES:
            try:
                until = datetime.fromisoformat(value.strip()[:10]).replace(tzinfo=UTC)
            except ValueError:
                continue
            if until + timedelta(days=1) <= today:
                return value.strip()[:10]
    return None


def _blocks(documents: Sequence[StoredDocument], texts: Mapping[str, str]) -> tuple[list[_Block], bool]:
    """The paragraphs of all documents that are searched, and whether these are all."""
    blocks: list[_Block] = []
    for document in documents:
        if document.collapsed_into is None:
            blocks += _paragraphs(document.path, texts[document.path])
        if len(blocks) > _MOST_BLOCKS:
            return blocks[:_MOST_BLOCKS], False
    return blocks, True


def _paragraphs(path: str, text: str) -> Iterator[_Block]:
    heading, position = "", 0
    for part in text.split("\n\n"):
        lines = part.split("\n")
        offset = position
        while lines and ((mark := _HEADING.match(lines[0])) or not lines[0].strip()):
            heading = mark[2].strip() if mark else heading
            offset += len(lines.pop(0)) + 1
        rest = "\n".join(lines)
        if len(_WORD.findall(rest)) >= _LEAST_BLOCK_WORDS:
            yield _Block(path, heading, rest, offset)
        position += len(part) + 2


def _repeated(blocks: Sequence[_Block], documents: int, passages: PassageReader | None) -> Iterator[QualityFinding]:
    """Paragraphs that many documents have."""
    if documents < _REPEATED_DOCUMENTS:
        return
    places: dict[str, dict[str, _Block]] = defaultdict(dict)
    for block in blocks:
        places[" ".join(block.text.casefold().split())].setdefault(block.document, block)
    least = max(_REPEATED_LEAST, _REPEATED_SHARE * documents)
    for held in sorted(places.values(), key=len, reverse=True):
        if len(held) < least:
            return
        first = next(iter(held.values()))
        message = f"{len(held)} documents have this paragraph: {_excerpt(first, passages)}"
        yield _finding("boilerplate", message, *sorted(held)[:_MOST_SHOWN])


def _contradictions(blocks: Sequence[_Block], passages: PassageReader | None) -> Iterator[QualityFinding]:
    """Paragraphs under the same heading that say the same in the same words with other numbers."""
    groups: dict[tuple[str, str], dict[tuple[str, ...], list[_Block]]] = defaultdict(lambda: defaultdict(list))
    for block in blocks:
        numbers = tuple(_NUMBER.findall(block.text))
        if numbers:
            skeleton = " ".join(_WORD.findall(_NUMBER.sub("0", block.text.casefold())))
            groups[block.heading.casefold(), skeleton][numbers].append(block)
    for (heading, _), said in groups.items():
        paths = {block.document for held in said.values() for block in held}
        if len(said) < 2 or not 2 <= len(paths) <= _MOST_VERSIONS:
            continue
        one, other = [held[0] for held in said.values()][:2]
        if one.document == other.document:
            continue
        under = f" under {heading!r}" if heading else ""
        quoted = f"{one.document}: {_excerpt(one, passages)} / {other.document}: {_excerpt(other, passages)}"
        yield _finding("contradiction", f"The same words{under} with other numbers. {quoted}", *sorted(paths))


def _excerpt(block: _Block, passages: PassageReader | None) -> str:
    """The beginning of a paragraph on one line, personal data masked by what detection found in its document."""
    text = block.text
    spans = passages.document_spans(block.document) if passages else ()
    for span in sorted(spans, key=lambda each: -each.start):
        start, end = span.start - block.start, span.end - block.start
        if end > 0 and start < len(text):
            text = text[: max(0, start)] + f"<{span.kind}>" + text[max(0, end) :]
    line = " ".join(text.split())
    return f"“{line[:_EXCERPT]}{'…' if len(line) > _EXCERPT else ''}”"


def _finding(check: str, message: str, *documents: str) -> QualityFinding:
    return QualityFinding(check=check, documents=documents, message=message)
