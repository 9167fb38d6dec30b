"""One contender of `bench.peers`, in a process of its own: commands come as JSON lines, so do the answers.

    python bench/contenders.py NAME MODEL_FOLDER WORK_FOLDER

Nothing of this project is imported for the others, which run in an environment of their own. They embed with
sentence-transformers on torch, in batches of 32, as their documentation shows.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

EXPORTS = Path(__file__).resolve().parents[1] / "build" / "bench" / "home" / "cache"
"""Where the exported model is kept from run to run."""
DEPTH = 30
"""Passages asked for, so that ten documents are among them."""


class Contender(Protocol):
    """What is compared. A passage is `{"text", "document"}`; its number is its place in the list."""

    def ingest(self, command: dict[str, Any]) -> int:
        """Store and index everything durably; returns the number of passages."""

    def ask(self, question: str) -> Sequence[str]:
        """Documents of the best passages, best first."""


class Answerable:
    """Ours: files through the whole ingest, questions through the search that the service uses."""

    def __init__(self, embed: None, work: Path) -> None:
        from ingest.embedder import DEFAULT_MODEL, open_embedder

        self._home = work / "home"
        self._home.mkdir()
        (self._home / "cache").symlink_to(EXPORTS)
        self._embedder = open_embedder(DEFAULT_MODEL, EXPORTS)
        self._embedder.embed(["warm"] * 40)
        self._embedder.warm()
        self._snapshot: Any = None

    def ingest(self, command: dict[str, Any]) -> int:
        """Read, clean, cut, look for personal data, embed, index, seal and publish the files."""
        from ingest.hooks import IngestOptions
        from ingest.pipeline import ingest_source
        from ingest.request import SourceRequest
        from ingest.stores.snapshot import Store

        request = SourceRequest(location=command["files"], name="corpus", public=True)
        options = IngestOptions(detect_names=bool(command["names"]), rebuild=True, keep_manifests=1, grace_s=0)
        report = ingest_source(self._home, request, options=options)
        self._snapshot = Store(self._home).snapshot()
        return report.passages.total

    def ask(self, question: str) -> list[str]:
        """Documents of the best passages."""
        from app.execution.passages import search

        found = search(question, self._snapshot, self._embedder, sources=None, visibilities=("public",), k=DEPTH)
        return [Path(passage.document).stem for passage in found]


class Txtai:
    """BM25 and vectors in FAISS, fused half and half, the texts in SQLite: its `hybrid` index with content."""

    def __init__(self, embed: Callable[[list[str]], Any], work: Path) -> None:
        from txtai import Embeddings

        def transform(texts: list[str]) -> Any:
            return embed(list(texts))

        self._folder = work / "txtai"
        self._index = Embeddings(method="external", transform=transform, content=True, hybrid=True)
        self._documents: list[str] = []

    def ingest(self, command: dict[str, Any]) -> int:
        """Index and save."""
        passages = command["passages"]
        self._documents = [each["document"] for each in passages]
        self._index.index((number, each["text"], None) for number, each in enumerate(passages))
        self._index.save(str(self._folder))
        return len(passages)

    def ask(self, question: str) -> list[str]:
        """Documents of the best passages."""
        return [self._documents[int(each["id"])] for each in self._index.search(question, DEPTH)]


class Chroma:
    """Vectors in its HNSW graph, the texts in SQLite; it has no search by words that ranks without its cloud."""

    def __init__(self, embed: Callable[[list[str]], Any], work: Path) -> None:
        import chromadb

        settings = chromadb.Settings(anonymized_telemetry=False)
        self._embed = embed
        self._client = chromadb.PersistentClient(str(work / "chroma"), settings=settings)
        self._collection: Any = None

    def ingest(self, command: dict[str, Any]) -> int:
        """Make a new collection, a thousand passages at a time."""
        passages = command["passages"]
        for each in self._client.list_collections():
            self._client.delete_collection(each.name)
        configuration: Any = {"hnsw": {"space": "cosine"}}
        self._collection = self._client.create_collection(
            "corpus", embedding_function=None, configuration=configuration
        )
        for start in range(0, len(passages), 1000):
            part = passages[start : start + 1000]
            self._collection.add(
                ids=[str(start + number) for number in range(len(part))],
                embeddings=self._embed([each["text"] for each in part]),
                documents=[each["text"] for each in part],
                metadatas=[{"document": each["document"]} for each in part],
            )
        return len(passages)

    def ask(self, question: str) -> list[str]:
        """Documents of the best passages."""
        found = self._collection.query(query_embeddings=self._embed([question]), n_results=DEPTH)
        return [str(each["document"]) for each in found["metadatas"][0]]


class LanceDb:
    """Vectors compared exactly and its own full-text index, fused by reciprocal ranks: its `hybrid` search."""

    def __init__(self, embed: Callable[[list[str]], Any], work: Path) -> None:
        import lancedb

        self._embed = embed
        self._database = lancedb.connect(str(work / "lancedb"))
        self._table: Any = None

    def ingest(self, command: dict[str, Any]) -> int:
        """Make a new table, a thousand passages at a time, and its full-text index."""
        from lancedb.index import FTS

        passages = command["passages"]
        self._table = None
        for start in range(0, len(passages), 1000):
            part = passages[start : start + 1000]
            vectors = self._embed([each["text"] for each in part])
            rows = [each | {"vector": vector} for each, vector in zip(part, vectors, strict=True)]
            if self._table is None:
                self._table = self._database.create_table("corpus", rows, mode="overwrite")
            else:
                self._table.add(rows)
        self._table.create_index("text", config=FTS())
        return len(passages)

    def ask(self, question: str) -> list[str]:
        """Documents of the best passages."""
        vector = self._embed([question])[0]
        query = self._table.search(query_type="hybrid").vector(vector).text(question).limit(DEPTH)
        return list(query.to_arrow()["document"].to_pylist()[:DEPTH])


CONTENDERS: dict[str, Callable[[Any, Path], Contender]] = {
    "answerable": Answerable,
    "txtai": Txtai,
    "chroma": Chroma,
    "lancedb": LanceDb,
}


def embedding(model: str) -> Callable[[list[str]], Any]:
    """Texts -> float32[n, dimension] of length 1, by sentence-transformers.

    A question is embedded by one thread: two are no faster on an idle machine, and on a busy one twenty times slower.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    network = SentenceTransformer(model, device="cpu")
    cores = torch.get_num_threads()

    def embed(texts: list[str]) -> Any:
        torch.set_num_threads(cores if len(texts) > 1 else 1)
        return network.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)

    embed(["warm"] * 40)
    return embed


def known_vectors(folder: Path) -> Callable[[list[str]], Any]:
    """As `embedding`, from vectors that were computed before: `texts.json` and `vectors.npy` in `folder`."""
    import numpy as np

    texts = json.loads((folder / "texts.json").read_text())
    vectors = np.load(folder / "vectors.npy")
    place = {text: number for number, text in enumerate(texts)}

    def embed(wanted: list[str]) -> Any:
        return vectors[[place[text] for text in wanted]]

    return embed


def cpu_seconds() -> float:
    """Seconds of processor time that this process and its children have used."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def peak_memory_mb() -> float:
    """High-water mark of resident memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def answer(contender: Contender, command: dict[str, Any]) -> dict[str, Any]:
    """Do what a command says, and time it."""
    started, used = time.perf_counter(), cpu_seconds()
    if command["do"] == "ingest":
        if "passages_file" in command:
            command["passages"] = json.loads(Path(command["passages_file"]).read_text())
            started, used = time.perf_counter(), cpu_seconds()
        count = contender.ingest(command)
        return {
            "passages": count,
            "seconds": time.perf_counter() - started,
            "cpu_seconds": cpu_seconds() - used,
            "peak_mb": peak_memory_mb(),
        }
    milliseconds, ranked = [], []
    for question in command["questions"]:
        asked = time.perf_counter()
        found = contender.ask(question)
        milliseconds.append(1000 * (time.perf_counter() - asked))
        ranked.append(list(dict.fromkeys(found))[:10])
    return {
        "ms": milliseconds, "cpu_seconds": cpu_seconds() - used, "ranked": ranked, "peak_mb": peak_memory_mb(),
    }  # fmt: skip


def main() -> None:
    """Serve commands until the input ends. Answers go to the real standard output, whatever a library prints."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    name, model, work = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    embed = None
    if name != "answerable":
        embed = known_vectors(Path(model)) if (Path(model) / "vectors.npy").is_file() else embedding(model)
    contender = CONTENDERS[name](embed, work)
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(contender, json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
