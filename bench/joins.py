"""Precision and recall of inferred joins against schemas whose foreign keys are known.

    python bench/joins.py --data FOLDER        # or ANSWERABLE_BENCH_DATA; reads FOLDER/text2sql

A join is right if it connects the same two columns as a foreign key, in either direction: what planning needs is the
condition. Foreign keys to tables that the database lacks are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from ingest.profiler import profile
from ingest.stores.tables import WrittenTable

Pair = frozenset[tuple[str, str]]


def true_pairs(schema: dict[str, Any], present: set[str]) -> set[Pair]:
    """Column pairs of the schema's foreign keys between tables that are there."""
    pairs = set()
    for table, described in schema["tables"].items():
        for columns, to_table, to_columns in described["fk"]:
            if {table.lower(), to_table.lower()} <= present:
                for a, b in zip(columns, to_columns, strict=False):
                    pairs.add(frozenset({(table.lower(), a.lower()), (to_table.lower(), b.lower())}))
    return {pair for pair in pairs if len(pair) == 2}


def inferred_pairs(path: Path) -> tuple[set[Pair], set[str], float]:
    """Inferred column pairs of a database, its tables' names, and seconds to profile it."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        tables = []
        for name in names:
            quoted_name = name.replace('"', '""')
            rows = connection.execute(f'SELECT count(*) FROM "{quoted_name}"').fetchone()
            count = rows[0] if rows else 0
            tables.append(WrittenTable(name=name, path=name, suggested=name, fingerprint="", rows=count, typed=True))
        started = time.perf_counter()
        catalog = profile(connection, tables, source=path.stem)
        seconds = time.perf_counter() - started
    pairs = set()
    for join in catalog.joins:
        for a, b in zip(join.left_columns, join.right_columns, strict=True):
            pairs.add(frozenset({(join.left_table.lower(), a.lower()), (join.right_table.lower(), b.lower())}))
    return pairs, {name.lower() for name in names}, seconds


def main() -> None:
    """Score all databases and print the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--show", action="store_true", help="print every miss and false alarm")
    options = parser.parse_args()
    if not options.data or not (Path(options.data) / "text2sql").is_dir():
        sys.exit("No data: give the folder with text2sql/ by --data or ANSWERABLE_BENCH_DATA.")
    folder = Path(options.data) / "text2sql"
    schemas = json.loads((folder / "spider_schemas.json").read_text(encoding="utf-8"))
    right = found = true = 0
    slowest = (0.0, "")
    for name, schema in sorted(schemas.items()):
        path = folder / "databases" / f"{name}.duckdb"
        if not path.exists():
            continue
        inferred, present, seconds = inferred_pairs(path)
        truth = true_pairs(schema, present)
        right, found, true = right + len(inferred & truth), found + len(inferred), true + len(truth)
        slowest = max(slowest, (seconds, name))
        if options.show:
            for label, pairs in (("missed", truth - inferred), ("wrong ", inferred - truth)):
                for pair in pairs:
                    print(label, name, *(".".join(side) for side in sorted(pair)))
    print(f"inferred {found}, true {true}, right {right}")
    print(f"precision {right / max(found, 1):.3f}  recall {right / max(true, 1):.3f}")
    print(f"slowest profile: {slowest[1]} {slowest[0]:.2f} s")


if __name__ == "__main__":
    main()
