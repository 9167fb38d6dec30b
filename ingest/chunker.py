"""Cuts a document into passages along its structure.

Sections are never mixed, lists and tables stay whole where they fit, paragraphs are cut between sentences, and only
text without any such boundary is cut hard. A passage with its title and heading path fits the embedding model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ingest.sentences import sentence_spans
from ingest.structure import Block, Span, blocks

TARGET_TOKENS = 200
MAX_TOKENS = 254
"""What the default model reads: 256 tokens less its two special ones."""

_LEAST_ROOM = 64  # tokens left for text, however long title and headings are
_SMALL = 40  # tokens; a shorter rest joins the passage before it
_LONG_CHARACTERS = 12  # characters a token on average at most; longer runs are cut without counting them
_TITLE_CHARACTERS = 120
_HEADING_CHARACTERS = 200
_LEADING_HEADINGS = re.compile(r"^(?:\s{0,3}#{1,6}[ \t][^\n]*\n+|[^\n]{1,300}\n(?:={2,}|-{2,})[ \t]*\n+)+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: `text[start:end]`, with the path of the headings above its content, `Returns > Deadlines`."""

    start: int
    end: int
    heading: str


def chunk(
    text: str,
    *,
    title: str | None,
    count: Callable[[str], int],
    target_tokens: int = TARGET_TOKENS,
    max_tokens: int = MAX_TOKENS,
) -> list[Chunk]:
    """The passages of `text`: in order, not overlapping, and nothing but whitespace between them.

    `count` gives a text's tokens. Passages aim at `target_tokens`; with title and headings (`embedding_text`) they stay
    within `max_tokens` as long as `count` adds up over text split at whitespace. The document's title is left out of
    the heading paths.
    """
    packer = _Packer(text, title, count, target_tokens, max_tokens)
    for block in blocks(text):
        if block.kind == "heading":
            packer.heading(block)
        else:
            packer.block(block)
    packer.flush()
    return packer.chunks


def embedding_text(title: str | None, heading: str, text: str) -> str:
    """What is embedded for a passage: title, heading path and the passage without its own heading lines."""
    return _prefix(title, heading) + (_LEADING_HEADINGS.sub("", text) or text)


def _prefix(title: str | None, heading: str) -> str:
    parts = [(title or "").strip()[:_TITLE_CHARACTERS], heading[-_HEADING_CHARACTERS:]]
    line = " > ".join(part for part in parts if part)
    return f"{line}\n" if line else ""


@dataclass(slots=True)
class _Packer:
    """Collects blocks into passages; mutable, and private to one call of `chunk`."""

    text: str
    title: str | None
    count: Callable[[str], int]
    target_tokens: int
    max_tokens: int
    chunks: list[Chunk] = field(default_factory=list)
    path: list[tuple[int, str]] = field(default_factory=list)
    """Level and label of the headings in force."""
    spans: list[Span] = field(default_factory=list)
    """What the current passage holds so far."""
    tokens: int = 0
    body: bool = False
    """Whether the current passage holds more than headings."""
    intro: bool = False
    """Whether its last block introduces what follows (`You need:`)."""
    section_tokens: list[int] = field(default_factory=list)
    """Tokens of the passages of the current section, as long as the section lasts."""
    limit: int = 0

    def heading(self, block: Block) -> None:
        """Start a section."""
        if self.body:
            self.flush()
        tokens = self._measure(block.start, block.end)
        if self.spans and self.tokens + tokens > _LEAST_ROOM // 2:
            self.flush()
        self.section_tokens.clear()
        while self.path and self.path[-1][0] >= block.level:
            self.path.pop()
        self.path.append((block.level, block.label))
        self._add(block.start, block.end, tokens)

    def block(self, block: Block) -> None:
        """Add a paragraph, list, table or code block."""
        self.limit = self._room()
        target = min(self.target_tokens, self.limit)
        tokens = self._measure(block.start, block.end)
        bound = target if block.kind == "paragraph" and self.body else self.limit
        if self.tokens + tokens > bound and tokens <= self.limit and self.body:
            self._flush_for(block, tokens)
            bound = self.limit
        if self.tokens + tokens <= bound or (tokens <= bound and not self.spans):
            self._add_body(block.start, block.end, tokens)
        else:
            for start, end, size in self._fitting(block.pieces(self.text)):
                if self.spans and self.tokens + size > target:
                    self.flush()
                self._add_body(start, end, size)
        self.intro = block.kind == "paragraph" and self.text[block.end - 1] == ":"

    def flush(self) -> None:
        """End the current passage; a small rest joins the passage before it where both are of one section."""
        if not self.spans:
            return
        start, end = self.spans[0][0], self.spans[-1][1]
        rest = self.tokens < _SMALL and self.body and bool(self.section_tokens)
        if rest and self.section_tokens[-1] + self.tokens <= self._room():
            before = self.chunks.pop()
            self.chunks.append(Chunk(before.start, end, before.heading))
            self.section_tokens[-1] += self.tokens
        else:
            self.chunks.append(Chunk(start, end, self._heading_path()))
            self.section_tokens.append(self.tokens)
        self._clear()

    def _flush_for(self, block: Block, tokens: int) -> None:
        """Flush, but keep an introducing paragraph together with its list."""
        start, end = self.spans[-1]
        size = self._measure(start, end)
        keep = self.intro and block.kind != "paragraph" and len(self.spans) > 1 and size + tokens <= self.limit
        if keep:
            self.spans.pop()
            self.tokens -= size
        self.flush()
        if keep:
            self._add_body(start, end, size)

    def _add(self, start: int, end: int, tokens: int) -> None:
        self.spans.append((start, end))
        self.tokens += tokens

    def _add_body(self, start: int, end: int, tokens: int) -> None:
        self._add(start, end, tokens)
        self.body = True

    def _clear(self) -> None:
        self.spans.clear()
        self.tokens, self.body, self.intro = 0, False, False

    def _heading_path(self) -> str:
        labels = [label for _, label in self.path]
        if labels and self.title and labels[0].casefold() == self.title.strip().casefold():
            labels = labels[1:]
        return " > ".join(labels)

    def _room(self) -> int:
        """Tokens that a passage of the current section may have."""
        prefix = self.count(_prefix(self.title, self._heading_path()))
        return max(min(_LEAST_ROOM, self.max_tokens), self.max_tokens - prefix)

    def _measure(self, start: int, end: int) -> int:
        """Tokens of a span; an over-long one counts as too large without being tokenized."""
        if end - start > _LONG_CHARACTERS * self.max_tokens:
            return self.max_tokens + end - start
        return max(1, self.count(self.text[start:end]))

    def _fitting(self, spans: tuple[Span, ...]) -> Iterator[tuple[int, int, int]]:
        """The spans with their tokens, those over the limit cut into sentences, and sentences cut hard."""
        for start, end in spans:
            tokens = self._measure(start, end)
            if tokens <= self.limit:
                yield start, end, tokens
                continue
            sentences = sentence_spans(self.text, start, end)
            if len(sentences) > 1:
                yield from self._fitting(tuple(sentences))
            else:
                yield from self._cut(start, end)

    def _cut(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Cuts of text without boundaries: at whitespace where there is some, else anywhere."""
        while start < end:
            stop = min(end, start + 4 * self.limit)
            while True:
                stop = self._at_whitespace(start, stop, end)
                tokens = self._measure(start, stop)
                if tokens <= self.limit or stop - start <= 1:
                    break
                stop = start + max(1, (stop - start) * 2 // 3)
            last = stop
            while last > start and self.text[last - 1].isspace():
                last -= 1
            if last > start:
                yield start, last, tokens
            start = stop
            while start < end and self.text[start].isspace():
                start += 1

    def _at_whitespace(self, start: int, stop: int, end: int) -> int:
        if stop >= end:
            return end
        for at in range(stop, start + (stop - start) // 2, -1):
            if self.text[at - 1].isspace():
                return at
        return stop
