"""Documents that a question names by their path or file name: "what does returns.md say about sale items?"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.stores.passages import PassageReader

_FILE = re.compile(r"(?<![\w./-])(?:/?\w[\w.-]*(?:/\w[\w.-]*)+|\w[\w-]*(?:\.\w[\w-]*)*\.[A-Za-z]{2,8}\b)")
"""`policies/returns`, `/help/returns.html`, `returns.md`; what is no path of a document finds none."""
_INTRODUCED = r"(?:\b(?:according to|as per|in|from|of|by)\s+(?:the\s+)?(?:(?:file|document|page)\s+)?)?"
_MOST = 4


def document_names(text: str) -> list[str]:
    """What in a question may be the path or the file name of a document."""
    return [name.lstrip("/").rstrip(".-") for name in dict.fromkeys(_FILE.findall(text))][:_MOST]


def named_documents(text: str, readers: Iterable[PassageReader], visibilities: Sequence[str]) -> list[str]:
    """The names in a question that documents have which the caller may see."""
    names = document_names(text)
    known = list(readers) if names else []
    return [name for name in names if any(reader.named(name, visibilities) for reader in known)]


def without_names(text: str, names: Sequence[str]) -> str:
    """The question without the documents' names, which their passages need not repeat."""
    for name in names:
        text = re.sub(rf"{_INTRODUCED}/?{re.escape(name)}", " ", text, count=1, flags=re.IGNORECASE)
    return " ".join(text.split())
