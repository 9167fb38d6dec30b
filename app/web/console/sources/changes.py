"""What another description file would change in the catalog, in rows for a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ingest.description import ColumnDescription, Description, TableDescription
from ingest.stores.catalog import Visibility

if TYPE_CHECKING:
    from ingest.stores.snapshot import SourceReader

_NAMED = 5


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference. `widens`: more people may see more than before."""

    part: str
    what: str
    before: str
    after: str
    widens: bool = False


def changes_of(before: Description | None, after: Description, source: SourceReader) -> list[Change]:
    """Every difference; who may see what comes first."""
    earlier = before or Description(path=after.path)
    said = [*_visibility_changes(earlier, after, source), *_said_changes(earlier, after)]
    return sorted(said, key=lambda change: not change.widens)


def _said_changes(before: Description, after: Description) -> Iterator[Change]:
    old, new = dict(_facts(before)), dict(_facts(after))
    for key in [*new, *(key for key in old if key not in new)]:
        was, now = old.get(key, ""), new.get(key, "")
        if was != now:
            part, what = key
            yield Change(part=part, what=what, before=was, after=now, widens=_reveals(what, was, now))


def _reveals(what: str, was: str, now: str) -> bool:
    """Whether a value that was masked or hidden may be shown from now on."""
    masked = what == "personal data" and was not in ("", "none") and now in ("", "none")
    declared = what == "personal data" and was == "" and now == "none"
    sent = what == "models" and was == "never"
    return masked or declared or sent or (what == "hidden" and was == "yes")


def _facts(said: Description) -> Iterator[tuple[tuple[str, str], str]]:
    """(part, what) -> what the file says of it, without what decides visibility."""
    threshold = "" if said.planner_threshold is None else f"{said.planner_threshold:g}"
    for what, text in (("description", said.description), ("planner_threshold", threshold), ("models", said.models)):
        if text:
            yield ("source", what), text
    for table in said.tables:
        yield from ((((f"table {table.name}"), what), text) for what, text in _table_facts(table) if text)
        for column in table.columns:
            part = f"column {table.name}.{column.name}"
            yield from (((part, what), text) for what, text in _column_facts(column) if text)
    for join in said.joins:
        left, right = ", ".join(join.left_columns), ", ".join(join.right_columns)
        yield (f"join {join.left_table} ({left}) to {join.right_table} ({right})", "join"), "described"
    for each in said.metrics:
        metric = each.metric
        for what in ("table", "expression", "filter", "unit", "description"):
            if text := getattr(metric, what):
                yield (f"metric {metric.name}", what), str(text)
        if metric.synonyms:
            yield (f"metric {metric.name}", "synonyms"), ", ".join(metric.synonyms)


def _table_facts(table: TableDescription) -> Iterator[tuple[str, str]]:
    yield "description", table.description or ""
    yield "synonyms", ", ".join(table.synonyms)
    yield "key", ", ".join(table.key)
    yield "default_date", table.default_date or ""


def _column_facts(column: ColumnDescription) -> Iterator[tuple[str, str]]:
    yield "description", column.description or ""
    yield "synonyms", ", ".join(column.synonyms)
    yield "unit", column.unit or ""
    yield "personal data", (column.pii or "none") if column.pii_said else ""
    yield "hidden", "yes" if column.hidden else ""
    yield "labels", ", ".join(f"{stored}: {label}" for stored, label in column.labels.items())


def _visibility_changes(before: Description, after: Description, source: SourceReader) -> Iterator[Change]:
    """Tables, columns and documents that other people may see from now on, as the catalog will have it."""
    default = source.entry.visibility
    for table in source.catalog.tables:
        old, new = _table_said(before, table.name, table.path), _table_said(after, table.name, table.path)
        was, now = _of_table(old, before, default), _of_table(new, after, default)
        if was != now:
            yield _seen(f"table {table.name}", was, now)
        for column in table.columns:
            had, has = _of_column(old, column.name, was), _of_column(new, column.name, now)
            if had != has and (had, has) != (was, now):
                yield _seen(f"column {table.name}.{column.name}", had, has)
    yield from _document_changes(before, after, source)


def _document_changes(before: Description, after: Description, source: SourceReader) -> Iterator[Change]:
    if before.documents == after.documents or source.passages is None:
        return
    default = source.entry.visibility
    moved: dict[tuple[Visibility, Visibility], list[str]] = {}
    for document in source.passages.documents():
        was = before.document_visibility(document.path) or default
        now = after.document_visibility(document.path) or default
        if was != now:
            moved.setdefault((was, now), []).append(document.path)
    for (was, now), paths in moved.items():
        more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
        yield _seen(f"documents {', '.join(paths[:_NAMED])}{more}", was, now)


def _seen(part: str, was: Visibility, now: Visibility) -> Change:
    return Change(part=part, what="visibility", before=was, after=now, widens=now == "public")


def _table_said(said: Description, name: str, path: str) -> TableDescription | None:
    return next((t for t in said.tables if t.name.casefold() == name.casefold() or t.name == path), None)


def _of_table(table: TableDescription | None, said: Description, default: Visibility) -> Visibility:
    return (table.visibility if table else None) or said.visibility or default


def _of_column(table: TableDescription | None, name: str, default: Visibility) -> Visibility:
    columns = table.columns if table else ()
    said = next((column.visibility for column in columns if column.name.casefold() == name.casefold()), None)
    return said or default
