"""The steps over whole documents: repair their text, and collapse those that say the same."""

from __future__ import annotations

import hashlib

import numpy as np

from connectors.base import Document
from ingest.build import Build
from ingest.cleaning import clean, find_boilerplate
from ingest.duplicates import Candidate, find_duplicates, signature
from ingest.report import Severity
from ingest.staging import StagedDocument

_TOLD_REPAIRS = {
    "encoding": "Text that had been decoded wrongly was repaired.",
    "control_characters": "Control characters were removed.",
    "boilerplate": "Lines that many documents of the source share were removed.",
}
_TOLD_DUPLICATES = {
    "exact": "Says exactly the same as {kept}, which is searched in its stead.",
    "near": "Says nearly the same as {kept}, which is searched in its stead.",
    "version": "Reads like another version of {kept}, with other figures or terms. Both are searched.",
}


def clean_documents(build: Build) -> None:
    """Repair the text of every document that was read, and hash it."""
    paths = build.staging.read_paths()
    with build.step("clean"):
        build.boilerplate = _boilerplate(build, len(paths))
        for done, path in enumerate(paths, 1):
            _clean(build, path)
            build.hooks.on_progress("clean", done, len(paths))


def collapse_duplicates(build: Build) -> None:
    """Decide which documents stand for others; the others are stored but not searched."""
    with build.step("deduplicate"):
        headers = {header[0]: header for header in build.staging.headers()}
        candidates = [
            Candidate.of(
                path, content, np.frombuffer(signed, dtype=np.uint32), modified, metadata, build.visibility_of(path)
            )
            for path, content, signed, modified, metadata in headers.values()
            if content != content_hash(None, "")
        ]
        candidate_of = {each.path: each for each in candidates}
        for found in find_duplicates(candidates, build.staging.text):
            severity: Severity = "noted" if found.kind == "version" else "collapsed"
            message = _TOLD_DUPLICATES[found.kind].format(kept=found.kept)
            code = "document_versions" if found.kind == "version" else f"{found.kind}_duplicate"
            build.note("deduplicate", code, found.path, message, severity)
            if found.kind != "version":
                build.collapsed_into[found.path] = found.kept
            elif _proven_older(candidate_of[found.path], candidate_of[found.kept]):
                build.newer_version[found.path] = found.kept


def content_hash(title: str | None, text: str) -> str:
    """Identity of what is embedded of a document: SHA-256 (hex) of its title and cleaned text."""
    return hashlib.sha256(f"{title or ''}\0{text}".encode("utf-8", "replace")).hexdigest()


def _clean(build: Build, path: str) -> None:
    staged = build.staging.document(path)
    cleaned = clean(_as_document(staged), build.boilerplate)
    hashed = content_hash(staged.title, cleaned.text)
    build.staging.set_cleaned(path, cleaned.text, hashed, signature(cleaned.text).tobytes())
    for repair in cleaned.repairs:
        if repair in _TOLD_REPAIRS:
            severity: Severity = "noted" if repair == "boilerplate" else "repaired"
            build.note("clean", f"repaired_{repair}", path, _TOLD_REPAIRS[repair], severity)
    if not cleaned.text.strip():
        message = "The document has no text, so nothing of it is found."
        build.note("clean", "empty_document", path, message, "noted")


def _boilerplate(build: Build, read: int) -> frozenset[str]:
    """Lines to remove: found anew when most documents were read, else those of the last sync.

    A handful of changed documents proves nothing about what the whole source shares.
    """
    if build.previous is not None and 2 * read < build.staging.count():
        return build.previous.boilerplate()
    return find_boilerplate(build.staging.read_texts())


def _as_document(staged: StagedDocument) -> Document:
    return Document(
        path=staged.path,
        text=staged.text,
        title=staged.title,
        media_type=staged.media_type,
        fingerprint=staged.fingerprint,
        url=staged.url,
        metadata=staged.metadata,
    )


def _proven_older(one: Candidate, other: Candidate) -> bool:
    """Whether `other` is known to be the newer of two versions, rather than just the first by name."""
    if one.superseded != other.superseded:
        return one.superseded
    return bool(one.modified and other.modified and one.modified[:16] < other.modified[:16])
