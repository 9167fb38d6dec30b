"""A bounded queue of what is to be sent, each thing tried again for a while, from a thread of its own.

With a place to keep them (`KeptDeliveries`) things are sent by a later process if this one ends first, and tried for a
day if the other side is down for long.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from app.ops.kept_deliveries import KeptDeliveries

_log = logging.getLogger("answerable.outbox")

QUEUED = 100
CLOSING_S = 5.0
LOOK_S = 60.0
"""Seconds between looks at what other processes left, or this one when it was tried in vain."""
PAUSE_S = 900.0
"""Seconds for which a thing is left alone when every try has failed."""
T = TypeVar("T")
Try = Callable[[], tuple[str, bool]]
"""One try: what went wrong, empty for nothing, and whether to try again."""
_Entry = tuple[str, T] | None
"""A delivery's id and what it is; None to look at what is kept, and to end."""


class Outbox(ABC, Generic[T]):
    """Sends things one after the other. Thread-safe."""

    def __init__(self, name: str, pauses_s: Sequence[float], kept: KeptDeliveries | None = None) -> None:
        """`name` of the thread; `pauses_s`: seconds before the second, third … try."""
        self._name = name
        self._pauses_s = tuple(pauses_s)
        self._kept = kept
        self._queue: queue.Queue[_Entry[T]] = queue.Queue(maxsize=QUEUED)
        self._lock = threading.Lock()
        self._sender: threading.Thread | None = None
        self._closing = threading.Event()
        self.sent = 0
        self.dropped = 0
        """Things that were given up: the queue was full, every try failed, or another one would be in vain."""

    @abstractmethod
    def _prepared(self, item: T, delivery: str) -> Try:
        """What tries to send a thing; whatever it sends is the same each time, with the delivery's id in it."""

    @abstractmethod
    def _called(self, item: T) -> str:
        """How a log calls a thing; nothing of what it says."""

    @abstractmethod
    def _packed(self, item: T) -> bytes:
        """A thing as it is kept."""

    @abstractmethod
    def _unpacked(self, content: bytes) -> T:
        """A thing that was kept; raises `ValueError`."""

    def resume(self) -> None:
        """Send what an earlier process has left, and what others leave; for a process that stays."""
        if self._kept is not None:
            self._start()

    def _put(self, item: T) -> bool:
        """Queue a thing; returns at once and never raises. False if there are too many."""
        delivery = uuid.uuid4().hex
        entry: _Entry[T] = (delivery, item)
        try:
            if self._kept is not None:
                if not self._kept.keep(delivery, self._packed(item)):
                    self._drop(item, "too many are kept already")
                    return False
                entry = None
        except Exception as error:  # noqa: BLE001 - what cannot be kept is sent all the same
            _log.error("%s is not kept: %s", self._called(item), type(error).__name__)
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            if entry is not None:
                self._drop(item, "the queue is full")
                return False
        self._start()
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

    def _start(self) -> None:
        with self._lock:
            if self._sender is None:
                self._sender = threading.Thread(target=self._send_all, name=self._name, daemon=True)
                self._sender.start()

    def _send_all(self) -> None:
        while True:
            self._send_kept()
            try:
                entry = self._queue.get(timeout=LOOK_S if self._kept is not None else None)
            except queue.Empty:
                continue
            if entry is not None:
                self._send(*entry)
            elif self._closing.is_set() and self._queue.empty():
                self._send_kept()
                return

    def _send_kept(self) -> None:
        """Send whatever is kept and nobody is sending, oldest first."""
        if self._kept is None:
            return
        try:
            while (taken := self._kept.take()) is not None:
                delivery, content = taken
                try:
                    item = self._unpacked(content)
                except ValueError:
                    _log.error("what is kept for %s under %s cannot be read and is deleted", self._name, delivery)
                    self._forget(delivery)
                    continue
                if not self._send(delivery, item) and self._closing.is_set():
                    return  # the next process goes on
        except Exception as error:  # noqa: BLE001 - looked at again in a while
            _log.error("what is kept for %s cannot be sent: %s", self._name, type(error).__name__)

    def _send(self, delivery: str, item: T) -> bool:
        """Send a thing, or give it up; False if it is left for later."""
        try:
            failure, again = self._failure(item, delivery)
        except Exception as error:  # noqa: BLE001 - what cannot be sent must not keep back the next
            failure, again = type(error).__name__, False
        if not failure:
            self.sent += 1
        elif again and self._is_left(delivery):
            _log.warning("%s was not sent yet: %s", self._called(item), failure)
            return False
        else:
            self._drop(item, failure)
        self._forget(delivery)
        return True

    def _failure(self, item: T, delivery: str) -> tuple[str, bool]:
        """Why a thing could not be sent, empty for one that was; and whether it could be later."""
        attempt = self._prepared(item, delivery)
        for pause_s in (*self._pauses_s, None):
            failure, again = attempt()
            if not failure or pause_s is None or not again or self._closing.wait(pause_s):
                break
        return failure, again

    def _is_left(self, delivery: str) -> bool:
        """Whether a thing is left for later; this process may be ending, and the next one tries at once."""
        try:
            pause_s = 0.0 if self._closing.is_set() else PAUSE_S
            return self._kept is not None and self._kept.leave(delivery, pause_s=pause_s)
        except Exception as error:  # noqa: BLE001 - it is free again when its time is over
            _log.error("what is sent cannot be kept: %s", type(error).__name__)
            return True

    def _forget(self, delivery: str) -> None:
        try:
            if self._kept is not None:
                self._kept.forget(delivery)
        except Exception as error:  # noqa: BLE001 - it is sent once more, under the same id
            _log.error("what was sent is still kept: %s", type(error).__name__)

    def _drop(self, item: T, why: str) -> None:
        with self._lock:
            self.dropped += 1
        _log.error("%s was not sent: %s", self._called(item), why)
