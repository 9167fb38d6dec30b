"""Side by side with txtai, Chroma and LanceDB in one run: the same model, the same passages, the same questions.

    python -m bench.peers [--data BENCH_DATA] [--passages 1000] [--peers txtai chroma lancedb] [--work FOLDER]

Each contender is a process of its own (`bench/contenders.py`); the others live in an environment of their own, made at
the first run from `bench/peers-requirements.txt`. Speed is measured on as many SciFact passages as asked for: ours
begins at Markdown files and ends at a published segment, theirs begins at the finished passages. Questions are asked in
turns, ten a turn, so that load meets all alike; processor seconds are beside wall-clock ones for the same reason.
Quality is measured on the whole of SciFact, with the vectors of all passages computed once and given to everybody.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from app.execution.passages import search
from bench.contenders import DEPTH, EXPORTS
from bench.corpus import build, documents_in, documents_of
from bench.machine import described
from bench.retrieval import gain, questions_of, relevant_of
from connectors.base import Document
from ingest.chunker import chunk, embedding_text
from ingest.cleaning import clean_documents
from ingest.embedder import DEFAULT_MODEL, Embedder, open_embedder
from ingest.embedding.models import find_model

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / "build" / "bench" / "peers-venv"
REQUIREMENTS = Path(__file__).with_name("peers-requirements.txt")
PEERS = ("txtai", "chroma", "lancedb")
OURS = {"answerable": False, "answerable, with names": True}
"""What is shown -> whether names of people are detected beside the patterns of personal data."""
TURN = 10
OFFLINE = {
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False", "DO_NOT_TRACK": "1",
    "LANCEDB_TELEMETRY_ENABLED": "false", "TOKENIZERS_PARALLELISM": "true", "PYTHONWARNINGS": "ignore",
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait for each other do not burn the time that others need
}  # fmt: skip


class Running:
    """A contender's process; `call` sends it a command and waits for the answer."""

    def __init__(self, name: str, python: Path, model: Path, work: Path) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.name, self.work = name, work
        self._errors = (work / "errors.txt").open("w+")
        command = [str(python), str(ROOT / "bench" / "contenders.py"), name, str(model), str(work)]
        env = os.environ | OFFLINE | {"PYTHONPATH": str(ROOT) if name == "answerable" else ""}
        self._process = subprocess.Popen(
            command, cwd=work, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self._read()

    def call(self, **command: Any) -> dict[str, Any]:
        """The answer to a command; raises `RuntimeError` with what the process said when it died."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()
        self._errors.close()

    def disk_mb(self) -> float:
        """What it keeps on disk, without the exported model."""
        files = [path for path in self.work.rglob("*") if path.is_file() and "cache" not in path.parts]
        return sum(path.stat().st_size for path in files) / 1e6

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            said = self._errors.read().strip().splitlines()
            raise RuntimeError(said[-1] if said else f"ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def peers_python() -> Path:
    """The interpreter of the peers' environment, made if it is not there; raises `RuntimeError` if it cannot be."""
    python = VENV / "bin" / "python"
    done = VENV / "installed.txt"
    if done.is_file() and done.read_text() == REQUIREMENTS.read_text():
        return python
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pins = REQUIREMENTS.read_text().splitlines()
    torch = next(line for line in pins if line.startswith("torch=="))
    for what in ([torch], ["-r", str(REQUIREMENTS)]):
        run = subprocess.run([str(python), "-m", "pip", "install", "-q", *what], capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(f"cannot be installed: {run.stderr.strip().splitlines()[-1]}")
    done.write_text(REQUIREMENTS.read_text())
    return python


def markdown_files(corpus: Path, folder: Path) -> Iterator[Document]:
    """SciFact's abstracts, each written as a Markdown file under `folder` and read back by the files connector."""
    for document in documents_of(corpus):
        (folder / f"{document.path}.md").write_text(f"# {document.title}\n\n{document.text}\n", encoding="utf-8")
    yield from documents_in(folder)


def passages_of(documents: Sequence[Document], embedder: Embedder) -> list[dict[str, str]]:
    """The passages that our ingest cuts, as they are embedded."""
    found = []
    for cleaned in clean_documents(documents):
        title = cleaned.document.title
        for each in chunk(cleaned.text, title=title, count=embedder.count_tokens):
            text = embedding_text(title, each.heading, cleaned.text[each.start : each.end])
            found.append({"text": text, "document": Path(cleaned.document.path).stem})
    return found


def chosen(corpus: Path, folder: Path, embedder: Embedder, least: int) -> list[dict[str, str]]:
    """Passages of the first documents that have `least` of them together; only their files stay in `folder`."""
    folder.mkdir()
    taken: list[dict[str, str]] = []
    for document in markdown_files(corpus, folder):
        if len(taken) < least:
            taken += passages_of([document], embedder)
        else:
            (folder / document.path).unlink()
    return taken


def speed(contenders: dict[str, Running], files: Path, passages: Path, questions: list[str], rounds: int) -> Any:
    """Name -> ingest and query figures."""
    ingests: dict[str, list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for name, running in contenders.items():
            inputs = {"files": str(files), "names": OURS[name]} if name in OURS else {"passages_file": str(passages)}
            ingests.setdefault(name, []).append(running.call(do="ingest", **inputs))
            print(name, ingests[name][-1], file=sys.stderr)
    asked: dict[str, list[float]] = {name: [] for name in contenders}
    peaks: dict[str, float] = {}
    for running in contenders.values():
        running.call(do="ask", questions=questions[:TURN])
    for start in range(0, len(questions), TURN):
        for name, running in contenders.items():
            answer = running.call(do="ask", questions=questions[start : start + TURN])
            asked[name] += answer["ms"]
            peaks[name] = answer["peak_mb"]
    return {
        name: {
            "passages": ingests[name][-1]["passages"],
            "ingest_passages_per_s": statistics.median(each["passages"] / each["seconds"] for each in ingests[name]),
            "ingest_passages_per_cpu_s": statistics.median(
                each["passages"] / each["cpu_seconds"] for each in ingests[name]
            ),
            "query_p50_ms": statistics.median(asked[name]),
            "query_p95_ms": float(np.percentile(asked[name], 95)),
            "peak_mb": peaks[name],
            "disk_mb": running.disk_mb(),
        }
        for name, running in contenders.items()
    }


def quality(root: Path, work: Path, embedder: Embedder, peers: dict[str, Path | str]) -> dict[str, Any]:
    """Name -> nDCG@10 over all of SciFact; everybody gets the same vectors."""
    corpus = build(work / "scifact", documents_of(root / "corpus.jsonl"), embedder)
    reader = corpus.sources["corpus"].passages
    stored = reader.get(range(reader.count), ("public",))
    passages = [{"text": embedding_text(p.title, p.heading, p.text), "document": p.document} for p in stored]
    questions, relevant = questions_of(root), relevant_of(root)
    asked = {question["text"]: embedder.embed_query(question["text"]) for question in questions}
    ranked: dict[str, list[list[str]]] = {"answerable": []}
    for text, vector in asked.items():
        found = search(text, corpus, embedder, sources=None, visibilities=("public",), k=DEPTH, vector=vector)  # type: ignore[arg-type]
        ranked["answerable"].append(list(dict.fromkeys(each.document for each in found)))
    given = work / "given"
    given.mkdir(exist_ok=True)
    (given / "texts.json").write_text(json.dumps([*(p["text"] for p in passages), *asked]))
    (given / "passages.json").write_text(json.dumps(passages))
    vectors = reader._vectors._index.reconstruct_n(0, reader.count)
    np.save(given / "vectors.npy", np.concatenate([vectors, np.stack(list(asked.values()))]))
    failed: dict[str, str] = {}
    for name, python in peers.items():
        try:
            if isinstance(python, str):
                raise RuntimeError(python)
            running = Running(name, python, given, Path(tempfile.mkdtemp(dir=work)))
            running.call(do="ingest", passages_file=str(given / "passages.json"))
            ranked[name] = running.call(do="ask", questions=list(asked))["ranked"]
            running.close()
        except RuntimeError as error:
            failed[name] = str(error)
    order = [relevant[question["id"]] for question in {each["text"]: each for each in questions}.values()]
    figures: dict[str, Any] = {
        name: statistics.mean(gain(found, wanted) for found, wanted in zip(lists, order, strict=True))
        for name, lists in ranked.items()
    }
    return figures | {"passages": len(passages), "questions": len(asked)} | failed


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Ours over the best of the others."""
    others = [figures[name] for name in PEERS if isinstance(figures.get(name), dict)]
    ours, named = figures["answerable"], figures["answerable, with names"]
    if not others:
        return {}
    best = {key: max(each[key] for each in others) for key in ("ingest_passages_per_s", "ingest_passages_per_cpu_s")}
    return {
        "ingest": ours["ingest_passages_per_s"] / best["ingest_passages_per_s"],
        "ingest, by processor time": ours["ingest_passages_per_cpu_s"] / best["ingest_passages_per_cpu_s"],
        "ingest with names": named["ingest_passages_per_s"] / best["ingest_passages_per_s"],
        "ingest with names, by processor time": named["ingest_passages_per_cpu_s"] / best["ingest_passages_per_cpu_s"],
        "query p50": min(each["query_p50_ms"] for each in others) / ours["query_p50_ms"],
    }


def rounded(value: Any) -> Any:
    """The value with floats of four significant digits."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--passages", type=int, default=1000)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument(
        "--work",
        type=lambda given: Path(given).absolute(),
        default=None,
        help="keeps SciFact's indexes for the next run",
    )
    parser.add_argument("--skip", choices=["speed", "quality"], nargs="*", default=[])
    options = parser.parse_args()
    root = Path(options.data or "") / "retrieval" / "scifact"
    if not root.is_dir():
        sys.exit(f"no SciFact in {root.parent}: pass --data or set ANSWERABLE_BENCH_DATA")
    environment: Path | str
    try:
        environment = peers_python() if options.peers else Path()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        environment = str(error)
    result: dict[str, Any] = {"machine": described()}
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        work = Path(temporary)
        embedder = open_embedder(DEFAULT_MODEL, EXPORTS)
        if "speed" not in options.skip:
            files, passages = work / "files", work / "passages.json"
            passages.write_text(json.dumps(chosen(root / "corpus.jsonl", files, embedder, options.passages)))
            contenders: dict[str, Running] = {}
            for name in (*OURS, *options.peers):
                python = Path(sys.executable) if name in OURS else environment
                try:
                    if isinstance(python, str):
                        raise RuntimeError(python)
                    kind = "answerable" if name in OURS else name
                    contenders[name] = Running(kind, python, find_model(DEFAULT_MODEL), work / name.replace(" ", "-"))
                    stack.callback(contenders[name].close)
                except RuntimeError as error:
                    result[name] = f"not run: {error}"
            questions = [each["text"] for each in questions_of(root)[: options.questions]]
            result |= speed(contenders, files, passages, questions, options.rounds)
            result["ours over the best of the others"] = ratios(result)
        if "quality" not in options.skip:
            (options.work or work).mkdir(parents=True, exist_ok=True)
            pythons = dict.fromkeys(options.peers, environment)
            result["ndcg@10"] = quality(root, options.work or work, embedder, pythons)
        result["load at the end"] = described()["load"]
    print(json.dumps(rounded(result), indent=1))


if __name__ == "__main__":
    main()
