"""Replies that quote the request: `${1}`, `${name}`, `${user}`, `${system}`, `${model}`, `${schema}`, `${call}`.

A string that is nothing but `${name:int}` becomes a whole number. `$${` is a literal `${`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ALWAYS = frozenset({"user", "system", "model", "schema", "call"})
"""What can be quoted without a group of that name."""
_QUOTE = re.compile(r"\$(?P<escaped>\$(?=\{))?\{(?P<name>\w+)(?P<whole>:int)?\}")


def filled(template: Any, quotes: Mapping[str, str]) -> Any:
    """The template with its quotes in place, in all of its strings. Raises ValueError for an `:int` that is none."""
    if isinstance(template, str):
        return _text(template, quotes)
    if isinstance(template, Mapping):
        return {_said(str(name), quotes): filled(value, quotes) for name, value in template.items()}
    if isinstance(template, Sequence):
        return [filled(value, quotes) for value in template]
    return template


def unknown_quotes(template: Any, groups: set[str]) -> Iterator[str]:
    """Names that a template quotes and that neither the groups nor `ALWAYS` have."""
    if isinstance(template, str):
        for found in _QUOTE.finditer(template):
            if not found["escaped"] and found["name"] not in groups | ALWAYS:
                yield found["name"]
    elif isinstance(template, Mapping):
        for name, value in template.items():
            yield from unknown_quotes(str(name), groups)
            yield from unknown_quotes(value, groups)
    elif isinstance(template, Sequence):
        for value in template:
            yield from unknown_quotes(value, groups)


def _text(template: str, quotes: Mapping[str, str]) -> str | int:
    alone = _QUOTE.fullmatch(template)
    if alone is not None and alone["whole"] and not alone["escaped"]:
        return int(quotes[alone["name"]])
    return _said(template, quotes)


def _said(template: str, quotes: Mapping[str, str]) -> str:
    return _QUOTE.sub(lambda found: found[0][1:] if found["escaped"] else quotes[found["name"]], template)
