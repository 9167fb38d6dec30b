"""`answerable ingest …` in a process of its own, so that serving stays light and a crash there cannot hurt it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from app.settings import Settings
from ingest.request import shown_location

INGEST = (sys.executable, "-m", "app.cli", "ingest")
"""The command, whose sub-command and arguments follow."""
LONGEST_S = 6 * 3600.0
"""Seconds after which an ingest is stopped."""
_TERM_S = 5.0
_LONGEST_MESSAGE = 500
_LONGEST_HINT = 1000


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended. `code` is None if all went well, `stopped` if it was ended because the service ends."""

    code: str | None = None
    message: str = ""
    hint: str = ""
    said: Mapping[str, Any] = {}
    """The JSON object that the command printed when all went well."""


def run_ingest(command: Sequence[str], settings: Settings, stopping: threading.Event, given: str = "") -> Outcome:
    """Run a command with `--json` in the service's home until it ends, or `stopping` is set, or its time is up.

    `given` is what it reads from its standard input: an argument can be seen by every user of the machine.
    """
    whole = [*command, "--json", "--home", str(settings.home)]
    env = os.environ | {"ANSWERABLE_EMBEDDING_MODEL": settings.embedding_model}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as into:
        into.write(given.encode())
        into.seek(0)
        process = subprocess.Popen(
            whole, stdin=into, stdout=out, stderr=subprocess.DEVNULL, env=env, start_new_session=True
        )
        stopped = _wait(process, stopping)
        if stopped == "stopped":
            return Outcome(code=stopped, message="The service ended before it did.", hint="Start it again.")
        if stopped:
            return Outcome(code=stopped, message=f"The sync was stopped after {LONGEST_S / 3600:.0f} hours.")
        out.seek(0)
        return _outcome(out.read(), process.returncode)


def _wait(process: subprocess.Popen[bytes], stopping: threading.Event) -> str | None:
    give_up = time.monotonic() + LONGEST_S
    while process.poll() is None:
        if stopping.wait(0.1):
            _end(process)
            return "stopped"
        if time.monotonic() > give_up:
            _end(process)
            return "sync_too_long"
    return None


def _outcome(said: bytes, status: int) -> Outcome:
    """What the command printed as JSON: its result, or its error."""
    try:
        value = json.loads(said)
        if status == 0:
            value = value[0] if isinstance(value, list) and len(value) == 1 else value
            return Outcome(said=value if isinstance(value, dict) else {})
        error = value["error"]
        message, hint = (shown_location(str(error.get(name, ""))) for name in ("message", "hint"))
        return Outcome(code=str(error["code"]), message=message[:_LONGEST_MESSAGE], hint=hint[:_LONGEST_HINT])
    except (ValueError, KeyError, TypeError, AttributeError):
        if status == 0:
            return Outcome()
        crashed = f"The sync ended with status {status}; run `answerable ingest sync` to see why."
        return Outcome(code="sync_crashed", message=crashed)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started: first politely."""
    for kind, patience in ((signal.SIGTERM, _TERM_S), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, kind)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return
