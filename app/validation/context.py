"""What rules may know: the audience's part of the catalog."""

from __future__ import annotations

from functools import cached_property

import msgspec

from ingest.stores.catalog import Catalog, Column, Table


class Context(msgspec.Struct, frozen=True, dict=True):
    """The visible catalog of one source, indexed for rules. Names compare case-insensitively, as DuckDB does."""

    catalog: Catalog

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Tables by case-folded name."""
        return {table.name.casefold(): table for table in self.catalog.tables}

    @cached_property
    def schema(self) -> dict[str, object]:
        """Sqlglot's schema mapping: table -> column -> type."""
        return {t.name: {c.name: c.sql_type for c in t.columns} for t in self.catalog.tables}

    def column(self, table: str, name: str) -> Column | None:
        """A visible column."""
        found = self.tables.get(table.casefold())
        return next((c for c in found.columns if c.name.casefold() == name.casefold()), None) if found else None
