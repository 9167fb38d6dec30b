"""How soon a stream says something, over HTTP with the embedded default: its first event and its first text.

    python -m bench.streaming [--rounds 5]

Serves the sample data from a home of its own under build/bench and asks the sample's questions one after the other as
streams, each on a connection of its own, as a browser does after a page was opened; then the same while other clients
ask without a pause. Prints one JSON object: milliseconds, and each as a multiple of the limit of 100 ms.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from bench.load import Heard, client
from bench.machine import described
from bench.service import DOCUMENT_QUESTIONS, HOME, TABLE_QUESTIONS, measure_ingest, serving

LIMIT_MS = 100.0
"""What the first event may take."""


def streamed(url: str, asked: Sequence[str]) -> dict[str, list[float]]:
    """Milliseconds until the first event, the first text and the end of each stream, connecting included."""
    parts = urlsplit(url)
    found: dict[str, list[float]] = {"first event": [], "first text": [], "done": []}
    for question in asked:
        with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)) as connection:
            started = time.perf_counter()
            body = json.dumps({"question": question, "stream": True})
            connection.request("POST", "/v1/ask", body, {"Content-Type": "application/json"})
            at: dict[str, float] = {}
            for line in connection.getresponse():
                since = 1000 * (time.perf_counter() - started)
                at.setdefault("first event", since)
                if line.startswith(b"event: delta"):
                    at.setdefault("first text", since)
                elif line.startswith(b"event: done"):
                    at["done"] = since
        if "done" not in at:
            raise RuntimeError(f"the stream for {question!r} has no end")
        for name, milliseconds in at.items():
            found[name].append(milliseconds)
    return found


@contextmanager
def others(url: str, clients: int, questions: Sequence[str]) -> Iterator[None]:
    """Clients that ask for whole answers without a pause, in the meantime."""
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            client(url, list(questions), time.perf_counter() + 0.2, Heard())

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def figures(found: dict[str, list[float]]) -> dict[str, float]:
    """Medians and 95th percentiles, and the medians as multiples of the limit."""
    shown: dict[str, float] = {}
    for name, milliseconds in found.items():
        shown[f"{name} p50_ms"] = round(statistics.median(milliseconds), 1)
        shown[f"{name} p95_ms"] = round(float(np.percentile(milliseconds, 95)), 1)
    for name in ("first event", "first text"):
        shown[f"{name} p50 / {LIMIT_MS:g} ms"] = round(shown[f"{name} p50_ms"] / LIMIT_MS, 3)
    return shown


def measured(url: str, rounds: int) -> dict[str, Any]:
    """Figures of a server by one reader, and by one beside four clients that ask without a pause."""
    questions = [*DOCUMENT_QUESTIONS, *TABLE_QUESTIONS]
    streamed(url, questions)
    found: dict[str, Any] = {"alone": figures(streamed(url, questions * rounds))}
    with others(url, 4, questions):
        found["beside four clients"] = figures(streamed(url, questions * rounds))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    home = HOME.with_name("streaming-home")
    machine = described()
    shutil.rmtree(home, ignore_errors=True)
    measure_ingest(home)
    with serving(home) as (url, _process):
        print(json.dumps({"machine": machine, **measured(url, options.rounds)}, indent=1))


if __name__ == "__main__":
    main()
