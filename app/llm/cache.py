"""The exact cache of model calls: the same request for the same audience over the same data is not paid for twice.

    off | memory (one process, bounded in entries and bytes) | Redis by URL (shared; down means misses)

What is kept is a completion as the provider gave it: scrubbed inputs went in, so tokens stand where personal data was.
Nothing of the messages is kept, only a hash of everything that matters.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
from cachetools import TTLCache

from app.llm.config import LlmConfig
from app.llm.parts import ReplyCache
from app.llm.values import Asking, Completion, Outgoing

if TYPE_CHECKING:
    from redis import Redis

_log = logging.getLogger("answerable.cache")

MOST_ENTRIES = 10_000
MOST_BYTES = 64 * 1024 * 1024
"""Of all values in memory."""
LARGEST = 256 * 1024
"""Bytes of one value; larger ones are not kept."""
REDIS_TIMEOUT_S = 0.25
"""Seconds that connecting to Redis, or one answer of it, may take: a call that is not cached takes longer."""
RETRY_S = 30.0
"""Seconds for which a Redis that failed is left alone."""
VERSION = "1"
"""Raised when what is kept changes its form."""

Value = TypeVar("Value")


class ByteStore(Protocol):
    """Bytes by key for a time; neither method raises."""

    def get(self, key: str) -> bytes | None:
        """What is kept under a key."""

    def put(self, key: str, value: bytes) -> None:
        """Keep bytes; those that are too large are not."""


class NoStore:
    """Keeps nothing."""

    def get(self, key: str) -> bytes | None:
        """Nothing."""

    def put(self, key: str, value: bytes) -> None:
        """Forget at once."""


class MemoryStore:
    """In the memory of one process. Thread-safe; the oldest entries go when there are too many, or too many bytes."""

    def __init__(
        self,
        ttl_s: float,
        *,
        entries: int = MOST_ENTRIES,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock = threading.Lock()
        self._entries = entries
        self._kept: TTLCache[str, bytes] = TTLCache(most_bytes, ttl_s, timer=clock, getsizeof=len)

    def get(self, key: str) -> bytes | None:
        """What is kept under a key."""
        with self._lock:
            return self._kept.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Keep bytes; those that are too large are not."""
        if len(value) > min(LARGEST, self._kept.maxsize):
            return
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > self._entries:
                self._kept.popitem()


class RedisStore:
    """In Redis, shared by all processes. One that is down is left alone for `RETRY_S` seconds, with one log line."""

    def __init__(self, url: str, ttl_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._ttl_ms = max(1, int(ttl_s * 1000))
        self._clock = clock
        self._closed_until = 0.0

    def get(self, key: str) -> bytes | None:
        """What is kept under a key; nothing while Redis is down."""
        found = self._tried(lambda: self._redis.get(key))
        return found if isinstance(found, bytes) and len(found) <= LARGEST else None

    def put(self, key: str, value: bytes) -> None:
        """Keep bytes; those that are too large are not."""
        if len(value) <= LARGEST:
            self._tried(lambda: self._redis.set(key, value, px=self._ttl_ms))

    def close(self) -> None:
        """End connections."""
        self._redis.close()

    def failure(self) -> str:
        """Why Redis cannot be used, empty where it can: the kind of error, as its text may hold the address."""
        from redis.exceptions import RedisError

        try:
            self._redis.ping()
        except (RedisError, OSError) as error:
            return type(error).__name__
        return ""

    def _tried(self, action: Callable[[], object]) -> object:
        from redis.exceptions import RedisError

        if self._clock() < self._closed_until:
            return None
        try:
            return action()
        except (RedisError, OSError) as error:
            self._closed_until = self._clock() + RETRY_S
            _log.warning("the cache is not used for %.0f s: %s", RETRY_S, type(error).__name__)
            return None


class Typed:
    """Values of one kind in a store; what cannot be read as such is a miss."""

    def __init__(self, store: ByteStore) -> None:
        self._store = store

    def get(self, key: str, kind: type[Value]) -> Value | None:
        """The value kept under a key."""
        found = self._store.get(key)
        try:
            return None if found is None else msgspec.msgpack.decode(found, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def put(self, key: str, value: object) -> None:
        """Keep a value."""
        self._store.put(key, msgspec.msgpack.encode(value))


class Replies:
    """Completions in a store: the `ReplyCache` of the gateway."""

    def __init__(self, store: ByteStore) -> None:
        self._values = Typed(store)

    def get(self, key: str) -> Completion | None:
        """The completion kept under a key, if it is not too old."""
        return self._values.get(key, Completion)

    def put(self, key: str, completion: Completion) -> None:
        """Keep a completion. Never raises."""
        self._values.put(key, completion)


def open_cache(config: LlmConfig) -> ReplyCache:
    """The cache of calls that the configuration asks for. Raises `ConfigurationError` for a URL that is none."""
    return Replies(open_store(config.cache, config.cache_ttl_s))


def open_store(where: str, ttl_s: float) -> ByteStore:
    """A store: `off`, `memory`, or a Redis URL. Raises `ConfigurationError`."""
    from app.errors import ConfigurationError

    if where in ("", "off") or ttl_s <= 0:
        return NoStore()
    if where == "memory":
        return MemoryStore(ttl_s)
    try:
        return RedisStore(where, ttl_s)
    except ValueError:
        raise ConfigurationError(
            "The cache is neither `off`, `memory` nor the URL of a Redis.", hint="Write e.g. redis://127.0.0.1:6379/0."
        ) from None


def cache_key(
    outgoing: Outgoing, asking: Asking, models: Sequence[tuple[str, str]] | str, *, seed: int | None = None
) -> str:
    """What a call is kept under: two calls share it only if nothing that matters differs.

    `models` are the (provider, model) pairs that may answer, the first one first, or the one that does. Callers who may
    not see the same never share a key, as `asking.audience` is part of it.
    """
    return key_of(
        "reply", asking.audience, asking.manifest, sorted(asking.sources), outgoing.task, outgoing.prompt,
        models if isinstance(models, str) else [list(pair) for pair in models], outgoing.parameters, outgoing.messages,
        outgoing.schema, seed,
    )  # fmt: skip


def key_of(kind: str, *parts: object) -> str:
    """A key over values that msgspec can encode: `answerable:1:reply:` and a SHA-256."""
    digest = hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()
    return f"answerable:{VERSION}:{kind}:{digest}"
