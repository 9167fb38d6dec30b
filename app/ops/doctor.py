"""What `answerable doctor` looks at: one function per check, each finding with what to do about it."""

from __future__ import annotations

import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from app.ops.access_checks import address, expiring_keys, limits, mail, port, scheduled_syncs, sites, state_file
from app.ops.findings import Finding
from app.ops.model_checks import alerts, cache, language_models, prompts, spending
from app.ops.telling_checks import webhook
from app.ops.version import answerable_version
from app.settings import Settings

LEAST_DISK_BYTES = 1_000_000_000
LEAST_MEMORY_BYTES = 700_000_000
"""Serving takes up to about 600 MB (bench/service.py)."""
PARTS = ("duckdb", "faiss-cpu", "litestar", "openvino", "presidio-analyzer", "spacy", "sqlglot", "tantivy", "uvicorn")


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check's finding, in the order in which a start would meet them."""
    for check in CHECKS:
        try:
            yield check(settings)
        except Exception as error:  # noqa: BLE001 - a check that breaks is a finding, and the others still run
            reason = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
            name = check.__name__.replace("_", " ")
            yield Finding(check=name, level="failure", message=str(reason), remedy=getattr(error, "hint", ""))


def versions(_settings: Settings) -> Finding:
    """Python and the parts that matter."""
    missing = [name for name in PARTS if _version(name) is None]
    if missing:
        message = f"not installed: {', '.join(missing)}"
        return Finding(check="versions", level="failure", message=message, remedy=REINSTALL)
    parts = ", ".join(f"{name} {_version(name)}" for name in PARTS)
    message = f"answerable {answerable_version()}, Python {platform.python_version()}, {parts}"
    return Finding(check="versions", level="ok", message=message)


def home(settings: Settings) -> Finding:
    """The home folder can be written."""
    probe = settings.home / f".doctor-{time.monotonic_ns()}"
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        remedy = "Make it writable for this user, or point ANSWERABLE_HOME to a folder that is."
        message = f"{settings.home} cannot be written: {error.strerror}"
        return Finding(check="home", level="failure", message=message, remedy=remedy)
    return Finding(check="home", level="ok", message=str(settings.home))


def disk(settings: Settings) -> Finding:
    """There is room for a new segment beside the old one."""
    free = shutil.disk_usage(_existing(settings.home)).free
    message = f"{free / 1e9:.1f} GB free"
    if free < LEAST_DISK_BYTES:
        remedy = "Make room: an ingest builds the new segment before it drops the old one."
        return Finding(check="disk", level="warning", message=message, remedy=remedy)
    return Finding(check="disk", level="ok", message=message)


def memory(_settings: Settings) -> Finding:
    """There is memory for a server process."""
    available = _available_memory()
    if available is None:
        return Finding(check="memory", level="ok", message="not known on this system")
    message = f"{available / 1e9:.1f} GB available"
    if available < LEAST_MEMORY_BYTES:
        remedy = "Serving takes up to 0.6 GB: free some, or lower ANSWERABLE_TABLE_MEMORY_LIMIT and ANSWERABLE_THREADS."
        return Finding(check="memory", level="warning", message=message, remedy=remedy)
    return Finding(check="memory", level="ok", message=message)


def stores(settings: Settings) -> Finding:
    """There is a manifest that can be read."""
    from ingest.stores.snapshot import Store

    store = Store(settings.home, verify=True)
    snapshot = store.snapshot()
    if store.alerts:
        remedy = "Ingest the source again: `answerable ingest sync NAME`."
        return Finding(check="stores", level="failure", message=" ".join(store.alerts), remedy=remedy)
    if not snapshot.sources:
        remedy = "Add a source: `answerable ingest add PATH`."
        return Finding(check="stores", level="warning", message="nothing is ingested", remedy=remedy)
    return Finding(check="stores", level="ok", message=f"manifest {snapshot.id}: {', '.join(sorted(snapshot.sources))}")


def model(settings: Settings) -> Finding:
    """The embedding model is exported and runs, without torch."""
    from ingest.embedder import open_embedder

    embedder = open_embedder(settings.embedding_model, settings.cache)
    embedder.embed_query("warm up")
    started = time.perf_counter()
    embedder.embed_query("How long does a question take to embed?")
    milliseconds = (time.perf_counter() - started) * 1000
    if "torch" in sys.modules:
        remedy = "Report this: serving must run without torch."
        return Finding(check="model", level="warning", message="embedding imported torch", remedy=remedy)
    message = f"{settings.embedding_model}, {embedder.dimension} dimensions, {milliseconds:.1f} ms a question"
    return Finding(check="model", level="ok", message=message)


def keys(settings: Settings) -> Finding:
    """Where the service can be reached from elsewhere, there is a key."""
    from app.api.callers import Callers

    Callers(settings).check_start()
    asked = "callers need a key" if settings.needs_key else "no key is asked for on a loopback address"
    return Finding(check="keys", level="ok", message=f"{settings.host}: {asked}")


def verified(settings: Settings) -> Finding:
    """The verified queries hold under the current schema."""
    from app.engine import Engine
    from app.values import Caller
    from app.verified.listing import listed

    queries = listed(Engine(settings), Caller())
    stale = [query for query in queries if query.status == "stale"]
    if stale:
        shown = "; ".join(f"{query.id} ({query.source}): {query.reason}" for query in stale[:5])
        remedy = "`answerable verify list` shows all; correct them with `verify add --force` or `verify remove ID`."
        message = f"{len(stale)} of {len(queries)} are stale and not used: {shown}"
        return Finding(check="verified", level="warning", message=message, remedy=remedy)
    return Finding(check="verified", level="ok", message=f"{len(queries)} verified queries, none stale")


CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    *(versions, home, disk, memory, stores, model, keys, verified),
    *(language_models, prompts, spending, cache, alerts),
    *(webhook,),
    *(state_file, expiring_keys, sites, address, port, limits, mail, scheduled_syncs),
)
REINSTALL = "Install again: `pip install answerable`."


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _available_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
