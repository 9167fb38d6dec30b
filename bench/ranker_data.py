"""Every plan that the embedded planner proposes for the questions of a set, with its features and whether it is right.

    python -m bench.ranker_data --data FOLDER --set spider_fit --out build/bench/spider_fit.jsonl
    python -m bench.ranker_data --data FOLDER --questions build/bench/made.jsonl --out build/bench/made_fit.jsonl

One line for each question: its database, and of each candidate (best first) the features, the SQL and whether its rows
are those of the gold query. `bench.train_ranker` learns from it. `--questions` names a file that
`bench.synthetic_questions` wrote, whose gold queries are of the ingested tables and may use its made-up metrics.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from app.evals.text2sql import GoldDatabases, RowsOf, SqlCase, load_sql_cases, score
from app.planning.planner import Planner
from bench.synthetic_questions import with_metrics
from bench.text2sql import HOME, ingest_missing
from ingest.request import slug
from ingest.stores.snapshot import Store

TODAY = date(2026, 1, 1)
MOST_ROWS = 50_000


def judged(case: SqlCase, planner: Planner, tables: duckdb.DuckDBPyConnection, right_rows: RowsOf) -> dict[str, Any]:
    """The candidates of a case with their outcome."""
    planned = planner.plan(case.question, TODAY)
    candidates = []
    for candidate in planned.candidates:
        try:
            rows = tables.execute(candidate.sql).fetchmany(MOST_ROWS)
        except duckdb.Error:
            continue
        width = len(candidate.plan.select)
        got = [row[:width] for row in rows]
        outcome = score(got, right_rows, ordered=case.ordered)
        candidates.append(
            {"features": candidate.features, "right": outcome == "right", "sql": candidate.sql, "rows": len(rows)}
        )
    return {
        "id": case.id,
        "db": case.db,
        "question": case.question,
        "gold": case.gold_sql,
        "candidates": candidates,
        "uncovered": planned.uncovered,
    }


def of_database(cases: list[SqlCase], databases: Path, made: bool) -> list[dict[str, Any]]:
    """All cases of one database; the gold of `made` ones is of the ingested tables."""
    reader = Store(HOME).snapshot().sources[slug(cases[0].db)]
    catalog = with_metrics(reader.catalog) if made else reader.catalog
    planner = Planner(catalog, reader.values, ("public", "internal"))
    gold = GoldDatabases(databases)
    with duckdb.connect(str(reader.tables_path), read_only=True) as tables:
        found = []
        for case in cases:
            rows = tables.execute(case.gold_sql).fetchall() if made else gold.rows(case.db, case.gold_sql)
            found.append(judged(case, planner, tables, rows))
    gold.close()
    return found


def _batches(cases: tuple[SqlCase, ...]) -> Iterator[list[SqlCase]]:
    for _, group in groupby(sorted(cases, key=lambda case: case.db), key=lambda case: case.db):
        yield list(group)


def main() -> None:
    """Judge all cases and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--set", default="spider_fit", dest="name")
    parser.add_argument("--questions", type=Path, help="made questions, in place of a set")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    arguments = parser.parse_args()
    if not arguments.data:
        sys.exit("give the folder of development data by --data or ANSWERABLE_BENCH_DATA")
    folder = Path(arguments.data) / "text2sql"
    cases = load_sql_cases(arguments.questions or folder / f"{arguments.name}.jsonl")
    if arguments.limit:
        cases = tuple(cases[at * len(cases) // arguments.limit] for at in range(arguments.limit))
    ingest_missing(folder / "databases", {case.db for case in cases})
    first = any_right = top = 0
    with ProcessPoolExecutor() as pool, arguments.out.open("w", encoding="utf-8") as out:
        made = [arguments.questions is not None] * len(cases)
        for found in pool.map(of_database, _batches(cases), [folder / "databases"] * len(cases), made):
            for line in found:
                out.write(json.dumps(line) + "\n")
                rights = [candidate["right"] for candidate in line["candidates"]]
                any_right += any(rights)
                first += bool(rights)
                top += bool(rights and rights[0])
    print(json.dumps({"questions": len(cases), "planned": first, "first right": top, "any right": any_right}))


if __name__ == "__main__":
    main()
