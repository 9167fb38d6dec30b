"""Office files are zip archives: their directory is checked before anything in them is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from connectors.formats.source_file import UnreadableItem

LARGEST_UNPACKED_BYTES = 1 << 30
"""Sum of the unpacked sizes that an archive may declare."""
HIGHEST_RATIO = 200
"""Unpacked to packed bytes of an archive; real sheets and documents stay under about 50."""
RATIO_FREE_BYTES = 10 << 20
"""Archives that unpack to less than this are harmless whatever their ratio."""
MOST_ENTRIES = 20_000
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"  # Office files with a password are wrapped in an OLE container


def checked_archive(location: Path, must_hold: str) -> zipfile.ZipFile:
    """Open an Office file after checking it; the caller closes it.

    Args:
        location: The file.
        must_hold: Entry that proves the type, e.g. `xl/workbook.xml`.

    Raises:
        UnreadableItem: `empty_file`, `encrypted_file`, `corrupt_file` or `zip_bomb`.

    """
    with location.open("rb") as stream:
        head = stream.read(4)
    if not head:
        raise UnreadableItem("empty_file", "The file is empty.")
    if head == _OLE_MAGIC:
        message = (
            "The file has a password or is of the old Office format: save it without a password in the new format."
        )
        raise UnreadableItem("encrypted_file", message)
    try:
        archive = zipfile.ZipFile(location)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        message = f"The file is damaged ({error}): open it in its own program and save it again."
        raise UnreadableItem("corrupt_file", message) from error
    try:
        _refuse_bomb(archive)
        _refuse_damage(archive, must_hold)
    except UnreadableItem:
        archive.close()
        raise
    return archive


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    too_dense = unpacked > RATIO_FREE_BYTES and unpacked > HIGHEST_RATIO * packed
    if unpacked > LARGEST_UNPACKED_BYTES or too_dense or len(entries) > MOST_ENTRIES:
        message = (
            f"The file would unpack from {packed >> 10} KB to {unpacked >> 20} MB in {len(entries)} parts and was not "
            f"opened (limits: {LARGEST_UNPACKED_BYTES >> 20} MB, a factor of {HIGHEST_RATIO}): save it again in its "
            "own program, or split it."
        )
        raise UnreadableItem("zip_bomb", message)


def _refuse_damage(archive: zipfile.ZipFile, must_hold: str) -> None:
    """Check sums of all parts, so that a damaged file is found before any of it is yielded."""
    import zlib

    if must_hold not in archive.namelist():
        raise UnreadableItem("corrupt_file", f"The file lacks {must_hold}: it is not of the type that its name says.")
    try:
        damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise UnreadableItem("corrupt_file", f"The file is damaged ({error}): restore or save it again.") from error
    if damaged:
        raise UnreadableItem("corrupt_file", f"The file is damaged in {damaged}: restore or save it again.")
