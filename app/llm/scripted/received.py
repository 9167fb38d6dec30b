"""What a scripted server was sent, kept within limits, and the tokens that it counted, kept whole."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Outcome = Literal["open", "completed", "cut", "abandoned", "failed"]
SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "cookie", "proxy-authorization"})


class Secret:
    """A value that can be compared and is never shown: only its SHA-256 is kept."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: str) -> None:
        self._digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            other = Secret(other)
        return isinstance(other, Secret) and self._digest == other._digest

    def __repr__(self) -> str:
        return f"[secret {self._digest[:8]}]"


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it was sent, and how it went."""

    number: int
    at: float
    """Seconds since the epoch."""
    method: str
    path: str
    headers: Mapping[str, str | Secret]
    """Names in lower case; what authenticates is a `Secret`, equal to the text that was sent."""
    body: Any
    """The JSON that was sent, or the text where it is not JSON."""
    size: int
    """Bytes of the body."""
    model: str = ""
    schema: str | None = None
    rule: int | None = None
    """The rule that answered, from 1."""
    status: int | None = None
    """HTTP status; None until it is sent, or where none was."""
    outcome: Outcome = "open"
    """`completed` in full; `cut` after its beginning, by the script or by the client; `abandoned` by the client before;
    `failed`: an error or another response that is none.
    """
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of a chat; empty for anything else."""
        said = self.body.get("messages") if isinstance(self.body, dict) else None
        return said if isinstance(said, list) else []

    def shown(self) -> dict[str, Any]:
        """For people and other processes: secrets as their fingerprints."""
        headers = {name: repr(value) if isinstance(value, Secret) else value for name, value in self.headers.items()}
        return msgspec.structs.asdict(self) | {"headers": headers}


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What one model was asked for, and the tokens of requests that were completed or cut."""

    requests: int = 0
    completed: int = 0
    cut: int = 0
    abandoned: int = 0
    failed: int = 0
    input: int = 0
    output: int = 0


class RequestLog:
    """The last requests, and sums of all. Thread-safe."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._kept: OrderedDict[int, Received] = OrderedDict()
        self._bytes = 0
        self._sums: dict[str, Sums] = {}
        self._lock = threading.Condition()
        self._open = 0
        self.count = 0
        """Requests received in all."""

    def open(self, received: Received) -> Received:
        """Keep a request that has come; returns it with its number."""
        with self._lock:
            self.count += 1
            self._open += 1
            received = msgspec.structs.replace(received, number=self.count)
            self._kept[received.number] = received
            self._bytes += received.size
            while len(self._kept) > self._most or (self._bytes > self._most_bytes and len(self._kept) > 1):
                self._bytes -= self._kept.popitem(last=False)[1].size
        return received

    def update(self, received: Received) -> None:
        """Keep what is known of a request by now."""
        with self._lock:
            if received.number in self._kept:
                self._kept[received.number] = received

    def close(self, received: Received) -> None:
        """Keep how a request went, and count it."""
        self.update(received)
        with self._lock:
            self._open -= 1
            self._lock.notify_all()
            if received.model:
                self._sums[received.model] = _added(self._sums.get(received.model, Sums()), received)

    def settled(self, timeout_s: float) -> bool:
        """Wait until no request is open; False if one still is after so many seconds."""
        with self._lock:
            return self._lock.wait_for(lambda: self._open == 0, timeout_s)

    def all(self) -> list[Received]:
        """The requests kept, oldest first."""
        with self._lock:
            return list(self._kept.values())

    def sums(self) -> dict[str, Sums]:
        """Model -> sums, of all requests since the start."""
        with self._lock:
            return dict(self._sums)


def _added(sums: Sums, received: Received) -> Sums:
    billed = received.outcome in ("completed", "cut")
    return Sums(
        requests=sums.requests + 1,
        completed=sums.completed + (received.outcome == "completed"),
        cut=sums.cut + (received.outcome == "cut"),
        abandoned=sums.abandoned + (received.outcome == "abandoned"),
        failed=sums.failed + (received.outcome == "failed"),
        input=sums.input + (received.input_tokens if billed else 0),
        output=sums.output + (received.output_tokens if billed else 0),
    )


def header_values(pairs: list[tuple[bytes, bytes]]) -> dict[str, str | Secret]:
    """Headers for the log."""
    texts = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}
    return {name: Secret(value) if name in SECRET_HEADERS else value for name, value in texts.items()}
