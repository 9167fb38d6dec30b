"""Table questions over databases never seen: how many are answered rightly, wrongly, or not at all.

    python -m bench.text2sql --data FOLDER [--set spider_dev] [--limit 300] [--threshold T] [--out FILE]

FOLDER is ANSWERABLE_BENCH_DATA: FOLDER/text2sql/<set>.jsonl and FOLDER/text2sql/databases. It is `answerable eval
text2sql` over a home in build/bench/text2sql, in one line of figures; `--out` writes one line for each case.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import msgspec

from app.evals import sql_runner
from app.evals.sql_runner import MOST_ROWS, SqlRunner
from app.evals.text2sql import GoldDatabases, gold_rows, load_sql_cases, spread
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "build" / "bench" / "text2sql"


def ingest_missing(databases: Path, names: set[str]) -> None:
    """Ingest the databases that the home does not hold yet."""
    gold = GoldDatabases(databases)
    sql_runner.ingest_missing(HOME, {name: gold.path(name) for name in names})


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
    cases = spread(load_sql_cases(folder / f"{arguments.name}.jsonl"), arguments.limit)
    ingest_missing(folder / "databases", {case.db for case in cases})
    gold = GoldDatabases(folder / "databases")
    runner = SqlRunner(Settings(home=HOME, max_rows=MOST_ROWS), threshold=arguments.threshold)
    report = runner.run(cases, gold_rows(cases, gold.rows))
    runner.close()
    gold.close()
    if arguments.out:
        lines = b"".join(msgspec.json.encode(result) + b"\n" for result in report.results)
        arguments.out.write_bytes(lines)
    print(
        json.dumps(
            {
                f"{arguments.name} questions": report.total.cases,
                "right": report.total.right,
                "wrong": report.total.wrong,
                "refused": report.total.refused + report.total.failed,
                "p50 (ms)": report.p50_ms,
                "p95 (ms)": report.p95_ms,
            }
        )
    )


if __name__ == "__main__":
    main()
