"""The JSON schemas of prompts: a part of JSON Schema 2020-12 that providers, and the comparison below, understand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

Schema = Mapping[str, Any]
_SHAPE = ("type", "properties", "required", "additionalProperties", "items", "enum", "anyOf")
_SAID = ("description", "$comment")
_BOUNDS = ("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "pattern")
KEYWORDS = frozenset((*_SHAPE, *_SAID, *_BOUNDS))
"""No references: nothing is looked up, nothing recurs. All of them but the bounds are in every provider's subset."""


def faults(schema: Any) -> Iterator[str]:
    """What keeps a schema from being used: unknown keywords, and objects that allow fields they do not name."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        yield f"{error.json_path} is not valid JSON Schema"
        return
    yield from _faults(schema, "")


def _faults(schema: Any, at: str) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        yield f"{at or 'the schema'} is not an object"
        return
    for keyword in sorted(set(schema) - KEYWORDS):
        yield f"{at or 'the schema'} uses `{keyword}`; a prompt's schema may use {', '.join(sorted(KEYWORDS))}"
    properties = schema.get("properties", {})
    if "object" in _types(schema) or properties:
        if schema.get("additionalProperties") is not False:
            yield f"{at or 'the schema'} must set additionalProperties: false"
        for name in sorted(set(schema.get("required", ())) - set(properties)):
            yield f"{at or 'the schema'} requires `{name}`, which it does not describe"
    children = list(properties.items())
    children += [("[]", schema["items"])] if "items" in schema else []
    children += [("", option) for option in schema.get("anyOf", ())]
    for name, child in children:
        yield from _faults(child, f"{at}.{name}".strip(".") or at)


def _types(schema: Schema) -> tuple[str, ...]:
    kinds = schema.get("type", ())
    return (kinds,) if isinstance(kinds, str) else tuple(kinds)


def first_error(schema: Schema, value: Any) -> str | None:
    """Where a value does not fit and which keyword says so, without quoting the value; None where it fits."""
    from jsonschema.exceptions import best_match

    error = best_match(_validator(msgspec.json.encode(schema)).iter_errors(value))
    if error is None:
        return None
    said = error.message if error.validator == "required" else f"`{error.validator}` does not hold"
    return f"{error.json_path}: {said}"


@lru_cache(maxsize=64)
def _validator(encoded: bytes) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    schema = msgspec.json.decode(encoded)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def plain_json(value: Any) -> Any:
    """A value as JSON has it: tuples as lists, dates and decimals as text, null for NaN and infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    return plain_json(msgspec.to_builtins(value))


def with_nulls(schema: Schema, value: Any) -> Any:
    """A value that fits the schema, with null for every field that the schema names and the value leaves out."""
    for option in _options(schema):
        if isinstance(value, dict) and "properties" in option:
            fields = {name: with_nulls(child, value.get(name)) for name, child in option["properties"].items()}
            return {**value, **fields}
        if isinstance(value, list) and "items" in option:
            return [with_nulls(option["items"], item) for item in value]
    return value


def misfits(new: Schema, relied: Schema, *, at: str = "the output", more: bool = True) -> Iterator[str]:
    """Why something that fits `new` may not do where `relied` is relied on; nothing where it always does.

    `more`: fields that `relied` does not name do no harm.
    """
    options = _options(relied)
    for option in _options(new):
        found = [list(_option_misfits(option, other, at, more)) for other in options if _same_kind(option, other)]
        if not found:
            yield f"{at} may be {option.get('type', 'anything')}, which is not expected"
        elif all(found):
            yield from min(found, key=len)


def _options(schema: Schema) -> list[Schema]:
    """The schema as alternatives of one type each."""
    if "anyOf" in schema:
        return [option for each in schema["anyOf"] for option in _options(each)]
    return [{**schema, "type": kind} for kind in _types(schema)] or [schema]


def _same_kind(new: Schema, relied: Schema) -> bool:
    kinds = {new.get("type"), relied.get("type")}
    return len(kinds) == 1 or relied.get("type") is None or kinds == {"integer", "number"}


def _option_misfits(new: Schema, relied: Schema, at: str, more: bool) -> Iterator[str]:
    if relied.get("type") == "integer" and new.get("type") != "integer":
        yield f"{at} may be a fraction, which is not expected"
    if "enum" in relied and relied.get("type") != "null":
        beyond = [value for value in new.get("enum", ("anything",)) if value not in relied["enum"]]
        if beyond:
            yield f"{at} may be {', '.join(map(repr, beyond))}, which is not expected"
    new_fields, relied_fields = new.get("properties", {}), relied.get("properties", {})
    for name in relied.get("required", ()):
        if name not in new.get("required", ()):
            yield f"{at} need not hold `{name}`"
    for name in [] if more else sorted(set(new_fields) - set(relied_fields)):
        yield f"{at} may hold `{name}`, which is not expected"
    for name in [name for name in relied_fields if name in new_fields]:
        yield from misfits(new_fields[name], relied_fields[name], at=f"{at}, `{name}`", more=more)
    if "items" in relied:
        yield from misfits(new.get("items", {}), relied["items"], at=f"{at}, each item", more=more)
