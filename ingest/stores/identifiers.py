"""Quoting of names and texts for DuckDB statements that are built while ingesting."""

from __future__ import annotations


def quoted(name: str) -> str:
    """The identifier in double quotes, so that any name (spaces, keywords, non-ASCII) is taken literally."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
