"""Answers in a model's words: it writes from scrubbed evidence, and only what passes the grounding check is said.

Evidence -> prompt `write` -> sentences -> check, one by one -> text with numbered citations and figures
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from app.llm.errors import NoReply
from app.llm.values import Reply
from app.values import Citation, Figure
from app.verbalising.grounding import Claim, Dropped, Evidence, Grounded, check
from app.verbalising.quotes import place
from app.verbalising.streamed_sentences import MOST_SENTENCES, SentenceStream, claims_of

if TYPE_CHECKING:
    from app.llm.consulting import Consultation
    from app.scrubbing import TokenMap

PROMPT = "write"
_TOKEN = re.compile(r"<[A-Z][A-Z_]*_\d+>")

Tell = Callable[[str, Sequence[Citation]], None]
"""Told of each piece of text that may be said, with the citations that are new in it."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a model wrote that passed the check."""

    text: str
    citations: tuple[Citation, ...]
    figures: tuple[Figure, ...]
    sufficient: bool
    """The model says that the evidence answers the question, and nothing went wrong on the way."""
    dropped: tuple[str, ...] = ()
    """Why each sentence that is not said was dropped."""


class Composer:
    """Puts checked sentences together: one line of text, citations numbered through, a connective only before more."""

    def __init__(self, tell: Tell | None = None) -> None:
        self._tell = tell
        self._waiting = ""
        self.text = ""
        self.citations: list[Citation] = []
        self.figures: list[Figure] = []
        self.said: set[str] = set()

    def add(self, sentence: Grounded) -> None:
        """Say a sentence, unless it was said already."""
        if sentence.text in self.said:
            return
        self.said.add(sentence.text)
        if sentence.connective:
            self._waiting = sentence.text
            return
        new: list[Citation] = []
        numbers = [self._number(each, new) for each in sentence.citations]
        marks = "".join(f" [{n}]" for n in dict.fromkeys(numbers))
        lead = f"{self._waiting} " if self._waiting else ""
        piece = f"{' ' if self.text else ''}{lead}{sentence.text}{marks}"
        self._waiting = ""
        self.text += piece
        self.figures += sentence.figures
        if self._tell is not None:
            self._tell(piece, new)

    def _number(self, citation: Citation, new: list[Citation]) -> int:
        same = next((c for c in self.citations if place(c) == place(citation)), None)
        if same is not None:
            return same.n
        numbered = msgspec.structs.replace(citation, n=len(self.citations) + 1)
        self.citations.append(numbered)
        new.append(numbered)
        return numbered.n


def write(
    consultation: Consultation, evidence: Evidence, sources: Sequence[str], language: str, tell: Tell | None = None
) -> Written | None:
    """What the model says of the evidence; None where it says nothing that may be said.

    With `tell` its reply is streamed, and each sentence is told when it is complete and checked. What was told is the
    beginning of the text, whatever happens afterwards.
    """
    composer, dropped = Composer(tell), list[str]()

    def say(claims: Sequence[Claim]) -> None:
        for claim in claims[:MOST_SENTENCES]:
            found = check(restored(claim, evidence, consultation.tokens), evidence)
            if isinstance(found, Dropped):
                dropped.append(found.reason)
            else:
                composer.add(found)

    inputs = inputs_of(evidence, language)
    try:
        if tell is None:
            output = consultation.ask(PROMPT, inputs, sources=sources).output
        else:
            output = _streamed(consultation, inputs, sources, say)
        say(claims_of(output))
        sufficient = output.get("sufficient") is True
    except NoReply:
        sufficient = False
    if not composer.text:
        return None
    return Written(
        text=composer.text,
        citations=tuple(composer.citations),
        figures=tuple(composer.figures),
        sufficient=sufficient,
        dropped=tuple(dropped),
    )


def _streamed(
    consultation: Consultation,
    inputs: Mapping[str, Any],
    sources: Sequence[str],
    say: Callable[[Sequence[Claim]], None],
) -> Mapping[str, Any]:
    """The whole output, its sentences said as they came. Raises `NoReply`, also after some."""
    arriving = SentenceStream()
    for piece in consultation.stream(PROMPT, inputs, sources=sources):
        if isinstance(piece, Reply):
            return piece.output
        say(arriving.feed(piece))
    raise NoReply("The stream ended without a reply.")


def inputs_of(evidence: Evidence, language: str) -> dict[str, Any]:
    """The prompt's inputs. Cells are shown as the template says them, with their units."""
    table = evidence.table
    shown = None
    if table is not None:
        said = {(figure.row, figure.column): figure.text for figure in evidence.figures}
        rows = [
            {"id": n, "cells": [said.get((n, c.name), cell) for c, cell in zip(table.columns, row, strict=True)]}
            for n, row in enumerate(table.rows[: evidence.rows])
        ]
        more = table.truncated or len(table.rows) > evidence.rows
        shown = {"columns": [column.name for column in table.columns], "rows": rows, "truncated": more}
    return {
        "question": evidence.question,
        "passages": [
            {"id": name, "title": passage.title, "heading": passage.heading, "text": passage.text}
            for name, passage in evidence.passages.items()
        ],
        "table": shown,
        "computed": evidence.computed or None,
        "language": language,
    }


def restored(claim: Claim, evidence: Evidence, tokens: TokenMap) -> Claim:
    """The claim with the values of tokens that the caller sees in the evidence anyway, or asked of.

    Any other token stays as it is, and is then no name that the evidence holds. One that stands in the evidence itself
    hides what the caller may not see, and goes on doing so.
    """
    seen = _seen(evidence).casefold()

    def value(found: re.Match[str]) -> str:
        behind = tokens.restore(found[0])
        visible = found[0].casefold() not in seen and _stands_in(behind.casefold(), seen)
        return behind if visible else found[0]

    return msgspec.structs.replace(claim, text=_TOKEN.sub(value, claim.text))


def _stands_in(value: str, text: str) -> bool:
    """Whether a value stands in a text as words of its own."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


def _seen(evidence: Evidence) -> str:
    cells = evidence.table.rows[: evidence.rows] if evidence.table is not None else ()
    passages = (f"{p.title or ''}\n{p.heading}\n{p.text}" for p in evidence.passages.values())
    return "\n".join((evidence.question, *passages, *(str(cell) for row in cells for cell in row)))
