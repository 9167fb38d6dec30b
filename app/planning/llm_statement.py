"""From the text that a model wrote to a validated statement, or why it is none.

    validate -> one tree, without comments -> values for tokens -> grounded? -> made-up names replaced -> validate

The text passes the same rules as any other statement, twice: as it was written, and as it will be run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import msgspec
import sqlglot
from sqlglot import exp

from app.execution.tables import database_name
from app.planning.llm_grounding import Grounds
from app.planning.planner import Planner
from app.scrubbing import TokenMap
from app.validation import Rejected, validate
from app.values import ValidatedQuery

LONGEST_SQL = 8000
"""Characters that a model's statement may have."""
LONGEST_MESSAGE = 400
MOST_DIGITS = 7
"""Digits that a number may have which the question does not say: factors and limits, not telephone numbers."""
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_READING = (exp.Column, exp.AggFunc, exp.Window, exp.Star, exp.Subquery)


class Stated(msgspec.Struct, frozen=True):
    """A statement that may run."""

    sql: str
    """In DuckDB's dialect with the catalog's names, whatever server the query is written for."""
    query: ValidatedQuery


class Unfit(Exception):
    """A statement that is not run, or failed; `told` is what the model may know of it."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = plain(told)[:LONGEST_MESSAGE]


def plain(text: str) -> str:
    """One line without control characters: parsers mark places with terminal colours."""
    flat = _ESCAPES.sub("", text)
    return " ".join("".join(c if c.isprintable() else " " for c in flat).split())


def statement(
    sql: object, planner: Planner, grounds: Grounds, tokens: TokenMap, *, source: str, max_rows: int
) -> Stated:
    """The validated form of what a model wrote; raises `Unfit`."""
    if not isinstance(sql, str) or not sql.strip():
        raise Unfit("The outcome is sql, but there is no statement.")
    if len(sql) > LONGEST_SQL:
        raise Unfit(f"The statement has {len(sql)} characters; {LONGEST_SQL} are allowed.")
    catalog, database = planner.index.catalog, database_name(source)
    try:
        validate(sql, catalog, database=database, max_rows=max_rows)
        tree = _restored(_without_comments(sqlglot.parse(sql, dialect="duckdb")), tokens)
        for problem in _ungrounded(tree, grounds):
            raise Unfit(problem)
        _rename(tree, grounds)
        written = tree.sql(dialect="duckdb", comments=False)
        query = validate(written, catalog, database=database, max_rows=max_rows)
    except Rejected as rejected:
        raise Unfit(rejected.message) from rejected
    if not query.tables:
        raise Unfit("The statement reads no table.")
    return Stated(written, query)


def _without_comments(trees: list[exp.Expr | None]) -> exp.Expr:
    tree = next(each for each in trees if each is not None)
    for node in tree.walk():
        node.comments = None
    return tree


def _restored(tree: exp.Expr, tokens: TokenMap) -> exp.Expr:
    """The tree with values in place of their tokens; only literals change."""
    if not len(tokens):
        return tree
    from app.llm.privacy import restore_in_sql

    return restore_in_sql(tree, tokens)


def _ungrounded(tree: exp.Expr, grounds: Grounds) -> Iterator[str]:
    """What the statement says that is neither the question's nor the data's."""
    for literal in tree.find_all(exp.Literal):
        if literal.is_string and not grounds.literal(literal):
            yield (
                f"The text {str(literal.this)[:60]!r} is neither in the question nor a stored value that can be looked"
                " up. Use a value as the question or the schema has it."
            )
    for number in tree.find_all(exp.Literal):
        if not number.is_string and len(str(number.this).strip("0.")) > MOST_DIGITS and not grounds.number(number):
            yield f"The number {str(number.this)[:40]} is not in the question."
    if tree.find(exp.Chr) is not None:
        yield "chr is not allowed: it makes text of numbers."
    for select in tree.find_all(exp.Select):
        if select.find_ancestor(exp.Exists) is None and any(_is_constant(p, grounds) for p in select.selects):
            yield "Every output must be read from the tables; one is a constant."


def _is_constant(projection: exp.Expr, grounds: Grounds) -> bool:
    """Whether an output is a number that nobody asked for rather than read from a table."""
    if projection.is_star or isinstance(projection, _READING) or projection.find(*_READING) is not None:
        return False
    numbers = [literal for literal in projection.find_all(exp.Literal) if not literal.is_string]
    return not all(map(grounds.number, numbers))


def _rename(tree: exp.Expr, grounds: Grounds) -> None:
    """Replace names that the model made up, wherever they stand: none of them is the schema's."""
    _drop_made_up_outputs(tree, grounds)
    names = {node.name for node in tree.find_all(exp.Identifier)}
    taken = {name.casefold() for name in names} | grounds.names
    fresh = (f"c{n}" for n in range(1, len(names) + len(taken) + 2) if f"c{n}" not in taken)
    made_up = {name.casefold(): next(fresh) for name in sorted(names) if not grounds.name(name)}
    for node in tree.find_all(exp.Identifier):
        new = made_up.get(node.name.casefold())
        if new is not None:
            node.set("this", new)
            node.set("quoted", False)


def _drop_made_up_outputs(tree: exp.Expr, grounds: Grounds) -> None:
    """Leave out made-up names of outputs that nothing refers to: the service finds words for what has no name."""
    uses = Counter(node.name.casefold() for node in tree.find_all(exp.Identifier))
    for projection in tree.selects if isinstance(tree, exp.Select) else ():
        name = projection.alias
        if isinstance(projection, exp.Alias) and uses[name.casefold()] == 1 and not grounds.name(name):
            projection.replace(projection.this)
