"""The step for tables: profile them, merge the description file, and index their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ingest.build import Build
from ingest.description import apply_description
from ingest.profiler import profile
from ingest.stores import segment as files
from ingest.stores.catalog import Catalog
from ingest.stores.tables import open_tables
from ingest.stores.values import write_value_index

if TYPE_CHECKING:
    import duckdb


def profile_tables(build: Build) -> None:
    """Write `catalog.json` and, for a source with tables, `values.sqlite`."""
    with build.step("profile"):
        if build.tables:
            catalog = _profiled(build)
        else:
            catalog = _described(build, Catalog(source=build.name, tables=()))
        (build.folder / files.CATALOG).write_bytes(msgspec.json.format(msgspec.json.encode(catalog), indent=1))


def _profiled(build: Build) -> Catalog:
    with open_tables(build.folder / files.TABLES, memory_limit=build.options.memory_limit) as connection:
        if any(table.server is not None for table in build.tables):
            return _profiled_live(build, connection)
        catalog = profile(connection, build.tables, source=build.name, visibility=build.request.visibility)
        catalog = _described(build, catalog)
        for problem in write_value_index(connection, catalog, build.folder / files.VALUES):
            build.note_problem("profile", problem)
        return catalog


def _profiled_live(build: Build, connection: duckdb.DuckDBPyConnection) -> Catalog:
    from ingest.live_profile import profiling

    keep = build.request.options.get("values", "keep") == "keep"
    with profiling(build.request.location, connection, build.tables, keep_values=keep) as live:
        catalog = live.catalog(build.name, build.request.visibility)
        catalog = _described(build, catalog)
        for problem in (
            *live.findings,
            *write_value_index(connection, catalog, build.folder / files.VALUES, live.values),
        ):
            build.note_problem("profile", problem)
        return catalog


def _described(build: Build, catalog: Catalog) -> Catalog:
    return apply_description(catalog, build.description) if build.description else catalog
