"""The units that an answer is made of: sentences, list items and table rows of a passage, with exact offsets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ingest.structure import Block, blocks, plain

UnitKind: TypeAlias = Literal["sentence", "item", "row", "code"]

_MARKER = re.compile(r"^\s*(?:[-*+•–]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+")
_RULE = re.compile(r"^\|?[\s:|-]*-[\s:|-]*$")
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Unit:
    """One quotable piece of a passage: `passage.text[start:end]` is the quote, `text` what readers see of it."""

    kind: UnitKind
    start: int
    end: int
    text: str
    block: int
    """Number of the block within the passage: items of one list share it."""
    intro: bool = False
    """A sentence ending in a colon: it introduces the next block."""
    ordered: bool = False


def units(text: str) -> list[Unit]:
    """The units of a passage in order. Headings are context and no units."""
    found: list[Unit] = []
    for number, block in enumerate(blocks(text)):
        if block.kind == "table":
            found += _rows(text, block, number)
        elif block.kind == "code":
            found.append(Unit("code", block.start, block.end, text[block.start : block.end], number))
        elif block.kind == "list":
            found += [_item(text, start, end, number, block.ordered) for start, end in block.parts]
        elif block.kind == "paragraph":
            found += [_sentence(text, start, end, number) for start, end in block.pieces(text)]
    return found


def shown(text: str) -> str:
    """`text` on one line and without inline markup."""
    return " ".join(plain(text).split())


def _sentence(text: str, start: int, end: int, block: int) -> Unit:
    return Unit(
        "sentence", start, end, shown(text[start:end]), block, intro=text[start:end].rstrip("*_ ").endswith(":")
    )


def _item(text: str, start: int, end: int, block: int, ordered: bool) -> Unit:
    return Unit("item", start, end, shown(_MARKER.sub("", text[start:end])), block, ordered=ordered)


def _rows(text: str, block: Block, number: int) -> list[Unit]:
    """The rows below the header, each shown with the header's names: `Method: PayPal; Limit: €5,000`."""
    rows = [(start, end, _cells(text[start:end])) for start, end in block.parts]
    has_header = len(rows) > 1 and _RULE.match(text[slice(*block.parts[1])]) is not None
    header = rows[0][2] if has_header else []
    return [
        Unit("row", start, end, _row_text(header, cells), number)
        for start, end, cells in rows[2 if has_header else 0 :]
        if any(cells) and not _RULE.match(text[start:end])
    ]


def _row_text(header: list[str], cells: list[str]) -> str:
    if len(header) != len(cells):
        return "; ".join(cell for cell in cells if cell)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in zip(header, cells, strict=True) if cell)


def _cells(row: str) -> list[str]:
    return [shown(cell) for cell in _CELL.split(row.strip().removeprefix("|").removesuffix("|"))]
