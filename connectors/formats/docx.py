"""Word documents: headings, lists and tables in the order in which they stand."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Literal

from connectors.base import Document
from connectors.formats.dates import as_utc
from connectors.formats.pipe_table import pipe_table
from connectors.formats.source_file import PARSER_FAULTS, Content, SourceFile, UnreadableItem
from connectors.formats.zip_guard import checked_archive

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.table import Table
    from docx.text.paragraph import Paragraph

_LARGEST_XML_BYTES = 128 << 20
"""The document's XML is held in memory as a tree of about ten times its size."""
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_CHARACTERS = {f"{_W}tab": " ", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_HEADING = re.compile(r"heading (\d)$", re.I)
_NOT_SHOWN = frozenset(
    {f"{_W}del", f"{_W}moveFrom", "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}
)


class DocxReader:
    """Reads `.docx`."""

    kind: Literal["document"] = "document"

    def parts(self, file: SourceFile) -> tuple[str, ...]:
        """The file itself."""
        return (file.path,)

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the document.

        Raises:
            UnreadableItem: `empty_file`, `corrupt_file`, `encrypted_file`, `zip_bomb`, `no_text`.

        """
        source = _opened(file)
        text = "\n\n".join(_blocks(source)).strip() + "\n"
        if not text.strip():
            raise UnreadableItem("no_text", "The document holds no text.")
        properties = source.core_properties
        fields = {"author": properties.author, "subject": properties.subject, "keywords": properties.keywords}
        yield Document(
            path=file.path,
            text=text,
            title=(properties.title or "").strip() or _first_title(text),
            media_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            fingerprint=file.fingerprint,
            modified=as_utc(properties.modified) or file.modified,
            metadata={name: value.strip() for name, value in fields.items() if value and value.strip()},
        )


def _opened(file: SourceFile) -> WordDocument:
    import docx
    from docx.opc.exceptions import OpcError

    with checked_archive(file.location, "word/document.xml") as archive:
        largest = max(entry.file_size for entry in archive.infolist() if entry.filename.endswith((".xml", ".rels")))
    if largest > _LARGEST_XML_BYTES:
        raise UnreadableItem("too_large", f"The document's text alone has {largest >> 20} MB: split it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return docx.Document(str(file.location))
    except (OpcError, *PARSER_FAULTS) as error:
        message = f"The document is damaged ({error}): open it in its own program and save it again."
        raise UnreadableItem("corrupt_file", message) from error


def _first_title(text: str) -> str | None:
    match = re.search(r"^# (.+)$", text, re.M)
    return match.group(1) if match else None


def _blocks(source: WordDocument) -> Iterator[str]:
    """The document's blocks in order; the items of one list are one block."""
    from docx.table import Table

    numbers: dict[tuple[str, int], int] = {}
    items: list[str] = []
    for block in source.iter_inner_content():
        item = None if isinstance(block, Table) else _list_item(block, source, numbers)
        if item is not None:
            items.append(item)
            continue
        text = _table_text(block) if isinstance(block, Table) else _paragraph_block(block)
        if items and text:
            yield "\n".join(items)
            items = []
        if text:
            yield text
    if items:
        yield "\n".join(items)


def _paragraph_text(element: Any) -> str:
    """The visible text of a paragraph: with inserted, without deleted and hidden runs."""
    nodes = element.iter(f"{_W}t", *_CHARACTERS)
    text = "".join(_CHARACTERS.get(node.tag) or node.text or "" for node in nodes if _is_shown(node, element))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _is_shown(node: Any, paragraph: Any) -> bool:
    for ancestor in node.iterancestors():
        if ancestor is paragraph:
            return True
        if ancestor.tag in _NOT_SHOWN:
            return False
        if ancestor.tag == f"{_W}r" and ancestor.find(f"{_W}rPr/{_W}vanish") is not None:
            return False
        if ancestor.tag == f"{_W}pPr":
            return False  # tab stops
    return True


def _style_names(paragraph: Paragraph) -> list[str]:
    """Names of the paragraph's style and of those that it is based on."""
    names: list[str] = []
    style: Any = paragraph.style
    while style is not None and len(names) < 10:
        names.append(style.name or "")
        style = style.base_style
    return names


def _paragraph_block(paragraph: Paragraph) -> str:
    text = _paragraph_text(paragraph._p)
    if not text:
        return ""
    for name in _style_names(paragraph):
        if name.lower() == "title":
            return f"# {' '.join(text.split())}"
        if match := _HEADING.match(name):
            return f"{'#' * min(6, int(match.group(1)))} {' '.join(text.split())}"
    return text


def _list_item(paragraph: Paragraph, source: WordDocument, numbers: dict[tuple[str, int], int]) -> str | None:
    """A list item's line, or None for a paragraph that is none."""
    names = _style_names(paragraph)
    if any(_HEADING.match(name) for name in names):
        return None
    text = _paragraph_text(paragraph._p)
    properties = paragraph._p.pPr.numPr if paragraph._p.pPr is not None else None
    in_style = next((name for name in names if name.lower().startswith(("list bullet", "list number"))), None)
    if not text or (properties is None and in_style is None):
        return None
    level, list_id = 0, in_style or ""
    if properties is not None:
        list_id = str(properties.numId.val) if properties.numId is not None else ""
        level = properties.ilvl.val if properties.ilvl is not None else 0
        if list_id == "0":  # numbering switched off for this paragraph
            return None
    elif in_style is not None and in_style[-1].isdigit():
        level = int(in_style[-1]) - 1
    is_numbered = _is_numbered(source, list_id, level) if properties is not None else "number" in list_id.lower()
    for key in [key for key in numbers if key[0] == list_id and key[1] > level]:
        del numbers[key]
    number = numbers[(list_id, level)] = numbers.get((list_id, level), 0) + 1
    mark = f"{number}." if is_numbered else "-"
    return "   " * level + f"{mark} " + " ".join(text.split())


def _is_numbered(source: WordDocument, list_id: str, level: int) -> bool:
    """Whether the list's level has numbers or letters rather than bullets."""
    try:
        numbering = source.part.numbering_part.element
    except (KeyError, NotImplementedError):
        return False
    kinds = numbering.xpath(
        f'w:abstractNum[@w:abstractNumId=//w:num[@w:numId="{list_id}"]/w:abstractNumId/@w:val]'
        f'/w:lvl[@w:ilvl="{level}"]/w:numFmt/@w:val'
    )
    return bool(kinds) and kinds[0] not in ("bullet", "none")


def _table_text(table: Table) -> str:
    """The table as pipe rows; a merged cell is written once a row."""
    grid: list[list[str]] = []
    for row in table.rows:
        cells: list[str] = []
        last = None
        for cell in row.cells:
            cells.append("" if cell._tc is last else _cell_text(cell._tc))
            last = cell._tc
        grid.append(cells)
    if max((len(row) for row in grid), default=0) == 1:  # a frame around text
        return "\n\n".join(row[0] for row in grid if row[0])
    return pipe_table(grid)


def _cell_text(cell: Any) -> str:
    texts = (_paragraph_text(paragraph) for paragraph in cell.iter(f"{_W}p"))
    return " ".join(" ".join(text.split()) for text in texts if text)


READER = DocxReader()
