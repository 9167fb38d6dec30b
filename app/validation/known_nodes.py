"""Rule `known_nodes`: every node of the tree is of a kind that reading queries need."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from app.validation.context import Context
from app.validation.findings import Finding

ALLOWED: frozenset[str] = frozenset(
    [
        "Select",
        "From",
        "Join",
        "Where",
        "Group",
        "Having",
        "Order",
        "Ordered",
        "Limit",
        "Offset",
        "Fetch",
        "Qualify",
        "With",
        "CTE",
        "Subquery",
        "Union",
        "Except",
        "Intersect",
        "Values",
        "Rollup",
        "Cube",
        "GroupingSets",
        "Column",
        "Identifier",
        "Table",
        "TableAlias",
        "Alias",
        "Star",
        "Literal",
        "Boolean",
        "Null",
        "Paren",
        "Tuple",
        "Distinct",
        "Interval",
        "Var",
        "And",
        "Or",
        "Not",
        "Xor",
        "EQ",
        "NEQ",
        "GT",
        "GTE",
        "LT",
        "LTE",
        "NullSafeEQ",
        "NullSafeNEQ",
        "Is",
        "In",
        "Between",
        "Like",
        "ILike",
        "Escape",
        "SimilarTo",
        "RegexpLike",
        "Exists",
        "Any",
        "All",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "IntDiv",
        "Mod",
        "Neg",
        "DPipe",
        "Cast",
        "TryCast",
        "DataType",
        "DataTypeParam",
        "Case",
        "If",
        "Window",
        "WindowSpec",
        "IgnoreNulls",
        "RespectNulls",
        "Filter",
        "WithinGroup",
        "Anonymous",
        "PropertyEQ",
        "Extract",
        "AtTimeZone",
        "Collate",
        "Glob",
        "Dot",
        "Bracket",
        "Array",
        "Slice",
        "Placeholder_",
    ]
)


def known_nodes(tree: exp.Expr, context: Context) -> Iterator[Finding]:
    """Functions are the business of `known_functions`; every other node must be listed in `ALLOWED`."""
    seen: set[str] = set()
    for node in tree.walk():
        name = type(node).__name__
        if name in ALLOWED or isinstance(node, exp.Func) or name in seen:
            continue
        seen.add(name)
        yield Finding("known_nodes", f"{node.key.upper()} is not allowed in a query.")
