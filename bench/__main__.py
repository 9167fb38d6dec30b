"""`make bench`: runs every part in a process of its own and prints one table.

    python -m bench [PART ...] [--json]

Without names it runs the parts that take minutes; the others take longer, or install what they compare with, and run
when they are named (`python -m bench peers`) or by their own commands, with more options (`python -m bench.peers`).

A part is a module that ends its output with JSON objects. One that cannot run (torch is not installed, the larger
data sets of ANSWERABLE_BENCH_DATA are not there) is shown with the reason, and the others still run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
CACHE = str(ROOT / "build" / "bench" / "home" / "cache")
DATA = ["--data", os.environ["ANSWERABLE_BENCH_DATA"]] if "ANSWERABLE_BENCH_DATA" in os.environ else []

PARTS: dict[str, list[str]] = {
    "service": ["bench.service"],
    "embedding": ["bench.embedding", "--cache", CACHE, *DATA],
    "text2sql": ["bench.text2sql", "--limit", "300", *DATA],
    "load": ["bench.load"],
    "streaming": ["bench.streaming"],
    "llm": ["bench.llm"],
    "grounding": ["bench.grounding", *DATA],
    "widget": ["bench.widget"],
}
"""Part -> module and arguments."""
WORK = ["--work", str(ROOT / "build" / "bench" / "work")]
HEAVY: dict[str, list[str]] = {
    "retrieval": ["bench.retrieval", "--cache", CACHE, *WORK, *DATA],
    "vectors": ["bench.vectors", *WORK, *DATA],
    "incremental": ["bench.incremental", *DATA],
    "peers": ["bench.peers", *WORK, *DATA],
    "model_privacy": ["bench.model_privacy", *DATA],
}
"""The same, for those that run only when they are named."""
EVERY = PARTS | HEAVY


def measure(part: str) -> dict[str, Any]:
    """What the part printed, flat; `{"not run": reason}` if it failed."""
    env = os.environ | {"HF_HUB_OFFLINE": "1"}
    run = subprocess.run([sys.executable, "-m", *EVERY[part]], cwd=ROOT, env=env, capture_output=True, text=True)
    if run.returncode != 0:
        return {"not run": (run.stderr.strip() or f"exit code {run.returncode}").splitlines()[-1]}
    decoder, found, rest = json.JSONDecoder(), [], run.stdout[run.stdout.index("{") :].strip()
    while rest:
        figures, end = decoder.raw_decode(rest)
        found.append(figures)
        rest = rest[end:].lstrip()
    if len(found) == 1:
        return dict(flat(found[0]))
    return dict(flat({str(number): figures for number, figures in enumerate(found, 1)}))


def flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """Nested objects as `outer inner` names."""
    if not isinstance(value, dict):
        return [(name, value)]
    return [pair for key, inner in value.items() for pair in flat(inner, f"{name} {key}".strip())]


def main() -> None:
    """Run the parts that are named, or all."""
    named = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    unknown = set(named) - set(EVERY)
    if unknown:
        sys.exit(f"unknown part {', '.join(sorted(unknown))}; known are {', '.join(EVERY)}")
    measured = {part: measure(part) for part in named or PARTS}
    if "--json" in sys.argv:
        print(json.dumps(measured))
        return
    table = Table("part", "measure")
    table.add_column("value", justify="right")
    for part, values in measured.items():
        table.add_section()
        for name, value in values.items():
            table.add_row(part, name, f"{value:,.2f}" if isinstance(value, float) else str(value))
    Console().print(table)


if __name__ == "__main__":
    main()
