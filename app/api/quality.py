"""`GET /v1/sources/{name}/quality`: what to mend in a source's documents, for owners."""

from __future__ import annotations

import msgspec
from litestar import get

from app.api.callers import Asker
from app.asking import checked_sources
from app.engine import Engine
from app.errors import NotPermitted
from ingest.report import IngestReport
from ingest.stores.quality import QualityReport, quality_of


@get("/v1/sources/{name:str}/quality", tags=["sources"], sync_to_thread=True)
def source_quality(name: str, engine: Engine, asker: Asker) -> QualityReport:
    """Duplicates, boilerplate, tiny, stale and contradicting documents, dead links, languages. Computed now."""
    snapshot = engine.store.snapshot()
    checked_sources([name], snapshot, asker.caller)
    if asker.caller.role != "owner":
        raise NotPermitted("Only owners see the quality of a source.", hint="Use a key of role owner.")
    source = snapshot.sources[name]
    report = None
    if source.report_path is not None:
        try:
            report = msgspec.json.decode(source.report_path.read_bytes(), type=IngestReport)
        except (OSError, msgspec.DecodeError):
            report = None  # the checks that need it find less; everything else is told
    return quality_of(source, report)
