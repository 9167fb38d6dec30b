"""One run's workbench: the folder that becomes the segment, what the last sync left, findings and timings."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from connectors.base import Problem
from ingest.builders import builder_versions
from ingest.description import Description
from ingest.embedder import Embedder, is_endpoint, open_embedder
from ingest.embedding.errors import EndpointRefused
from ingest.errors import StoreError
from ingest.hooks import IngestHooks, IngestOptions
from ingest.layout import Layout
from ingest.pii import Detector, open_detector
from ingest.previous import Previous
from ingest.report import Finding, PassageCounts, Severity
from ingest.request import SourceRequest
from ingest.scrub import Scrubber
from ingest.staging import Staging
from ingest.stores.catalog import Visibility
from ingest.stores.manifest import SourceEntry
from ingest.stores.segment import open_segment
from ingest.stores.tables import WrittenTable


@dataclass
class Build:
    """State of one run over one source; each step reads what the steps before it left here."""

    layout: Layout
    request: SourceRequest
    name: str
    kind: str
    entry: SourceEntry | None
    """The source as it is published now; None for a new one."""
    previous: Previous | None
    description: Description | None
    inputs: dict[str, str]
    folder: Path
    """What becomes the segment."""
    scratch: Path
    """Files that no segment holds; deleted with the run."""
    staging: Staging
    hooks: IngestHooks
    options: IngestOptions
    findings: list[Finding] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    tables: tuple[WrittenTable, ...] = ()
    boilerplate: frozenset[str] = frozenset()
    collapsed_into: dict[str, str] = field(default_factory=dict)
    """Path of a duplicate -> path of the document that stands for it."""
    newer_version: dict[str, str] = field(default_factory=dict)
    passages: PassageCounts = field(default_factory=PassageCounts)
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def keeps_previous(self) -> bool:
        """Whether items of the last segment can be copied into this one: they are of the same format."""
        before = self.previous.info.builders.get("format") if self.previous else None
        return before == builder_versions()["format"]

    @property
    def scrubs(self) -> bool:
        """Whether people's details are removed from documents before they are stored."""
        return "scrub" in self.inputs

    @property
    def newly_scrubbed(self) -> bool:
        """Whether earlier segments of the source hold details that this one must not."""
        scrubbed_before = self.previous is not None and "scrub" in self.previous.info.inputs
        return self.scrubs and self.entry is not None and not scrubbed_before

    @cached_property
    def scrubber(self) -> Scrubber:
        """What removes the details."""
        return Scrubber(lambda: self.detector)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Announce a step and add its time to the report."""
        self.hooks.on_step(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def note(self, stage: str, code: str, path: str, message: str, severity: Severity) -> None:
        """Add a finding to the report."""
        self.findings.append(Finding(code=code, path=path, message=message, severity=severity, stage=stage))

    def note_problem(self, stage: str, problem: Problem) -> None:
        """Add what a connector or the typing of a table said."""
        message = self.scrubber.scrubbed_texts([problem.message])[0] if self.scrubs else problem.message
        self.note(stage, problem.code, problem.path, message, problem.severity)

    @property
    def rebuilt(self) -> str | None:
        """Why everything of a known source is built anew; None if it is not."""
        if self.previous is None:
            return None
        if self.options.rebuild:
            return "asked for"
        before = self.previous.info.builders
        parts = [part for part, version in self.builders.items() if before.get(part, version) != version]
        return f"changed since the last sync: {', '.join(sorted(parts))}" if parts else None

    @cached_property
    def detector(self) -> Detector:
        """The detector of personal data; opened at the first passage that was not known."""
        return open_detector()

    def visibility_of(self, path: str) -> Visibility:
        """Who may see a document: what the description file says, else as its source."""
        described = self.description.document_visibility(path) if self.description else None
        return described or self.request.visibility

    @cached_property
    def embedder(self) -> Embedder:
        """The embedding model; opened at the first document, so that a source of tables needs none.

        Raises `EndpointRefused` for a model elsewhere where the source may not be sent to models.
        """
        kept = "never" in (self.request.models, self.description.models if self.description else None)
        if kept and is_endpoint(self.options.model):
            raise EndpointRefused(
                f"{self.name} must not be sent to a model, and the embedding model is behind an endpoint.",
                hint="Unset ANSWERABLE_EMBEDDING_MODEL to embed on this machine, or allow it with `--models`.",
            )
        meter = self.options.meter_of(self.name) if self.options.meter_of else None
        return open_embedder(self.options.model, self.layout.cache, meter)

    def close(self) -> None:
        """End the connections of the embedding model, if it was opened."""
        if "embedder" in self.__dict__:
            self.embedder.close()

    @cached_property
    def builders(self) -> dict[str, str]:
        """Versions of what builds this segment. Look at it when it is known whether there are documents."""
        versions = dict(builder_versions())
        if self.staging.count():
            versions |= {"embedder": self.embedder.fingerprint, "dimension": str(self.embedder.dimension)}
        return versions

    def reuses(self, *parts: str) -> bool:
        """Whether these parts are what the last segment was built with, so that their results can be taken over."""
        if self.previous is None or self.options.rebuild:
            return False
        versions = self.builders if "embedder" in parts else builder_versions()
        return all(self.previous.info.builders.get(part) == versions[part] for part in (*parts, "format"))


@contextmanager
def open_build(
    layout: Layout,
    request: SourceRequest,
    kind: str,
    entry: SourceEntry | None,
    described: tuple[Description | None, dict[str, str]],
    hooks: IngestHooks,
    options: IngestOptions,
) -> Iterator[Build]:
    """A build in a new folder under `store/building`, which is deleted at the end, whatever happens."""
    root = layout.building / uuid.uuid4().hex
    folder, scratch = root / "segment", root / "scratch"
    previous: Previous | None = None
    staging: Staging | None = None
    build: Build | None = None
    try:
        folder.mkdir(parents=True)
        scratch.mkdir()
        previous, problem = _open_previous(layout, entry)
        staging = Staging(scratch / "documents.sqlite")
        description, inputs = described
        build = Build(
            layout, request, request.name or "", kind, entry, previous, description, inputs, folder, scratch, staging,
            hooks, options,
        )  # fmt: skip
        if problem:
            build.note("read", "segment_replaced", "", problem, "noted")
        yield build
    finally:
        if build is not None:
            build.close()
        for opened in (previous, staging):
            if opened is not None:
                opened.close()
        with suppress(FileNotFoundError):
            shutil.rmtree(root)


def _open_previous(layout: Layout, entry: SourceEntry | None) -> tuple[Previous | None, str]:
    """The last segment, checked byte for byte; a damaged one is not built upon."""
    if entry is None:
        return None, ""
    try:
        return Previous(open_segment(layout.segment(entry.segment), verify=True)), ""
    except StoreError as error:
        return None, f"{error.message} Everything was read again."
