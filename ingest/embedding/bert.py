"""Builds the OpenVINO graph of a BERT sentence model straight from its weights, so that exporting it needs no torch.

Covers the usual small embedding models (MiniLM, BGE, E5, GTE of BERT type): the packaged one among them. Others are
traced by `ingest.embedding.export`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ingest.embedding.errors import ModelUnusable
from ingest.embedding.models import COPY_AGAIN, read_json
from ingest.embedding.runtime import QUANTISATION_GROUP, import_openvino

_MASKED = -30_000.0
"""Added to the attention scores of padding; representable in every precision, and e^-30000 is 0 in all of them."""


def is_plain_bert(folder: Path) -> bool:
    """Whether `build_bert` covers the model: BERT, absolute positions, mean or CLS pooling, safetensors in one file."""
    config, pooling = read_json(folder / "config.json"), _pooling(folder)
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and config.get("dtype", config.get("torch_dtype", "float32")) in ("float32", "float16")
        and (folder / "model.safetensors").is_file()
        and (folder / "tokenizer.json").is_file()
        and pooling in ("mean", "cls")
        and module_kinds(folder) in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
    )


def module_kinds(folder: Path) -> list[str]:
    """The classes in `modules.json`, in order."""
    import json

    path = folder / "modules.json"
    try:
        modules = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        return [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    except (ValueError, LookupError, TypeError) as error:
        raise ModelUnusable(f"{path} of the embedding model is damaged ({error})", hint=COPY_AGAIN) from error


def _pooling(folder: Path) -> str:
    """`mean`, `cls` or `other`."""
    modes = read_json(folder / "1_Pooling" / "config.json")
    if isinstance(mode := modes.get("pooling_mode"), str):
        return mode
    chosen = [name for name, value in modes.items() if name.startswith("pooling_mode_") and value is True]
    names = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    return names.get(chosen[0], "other") if len(chosen) == 1 else "other"


def build_bert(folder: Path) -> Any:
    """The model as an `openvino.Model`: (input_ids, attention_mask, token_type_ids) int64[n, s] -> float32[n, d]."""
    from safetensors.numpy import load_file

    weights = {
        name.removeprefix("bert."): tensor.astype(np.float32, copy=False)
        for name, tensor in load_file(folder / "model.safetensors").items()
    }
    return _Builder(weights, read_json(folder / "config.json")).model(_pooling(folder))


class _Builder:
    """The layers of BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805) in OpenVINO operations."""

    def __init__(self, weights: dict[str, Any], config: dict[str, Any]) -> None:
        self._openvino = import_openvino()
        from openvino import opset13

        self._ops: Any = opset13
        self._weights = weights
        self._layers = int(config["num_hidden_layers"])
        self._heads = int(config["num_attention_heads"])
        self._head_size = int(config["hidden_size"]) // self._heads
        self._epsilon = float(config["layer_norm_eps"])

    def model(self, pooling: str) -> Any:
        """The whole graph, its last step scaling each vector to length 1."""
        ops = self._ops
        names = ("input_ids", "attention_mask", "token_type_ids")
        ids, mask, types = (ops.parameter([-1, -1], np.int64, name=name) for name in names)
        for node, name in zip((ids, mask, types), names, strict=True):
            node.output(0).get_tensor().set_names({name})
        present = ops.convert(mask, "f32")
        bias = ops.multiply(ops.subtract(self._number(1.0), present), self._number(_MASKED))
        bias = ops.unsqueeze(bias, self._integers([1, 2]))
        hidden = self._embeddings(ids, types)
        for layer in range(self._layers):
            hidden = self._layer(hidden, bias, f"encoder.layer.{layer}")
        pooled = self._pool(hidden, present, pooling)
        vector = ops.normalize_l2(pooled, self._integers([1]), 1e-12, "max")
        return self._openvino.Model([vector], [ids, mask, types], "sentence")

    def _embeddings(self, ids: Any, types: Any) -> Any:
        ops = self._ops
        words = self._rows("embeddings.word_embeddings", ids)
        length = ops.gather(ops.shape_of(ids), self._integers(1), self._integers(0))
        positions = self._rows("embeddings.position_embeddings", ops.range(*self._from_zero(length), "i64"))
        summed = ops.add(ops.add(words, self._rows("embeddings.token_type_embeddings", types)), positions)
        return self._layer_norm(summed, "embeddings.LayerNorm")

    def _layer(self, hidden: Any, bias: Any, name: str) -> Any:
        ops = self._ops
        query, key, value = (
            self._split(self._linear(hidden, f"{name}.attention.self.{part}")) for part in ("query", "key", "value")
        )
        attended = ops.scaled_dot_product_attention(query, key, value, bias, causal=False)
        joined = ops.reshape(
            ops.transpose(attended, self._integers([0, 2, 1, 3])),
            self._integers([0, 0, self._heads * self._head_size]),
            special_zero=True,
        )
        projected = self._linear(joined, f"{name}.attention.output.dense")
        hidden = self._layer_norm(ops.add(projected, hidden), f"{name}.attention.output.LayerNorm")
        wide = ops.gelu(self._linear(hidden, f"{name}.intermediate.dense"), "erf")
        narrow = self._linear(wide, f"{name}.output.dense")
        return self._layer_norm(ops.add(narrow, hidden), f"{name}.output.LayerNorm")

    def _split(self, projected: Any) -> Any:
        shape = self._integers([0, 0, self._heads, self._head_size])
        return self._ops.transpose(self._ops.reshape(projected, shape, special_zero=True), self._integers([0, 2, 1, 3]))

    def _pool(self, hidden: Any, present: Any, pooling: str) -> Any:
        ops = self._ops
        if pooling == "cls":
            return ops.gather(hidden, self._integers(0), self._integers(1))
        weights = ops.unsqueeze(present, self._integers([2]))
        summed = ops.reduce_sum(ops.multiply(hidden, weights), self._integers([1]))
        return ops.divide(summed, ops.reduce_sum(weights, self._integers([1])))

    def _linear(self, hidden: Any, name: str) -> Any:
        product = self._ops.matmul(hidden, self._matrix(f"{name}.weight"), False, True)
        return self._ops.add(product, self._tensor(f"{name}.bias"))

    def _layer_norm(self, hidden: Any, name: str) -> Any:
        ops = self._ops
        scaled = ops.mvn(hidden, self._integers([-1]), True, self._epsilon, "inside_sqrt")
        return ops.add(ops.multiply(scaled, self._tensor(f"{name}.weight")), self._tensor(f"{name}.bias"))

    def _rows(self, name: str, indices: Any) -> Any:
        return self._ops.gather(self._tensor(f"{name}.weight"), indices, self._integers(0))

    def _from_zero(self, stop: Any) -> tuple[Any, Any, Any]:
        return self._integers(0), stop, self._integers(1)

    def _matrix(self, name: str) -> Any:
        """The weights as int8 with one scale per output, symmetric; the runtime multiplies them as integers.

        A matrix that the runtime's groups do not divide stays float.
        """
        weights = self._weights[name]
        if weights.shape[1] % QUANTISATION_GROUP:
            return self._tensor(name)
        scales = np.maximum(np.abs(weights).max(axis=1, keepdims=True), 1e-9) / np.float32(127)
        integers = self._ops.constant(np.round(weights / scales).astype(np.int8))
        return self._ops.multiply(self._ops.convert(integers, "f32"), self._ops.constant(scales))

    def _tensor(self, name: str) -> Any:
        return self._ops.constant(self._weights[name])

    def _number(self, value: float) -> Any:
        return self._ops.constant(np.float32(value))

    def _integers(self, value: int | list[int]) -> Any:
        return self._ops.constant(np.array(value, dtype=np.int64))
