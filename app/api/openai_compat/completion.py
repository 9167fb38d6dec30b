"""An answer as a completion: its text, what is written under it, and the tokens that are told."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Literal

import msgspec

from app.api.openai_compat.conversation import Turn
from app.api.openai_compat.wire import ChatChunk, ChatCompletion, Choice, ChunkChoice, CompletionUsage, Told, Wishes
from app.api.provenance import provenance_of
from app.api.readable import body, footer, plain, table
from app.llm.token_counts import tokens_of
from app.values import Answer


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """What is the same in everything that one reply is told with."""

    model: str
    turns: tuple[Turn, ...]
    wishes: Wishes = Wishes()
    base: str = ""
    """What the links to this service's own pages begin with."""
    id: str = msgspec.field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = msgspec.field(default_factory=lambda: int(time.time()))

    def content(self, answer: Answer, *, begun: bool = False) -> str:
        """The text of the reply; one that was `begun` with the answer's text goes on with that."""
        view = answer.table if self.wishes.tables else None
        parts = [
            plain(answer.text) if begun else body(answer),
            table(view) if view is not None and len(view.rows) > 1 else "",
            footer(answer, self.base) if self.wishes.footer else "",
        ]
        return "\n\n".join(part for part in parts if part)

    def whole(self, answer: Answer, content: str) -> ChatCompletion:
        """The reply at once."""
        message = Told(role="assistant", content=content, answerable=provenance_of(answer))
        return ChatCompletion(
            id=self.id,
            created=self.created,
            model=self.model,
            choices=[Choice(message=message, finish_reason=finish_reason(answer))],
            usage=self.usage(content, answer),
            system_fingerprint=answer.versions.manifest,
        )

    def plainly(self, content: str) -> ChatCompletion:
        """A reply that no answer stands behind."""
        choices = [Choice(message=Told(role="assistant", content=content))]
        usage = self.usage(content)
        return ChatCompletion(id=self.id, created=self.created, model=self.model, choices=choices, usage=usage)

    def chunk(self, delta: Told) -> ChatChunk:
        """A piece of the reply."""
        return ChatChunk(id=self.id, created=self.created, model=self.model, choices=[ChunkChoice(delta=delta)])

    def last(self, answer: Answer | None = None) -> ChatChunk:
        """The chunk after the text, with the provenance."""
        delta = Told(answerable=provenance_of(answer)) if answer is not None else Told()
        reason = finish_reason(answer) if answer is not None else "stop"
        manifest = answer.versions.manifest if answer is not None else None
        choices = [ChunkChoice(delta=delta, finish_reason=reason)]
        return ChatChunk(
            id=self.id, created=self.created, model=self.model, choices=choices, system_fingerprint=manifest
        )

    def usage_chunk(self, usage: CompletionUsage) -> ChatChunk:
        """The chunk with the tokens, for clients that ask for it."""
        return ChatChunk(id=self.id, created=self.created, model=self.model, choices=[], usage=usage)

    def usage(self, content: str, answer: Answer | None = None) -> CompletionUsage:
        """Tokens that models took for the answer; if none did, those of what was read and written, by their bytes."""
        if answer is not None and (answer.usage.input_tokens or answer.usage.output_tokens):
            return _usage(answer.usage.input_tokens, answer.usage.output_tokens)
        return _usage(_tokens(self.turns), tokens_of(content))


def finish_reason(answer: Answer) -> Literal["stop", "length"]:
    """`length` for an answer that its time cut short."""
    return "length" if answer.status == "partial" else "stop"


def _tokens(turns: Sequence[Turn]) -> int:
    return sum(tokens_of(turn.text) for turn in turns)


def _usage(prompt: int, completion: int) -> CompletionUsage:
    return CompletionUsage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)
