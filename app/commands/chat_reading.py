"""The lines that are typed into a chat, or come through a pipe, and their history."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

PROMPT = "> "
MOST_LINES = 1000


def typed_lines(history: Path | None, greet: Callable[[], None]) -> Iterator[str]:
    """Each line; at a terminal with editing and history, where Ctrl-C drops the line and Ctrl-D ends."""
    if not sys.stdin.isatty():
        yield from (line.rstrip("\r\n") for line in sys.stdin)
        return
    greet()
    if history is not None:
        _recall(history)
    else:
        _with_editing()
    try:
        while True:
            try:
                yield input(PROMPT)
            except EOFError:
                print()  # noqa: T201 - the shell's prompt is to stand on a line of its own
                return
            except KeyboardInterrupt:
                print("\nCtrl-D ends.")  # noqa: T201
    finally:
        if history is not None:
            _keep(history)


def _with_editing() -> bool:
    """Whether lines can be edited: Python may be built without readline."""
    try:
        import readline  # noqa: F401
    except ImportError:
        return False
    return True


def _recall(history: Path) -> None:
    if not _with_editing():
        return
    import readline

    readline.clear_history()
    readline.set_history_length(MOST_LINES)
    if history.is_file():
        readline.read_history_file(history)


def _keep(history: Path) -> None:
    """Write the history so that only its owner can read it: questions may hold anything."""
    if not _with_editing():
        return
    import readline

    history.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(history, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    history.chmod(0o600)
    readline.write_history_file(history)
