"""What stands for a row of a table when people speak of it: its display columns and its key."""

from __future__ import annotations

from app.planning.plan import ColumnRef
from app.planning.tokens import identifier_stems
from ingest.stores.catalog import Column, Table

_NAMES = (("name",), ("titl",), ("full", "name"), ("display", "name"), ("label",))


def display_columns(table: Table) -> tuple[ColumnRef, ...]:
    """The columns by which people recognise a row: its name or title, first and last name, else its key."""
    stems = {column.name: identifier_stems(column.name) for column in table.columns}
    own = identifier_stems(table.name)
    person = [
        c.name for part in (("first", "name"), ("last", "name")) for c in table.columns if stems[c.name][-2:] == part
    ]
    for wanted in _NAMES:
        if wanted == ("titl",) and len(person) == 2:
            break  # a person's title says less than the name
        for column in table.columns:
            words = stems[column.name]
            if words == wanted or (
                words[-len(wanted) :] == wanted and words[: -len(wanted)] in (own, own[-1:], own[:1])
            ):
                return (ColumnRef(table.name, column.name),)
    for column in table.columns:
        if stems[column.name] in (own, own[-1:]) and column.type == "text":
            return (ColumnRef(table.name, column.name),)
    if len(person) == 2:
        return tuple(ColumnRef(table.name, name) for name in person)
    for column in table.columns:
        if column.type == "text" and stems[column.name] and stems[column.name][-1] in ("name", "titl"):
            return (ColumnRef(table.name, column.name),)
    for column in table.columns:
        if (
            column.type == "text"
            and stems[column.name][:-1] in (own, own[-1:])
            and stems[column.name][-1] in ("detail", "descript")
        ):
            return (ColumnRef(table.name, column.name),)
    return key_columns(table) or (_most_distinct_text(table),)


def _most_distinct_text(table: Table) -> ColumnRef:
    def rank(column: Column) -> tuple[bool, bool, int]:
        return column.type == "text", column.unique, column.distinct

    return ColumnRef(table.name, max(table.columns, key=rank).name)


def key_columns(table: Table) -> tuple[ColumnRef, ...]:
    """The primary key, if every part of it is visible."""
    names = {column.name for column in table.columns}
    if not table.primary_key or not set(table.primary_key) <= names:
        return ()
    return tuple(ColumnRef(table.name, name) for name in table.primary_key)


def date_columns(table: Table) -> tuple[ColumnRef, ...]:
    """Date and timestamp columns, the default one first."""
    names = [column.name for column in table.columns if column.type in ("date", "timestamp")]
    own = {*identifier_stems(table.name), "creat", "ordered", "placed"}
    names.sort(key=lambda name: not own & set(identifier_stems(name)))
    if table.default_date in names:
        names.sort(key=lambda name: name != table.default_date)
    return tuple(ColumnRef(table.name, name) for name in names)


def year_columns(table: Table) -> tuple[ColumnRef, ...]:
    """Integer columns that hold years."""
    return tuple(
        ColumnRef(table.name, column.name)
        for column in table.columns
        if column.type == "integer" and "year" in identifier_stems(column.name)
    )
