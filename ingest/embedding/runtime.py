"""Runs an exported embedding model: openvino and tokenizers, never torch."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BATCH = 8
"""Texts in one inference; with texts sorted by length, larger batches were no faster (`bench/embedding.py`)."""


def import_openvino() -> Any:
    """The openvino module, imported so that its usage statistics are off.

    openvino imports `openvino_telemetry` where it is installed and reports over the network; it has a stub for where
    it is not. Marking the module as not importable selects the stub.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


class Tokens:
    """The model's tokenizer, once with and once without truncation."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        from tokenizers import Tokenizer

        definition = (folder / "tokenizer.json").read_text(encoding="utf-8")
        self._whole = Tokenizer.from_str(definition)
        self._whole.no_truncation()
        self._whole.no_padding()
        self._cut = Tokenizer.from_str(definition)
        self._cut.no_padding()
        self._cut.enable_truncation(max_length=max_tokens)

    def count(self, text: str) -> int:
        """Tokens in `text`, without the special ones that the model adds."""
        return len(self._whole.encode(text, add_special_tokens=False).ids)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character offsets of each token of `text`."""
        return list(self._whole.encode(text, add_special_tokens=False).offsets)

    def encode(self, texts: Sequence[str]) -> list[Any]:
        """Encodings with special tokens, cut at the model's limit."""
        return list(self._cut.encode_batch_fast(list(texts)))


class Network:
    """The compiled model. Threads may share it: each has its own inference request."""

    def __init__(self, folder: Path, inputs: Sequence[str], pad_id: int) -> None:
        openvino = import_openvino()
        core = openvino.Core()
        bfloat = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # several processes would be pinned to the same cores
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat else "f32",
        }
        if os.access(folder, os.W_OK):
            options["CACHE_DIR"] = str(folder / "compiled")
        self._compiled = core.compile_model(str(folder / "model.xml"), "CPU", options)
        self._inputs = tuple(inputs)
        self._pad_id = pad_id
        self._local = threading.local()

    def infer(self, encodings: Sequence[Any]) -> NDArray[np.float32]:
        """Embeddings of the encodings: float32[n, dimension], in their order."""
        order = sorted(range(len(encodings)), key=lambda i: -len(encodings[i].ids))
        vectors: NDArray[np.float32] | None = None
        for first in range(0, len(order), _BATCH):
            batch = order[first : first + _BATCH]
            result = self._infer_batch([encodings[i] for i in batch])
            if vectors is None:
                vectors = np.empty((len(order), result.shape[1]), dtype=np.float32)
            vectors[batch] = result
        if vectors is None:
            raise ValueError("nothing to embed")
        return vectors

    def _infer_batch(self, encodings: Sequence[Any]) -> NDArray[np.float32]:
        width = max(len(encoding.ids) for encoding in encodings)
        columns = {name: np.zeros((len(encodings), width), dtype=np.int64) for name in self._inputs}
        columns["input_ids"][:] = self._pad_id
        for row, encoding in enumerate(encodings):
            length = len(encoding.ids)
            columns["input_ids"][row, :length] = encoding.ids
            columns["attention_mask"][row, :length] = 1
            if "token_type_ids" in columns:
                columns["token_type_ids"][row, :length] = encoding.type_ids
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        request.infer(columns, share_inputs=True)
        return np.array(request.get_output_tensor(0).data, dtype=np.float32)


def normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors scaled to length 1: float32[n, d]."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = vectors / np.maximum(lengths, 1e-12)
    return scaled
