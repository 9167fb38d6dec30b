"""Names of tables and columns as words, for comparing them: `CustomerIDs`, `customer_id` and `customer id` agree."""

from __future__ import annotations

import re
from functools import lru_cache

_IRREGULAR = {"people": "person", "men": "man", "women": "woman", "children": "child", "feet": "foot", "ids": "id"}
_UNCHANGED = frozenset({"status", "address", "series", "species", "news", "class", "business", "process", "gas", "bus"})


@lru_cache(maxsize=65_536)
def words(name: str) -> tuple[str, ...]:
    """Lower-case singular words: `OrderItems` -> `("order", "item")`, `CustomerID2` -> `("customer", "id", "2")`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?:[a-rt-z]|s[a-z]))|(?<=[a-zA-Z])(?=\d)", " ", name)
    return tuple(singular(word) for word in re.findall(r"[^\W_]+", spaced.casefold()))


def singular(word: str) -> str:
    """The English singular by its ending: `cities` -> `city`, `boxes` -> `box`; short and irregular words by list."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or word in _UNCHANGED or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("uses") and not word.endswith(("ouses", "auses")):
        return word[:-2]
    if word.endswith(("xes", "ches", "shes", "sses", "zes")):
        return word[:-2]
    return word[:-1]
