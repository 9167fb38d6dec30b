"""`GET /v1/sources/{name}/quality`: what to mend in a source's documents, for owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from litestar import get

from app.api.callers import Asker
from app.asking import checked_sources
from app.engine import Engine
from app.errors import NotPermitted
from ingest.report import IngestReport
from ingest.stores.quality import QualityReport, quality_of

if TYPE_CHECKING:
    from ingest.stores.snapshot import SourceReader


@get("/v1/sources/{name:str}/quality", tags=["sources"], sync_to_thread=True)
def source_quality(name: str, engine: Engine, asker: Asker) -> QualityReport:
    """Duplicates, boilerplate, tiny, stale and contradicting documents, dead links, languages. Computed now."""
    snapshot = engine.store.snapshot()
    checked_sources([name], snapshot, asker.caller)
    if asker.caller.role != "owner":
        raise NotPermitted("Only owners see the quality of a source.", hint="Use a key of role owner.")
    return quality_of_source(snapshot.sources[name])


def quality_of_source(source: SourceReader) -> QualityReport:
    """The quality of a source, with what its last sync repaired as far as that can be read."""
    return quality_of(source, report_of(source))


def report_of(source: SourceReader) -> IngestReport | None:
    """The report of the sync that built what is served; None if it cannot be read."""
    if source.report_path is None:
        return None
    try:
        return msgspec.json.decode(source.report_path.read_bytes(), type=IngestReport)
    except (OSError, msgspec.DecodeError):
        return None  # the checks that need it find less; everything else is told
