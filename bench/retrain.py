"""All steps that make the planner's ranker, in order: questions, judged candidates, training.

    python -m bench.retrain --data FOLDER [--write]

FOLDER is ANSWERABLE_BENCH_DATA. Needed whenever the grammar, the plans or the features change; about ten minutes on
two cores. The files in between lie in build/bench. `--write` replaces the packaged weights; without it only what they
would reach on databases not learnt from is printed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).resolve().parents[1] / "build" / "bench"


def run(module: str, *arguments: str) -> None:
    """One step; its failure stops the rest."""
    print(f"-- {module} {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", module, *arguments], check=True)


def main() -> None:
    """Make, judge, train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if not arguments.data:
        sys.exit("give the folder of development data by --data or ANSWERABLE_BENCH_DATA")
    BUILD.mkdir(parents=True, exist_ok=True)
    data = ("--data", arguments.data)
    judged = {name: BUILD / f"{name}.jsonl" for name in ("spider_fit", "spider_dev", "made_fit", "made_dev")}
    for name in ("spider_fit", "spider_dev"):
        run("bench.ranker_data", *data, "--set", name, "--out", str(judged[name]))
        made = BUILD / f"{name.replace('spider', 'synthetic')}_q.jsonl"
        run("bench.synthetic_questions", *data, "--set", name, "--out", str(made))
        out = judged[name.replace("spider", "made")]
        run("bench.ranker_data", *data, "--set", name, "--questions", str(made), "--out", str(out))
    training = [str(judged[name]) for name in ("spider_fit", "made_fit")]
    checks = [str(judged[name]) for name in ("spider_dev", "made_dev")]
    run("bench.train_ranker", *training, "--check", *checks, *(["--write"] if arguments.write else []))


if __name__ == "__main__":
    main()
