"""Text to vectors: the embedder that ingest and search share.

The model is exported once to OpenVINO (see `ingest.embedding.export`) into `cache/models/<fingerprint>/`; from then on
opening it costs milliseconds, and neither torch nor transformers is imported.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.embedding.errors import EmbeddingError, ExportFailed, ModelNotExported, ModelNotFound, ModelUnusable
from ingest.embedding.metering import Meter
from ingest.embedding.models import PACKAGED_MODEL, find_model, is_endpoint, model_fingerprint, read_json

__all__ = [
    "DEFAULT_MODEL",
    "Embedder",
    "EmbeddingError",
    "ExportFailed",
    "Meter",
    "ModelNotExported",
    "ModelNotFound",
    "ModelUnusable",
    "is_endpoint",
    "open_embedder",
    "open_export",
]

DEFAULT_MODEL = PACKAGED_MODEL
_REMEMBERED = 4096  # vectors


def open_embedder(model: str, cache: Path, meter: Meter | None = None) -> Embedder:
    """The embedder for `model`: a packaged or downloaded name, a model's folder, the folder of an export, or the
    address of an OpenAI-compatible endpoint, `https://host/v1#model`.

    `cache` is the home's `cache` folder; the export lies in `cache/models/<fingerprint>/` and is made on first use,
    which takes a second, or ten where it needs torch. `meter` counts the requests to an endpoint.
    Raises an `EmbeddingError` that says what to do.
    """
    if is_endpoint(model):
        from ingest.embedding.endpoint import EndpointEmbedder

        return EndpointEmbedder(model, cache, meter)
    folder = find_model(model)
    if (folder / "meta.json").is_file() and (folder / "model.xml").is_file():
        return Embedder(folder)
    export = cache / "models" / model_fingerprint(folder)
    if not (export / "meta.json").is_file():
        from ingest.embedding.export import ensure_export

        ensure_export(folder, export)
    return Embedder(export)


def open_export(fingerprint: str, cache: Path) -> Embedder | None:
    """The embedder of a model that was exported into `cache` before; None if its export is not there."""
    export = cache / "models" / fingerprint
    return Embedder(export) if fingerprint and (export / "meta.json").is_file() else None


class Embedder:
    """An exported model. Safe to share between threads; the model is loaded at the first text."""

    def __init__(self, folder: Path, *, meta: dict[str, Any] | None = None, fingerprint: str | None = None) -> None:
        meta = read_json(folder / "meta.json") if meta is None else meta
        self._folder = folder
        self._meta: dict[str, Any] = meta
        self._lock = threading.RLock()
        self._recent: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self.fingerprint: str = fingerprint or folder.name
        self.dimension: int = int(meta["dimension"])
        self.max_tokens: int = int(meta["max_seq_length"])
        """Tokens that the model reads of a text, its special tokens included."""
        prompts: dict[str, str] = meta.get("prompts", {})
        self._query_prompt = prompts.get("query", "")
        self._passage_prompt = prompts.get("document") or prompts.get("passage") or ""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of passages: float32[n, dimension], each of length 1, in the order of `texts`."""
        return self._embed([self._passage_prompt + text for text in texts])

    def embed_again(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `embed`, for short texts that come again and again: the last 4,096 vectors are remembered (6 MiB)."""
        with self._lock:
            known = {text: self._recent[text] for text in texts if text in self._recent}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(missing, self.embed(missing), strict=True))
        self._remember(known)
        return np.stack([known[text] for text in texts]) if texts else self.embed([])

    def _remember(self, vectors: dict[str, NDArray[np.float32]]) -> None:
        with self._lock:
            for text, vector in vectors.items():
                self._recent[text] = vector
                self._recent.move_to_end(text)
            while len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Vector of a question: float32[dimension], of length 1."""
        vector: NDArray[np.float32] = self._embed([self._query_prompt + text])[0]
        return vector

    def count_tokens(self, text: str) -> int:
        """Tokens in `text`, without the special ones that the model adds."""
        return int(self._tokens.count(text))

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Character offsets `(start, end)` of the tokens of `text`."""
        offsets: list[tuple[int, int]] = self._tokens.offsets(text)
        return offsets

    def warm(self) -> None:
        """Load the model now rather than at the first question."""
        self.embed_query("warm")

    def close(self) -> None:
        """End its connections; a model of this machine has none."""

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        from ingest.embedding.runtime import normalised

        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        vectors = normalised(self._network.infer(self._tokens.encode(texts)))
        if vectors.shape[1] != self.dimension:
            message = (
                f"the export in {self._folder} gives {vectors.shape[1]} numbers, its meta.json says {self.dimension}"
            )
            raise ModelUnusable(message, hint=f"Delete {self._folder}: it is made again at the next ingest.")
        return vectors

    @property
    def _tokens(self) -> Any:
        with self._lock:
            return self._loaded_tokens

    @property
    def _network(self) -> Any:
        with self._lock:
            return self._loaded_network

    @cached_property
    def _loaded_tokens(self) -> Any:
        from ingest.embedding.runtime import Tokens

        return Tokens(self._folder, self.max_tokens)

    @cached_property
    def _loaded_network(self) -> Any:
        from ingest.embedding.runtime import Network

        return Network(self._folder, self._meta["inputs"], int(self._meta["pad_id"]))
