"""Reading one table of a server: its readings, its fingerprint, its rows in batches, and what changed of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import pyarrow as pa
from sqlglot import exp

from connectors.base import ColumnSchema, ForeignKey, ServerColumn, ServerTable, TableBatch, TableChanges, TableSchema
from connectors.databases.columns import Read, read_of, settled
from connectors.databases.readings import reading
from connectors.databases.reflection import ReflectedTable
from connectors.databases.server import Session, Timeout
from connectors.formats.tabular_header import unique_names

_LEAST_ROWS, _MOST_ROWS, _FETCHED_BYTES = 100, 5_000, 8 << 20
PROBE_S = 20.0
"""Seconds that looking at a whole live table may take; without an answer its columns are read in the safest way."""
_CURSORS = ("date", "timestamp", "int", "decimal", "string")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a sync saw of a table with a cursor, as its fingerprint says it."""

    definition: str
    rows: int
    greatest: str | None
    at_greatest: str

    @classmethod
    def of(cls, fingerprint: str | None) -> Seen | None:
        """What a fingerprint says; None if it is not one of a table with a cursor."""
        if fingerprint is None or not fingerprint.startswith("{"):
            return None
        try:
            return cls(**json.loads(fingerprint))
        except (ValueError, TypeError):
            return None

    def fingerprint(self) -> str:
        """The fingerprint: it holds what the next sync has to know."""
        values = {name: getattr(self, name) for name in ("definition", "rows", "greatest", "at_greatest")}
        return json.dumps(values, sort_keys=True)


class TableReader:
    """Reads one table in one session. `names`: path -> suggested name of every table of the source."""

    def __init__(self, session: Session, table: ReflectedTable, names: dict[str, str], *, live: bool) -> None:
        self._session = session
        self._table = table
        self._names = names
        self._live = live
        self._dialect = session.server.dialect
        self._columns = unique_names([column.name for column in table.columns])
        self._relation = f"{self._quoted(table.schema)}.{self._quoted(table.name)}"

    @cached_property
    def reads(self) -> tuple[Read, ...]:
        """How each column is read, once it is known what its values are."""
        reads = [read_of(column.type, self._dialect) for column in self._table.columns]
        asked = [(at, part) for at, each in enumerate(reads) for part in self._questions(at, each)]
        answers = self._answers([part for _, part in asked])
        found: list[list[object]] = [[] for _ in reads]
        for (at, _), answer in zip(asked, answers, strict=True):
            found[at].append(answer)
        return tuple(settled(each, tuple(own)) if own else each for each, own in zip(reads, found, strict=True))

    @cached_property
    def schema(self) -> TableSchema:
        """The table as the source declares it."""
        table, own = self._table, dict(zip((c.name for c in self._table.columns), self._columns, strict=True))
        keys = [
            ForeignKey(tuple(own.get(c, c) for c in key.columns), self._names[key.to_table], key.to_columns)
            for key in table.foreign_keys
            if key.to_table in self._names
        ]
        return TableSchema(
            name=self._names[table.path],
            path=table.path,
            columns=tuple(
                ColumnSchema(name, each.comment) for name, each in zip(self._columns, table.columns, strict=True)
            ),
            typed=True,
            primary_key=tuple(own[c] for c in table.primary_key if c in own),
            foreign_keys=tuple(keys),
            comment=table.comment,
            server=self._server_table() if self._live else None,
        )

    def unread_columns(self) -> list[str]:
        """Columns of bytes and the like, which stay empty."""
        return [name for name, read in zip(self._columns, self.reads, strict=True) if read.reading == "nothing"]

    def rounded_columns(self) -> list[str]:
        """Columns of numbers too wide to be kept exactly."""
        return [name for name, read in zip(self._columns, self.reads, strict=True) if read.reading == "double"]

    def fingerprint(self) -> str:
        """The identity of the table's definition and content; the server computes it over all rows."""
        count, content = self._content()
        return _hash([self._definition(), count, content])

    def seen(self, cursor: str) -> Seen:
        """The state of a table with a cursor: its rows, the greatest cursor and what is there."""
        at = self._column(cursor)
        count, greatest = self._session.rows(f"SELECT count(*), max({at}) FROM {self._relation}")[0]  # noqa: S608
        text = _cursor_text(greatest)
        where = f"WHERE {at} = {self._cursor_literal(cursor, text)}" if text is not None else ""
        last = self._session.rows(f"SELECT {self._content_hash()} FROM {self._relation} {where}")[0][0]  # noqa: S608
        return Seen(_hash([self._definition(), cursor]), int(count), text, str(last))

    def can_follow(self, cursor: str) -> bool:
        """Whether rows can be found by this column and merged by a key."""
        read = self.reads[[column.name for column in self._table.columns].index(cursor)]
        return bool(self._table.primary_key) and any(str(read.arrow).startswith(kind) for kind in _CURSORS)

    def changes(self, cursor: str, now: Seen, before: Seen) -> TableChanges:
        """The rows whose cursor is at or after the greatest one seen before."""
        at = self._column(cursor)
        where = f"{at} IS NULL"
        if before.greatest is not None:
            where = f"{at} >= {self._cursor_literal(cursor, before.greatest)} OR {where}"
        fingerprint = now.fingerprint()
        return TableChanges(
            schema=self.schema, fingerprint=fingerprint, rows=now.rows,
            changed=lambda: self.batches(fingerprint, where), whole=lambda: self.batches(fingerprint),
        )  # fmt: skip

    def empty(self, fingerprint: str) -> TableBatch:
        """The batch of a table that is not copied: its columns and no row."""
        return TableBatch(self.schema, pa.RecordBatch.from_pylist([], schema=self._arrow), fingerprint)

    def batches(self, fingerprint: str, where: str = "") -> Iterator[TableBatch]:
        """The rows in batches of a bounded size; an empty batch if there are none."""
        selected = ", ".join(
            f"{self._reading(at).sql(dialect=self._dialect)} AS {self._quoted(f'c{at}')}"
            for at in range(len(self._table.columns))
        )
        query = f"SELECT {selected} FROM {self._relation} {f'WHERE {where}' if where else ''}"  # noqa: S608
        any_rows = False
        for rows in self._session.stream(query, _LEAST_ROWS, _MOST_ROWS, _FETCHED_BYTES):
            any_rows = True
            columns = zip(zip(*rows, strict=True), self.reads, strict=True)
            arrays = [pa.array([_cell(cell, read.arrow) for cell in column], read.arrow) for column, read in columns]
            yield TableBatch(self.schema, pa.record_batch(arrays, schema=self._arrow), fingerprint)
        if not any_rows:
            yield self.empty(fingerprint)

    @cached_property
    def _arrow(self) -> pa.Schema:
        return pa.schema([(name, read.arrow) for name, read in zip(self._columns, self.reads, strict=True)])

    def _server_table(self) -> ServerTable:
        columns = zip(self._columns, self._table.columns, self.reads, strict=True)
        return ServerTable(
            dialect=self._dialect, schema=self._table.schema, name=self._table.name,
            columns=tuple(ServerColumn(n, each.name, read.reading, each.type.collation) for n, each, read in columns),
            binary=self._session.server.binary_collation, casing=self._session.casing(),
        )  # fmt: skip

    def _reading(self, at: int) -> exp.Expr:
        column = self._table.columns[at]
        bare = exp.column(exp.to_identifier(column.name, quoted=True))
        binary = self._session.server.binary_collation
        return reading(bare, self.reads[at].reading, self._dialect, column.type.collation, binary)

    def _questions(self, at: int, read: Read) -> list[str]:
        column = self._column(self._table.columns[at].name)
        if read.asks == "dated":
            bare = exp.column(exp.to_identifier(self._table.columns[at].name, quoted=True))
            is_day = reading(bare, "dated", self._dialect, None, "").sql(dialect=self._dialect)
            return [f"count({column}) > count({is_day})"]
        if read.asks == "flag":
            return [f"coalesce(max({column}) > 1 OR min({column}) < 0, false)"]
        if read.asks == "digits":
            return list(self._digits(column))
        return []

    def _digits(self, column: str) -> tuple[str, str]:
        """Digits before and after the decimal point of the column's longest numbers."""
        if self._dialect == "postgres":
            usable = f"CASE WHEN {column} NOT IN ('NaN', 'Infinity', '-Infinity') THEN {column} END"
            return f"max(length(trunc(abs({usable}))::text))", f"max(scale(trim_scale({usable})))"
        written = f"CAST(abs({column}) AS CHAR)"
        after = f"trim(TRAILING '0' FROM substring_index({written}, '.', -1))"
        return (
            f"max(length(substring_index({written}, '.', 1)))",
            f"max(CASE WHEN instr({written}, '.') > 0 THEN length({after}) ELSE 0 END)",
        )

    def _answers(self, parts: Sequence[str]) -> Sequence[object]:
        if not parts:
            return ()
        query = f"SELECT {', '.join(parts)} FROM {self._relation}"  # noqa: S608
        if not self._live:
            return self._session.rows(query)[0]
        try:
            with self._session.apart(PROBE_S):
                return self._session.rows(query)[0]
        except Timeout:
            return tuple(99 if "length(" in part else True for part in parts)

    def _content(self) -> tuple[int, str]:
        query = f"SELECT count(*), {self._content_hash()} FROM {self._relation}"  # noqa: S608
        if not self._live:
            count, content = self._session.rows(query)[0]
            return int(count), str(content)
        try:
            with self._session.apart(PROBE_S):
                count, content = self._session.rows(query)[0]
                return int(count), str(content)
        except Timeout:
            return self._table.estimated_rows, datetime.now(UTC).isoformat()

    def _content_hash(self) -> str:
        """A sum over rows: of the hash of each row's text, whatever order they come in."""
        columns = [self._column(column.name) for column in self._table.columns]
        if self._dialect == "postgres":
            return f"coalesce(sum(hashtextextended(ROW({', '.join(columns)})::text, 0)::numeric), 0)::text"
        row = f"CONCAT_WS(',', {', '.join(f'QUOTE(CAST({column} AS BINARY))' for column in columns)})"
        return f"CAST(coalesce(sum(CAST(CONV(LEFT(MD5({row}), 15), 16, 10) AS DECIMAL(38))), 0) AS CHAR)"

    def _definition(self) -> str:
        schema = replace(self.schema, server=None)
        return _hash([repr(schema), repr([(read.reading, str(read.arrow)) for read in self.reads]), self._live])

    def _cursor_literal(self, cursor: str, text: str) -> str:
        value: exp.Expr = exp.Literal.string(text)
        read = self.reads[[column.name for column in self._table.columns].index(cursor)]
        if pa.types.is_integer(read.arrow) or pa.types.is_decimal(read.arrow):
            value = exp.Literal.number(Decimal(text))
        elif pa.types.is_timestamp(read.arrow) and self._dialect == "mysql":
            value = exp.cast(value, exp.DataType.build("datetime(6)", dialect="mysql"))
        return value.sql(dialect=self._dialect)

    def _column(self, name: str) -> str:
        return self._quoted(name)

    def _quoted(self, name: str) -> str:
        return exp.to_identifier(name, quoted=True).sql(dialect=self._dialect)


def _hash(parts: Sequence[object]) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def _cursor_text(value: object) -> str | None:
    if value is None:
        return None
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)


def _cell(value: Any, kind: pa.DataType) -> Any:
    """A driver's value as Arrow takes it."""
    if value is None:
        return None
    if pa.types.is_boolean(kind):
        return bool(value)
    if pa.types.is_timestamp(kind):
        return naive(value)
    if pa.types.is_decimal(kind):
        number = value if isinstance(value, Decimal) else Decimal(value)
        return number if number.is_finite() else None
    if pa.types.is_floating(kind):
        return float(value)
    if pa.types.is_integer(kind):
        return int(value)
    if pa.types.is_date(kind):
        return value.date() if isinstance(value, datetime) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def naive(value: datetime | date) -> datetime:
    """A moment in UTC without a zone."""
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
