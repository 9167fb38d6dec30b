"""Small sentence-transformers models with random weights, of the kinds that people configure; made, not downloaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from ingest.embedder import DEFAULT_MODEL

TEXTS = [
    "Returns are free within 30 days of delivery.",
    "Sie können die Ware innerhalb von 30 Tagen kostenlos zurückgeben.",
    "Puede devolver el artículo en un plazo de 30 días sin coste.",
    "Les retours sont gratuits pendant 30 jours.",
    "Parcels travel by bicycle courier; the workshop repairs boots and tents.",
    "Die Werkstatt repariert Schuhe und Zelte, montags bis freitags.",
    "El taller abre de lunes a viernes.",
    "word " * 300,
    "a",
    "",
]
SHORT = 64
"""Tokens that the small models read."""


def multilingual(folder: Path) -> Path:
    """XLM-RoBERTa: a unigram (sentencepiece) tokenizer, no token types, mean pooling, prompts as E5 has them."""
    from sentence_transformers import SentenceTransformer
    from transformers import XLMRobertaConfig, XLMRobertaModel

    tokenizer = _unigram()
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=SHORT + 2, type_vocab_size=1, pad_token_id=1, initializer_range=0.3,
    )  # fmt: skip
    modules = _modules(folder, XLMRobertaModel(_seeded(config)), tokenizer, "mean")
    SentenceTransformer(modules=modules, prompts={"query": "query: ", "passage": "passage: "}).save(str(folder))
    return folder


def projected(folder: Path) -> Path:
    """BERT with the first token as the text's vector, then a dense layer from 384 to 128 dimensions."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Normalize
    from transformers import BertConfig, BertModel

    tokenizer = _unigram()
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=384, num_hidden_layers=1, num_attention_heads=6, intermediate_size=512,
        max_position_embeddings=SHORT, pad_token_id=1, initializer_range=0.3,
    )  # fmt: skip
    modules = _modules(folder, BertModel(_seeded(config)), tokenizer, "cls")
    SentenceTransformer(modules=[*modules, Dense(384, 128), Normalize()]).save(str(folder))
    return folder


def first_token(folder: Path, *, seed: int = 1) -> Path:
    """BERT with the first token as the text's vector, 48 dimensions; written without torch, E5's prompts beside it."""
    from safetensors.numpy import save_file

    from ingest.embedding.models import find_model

    packaged = find_model(DEFAULT_MODEL)
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copyfile(packaged / name, folder / name)
    save_file(_bert_weights(seed, words=30_522, width=48, wide=96), folder / "model.safetensors")
    settings = {
        "config.json": {
            "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 48,
            "intermediate_size": 96, "num_attention_heads": 4, "num_hidden_layers": 1, "layer_norm_eps": 1e-12,
            "max_position_embeddings": SHORT, "vocab_size": 30_522, "type_vocab_size": 2, "pad_token_id": 0,
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": 48, "pooling_mode_cls_token": True},
        "sentence_bert_config.json": {"max_seq_length": SHORT, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": "query: ", "passage": "passage: "}},
    }  # fmt: skip
    for name, content in settings.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def _bert_weights(seed: int, *, words: int, width: int, wide: int) -> dict[str, np.ndarray]:
    """Random weights of a BERT of one layer."""
    random = np.random.default_rng(seed)
    layer = "encoder.layer.0"
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (words, width),
        "embeddings.position_embeddings.weight": (SHORT, width),
        "embeddings.token_type_embeddings.weight": (2, width),
        f"{layer}.intermediate.dense.weight": (wide, width),
        f"{layer}.intermediate.dense.bias": (wide,),
        f"{layer}.output.dense.weight": (width, wide),
        f"{layer}.output.dense.bias": (width,),
    }
    for part in ("self.query", "self.key", "self.value", "output.dense"):
        shapes |= {f"{layer}.attention.{part}.weight": (width, width), f"{layer}.attention.{part}.bias": (width,)}
    drawn = {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    for norm in ("embeddings.LayerNorm", f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"):
        drawn |= {f"{norm}.weight": np.ones(width, np.float32), f"{norm}.bias": np.zeros(width, np.float32)}
    return drawn


KINDS = {"first_token": first_token, "multilingual": multilingual, "projected": projected}


def _seeded(config: Any) -> Any:
    import torch

    torch.manual_seed(20260630)
    return config


def _unigram() -> Any:
    """A unigram tokenizer as XLM-RoBERTa has it, trained on the texts above."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=220, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", model_max_length=SHORT,
    )  # fmt: skip


def _modules(folder: Path, network: Any, tokenizer: Any, pooling: str) -> list[Any]:
    from sentence_transformers.models import Pooling, Transformer

    plain = folder.parent / f"{folder.name}-plain"
    network.save_pretrained(plain)
    tokenizer.save_pretrained(plain)
    transformer = Transformer(str(plain), max_seq_length=SHORT)
    return [transformer, Pooling(int(network.config.hidden_size), pooling_mode=pooling)]
