"""An answer's codes and figures in words, its texts as safe markup."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import sqlglot
from markupsafe import Markup, escape
from sqlglot.errors import SqlglotError

from app import links
from app.commands.terminal import plain
from app.links import CONSOLE_SOURCE_PAGE
from app.ops.feedback import Reason

STATUSES = {
    "answered": ("Answered", "good"),
    "clarify": ("Asked back", "warn"),
    "refused": ("Refused", "bad"),
    "partial": ("Partial", "warn"),
    "failed": ("Failed", "bad"),
}
"""Status -> label, class of its badge."""
ROUTES = {"tables": "Tables", "passages": "Documents", "both": "Tables and documents", "none": "No route"}
REASONS = {
    "refused": ("Refused", "bad"),
    "clarify": ("Asked back", "warn"),
    "failed": ("Out of time", "bad"),
    "unsure": ("Low confidence", "warn"),
    "thumbs_down": ("Thumbs down", "bad"),
}
CODES = {
    "not_in_data": "Neither documents nor tables say anything about it.",
    "unsafe": "The question asks for what is never done.",
    "not_understood": "Some words fit nothing in the tables, and the documents do not say.",
    "contradictory": "The question contradicts itself.",
    "not_permitted": "The caller may not see what it asks for.",
    "no_sources": "There was no source to ask.",
    "no_such_value": "No row holds the value that it names.",
    "other_language": "Tables are asked in English.",
}
"""Code of a refusal -> what it means; other codes are shown as they are."""
PLANNERS = {"grammar": "the rules", "model": "a language model", "verified": "an approved question"}
_PASSAGES = "documents hold passages that answer it"
_MOST_DIGITS = 1e15
_SAME = {True: "yes", False: "no", None: None}


def route_words(answer: Mapping[str, Any]) -> str:
    """Where the answer comes from and why there, in a sentence."""
    sure = f"confidence {answer['confidence']:.0%}"
    if answer.get("verified"):
        return f"An approved question of the same meaning answers it ({sure})."
    if answer["route"] in ("tables", "both"):
        by = (answer.get("planner") or {}).get("by")
        planned = f"The tables answer it: {PLANNERS.get(str(by), 'the rules')} planned the query"
        also = f", and {_PASSAGES}" if answer["route"] == "both" else ""
        return f"{planned}{also} ({sure})."
    if answer["route"] == "passages":
        return f"{_PASSAGES.capitalize()}; no plan over tables was surer ({sure})."
    refusal = answer.get("refusal") or {}
    if refusal:
        return CODES.get(refusal.get("code", ""), "The question was refused.")
    if answer["status"] == "clarify":
        return "The question can be meant in several ways, each of which would be answered."
    return "There was no answer in the time that a question has."


def planning_facts(planning: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How a plan was chosen, as pairs of a name and its value; what does not apply is left out."""
    found = [
        ("Planned by", PLANNERS.get(str(planning.get("by")), "nothing: all was in vain")),
        ("Confidence of the plan", _share(planning.get("confidence"))),
        ("Confidence of the rules", _share(planning.get("grammar"))),
        ("Confidence of the model", _share(planning.get("model"))),
        ("What the model gave", planning.get("outcome")),
        ("Statements put to the vote", planning.get("samples") or None),
        ("Agreement of the vote", _share(planning.get("agreement"))),
        ("Repairs", planning.get("repairs") or None),
        ("Words accounted for", _share(planning.get("coverage"))),
        ("Same rows as the rules", _SAME[planning.get("same_as_grammar")]),
    ]
    return [(name, str(value)) for name, value in found if value is not None]


def cited(text: str, numbers: Sequence[int]) -> Markup:
    """An answer's text, escaped, each mark `[n]` of a citation as a link to it."""
    known = set(map(str, numbers))

    def linked(found: re.Match[str]) -> str:
        n = found[1]
        return f'<a class="mark" href="#citation-{n}" aria-label="Citation {n}">{n}</a>' if n in known else found[0]

    return Markup(re.sub(r"\[([0-9]{1,4})\]", linked, str(escape(text))))  # noqa: S704 - escaped before


def highlighted(sql: str, dialect: str) -> Markup:
    """SQL on several lines, with a class for each kind of token; the style sheet has the colours."""
    tokens = sql_tokens(sql, dialect)
    pieces = (Markup('<span class="{}">{}</span>').format(kind, text) if kind else text for kind, text in tokens)
    return Markup("").join(pieces)


def sql_tokens(sql: str, dialect: str) -> list[tuple[str, str]]:
    """SQL on several lines, as pairs of a token's class, empty for white space and plain names, and its text.

    Control characters, and those that reorder or hide text, are shown as escapes.
    """
    from pygments.lexers import SqlLexer
    from pygments.token import STANDARD_TYPES, Name, Whitespace

    found: list[tuple[str, str]] = []
    for kind, text in SqlLexer(stripnl=False, ensurenl=False).get_tokens(plain(_on_lines(sql, dialect))):
        while kind not in STANDARD_TYPES:
            kind = kind.parent
        shown = "" if kind in (Whitespace, Name) else STANDARD_TYPES[kind]
        if found and found[-1][0] == shown:
            text = found.pop()[1] + text
        found.append((shown, text))
    return found


def _on_lines(sql: str, dialect: str) -> str:
    """The statement as people write it, or as it is where its text cannot be read: in a trace values are masked."""
    try:
        return str(sqlglot.parse_one(sql, dialect=dialect).sql(dialect=dialect, pretty=True))
    except (SqlglotError, ValueError, RecursionError):
        return sql


def cell(value: Any) -> str:
    """A cell as text: no more than six decimals, thousands apart only where there are decimals."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and abs(value) < _MOST_DIGITS:
        return f"{value:,.6f}".rstrip("0").rstrip(".")
    return str(value)


def stored_text(place: Mapping[str, Any]) -> str | None:
    """Where the console shows the stored text of a place's document, at its passage; None for a whole source."""
    start, end = place.get("start"), place.get("end")
    return links.stored_text(CONSOLE_SOURCE_PAGE, place["source"], place.get("document"), start=start, end=end)


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.0%}"


WORDS: Mapping[str, Any] = {
    "statuses": STATUSES,
    "routes": ROUTES,
    "reasons": REASONS,
    "codes": CODES,
    "stored_text": stored_text,
    "as_cell": cell,
    "thumb_reasons": get_args(Reason),
}
"""What templates about answers name."""
