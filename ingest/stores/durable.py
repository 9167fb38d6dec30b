"""Writing that survives a crash: a file is either the old one or the new one, and what was synced stays."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(path: Path, content: bytes, *, private: bool = False) -> None:
    """Replace the file at `path` in one step: readers and a crash see the old or the new content, never a part.

    A private file can be read by its owner only.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        with os.fdopen(opened, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Wait until the file's content is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Wait until the folder's entries are on the disk."""
    sync_file(path)


def sync_tree(root: Path) -> None:
    """Wait until every file and folder under `root`, and `root` itself, is on the disk."""
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            sync_file(Path(folder, name))
        sync_folder(Path(folder))
