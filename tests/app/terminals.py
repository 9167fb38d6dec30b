"""A program at a terminal (a pty), for tests that type at it and read what it shows."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

from tests.conftest import ROOT

WAIT_S = 60
READ_S = 0.3
"""In which a program has read a key that it waited for."""
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A program in a terminal of its own, typed at and read."""

    def __init__(self, env, *command):
        self._mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        command = [sys.executable, "-c", TAKE_TERMINAL, *command]
        env = env | {"TERM": "xterm"}
        self._process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=ROOT, start_new_session=True)  # fmt: skip
        os.close(theirs)
        self.seen = ""

    def until(self, text, within_s=WAIT_S):
        """What is shown up to this text, from where it was read last."""
        give_up = time.monotonic() + within_s
        while text not in self.seen:
            ready, _, _ = select.select([self._mine], [], [], max(0, give_up - time.monotonic()))
            assert ready, f"{text!r} was not shown in {self.seen[-2000:]!r}"
            try:
                self.seen += os.read(self._mine, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
            except OSError:
                raise AssertionError(f"it ended before {text!r}: {self.seen[-2000:]!r}") from None
        before, self.seen = self.seen.split(text, 1)
        return before + text

    def type(self, line, end="\n"):
        os.write(self._mine, (line + end).encode())

    def ask(self, line, shown):
        self.type(line)
        return self.until(shown)

    def press_until(self, key, shown, every_s=3):
        """A key, again while nothing comes, as a person would.

        CPython loses a Ctrl-C between showing a prompt and waiting for a key; and where the terminal throws away with
        it what readline was about to read, readline waits for another character before it looks at the Ctrl-C.
        """
        for attempt in range(WAIT_S // every_s):
            if attempt:
                self.type(" ", end="")
                time.sleep(READ_S)
            self.type("", end=key)
            if select.select([self._mine], [], [], every_s)[0]:
                try:
                    return self.until(shown, within_s=every_s)
                except AssertionError:
                    assert self._process.poll() is None
        raise AssertionError(f"{shown!r} was not shown in {self.seen[-2000:]!r}")

    def ended(self):
        """The exit code."""
        give_up = time.monotonic() + WAIT_S
        while self._process.poll() is None and time.monotonic() < give_up:
            if select.select([self._mine], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self._mine, 65536).decode("utf-8", "replace")
                except OSError:
                    self._process.wait(WAIT_S)
        return self._process.returncode

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._mine)
