"""When two questions are worded the same: which words must agree, and which are small change.

Only what cannot change the meaning is ignored: case, accents, articles, forms of "be" and "do", "there", "please", an
opening such as "show me", punctuation, and number (`order`, `orders`). A word's other forms are other words: tickets
*opened* in March are not tickets *open* in March, so stems, which also merge `international` with `intern`, are not
used. Prepositions, negations, comparatives, units of time and every content word must be there, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.planning.schema_index import SchemaIndex
from app.planning.tokens import Token, stem

_FILLERS = "a an the please kindly there is are am was were be been do does did"
_FILLER = frozenset(_FILLERS.split())
_CAPITALISED_NAMES = frozenset({"a", "an", "is", "am", "be", "do"})
"""Fillers that, in capitals, may be a grade, a code or a country."""
_OPENINGS = (
    ("what",),
    ("which",),
    ("hi",),
    ("hello",),
    ("hey",),
    ("can", "you"),
    ("could", "you"),
    ("would", "you"),
    ("i", "want", "to", "know"),
    ("i", "want", "to", "see"),
    ("i", "would", "like", "to", "know"),
    ("i", "would", "like", "to", "see"),
    ("i'd", "like", "to", "know"),
    ("i'd", "like", "to", "see"),
    ("i", "need", "to", "know"),
    ("tell", "me"),
    ("show", "me"),
    ("show", "us"),
    ("give", "me"),
    ("give", "us"),
    ("list",),
    ("show",),
    ("display",),
    ("find",),
)
_THANKS = (("thanks",), ("thank", "you"))
OPENING_WORDS = frozenset(word for phrase in (*_OPENINGS, *_THANKS) for word in phrase)
"""Words that may be missing from a question that asks the same."""
_NEGATED = frozenset({"don't", "doesn't", "didn't", "isn't", "aren't", "wasn't", "weren't"})
_PLURALS = {
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "feet": "foot",
    "had": "have",
    "has": "have",
}
_ENDING_IN_S = """
    news goods customs means arms terms savings glasses less this its his hers as has does was us always perhaps
    sometimes besides across plus minus versus various previous yes series species odds works
"""
_NOT_PLURALS = frozenset(_ENDING_IN_S.split())
_SIGNS = frozenset(",;:–—-…!?.'\"()[]{}*`’‘“”")


def canonical(token: Token, *, shouting: bool = False) -> str | None:
    """The form in which a token is compared, None for one that may be left out. `shouting`: all is in capitals."""
    if token.value is not None:
        return f"#{token.value}"
    if token.kind == "quoted":
        return f'"{token.lower}"'
    if token.kind == "mark":
        return None if token.text in _SIGNS else token.text
    if token.lower in _NEGATED:
        return "not"
    named = not shouting and token.text[:1].isupper() and token.start > 0 and token.lower in _CAPITALISED_NAMES
    if token.lower in _FILLER and not named:
        return None
    return _PLURALS.get(token.lower) or singular(token.lower)


def singular(word: str) -> str:
    """A noun without its plural ending; the same for a verb's third person.

    >>> [singular(word) for word in ("countries", "boxes", "orders", "status", "class")]
    ['country', 'box', 'order', 'status', 'class']
    """
    if word in _NOT_PLURALS or len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ches", "shes", "xes", "sses", "zzes")) else word[:-1]


def compared(tokens: Sequence[Token], index: SchemaIndex) -> list[str | None]:
    """Each token's canonical form, None where it may be left out, openings and thanks included."""
    shouting = not any(letter.islower() for token in tokens for letter in token.text)
    forms = [canonical(token, shouting=shouting) for token in tokens]
    words = [token.lower for token in tokens]
    for at in range(_opened(words, forms, index)):
        forms[at] = None
    for phrase in _THANKS:
        if tuple(words[-len(phrase) :]) == phrase and len(words) > len(phrase):
            forms[-len(phrase) :] = [None] * len(phrase)
    return forms


def _opened(words: Sequence[str], forms: Sequence[str | None], index: SchemaIndex) -> int:
    """How many tokens at the start only ask; "list price" of a column of that name does not."""
    at = 0
    while at < len(words):
        if forms[at] is None:
            at += 1
            continue
        phrase = next((p for p in _OPENINGS if tuple(words[at : at + len(p)]) == p), None)
        if phrase is None or (len(phrase) == 1 and _names_something(words[at : at + 2], index)):
            break
        at += len(phrase)
    return at


def _names_something(words: Sequence[str], index: SchemaIndex) -> bool:
    """Whether the words may begin the name of a table, column or metric."""
    stems = tuple(stem(word) for word in words)
    return any(key[:1] == stems[:1] for named in (index.tables, index.columns, index.metrics) for key in named)


def question_key(forms: Sequence[str | None]) -> str:
    """What two wordings of the same question share."""
    return " ".join(form for form in forms if form is not None)
