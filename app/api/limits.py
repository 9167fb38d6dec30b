"""How often one may ask: by key, by visitor, by address; a moving window, counted in memory or in a Redis for all.

    a key                           its own requests
    a visitor's ticket              the visitor's, then those of the address
    no key where one is needed      those of the address
    a key that is not known         guesses of the address: beyond them further ones are turned away, never a valid key

Where no key is needed, on a loopback address, callers from this machine are not counted by address.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import threading
import time
from typing import TYPE_CHECKING, Any

from litestar.connection import ASGIConnection

from app.errors import ConfigurationError, RateLimited
from app.settings import Settings, is_loopback

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import MovingWindowRateLimiter

Connection = ASGIConnection[Any, Any, Any, Any]

REDIS_TIMEOUT_S = 0.25
RETRY_S = 10.0
"""Seconds for which a Redis that did not answer is left alone; requests are counted in memory meanwhile."""
SCHEMES = ("redis", "rediss")
OTHERS = "elsewhere"
"""The one name of all clients without an address that can be read."""

_log = logging.getLogger("answerable.limits")


class Limits:
    """The limits of one server process. Thread-safe; a call may wait for Redis, so make it from a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._per_key = _rate(settings.rate_per_key)
        self._per_visitor = _rate(settings.rate_per_visitor)
        self._per_address = _rate(settings.rate_per_address)
        self._memory = _in_memory()
        self._shared = _in_redis(settings.limits_url) if settings.limits_url else None
        self._shared_from = 0.0
        self._lock = threading.Lock()

    def check_key(self, key_id: str) -> None:
        """Count a request with a key; raises `RateLimited`."""
        self._count(self._per_key, "key", key_id)

    def check_visitor(self, visitor: str) -> None:
        """Count a request of a site's visitor; raises `RateLimited`."""
        self._count(self._per_visitor, "visitor", visitor)

    def check_address(self, connection: Connection) -> None:
        """Count a request from an address; raises `RateLimited`. For whatever anybody may call."""
        address = self._counted_address(connection)
        if address is not None:
            self._count(self._per_address, "address", address)

    def count_guess(self, connection: Connection) -> None:
        """Count a key that is not known; raises `RateLimited`."""
        address = self._counted_address(connection)
        if address is not None:
            self._count(self._per_address, "guess", address)

    def _count(self, item: RateLimitItem | None, kind: str, name: str) -> None:
        if item is not None and not self._tried(lambda limiter: limiter.hit(item, kind, name)):
            raise self._too_many(item, kind, name)

    def _too_many(self, item: RateLimitItem, kind: str, name: str) -> RateLimited:
        reset = self._tried(lambda limiter: limiter.get_window_stats(item, kind, name).reset_time)
        wait_s = min(max(1, math.ceil(reset - time.time())), item.get_expiry())
        message = f"Too many requests: {item.amount} in {_span(item.get_expiry())} are answered."
        return RateLimited(message, hint=f"Try again in {wait_s} s.", retry_after_s=wait_s)

    def _counted_address(self, connection: Connection) -> str | None:
        """The address that a request counts for; None for one from this machine where no key is needed."""
        host = connection.client.host if connection.client is not None else ""
        if not self._settings.needs_key and is_loopback(host):
            return None
        return address_group(host)

    def _tried(self, work: Any) -> Any:
        """The result of `work` with Redis, or while Redis is down with the memory of this process."""
        from redis.exceptions import RedisError

        if self._shared is not None and time.monotonic() >= self._shared_from:
            try:
                found = work(self._shared)
            except (RedisError, OSError) as error:
                self._leave_alone(error)
            else:
                self._shared_from = 0.0
                return found
        return work(self._memory)

    def _leave_alone(self, error: Exception) -> None:
        with self._lock:
            told = self._shared_from > 0
            self._shared_from = time.monotonic() + RETRY_S
        if not told:
            _log.warning("requests are counted in memory, as Redis cannot be used: %s", type(error).__name__)


def address_group(host: str) -> str:
    """What a client's address counts as: itself, or of IPv6 its /64, which one subscriber has whole."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return OTHERS
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _rate(text: str) -> RateLimitItem | None:
    from limits import parse

    return None if text == "off" else parse(text)


def _span(seconds: int) -> str:
    return {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}.get(seconds, f"{seconds} s")


def _in_memory() -> MovingWindowRateLimiter:
    from limits.strategies import MovingWindowRateLimiter

    from app.ops.windows import Windows

    return MovingWindowRateLimiter(Windows())


def _in_redis(url: str) -> MovingWindowRateLimiter:
    """Nothing is connected yet. Raises `ConfigurationError` for a URL that is none."""
    from limits.errors import ConfigurationError as NotStored
    from limits.storage import RedisStorage
    from limits.strategies import MovingWindowRateLimiter
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options: dict[str, Any] = {
        "socket_timeout": REDIS_TIMEOUT_S,
        "socket_connect_timeout": REDIS_TIMEOUT_S,
        "retry": Retry(NoBackoff(), 0),
    }
    try:
        if url.partition("://")[0] not in SCHEMES:
            raise ValueError("not a Redis")
        return MovingWindowRateLimiter(RedisStorage(url, key_prefix="answerable", **options))
    except (ValueError, NotStored) as error:
        message = "ANSWERABLE_LIMITS_URL is not the URL of a Redis."
        raise ConfigurationError(message, hint="Write e.g. redis://127.0.0.1:6379/0.") from error
