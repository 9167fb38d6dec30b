"""The first version of a description file, from what the profile found: for a person to correct and to add to."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from ingest.stores.catalog import Catalog, Column, Join, Table

_HEAD = """\
# What people know of the source {source} that its tables do not say. Correct it, fill in what helps, delete the rest;
# then: answerable ingest add LOCATION --name {source} --describe THIS_FILE
#
# description  what it is, in the words that people ask with     synonyms  other names: [clients, buyers]
# visibility   public or internal (the default)                  key       columns that identify a row
# pii          email, phone, person, … or none                   hidden    true: never shown, never planned with
# unit         EUR, kg, %, …                                     labels    what stored codes mean: {{P: paid}}
"""
_METRICS = """\
metrics: {}
#  net revenue:                      # computed when a question names it
#    table: order_items
#    expression: sum(quantity * price)
#    filter: orders.status <> 'X'
#    synonyms: [turnover]
#    unit: EUR
"""
_MOST_VALUES = 8
_LONGEST_CODE = 3


def draft_description(catalog: Catalog) -> str:
    """YAML that `read_description` takes and that changes nothing by itself."""
    return "\n".join([_HEAD.format(source=catalog.source), *_lines(catalog), _METRICS])


def _lines(catalog: Catalog) -> Iterator[str]:
    yield f"description: {_scalar(catalog.description)}"
    yield "tables:"
    for table in catalog.tables:
        yield from _table(table)
    yield "joins:" if catalog.joins else "joins: []"
    for join in catalog.joins:
        yield f"  - {_scalar(_said(join))}  # {join.evidence}"


def _table(table: Table) -> Iterator[str]:
    yield f"  {_scalar(table.name)}:  # {table.rows:,} rows"
    yield f"    description: {_scalar(table.description)}"
    yield f"    synonyms: {_flow(list(table.synonyms))}"
    yield f"    visibility: {table.visibility}"
    if table.primary_key:
        yield f"    key: {_flow(list(table.primary_key))}"
    dates = [column.name for column in table.columns if column.type in ("date", "timestamp")]
    if dates:
        yield f"    default_date: {_scalar(table.default_date or dates[0])}  # what a bare period in a question means"
    yield "    columns:"
    for column in table.columns:
        yield f"      {_scalar(column.name)}: {_flow(_known(column, table))}  # {_comment(column)}"


def _known(column: Column, table: Table) -> dict[str, object]:
    """What the profile knows, and empty places for what it cannot."""
    found: dict[str, object] = {"description": column.description or "", "synonyms": list(column.synonyms)}
    if column.unit:
        found["unit"] = column.unit
    if column.pii and (column.pii_declared or column.pii != "PERSON"):
        found["pii"] = column.pii
    elif column.pii_declared:
        found["pii"] = "none"
    if column.visibility != table.visibility:
        found["visibility"] = column.visibility
    if column.hidden:
        found["hidden"] = True
    if column.labels:
        found["labels"] = dict(column.labels)
    return found


def _comment(column: Column) -> str:
    notes: list[str] = [column.type]
    if column.pii == "PERSON" and not column.pii_declared:
        notes.append("looks like names: pii: person would mask them")
    elif column.type == "text" and column.frequent and column.distinct <= _MOST_VALUES and column.pii is None:
        values = [str(each.value) for each in column.frequent]
        coded = " (labels?)" if all(len(value) <= _LONGEST_CODE for value in values) and not column.labels else ""
        notes.append(f"values{coded}: {', '.join(values)}")
    elif column.minimum is not None:
        notes.append(f"{column.minimum} to {column.maximum}")
    if column.nulls:
        notes.append(f"{column.nulls:,} empty")
    return " ".join("; ".join(notes).split())


def _said(join: Join) -> str:
    left = ", ".join(_side(join.left_table, column) for column in join.left_columns)
    right = ", ".join(_side(join.right_table, column) for column in join.right_columns)
    return f"{left} -> {right}"


def _side(table: str, column: str) -> str:
    if table.isidentifier() and column.isidentifier():
        return f"{table}.{column}"
    return ".".join('"' + name.replace('"', '""') + '"' for name in (table, column))


def _scalar(text: str | None) -> str:
    """A text as YAML on one line; nothing for None."""
    if not text:
        return ""
    return yaml.safe_dump(text, allow_unicode=True, width=10_000, default_style=None).removesuffix("\n...\n").strip()


def _flow(value: object) -> str:
    return yaml.safe_dump(value, allow_unicode=True, width=10_000, default_flow_style=True, sort_keys=False).strip()
