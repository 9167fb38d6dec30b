"""An embedding model behind an OpenAI-compatible endpoint: `https://host/v1#model` in `ANSWERABLE_EMBEDDING_MODEL`.

    texts -> personal data masked -> POST /embeddings -> checked -> vectors of length 1

What leaves this machine is masked first, names of people included; a detector that fails means nothing is sent. The key
is `ANSWERABLE_EMBEDDING_API_KEY`. Passages are still cut by the packaged model's tokens. Ingest tries again and then
stops; a question does not wait: without a vector its passages are found by their words alone.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import os
import random
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

import httpcore
import numpy as np
from numpy.typing import NDArray

from connectors.timed_connections import Clock, TimedBackend
from ingest.embedder import Embedder
from ingest.embedding.errors import EndpointError, EndpointRefused, EndpointUnavailable, ModelNotFound
from ingest.embedding.metering import EmbeddingRequest, Meter, Unmetered
from ingest.embedding.models import PACKAGED_MODEL, find_model

_log = logging.getLogger("answerable.embedding")

KEY = "ANSWERABLE_EMBEDDING_API_KEY"
TRIES = 4
_BATCH = 64  # texts in a request
_TIMEOUT_S = 30.0
_QUESTION_TIMEOUT_S = 3.0
_LARGEST_ANSWER = 64 << 20  # bytes
_AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504})
_LONGEST_PAUSE_S = 20.0
_PROBE = "dimension"

_FAULTS = {408: "timeout", 429: "rate_limited"}
_NOT_SENT = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout)


class EndpointEmbedder(Embedder):
    """The same interface as a model of our own. Safe to share between threads; opening asks for one vector, once."""

    def __init__(
        self, location: str, cache: Path, meter: Meter | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self._url, self._model = location_parts(location)
        self._meter = meter or Unmetered()
        self._key = (os.environ if env is None else env).get(KEY, "").strip()
        if self._key and not _is_safe(self._url):
            raise EndpointRefused(
                f"{self._shown} would take the key in clear text.", hint="Use https://, or an address of this machine."
            )
        self._clock = Clock()
        self._pool = httpcore.ConnectionPool(max_connections=4, network_backend=TimedBackend(self._clock))
        dimension = self._known_dimension(cache)
        identity = hashlib.sha256(f"{self._url}\0{self._model}\0{dimension}".encode()).hexdigest()[:24]
        packaged = json.loads((find_model(PACKAGED_MODEL) / "sentence_bert_config.json").read_text(encoding="utf-8"))
        super().__init__(
            find_model(PACKAGED_MODEL),
            meta={"dimension": dimension, "max_seq_length": packaged.get("max_seq_length", 256)},
            fingerprint=f"endpoint-{identity}",
        )

    @property
    def _shown(self) -> str:
        return urlsplit(self._url).netloc

    def _known_dimension(self, cache: Path) -> int:
        """Numbers in a vector: as noted at the first use, else asked for now."""
        name = hashlib.sha256(f"{self._url}\0{self._model}".encode()).hexdigest()[:24]
        note = cache / "models" / f"endpoint-{name}.json"
        if note.is_file():
            return int(json.loads(note.read_text(encoding="utf-8"))["dimension"])
        dimension = len(self._asked([_PROBE])[0])
        note.parent.mkdir(parents=True, exist_ok=True)
        temporary = note.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps({"dimension": dimension, "model": self._model}), encoding="utf-8")
        temporary.replace(note)
        return dimension

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Vector of a question, float32[dimension]; zeros, like nothing at all, where the endpoint gives none."""
        vector: NDArray[np.float32] = self._at_once([text])[0]
        return vector

    def embed_again(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the base, with zeros (which are not remembered) where the endpoint gives none."""
        with self._lock:
            known = {text: self._recent[text] for text in texts if text in self._recent}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        fresh = dict(zip(missing, self._at_once(missing), strict=True))
        self._remember({text: vector for text, vector in fresh.items() if vector.any()})
        known |= fresh
        return np.stack([known[text] for text in texts]) if texts else self._embed([])

    def close(self) -> None:
        """End its connections."""
        self._pool.close()

    def _at_once(self, texts: Sequence[str]) -> NDArray[np.float32]:
        try:
            return self._embed(texts, tries=1, timeout_s=_QUESTION_TIMEOUT_S)
        except (EndpointUnavailable, EndpointRefused) as error:
            _log.warning("searching by words alone: %s %s", error.message, error.hint)
            return np.zeros((len(texts), self.dimension), dtype=np.float32)

    def _embed(self, texts: Sequence[str], *, tries: int = TRIES, timeout_s: float = _TIMEOUT_S) -> NDArray[np.float32]:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        masked = self._masked(texts)
        batches = [masked[start : start + _BATCH] for start in range(0, len(masked), _BATCH)]
        parts = [self._asked(batch, tries, timeout_s) for batch in batches]
        widths = {len(vector) for part in parts for vector in part}
        if widths != {self.dimension}:
            raise EndpointRefused(
                f"{self._shown} gave vectors of {', '.join(map(str, sorted(widths)))} numbers instead of "
                f"{self.dimension}: {self._model} is another model now.",
                hint="Give the model that is meant by its exact name, and sync with --rebuild.",
            )
        with np.errstate(over="ignore"):
            vectors = np.array([vector for part in parts for vector in part], dtype=np.float32)
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise EndpointRefused(f"{self._shown} gave a vector without a direction.", hint="Check the model.")
        normalised: NDArray[np.float32] = vectors / lengths
        return normalised

    def _masked(self, texts: Sequence[str]) -> list[str]:
        """The texts with personal data replaced by its kind. Raises `EndpointRefused` if it cannot be looked for."""
        from ingest.pii import open_detector

        try:
            found = open_detector().detect(list(texts), names=True)
        except Exception as error:
            raise EndpointRefused(
                "Personal data could not be looked for, so that nothing was sent to the embedding endpoint.",
                hint=f"The detector failed: {type(error).__name__}.",
            ) from error
        return [_without(text, spans) for text, spans in zip(texts, found, strict=True)]

    def _asked(self, texts: Sequence[str], tries: int = 1, timeout_s: float = _TIMEOUT_S) -> list[list[float]]:
        """One vector for each text, tried again where that may help."""
        for trial in range(tries):
            request = EmbeddingRequest(self._shown, self._model, texts, timeout_s, retry=trial)
            try:
                return self._answered(request)
            except EndpointUnavailable as error:
                if trial + 1 == tries:
                    raise
                time.sleep(min(_LONGEST_PAUSE_S, error.wait_s or random.uniform(0, 2**trial)))  # noqa: S311
        raise AssertionError("the last trial returns or raises")

    def _answered(self, request: EmbeddingRequest) -> list[list[float]]:
        """One request, counted from before it is sent until its answer is read."""
        metered = self._meter.began(request)
        tokens: int | None = None
        try:
            content = {"model": self._model, "input": list(request.texts), "encoding_format": "float"}
            answer = self._post(content, request.timeout_s)
            tokens = _tokens_of(answer)
            vectors = self._vectors_of(answer, len(request.texts))
        except EndpointError as error:
            metered.ended(tokens, error)
            raise
        except BaseException:
            metered.ended(tokens, EndpointError("the request was broken off", fault="internal", begun=True))
            raise
        metered.ended(tokens)
        return vectors

    def _post(self, content: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """The answer, all of it within `timeout_s` seconds."""
        headers = [(b"Content-Type", b"application/json"), (b"Accept", b"application/json")]
        if self._key:
            headers.append((b"Authorization", b"Bearer " + self._key.encode("latin-1", "replace")))
        self._clock.start(timeout_s)
        timeout = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)}
        try:
            with self._pool.stream(
                "POST", f"{self._url}/embeddings", headers=headers, content=json.dumps(content).encode(),
                extensions=timeout,
            ) as answer:  # fmt: skip
                body = self._body(answer)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise EndpointUnavailable(
                f"{self._shown} cannot be reached for embeddings ({type(error).__name__}).",
                hint="Check the address and the network.",
                fault="timeout" if isinstance(error, httpcore.TimeoutException) else "connection",
                begun=not isinstance(error, _NOT_SENT),
            ) from error
        return self._checked(answer.status, dict(answer.headers), body)

    def _body(self, answer: httpcore.Response) -> bytes:
        parts, size = [], 0
        for part in answer.iter_stream():
            size += len(part)
            if size > _LARGEST_ANSWER:
                raise self._malformed(f"{self._shown} answers with more than {_LARGEST_ANSWER >> 20} MB.")
            parts.append(part)
        return b"".join(parts)

    def _checked(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> dict[str, Any]:
        if status in _AGAIN:
            wait = {name.lower(): value for name, value in headers.items()}.get(b"retry-after", b"").decode("latin-1")
            raise EndpointUnavailable(
                f"{self._shown} answers with HTTP {status}.",
                hint="Try again later.",
                fault=_FAULTS.get(status, "server_error"),
                begun=status >= 500 or status == 408,
                wait_s=float(wait) if wait.isascii() and wait.isdigit() else None,
            )
        if status in (401, 403):
            raise EndpointRefused(f"{self._shown} refuses the key.", hint=f"Renew {KEY}.", fault="not_authenticated")
        if status == 404:
            hint = "The address ends where /embeddings is added, e.g. https://host/v1#model."
            message = f"{self._shown} has no model {self._model!r} for embeddings."
            raise EndpointRefused(message, hint=hint, fault="unknown_model")
        if status != 200:
            message = f"{self._shown} answers with HTTP {status}."
            raise EndpointRefused(message, hint="Check the address and the model.", fault="bad_request")
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            hint = "Is this an OpenAI-compatible endpoint?"
            raise self._malformed(f"{self._shown} answers with something else than JSON.", hint) from error
        if not isinstance(answer, dict):
            raise self._malformed(f"{self._shown} answers with JSON of another shape.")
        return answer

    def _vectors_of(self, answer: Mapping[str, Any], count: int) -> list[list[float]]:
        data = answer.get("data")
        listed = data if isinstance(data, list) else []
        rows = {row.get("index"): row.get("embedding") for row in listed if _is_row(row)}
        vectors = [rows.get(number) for number in range(count)]
        if not all(isinstance(vector, list) and vector and all(map(_is_number, vector)) for vector in vectors):
            raise self._malformed(f"{self._shown} did not give a vector for each text.", "Check the model.")
        return [list(vector) for vector in vectors if vector is not None]

    @staticmethod
    def _malformed(message: str, hint: str = "") -> EndpointRefused:
        return EndpointRefused(message, hint=hint, fault="malformed", begun=True)

    @cached_property
    def _loaded_network(self) -> Any:
        raise AssertionError("the model is elsewhere")


def location_parts(location: str) -> tuple[str, str]:
    """Base URL and model of `https://host/v1#model`. Raises `ModelNotFound` for anything else."""
    url, model = urldefrag(location)
    parts = urlsplit(url)
    if not parts.hostname or not model or parts.username or parts.password or parts.query:
        raise ModelNotFound(
            "this is not the address of an embedding endpoint",
            hint=f"Give https://host/v1#model, and the key in {KEY}.",
        )
    return url.rstrip("/"), model


def _is_safe(url: str) -> bool:
    """Whether a key may be sent there: over TLS, or within this machine."""
    parts = urlsplit(url)
    try:
        local = ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        local = parts.hostname == "localhost"
    return parts.scheme == "https" or local


def _without(text: str, spans: Sequence[Any]) -> str:
    parts, end = [], 0
    for span in sorted(spans, key=lambda each: each.start):
        parts += [text[end : span.start], f"<{span.kind}>"]
        end = span.end
    return "".join((*parts, text[end:]))


def _tokens_of(answer: Mapping[str, Any]) -> int | None:
    """Tokens as the endpoint reports them; None where it does not, or not as a number."""
    usage = answer.get("usage")
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else None


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("index"), int)


def _is_number(value: object) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**31 and not isinstance(value, bool))
