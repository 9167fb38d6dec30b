"""An HTML element as Markdown-flavoured text: headings, paragraphs, lists, tables, code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from connectors.formats.pipe_table import pipe_table

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_DROPPED = frozenset((
    "script", "style", "noscript", "template", "svg", "iframe", "object", "embed", "canvas", "audio", "video",
    "input", "select", "textarea", "datalist", "head", "link", "meta", "map", "dialog",
))  # fmt: skip
_INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
    "img", "ins", "kbd", "label", "mark", "output", "q", "ruby", "rt", "rp", "s", "samp", "small", "span",
    "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "button", "math",
))  # fmt: skip
_PERMALINKS = frozenset({"¶", "#", "§", "🔗", ""})
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_WIDEST_SPAN = 50


def text_of_element(element: Any) -> str:
    """The element's visible content as text, blocks separated by blank lines."""
    blocks = _Blocks()
    blocks.walk(element)
    blocks.flush()
    return "\n\n".join(blocks.written) + "\n" if blocks.written else ""


def is_hidden(element: Any) -> bool:
    """Whether the element is marked as not shown to readers."""
    hidden = element.get("hidden")
    return bool(
        (hidden is not None and hidden != "until-found")
        or element.get("aria-hidden") == "true"
        or _HIDDEN_STYLE.search(element.get("style") or "")
    )


class _Blocks:
    """Blocks written so far and the inline text of the block under way."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self._inline: list[str] = []
        self._level = 1

    def flush(self) -> None:
        """End the block under way."""
        text = _squeezed("".join(self._inline))
        self._inline = []
        if text:
            self.written.append(text)

    def walk(self, element: Any) -> None:
        """Write what the element holds; its tail belongs to the parent."""
        tag = element.tag
        if not isinstance(tag, str) or tag in _DROPPED or is_hidden(element):
            return
        if tag == "br":
            self._inline.append("\n")
        elif tag in _INLINE:
            self._write_inline(element, tag)
        elif tag in _HEADINGS or tag == "summary":
            self._write_heading(element, tag)
        else:
            self.flush()
            self._write_block(element, tag)
            self.flush()

    def _write_inline(self, element: Any, tag: str) -> None:
        if tag == "img" or (tag == "button" and element.getparent() is not None and not _in_heading(element)):
            return
        if tag == "a" and _plain(element) in _PERMALINKS and element.find(".//img") is None:
            return
        if tag == "code" and _plain(element):
            self._inline.append(f"`{_plain(element)}`")
            return
        self._walk_children(element)

    def _write_heading(self, element: Any, tag: str) -> None:
        self.flush()
        self._walk_children(element)
        text = " ".join("".join(self._inline).split())
        self._inline = []
        level = _HEADINGS.get(tag, min(6, self._level + 1))
        if tag in _HEADINGS:
            self._level = level
        if text:
            self.written.append(f"{'#' * level} {text}")

    def _write_block(self, element: Any, tag: str) -> None:
        if tag in ("ul", "ol", "menu"):
            lines = list(_list_lines(element, 0))
            if lines:
                self.written.append("\n".join(lines))
        elif tag == "pre":
            code = "".join(element.itertext()).strip("\n")
            if code.strip():
                self.written.append(f"```\n{code}\n```")
        elif tag == "table" and _is_table_of_values(element):
            self._write_table(element)
        elif tag == "dl":
            self._write_definitions(element)
        else:
            self._walk_children(element)

    def _write_table(self, element: Any) -> None:
        caption = element.find("caption")
        if caption is not None and _plain(caption):
            self.written.append(_plain(caption))
        if table := pipe_table(_grid(element)):
            self.written.append(table)

    def _write_definitions(self, element: Any) -> None:
        for child in element.iter("dt", "dd"):
            self.flush()
            if child.tag == "dt":
                self._inline.append(_plain(child).rstrip(":") + ":")
                self.flush()
            else:
                self._walk_children(child)
        self.flush()

    def _walk_children(self, element: Any) -> None:
        self._inline.append(_spaced(element.text))
        for child in element:
            self.walk(child)
            self._inline.append(_spaced(child.tail))


def _spaced(text: str | None) -> str:
    """White space as single spaces: in HTML a newline is a space."""
    return re.sub(r"[ \t\r\n\f]+", " ", text or "").replace("\u00ad", "").replace("\u200b", "")


def _squeezed(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _plain(element: Any) -> str:
    """The visible text of an element on one line."""
    blocks = _Blocks()
    blocks._walk_children(element)
    blocks.flush()
    return " ".join(" ".join(blocks.written).split())


def _in_heading(element: Any) -> bool:
    return any(ancestor.tag in _HEADINGS or ancestor.tag == "summary" for ancestor in element.iterancestors())


def _list_lines(element: Any, depth: int) -> Iterator[str]:
    """Lines of a list, nested lists indented by three spaces, which Markdown takes under bullets and numbers alike."""
    ordered = element.tag == "ol"
    start = element.get("start") or "1"
    number = int(start) if start.isdigit() else 1
    for item in element:
        if item.tag in ("ul", "ol"):  # nested without an item of its own
            yield from _list_lines(item, depth + 1)
        if item.tag != "li" or is_hidden(item):
            continue
        text, nested = _item_text(item)
        mark = f"{number}." if ordered else "-"
        number += 1
        indent = "   " * depth
        if text:
            yield f"{indent}{mark} " + text.replace("\n", f"\n{indent}  ")
        for inner in nested:
            yield from _list_lines(inner, depth + 1)


def _item_text(item: Any) -> tuple[str, list[Any]]:
    """A list item's own text, and the lists in it."""
    nested = [each for each in item.iter("ul", "ol") if next(each.iterancestors("li"), None) is item]
    blocks = _Blocks()
    blocks._inline.append(_spaced(item.text))
    for child in item:
        if child not in nested:
            _walk_without_lists(blocks, child, nested)
        blocks._inline.append(_spaced(child.tail))
    blocks.flush()
    return "\n".join(blocks.written), [each for each in nested if not is_hidden(each)]


def _walk_without_lists(blocks: _Blocks, element: Any, nested: list[Any]) -> None:
    """Walk an element of a list item, leaving the lists in it for later."""
    inside = [each for each in nested if element in each.iterancestors()]
    if not inside:
        blocks.walk(element)
        return
    blocks._inline.append(_spaced(element.text))
    for child in element:
        if child not in nested:
            _walk_without_lists(blocks, child, nested)
        blocks._inline.append(_spaced(child.tail))


def _is_table_of_values(element: Any) -> bool:
    """Whether a table holds values rather than the layout of a page."""
    if element.get("role") in ("presentation", "none") or element.find(".//table") is not None:
        return False
    if any(element.find(f".//td//{heading}") is not None for heading in ("h1", "h2")):
        return False
    return max((len(row) for row in element.iter("tr")), default=0) > 1 and len(list(element.iter("tr"))) > 1


def _grid(element: Any) -> list[list[str]]:
    """The cells as rows of equal meaning: a cell that spans rows is repeated in each, one that spans columns once."""
    grid: list[list[str]] = []
    hanging: dict[int, tuple[str, int]] = {}
    for row in element.iter("tr"):
        if is_hidden(row):
            continue
        cells: list[str] = []
        for cell in (each for each in row if each.tag in ("td", "th")):
            _fill_hanging(cells, hanging)
            text, rows = _plain(cell), _span(cell.get("rowspan"))
            for extra in range(_span(cell.get("colspan"))):
                if rows > 1:
                    hanging[len(cells)] = (text if not extra else "", rows - 1)
                cells.append(text if not extra else "")
        _fill_hanging(cells, hanging)
        grid.append(cells)
    return grid


def _fill_hanging(cells: list[str], hanging: dict[int, tuple[str, int]]) -> None:
    """Add cells that an earlier row's `rowspan` hangs into the place that comes next."""
    while len(cells) in hanging:
        text, left = hanging.pop(len(cells))
        if left > 1:
            hanging[len(cells)] = (text, left - 1)
            cells.append(text)
            _advance_past(cells, hanging)
            return
        cells.append(text)


def _advance_past(cells: list[str], hanging: dict[int, tuple[str, int]]) -> None:
    if len(cells) in hanging:
        _fill_hanging(cells, hanging)


def _span(value: str | None) -> int:
    return max(1, min(int(value), _WIDEST_SPAN)) if value and value.strip().isdigit() else 1
