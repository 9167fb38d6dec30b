"""The relative addresses that a document links to, so that dead ones can be reported."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

_INLINE = re.compile(r"\]\(\s*<?([^()<>\s]{1,500})")
_DEFINED = re.compile(r"^\s{0,3}\[[^\]^]{1,200}\]:\s+<?([^\s<>]{1,500})", re.MULTILINE)
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
MOST_LINKS = 500


def markdown_links(body: str) -> tuple[str, ...]:
    """Relative links of Markdown text, outside code."""
    if "](" not in body and "]:" not in body:
        return ()
    text = _FENCED.sub("", body)
    return relative_links([*_INLINE.findall(text), *_DEFINED.findall(text)])


def relative_links(addresses: Iterable[str]) -> tuple[str, ...]:
    """Those addresses that lead to another place of the same source, without query and fragment."""
    found: dict[str, None] = {}
    for address in addresses:
        try:
            parts = urlsplit(address.strip())
        except ValueError:
            continue
        path = unquote(parts.path)
        if not parts.scheme and not parts.netloc and path and path.isprintable() and not path.startswith("{"):
            found[path] = None
        if len(found) >= MOST_LINKS:
            break
    return tuple(found)
