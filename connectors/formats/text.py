"""Plain text files: one document each, its text as it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

from connectors.base import Document
from connectors.formats.encoding import decode
from connectors.formats.source_file import Content, SourceFile, UnreadableItem

LARGEST_TEXT_BYTES = 64 << 20
"""Text documents over this size are not prose that anyone reads; they would only exhaust memory."""
_LONGEST_TITLE = 100


def refuse_oversized(file: SourceFile, limit: int = LARGEST_TEXT_BYTES) -> None:
    """Raise `UnreadableItem` (`too_large`) for a document over `limit` bytes."""
    size = file.location.stat().st_size
    if size > limit:
        raise UnreadableItem(
            "too_large", f"The document has {size >> 20} MB, over the limit of {limit >> 20} MB: split it into parts."
        )


def first_line_title(text: str) -> str | None:
    """The first line, if it stands alone and reads like a title."""
    first, _, rest = text.strip().partition("\n")
    title = first.strip("# =*\t")
    stands_alone = not rest or rest.lstrip(" ").startswith("\n")
    if title and stands_alone and len(title) <= _LONGEST_TITLE and title[-1] not in ".,;:!":
        return title
    return None


class TextReader:
    """Reads `.txt` and other plain text."""

    kind: Literal["document"] = "document"

    def parts(self, file: SourceFile) -> tuple[str, ...]:
        """The file itself."""
        return (file.path,)

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the document and what was repaired while decoding it."""
        refuse_oversized(file)
        text, encoding = decode(file.location)
        yield from encoding.problems(file.path)
        yield Document(
            path=file.path,
            text=text.strip("\n") + "\n",
            title=first_line_title(text),
            media_type="text/plain",
            fingerprint=file.fingerprint,
            modified=file.modified,
        )


READER = TextReader()
