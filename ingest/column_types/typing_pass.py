"""The typing pass: sample, probe all rows, decide, and write one SELECT expression per column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from connectors.base import Problem, TableSchema
from ingest.column_types.dates import SQL_TYPES
from ingest.column_types.decisions import Decision, decide
from ingest.column_types.forms import Form, trimmed, without_null_words
from ingest.column_types.numbers import sql_type
from ingest.column_types.probing import Probe, examples, probe, sample_candidates
from ingest.stores.identifiers import quoted


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """How to read one staging column: a SELECT expression over the staging relation, its type and its unit."""

    name: str
    expression: str
    sql_type: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class TypedTable:
    """The columns in source order, and what a person should know of their typing."""

    columns: tuple[TypedColumn, ...]
    findings: tuple[Problem, ...]

    @property
    def select_list(self) -> str:
        """The SELECT list that converts the staging relation."""
        return ", ".join(f"{column.expression} AS {quoted(column.name)}" for column in self.columns)


def type_table(
    connection: duckdb.DuckDBPyConnection, staging: str, schema: TableSchema, *, names: Sequence[str] | None = None
) -> TypedTable:
    """Infer the types of an all-text relation.

    `staging` is a relation that `FROM` accepts; `names` are its column names where they differ from the schema's.
    Sets the session's time zone to UTC.
    """
    connection.execute("SET TimeZone = 'UTC'")
    columns = tuple(names if names is not None else (column.name for column in schema.columns))
    if not columns:
        return TypedTable((), ())
    probes = probe(connection, staging, sample_candidates(connection, staging, columns))
    decisions = decide(probes)
    typed = tuple(_typed(name, decisions.get(name)) for name in columns)
    findings: list[Problem] = []
    for name in columns:
        decision = decisions.get(name)
        if decision is not None:
            findings += _findings(connection, staging, schema.path, name, probes[name], decision)
    return TypedTable(typed, tuple(findings))


def _typed(name: str, decision: Decision | None) -> TypedColumn:
    text = trimmed(quoted(name))
    if decision is None or decision.form is None:
        return TypedColumn(name, text, "VARCHAR")
    converted = decision.form.convert(without_null_words(text))
    if decision.stats is not None:
        kind = sql_type(decision.stats)
        if decision.form.name == "plain":  # all values fit, so whatever the cast refuses is a null word
            return TypedColumn(name, f"TRY_CAST({text} AS {kind})", kind)
        return TypedColumn(name, f"CAST({converted} AS {kind})", kind, decision.unit)
    return TypedColumn(name, converted, SQL_TYPES[decision.form.family])


def _findings(
    connection: duckdb.DuckDBPyConnection, staging: str, path: str, name: str, found: Probe, decision: Decision
) -> list[Problem]:
    """Everything worth telling of one column: what stayed text and why, what became NULL, what was ambiguous."""
    notes = [Problem(path, note.code, f"Column {name!r}: {note.message}", note.severity) for note in decision.notes]
    if decision.form is not None:
        if found.null_words:
            count = f"{found.null_words} of {found.values + found.null_words} cells"
            text = f"Column {name!r}: {count} hold a word for no value (NA, null, - …) and became NULL."
            notes.append(Problem(path, "null_words", text, "repaired"))
    elif decision.mixed is not None:
        fits = found.fits[decision.mixed.name]
        others = ", ".join(repr(value) for value in examples(connection, staging, name, decision.mixed))
        count = f"{fits} of {found.values} values are {_plural(decision.mixed)}"
        text = f"Column {name!r} is kept as text: {count}, but not {others}."
        notes.append(Problem(path, "mixed_column", text, "noted"))
    return notes


def _plural(form: Form) -> str:
    names: Mapping[str, str] = {"number": "numbers", "date": "dates", "timestamp": "timestamps", "time": "times of day"}
    return names.get(form.family, "truth values")
