"""What can go wrong while ingesting, or with the stores, as one tree.

IngestError                code, message, hint
├── SourceExists           the name is taken by a source at another location
├── SourceRefused          a source that may not be added over HTTP
├── UnknownSource          no source of that name; the hint lists the known ones
├── IngestBusy             another process ingests into the same home
├── HomeNotWritable        the home folder cannot be made or written
├── DiskFull               no space left; the stores are as they were
├── DetectionFailed        personal data could not be looked for; nothing is stored unexamined
│   └── ScrubOptionWrong   the option scrub is neither true nor false (ingest/scrub.py)
├── DescriptionError       the description file is wrong: file, line, remedy
├── WrongInterval          an interval of a schedule that cannot be read
├── NothingToRollBackTo    there is no earlier manifest whose segments are still there
└── StoreError             what is stored cannot be read
    ├── ManifestCorrupt    the current manifest is missing or damaged
    ├── SegmentCorrupt     a segment's files differ from its checksums
    └── SegmentTooNew      written by a later version of the software
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DISK_FULL = re.compile(
    r"no space left on device|disk is full|disk full|disk quota exceeded|os error 28\b|errno 28\b|out of disk space",
    re.IGNORECASE,
)


class IngestError(Exception):
    """Ingest stopped. `code` is stable; `hint` says what to do. The published stores are as they were."""

    code = "ingest_error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SourceExists(IngestError):
    """The name belongs to a source at another location."""

    code = "source_exists"


class SourceRefused(IngestError):
    """A location or option that may not be given from elsewhere."""

    code = "source_refused"


class UnknownSource(IngestError):
    """There is no source of that name."""

    code = "unknown_source"

    def __init__(self, name: str, known: list[str]) -> None:
        listed = f"Known sources: {', '.join(sorted(known))}." if known else "No source was added yet."
        super().__init__(f"There is no source named {name!r}.", hint=listed)


class IngestBusy(IngestError):
    """Another process is ingesting into the same home folder."""

    code = "ingest_busy"


class HomeNotWritable(IngestError):
    """The home folder cannot be made or written."""

    code = "home_not_writable"

    def __init__(self, home: Path, error: OSError) -> None:
        hint = "Set ANSWERABLE_HOME to a folder that this user may write."
        super().__init__(f"The home folder {home} cannot be written: {error.strerror}.", hint=hint)


class DiskFull(IngestError):
    """The disk filled up while a segment was built."""

    code = "disk_full"


class DetectionFailed(IngestError):
    """Personal data could not be looked for."""

    code = "detection_failed"


class DescriptionError(IngestError):
    """A description file cannot be used; the message names file and line."""

    code = "description_error"

    def __init__(self, message: str, *, hint: str = "", line: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        """Line of the file, from 1; None where the file as a whole is meant."""


class WrongInterval(IngestError):
    """An interval such as `1h` cannot be read."""

    code = "wrong_interval"


class NothingToRollBackTo(IngestError):
    """No earlier manifest can be published again."""

    code = "nothing_to_roll_back_to"


class StoreError(IngestError):
    """What is stored cannot be read."""

    code = "store_error"


class ManifestCorrupt(StoreError):
    """The current manifest is missing or damaged."""

    code = "manifest_corrupt"


class SegmentCorrupt(StoreError):
    """A segment's files differ from the sizes or checksums that were sealed."""

    code = "segment_corrupt"


class SegmentTooNew(StoreError):
    """A segment was written in a format that this version does not know."""

    code = "segment_too_new"


@contextmanager
def disk_full_reported(home: Path) -> Iterator[None]:
    """Turn any engine's way of saying that the disk is full into `DiskFull`.

    SQLite, DuckDB, tantivy, FAISS and the file system each raise something else, and some only a message.
    """
    try:
        yield
    except Exception as error:
        if not _says_disk_full(error):
            raise
        raise DiskFull(
            f"The disk that holds {home} is full. Nothing was published; the sources are as they were.",
            hint="Free some space, or set ANSWERABLE_HOME to a larger disk, and run the command again.",
        ) from error


def _says_disk_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in {28, 122}:  # ENOSPC, EDQUOT
            return True
        if _DISK_FULL.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False
