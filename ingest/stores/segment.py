"""Sealed segments: one source's stores, immutable, named by their content, with a checksum for every file.

A segment is built in a folder of its own, sealed (synced, hashed, described by `segment.json`) and renamed into place.
Nothing is ever written into it again.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ingest.errors import SegmentCorrupt, SegmentTooNew
from ingest.stores.durable import sync_folder, sync_tree, write_durably

FORMAT = 1
"""Version of the segment's files; raised when an older reader would misread them."""

PASSAGES = "passages.sqlite"
VECTORS = "vectors.npy"
VECTOR_INDEX = "vectors.faiss"
LEXICAL = "lexical"
TABLES = "tables.duckdb"
CATALOG = "catalog.json"
VALUES = "values.sqlite"
REPORT = "report.json"
NOTES = "connector.notes"
_INFO = "segment.json"
_BLOCK = 1 << 20


class SegmentFile(msgspec.Struct, frozen=True):
    """A file's SHA-256 (hex) and size in bytes."""

    sha256: str
    bytes: int


class SegmentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What `segment.json` holds."""

    id: str
    format: int = FORMAT
    source: str
    created_at: str
    builders: dict[str, str] = {}
    """Versions of what built it (`chunker`, `embedder`, …): a change of one rebuilds everything."""
    inputs: dict[str, str] = {}
    """What else decided its content: the description file's hash, the source's visibility."""
    counts: dict[str, int] = {}
    tables: dict[str, str] = {}
    """Fingerprint of each table's content by the connector's path."""
    files: dict[str, SegmentFile] = {}


class Segment(msgspec.Struct, frozen=True):
    """A sealed segment on disk."""

    path: Path
    info: SegmentInfo

    def has(self, name: str) -> bool:
        """Whether the segment holds that file or folder."""
        return name in self.info.files or any(each.startswith(name + "/") for each in self.info.files)

    def file(self, name: str) -> Path | None:
        """The path of a file or folder of the segment; None if it holds none of that name."""
        return self.path / name if self.has(name) else None


def seal(
    folder: Path,
    segments: Path,
    source: str,
    *,
    builders: Mapping[str, str],
    inputs: Mapping[str, str],
    counts: Mapping[str, int],
    tables: Mapping[str, str],
) -> Segment:
    """Make the files in `folder` a segment under `segments`, named by its content, and sync it to the disk."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    sync_tree(folder)
    files = _hashes(folder)
    info = SegmentInfo(
        id=segment_id(source, files),
        source=source,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        builders=dict(builders),
        inputs=dict(inputs),
        counts=dict(counts),
        tables=dict(tables),
        files=files,
    )
    write_durably(folder / _INFO, msgspec.json.format(msgspec.json.encode(info), indent=1))
    segments.mkdir(parents=True, exist_ok=True)
    target = segments / info.id
    if target.exists():
        shutil.rmtree(target)  # an earlier run sealed the same bytes and stopped before publishing them
    folder.rename(target)
    sync_folder(folder.parent)
    sync_folder(segments)
    return Segment(target, info)


def open_segment(path: Path, *, verify: bool = False) -> Segment:
    """Open the sealed segment at `path`.

    Sizes are always compared with what was sealed; with `verify` every file is read and its checksum compared.
    Raises `SegmentCorrupt`, or `SegmentTooNew` for one that a later version wrote.
    """
    info = _read_info(path)
    if info.format > FORMAT:
        raise SegmentTooNew(
            f"Segment {path.name} has format {info.format}; this version reads up to {FORMAT}.",
            hint="Upgrade Answerable, or roll back to an earlier manifest.",
        )
    if info.id != path.name or segment_id(info.source, info.files) != info.id:
        raise _corrupt(path, _INFO, "does not describe this segment")
    for name, sealed in info.files.items():
        _require_intact(path, name, sealed, verify)
    return Segment(path, info)


def segment_id(source: str, files: Mapping[str, SegmentFile]) -> str:
    """A segment's name: SHA-256 over its source's name and its files' checksums, 32 hex digits of it."""
    lines = [source, *(f"{name} {files[name].sha256} {files[name].bytes}" for name in sorted(files))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def _read_info(path: Path) -> SegmentInfo:
    try:
        return msgspec.json.decode((path / _INFO).read_bytes(), type=SegmentInfo)
    except OSError as error:
        raise _corrupt(path, _INFO, f"cannot be read ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _corrupt(path, _INFO, "is damaged") from error


def _require_intact(path: Path, name: str, sealed: SegmentFile, verify: bool) -> None:
    try:
        size = (path / name).stat().st_size
    except OSError as error:
        raise _corrupt(path, name, f"cannot be read ({error.strerror})") from error
    if size != sealed.bytes:
        raise _corrupt(path, name, f"has {size} bytes instead of {sealed.bytes}")
    if verify and _sha256(path / name) != sealed.sha256:
        raise _corrupt(path, name, "differs from its checksum")


def _corrupt(path: Path, name: str, what: str) -> SegmentCorrupt:
    hint = "Run `answerable ingest sync --rebuild` for this source, or `answerable ingest rollback`."
    return SegmentCorrupt(f"Segment {path.name} is damaged: {name} {what}.", hint=hint)


def _hashes(folder: Path) -> dict[str, SegmentFile]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): SegmentFile(_sha256(path), path.stat().st_size) for path in paths}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
