"""Models that people configure instead of the packaged one: exported right, or refused with what to do."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from ingest.embedder import EmbeddingError, ModelUnusable, open_embedder, open_export
from ingest.embedding.export import run_export
from tests.ingest.sentence_models import KINDS, SHORT, TEXTS, first_token


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first_token(tmp_path_factory.mktemp("models") / "first-token")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_export_gives_the_vectors_of_sentence_transformers(kind: str, tmp_path: Path) -> None:
    """Cosine of at least 0.999 in single precision, and nearly so as the service runs it."""
    pytest.importorskip("sentence_transformers", reason="tracing needs answerable[models]", exc_type=ImportError)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other people's code, about their own names
        from sentence_transformers import SentenceTransformer

        folder = KINDS[kind](tmp_path / kind)
        original = SentenceTransformer(str(folder), device="cpu")
        prompts = original.prompts
        passage = prompts.get("document") or prompts.get("passage") or ""
        expected = original.encode(TEXTS, prompt=passage, normalize_embeddings=True)
        asked = original.encode(TEXTS, prompt=prompts.get("query") or "", normalize_embeddings=True)
    embedder = open_embedder(str(folder), tmp_path / "cache")
    exported = run_export(tmp_path / "cache" / "models" / embedder.fingerprint, [passage + text for text in TEXTS])
    assert embedder.dimension == expected.shape[1]
    assert embedder.max_tokens == SHORT
    assert np.sum(exported * expected, axis=1).min() >= 0.999
    assert np.sum(embedder.embed(TEXTS) * expected, axis=1).min() >= 0.99
    questions = np.stack([embedder.embed_query(text) for text in TEXTS])
    assert np.sum(questions * asked, axis=1).min() >= 0.99
    if passage:
        assert np.sum(questions * embedder.embed(TEXTS), axis=1).min() < 0.999, "a question has another prompt"


def test_prompts_are_put_before_questions_and_passages(model: Path, tmp_path: Path) -> None:
    embedder = open_embedder(str(model), tmp_path)
    export = tmp_path / "models" / embedder.fingerprint
    asked, stored = run_export(export, ["query: tents", "passage: tents"])
    assert float(embedder.embed_query("tents") @ asked) > 0.99 > float(asked @ stored)
    assert float(embedder.embed(["tents"])[0] @ stored) > 0.99


def test_the_first_token_is_the_vector_whatever_follows_it(model: Path, tmp_path: Path) -> None:
    """Padding beside a long text changes nothing."""
    embedder = open_embedder(str(model), tmp_path)
    alone = embedder.embed(["tents"])[0]
    assert float(embedder.embed(["tents", "word " * 300])[0] @ alone) > 0.999


def test_an_export_is_found_again_without_the_models_folder(model: Path, tmp_path: Path) -> None:
    made = open_embedder(str(model), tmp_path)
    again = open_export(made.fingerprint, tmp_path)
    assert again is not None
    assert float(again.embed_query("tents") @ made.embed_query("tents")) > 0.999
    assert open_export("0" * 24, tmp_path) is None
    assert open_export("", tmp_path) is None


def test_the_tokenizer_may_tell_how_much_is_read(tmp_path: Path) -> None:
    model = first_token(tmp_path / "model")
    (model / "sentence_bert_config.json").write_text("{}")
    (model / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 20}))
    assert open_embedder(str(model), tmp_path).max_tokens == 20
    (model / "tokenizer_config.json").write_text(json.dumps({"model_max_length": int(1e30)}))
    assert open_embedder(str(model), tmp_path).max_tokens == SHORT


def _without(name: str) -> object:
    return lambda model: (model / name).unlink()


def _with(name: str, content: str | bytes) -> object:
    encoded = content.encode() if isinstance(content, str) else content
    return lambda model: (model / name).write_bytes(encoded)


def _shortened(model: Path) -> None:
    weights = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(weights[: len(weights) // 2])


def _of_another_width(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"hidden_size": 52}))


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (_without("config.json"), "config.json missing"),
        (_without("model.safetensors"), "weights missing"),
        (_with("config.json", "{"), "config.json"),
        (_with("modules.json", "[{]"), "modules.json"),
        (_with("modules.json", '[{"name": "0"}]'), "modules.json"),
        (_with("tokenizer.json", "{}"), "does not run"),
        (_with("model.safetensors", b""), "damaged"),
        (_shortened, "damaged"),
        (_of_another_width, "model"),
    ],
)
def test_a_damaged_model_is_refused_with_what_to_do(damage, named: str, tmp_path: Path) -> None:
    model = first_token(tmp_path / "model")
    damage(model)
    with pytest.raises(ModelUnusable, match=named) as refused:
        open_embedder(str(model), tmp_path / "cache")
    assert "Copy the model's folder again" in refused.value.hint
    assert not list((tmp_path / "cache").glob("models/*")), "nothing half made is left"


def test_an_export_that_claims_another_dimension_is_refused(model: Path, tmp_path: Path) -> None:
    made = open_embedder(str(model), tmp_path)
    meta = tmp_path / "models" / made.fingerprint / "meta.json"
    meta.write_text(json.dumps(json.loads(meta.read_text()) | {"dimension": 64}))
    claimed = open_export(made.fingerprint, tmp_path)
    assert claimed is not None
    with pytest.raises(ModelUnusable, match="gives 48 numbers"):
        claimed.embed(["tents"])


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match=r"config\.json and weights missing"):
        open_embedder(str(tmp_path), tmp_path / "cache")
