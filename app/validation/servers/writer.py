"""The writer: a DuckDB tree becomes a server's tree, node by node, through one registry of rewritings.

A kind of node that has no rewriting is refused: what is not known to mean the same is never run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from sqlglot import exp

from app.validation.servers.columns import Stored
from app.validation.servers.kinds import NotPortable

Rewriting: TypeAlias = "Callable[[exp.Expr, Writer], exp.Expr]"


class Writer:
    """Writes for one server. `stored` are the statement's columns of stored tables, by the id of their node."""

    def __init__(
        self, dialect: str, binary: str, casing: str, stored: Mapping[int, Stored], registry: Mapping[type, Rewriting]
    ) -> None:
        self.dialect = dialect
        self.postgres = dialect == "postgres"
        self.binary = binary
        self.casing = casing
        self.stored = stored
        self._registry = registry

    @property
    def name(self) -> str:
        """The server's name for people."""
        return "PostgreSQL" if self.postgres else "MariaDB and MySQL"

    def write(self, node: exp.Expr) -> exp.Expr:
        """The node as the server is to be asked. Raises `NotPortable`."""
        rewriting = self._registry.get(type(node))
        if rewriting is None:
            raise self.refusal(node.sql_name() if isinstance(node, exp.Func) else node.key.upper())
        return rewriting(node, self)

    def same(self, node: exp.Expr) -> exp.Expr:
        """The node itself with its parts written."""
        parts = {key: self.same_part(value) for key, value in node.args.items()}
        return type(node)(**parts)

    def refusal(self, what: str) -> NotPortable:
        """Why the statement is refused."""
        return NotPortable(f"{what} does not mean the same on {self.name}")

    def require(self, condition: bool, what: str) -> None:
        """Refuse the statement unless the condition holds."""
        if not condition:
            raise self.refusal(what)

    def compares_bare(self, column: Stored) -> bool:
        """Whether the bare column equals what its reading equals: PostgreSQL's texts do, and an index serves them."""
        return self.postgres and column.column.reading == "text"

    def same_part(self, value: object) -> object:
        """A node's argument with the nodes in it written."""
        if isinstance(value, exp.Expr):
            return self.write(value)
        if isinstance(value, list):
            return [self.same_part(each) for each in value]
        return value
