"""Options of a database source, and the tables that they choose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from connectors.databases.reflection import ReflectedTable
from connectors.errors import ConnectorError, SourceEmpty
from connectors.files import OPTIONS as FILE_OPTIONS
from connectors.files import reads_views, require_known_options
from connectors.formats.tabular_header import unique_names

OPTIONS: dict[str, str] = {
    "schema": "comma-separated schemas (default: public; for MariaDB and MySQL the database of the address)",
    "tables": "comma-separated tables or views to read, with `*` as wildcard, e.g. `orders,sales_*` (default: all)",
    "exclude": "comma-separated tables or views to leave out, with `*` as wildcard",
    "views": FILE_OPTIONS["views"],
    "mode": "`copy` (default) reads the rows into the store; `live` leaves them and asks the server",
    "cursor": "column by which changed rows are found, for all tables that have it, or `table=column,…`",
    "values": "live: `keep` (default) keeps values of text columns to recognise them in questions; `none` keeps none",
}
_CHOICES = {"mode": ("copy", "live"), "values": ("keep", "none")}


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a database is read, and how."""

    schemas: tuple[str, ...]
    tables: tuple[str, ...]
    excluded: tuple[str, ...]
    views: bool | None
    live: bool
    keeps_values: bool
    cursors: Mapping[str, str]
    """Table (or ``) -> cursor column."""

    def cursor_of(self, table: ReflectedTable) -> str | None:
        """The table's cursor column. Raises a `ConnectorError` if the one named for this table is not there."""
        names = {column.name for column in table.columns}
        named = self.cursors.get(table.path) or self.cursors.get(table.name)
        if named is not None and named not in names:
            hint = f"Columns of {table.path}: {', '.join(sorted(names))}."
            raise ConnectorError(f"The cursor column {named!r} is not in {table.path}.", hint=hint)
        common = self.cursors.get("")
        return named or (common if common in names else None)

    def chosen(self, tables: Sequence[ReflectedTable], location: str) -> list[ReflectedTable]:
        """The tables to read. Raises `SourceEmpty` if there are none, a `ConnectorError` for a name that fits none."""
        for pattern in self.tables:
            if not any(_fits(table, pattern) for table in tables):
                listed = ", ".join(table.path for table in tables[:20]) or "none that this user may read"
                raise ConnectorError(f"There is no table {pattern!r} in {location}.", hint=f"Tables: {listed}.")
        any_stored = any(not table.is_view for table in tables)
        found = [table for table in tables if self._wants(table, any_stored)]
        if not found:
            raise SourceEmpty(
                f"There are no tables to read in {location}, schema {', '.join(self.schemas)}.",
                hint="Check the option schema, and that this user may SELECT from the tables.",
            )
        return found

    def _wants(self, table: ReflectedTable, any_stored: bool) -> bool:
        if any(_fits(table, pattern) for pattern in self.excluded):
            return False
        if self.tables:
            return any(_fits(table, pattern) for pattern in self.tables)
        return not table.is_view or bool(self.views) or (self.views is None and not any_stored)


def selection(kind: str, options: Mapping[str, str], default_schema: str) -> Selection:
    """The selection that options make. Raises a `ConnectorError` for an unknown one or a wrong value."""
    require_known_options(kind, options, OPTIONS)
    for name, known in _CHOICES.items():
        if options.get(name, known[0]) not in known:
            raise ConnectorError(f"The option {name} is {options[name]!r}.", hint=f"Known values: {', '.join(known)}.")
    cursors: dict[str, str] = {}
    for each in _listed(options.get("cursor", "")):
        table, _, column = each.rpartition("=")
        cursors[table.strip()] = column.strip()
    return Selection(
        schemas=_listed(options.get("schema", "")) or (default_schema,),
        tables=_listed(options.get("tables", "")),
        excluded=_listed(options.get("exclude", "")),
        views=reads_views(options),
        live=options.get("mode") == "live",
        keeps_values=options.get("values", "keep") == "keep",
        cursors=cursors,
    )


def suggested_names(tables: Sequence[ReflectedTable]) -> dict[str, str]:
    """Path -> name: `schema_table` where several schemas have a table of that name."""
    often = Counter(table.name.casefold() for table in tables)
    names = [table.name if often[table.name.casefold()] == 1 else f"{table.schema}_{table.name}" for table in tables]
    return {table.path: name for table, name in zip(tables, unique_names(names), strict=True)}


def _fits(table: ReflectedTable, pattern: str) -> bool:
    return fnmatchcase(table.name, pattern) or ("." in pattern and fnmatchcase(table.path, pattern))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
