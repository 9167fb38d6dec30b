"""How long linking takes over 500 tables and ten million values: load, link, plan and memory.

    python -m bench.linking [--tables 500] [--values 10000000]

The source is made once, through the stores' own writers, into build/bench/linking: tables of eight departments that
share most of their names (every one has an id, a name, a status, dates), and text columns full of people, companies and
codes. Then questions over its tables and values are linked and planned, each twice; the second time is reported.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from app.planning.linking import link
from app.planning.planner import Planner
from app.spelling import did_you_mean
from ingest.stores.catalog import Catalog, Column, Join, Table
from ingest.stores.identifiers import quoted
from ingest.stores.values import ValueIndex, write_value_index

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "bench" / "linking"
TODAY = date(2026, 6, 30)
SMALL_ROWS = 200
"""Rows of a table whose columns hold few values."""
BIG_TABLES = 20
"""Tables that hold nearly all values, in two text columns each."""

DEPARTMENTS = ("sales", "hr", "finance", "support", "logistics", "marketing", "legal", "research")
_NOUNS = """
    orders customers employees invoices payments tickets shipments products suppliers campaigns contracts projects
    warehouses accounts visits budgets expenses meetings devices vehicles incidents surveys leads returns audits
    claims patents samples experiments offices contacts partners events licences policies permits loans assets
    batches complaints deliveries deposits discounts documents drivers grants inspections interviews jobs lessons
    machines memberships notices offers packages quotes refunds rentals repairs reports requests routes shifts
    stores tasks
    """
ENTITIES = tuple(_NOUNS.split())
COLUMNS: tuple[tuple[str, str], ...] = (
    ("name", "VARCHAR"), ("status", "VARCHAR"), ("city", "VARCHAR"), ("country", "VARCHAR"), ("category", "VARCHAR"),
    ("amount", "DECIMAL(10,2)"), ("quantity", "INTEGER"), ("unit_price", "DECIMAL(10,2)"), ("score", "DOUBLE"),
    ("created_at", "DATE"), ("closed_on", "DATE"),
    ("priority", "VARCHAR"), ("weight_kg", "DOUBLE"), ("region", "VARCHAR"),
    ("is_active", "BOOLEAN"), ("description", "VARCHAR"), ("manager_name", "VARCHAR"), ("reference_code", "VARCHAR"),
)  # fmt: skip
FEW: dict[str, tuple[str, ...]] = {
    "status": ("open", "closed", "pending", "cancelled", "approved"),
    "city": ("Berlin", "Paris", "Madrid", "Vienna", "Oslo", "New York", "San Francisco", "Toronto"),
    "country": ("Germany", "France", "Spain", "Austria", "Norway", "United States", "Canada"),
    "category": ("standard", "premium", "trial", "internal"),
    "priority": ("low", "normal", "high", "urgent"),
    "region": ("north", "south", "east", "west", "central"),
}
_SYLLABLES = "ba den kor mil san ter vel won gar hol rin mar sto lin fer dal hus pen tor wick"
_FIRST = "Anna Ben Cora Dan Eva Finn Gina Hugo Iris Jan Kira Leo Mia Nils Olga Paul Rosa Sven Tara Uwe"
_KINDS = "Foods Labs Systems Motors Media Trading Energy Textiles Partners Logistics"
SYLLABLES, FIRST, KINDS = _SYLLABLES.split(), _FIRST.split(), _KINDS.split()


def column_type(sql: str) -> str:
    """The catalog's type of a column of this source."""
    kinds = {"VARCHAR": "text", "INTEGER": "integer", "DATE": "date", "BOOLEAN": "boolean"}
    return kinds.get(sql, "number")


def word_sql(number: str, syllables: int) -> str:
    """SQL for a made-up word of that many syllables, different for different numbers below 20 ** syllables."""
    listed = ", ".join(f"'{s}'" for s in SYLLABLES)
    parts = [
        f"[{listed}][1 + CAST(({number} // {len(SYLLABLES) ** p}) % {len(SYLLABLES)} AS INTEGER)]"
        for p in range(syllables)
    ]
    return " || ".join(parts)


def value_sql(column: str, big: bool, table: int) -> str:
    """SQL for a cell of row `i`."""
    if column in FEW:
        listed = ", ".join(f"'{v}'" for v in FEW[column])
        return f"[{listed}][1 + (i * 7 + {table}) % {len(FEW[column])}]"
    if column == "name":
        first = ", ".join(f"'{f}'" for f in FIRST)
        surname = word_sql(f"(i * 7919 + {table} * 104729)", 5)
        if table % 2:
            kinds = ", ".join(f"'{k}'" for k in KINDS)
            return f"upper(({surname})[1]) || ({surname})[2:] || ' ' || [{kinds}][1 + i % {len(KINDS)}]"
        return f"[{first}][1 + i % {len(FIRST)}] || ' ' || upper(({surname})[1]) || ({surname})[2:]"
    if column == "manager_name":
        first = ", ".join(f"'{f}'" for f in FIRST)
        return f"[{first}][1 + (i + {table}) % {len(FIRST)}]"
    if column == "reference_code":
        return f"'{'RFQ' if big else 'X'}-' || printf('%02d', {table}) || '-' || printf('%07d', i)"
    if column == "description":
        return "repeat('a long note about this row ', 4)"
    return {
        "amount": "(i * 37 % 100000) / 100.0", "quantity": "i % 50", "unit_price": "(i * 13 % 9000) / 100.0",
        "score": "i % 10",
        "created_at": "DATE '2022-01-01' + CAST(i % 1500 AS INTEGER)",
        "closed_on": "DATE '2023-01-01' + CAST(i % 1000 AS INTEGER)",
        "weight_kg": "i % 100 / 10.0", "is_active": "i % 3 = 0",
    }[column]  # fmt: skip


def make_table(connection: duckdb.DuckDBPyConnection, number: int, rows: int, parent: str | None) -> Table:
    """Create one table and describe it."""
    department, entity = DEPARTMENTS[number % len(DEPARTMENTS)], ENTITIES[number // len(DEPARTMENTS) % len(ENTITIES)]
    name, key, big = f"{department}_{entity}", f"{entity.rstrip('s')}_id", rows > SMALL_ROWS
    columns = [(key, "INTEGER"), *COLUMNS] + ([(parent, "INTEGER")] if parent else [])
    cells = ["i", *(value_sql(c, big, number) for c, _ in COLUMNS)] + (["i % 200"] if parent else [])
    listed = ", ".join(f"CAST({sql} AS {kind}) AS {quoted(c)}" for (c, kind), sql in zip(columns, cells, strict=True))
    connection.execute(f"CREATE TABLE {quoted(name)} AS SELECT {listed} FROM range({rows}) t(i)")
    described = tuple(
        Column(name=c, type=column_type(kind), sql_type=kind,
               distinct=rows if c in (key, "name", "reference_code") else 8,
               unique=c in (key, "reference_code"))  # type: ignore[arg-type]
        for c, kind in columns
    )  # fmt: skip
    return Table(name=name, path=name, rows=rows, columns=described, primary_key=(key,), default_date="created_at")


def make_source(folder: Path, tables: int, values: int) -> float:
    """Write the tables, the catalog and the value index; the seconds it took."""
    started = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    rows = values // BIG_TABLES // 2
    made: list[Table] = []
    joins: list[Join] = []
    with duckdb.connect(str(folder / "tables.duckdb")) as connection:
        for number in range(tables):
            above = made[number - len(DEPARTMENTS)] if number >= len(DEPARTMENTS) else None
            parent = above.primary_key[0] if above else None
            made.append(make_table(connection, number, rows if number < BIG_TABLES else SMALL_ROWS, parent))
            if above and parent:
                joins.append(Join(left_table=made[-1].name, left_columns=(parent,), right_table=above.name,
                                  right_columns=above.primary_key, evidence="declared"))  # fmt: skip
        catalog = Catalog(source="big", tables=tuple(made), joins=tuple(joins))
        write_value_index(connection, catalog, folder / "values.sqlite")
    (folder / "catalog.json").write_bytes(msgspec.json.encode(catalog))
    return time.perf_counter() - started


def questions(folder: Path) -> list[str]:
    """Questions over tables, columns and values of all parts of the source, a few with mistakes."""
    with duckdb.connect(str(folder / "tables.duckdb"), read_only=True) as connection:

        def names(table: str, row: int) -> tuple[str, str]:
            found = connection.execute(f"SELECT name, reference_code FROM {table} LIMIT 1 OFFSET {row}").fetchone()
            assert found is not None
            return found

        asked = []
        for at, department in enumerate(DEPARTMENTS):
            entity = ENTITIES[at % 2]
            name, code = names(f"{department}_{entity}", 1000 + at)
            late = ENTITIES[(7 * at + 5) % 60]
            asked += [
                f"How many {department} {entity} are there?",
                f"What is the amount of {department} {entity} with the reference code {code}?",
                f"What is the status of the {department} {entity.rstrip('s')} {name}?",
                f"How many {department} {late} were created in March 2024 in Berlin?",
                f"total amount of {department} {late} by region",
                f"Which {department} {late} from New York have a score above 5?",
                f"How many {department} {entity} are called {name[:-3]}x{name[-2:]}?",
                f"average unit price of {department} {late} in the United States with urgent priority by country",
            ]
    return asked


def timed(run: Callable[[str], object], asked: Sequence[str]) -> dict[str, float]:
    """Median, 95th percentile and maximum of a question's time, each question's second run."""
    times = []
    for question in asked:
        for _ in range(2):
            started = time.perf_counter()
            run(question)
            taken = (time.perf_counter() - started) * 1000
        times.append(taken)
    cuts = statistics.quantiles(times, n=20)
    return {
        "p50 (ms)": round(statistics.median(times), 1),
        "p95 (ms)": round(cuts[18], 1),
        "max (ms)": round(max(times), 1),
    }


def memory_mib() -> float:
    """The memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measure(folder: Path) -> dict[str, Any]:
    """Load the source and time its questions."""
    asked = questions(folder)
    before = memory_mib()
    started = time.perf_counter()
    catalog = msgspec.json.decode((folder / "catalog.json").read_bytes(), type=Catalog)
    values = ValueIndex(folder / "values.sqlite")
    planner = Planner(catalog, values, ("public", "internal"))
    loaded = time.perf_counter() - started

    def spelling(question: str) -> object:
        return did_you_mean(question, planner.plan(question, TODAY), planner, 0.6, TODAY)

    return {
        "tables": len(catalog.tables),
        "columns": sum(len(t.columns) for t in catalog.tables),
        "questions": len(asked),
        "with a plan": sum(bool(planner.plan(q, TODAY).candidates) for q in asked),
        "value index (MiB)": round((folder / "values.sqlite").stat().st_size / 2**20),
        "load (s)": round(loaded, 2),
        "link": timed(lambda q: link(q, planner.index, values, TODAY), asked),
        "plan": timed(lambda q: planner.plan(q, TODAY), asked),
        "plan and did-you-mean": timed(spelling, asked),
        "memory of the loaded source (MiB)": round(memory_mib() - before),
    }


def main() -> None:
    """Make the source if it is not there and print the measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=500)
    parser.add_argument("--values", type=int, default=10_000_000)
    parser.add_argument("--rebuild", action="store_true", help="make the source again")
    arguments = parser.parse_args()
    folder = FOLDER / f"{arguments.tables}-{arguments.values}"
    made = None
    if arguments.rebuild or not (folder / "catalog.json").exists():
        made = round(make_source(folder, arguments.tables, arguments.values), 1)
    print(json.dumps({"made in (s)": made} | measure(folder)))


if __name__ == "__main__":
    main()
