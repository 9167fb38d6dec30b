"""How many tokens an input has at most, without knowing the model's tokenizer.

Every token of a byte-level BPE (GPT, Llama 3, Qwen, Mistral) and of SentencePiece with byte fallback (Llama 2, Gemma)
stands for at least one byte of UTF-8, so a text has no more tokens than bytes; of a text that a tokenizer normalises
first (NFKC can make 18 characters of one), the longest form counts. What the chat template adds is counted by
`MESSAGE_TOKENS` and `TEMPLATE_TOKENS`.

English has 3.9 bytes a token (the sample's help pages, by the tokenizer of the packaged embedding model), so the bound
is four times too high for it: it is only held while a call runs.
A tighter one would have to trust the text, and a question may well be "~ ! @ # $ %", one token a byte.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import msgspec

from app.llm.values import Outgoing, TokenCount

MESSAGE_TOKENS = 16
"""Around each message: its role and the marks before and after it, of which a template has a handful."""
TEMPLATE_TOKENS = 128
"""Once a call: the default system prompt that some templates put in front is a sentence or two."""
MOST_TOKENS = 10_000_000
"""Of one attempt; a count beyond it is a provider's mistake and taken as this."""


def input_bound(outgoing: Outgoing) -> int:
    """Tokens that a provider can count as input, at most."""
    texts = sum(text_bound(message.content) + MESSAGE_TOKENS for message in outgoing.messages)
    schema = 0 if outgoing.schema is None else text_bound(msgspec.json.encode(outgoing.schema).decode())
    return min(MOST_TOKENS, texts + schema + TEMPLATE_TOKENS)


def texts_bound(texts: Sequence[str]) -> int:
    """Tokens that a provider can count for texts that it embeds, at most; each gets marks around it."""
    return min(MOST_TOKENS, sum(text_bound(text) + MESSAGE_TOKENS for text in texts))


def text_bound(text: str) -> int:
    """Tokens of a text, at most: the bytes of its UTF-8, or of a normal form if that is longer."""
    if text.isascii():
        return len(text)
    forms = (text, unicodedata.normalize("NFKC", text), unicodedata.normalize("NFKD", text))
    return max(len(form.encode("utf-8", "surrogatepass")) for form in forms)


def plausible(tokens: TokenCount) -> TokenCount:
    """The counts as they can be: not negative, not absurd, and no more cached input than input."""
    count = {name: max(0, min(MOST_TOKENS, getattr(tokens, name))) for name in ("input", "output", "cached_input")}
    count["cached_input"] = min(count["cached_input"], count["input"])
    return TokenCount(**count, estimated=tokens.estimated)
