"""The description file of a source as it is now, and saving another one.

A file of the operator's own is read and never written: what is saved is kept under the home folder and is in force from
then on, until somebody gives a file with `answerable ingest add … --describe FILE` again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from app.errors import AppError, EditedMeanwhile, InvalidRequest
from app.ops.ingest_history import Job
from app.ops.ingest_jobs import IngestJobs
from ingest.described import description_file
from ingest.errors import DescriptionError
from ingest.layout import Layout
from ingest.request import request_of
from ingest.stores.descriptions import KEPT, content_hash, keep_description

if TYPE_CHECKING:
    from ingest.stores.manifest import SourceEntry
    from ingest.stores.snapshot import Store

MOST_CHARACTERS = 500_000
"""Of a description that is edited in a browser."""


class CurrentDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A description file as it was read."""

    text: str
    hash: str
    """SHA-256 of its bytes; of nothing where there is no file."""
    origin: Literal["edited", "file", "none"]
    """Saved in the service, a file of the operator's own, or not there."""
    path: str | None
    in_force: bool
    """Whether it is what the last sync applied."""


def current_description(entry: SourceEntry, layout: Layout, applied: str) -> CurrentDescription:
    """The description of a source; `applied` is the hash that its segment records. Raises `AppError`."""
    try:
        path = description_file(request_of(entry), layout)
    except DescriptionError as error:
        raise AppError(error.message, hint=error.hint, code=error.code) from error
    if path is None:
        return CurrentDescription(text="", hash=content_hash(b""), origin="none", path=None, in_force=applied == "")
    content = _read(path)
    origin: Literal["edited", "file"] = "edited" if (entry.description_path or "").startswith(KEPT) else "file"
    digest = content_hash(content)
    return CurrentDescription(
        text=content.decode("utf-8-sig"), hash=digest, origin=origin, path=str(path), in_force=digest == applied
    )


def save_description(
    text: str, name: str, *, expected: str, store: Store, layout: Layout, jobs: IngestJobs, by: str | None
) -> Job:
    """Keep a description that was checked, and begin the sync that applies it.

    `expected` is the hash of the one that was edited. Raises `EditedMeanwhile` if that is another one by now, and
    `IngestBusy`.
    """

    def arguments() -> list[str]:
        source = store.snapshot().sources.get(name)
        if source is None:
            raise EditedMeanwhile("The source was removed.", hint="Add it again first.")
        now = current_description(source.entry, layout, source.segment.inputs.get("description", ""))
        if now.hash != expected:
            raise EditedMeanwhile(
                "Somebody saved another version while you were editing.", hint="Compare the two, then save again."
            )
        kept = keep_description(layout, name, text.encode(), source.entry.description_path)
        return ["sync", name, f"--describe={kept}"]

    return jobs.start("describe", name, arguments, by=by)


def _read(path: Path) -> bytes:
    """The bytes of a description file that can be edited as text. Raises `AppError`."""
    try:
        with path.open("rb") as stream:
            content = stream.read(4 * MOST_CHARACTERS + 1)
        if len(content.decode("utf-8-sig")) > MOST_CHARACTERS:
            raise InvalidRequest(f"{path} is too large to be edited here.", hint="Edit the file, then sync the source.")
    except OSError as error:
        raise AppError(
            f"{path} cannot be read: {error.strerror}.", code="description_error",
            hint="Let the service's user read it, or name another file with `answerable ingest add … --describe`.",
        ) from error  # fmt: skip
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    return content
