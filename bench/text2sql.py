"""Table questions over databases never seen: how many are answered rightly, wrongly, or not at all.

    python -m bench.text2sql --data FOLDER [--set spider_dev] [--limit 300] [--out FILE]

FOLDER is ANSWERABLE_BENCH_DATA: FOLDER/text2sql/<set>.jsonl and FOLDER/text2sql/databases. Every database is ingested
as a user would (once, into build/bench/text2sql) and every question is asked by the service's own path, of its source
alone. Prints counts and the time of a question; `--out` writes one line for each case.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import msgspec

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.evals.metrics import tally
from app.evals.text2sql import GoldDatabases, SqlCase, load_sql_cases, score
from app.settings import Settings
from app.values import Answer, Caller
from ingest.pipeline import ingest_source
from ingest.request import SourceRequest, slug
from ingest.stores.snapshot import Store

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "build" / "bench" / "text2sql"
MOST_ROWS = 100_000


def ingest_missing(databases: Path, names: set[str]) -> None:
    """Ingest the databases that the home does not hold yet."""
    known = set(Store(HOME).snapshot().sources) if (HOME / "store").exists() else set()
    for name in sorted(name for name in names if slug(name) not in known):
        ingest_source(HOME, SourceRequest(location=str(databases / f"{name}.duckdb"), name=name))


def ask(case: SqlCase, engine: Engine) -> tuple[Answer, float]:
    """The answer to a case and its milliseconds."""
    caller = Caller(sees_personal_data=True)
    started = time.perf_counter()
    question = question_from(case.question, engine, caller, sources=[slug(case.db)], max_rows=MOST_ROWS)
    return answer(question, engine), (time.perf_counter() - started) * 1000


def main() -> None:
    """Ask all questions and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--set", default="spider_dev", dest="name")
    parser.add_argument("--limit", type=int, help="ask only this many, spread evenly over the set")
    parser.add_argument("--threshold", type=float, help="least confidence to answer at, in place of the default")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if not arguments.data:
        sys.exit("give the folder of development data by --data or ANSWERABLE_BENCH_DATA")
    folder = Path(arguments.data) / "text2sql"
    cases = load_sql_cases(folder / f"{arguments.name}.jsonl")
    if arguments.limit and arguments.limit < len(cases):
        cases = tuple(cases[at * len(cases) // arguments.limit] for at in range(arguments.limit))
    ingest_missing(folder / "databases", {case.db for case in cases})
    settings = Settings(home=HOME, max_rows=MOST_ROWS)
    if arguments.threshold is not None:
        settings = msgspec.structs.replace(settings, planner_threshold=arguments.threshold)
    engine, gold = Engine(settings), GoldDatabases(folder / "databases")
    results, times = [], []
    for case in cases:
        found, milliseconds = ask(case, engine)
        got = found.table.rows if found.status == "answered" and found.table is not None else None
        outcome = score(got, gold.rows(case.db, case.gold_sql), ordered=case.ordered)
        times.append(milliseconds)
        results.append(
            {
                "id": case.id,
                "db": case.db,
                "question": case.question,
                "gold": case.gold_sql,
                "outcome": outcome,
                "confidence": found.confidence,
                "status": found.status,
                "text": found.text[:300],
                "sql": found.sql.text if found.sql else None,
            }
        )
    engine.close()
    gold.close()
    if arguments.out:
        arguments.out.write_text("".join(json.dumps(result) + "\n" for result in results), encoding="utf-8")
    total = tally(str(result["outcome"]) for result in results)  # type: ignore[misc]
    cuts = statistics.quantiles(times, n=20)
    print(
        json.dumps(
            {
                f"{arguments.name} questions": len(results),
                "right": total.right,
                "wrong": total.wrong,
                "refused": total.refused,
                "p50 (ms)": round(statistics.median(times), 1),
                "p95 (ms)": round(cuts[18], 1),
            }
        )
    )


if __name__ == "__main__":
    main()
