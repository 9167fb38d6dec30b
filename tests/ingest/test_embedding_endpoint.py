"""An embedding model behind an endpoint: a real HTTP server on loopback that speaks as OpenAI's does."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from ingest.embedder import Embedder, EmbeddingError, ModelNotFound, open_embedder
from ingest.embedding import endpoint
from ingest.embedding.endpoint import KEY
from ingest.embedding.errors import EndpointError, EndpointRefused
from ingest.embedding.metering import EmbeddingRequest

DIMENSION = 48


@dataclass
class Model:
    """What the server does, and what it was sent."""

    port: int = 0
    key: str = "s3cret"
    dimension: int = DIMENSION
    statuses: list[int] = field(default_factory=list)
    """Answers before it works."""
    body: bytes | None = None
    wait: str = "0"
    sent: list[dict[str, object]] = field(default_factory=list)

    @property
    def location(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1#small"

    @property
    def texts(self) -> list[str]:
        return [text for request in self.sent for text in request["input"]]  # type: ignore[attr-defined]


def vector_of(text: str, dimension: int) -> list[float]:
    """Words' random directions added up: texts that share words are near each other."""
    total = np.full(dimension, 0.01)
    for word in text.lower().split():
        seed = int.from_bytes(hashlib.sha256(word.strip("?.,").encode()).digest()[:4])
        total += np.random.default_rng(seed).normal(size=dimension)
    return [float(number) for number in total]


class _Handler(BaseHTTPRequestHandler):
    model: Model
    dripping = b""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = self.model
        if self.dripping:
            self._drip()
        elif self.headers.get("Authorization") != f"Bearer {model.key}":
            self._answer(401, {"error": {"message": f"wrong key {self.headers.get('Authorization')}"}})
        elif model.statuses:
            self._answer(model.statuses.pop(0), {"error": {}}, {"Retry-After": model.wait})
        elif request["model"] != "small" or self.path != "/v1/embeddings":
            self._answer(404, {"error": {}})
        else:
            model.sent.append(request)
            rows = [{"index": n, "embedding": vector_of(t, model.dimension)} for n, t in enumerate(request["input"])]
            self._answer(200, {"data": rows[::-1], "usage": {"total_tokens": 7 * len(rows)}})

    def _drip(self) -> None:
        """A byte now and then for 5 seconds, or until nobody listens."""
        end = time.monotonic() + 5
        self.close_connection = True
        self.wfile.write(self.dripping)
        with contextlib.suppress(OSError):
            while time.monotonic() < end:
                self.wfile.write(b"a")
                time.sleep(0.1)

    def _answer(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        body = self.model.body if self.model.body is not None and status == 200 else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    found = Model()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"model": found}))
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv(KEY, found.key)
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def embedder(model: Model, tmp_path: Path) -> Embedder:
    return open_embedder(model.location, tmp_path)


def test_vectors_come_in_the_order_of_the_texts_in_batches(model: Model, embedder: Embedder) -> None:
    texts = [f"text number {n}" for n in range(150)]
    vectors = embedder.embed(texts)
    assert vectors.shape == (150, DIMENSION) and vectors.dtype == np.float32
    assert len(model.sent) == 4, "one to learn the dimension, three batches"
    expected = np.array(vector_of("text number 99", DIMENSION))
    np.testing.assert_allclose(vectors[99], expected / np.linalg.norm(expected), atol=1e-5)
    assert embedder.embed([]).shape == (0, DIMENSION)


def test_the_dimension_is_asked_for_once_and_the_identity_follows_the_model(model: Model, tmp_path: Path) -> None:
    first = open_embedder(model.location, tmp_path)
    asked = len(model.sent)
    assert open_embedder(model.location, tmp_path).fingerprint == first.fingerprint
    assert len(model.sent) == asked
    model.dimension = 8
    with pytest.raises(EmbeddingError, match="vectors of 8 numbers instead of 48"):
        first.embed(["x"])


def test_personal_data_does_not_leave(model: Model, embedder: Embedder) -> None:
    embedder.embed(["Write to anna.schmidt@example.com or call Anna Schmidt on +49 30 901820."])
    embedder.embed_query("What did Anna Schmidt order?")
    embedder.embed_again(["Her card is 4111 1111 1111 1111"])
    sent = " ".join(model.texts)
    for planted in ("anna.schmidt", "Anna", "Schmidt", "901820", "4111"):
        assert planted not in sent
    assert "<EMAIL_ADDRESS>" in sent


def test_a_detector_that_fails_means_that_nothing_is_sent(
    model: Model, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("no model")

    monkeypatch.setattr("ingest.pii.open_detector", broken)
    before = len(model.sent)
    with pytest.raises(EmbeddingError, match="nothing was sent"):
        embedder.embed(["anything"])
    assert not embedder.embed_query("anything").any()
    assert len(model.sent) == before


def test_ingest_tries_again_and_a_question_does_not_wait(
    model: Model, embedder: Embedder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(endpoint.time, "sleep", pauses.append)
    model.statuses = [503, 429, 500]
    assert embedder.embed(["x"]).any()
    assert len(pauses) == 3
    model.statuses = [503]
    assert not embedder.embed_query("x").any(), "a question was tried again, or an error reached it"
    assert "words alone" in caplog.text
    model.statuses = [503] * 10
    with pytest.raises(EmbeddingError, match="503"):
        embedder.embed(["x"])
    model.statuses = []
    assert embedder.embed_again(["x"]).any(), "the failure was remembered"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "something else than JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "something else than JSON"),
        (b"[]", "another shape"),
        (b'{"data": 5}', "a vector for each text"),
        (b'{"data": [{"index": [0], "embedding": [1]}]}', "a vector for each text"),
        (b'{"data": [{"index": 0, "embedding": [1' + b"0" * 400 + b"]}]}", "a vector for each text"),
        (json.dumps({"data": [{"index": 0, "embedding": [1e300] * DIMENSION}]}).encode(), "without a direction"),
        (b'{"data": []}', "a vector for each text"),
        (b'{"data": 7}', "a vector for each text"),
        (b'{"data": [{"index": [], "embedding": [1]}]}', "a vector for each text"),
        (b'{"data": [{"index": 0, "embedding": ["a"]}]}', "a vector for each text"),
        (b'{"data": [{"index": 0, "embedding": [0, 0]}]}', "vectors of 2 numbers"),
        (json.dumps({"data": [{"index": 0, "embedding": [0.0] * DIMENSION}]}).encode(), "without a direction"),
        (b'{"data": [{"index": 0, "embedding": [' + b"NaN," * (DIMENSION - 1) + b"NaN]}]}", "without a direction"),
    ],
)
def test_what_is_no_vector_is_refused(model: Model, embedder: Embedder, body: bytes, said: str) -> None:
    model.body = body
    with pytest.raises(EmbeddingError, match=said):
        embedder.embed(["x"])


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"], ids=["headers", "body"])
def test_an_answer_byte_by_byte_is_not_waited_for(
    embedder: Embedder, model: Model, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    monkeypatch.setattr(endpoint, "_QUESTION_TIMEOUT_S", 0.4)
    monkeypatch.setattr(_Handler, "dripping", before or b"HTTP/1.1 200 OK\r\nX-Slow: ")
    started = time.monotonic()
    assert not embedder.embed_query("anything else").any()
    assert time.monotonic() - started < 3


def test_a_wait_in_figures_of_another_script_is_not_read(model: Model, embedder: Embedder) -> None:
    model.statuses, model.wait = [503], "\u00b2"  # a digit to Python, and no number
    assert not embedder.embed_query("something").any()


def test_a_source_that_must_not_be_sent_is_not_embedded_elsewhere(model: Model, tmp_path: Path) -> None:
    from ingest.hooks import IngestOptions
    from ingest.pipeline import ingest_source
    from ingest.request import SourceRequest

    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.md").write_text("# Tents\n\nPitch a tent.\n", encoding="utf-8")
    elsewhere = IngestOptions(model=model.location, detect_names=False)
    request = SourceRequest(str(tmp_path / "pages"), name="pages", models="never")
    with pytest.raises(EmbeddingError, match="must not be sent"):
        ingest_source(tmp_path / "home", request, options=elsewhere)
    (tmp_path / "pages" / "describe.yaml").write_text("models: never\n", encoding="utf-8")
    with pytest.raises(EmbeddingError, match="must not be sent"):
        ingest_source(tmp_path / "home", SourceRequest(str(tmp_path / "pages"), name="pages"), options=elsewhere)
    assert model.sent == []


def test_a_refused_key_is_named_and_not_shown(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "wr0ng")
    with pytest.raises(EmbeddingError, match="refuses the key") as caught:
        open_embedder(model.location, tmp_path)
    assert KEY in caught.value.hint and "wr0ng" not in f"{caught.value} {caught.value.hint}"
    with pytest.raises(EmbeddingError, match="clear text"):
        open_embedder("http://models.example/v1#small", tmp_path)


@pytest.mark.parametrize(
    "location", ["https://host/v1", "https://me:pw@host/v1#m", "https:///v1#m", "https://h/v1?k=v#m"]
)
def test_addresses_need_a_host_and_a_model_and_hold_no_secret(location: str, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        open_embedder(location, tmp_path)


class _Noting:
    """A meter that notes what it is told, and lets so many requests pass."""

    def __init__(self, room: int = 1_000) -> None:
        self.room = room
        self.began_with: list[EmbeddingRequest] = []
        self.ended_with: list[tuple[int | None, str]] = []

    def began(self, request: EmbeddingRequest) -> _Noting:
        if len(self.began_with) == self.room:
            raise EndpointRefused("no room")
        self.began_with.append(request)
        return self

    def ended(self, tokens: int | None, error: EndpointError | None = None) -> None:
        self.ended_with.append((tokens, error.fault if error else ""))


def test_a_meter_is_asked_before_each_request_and_told_of_its_end(model: Model, tmp_path: Path) -> None:
    meter = _Noting()
    embedder = open_embedder(model.location, tmp_path, meter)
    embedder.embed(["a", "mail anna@example.com"])
    model.statuses = [500]
    embedder.embed_query("x")
    assert [(len(each.texts), each.model, each.retry) for each in meter.began_with] == [
        (1, "small", 0),
        (2, "small", 0),
        (1, "small", 0),
    ]
    assert meter.began_with[1].host == f"127.0.0.1:{model.port}"
    assert "anna" not in str(meter.began_with), "a meter sees what leaves, masked"
    assert meter.ended_with == [(7, ""), (14, ""), (None, "server_error")]


def test_a_meter_without_room_stops_an_ingest_and_not_a_question(model: Model, tmp_path: Path) -> None:
    embedder = open_embedder(model.location, tmp_path, _Noting(room=1))
    with pytest.raises(EmbeddingError, match="no room"):
        embedder.embed(["a"])
    assert not embedder.embed_query("a").any()
    assert len(model.sent) == 1


def test_a_source_is_ingested_and_asked_through_an_endpoint(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.execution.passages import search
    from ingest.pipeline import ingest_source
    from ingest.request import SourceRequest
    from ingest.stores.snapshot import Store

    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "tents.md").write_text("# Tents\n\nPitch a tent away from trees.\n", encoding="utf-8")
    (pages / "boots.md").write_text("# Boots\n\nWax leather boots twice a year.\n", encoding="utf-8")
    monkeypatch.setenv("ANSWERABLE_EMBEDDING_MODEL", model.location)
    home = tmp_path / "home"
    ingest_source(home, SourceRequest(location=str(pages), name="pages"))
    snapshot, embedder = Store(home).snapshot(), open_embedder(model.location, home / "cache")
    assert snapshot.sources["pages"].passages is not None

    def best() -> str:
        found = search("How often to wax leather boots?", snapshot, embedder, sources=None, visibilities=("internal",))
        return found[0].document

    assert best() == "boots.md"
    model.statuses = [503] * 5
    assert best() == "boots.md", "without a vector, words find it"
