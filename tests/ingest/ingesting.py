"""Running the ingest over small real sources, with the real model exported once for all tests."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from ingest.embedder import DEFAULT_MODEL, open_embedder
from ingest.hooks import IngestHooks, IngestOptions
from ingest.pipeline import ingest_source
from ingest.report import IngestReport
from ingest.request import SourceRequest
from ingest.stores.passages import PassageReader, StoredPassage
from ingest.stores.snapshot import SourceReader, Store

_SHARED = os.environ.get("ANSWERABLE_TEST_CACHE")
OPTIONS = IngestOptions(model=DEFAULT_MODEL, detect_names=False, group_documents=2)
"""Groups of two documents, so that a handful of documents makes several groups."""
BOTH = ("public", "internal")


@cache
def model_cache() -> Path:
    """A cache folder that holds the exported model."""
    if _SHARED:
        folder = Path(_SHARED)
    else:
        folder = Path(tempfile.mkdtemp(prefix="answerable-models-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    open_embedder(DEFAULT_MODEL, folder)
    return folder


def new_home(folder: Path) -> Path:
    """A home folder with the exported model in its cache."""
    home = folder / "home"
    home.mkdir()
    (home / "cache").symlink_to(model_cache())
    return home


def write_files(folder: Path, **texts: str) -> Path:
    """A folder with these files; `policies__returns_md="…"` is `policies/returns.md`."""
    for name, text in texts.items():
        path = folder / (name.replace("__", "/").rpartition("_")[0] + "." + name.rpartition("_")[2])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def ingest(home: Path, source: Path, hooks: IngestHooks | None = None, **request: object) -> IngestReport:
    """Ingest a folder under its own name, or the one in `request`."""
    wanted = SourceRequest(str(source), **request)  # type: ignore[arg-type]
    return ingest_source(home, wanted, hooks or IngestHooks(), OPTIONS)


def reader_of(home: Path, name: str) -> SourceReader:
    """The published source of that name."""
    store = Store(home)
    reader = store.snapshot().sources[name]
    assert store.alerts == ()
    return reader


def passages_of(home: Path, name: str) -> PassageReader:
    """The passages of a published source."""
    passages = reader_of(home, name).passages
    assert passages is not None
    return passages


def all_passages(home: Path, name: str) -> list[StoredPassage]:
    """Every passage of a published source, in order."""
    passages = passages_of(home, name)
    return passages.get(range(passages.count), BOTH)


def found_documents(home: Path, name: str, query: str) -> list[str]:
    """Documents that a lexical search finds, best first."""
    passages = passages_of(home, name)
    found = passages.get([ordinal for ordinal, _ in passages.search_lexical(query, 10, BOTH)], BOTH)
    return list(dict.fromkeys(each.document for each in found))
