"""What asking a language model adds to an answer, whatever the model itself takes: the service's own part of the way.

    python -m bench.llm [--clients 8] [--seconds 10] [--repeats 60]

Serves the sample data from a home of its own under build/bench, once without a model and once with a scripted one that
answers at once over real HTTP from a process of its own: scrubbing, prompt, budget, ledger, request, validation and the
grounding check are what is measured. Prints one JSON object: milliseconds a question by one client with the difference,
questions a second by several, the server's processor time, streaming, and replies that the cache gave.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
import yaml

from bench.load import Heard, measured, questions
from bench.machine import described
from bench.service import HOME, ROOT, measure_ingest, serving

SAID = r'"id": "(?P<id>p1)", "title": [^\n]*?"text": "(?:#[^\n"]*?\\n+)?(?P<said>[^"\\.!?]{12,200}[.!?]).*Answer in'
SCRIPT = {
    "rules": [
        {
            "match": {"schema": "write", "user": SAID},
            "reply": {
                "json": {"sentences": [{"text": "${said}", "passages": ["${id}"], "cells": []}], "sufficient": True}
            },
        },
        {"match": {"schema": "write"}, "reply": {"json": {"sentences": [], "sufficient": False}}},
    ],
    "otherwise": {"auto": True},
}
"""The model repeats the first sentence of the first passage that it is shown; of tables it says nothing."""


@contextmanager
def scripted(folder: Path) -> Iterator[str]:
    """Base URL of a scripted model in a process of its own."""
    path = folder / "script.yaml"
    path.write_text(yaml.safe_dump(SCRIPT))
    command = [sys.executable, "-m", "app.cli", "dev", "llm", "--script", str(path), "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        yield next(word for word in line.split() if word.startswith("http"))
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def with_model(home: Path, url: str, **more: Any) -> Iterator[tuple[str, int]]:
    """A server that asks the scripted model, as `bench.service.serving`."""
    config: dict[str, Any] = {"providers": {"main": {"base_url": url}}, "model": "main/scripted", "cache": "off"}
    config["prices"] = {"main/scripted": {"input": 1, "output": 4}}
    config["budgets"] = {"limits": [{"scope": "all", "period": "day", "usd": 1000}]}
    path = home / "llm.yaml"
    path.write_text(yaml.safe_dump(config | more))
    os.environ["ANSWERABLE_LLM_CONFIG"] = str(path)
    try:
        with serving(home) as found:
            yield found
    finally:
        del os.environ["ANSWERABLE_LLM_CONFIG"]


def one_client(url: str, process: int, repeats: int) -> dict[str, Any]:
    """Milliseconds a question, and the server's processor time, when questions are asked the first time and again."""
    asked = questions()[:repeats]
    _asked_once(url, asked[0], Heard())
    first, again = _round(url, process, asked), _round(url, process, asked)
    return {"first time": first, "again": again}


def _round(url: str, process: int, asked: Sequence[str]) -> dict[str, Any]:
    heard, used = Heard(), _cpu_s(process)
    for question in asked:
        _asked_once(url, question, heard)
    used = _cpu_s(process) - used
    return {
        "p50_ms": round(statistics.median(heard.milliseconds), 1),
        "p95_ms": round(float(np.percentile(heard.milliseconds, 95)), 1),
        "cpu_ms_a_question": round(1000 * used / len(asked), 1),
        "write p50_ms": round(statistics.median(heard.stages["write"]), 1) if heard.stages["write"] else None,
    }


def _asked_once(url: str, question: str, heard: Heard) -> dict[str, Any]:
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)) as connection:
        started = time.perf_counter()
        connection.request("POST", "/v1/ask", json.dumps({"question": question}), {"Content-Type": "application/json"})
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    heard.milliseconds.append(1000 * (time.perf_counter() - started))
    for stage, milliseconds in answer.get("timing_ms", {}).items():
        heard.stages[stage].append(milliseconds)
    return answer


def streamed(url: str, asked: Sequence[str]) -> dict[str, float]:
    """Milliseconds until the first event and until the first text of a stream."""
    parts, firsts, texts = urlsplit(url), [], []
    for question in asked:
        with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)) as connection:
            started = time.perf_counter()
            body = json.dumps({"question": question, "stream": True})
            connection.request("POST", "/v1/ask", body, {"Content-Type": "application/json"})
            reply, first, text = connection.getresponse(), None, None
            for line in reply:
                since = 1000 * (time.perf_counter() - started)
                first = first or since
                text = text or (since if line.startswith(b"event: delta") else None)
        firsts.append(first or 0.0)
        texts += [text] if text is not None else []
    return {
        "first event p50_ms": round(statistics.median(firsts), 1),
        "first text p50_ms": round(statistics.median(texts), 1),
    }


def attempts(home: Path) -> dict[str, int]:
    """Outcome -> rows of the ledger."""
    with closing(sqlite3.connect(home / "state.db")) as connection:
        return dict(connection.execute("SELECT outcome, count(*) FROM spending GROUP BY outcome ORDER BY outcome"))


def _cpu_s(process: int) -> float:
    times = psutil.Process(process).cpu_times()
    return float(times.user + times.system)


def compared(home: Path, url: str, options: argparse.Namespace) -> dict[str, Any]:
    """Figures without a model, with one, and with its cache."""
    found: dict[str, Any] = {}
    with serving(home) as (base, process):
        found["without a model"] = one_client(base, process, options.repeats)
        found["without a model"]["load"] = _load(measured(base, options.clients, options.seconds, process))
    with with_model(home, url) as (base, process):
        found["with a model"] = one_client(base, process, options.repeats)
        found["with a model"]["streaming"] = streamed(base, questions()[:20:2])
        found["with a model"]["load"] = _load(measured(base, options.clients, options.seconds, process))
    before = attempts(home)
    with with_model(home, url, cache="memory") as (base, process):
        found["with a model and its cache"] = one_client(base, process, options.repeats)
        found["with a model and its cache"]["load"] = _load(measured(base, options.clients, options.seconds, process))
    after = attempts(home)
    found["rows of the ledger with the cache"] = {name: after[name] - before.get(name, 0) for name in after}
    names = ("p50_ms", "p95_ms", "cpu_ms_a_question")
    for time_asked in ("first time", "again"):
        bare, asked = found["without a model"][time_asked], found["with a model"][time_asked]
        found[f"added, {time_asked}"] = {name: round(asked[name] - bare[name], 1) for name in names}
    return found


def _load(figures: dict[str, Any]) -> dict[str, Any]:
    kept = ("clients", "questions", "questions_a_second", "p50_ms", "p95_ms", "server_cpu_ms_a_question", "errors")
    return {name: figures[name] for name in kept}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeats", type=int, default=60)
    options = parser.parse_args()
    home = HOME.with_name("llm-home")
    machine = described()
    shutil.rmtree(home, ignore_errors=True)
    measure_ingest(home)
    with scripted(home) as url:
        print(json.dumps({"machine": machine, **compared(home, url, options)}, indent=1))


if __name__ == "__main__":
    main()
