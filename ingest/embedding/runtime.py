"""Runs an exported embedding model: openvino and tokenizers, never torch."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BATCH = 8
"""Texts in one inference; with texts sorted by length, larger batches were no faster (`bench/embedding.py`)."""
_BULK = 33
"""From so many texts on, each core infers batches of its own; fewer texts are inferred sooner by all cores together."""
_BULK_BATCH = 4
_BULK_STREAMS = 8
"""At most; each stream holds its own intermediate values (some 10 MiB)."""
_WIDTHS = 8
"""Inferences are padded to a multiple of so many tokens: the runtime keeps memory for every shape that it has met
(512 passages of all lengths: 440 MB resident, 340 MB so), and the padding costs nothing measurable."""
QUANTISATION_GROUP = 128
"""Activations that share a scale when they are multiplied with int8 weights.

The scales are found anew for each token (dynamic quantisation, as in LLM.int8(), https://arxiv.org/abs/2208.07339), so
nothing is calibrated. Larger groups are a little faster and less exact; CPUs without VNNI multiply floats.
"""


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
    """The compiled model. Threads may share it: each has inference requests of its own.

    Few texts are inferred one batch at a time, by all cores. Many are inferred by a second compilation, made at the
    first need, with one stream for each core: cores then do not wait for each other (`bench/embedding.py`).
    """

    def __init__(self, folder: Path, inputs: Sequence[str], pad_id: int) -> None:
        self._folder = folder
        self._inputs = tuple(inputs)
        self._pad_id = pad_id
        self._lock = threading.Lock()
        self._local = threading.local()
        self._compiled = self._compile(streams=1)

    def infer(self, encodings: Sequence[Any]) -> NDArray[np.float32]:
        """Embeddings of the encodings: float32[n, dimension], in their order."""
        if not encodings:
            raise ValueError("nothing to embed")
        many = len(encodings) >= _BULK
        size, requests = (_BULK_BATCH, self._bulk_requests()) if many else (_BATCH, [self._request()])
        order = sorted(range(len(encodings)), key=lambda i: -len(encodings[i].ids))
        batches = [order[first : first + size] for first in range(0, len(order), size)]
        parts: list[NDArray[np.float32]] = []
        for number, batch in enumerate(batches):
            request = requests[number % len(requests)]
            if number >= len(requests):
                parts.append(_result(request))
            request.start_async(self._columns([encodings[i] for i in batch]))
        parts += [_result(requests[number % len(requests)]) for number in range(len(parts), len(batches))]
        vectors = np.empty((len(order), parts[0].shape[1]), dtype=np.float32)
        vectors[order] = np.concatenate(parts)
        return vectors

    def _columns(self, encodings: Sequence[Any]) -> dict[str, NDArray[np.int64]]:
        """The inputs of one inference: int64[n, width]."""
        width = -(-max(len(encoding.ids) for encoding in encodings) // _WIDTHS) * _WIDTHS
        columns = {name: np.zeros((len(encodings), width), dtype=np.int64) for name in self._inputs}
        columns["input_ids"][:] = self._pad_id
        for row, encoding in enumerate(encodings):
            length = len(encoding.ids)
            columns["input_ids"][row, :length] = encoding.ids
            columns["attention_mask"][row, :length] = 1
            if "token_type_ids" in columns:
                columns["token_type_ids"][row, :length] = encoding.type_ids
        return columns

    def _request(self) -> Any:
        """The request of the calling thread, for a few texts."""
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        return request

    def _bulk_requests(self) -> list[Any]:
        """Requests for many texts, one for each stream."""
        with self._lock:
            bulk = self._bulk
        return [bulk.create_infer_request() for _ in range(bulk.get_property("NUM_STREAMS"))]

    @cached_property
    def _bulk(self) -> Any:
        return self._compile(streams=min(os.cpu_count() or 1, _BULK_STREAMS))

    def _compile(self, streams: int) -> Any:
        """The model compiled for this CPU: the fastest way of multiplying that it takes."""
        core = import_openvino().Core()
        options: dict[str, Any] = {
            "NUM_STREAMS": streams,
            "ENABLE_CPU_PINNING": False,  # several processes would be pinned to the same cores
        }
        if os.access(self._folder, os.W_OK):
            options["CACHE_DIR"] = str(self._folder / "compiled")
        bfloat = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        tiles = [("bf16", 0)] * (bfloat and multiplies_tiles())
        *faster, safe = tiles + [("bf16", QUANTISATION_GROUP)] * bfloat + [("f32", QUANTISATION_GROUP), ("f32", 0)]
        for precision, group in faster:
            try:
                return self._tried(core, options, precision, group)
            except RuntimeError:
                continue  # some CPUs without VNNI refuse, a few of them only at the first inference
        return self._tried(core, options, *safe)

    def _tried(self, core: Any, options: dict[str, Any], precision: str, group: int) -> Any:
        """The compiled model, having inferred once; raises `RuntimeError` if this CPU cannot."""
        chosen = options | {"INFERENCE_PRECISION_HINT": precision, "DYNAMIC_QUANTIZATION_GROUP_SIZE": group}
        file = str(self._folder / "model.xml")
        compiled = core.compile_model(file if group or precision == "f32" else _unpacked(core, file), "CPU", chosen)
        compiled.create_infer_request().infer({name: np.ones((1, 4), dtype=np.int64) for name in self._inputs})
        return compiled


def multiplies_tiles() -> bool:
    """Whether this CPU multiplies tiles of bfloat16 (AMX), faster than it unpacks int8 weights at every inference."""
    try:
        return " amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return False


def _unpacked(core: Any, file: str) -> Any:
    """The model with its int8 weights multiplied out: 1.3 times as fast on CPUs with AMX (`bench/embedding.py`)."""
    passes = importlib.import_module("openvino.passes")
    model, unpacking = core.read_model(file), passes.Manager()
    unpacking.register_pass(passes.ConstantFolding())
    unpacking.run_passes(model)
    return model


def _result(request: Any) -> NDArray[np.float32]:
    """The vectors of the request's batch, once they are there: float32[n, dimension]."""
    request.wait()
    return np.array(request.get_output_tensor(0).data, dtype=np.float32)


def normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors scaled to length 1: float32[n, d]."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = vectors / np.maximum(lengths, 1e-12)
    return scaled
