"""The service as a whole on the sample data: ingest, start, answers over HTTP, memory.

    python -m bench.service [--repeats 60]

Prints one JSON object: measure -> value, the unit in the name. Uses a home of its own under build/bench.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample"
HOME = ROOT / "build" / "bench" / "home"

DOCUMENT_QUESTIONS = (
    "How long do I have to return something?",
    "How do I wash a down jacket?",
    "What does express delivery cost?",
    "How do I choose the size of my boots?",
)
TABLE_QUESTIONS = (
    "How many orders were placed in 2025?",
    "What was the net revenue per month in 2025?",
    "Which five products sold the most units?",
    "How many customers are there in each country?",
)


def run_cli(*arguments: str, home: Path = HOME) -> tuple[str, float]:
    """Standard output of the command, and its seconds."""
    env = os.environ | {"ANSWERABLE_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    started = time.perf_counter()
    command = [sys.executable, "-m", "app.cli", *arguments]
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return run.stdout, time.perf_counter() - started


def measure_ingest(home: Path = HOME) -> dict[str, float]:
    """Passages and rows a second, from a command that starts cold; the model is exported beforehand."""
    run_cli("doctor", home=home)
    _, documents_s = run_cli(
        "ingest", "add", str(SAMPLE / "help-centre"), "--name", "help-centre", "--public", home=home
    )
    describe = str(SAMPLE / "shop" / "describe.yaml")
    _, tables_s = run_cli("ingest", "add", str(SAMPLE / "shop"), "--name", "shop", "--describe", describe, home=home)
    from ingest.stores.snapshot import Store

    sources = Store(home).snapshot().sources
    passages, rows = sources["help-centre"].entry.passages, sources["shop"].entry.rows
    return {
        "ingest documents (passages/s)": passages / documents_s,
        "ingest documents (s)": documents_s,
        "ingest tables (rows/s)": rows / tables_s,
        "ingest tables (s)": tables_s,
    }


@contextmanager
def serving(home: Path = HOME, *arguments: str) -> Iterator[tuple[str, int]]:
    """A server over what `home` holds, once it is ready: its address and process id."""
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    env = os.environ | {"ANSWERABLE_HOME": str(home), "HF_HUB_OFFLINE": "1", "ANSWERABLE_LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), *arguments]
    server = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        while not _answers(base + "/readyz"):
            if server.poll() is not None:
                sys.exit("the server did not start")
            time.sleep(0.01)
        yield base, server.pid
    finally:
        server.terminate()
        server.wait(30)


def measure_service(repeats: int) -> dict[str, float]:
    """Time to ready, milliseconds an answer, memory of the server process."""
    started = time.perf_counter()
    with serving() as (base, process):
        measured = {"time to ready (s)": time.perf_counter() - started}
        for kind, questions in (("document", DOCUMENT_QUESTIONS), ("table", TABLE_QUESTIONS)):
            measured |= _latencies(base, kind, questions, repeats)
        measured["peak memory (MB)"] = peak_memory(process) / 1e6
    return measured


def measure_help(repeats: int = 5) -> dict[str, float]:
    """Seconds until `answerable --help` is printed."""
    return {"answerable --help (s)": statistics.median(run_cli("--help")[1] for _ in range(repeats))}


def _latencies(base: str, kind: str, questions: tuple[str, ...], repeats: int) -> dict[str, float]:
    for question in questions:
        _ask(base, question)
    times, answered = [], 0
    for number in range(repeats):
        started = time.perf_counter()
        answered += _ask(base, questions[number % len(questions)])["status"] == "answered"
        times.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(times, n=20)
    return {
        f"{kind} question p50 (ms)": statistics.median(times),
        f"{kind} question p95 (ms)": cuts[18],
        f"{kind} questions answered (share)": answered / repeats,
    }


def _ask(base: str, question: str) -> dict[str, object]:
    body = json.dumps({"question": question}).encode()
    with urllib.request.urlopen(urllib.request.Request(base + "/v1/ask", body), timeout=60) as reply:
        answer: dict[str, object] = json.loads(reply.read())
    return answer


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def peak_memory(pid: int) -> int:
    """Bytes: the high-water mark of resident memory, of Linux; elsewhere what is resident now."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import psutil

    return int(psutil.Process(pid).memory_info().rss)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=60)
    arguments = parser.parse_args()
    shutil.rmtree(HOME, ignore_errors=True)
    measured = measure_help() | measure_ingest() | measure_service(arguments.repeats)
    print(json.dumps({name: round(value, 3) for name, value in measured.items()}))


if __name__ == "__main__":
    main()
