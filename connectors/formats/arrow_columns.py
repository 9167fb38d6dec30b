"""Arrow columns of any type brought to the types that stores and readers understand."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.formats.source_file import UnreadableItem


def plain_schema(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """The schema that `plain_batch` brings batches of `schema` to, with columns renamed to `names`."""
    return pa.schema([(name, _plain_type(column.type)) for name, column in zip(names, schema, strict=True)])


def plain_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in a plain schema: nested values as JSON text, dictionaries decoded, binary as text where it is text.

    Binary values that are not UTF-8 become null: `binary_columns` names the columns to report.
    """
    arrays = [_plain_array(array, column.type) for array, column in zip(batch.columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def binary_columns(schema: pa.Schema) -> list[str]:
    """Names of the columns of bytes."""
    return [column.name for column in schema if _is_binary(column.type)]


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        return pa.string()
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal(kind) and kind.precision > 38:
        return pa.float64()
    if pa.types.is_decimal(kind):
        return pa.decimal128(kind.precision, kind.scale)
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if _is_scalar(kind):
        return kind
    return pa.string()


def _is_scalar(kind: pa.DataType) -> bool:
    checks = (
        pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_date, pa.types.is_time,
        pa.types.is_timestamp,
    )  # fmt: skip
    return any(check(kind) for check in checks)


def _plain_array(array: Any, target: pa.DataType) -> Any:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return pa.array([_text(value) for value in array.to_pylist()], target)
    if pa.types.is_dictionary(kind):
        return _plain_array(array.dictionary_decode(), target)
    if kind == target:
        return array
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return array.cast(target)
    if _is_binary(kind) or pa.types.is_binary_view(kind):
        return _text_of_bytes(array)
    if pa.types.is_nested(kind) or target == pa.string():
        return pa.array([_text(value) for value in array.to_pylist()], target)
    try:
        return pc.cast(array, target, safe=False)
    except pa.ArrowInvalid as error:
        raise UnreadableItem("corrupt_file", f"A column of type {kind} cannot be converted: {error}.") from error


def _text_of_bytes(array: pa.Array[Any]) -> pa.Array[Any]:
    """UTF-8 text of bytes: old writers mark text as bytes. Null where the bytes are not text."""
    return pa.array([None if value is None else _utf8(value) for value in array.to_pylist()], pa.string())


def _utf8(value: bytes) -> str | None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list | tuple):
        return json.dumps(_with_maps(value), ensure_ascii=False, default=json_scalar)
    return str(json_scalar(value))


def _with_maps(value: Any) -> Any:
    """Arrow gives a map as a list of pairs; JSON text gets an object."""
    if isinstance(value, dict):
        return {str(key): _with_maps(each) for key, each in value.items()}
    if isinstance(value, list) and value and all(isinstance(each, tuple) for each in value):
        return {str(key): _with_maps(each) for key, each in value}
    return [_with_maps(each) for each in value] if isinstance(value, list) else value


def json_scalar(value: object) -> object:
    """A value that JSON lacks, as text: ISO dates and times, exact decimals, bytes in Base64."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value) if value.is_nan() else format(value, "f")
    return str(value)
