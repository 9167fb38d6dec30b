"""The blocks of Markdown-flavoured text, as offsets: headings, paragraphs, lists, tables and fenced code.

Blocks are in order, do not overlap, and leave out nothing but whitespace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ingest.sentences import sentence_spans

BlockKind: TypeAlias = Literal["heading", "paragraph", "list", "table", "code"]
Span: TypeAlias = tuple[int, int]

_LINE = re.compile(r"[^\n]+")
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(\S.*?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,})[ \t]*$")
_ITEM = re.compile(r"^[ \t]*(?:[-*+•–]|\(?(?:\d{1,3}|[a-zA-Z])[.)])[ \t]+\S")
_ORDERED = re.compile(r"^[ \t]*\(?\d{1,3}[.)][ \t]")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_MARKUP = re.compile(r"\[([^\]]*)\]\([^)]*\)|[*`]+|(?<!\w)_+|_+(?!\w)|\\(?=[^\w\s])")
_LONGEST_HEADING = 300  # characters; longer "headings" are text


@dataclass(frozen=True, slots=True)
class Block:
    """One block: `text[start:end]` without surrounding whitespace."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    """Headings only: 1 to 6."""
    label: str = ""
    """Headings only: the heading's words, without markup."""
    parts: tuple[Span, ...] = ()
    """List items (with their continuation lines), table rows or lines of code; empty for the other kinds."""
    ordered: bool = False
    """Lists only: numbered."""

    def pieces(self, text: str) -> tuple[Span, ...]:
        """Where the block may be cut: its parts, or a paragraph's sentences."""
        return self.parts or tuple(sentence_spans(text, self.start, self.end))


def plain(text: str) -> str:
    """`text` without inline Markdown: emphasis, code marks and link targets."""
    return _MARKUP.sub(lambda found: found.group(1) or "", text)


def blocks(text: str) -> Iterator[Block]:
    """The blocks of `text`."""
    lines = [found.span() for found in _LINE.finditer(text) if not found.group().isspace()]
    at = 0
    while at < len(lines):
        block, at = _next_block(text, lines, at)
        yield block


def _next_block(text: str, lines: list[Span], at: int) -> tuple[Block, int]:
    line = text[slice(*lines[at])]
    if len(line) <= _LONGEST_HEADING and (heading := _HEADING.match(line)):
        level, label = len(heading.group(1)), plain(heading.group(2)).strip()
        return Block("heading", *_trimmed(text, *lines[at]), level=level, label=label), at + 1
    if at + 1 < len(lines) and _is_underlined(text, lines, at):
        level = 1 if "=" in text[slice(*lines[at + 1])] else 2
        start, end = _trimmed(text, lines[at][0], lines[at + 1][1])
        return Block("heading", start, end, level=level, label=plain(line).strip()), at + 2
    if fence := _FENCE.match(line):
        return _code(text, lines, at, fence.group(1))
    if line.lstrip().startswith("|"):
        return _table(text, lines, at)
    if _ITEM.match(line):
        return _list(text, lines, at)
    return _paragraph(text, lines, at)


def _is_underlined(text: str, lines: list[Span], at: int) -> bool:
    """A single line with `===` or `---` right below it, and nothing right above it."""
    line, below = lines[at], lines[at + 1]
    alone = at == 0 or lines[at - 1][1] + 1 < line[0] or _is_heading(text[slice(*lines[at - 1])])
    words = text[slice(*line)]
    return (
        alone
        and line[1] + 1 == below[0]
        and len(words) <= _LONGEST_HEADING
        and not (words.lstrip().startswith("|") or _ITEM.match(words) or _UNDERLINE.match(words) or _FENCE.match(words))
        and _UNDERLINE.match(text[slice(*below)]) is not None
    )


def _code(text: str, lines: list[Span], at: int, fence: str) -> tuple[Block, int]:
    last = at + 1
    while last < len(lines) and not text[slice(*lines[last])].strip().startswith(fence):
        last += 1
    last = min(last + 1, len(lines))
    return _with_parts("code", text, lines[at:last]), last


def _table(text: str, lines: list[Span], at: int) -> tuple[Block, int]:
    last = at
    while last < len(lines) and text[slice(*lines[last])].lstrip().startswith("|"):
        last += 1
    return _with_parts("table", text, lines[at:last]), last


def _list(text: str, lines: list[Span], at: int) -> tuple[Block, int]:
    items: list[Span] = []
    last = at
    while last < len(lines):
        line = text[slice(*lines[last])]
        if last > at and _starts_other(line):
            break
        if _ITEM.match(line):
            items.append(lines[last])
        elif line[0] in " \t" or lines[last - 1][1] + 1 == lines[last][0]:
            items[-1] = (items[-1][0], lines[last][1])
        else:
            break
        last += 1
    ordered = _ORDERED.match(text[slice(*lines[at])]) is not None
    return _with_parts("list", text, items, ordered=ordered), last


def _paragraph(text: str, lines: list[Span], at: int) -> tuple[Block, int]:
    last = at + 1
    while last < len(lines) and lines[last - 1][1] + 1 == lines[last][0]:
        line = text[slice(*lines[last])]
        if _starts_other(line) or _ITEM.match(line):
            break
        last += 1
    return Block("paragraph", *_trimmed(text, lines[at][0], lines[last - 1][1])), last


def _starts_other(line: str) -> bool:
    return bool(_is_heading(line) or _FENCE.match(line) or line.lstrip().startswith("|"))


def _is_heading(line: str) -> bool:
    return len(line) <= _LONGEST_HEADING and _HEADING.match(line) is not None


def _with_parts(kind: BlockKind, text: str, spans: list[Span], *, ordered: bool = False) -> Block:
    parts = tuple(_trimmed(text, *span) for span in spans)
    return Block(kind, parts[0][0], parts[-1][1], parts=parts, ordered=ordered)


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
