"""What a model that always wrote the right SQL would lose: to the rules of its statements, to its confidence, and to
the part of the schema that fits its prompt.

    python -m bench.model_rules --data FOLDER [--set spider_dev] [--limit N]

FOLDER is ANSWERABLE_BENCH_DATA. Every gold statement goes the way of a model's (`app/planning/llm_statement.py`), is
run and compared; no model is asked. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from app.engine import Engine
from app.evals import sql_runner
from app.evals.metrics import percentile, same_rows
from app.evals.text2sql import GoldDatabases, SqlCase, load_sql_cases, spread
from app.model_tables import is_empty
from app.planning.coverage import coverage
from app.planning.linking import link
from app.planning.llm_confidence import Evidence, confidence
from app.planning.llm_grounding import Grounds
from app.planning.llm_statement import Unfit, statement
from app.planning.planner import Planner
from app.planning.schema_text import linked, schema_text
from app.scrubbing import TokenMap
from app.settings import Settings
from app.values import Deadline
from app.verified.reading import read_sql
from ingest.request import slug
from ingest.stores.snapshot import SourceReader

HOME = Path(__file__).resolve().parents[1] / "build" / "bench" / "text2sql"
TODAY = date(2026, 1, 1)
ROWS = 1000
BUDGETS = (400, 800, 3000)


def told(case: SqlCase, source: SourceReader, planner: Planner, tokens: int) -> tuple[bool, float]:
    """Whether the schema text holds every table and column of the gold statement, and the milliseconds it took."""
    started = time.perf_counter()
    _, elements = link(case.question, planner.index, planner.values, TODAY)
    text = schema_text(
        source.catalog,
        planner.index,
        planner.graph,
        linked(elements),
        tokens=tokens,
        personal=lambda values: [False] * len(values),
    )
    milliseconds = (time.perf_counter() - started) * 1000
    blocks = {
        block.split(";")[0].split(":")[0].strip().strip('"').casefold(): block for block in text.split("TABLE ")[1:]
    }
    needed = read_sql(case.gold_sql, planner.index.catalog).schema
    return all(_holds(blocks.get(name.casefold(), ""), columns) for name, columns in needed.items()), milliseconds


def _holds(block: str, columns: Sequence[str] | dict[str, str]) -> bool:
    lines = [line.strip().strip('"').casefold() for line in block.splitlines()[1:]]
    return bool(block) and all(any(line.startswith(name.casefold()) for line in lines) for name in columns)


def main() -> None:
    """Send every gold statement through the rules and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--set", default="spider_dev", dest="name")
    parser.add_argument("--limit", type=int)
    arguments = parser.parse_args()
    if not arguments.data:
        sys.exit("give the folder of development data by --data or ANSWERABLE_BENCH_DATA")
    folder = Path(arguments.data) / "text2sql"
    cases = spread(load_sql_cases(folder / f"{arguments.name}.jsonl"), arguments.limit)
    gold = GoldDatabases(folder / "databases")
    sql_runner.ingest_missing(HOME, {case.db: gold.path(case.db) for case in cases})
    engine = Engine(Settings(home=HOME, trace_retention_days=0))
    snapshot = engine.store.snapshot()
    refused, same, sure, kept, times = 0, 0, 0, dict.fromkeys(BUDGETS, 0), []
    for case in cases:
        source = snapshot.sources[slug(case.db)]
        planner = engine.planners.of(source, ("public", "internal"))
        for budget in BUDGETS:
            whole, milliseconds = told(case, source, planner, budget)
            kept[budget] += whole
            times.append(milliseconds)
        try:
            grounds = Grounds(case.question, planner)
            stated = statement(case.gold_sql, planner, grounds, TokenMap(), source=source.name, max_rows=ROWS)
        except Unfit:
            refused += 1
            continue
        rows = engine.tables.run(stated.query, snapshot, Deadline.after(10)).rows
        same += same_rows(rows, gold.rows(case.db, case.gold_sql)[:ROWS])
        share = coverage(case.question, read_sql(stated.sql, planner.index.catalog), planner, TODAY)
        sure += confidence(Evidence(coverage=share, empty=is_empty(rows))) >= engine.settings.planner_threshold
    engine.close()
    gold.close()
    figures = {f"{arguments.name} gold statements": len(cases), "refused by the rules": refused, "same rows": same}
    figures |= {"sure enough to answer": sure}
    figures |= {f"all its tables and columns in {budget} tokens": count for budget, count in kept.items()}
    print(json.dumps(figures | {"schema text p50 (ms)": round(percentile(times, 0.5), 2)}))


if __name__ == "__main__":
    main()
