"""A minimal instance of a JSON schema: what a model could have said, where a script does not say what it says."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

DEEPEST = 24
"""Levels after which a schema that refers to itself is given up."""
_FORMATS = {
    "date": "2024-01-01",
    "date-time": "2024-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "someone@example.org",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class Unfillable(ValueError):
    """No instance was found; the message says why."""


def minimal_instance(schema: Mapping[str, Any]) -> Any:
    """The smallest valid instance that simple means find. Raises `Unfillable`."""
    import jsonschema

    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        instance = _instance(schema, schema, 0)
        jsonschema.Draft202012Validator(schema).validate(instance)
    except RecursionError as error:
        raise Unfillable("the schema refers to itself without an end") from error
    except jsonschema.SchemaError as error:
        raise Unfillable(f"the schema itself is wrong: {error.message}") from error
    except jsonschema.ValidationError as error:
        raise Unfillable(f"what was made up does not fit: {error.message}") from error
    return instance


def _instance(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    if depth > DEEPEST:
        raise Unfillable("the schema refers to itself without an end")
    if schema is True or schema == {}:
        return {}
    if schema is False:
        raise Unfillable("a part of the schema allows nothing")
    if "$ref" in schema:
        return _instance(_referred(schema["$ref"], root), root, depth + 1)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0]
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return _first_of(schema[name], root, depth)
    if "allOf" in schema:
        return _instance(_merged(schema, root), root, depth + 1)
    return _of_type(schema, root, depth)


def _first_of(options: list[Any], root: Mapping[str, Any], depth: int) -> Any:
    """An instance of an option, of one that refers to nothing if there is one: such an option ends."""
    reasons = []
    for option in sorted(options, key=lambda option: isinstance(option, Mapping) and "$ref" in option):
        try:
            return _instance(option, root, depth + 1)
        except Unfillable as error:
            reasons.append(str(error))
    raise Unfillable("; ".join(reasons) or "a choice without options")


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _instance(properties.get(name, True), root, depth + 1) for name in schema.get("required", ())}
    if kind == "array":
        leading = schema.get("prefixItems", [])[: schema.get("minItems", 0)]
        rest = schema.get("minItems", 0) - len(leading)
        items = [*leading, *[schema.get("items", True)] * rest]
        return [_instance(item, root, depth + 1) for item in items]
    if kind in ("integer", "number"):
        return _number(schema, whole=kind == "integer")
    return _string(schema) if kind == "string" else {"boolean": False, "null": None}[kind]


def _string(schema: Mapping[str, Any]) -> str:
    said = _FORMATS.get(schema.get("format", ""), "text")
    shortest, longest = int(schema.get("minLength", 0)), int(schema.get("maxLength", sys.maxsize))
    return said.ljust(shortest, "x")[:longest]


def _number(schema: Mapping[str, Any], *, whole: bool) -> float | int:
    step = schema.get("multipleOf", 1 if whole else None)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None and high is None:
        return 0
    if step is None:
        return _between(low, high)
    start = low if low is not None else high
    found = math.ceil(start / step) * step if low is not None else math.floor(start / step) * step
    if low is not None and "minimum" not in schema and found == low:
        found += step
    if low is None and "maximum" not in schema and found == high:
        found -= step
    return int(found) if whole else found


def _between(low: float | None, high: float | None) -> float:
    if low is not None and high is not None:
        return (low + high) / 2
    return low + 1 if low is not None else (high or 0) - 1


def _merged(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """A schema and the parts of its `allOf` as one: properties and required names of all."""
    whole = {name: value for name, value in schema.items() if name != "allOf"}
    for part in schema["allOf"]:
        given = _referred(part["$ref"], root) if "$ref" in part else part
        properties = {**whole.get("properties", {}), **given.get("properties", {})}
        required = [*whole.get("required", ()), *given.get("required", ())]
        whole = {**whole, **given, "properties": properties, "required": required}
    return whole


def _referred(reference: str, root: Mapping[str, Any]) -> Any:
    """What `#/$defs/name` points at."""
    if not reference.startswith("#"):
        raise Unfillable(f"{reference} is outside of the schema")
    found: Any = root
    for part in filter(None, reference[1:].split("/")):
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            raise Unfillable(f"{reference} points at nothing")
        found = found[name]
    return found
