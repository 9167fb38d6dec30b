"""The embedder on the real packaged model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ingest.embedder import DEFAULT_MODEL, Embedder, ModelNotFound, open_embedder
from ingest.embedding.export import run_traced_export
from ingest.embedding.models import find_model, model_fingerprint

TEXTS = ["Returns are free within 30 days.", "The invoice is due on the first.", "a", "word " * 600, ""]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shared = os.environ.get("ANSWERABLE_TEST_CACHE")
    return Path(shared) if shared else tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def embedder(cache: Path) -> Embedder:
    return open_embedder(DEFAULT_MODEL, cache)


def test_vectors_have_length_one_and_keep_their_order(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension) == (5, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS, vectors, strict=True):
        assert float(embedder.embed_query(text) @ vector) > 0.999


def test_many_texts_get_the_vectors_that_each_gets_alone(embedder: Embedder) -> None:
    texts = [f"text number {n} " + "of many " * (n % 40) for n in range(101)]
    alone = np.stack([embedder.embed_query(text) for text in texts])
    assert np.sum(embedder.embed(texts) * alone, axis=1).min() > 0.999


def test_meaning_is_near_meaning(embedder: Embedder) -> None:
    question = embedder.embed_query("How long can I send something back?")
    near, far = embedder.embed(TEXTS[:2])
    assert question @ near > question @ far + 0.2


def test_nothing_to_embed_is_an_empty_array(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 384)


def test_token_offsets_point_at_words_and_are_not_cut(embedder: Embedder) -> None:
    text = "Grüße an Zoë, please re-send."
    assert [text[a:b] for a, b in embedder.token_offsets(text)][-5:] == ["please", "re", "-", "send", "."]
    assert embedder.count_tokens("word " * 600) == 600


def test_threads_share_an_embedder(embedder: Embedder) -> None:
    expected = embedder.embed([f"text number {n}" for n in range(16)])
    with ThreadPoolExecutor(8) as threads:
        many = threads.submit(embedder.embed, TEXTS * 20)
        found = list(threads.map(lambda n: embedder.embed_query(f"text number {n}"), range(16)))
    assert many.result().shape == (100, 384)
    assert np.sum(expected * np.stack(found), axis=1).min() > 0.999


def test_the_export_lies_under_the_models_fingerprint(embedder: Embedder, cache: Path) -> None:
    assert embedder.fingerprint == model_fingerprint(find_model(DEFAULT_MODEL))
    assert (cache / "models" / embedder.fingerprint / "model.xml").is_file()
    assert not list((cache / "models").glob(".building-*"))


def test_a_copied_export_can_be_used_directly(embedder: Embedder, cache: Path, tmp_path: Path) -> None:
    copied = tmp_path / embedder.fingerprint
    shutil.copytree(cache / "models" / embedder.fingerprint, copied, ignore=shutil.ignore_patterns("compiled"))
    again = open_embedder(str(copied), tmp_path / "unused")
    assert again.fingerprint == embedder.fingerprint
    assert float(again.embed_query("refund") @ embedder.embed_query("refund")) > 0.999


def test_other_weights_have_another_fingerprint(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(find_model(DEFAULT_MODEL), model)
    before = model_fingerprint(model)
    weights = model / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[1_000_000:-1_000_000] = bytes(len(content) - 2_000_000)
    weights.write_bytes(content)
    assert before == model_fingerprint(find_model(DEFAULT_MODEL))
    assert model_fingerprint(model) != before


def test_an_unknown_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound) as error:
        open_embedder("no/such-model", tmp_path)
    assert DEFAULT_MODEL in error.value.hint


def run(script: str, *arguments: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


USE = """
import json, sys
from pathlib import Path
from ingest.embedder import open_embedder
embedder = open_embedder(sys.argv[1], Path(sys.argv[2]))
embedder.embed_query("refund")
names = ("torch", "transformers", "sentence_transformers", "openvino_telemetry")
print(json.dumps({"loaded": [n for n in names if sys.modules.get(n)]}))
"""


def test_embedding_imports_no_torch_and_no_telemetry(embedder: Embedder, cache: Path) -> None:
    used = run(USE, DEFAULT_MODEL, str(cache))
    assert used["loaded"] == []


WITHOUT_TORCH = """
import json, sys
from pathlib import Path
sys.modules["torch"] = sys.modules["sentence_transformers"] = None
from ingest.embedder import open_embedder, EmbeddingError
try:
    embedder = open_embedder(sys.argv[1], Path(sys.argv[2]))
    print(json.dumps({"code": None, "dimension": len(embedder.embed_query("refund"))}))
except EmbeddingError as error:
    print(json.dumps({"code": error.code, "hint": error.hint}))
"""


def test_the_packaged_model_needs_no_torch_even_to_be_exported(tmp_path: Path) -> None:
    assert run(WITHOUT_TORCH, DEFAULT_MODEL, str(tmp_path)) == {"code": None, "dimension": 384}


def other_model(folder: Path) -> Path:
    """The packaged model, declared so that only tracing can export it."""
    shutil.copytree(find_model(DEFAULT_MODEL), folder)
    pooling = folder / "1_Pooling" / "config.json"
    modes = json.loads(pooling.read_text(encoding="utf-8"))
    pooling.write_text(json.dumps({**modes, "pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": False}))
    return folder


def test_a_model_that_needs_torch_says_so_where_it_is_missing(tmp_path: Path) -> None:
    model = other_model(tmp_path / "model")
    refused = run(WITHOUT_TORCH, str(model), str(tmp_path / "cache"))
    assert refused["code"] == "model_not_exported"
    assert "answerable[models]" in str(refused["hint"])
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_int8_weights_give_nearly_the_vectors_of_the_traced_float_model(embedder: Embedder, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="tracing needs answerable[models]", exc_type=ImportError)
    model = find_model(DEFAULT_MODEL)
    run_traced_export(model, tmp_path / "traced")
    traced = Embedder(tmp_path / "traced")
    assert traced.max_tokens == embedder.max_tokens
    cosines = np.sum(traced.embed(TEXTS) * embedder.embed(TEXTS), axis=1)
    assert cosines.min() > 0.985
    assert cosines.mean() > 0.995
