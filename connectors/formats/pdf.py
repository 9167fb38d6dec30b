"""PDF files: the text of their pages. Scanned pages hold none and need character recognition first."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from connectors.base import Document, Problem
from connectors.formats.dates import as_utc
from connectors.formats.pdf_headings import Line, PageLines, with_headings
from connectors.formats.pdf_pages import text_of_pages
from connectors.formats.source_file import PARSER_FAULTS, Content, SourceFile, UnreadableItem
from connectors.formats.text import refuse_oversized

if TYPE_CHECKING:
    from pypdf import PdfReader as PypdfReader

LARGEST_PDF_BYTES = 512 << 20
MOST_PAGES = 5000
_PROPERTIES = {"/Author": "author", "/Subject": "subject", "/Keywords": "keywords"}
_PLACEHOLDERS = frozenset({"", "unspecified", "anonymous", "untitled", "none", "unknown"})

# pypdf logs each oddity of a file; the report names what matters.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


class PdfReader:
    """Reads `.pdf`."""

    kind: Literal["document"] = "document"

    def parts(self, file: SourceFile) -> tuple[str, ...]:
        """The file itself."""
        return (file.path,)

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the document.

        Raises:
            UnreadableItem: `empty_file`, `corrupt_file`, `encrypted_pdf`, `no_text`, `too_large`.

        """
        refuse_oversized(file, LARGEST_PDF_BYTES)
        if not file.location.stat().st_size:
            raise UnreadableItem("empty_file", "The file is empty.")
        with file.location.open("rb") as stream:
            source = _opened(stream)
            pages, failed = _page_texts(source)
            text = text_of_pages(pages)
            if not text.strip():
                message = f"None of its {len(pages)} pages holds text: run character recognition (OCR) on it first."
                raise UnreadableItem("no_text", message)
            if failed:
                shown = ", ".join(map(str, failed[:10]))
                yield Problem(file.path, "unreadable_pages", f"Pages that could not be read: {shown}.", "repaired")
            silent = [number for number, page in enumerate(pages, 1) if not page.strip() and number not in failed]
            if silent:
                shown = ", ".join(map(str, silent[:10]))
                yield Problem(file.path, "pages_without_text", f"Pages without text (scanned?): {shown}.", "noted")
            yield _document(file, source, text)


def _opened(stream: object) -> PypdfReader:
    from pypdf import PdfReader as Reader

    try:
        source = Reader(stream, strict=False)  # type: ignore[arg-type]
        if source.is_encrypted and not source.decrypt(""):
            raise UnreadableItem("encrypted_pdf", "The PDF needs a password: save it without one.")
        if len(source.pages) > MOST_PAGES:
            raise UnreadableItem("too_large", f"The PDF has over {MOST_PAGES} pages: split it.")
    except UnreadableItem:
        raise
    except _faults() as error:
        message = f"The PDF is damaged ({error}): open it in its own program and save it again."
        raise UnreadableItem("corrupt_file", message) from error
    return source


def _faults() -> tuple[type[Exception], ...]:
    """What pypdf raises on damaged files."""
    from pypdf.errors import PyPdfError

    return (PyPdfError, *PARSER_FAULTS)


def _page_texts(source: PypdfReader) -> tuple[list[str], list[int]]:
    """The text of each page, empty for those that fail, and the numbers of those."""
    pages: list[list[Line]] = []
    failed: list[int] = []
    for number in range(1, len(source.pages) + 1):
        page = PageLines()
        try:
            source.pages[number - 1].extract_text(visitor_text=page.visit)
            pages.append(page.close())
        except _faults():
            pages.append([])
            failed.append(number)
    if failed and len(failed) == len(pages):
        raise UnreadableItem("corrupt_file", "No page of the PDF can be read: save it again.")
    return with_headings(pages), failed


def _document(file: SourceFile, source: PypdfReader, text: str) -> Document:
    found: dict[str, str] = {}
    modified = title = None
    try:
        properties: Mapping[str, object] = source.metadata or {}
        found = {name: str(properties[key]).strip() for key, name in _PROPERTIES.items() if properties.get(key)}
        title = str(properties.get("/Title") or "").removeprefix("Microsoft Word - ").strip() or None
        if source.metadata is not None:
            modified = as_utc(source.metadata.modification_date or source.metadata.creation_date)
    except PARSER_FAULTS:
        pass  # damaged properties are not worth losing the text for
    found = {name: value for name, value in found.items() if value.lower().strip("()") not in _PLACEHOLDERS}
    return Document(
        path=file.path,
        text=text,
        title=title if title and not _is_placeholder(title) else _first_line(text),
        media_type="application/pdf",
        fingerprint=file.fingerprint,
        modified=modified or file.modified,
        metadata=found,
    )


def _is_placeholder(title: str) -> bool:
    """Whether a title was set by the program that wrote the file: its name, or a word for none."""
    said = title.lower().strip("()")
    return said in _PLACEHOLDERS or said.endswith((".doc", ".docx", ".indd", ".pdf", ".pptx"))


def _first_line(text: str) -> str | None:
    """The first line, if it reads like a title."""
    first = text.strip().partition("\n")[0].lstrip("#").strip()
    return first if 3 <= len(first) <= 100 and first[-1] not in ".,;:" else None


READER = PdfReader()
