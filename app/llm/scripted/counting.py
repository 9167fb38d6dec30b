"""The scripted server's own tokens: words and marks, the same on every machine, so that sums can be compared exactly.

A token is a run of letters, digits and underscores, or one other visible character, with the white space before it;
white space at the end is one more. Joined, the tokens are the text. They are also the pieces of a stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")
PER_MESSAGE = 3
"""Tokens that a message takes beside its content, and that the reply's beginning takes; as OpenAI counts its chat
format (cookbook, "How to count tokens with tiktoken").
"""


def tokens_of(text: str) -> list[str]:
    """The tokens of a text, which joined are the text."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """How many tokens a text has."""
    return sum(1 for _ in _TOKEN.finditer(text))


def count_message_tokens(messages: Iterable[Mapping[str, Any]]) -> int:
    """Tokens of a prompt: contents, and `PER_MESSAGE` for each message and once more; schemas and tools count none."""
    return PER_MESSAGE + sum(PER_MESSAGE + count_tokens(content_text(message.get("content"))) for message in messages)


def content_text(content: Any) -> str:
    """A message's content as text: a string, the text parts of a list, or nothing."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(
        part["text"] for part in content if isinstance(part, Mapping) and isinstance(part.get("text"), str)
    )
