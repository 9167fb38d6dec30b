"""The service under load: clients that ask over HTTP without a pause, documents and tables mixed.

    python -m bench.load [--clients 8] [--seconds 20] [--url http://127.0.0.1:8000]

Serves the sample data from a home of its own under build/bench, unless an address is given. The clients share the
machine with the service, as a process of their own with a thread and a connection each; every client goes through the
answerable sample questions in an order of its own. Prints one JSON object: questions a second, milliseconds an answer,
what was not a whole answer, and milliseconds a stage.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import shutil
import statistics
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil

from bench.machine import described
from bench.service import HOME, SAMPLE, measure_ingest, peak_memory, serving


@dataclass
class Heard:
    """What one client got."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    stages: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def questions() -> list[str]:
    """The sample questions that have an answer, documents and tables in turns."""
    rows = [json.loads(line) for line in (SAMPLE / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    by_route = {
        route: [row["question"] for row in rows if row["route"] == route and row["status"] == "answered"]
        for route in ("passages", "tables")
    }
    return [each for pair in zip(*by_route.values(), strict=False) for each in pair]


def client(url: str, asked: list[str], until: float, heard: Heard) -> None:
    """Ask one after the other until the time is over."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    number = 0
    while time.perf_counter() < until:
        body = json.dumps({"question": asked[number % len(asked)]})
        started = time.perf_counter()
        try:
            connection.request("POST", "/v1/ask", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            answer: dict[str, Any] = json.loads(reply.read())
            status = str(answer["status"]) if reply.status < 400 else f"HTTP {reply.status}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            status, answer = type(error).__name__, {}
            connection.close()
        heard.milliseconds.append(1000 * (time.perf_counter() - started))
        heard.statuses[status] += 1
        for stage, milliseconds in answer.get("timing_ms", {}).items():
            heard.stages[stage].append(milliseconds)
        number += 1
    connection.close()


def measured(url: str, clients: int, seconds: float, process: int | None = None) -> dict[str, Any]:
    """Figures of one run; `process` is the server's, where it is known."""
    every = [Heard() for _ in range(clients)]
    warm = Heard()
    client(url, questions(), time.perf_counter() + min(5.0, seconds), warm)
    used = _cpu_seconds(process)
    started = time.perf_counter()
    threads = []
    for number, heard in enumerate(every):
        asked = questions()
        random.Random(number).shuffle(asked)
        threads.append(threading.Thread(target=client, args=(url, asked, started + seconds, heard)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - started
    used = _cpu_seconds(process) - used
    times = [each for heard in every for each in heard.milliseconds]
    statuses = sum((heard.statuses for heard in every), Counter[str]())
    names = sorted({stage for heard in every for stage in heard.stages})
    stages = {stage: [each for heard in every for each in heard.stages.get(stage, ())] for stage in names}
    return {
        "clients": clients,
        "questions": len(times),
        "questions_a_second": round(len(times) / passed, 1),
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(float(np.percentile(times, 95)), 1),
        "p99_ms": round(float(np.percentile(times, 99)), 1),
        "one client, p50_ms": round(statistics.median(warm.milliseconds), 1),
        "server_cpu_ms_a_question": round(1000 * used / len(times), 1) if process else None,
        "statuses": dict(statuses),
        "errors": sum(count for status, count in statuses.items() if status not in ("answered", "clarify", "refused")),
        "mean ms of stages": {stage: round(statistics.mean(each), 2) for stage, each in stages.items()},
    }


def _cpu_seconds(process: int | None) -> float:
    """Processor time that the server has used so far."""
    if process is None:
        return 0.0
    times = psutil.Process(process).cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--url", default=None)
    options = parser.parse_args()
    machine = described()
    if options.url:
        figures = measured(options.url, options.clients, options.seconds)
    else:
        home = HOME.with_name("load-home")
        shutil.rmtree(home, ignore_errors=True)
        measure_ingest(home)
        with serving(home) as (url, process):
            figures = measured(url, options.clients, options.seconds, process)
            figures["server_peak_mb"] = round(peak_memory(process) / 1e6)
    print(json.dumps({"machine": machine, **figures}, indent=1))


if __name__ == "__main__":
    main()
