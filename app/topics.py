"""What a document is about, by its title."""

from __future__ import annotations

import re

_ABOUT = re.compile(r"^questions about\s+|\s+(?:faq|faqs|policy|guide|overview)(?=$|\s[|–—:-])", re.IGNORECASE)
_OF_A_SITE = re.compile(r"\s+[|–—:]\s.*$|:\s.*$")
_DOING = re.compile(
    r"^(?:\w+ing(?: and \w+ing)?(?: (?:after|for|with|about|to|of|up|out))?\s+)(?=\w+\s|\w+$)", re.IGNORECASE
)


def topic_of(title: str) -> str:
    """What a title is about: "Cleaning a backpack | Help" is about a backpack."""
    named = _ABOUT.sub("", title.strip())
    named = _OF_A_SITE.sub("", named)
    return _DOING.sub("", named) or named
