"""Takes people's details out of documents before anything of them is stored.

Names, addresses, numbers (whatever `ingest.pii` finds, and the people whom the source itself names) are replaced by
tokens such as `<PERSON_1>`, the same token for the same value within a document. It happens as a document is read, so
that neither the run's scratch files nor the segment ever hold the details. Unlike masking in answers it cannot be
undone. What cannot be examined is not stored: the run ends with `DetectionFailed`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from connectors.base import Document
from ingest.cleaning import repair
from ingest.errors import DetectionFailed
from ingest.pii import Detector, PiiSpan, detect_patterns

TOKEN = re.compile(r"<[A-Z_]{2,30}_\d+>")
"""What stands for a removed detail."""
PERSONAL_FIELDS = frozenset(
    """
author authors creator owner from to cc bcc reply-to sender recipient assignee requester submitter contact editor
last_modified_by lastmodifiedby
""".split()  # noqa: SIM905
)
"""Metadata that names a person, whatever it looks like."""
_ROUNDS = 4
_LEAST_NAME = 3  # characters of a part of a name that is looked for on its own
_WORDS_TOO = frozenset(
    """
will mark may grace hope rose bill june april august art frank rich young long king white black brown green gray grant
guy jack joy lance penny pat price rob sky stone summer sunny support team service customer info
""".split()  # noqa: SIM905
)
"""Names that are words: they are taken for a name only where they are capitalised."""


class Scrubber:
    """Scrubs the documents of one run."""

    def __init__(self, detector: Callable[[], Detector]) -> None:
        self._detector = detector

    def scrubbed(self, document: Document) -> Document:
        """The document without details of people, in text, title, metadata, URL and path. Raises `DetectionFailed`."""
        names = sorted(document.metadata)
        texts = [document.text, document.title or "", *(document.metadata[name] for name in names)]
        named = [document.metadata[name] for name in names if name.casefold() in PERSONAL_FIELDS]
        text, title, *values = self.scrubbed_texts(texts, (*document.people, *named))
        fields = dict(zip(names, values, strict=True))
        return replace(
            document,
            text=text,
            title=title or None,
            metadata={name: _field(name, value) for name, value in fields.items()},
            url=None if document.url and detect_patterns(document.url) else document.url,
            path=_path(document.path),
            people=(),
            links=(),
        )

    def scrubbed_texts(self, texts: Sequence[str], people: Iterable[str] = ()) -> list[str]:
        """The texts without details, with the same tokens in all. Raises `DetectionFailed`."""
        tokens = _Tokens()
        repaired = [repair(text)[0] for text in texts]
        try:
            found = self._detector().detect(repaired, names=True)
            known = _known_people(people, _names_in(repaired, found))
            result = []
            for text, spans in zip(repaired, found, strict=True):
                told = [PiiSpan(*match.span(), "PERSON", 1.0) for match in known.finditer(text)] if known else []
                result.append(_until_clean(tokens.replaced(text, [*spans, *told]), tokens))
        except DetectionFailed:
            raise
        except Exception as error:
            raise DetectionFailed(
                f"People's details could not be looked for ({type(error).__name__}). Nothing was published.",
                hint="Run `answerable doctor`: it names the part of the installation that is missing.",
            ) from error
        return result


class _Tokens:
    """Numbers the values of one document, for each kind from 1."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], str] = {}
        self._count: dict[str, int] = {}

    def replaced(self, text: str, spans: Iterable[PiiSpan]) -> str:
        """The text with each span, and what spans overlap, as its token."""
        pieces: list[str] = []
        position = 0
        for start, end, kind in _merged(text, spans):
            pieces += [text[position:start], self._token(kind, text[start:end])]
            position = end
        return "".join([*pieces, text[position:]])

    def _token(self, kind: str, value: str) -> str:
        key = (kind, " ".join(value.casefold().split()))
        if key not in self._of:
            self._count[kind] = self._count.get(kind, 0) + 1
            self._of[key] = f"<{kind}_{self._count[kind]}>"
        return self._of[key]


def without_tokens(text: str, spans: Iterable[PiiSpan]) -> tuple[PiiSpan, ...]:
    """The spans that do not touch a token, which is no personal data itself."""
    taken = [match.span() for match in TOKEN.finditer(text)]
    return tuple(span for span in spans if not any(span.start < end and start < span.end for start, end in taken))


def _merged(text: str, spans: Iterable[PiiSpan]) -> list[tuple[int, int, str]]:
    """Start, end and kind of each stretch that spans cover; overlapping ones are one, of the longest one's kind."""
    merged: list[tuple[int, int, str, int]] = []
    for span in sorted(without_tokens(text, spans), key=lambda each: (each.start, -each.end)):
        length = span.end - span.start
        if merged and span.start < merged[-1][1]:
            start, end, kind, longest = merged[-1]
            merged[-1] = (start, max(end, span.end), *((span.kind, length) if length > longest else (kind, longest)))
        else:
            merged.append((span.start, span.end, span.kind, length))
    return [(start, end, kind) for start, end, kind, _ in merged]


def _until_clean(text: str, tokens: _Tokens) -> str:
    """The text in which no pattern finds anything any more; removing one value may bring out another."""
    for _ in range(_ROUNDS):
        spans = without_tokens(text, detect_patterns(text))
        if not spans:
            return text
        text = tokens.replaced(text, spans)
    raise DetectionFailed("A document's personal data could not be removed entirely.", hint="Exclude the document.")


def _names_in(texts: Sequence[str], found: Sequence[Iterable[PiiSpan]]) -> set[str]:
    """The names that detection found: it finds a name in a sentence and misses it in a headline or a greeting."""
    spans = ((text, span) for text, each in zip(texts, found, strict=True) for span in each if span.kind == "PERSON")
    return {TOKEN.sub(" ", text[span.start : span.end]) for text, span in spans}


def _known_people(given: Iterable[str], detected: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern of names and addresses and of the parts of names.

    What the source gives is found in any writing; of detected names, which may be mistaken, the parts only as written.
    """
    whole, parts = _with_parts(given)
    more, exact = _with_parts(detected)
    choices = [r"\s+".join(map(re.escape, name.split())) for name in whole | more]
    choices += [re.escape(part) for part in parts if part.casefold() not in _WORDS_TOO]
    exact |= {part.capitalize() for part in parts if part.casefold() in _WORDS_TOO}
    patterns = [f"(?i:{'|'.join(sorted(choices, key=len, reverse=True))})"] if choices else []
    patterns += [re.escape(part) for part in sorted(exact) if part[0].isupper()]
    return re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)") if patterns else None


def _with_parts(people: Iterable[str]) -> tuple[set[str], set[str]]:
    """Names and addresses, and the words of the names."""
    whole = {" ".join(person.split()) for person in people}
    whole = {name for name in whole if len(name) >= _LEAST_NAME and not name.isdigit()}
    parts = {part for name in whole if "@" not in name for part in re.findall(r"[^\W\d_][\w'-]*", name)}
    return whole, {part for part in parts if len(part) >= _LEAST_NAME} - whole


def _field(name: str, value: str) -> str:
    return "<PERSON>" if name.casefold() in PERSONAL_FIELDS and value.strip() else value


def _path(path: str) -> str:
    """The path; a name made of its hash where it holds a detail, e.g. an e-mail address."""
    if not detect_patterns(path):
        return path
    return f"scrubbed-{hashlib.sha256(path.encode('utf-8', 'replace')).hexdigest()[:16]}{PurePosixPath(path).suffix}"


def scrubs(options: Mapping[str, str], *, personal: bool) -> bool:
    """Whether a source's documents are scrubbed: as its option says, else if it is of conversations (`personal`).

    Raises `ScrubOptionWrong`.
    """
    chosen = options.get("scrub", "true" if personal else "false").strip().lower()
    if chosen not in ("true", "false", "yes", "no"):
        raise ScrubOptionWrong(f"The option scrub is {chosen!r}.", hint="Known values: true, false.")
    return chosen in ("true", "yes")


class ScrubOptionWrong(DetectionFailed):
    """The option `scrub` is neither true nor false."""

    code = "scrub_option_wrong"
