"""A bounded queue of what is to be sent, each thing tried again for a while, from a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

_log = logging.getLogger("answerable.outbox")

QUEUED = 100
CLOSING_S = 5.0
T = TypeVar("T")
Try = Callable[[], tuple[str, bool]]
"""One try: what went wrong, empty for nothing, and whether to try again."""


class Outbox(ABC, Generic[T]):
    """Sends things one after the other. Thread-safe."""

    def __init__(self, name: str, pauses_s: Sequence[float]) -> None:
        """`name` of the thread; `pauses_s`: seconds before the second, third … try."""
        self._name = name
        self._pauses_s = tuple(pauses_s)
        self._queue: queue.Queue[T | None] = queue.Queue(maxsize=QUEUED)
        self._lock = threading.Lock()
        self._sender: threading.Thread | None = None
        self._closing = threading.Event()
        self.sent = 0
        self.dropped = 0
        """Things that were given up: the queue was full, every try failed, or another one would be in vain."""

    @abstractmethod
    def _prepared(self, item: T) -> Try:
        """What tries to send a thing; whatever it sends is the same each time."""

    @abstractmethod
    def _called(self, item: T) -> str:
        """How a log calls a thing; nothing of what it says."""

    def _put(self, item: T) -> bool:
        """Queue a thing; returns at once and never raises. False if the queue is full."""
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self._drop(item, "the queue is full")
            return False
        with self._lock:
            if self._sender is None:
                self._sender = threading.Thread(target=self._send_all, name=self._name, daemon=True)
                self._sender.start()
        return True

    def close(self, *, wait_s: float = CLOSING_S) -> None:
        """Try what is queued once more, without pauses, for at most `wait_s` seconds."""
        self._closing.set()
        sender = self._sender
        if sender is None:
            return
        until = time.monotonic() + wait_s
        try:
            self._queue.put(None, timeout=wait_s)
        except queue.Full:
            return  # the thread is a daemon: it ends with the process
        sender.join(max(0.0, until - time.monotonic()))

    def _send_all(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                failure = self._failure(item)
            except Exception as error:  # noqa: BLE001 - what cannot be sent must not keep back the next
                failure = type(error).__name__
            if failure:
                self._drop(item, failure)
            else:
                self.sent += 1

    def _failure(self, item: T) -> str:
        """Why a thing could not be sent; empty for one that was."""
        attempt = self._prepared(item)
        for pause_s in (*self._pauses_s, None):
            failure, again = attempt()
            if not failure or pause_s is None or not again or self._closing.wait(pause_s):
                break
        return failure

    def _drop(self, item: T, why: str) -> None:
        with self._lock:
            self.dropped += 1
        _log.error("%s was not sent: %s", self._called(item), why)
