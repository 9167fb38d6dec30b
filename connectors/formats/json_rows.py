"""JSON and JSON Lines: records become rows, in the types that JSON itself has. Two passes: types first, then rows."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

import pyarrow as pa

from connectors.base import ColumnSchema, TableBatch, TableSchema
from connectors.formats.encoding import Encoding, detect_encoding
from connectors.formats.json_records import json_records
from connectors.formats.source_file import Content, SourceFile, UnreadableItem
from connectors.formats.tabular_header import unique_names
from connectors.formats.text_batches import BATCH_ROWS

_MOST_COLUMNS = 2000
_INT64 = 1 << 63
_EXACT_INTEGERS = 1 << 53
_DATE = re.compile(r"\d{4}-\d\d-\d\d$")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?$")
_KIND_NAMES = ("integer", "number", "truth", "date", "timestamp", "instant", "text")
_LONGEST_TIMESTAMP = 35
_Path = tuple[str, ...]


@dataclass(slots=True)
class _Kinds:
    """What kinds of values a column holds."""

    integer: bool = False
    wide: bool = False
    """Some integer is beyond what a double holds exactly."""
    huge: bool = False
    """Some integer is beyond 64 bits."""
    number: bool = False
    truth: bool = False
    date: bool = False
    timestamp: bool = False
    instant: bool = False
    """Timestamps with a time zone: they become UTC."""
    text: bool = False

    def add(self, value: object) -> None:
        if isinstance(value, str):
            kind = _text_kind(value)
            setattr(self, kind, True)
        elif isinstance(value, bool):
            self.truth = True
        elif isinstance(value, int):
            self.integer = True
            self.wide |= abs(value) > _EXACT_INTEGERS
            self.huge |= not -_INT64 <= value < _INT64
        elif isinstance(value, float):
            self.number = True
        elif value is not None:
            self.text = True

    def arrow(self) -> pa.DataType:
        """The one type that holds every value, text where there is none."""
        found = {
            name
            for name in ("integer", "number", "truth", "date", "timestamp", "instant", "text")
            if getattr(self, name)
        }
        if found == {"integer"}:
            return pa.string() if self.huge else pa.int64()
        if found and found <= {"integer", "number"} and not self.wide:
            return pa.float64()
        if found == {"truth"}:
            return pa.bool_()
        if found == {"date"}:
            return pa.date32()
        is_moment = found == {"instant"} or (found and found <= {"date", "timestamp"})
        return pa.timestamp("us") if is_moment else pa.string()


def _text_kind(value: str) -> str:
    if len(value) < 10 or len(value) > _LONGEST_TIMESTAMP or not value[0].isdigit():
        return "text"
    try:
        if _DATE.match(value):
            date.fromisoformat(value)
            return "date"
        if _TIMESTAMP.match(value):
            return "instant" if datetime.fromisoformat(value).tzinfo else "timestamp"
    except ValueError:
        return "text"
    return "text"


class JsonReader:
    """Reads `.json` and `.jsonl`."""

    kind: Literal["table"] = "table"

    def parts(self, file: SourceFile) -> tuple[str, ...]:
        """The file itself."""
        return (file.path,)

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the table's batches.

        Raises:
            UnreadableItem: `empty_file`, `not_text`, `corrupt_file`, `not_tabular` or `too_large`.

        """
        encoding = detect_encoding(file.location)
        yield from encoding.problems(file.path)
        columns = _columns(file, encoding)
        names = unique_names(["_".join(path) or "column" for path in columns])
        arrow = pa.schema([(name, kinds.arrow()) for name, kinds in zip(names, columns.values(), strict=True)])
        schema = TableSchema(file.stem, file.path, tuple(ColumnSchema(name) for name in names), typed=True)
        rows: list[dict[_Path, Any]] = []
        yielded = False
        for record in json_records(file.location, encoding):
            rows.append(dict(_flat(record)))
            if len(rows) == BATCH_ROWS:
                yield TableBatch(schema, _batch(rows, list(columns), arrow), file.fingerprint)
                rows, yielded = [], True
        if rows or not yielded:
            yield TableBatch(schema, _batch(rows, list(columns), arrow), file.fingerprint)


def _columns(file: SourceFile, encoding: Encoding) -> dict[_Path, _Kinds]:
    """First pass: the columns in the order in which they first occur, with the kinds of their values."""
    columns: dict[_Path, _Kinds] = {}
    for number, record in enumerate(json_records(file.location, encoding), 1):
        if not isinstance(record, dict):
            raise UnreadableItem("not_tabular", f"Record {number} is not an object: the file is not a table.")
        for path, value in _flat(record):
            kinds = columns.get(path)
            if kinds is None:
                kinds = columns[path] = _Kinds()
                if len(columns) > _MOST_COLUMNS:
                    message = f"The records have more than {_MOST_COLUMNS} different names: the file is not a table."
                    raise UnreadableItem("not_tabular", message)
            kinds.add(value)
    if not columns:
        raise UnreadableItem("not_tabular", "The file holds no records with values.")
    return columns


def _flat(record: dict[str, Any]) -> Iterator[tuple[_Path, Any]]:
    """A record's values with objects in it taken apart one level; what is nested deeper becomes JSON text."""
    for name, value in record.items():
        if isinstance(value, dict) and value:
            for inner, each in value.items():
                yield (name, inner), _scalar(each)
        else:
            yield (name,), None if value == {} else _scalar(value)


def _scalar(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _batch(rows: list[dict[_Path, Any]], paths: list[_Path], arrow: pa.Schema) -> pa.RecordBatch:
    arrays = [_array([row.get(path) for row in rows], column.type) for path, column in zip(paths, arrow, strict=True)]
    return pa.record_batch(arrays, schema=arrow)


def _array(values: list[Any], kind: pa.DataType) -> Any:
    if kind == pa.string():
        texts = [_text(value) for value in values]
        try:
            return pa.array(texts, kind)
        except UnicodeEncodeError:  # half of a surrogate pair, such as "\ud83d" alone
            return pa.array([text and text.encode("utf-8", "replace").decode() for text in texts], kind)
    if pa.types.is_date(kind):
        return pa.array([None if value is None else date.fromisoformat(value) for value in values], kind)
    if pa.types.is_timestamp(kind):
        return pa.array([None if value is None else _utc(value) for value in values], kind)
    if kind == pa.float64():
        return pa.array([None if value is None else float(value) for value in values], kind)
    return pa.array(values, kind)


def _utc(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


READER = JsonReader()
