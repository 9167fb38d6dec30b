"""Whether words that fit no name should be linked by meaning: what it would answer rightly and wrongly.

    python -m bench.meanings --data FOLDER [--set spider_fit] [--limit 1500]

For each question refused because a word fits nothing, the word is embedded and compared with the names of all tables
and columns; it is replaced by the nearest name, and if the question then has a sure answer, that is judged. Printed are
right and wrong answers gained for floors of the similarity and margins over the second-nearest name.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.evals.text2sql import GoldDatabases, load_sql_cases, score
from app.planning.identifiers import spoken
from app.planning.wording import plural
from app.settings import Settings
from app.values import Caller
from bench.text2sql import HOME, MOST_ROWS, ingest_missing
from ingest.request import slug

FLOORS = (0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
MARGINS = (0.0, 0.03, 0.06, 0.1)


def names_of(engine: Engine, source: str) -> tuple[list[str], Any]:
    """The names of a source's tables and columns as people say them, and their vectors."""
    catalog = engine.store.snapshot().sources[source].catalog
    names = [plural(spoken(t.name)) for t in catalog.tables]
    names += [spoken(c.name) for t in catalog.tables for c in t.columns]
    listed = list(dict.fromkeys(names))
    return listed, engine.embedder.embed(listed)


def main() -> None:
    """Judge every refused question with its unknown word replaced, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"), required=False)
    parser.add_argument("--set", default="spider_fit", dest="name")
    parser.add_argument("--limit", type=int, default=1500)
    arguments = parser.parse_args()
    folder = Path(arguments.data) / "text2sql"
    cases = load_sql_cases(folder / f"{arguments.name}.jsonl")
    cases = tuple(cases[at * len(cases) // arguments.limit] for at in range(min(arguments.limit, len(cases))))
    ingest_missing(folder / "databases", {case.db for case in cases})
    engine, gold = Engine(Settings(home=HOME, max_rows=MOST_ROWS)), GoldDatabases(folder / "databases")
    caller, known = Caller(sees_personal_data=True), dict[str, tuple[list[str], Any]]()
    found: list[tuple[float, float, str]] = []
    refused, times = 0, []
    for case in cases:
        source = slug(case.db)
        reader = engine.store.snapshot().sources[source]
        question = question_from(case.question, engine, caller, sources=[source], max_rows=MOST_ROWS)
        planned = engine.planners.of(reader, caller.visibilities).plan(case.question, question.today)
        words = [w for w in planned.uncovered if w.isalpha() and len(w) > 3]
        if planned.candidates or len(words) != 1:
            continue
        refused += 1
        if source not in known:
            known[source] = names_of(engine, source)
        names, vectors = known[source]
        started = time.perf_counter()
        likeness = vectors @ engine.embedder.embed_query(words[0])
        times.append(time.perf_counter() - started)
        order = np.argsort(-likeness)
        best = names[order[0]]
        margin = float(likeness[order[0]] - likeness[order[1]]) if len(order) > 1 else 1.0
        text = re.sub(rf"(?<!\w){re.escape(words[0])}(?!\w)", lambda _, best=best: best, case.question, count=1)
        got = answer(question_from(text, engine, caller, sources=[source], max_rows=MOST_ROWS), engine)
        rows = got.table.rows if got.status == "answered" and got.table is not None else None
        found.append(
            (float(likeness[order[0]]), margin, score(rows, gold.rows(case.db, case.gold_sql), ordered=case.ordered))
        )
    table = {
        f"floor {floor}, margin {margin}": {
            outcome: sum(o == outcome and f >= floor and m >= margin for f, m, o in found)
            for outcome in ("right", "wrong")
        }
        for floor in FLOORS
        for margin in MARGINS
    }
    print(
        json.dumps(
            {
                "questions": len(cases),
                "refused for one word": refused,
                "embedding (ms)": round(1000 * float(np.median(times)), 1),
            }
            | table,
            indent=1,
        )
    )
    engine.close()
    gold.close()


if __name__ == "__main__":
    main()
