"""Rewritings of a query's parts: tables, joins, conditions, order, set operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from app.validation.context import Context
from app.validation.servers.columns import Stored, server_table
from app.validation.servers.writer import Rewriting, Writer

_JOINS = frozenset({"", "INNER", "CROSS", "OUTER"})
_SIDES = frozenset({"", "LEFT", "RIGHT"})


def same(node: exp.Expr, writer: Writer) -> exp.Expr:
    """Means the same on every server."""
    return writer.same(node)


def select(node: exp.Expr, writer: Writer) -> exp.Expr:
    """A SELECT, whose order is written with its own expressions."""
    distinct = node.args.get("distinct")
    writer.require(not (distinct and distinct.args.get("on")), "DISTINCT ON")
    for part in ("qualify", "windows", "sample", "laterals", "pivots", "kind", "into", "hint", "operation_modifiers"):
        writer.require(not node.args.get(part), part.upper())
    group = node.args.get("group")
    writer.require(group is None or not set(_given(group)) - {"expressions"}, "GROUP BY of several sets")
    return writer.same(node)


def set_operation(node: exp.Expr, writer: Writer) -> exp.Expr:
    """UNION, INTERSECT, EXCEPT; MariaDB orders their result from outside."""
    writer.require(
        not set(_given(node)) - {"this", "expression", "distinct", "order", "limit", "offset", "with_"}, "BY NAME"
    )
    if writer.postgres or node.args.get("order") is None:
        return writer.same(node)
    return _ordered_outside(node, writer)


def with_clause(node: exp.Expr, writer: Writer) -> exp.Expr:
    """Common table expressions that do not refer to themselves."""
    writer.require(not node.args.get("recursive"), "WITH RECURSIVE")
    return writer.same(node)


def join(node: exp.Expr, writer: Writer) -> exp.Expr:
    """Inner, left, right and cross joins; an inner join's condition may use an index."""
    kind, side = str(node.args.get("kind") or "").upper(), str(node.args.get("side") or "").upper()
    allowed = _SIDES | {"FULL"} if writer.postgres else _SIDES
    writer.require(kind in _JOINS and side in allowed and not node.args.get("method"), f"{side} {kind} JOIN".strip())
    writer.require(not node.args.get("using"), "JOIN … USING")
    written = writer.same(node)
    if node.args.get("on") is not None:
        written.set("on", _with_index_conditions(node.args["on"], written.args["on"], writer))
    return written


def where(node: exp.Expr, writer: Writer) -> exp.Expr:
    """The condition on rows."""
    return exp.Where(this=_with_index_conditions(node.this, writer.write(node.this), writer))


def ordered(node: exp.Expr, writer: Writer) -> exp.Expr:
    """One key of an order, in the server's own words; see `order` for where empty values go."""
    written = exp.Ordered(this=writer.write(node.this), desc=bool(node.args.get("desc")))
    nulls_first = bool(node.args.get("nulls_first"))
    written.set("nulls_first", nulls_first if writer.postgres else not written.args["desc"])
    return written


def order(node: exp.Expr, writer: Writer) -> exp.Expr:
    """ORDER BY with empty values where DuckDB has them: MariaDB sorts them as the least."""
    keys: list[exp.Expr] = []
    for each in node.expressions:
        descending, nulls_first = bool(each.args.get("desc")), bool(each.args.get("nulls_first"))
        if not writer.postgres and nulls_first == descending:
            empty = exp.Is(this=writer.write(_meant(each.this)), expression=exp.Null())
            keys.append(exp.Ordered(this=exp.Paren(this=empty), desc=nulls_first, nulls_first=not nulls_first))
        keys.append(writer.write(each))
    return exp.Order(expressions=keys)


def limit(node: exp.Expr, writer: Writer) -> exp.Expr:
    """LIMIT and OFFSET by whole numbers."""
    value = node.args.get("expression")
    writer.require(isinstance(value, exp.Literal) and value.is_int, f"{node.key.upper()} by an expression")
    assert isinstance(value, exp.Literal)
    return type(node)(expression=value.copy())


def column(node: exp.Expr, writer: Writer) -> exp.Expr:
    """A stored column as it is read; a column of a sub-query as it is."""
    found = writer.stored.get(id(node))
    return found.read() if found is not None else node.copy()


def copied(node: exp.Expr, writer: Writer) -> exp.Expr:
    """A leaf."""
    return node.copy()


def tables_in_their_schema(tree: exp.Expr, context: Context) -> None:
    """Name each stored table as the server does; its alias stays.

    Scopes tell a stored table from a common table expression of the same name: what is neither is refused, so that no
    name is left to the server to find.
    """
    for scope in traverse_scope(tree):
        for _, source in scope.references:
            if not isinstance(source, exp.Table) or isinstance(scope.sources.get(source.alias_or_name), Scope):
                continue
            server, alias = server_table(source.name, context), source.alias_or_name
            source.set("this", exp.to_identifier(server.name, quoted=True))
            source.set("db", exp.to_identifier(server.schema, quoted=True))
            source.set("catalog", None)
            source.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))


def _given(node: exp.Expr) -> Iterator[str]:
    return (key for key, value in node.args.items() if value not in (None, False, []))


def _meant(key: exp.Expr) -> exp.Expr:
    """The expression behind an alias that a SELECT is ordered by."""
    if not isinstance(key, exp.Column) or key.table:
        return key
    query = key.find_ancestor(exp.Select, exp.SetOperation)
    selects = query.selects if isinstance(query, exp.Select) else []
    found = next((each for each in selects if each.alias_or_name == key.name), None)
    return found.unalias() if found is not None else key


def _ordered_outside(node: exp.Expr, writer: Writer) -> exp.Expr:
    """`SELECT * FROM (… UNION …) AS answer ORDER BY …`."""
    inner = writer.same(node)
    outside = {part: inner.args.pop(part, None) for part in ("order", "limit", "offset", "with_")}
    alias = exp.TableAlias(this=exp.to_identifier("united", quoted=True))
    outer = exp.select("*").from_(exp.Subquery(this=inner, alias=alias))
    for part, value in outside.items():
        outer.set(part, value)
    return outer


def _with_index_conditions(condition: exp.Expr, written: exp.Expr, writer: Writer) -> exp.Expr:
    """Beside a condition on readings the same on bare columns, which it implies and which an index can serve."""
    for part in _conjuncts(condition):
        bare = _bare_condition(part, writer)
        if bare is not None:
            written = exp.And(this=written, expression=bare)
    return written


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.And | exp.Paren):
        yield from (part for child in condition.iter_expressions() for part in _conjuncts(child))
    else:
        yield condition


def _bare_condition(part: exp.Expr, writer: Writer) -> exp.Expr | None:
    if not isinstance(part, exp.EQ | exp.In | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.Between):
        return None
    sides = list(part.iter_expressions())
    columns = [writer.stored[id(side)] for side in sides if id(side) in writer.stored]
    rest = [side for side in sides if id(side) not in writer.stored]
    if not columns or part.args.get("query") is not None or not all(map(_is_constant, rest)):
        return None
    if len({(each.column.reading, each.column.collation) for each in columns}) > 1:
        return None
    if not _serves(columns[0], part, writer):
        return None
    return _swapped(part, writer)


def _swapped(part: exp.Expr, writer: Writer) -> exp.Expr:
    args: dict[str, object] = {}
    for key, value in part.args.items():
        if isinstance(value, list):
            args[key] = [_bare_side(each, writer) for each in value]
        else:
            args[key] = _bare_side(value, writer) if isinstance(value, exp.Expr) else value
    return type(part)(**args)


def _bare_side(side: exp.Expr, writer: Writer) -> exp.Expr:
    found = writer.stored.get(id(side))
    return found.bare() if found is not None else writer.write(side)


def _is_constant(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) or (isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal))


def _serves(column: Stored, part: exp.Expr, writer: Writer) -> bool:
    if column.column.reading == "text":
        return not writer.postgres and isinstance(part, exp.EQ | exp.In)
    return column.column.reading == "dated"


REWRITINGS: Mapping[type, Rewriting] = {
    **dict.fromkeys(
        (
            exp.From, exp.CTE, exp.Subquery, exp.Alias, exp.Group, exp.Having, exp.Paren, exp.Distinct, exp.Exists,
            exp.Tuple,
        ),
        same,
    ),
    **dict.fromkeys((exp.Table, exp.Identifier, exp.TableAlias, exp.Star, exp.Boolean, exp.Null, exp.Literal), copied),
    **dict.fromkeys((exp.Union, exp.Intersect, exp.Except), set_operation),
    exp.Select: select,
    exp.With: with_clause,
    exp.Join: join,
    exp.Where: where,
    exp.Order: order,
    exp.Ordered: ordered,
    exp.Limit: limit,
    exp.Offset: limit,
    exp.Column: column,
}  # fmt: skip
