"""The command in a process of its own, forked from one that has imported it: a start costs a tenth of the time.

Hundreds of tests start a server or run a command, and half of their time was spent importing the same modules. What a
start imports, how long it takes and what a new interpreter lacks is shown by tests that ask for a fresh process.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-m", "app.cli")


class Forked:
    """A running command; the part of `subprocess.Popen` that tests use."""

    def __init__(self, pid: int, arguments: Sequence[str], end: int) -> None:
        self.pid = pid
        self.args = arguments
        self.returncode: int | None = None
        self._end = end

    def poll(self) -> int | None:
        """The return code if it has ended; negative: the signal that ended it."""
        return self._returned(0)

    def wait(self, timeout: float | None = None) -> int:
        """The return code; raises `subprocess.TimeoutExpired`."""
        code = self._returned(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _returned(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._end], [], [], timeout)[0]:
            status = os.read(self._end, 64)
            os.close(self._end)
            self.returncode = os.waitstatus_to_exitcode(int(status)) if status else -signal.SIGKILL
        return self.returncode


class ForkServer:
    """The process to fork from, and how it is asked."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())]
        self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()])
        theirs.close()
        self.user = os.geteuid()
        self._asked = ours
        self._lock = threading.Lock()
        atexit.register(self._close)

    def _close(self) -> None:
        self._asked.close()
        self._process.wait()

    def start(self, arguments: Sequence[str], env: dict[str, str], streams: tuple[int, int, int]) -> Forked:
        """The command with these arguments, in the project's root."""
        read, write = os.pipe()
        message = json.dumps({"arguments": arguments, "env": env}).encode()
        try:
            with self._lock:
                socket.send_fds(self._asked, [message], [*streams, write])
                pid = int(self._asked.recv(64))
        finally:
            os.close(write)
        return Forked(pid, arguments, read)


Process = Forked | subprocess.Popen[bytes]


@cache
def fork_server() -> ForkServer:
    """The one of this process of tests."""
    return ForkServer()


def start(arguments: Sequence[str], env: dict[str, str], stderr: IO[str], *, fresh: bool = False) -> Process:
    """Start the command; its errors go to a file."""
    if fresh or _is_somebody_else():
        return subprocess.Popen([*COMMAND, *arguments], cwd=ROOT, env=env, stderr=stderr)
    return fork_server().start(arguments, env, (0, 1, stderr.fileno()))


def run(
    arguments: Sequence[str], env: dict[str, str], *, timeout: float, fresh: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; raises `subprocess.TimeoutExpired`."""
    if fresh or _is_somebody_else():
        command = [*COMMAND, *arguments]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = fork_server().start(arguments, env, (0, out.fileno(), err.fileno()))
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(arguments, code, out.read(), err.read())


def _is_somebody_else() -> bool:
    """Whether the test has given up the rights that the process to fork from has."""
    return os.geteuid() != fork_server().user
