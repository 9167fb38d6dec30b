"""`/console/sources/{name}/tables/{table}`: the profile of a table."""

from __future__ import annotations

from litestar import get

from app.engine import Engine
from app.errors import NotFound
from app.web.console.frame import exported, page
from app.web.console.sources.pages import Answered, Shape
from app.web.console.sources.rows import column_row, seen_catalog, source_named
from app.web.console.viewers import Viewer


@get("/sources/{name:str}/tables/{table:path}", sync_to_thread=True)
def table_page(name: str, table: str, engine: Engine, viewer: Viewer, shape: Shape = "html") -> Answered:
    """A table's columns with their types, shares of empty cells, ranges and frequent values."""
    catalog = seen_catalog(source_named(name, engine, viewer), viewer)
    found = catalog.table(table.removeprefix("/"))
    if found is None:
        raise NotFound("This source has no such table.", hint="The source's page lists its tables.")
    columns = [column_row(column, found) for column in found.columns]
    if shape != "html":
        return exported(columns, shape, "columns")
    joins = [join for join in catalog.joins if found.name in (join.left_table, join.right_table)]
    metrics = [metric for metric in catalog.metrics if metric.table == found.name]
    return page(
        "sources/table.html", viewer, active="sources", title=f"Table {found.name}", name=name, table=found,
        columns=columns, joins=joins, metrics=metrics,
    )  # fmt: skip
