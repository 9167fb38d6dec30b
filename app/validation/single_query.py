"""Rule `single_query`: the statement is one SELECT or a set operation of SELECTs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from app.validation.context import Context
from app.validation.findings import Finding

_FORBIDDEN_PARTS = (
    "into",
    "locks",
    "settings",
    "format",
    "sample",
    "pivots",
    "laterals",
    "match",
    "prewhere",
    "connect",
    "cluster",
    "distribute",
    "sort",
)


def single_query(tree: exp.Expr, context: Context) -> Iterator[Finding]:
    """The root is a query; no part of it writes, locks or samples."""
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        yield Finding("single_query", f"Only SELECT may run, not {tree.key.upper()}.")
        return
    for select in tree.find_all(exp.Select):
        for part in _FORBIDDEN_PARTS:
            if select.args.get(part):
                yield Finding("single_query", f"SELECT … {part.upper()} is not allowed.")
    for with_ in tree.find_all(exp.With):
        if with_.args.get("recursive"):
            yield Finding("single_query", "WITH RECURSIVE is not allowed: it may never end.")
