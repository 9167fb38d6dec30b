"""Guards: what a request may not be, decided before anything is planned or searched.

They give a clear refusal early; they are not what keeps data safe. That is the validation rules' and the sandbox's work.
"""

# ruff: noqa: E501 - word lists read better unwrapped
from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from app.sentences import Said, said, say

_SQL = re.compile(
    r"^\W*(?:select\b[\s\S]*\bfrom\b|select\s+[\w*'\"(]+\s*[;,(*]|insert\s+into\b|update\s+[\w.\"]+\s+set\b|delete\s+from\b|"
    r"drop\s+(?:table|database|schema|view|index)\b|alter\s+(?:table|database|system)\b|create\s+(?:table|or\s+replace|view|macro|schema|temp)\b|"
    r"truncate\b|attach\b\s+'|copy\s+\w+\s+(?:to|from)\b|pragma\b|with\s+\w+\s+as\s*\(|install\s+\w+|load\s+\w+\s*;|set\s+\w+\s*=|call\s+\w+\s*\(|explain\s+(?:analyze\s+)?select\b)",
    re.IGNORECASE,
)
_INJECTED_SQL = re.compile(
    r";\s*(?:drop|delete|insert|update|alter|create|attach|copy|install|load|select|set|pragma|exec|shutdown|declare|waitfor)\b|"
    r"\bunion\s+(?:all\s+)?select\b|['\"]\s*(?:or|and|\|\||&&)\s*['\"(]?[\w(]+['\")]*\s*(?:=|like\b|<|>)|(?:^|['\")\s])--\s*$|/\*.*\*/|\bxp_cmdshell\b|"
    r"\b(?:sleep|benchmark|pg_sleep|waitfor\s+delay|load_file|read_csv|read_text|read_blob|read_parquet|getenv)\s*\(|\binto\s+outfile\b|\binformation_schema\b",
    re.IGNORECASE,
)
_WRITES = re.compile(
    r"^\W*(?:please\s+|now\s+|can you\s+|could you\s+|go ahead and\s+|i want you to\s+)?"
    r"(?:(?:delete|drop|truncate|wipe|erase|purge|destroy)\b(?!\s+(?:off|shipping|ship|stitch))|"
    r"(?:remove|cancel|update|change|set|modify|edit|increase|decrease|reduce|raise|lower|overwrite|rename|insert|add)\s+"
    r"(?:all|every|each|the\s+(?:\w+\s+){0,3}(?:of|for|to|table|row|rows|record|records|price|prices|status|database|data|column)|"
    r"(?:a\s+)?(?:new\s+)?(?:row|record|table|column|customer|order|product|user)s?\b|(?:order|customer|product|ticket|user)s?\s+#?\d))",
    re.IGNORECASE,
)
_INSTRUCTIONS = re.compile(
    r"\b(?:ignore|disregard|forget|bypass|override)\b.{0,40}\b(?:previous|prior|above|earlier|all|your|the|any)\b.{0,30}\b(?:instruction|rule|prompt|guideline|restriction|direction|filter)s?\b|"
    r"\b(?:system|hidden|initial|original)\s+prompt\b|\b(?:developer|debug|god|admin|jailbreak|dan)\s+mode\b|\byou are now\b.{0,60}\b(?:mode|assistant|unrestricted|free|admin|root|dan)\b|"
    r"\b(?:reveal|print|show|repeat|output)\b.{0,30}\b(?:your|the)\b.{0,20}\b(?:instructions|prompt|configuration|api[ _-]?keys?|secrets?|passwords?|environment variables)\b|"
    r"\bpretend (?:to be|you are|that you)\b",
    re.IGNORECASE | re.DOTALL,
)


class Objection(msgspec.Struct, frozen=True):
    """Why a question is not answered: a stable code and the reason for a person."""

    code: str
    said: Said

    @property
    def reason(self) -> str:
        """The reason in English."""
        return say(self.said, "en")


def is_sql(text: str) -> Objection | None:
    """The question is a statement, or carries one."""
    if _SQL.search(text) or _INJECTED_SQL.search(text):
        return Objection("unsafe", said("sql"))
    return None


def asks_to_write(text: str) -> Objection | None:
    """The question asks to change data."""
    if _WRITES.search(text):
        return Objection("unsafe", said("writes"))
    return None


def gives_instructions(text: str) -> Objection | None:
    """The question tries to change the rules by which it is answered."""
    if _INSTRUCTIONS.search(text):
        return Objection("unsafe", said("instructions"))
    return None


def has_no_words(text: str) -> Objection | None:
    """Nothing but signs, such as emoji."""
    if not any(character.isalnum() for character in text):
        return Objection("not_understood", said("no_words"))
    return None


GUARDS: tuple[Callable[[str], Objection | None], ...] = (has_no_words, is_sql, gives_instructions, asks_to_write)


def objection(text: str) -> Objection | None:
    """The first guard's objection to a question, or None."""
    return next((found for guard in GUARDS if (found := guard(text)) is not None), None)
