"""Specifications become SVG, one at a time, in a process that is started on demand and ended when it takes too long."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

from app.errors import ChartUnavailable
from app.verbalising.charts.svg import UnsafeSvg, served

_log = logging.getLogger("answerable.charts")

RENDER_S: Final = 10.0
"""Seconds that a chart may take; the first one of a process takes half of one, the next ones 60 ms."""
WAIT_S: Final = 5.0
"""Seconds to wait for another chart to be finished."""
KEPT: Final = 64
"""Rendered charts kept, the last ones used."""
MOST_BYTES: Final = 4_000_000
_SCRIPT = Path(__file__).with_name("process.py")
_NEVER = frozenset({"url", "href", "expr", "signal", "calculate", "labelExpr", "usermeta"})
"""What no chart of ours has: addresses and expressions."""
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "FONTCONFIG_PATH", "FONTCONFIG_FILE")


def digest(spec: dict[str, Any]) -> str:
    """A name for a specification: the same for the same picture."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True, ensure_ascii=True).encode()).hexdigest()[:32]


class ChartRenderer:
    """Renders charts and keeps the last ones. Thread-safe."""

    def __init__(self, *, command: list[str] | None = None, render_s: float = RENDER_S, wait_s: float = WAIT_S) -> None:
        self._command = command or [sys.executable, "-I", str(_SCRIPT)]
        self._render_s = render_s
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def svg(self, spec: dict[str, Any]) -> str:
        """The picture of a Vega-Lite specification; raises `ChartUnavailable`."""
        if _has(spec, _NEVER):
            _log.error("a chart with an address or an expression was refused")
            raise _unavailable()
        name = digest(spec)
        if not self._lock.acquire(timeout=self._wait_s):
            raise ChartUnavailable("Other charts are being drawn.", hint="Try again in a few seconds.")
        try:
            if name not in self._kept:
                self._kept[name] = self._rendered(spec)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(name)
            return self._kept[name]
        finally:
            self._lock.release()

    def prepare(self) -> None:
        """Have a process started, in the background, as a chart will be asked for soon; returns at once."""
        if not self._closed and not self._lock.locked() and not self._runs():
            threading.Thread(target=self._start_ahead, name="chart", daemon=True).start()

    def close(self) -> None:
        """End the process, and with it a rendering that it is at; no other is started."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._end()

    def _start_ahead(self) -> None:
        """Start the process if there is none and nobody is drawing: whoever draws starts it."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if not self._runs():
                self._end()
                self._started()
        except (OSError, EOFError) as error:  # then the chart that is asked for says so
            _log.warning("charts could not be prepared: %s", error)
        finally:
            self._lock.release()

    def _rendered(self, spec: dict[str, Any]) -> str:
        request = json.dumps(spec).encode() + b"\n"
        try:
            reply = self._exchanged(request)
            svg = json.loads(reply).get("svg")
        except (OSError, EOFError, ValueError) as error:
            self._end()
            _log.error("a chart was not drawn within %.0f s: %s: %s", self._render_s, type(error).__name__, error)
            raise ChartUnavailable(
                "The chart could not be drawn in time.", hint="The table has its numbers."
            ) from error
        if not isinstance(svg, str):
            _log.error("a chart was not drawn: %s", reply[:300])
            raise _unavailable()
        try:
            return served(svg, str(spec.get("title", "")), str(spec.get("description", "")))
        except UnsafeSvg as error:
            _log.error("a chart was not served: %s", error)
            raise _unavailable() from error

    def _exchanged(self, request: bytes) -> bytes:
        """The reply to a request; a process that left meanwhile is started once more."""
        until = time.monotonic() + self._render_s
        if self._process is not None:
            try:
                return self._asked(self._process, request, until)
            except (BrokenPipeError, EOFError):
                self._end()
        return self._asked(self._started(), request, until)

    def _runs(self) -> bool:
        process = self._process
        return process is not None and process.poll() is None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise EOFError("charts are closed")
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"TZ": "UTC", "LANG": "C.UTF-8"},
        )
        return self._process

    @staticmethod
    def _asked(process: subprocess.Popen[bytes], request: bytes, until: float) -> bytes:
        """One line out for one line in; a process that does not read or write is killed at `until`."""
        assert process.stdin is not None and process.stdout is not None
        timer = threading.Timer(max(0.0, until - time.monotonic()), process.kill)
        timer.start()
        try:
            process.stdin.write(request)
            process.stdin.flush()
            reply = process.stdout.readline(MOST_BYTES)
        finally:
            timer.cancel()
        if not reply.endswith(b"\n"):
            raise EOFError("the process has ended, or its picture is too large")
        return reply

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was still to be written goes nowhere
                    pipe.close()


def _unavailable() -> ChartUnavailable:
    return ChartUnavailable("The chart could not be drawn.", hint="The table has its numbers.")


def _has(value: Any, keys: frozenset[str]) -> bool:
    """Whether one of the keys is anywhere in a specification."""
    if isinstance(value, dict):
        return any(key in keys or _has(item, keys) for key, item in value.items())
    return isinstance(value, list | tuple) and any(_has(item, keys) for item in value)
