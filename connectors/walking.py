"""The files of a folder in a stable order, never leaving the folder through links."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from connectors.base import Problem

_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "CVS", "bower_components", "venv", "__MACOSX"})
_SKIPPED_FILES = frozenset({"thumbs.db", "desktop.ini"})
# Description files belong to the source, not to its content; locks and write-ahead logs belong to another file.
_SKIPPED_SUFFIXES = (".yaml", ".yml", "-wal", "-shm", "-journal", ".wal", ".lock")


def walk(root: Path) -> Iterator[tuple[str, Path] | Problem]:
    """Yield `(path within root, location)` for each file under `root`, sorted by path, folder by folder.

    Hidden files, version control and package folders are left out quietly, as are links to folders that are met at
    their own place. A link that leads outside the folder, into
    a loop or nowhere is a `Problem`, as is a folder that cannot be listed.
    """
    yield from _walk_folder(root, "", root.resolve(), (root.resolve(),))


def is_left_out(path: str) -> bool:
    """Whether `walk` would leave a file out quietly, told from its path within the source alone."""
    *folders, name = path.split("/")
    if any(part.startswith((".", "~$")) for part in (*folders, name)) or not _SKIPPED_FOLDERS.isdisjoint(folders):
        return True
    return name.lower() in _SKIPPED_FILES or name.lower().endswith(_SKIPPED_SUFFIXES)


def _walk_folder(
    folder: Path, prefix: str, root: Path, above: tuple[Path, ...]
) -> Iterator[tuple[str, Path] | Problem]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Problem(prefix.rstrip("/") or ".", "unreadable", f"The folder cannot be listed: {error.strerror}.")
        return
    for entry in found:
        path = prefix + entry.name
        if _is_skipped(entry):
            continue
        if not _is_utf8(path):
            shown = path.encode("utf-8", "replace").decode()
            yield Problem(shown, "unreadable", "The file's name is not valid UTF-8: rename it.")
            continue
        target = Path(entry.path)
        if entry.is_symlink():
            fault = _link_fault(target, root, above)
            if fault:
                yield Problem(path, *fault)
                continue
        if _is_folder(target):
            if entry.is_symlink() and _is_walked_itself(target.resolve().relative_to(root)):
                continue
            yield from _walk_folder(target, path + "/", root, (*above, target.resolve()))
        elif _is_file(target):
            yield path, target


def _is_skipped(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    if name.startswith((".", "~$")):
        return True
    if _is_folder(entry.path):
        return name in _SKIPPED_FOLDERS
    return name.lower() in _SKIPPED_FILES or name.lower().endswith(_SKIPPED_SUFFIXES)


def _is_folder(path: str | Path) -> bool:
    """Whether it is a folder; no, rather than an error, for a link that may not be followed."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where the link's target may not be looked at


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - as above


def _is_walked_itself(within: Path) -> bool:
    """Whether the folder that a link leads to is met at its own place as well."""
    return not any(part.startswith(".") or part in _SKIPPED_FOLDERS for part in within.parts)


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _link_fault(link: Path, root: Path, above: tuple[Path, ...]) -> tuple[str, str] | None:
    """Code and message of what is wrong with a link, or None where it may be followed."""
    try:
        target = link.resolve(strict=True)
    except PermissionError:
        return "unreadable", "What the link leads to may not be looked at: give this user permission."
    except (OSError, RuntimeError):
        return "broken_link", "The link leads nowhere or to itself: remove it."
    if not target.is_relative_to(root):
        return (
            "link_outside",
            "The link leads outside the folder and was not followed: copy the file or add it on its own.",
        )
    if target in above:
        return "link_loop", "The link leads to a folder that holds it and was not followed."
    return None
