"""Which output columns may carry personal data: lineage from the projections down to the catalog's columns."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from app.validation.context import Context

_COUNTS = (exp.Count, exp.ApproxDistinct, exp.CountIf)


def personal_kinds(tree: exp.Expr, context: Context) -> tuple[str | None, ...]:
    """For each output column of a qualified query the kind of personal data it may carry, or None."""
    scope = build_scope(tree)
    return _outputs(scope, context) if scope is not None else ()


def _outputs(scope: Scope, context: Context) -> tuple[str | None, ...]:
    if scope.set_operation_scopes:
        sides = [_outputs(side, context) for side in scope.set_operation_scopes]
        return tuple(next((kind for kind in kinds if kind), None) for kinds in zip(*sides, strict=False))
    selects = getattr(scope.expression, "selects", [])
    return tuple(_kind(projection, scope, context) for projection in selects)


def _kind(node: exp.Expr, scope: Scope, context: Context) -> str | None:
    if isinstance(node, _COUNTS):
        return None
    if isinstance(node, exp.Column):
        return _column_kind(node, scope, context)
    if isinstance(node, exp.Subquery | exp.Select):
        inner = next((s for s in scope.subquery_scopes if s.expression is node.unnest()), None)
        kinds = _outputs(inner, context) if inner is not None else ()
        return next((kind for kind in kinds if kind), None)
    for child in node.iter_expressions():
        kind = _kind(child, scope, context)
        if kind is not None:
            return kind
    return None


def _column_kind(column: exp.Column, scope: Scope, context: Context) -> str | None:
    current: Scope | None = scope
    while current is not None:
        source = current.sources.get(column.table)
        if isinstance(source, exp.Table):
            found = context.column(source.name, column.name)
            return found.pii if found is not None else None
        if isinstance(source, Scope):
            names = [projection.alias_or_name for projection in getattr(source.expression, "selects", [])]
            kinds = _outputs(source, context)
            return next(
                (k for name, k in zip(names, kinds, strict=False) if name.casefold() == column.name.casefold()), None
            )
        current = current.parent
    return None
