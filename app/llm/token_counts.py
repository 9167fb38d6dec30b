"""Tokens where a provider does not report them: estimated from the text, from above, and marked so."""

from __future__ import annotations

from collections.abc import Sequence

from app.llm.values import Message, TokenCount

BYTES_A_TOKEN = 3
"""English text has about 4 bytes a token in common vocabularies, SQL, JSON and identifiers nearer to 3."""
TOKENS_A_MESSAGE = 4
"""Marks around a message, as the chat formats of OpenAI's models have them."""


def estimated(messages: Sequence[Message], output: str = "") -> TokenCount:
    """About how many tokens a call took that sent `messages` and got `output`."""
    sent = sum(tokens_of(message.content) + TOKENS_A_MESSAGE for message in messages)
    return TokenCount(input=sent, output=tokens_of(output), estimated=True)


def estimated_texts(texts: Sequence[str]) -> TokenCount:
    """About how many tokens it took to embed texts."""
    return TokenCount(input=sum(map(tokens_of, texts)), estimated=True)


def tokens_of(text: str) -> int:
    """About how many tokens a text has."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_A_TOKEN)
