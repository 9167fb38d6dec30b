"""Asks a site for its pages, politely: few at a time, with a pause between, as its robots.txt asks."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from connectors.errors import RefusedUrl
from connectors.http_client import FetchFailed, GuardedClient, Limits, Response
from connectors.url_guard import UrlGuard, shown
from connectors.web.options import WebOptions
from connectors.web.robots import FORBIDDEN, LARGEST_ROBOTS_BYTES, Robots, robots_of
from connectors.web.urls import normalised

if TYPE_CHECKING:
    import ssl

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
LONGEST_WAIT = 60.0
"""Seconds that a site's `Crawl-delay` or `Retry-After` is waited for at most."""
_ACCEPTED = {"Accept": "text/html,application/xhtml+xml,application/pdf;q=0.9,text/plain;q=0.8,*/*;q=0.5"}
_TRY_AGAIN = frozenset({408, 425, 429, *range(500, 600)})


class Fetcher:
    """The requests of one sync; may be used by as many threads as `options.concurrency`. Close it after use."""

    def __init__(
        self,
        guard: UrlGuard,
        options: WebOptions,
        folder: Path,
        *,
        robots: Mapping[str, Robots] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.ends_at = time.monotonic() + options.max_seconds
        self.received = 0
        """Bytes of all bodies as sent."""
        self._options = options
        self._folder = folder
        self._limits = Limits(options.max_bytes, options.timeout)
        self._all = [GuardedClient(guard, self._limits, ssl_context=ssl_context) for _ in range(options.concurrency)]
        self._free: SimpleQueue[GuardedClient] = SimpleQueue()
        for client in self._all:
            self._free.put(client)
        self._pace = _Pace(options.delay)
        self._robots: dict[str, Robots | FetchFailed | RefusedUrl] = dict(robots or {})
        for each in (robots or {}).values():
            self._pace.slow_down(min(each.crawl_delay, LONGEST_WAIT))
        self._names = itertools.count()
        self._lock = threading.Lock()

    def fetch(self, url: str, headers: Mapping[str, str] | None = None, limits: Limits | None = None) -> Response:
        """The response to one address: not a redirect's target. The caller deletes its body.

        Raises `RefusedUrl` and `FetchFailed`; a fault of the server is one when it stays after the retries.
        """
        for attempt in itertools.count():
            try:
                response = self._once(url, {**_ACCEPTED, **(headers or {})}, limits)
                if response.status not in _TRY_AGAIN:
                    return response
                failure = _server_fault(response)
                asked = _retry_after(response.headers.get("retry-after", ""))
            except FetchFailed as error:
                failure, asked = error, 0.0
            if asked > LONGEST_WAIT:
                raise FetchFailed("asked_to_wait", f"The server asks to come back in {asked:,.0f} seconds.")
            wait = max(asked, self._options.retry_wait * 2**attempt)
            too_long = time.monotonic() + wait > self.ends_at
            if not failure.transient or attempt >= self._options.retries or too_long:
                raise failure
            self._pace.pause(wait) if asked else self._pace.rest(wait)
        raise AssertionError("unreachable")

    def fetch_following(self, url: str, may_follow: Callable[[str], bool], limits: Limits | None = None) -> Response:
        """The response at the end of an address's redirects, each of which `may_follow` is asked about.

        Raises what `fetch` raises, and `FetchFailed`: `redirect_loop` for redirects that do not end, `redirect_outside`
        for one that may not be followed.
        """
        seen = {url}
        while True:
            response = self.fetch(url, limits=limits)
            if response.status not in REDIRECTS:
                return response
            target = redirect_target(response) or ""
            if target in seen or len(seen) > MOST_REDIRECTS:
                raise FetchFailed("redirect_loop", f"{shown(url)} redirects in a circle or too often.", transient=False)
            if not target or not may_follow(target):
                leads = shown(target or response.headers.get("location", "")) or "nowhere"
                raise FetchFailed("redirect_outside", f"{shown(url)} redirects to {leads}.", transient=False)
            seen.add(target)
            url = target

    def robots(self, url: str) -> Robots:
        """The robots.txt of the address's host, asked for once.

        Raises `FetchFailed` (`robots_unreadable`) where the server fails to give it, which forbids everything, and
        `RefusedUrl`.
        """
        origin = "/".join(url.split("/", 3)[:3])
        if origin not in self._robots:
            try:
                self._robots[origin] = found = self._read_robots(origin)
                self._pace.slow_down(min(found.crawl_delay, LONGEST_WAIT))
            except (FetchFailed, RefusedUrl) as error:
                self._robots[origin] = error
        robots = self._robots[origin]
        if isinstance(robots, Exception):
            raise robots
        return robots

    @property
    def known_robots(self) -> Mapping[str, Robots]:
        """What was read of robots.txt, by origin."""
        return {origin: robots for origin, robots in self._robots.items() if isinstance(robots, Robots)}

    def halt(self) -> None:
        """Send nothing more: what is under way ends, what waits for its turn fails."""
        self.ends_at = 0.0
        self._pace.end()

    def close(self) -> None:
        """Close all connections."""
        for client in self._all:
            client.close()

    def _once(self, url: str, headers: Mapping[str, str], limits: Limits | None) -> Response:
        limits = limits or self._limits
        client = self._free.get()
        body = self._folder / f"body-{next(self._names)}"
        try:
            self._pace.wait(self.ends_at)
            left = self.ends_at - time.monotonic()
            if left <= 0:
                raise FetchFailed("time_is_up", "The time for the whole sync is over.", transient=False)
            response = client.get(url, body, headers, Limits(limits.body_bytes, min(limits.seconds, left)))
        except (FetchFailed, RefusedUrl):
            body.unlink(missing_ok=True)
            raise
        finally:
            self._free.put(client)
        with self._lock:
            self.received += response.received
        return response

    def _read_robots(self, origin: str) -> Robots:
        host = origin.partition("://")[2]
        limits = Limits(LARGEST_ROBOTS_BYTES, self._options.timeout)
        try:
            response = self.fetch_following(
                f"{origin}/robots.txt", lambda target: target.partition("://")[2].partition("/")[0] == host, limits
            )
        except FetchFailed as error:
            if error.code in ("redirect_outside", "redirect_loop"):
                return Robots()
            if error.code == "too_large":
                return FORBIDDEN
            message = f"{origin}/robots.txt cannot be read, so nothing may be asked for: {error.message}"
            raise FetchFailed("robots_unreadable", message, transient=False) from error
        if response.body is None:
            return FORBIDDEN if response.status in (401, 403) else Robots()
        text = response.body.read_text("utf-8", "replace")
        response.body.unlink()
        return robots_of(text)


class _Pace:
    """Keeps requests apart in time, over all threads."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._next = 0.0
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def slow_down(self, delay: float) -> None:
        """Keep at least so many seconds between requests from now on."""
        with self._lock:
            if delay > self._delay:
                self._delay = delay
                self._next = max(self._next, time.monotonic() + delay)

    def pause(self, seconds: float) -> None:
        """Send no request for so many seconds."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def wait(self, ends_at: float) -> None:
        """Take the next turn and wait for it, though not beyond `ends_at`."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._delay
        self.rest(min(turn, ends_at) - time.monotonic())

    def rest(self, seconds: float) -> None:
        """Do nothing for so long, or until `end`."""
        self._ended.wait(max(0.0, seconds))

    def end(self) -> None:
        """Let nobody rest any longer."""
        self._ended.set()


def redirect_target(response: Response) -> str | None:
    """The normalised address that a redirect leads to; None if it is no web address."""
    location = response.headers.get("location", "").strip()
    return normalised(location, response.url) if location else None


def _server_fault(response: Response) -> FetchFailed:
    if response.status == 429:
        return FetchFailed("too_many_requests", "The server asks for fewer requests (429): raise -o delay=…")
    return FetchFailed("server_error", f"The server answers {response.status}.")


def _retry_after(value: str) -> float:
    """Seconds that a `Retry-After` header asks for; 0 if none."""
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
