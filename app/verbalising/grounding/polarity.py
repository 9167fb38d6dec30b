"""Whether a sentence says the opposite of its evidence: denials, and pairs of words that exclude each other."""

# ruff: noqa: E501 - word lists read better unwrapped
from __future__ import annotations

import re
from collections.abc import Sequence

from app.terms import fold, terms
from ingest.languages import Language

_NO_DENIAL = re.compile(
    r"\b(?:not only|no (?:later|more|longer|fewer|less) than|not (?:later|more|longer|less|fewer) than|no (?:exceptions?|matter|problem|charge|cost|fee|obligation)|at no (?:extra )?(?:cost|charge)|whether or not|if not|or not|nicht nur|no s[oó]lo|non seulement)\b",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"\b(?:not|never|nor|neither|none|nothing|nobody|nowhere|no|cannot|without|except(?:ed|ing|ions?)?|exclud\w+|exclusions?|exempt\w*|unable|impossible|\w+n[’']t|dont|cant|wont"
    r"|forbidden|prohibited|banned|refused?|rejected|denied|unavailable|invalid|void|unless|nicht|keine?[nmrs]?|nie|niemals|ohne|weder|excepto|salvo|sin|nunca|sauf|sans|jamais|pas|aucune?)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[.;:!?()\n–—]+|,(?!\d)|\b(?:but|although|while|whereas|however|and|or|if|when|aber|wenn|pero|mais|si)\b",
    re.IGNORECASE,
)
_PAIRS = (
    "within after|before after|until after|over under|above below|more less|more fewer|at_least at_most|minimum maximum|earliest latest|inside outside|include exclude"
    "|allow forbid|allow prohibit|accept reject|accept refuse|open closed|increase decrease|rise fall|rose fell|grew shrank|highest lowest|largest smallest|biggest smallest|best worst|most least"
    "|must may|must can|required optional|mandatory optional|always never|always sometimes|all some|all none|every some|every no|only also|first last|free paid|before during|with without|up down"
    "|longer shorter|higher lower|faster slower|cheaper dearer|cheaper more|sent received|buyer seller|yes no|true false|legal illegal|safe unsafe|safe dangerous|hot cold|warm cold|cool warm|wet dry|left right|start end|begin end|early late|upper lower|new old"
)
_OPPOSITES = tuple((a, b) for pair in _PAIRS.split("|") for a, b in (pair.split(), pair.split()[::-1]))
_FORMS = {
    "include": "includ(?:e|es|ed|ing)", "exclude": "exclud(?:e|es|ed|ing)", "allow": "(?:allow(?:s|ed)?|permit(?:s|ted)?)",
    "forbid": "forb(?:id|ids|idden|ade)", "prohibit": "prohibit(?:s|ed)?", "accept": "accept(?:s|ed)?", "reject": "reject(?:s|ed)?",
    "refuse": "refuse[sd]?", "increase": "increas(?:e|es|ed|ing)", "decrease": "decreas(?:e|es|ed|ing)", "at_least": "(?:at least|no less than|minimum of)",
    "at_most": "(?:at most|no more than|up to|maximum of)", "must": "(?:must|ha(?:ve|s) to|needs? to|is required|are required)", "rise": "ris(?:e|es|en|ing)",
    "fall": "fall(?:s|en|ing)?", "start": "starts?", "end": "ends?", "open": "open(?:s|ed)?", "closed": "close[sd]?", "required": "requir(?:ed|es|e)", "can": "(?:can|could)",
}  # fmt: skip


def clauses(text: str) -> list[str]:
    """The clauses of a text that hold a word."""
    return [clause for clause in _CLAUSE.split(text) if clause and any(map(str.isalnum, clause))]


def denies(text: str) -> bool:
    """Whether a text denies something; "no later than" and "no charge" do not."""
    return _DENIAL.search(_NO_DENIAL.sub(" ", text)) is not None


def contradicts(claim: str, units: Sequence[str], language: Language) -> bool:
    """Whether a clause of the claim denies what the clauses most like it assert, or asserts what they deny.

    Where several clauses of the units are as like it, one of the same polarity is enough.
    """
    told = [(clause, set(terms(clause, language))) for unit in units for clause in clauses(unit)]
    for clause in clauses(claim):
        words = set(terms(clause, language))
        if not words:
            continue
        best = max((len(words & held) for _, held in told), default=0)
        if not best:
            if denies(clause) and not any(denies(unit) for unit in units):
                return True
            continue
        like = [each for each, held in told if len(words & held) == best]
        if all(denials(each) % 2 != denials(clause) % 2 for each in like):
            return True
    return False


def opposes(claim: str, units: Sequence[str]) -> bool:
    """Whether the claim has one word of a pair that excludes each other, and its units only the other one."""
    said, held = fold(claim), fold("\n".join(units))
    for word, opposite in _OPPOSITES:
        if _has(word, said) and not _has(word, held) and _has(opposite, held) and not _has(opposite, said):
            return True
    return False


_UPPER = "within|up to|at most|no more than|not more than|no longer than|no later than|not later than|under|below|less than|fewer than|until|by|before|maximum(?: of)?|max"
_LOWER = "at least|over|above|more than|after|since|from|minimum(?: of)?|beyond|longer than|no less than|older than|later than|exceed(?:s|ing)?|starting at"
_SIDE = re.compile(
    rf"\b(?:(?P<upper>{_UPPER})|(?P<lower>{_LOWER}))\b(?:\s(?:about|the|a|an|of|only|another))?\W{{0,3}}$",
    re.IGNORECASE,
)


def bound(text: str, at: int) -> str | None:
    """Whether what stands before a number makes it the most (`upper`) or the least (`lower`); None for neither."""
    found = _SIDE.search(text[max(0, at - 40) : at])
    return found.lastgroup if found is not None else None


def _has(word: str, text: str) -> bool:
    return re.search(rf"\b{_FORMS.get(word, word)}\b", text) is not None


def denials(text: str) -> int:
    """How many words of a text deny."""
    return len(_DENIAL.findall(_NO_DENIAL.sub(" ", text)))
