"""Whether verified queries are used only where they are right, over questions that others wrote.

    python -m bench.verified --data FOLDER [--set spider_dev] [--home HOME]

Every question of the set is verified with its gold SQL; then every question is asked twice, the second time with its
own pair left out. Whatever pair answers, the rows must be those of the question's gold SQL. Wrong ones go to standard
error. FOLDER is as for `bench.text2sql`, whose ingested databases are used.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from datetime import date
from pathlib import Path

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.errors import AppError
from app.evals.text2sql import GoldDatabases, SqlCase, load_sql_cases, score
from app.settings import Settings
from app.values import Answer, Caller
from app.verified.checking import Proposal, add_verified
from app.verified.values import VerifiedQuery
from bench.text2sql import HOME, MOST_ROWS, ingest_missing
from ingest.request import slug
from ingest.stores.snapshot import Store

TODAY = date(2026, 6, 30)


def added(cases: tuple[SqlCase, ...], engine: Engine, counts: Counter[str]) -> dict[str, VerifiedQuery]:
    """Each case's verified query, by its id; counts why others have none."""
    found = {}
    for case in cases:
        proposal = Proposal(source=slug(case.db), question=case.question, sql=case.gold_sql)
        try:
            found[case.id] = add_verified(proposal, engine, Caller(), TODAY)
        except AppError as error:
            counts[f"not added: {error.code}"] += 1
    counts["added"] = len(found)
    counts["added with parameters"] = sum(bool(query.parameters) for query in found.values())
    return found


def ask(case: SqlCase, engine: Engine) -> Answer:
    """The answer to a case, of its source alone."""
    caller = Caller(sees_personal_data=True)
    asked = question_from(case.question, engine, caller, sources=[slug(case.db)], max_rows=MOST_ROWS, today=TODAY)
    return answer(asked, engine)


def main() -> None:
    """Add, ask, count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--set", default="spider_dev", dest="name")
    parser.add_argument("--home", type=Path, default=HOME, help="home that holds the ingested databases")
    arguments = parser.parse_args()
    if not arguments.data:
        sys.exit("give the folder of development data by --data or ANSWERABLE_BENCH_DATA")
    folder = Path(arguments.data) / "text2sql"
    cases = load_sql_cases(folder / f"{arguments.name}.jsonl")
    if arguments.home == HOME:
        ingest_missing(folder / "databases", {case.db for case in cases})
    known = set(Store(arguments.home).snapshot().sources)
    cases = tuple(case for case in cases if slug(case.db) in known)
    counts: Counter[str] = Counter(questions=len(cases))
    with tempfile.TemporaryDirectory() as state:
        (Path(state) / "store").symlink_to(arguments.home / "store")
        engine, gold = Engine(Settings(home=Path(state), max_rows=MOST_ROWS)), GoldDatabases(folder / "databases")
        queries = added(cases, engine, counts)
        for case in cases:
            for kind in ("own", "another's"):
                found = ask(case, engine)
                if found.verified is None or found.table is None:
                    continue
                own = case.id in queries and found.verified.id == queries[case.id].id
                if (kind == "own") != own:
                    continue
                outcome = score(found.table.rows, gold.rows(case.db, case.gold_sql), ordered=case.ordered)
                counts[f"{kind} pair, {outcome}"] += 1
                if outcome == "wrong":
                    wrong = {"question": case.question, "pair": found.verified.question, "gold": case.gold_sql}
                    print(json.dumps(wrong), file=sys.stderr)
                if own:
                    engine.verified.store.remove(found.verified.id)
            if case.id in queries:
                restore(queries[case.id], engine)
        engine.close()
        gold.close()
    print(json.dumps(dict(counts)))


def restore(query: VerifiedQuery, engine: Engine) -> None:
    """Put a query that was left out back."""
    if all(query.id != kept.id for kept in engine.verified.all()):
        engine.verified.store.add(query, query.id)


if __name__ == "__main__":
    main()
