"""What a sync costs after one document in a hundred has changed, against the full ingest, step by step.

    python -m bench.incremental [--data BENCH_DATA] [--documents 5000] [--share 0.01] [--names]

SciFact's abstracts are written as Markdown files, ingested, then the given share of them gets another sentence, and the
source is synced; a third run, with nothing changed, shows what merely looking costs. Prints one JSON object: seconds of
wall clock and of processor time of each run, of each step, and their ratios. `--names` finds names of people too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.contenders import EXPORTS, cpu_seconds
from bench.corpus import documents_of
from bench.machine import described
from ingest.embedder import DEFAULT_MODEL, open_embedder
from ingest.hooks import IngestOptions
from ingest.pipeline import ingest_source
from ingest.request import SourceRequest


def written(corpus: Path, folder: Path, count: int) -> list[Path]:
    """The first abstracts as files of `folder`."""
    folder.mkdir()
    paths = []
    for document in documents_of(corpus)[:count]:
        path = folder / f"{document.path}.md"
        path.write_text(f"# {document.title}\n\n{document.text}\n", encoding="utf-8")
        paths.append(path)
    return paths


def run(home: Path, folder: Path, names: bool) -> dict[str, Any]:
    """One ingest, or sync, with its figures."""
    started, used = time.perf_counter(), cpu_seconds()
    options = IngestOptions(detect_names=names)
    report = ingest_source(home, SourceRequest(location=str(folder), name="corpus", public=True), options=options)
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(cpu_seconds() - used, 2),
        "documents": report.documents.total,
        "documents_changed": report.documents.changed,
        "passages": report.passages.total,
        "passages_embedded": report.passages.embedded,
        "steps": report.seconds,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--names", action="store_true")
    options = parser.parse_args()
    corpus = Path(options.data or "") / "retrieval" / "scifact" / "corpus.jsonl"
    if not corpus.is_file():
        sys.exit(f"no SciFact in {corpus.parent}: pass --data or set ANSWERABLE_BENCH_DATA")
    result: dict[str, Any] = {"machine": described()}
    with tempfile.TemporaryDirectory() as temporary:
        home, folder = Path(temporary) / "home", Path(temporary) / "files"
        home.mkdir()
        (home / "cache").symlink_to(EXPORTS)
        open_embedder(DEFAULT_MODEL, EXPORTS).warm()
        paths = written(corpus, folder, options.documents)
        result["full"] = run(home, folder, options.names)
        for path in paths[:: max(1, round(1 / options.share))]:
            path.write_text(path.read_text(encoding="utf-8") + "\nThe file was revised in 2026.\n", encoding="utf-8")
        result["changed"] = run(home, folder, options.names)
        result["unchanged"] = run(home, folder, options.names)
    for name in ("changed", "unchanged"):
        result[f"{name}, share of the full one"] = {
            key: round(result[name][key] / result["full"][key], 4) for key in ("seconds", "cpu_seconds")
        }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
