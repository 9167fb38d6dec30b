"""One ingesting process per home. Readers never lock."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ingest.errors import HomeNotWritable, IngestBusy


@contextmanager
def ingest_lock(path: Path) -> Iterator[None]:
    """Hold the lock file; raises `IngestBusy`, naming the holder, if another process has it.

    The kernel frees the lock when the process ends, however it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _opened(path) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            raise IngestBusy(
                f"Another ingest is running into this home: {_holder(stream.read())}.",
                hint="Wait until it has finished, or stop it, and run the command again.",
            ) from error
        stream.seek(0)
        stream.truncate()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        json.dump({"pid": os.getpid(), "command": Path(sys.argv[0]).name, "started": started}, stream)
        stream.flush()
        yield


def leader_lock(path: Path) -> IO[str] | None:
    """The open lock file, held until it is closed or the process ends; None if another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = _opened(path)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream


def _opened(path: Path) -> IO[str]:
    try:
        return path.open("a+", encoding="utf-8")
    except PermissionError as error:
        raise HomeNotWritable(path.parent.parent, error) from error


def _holder(text: str) -> str:
    try:
        said = json.loads(text)
        return f"process {said['pid']} ({said['command']}), started {said['started']}"
    except (ValueError, KeyError, TypeError):
        return "a process that did not leave its name"
