"""Markers that need a part of the machine, and the sample data ingested and served once per test run."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests import forked

if TYPE_CHECKING:
    from app.values import Role

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample"
IN_CI = os.environ.get("ANSWERABLE_CI") == "1"
LLAMA_URL = os.environ.get("ANSWERABLE_LLAMA_URL", "")
READY_S = 60

# A run starts hundreds of processes. Without bytecode on disk each compiles the same modules again: 0.5 s a server.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Requests that name no timeout wait longer than httpx's 5 s, which an answer may take on a busy machine. All of httpx
# shares this one default; what the service itself asks with (httpx2, httpcore2) has its own.
httpx.get.__kwdefaults__["timeout"].read = 60.0

# `httpx.get` and its like read the certificates of all authorities for each request, which takes longer than most of
# the requests do.
httpx._transports.default.create_ssl_context = functools.cache(httpx.create_ssl_context)


def _lacks_program(*names: str) -> Callable[[], str | None]:
    return lambda: None if any(map(shutil.which, names)) else f"none of {', '.join(names)} is installed"


def _lacks_namespace() -> str | None:
    if shutil.which("unshare") is None:
        return "unshare is not installed"
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"unshare --net: {tried.stderr.strip()}"


MISSING: dict[str, Callable[[], str | None]] = {
    "browser": _lacks_program("chromium"),
    "service": _lacks_program("postgres", "pg_ctl", "redis-server"),
    "network_namespace": _lacks_namespace,
    "shells": lambda: _lacks_program("zsh")() or _lacks_program("fish")(),
}
"""Marker -> why this machine cannot run its tests, or None."""
OPTIONAL: dict[str, Callable[[], str | None]] = {
    "llama": lambda: None if LLAMA_URL else "ANSWERABLE_LLAMA_URL is not set; see docs/local-models.md",
    "deployment": lambda: next(
        filter(None, (_lacks_program(x)() for x in ("nginx", "caddy", "systemd-analyze"))), None
    ),
}
"""The same for parts that CI does without."""


COSTLY = frozenset({"chromium", "cli", "sample_home", "serve", "shop_home"})
"""Fixtures that start processes or ingest, and so do those that ask for them."""
COSTLY_AS = 30
"""A test that does so, counted in tests that do not."""


def pytest_configure(config: pytest.Config) -> None:
    """One folder with the exported embedding model (110 MB) for the run, whatever the number of its processes."""
    if "ANSWERABLE_TEST_CACHE" not in os.environ:
        os.environ["ANSWERABLE_TEST_CACHE"] = folder = tempfile.mkdtemp(prefix="answerable-models-")
        Path(folder).chmod(0o755)  # tests read it as another user too
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first: of two processes none is left with a long one at the end."""
    cost: Counter[Path] = Counter()
    for item in items:
        costly = item.get_closest_marker("slow") or not COSTLY.isdisjoint(getattr(item, "fixturenames", ()))
        cost[item.path] += COSTLY_AS if costly else 1
    items.sort(key=lambda item: -cost[item.path])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose part is missing; where `ANSWERABLE_CI=1`, one that is missing and not optional is a failure."""
    for marker in item.iter_markers():
        if marker.name in OPTIONAL and (lacking := OPTIONAL[marker.name]()) is not None:
            pytest.skip(f"{marker.name}: {lacking}")
        reason = MISSING[marker.name]() if marker.name in MISSING else None
        if reason is not None:
            (pytest.fail if IN_CI else pytest.skip)(f"{marker.name}: {reason}")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell sets must not reach a test."""
    for name in list(os.environ):
        if name.startswith("ANSWERABLE_") and name != "ANSWERABLE_CI":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def llama_url() -> str:
    """Base URL of a real `llama-server`."""
    return LLAMA_URL


def run_cli(home: Path, *arguments: str, fresh: bool = False, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own: forked, or as users do by a fresh interpreter."""
    return forked.run(arguments, clean_env(home, **env), timeout=300, fresh=fresh)


def new_key(home: Path, role: Role, *sources: str) -> str:
    """The token of a new key; what `answerable keys add` does, without the second that a process takes."""
    from app.ops.keys import KeyStore

    return KeyStore(home / "state.db").add(role, name=f"{role}s", sources=sources)[1]


def clean_env(home: Path, **env: str) -> dict[str, str]:
    """The environment without settings but the home folder and those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSWERABLE_")}
    return kept | {"ANSWERABLE_HOME": str(home), "HF_HUB_OFFLINE": "1", "COLUMNS": "100", "NO_COLOR": "1"} | env


@contextmanager
def as_ordinary_user(folder: Path) -> Iterator[None]:
    """Run the block as one who may not read everything; what it imports must be imported beforehand."""
    if os.geteuid() != 0:
        yield
        return
    for parent in folder.parents:
        if parent.stat().st_uid == 0 and parent != Path(parent.anchor) and parent.name != "tmp":
            parent.chmod(parent.stat().st_mode | 0o055)
    folder.chmod(0o777)
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def ordinary_user(tmp_path: Path) -> Callable[[], AbstractContextManager[None]]:
    """`with ordinary_user():` may not read everything, though the tests may run as root."""
    return lambda: as_ordinary_user(tmp_path)


@pytest.fixture(scope="session")
def cli() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`cli(home, *arguments, **env)` runs the command."""
    return run_cli


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the sample data ingested; tests only read it."""
    shared = Path(os.environ["ANSWERABLE_TEST_CACHE"])
    with (shared / "sample-home.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "sample-home").exists():
            _ingest_sample(shared / "sample-home.making")
            (shared / "sample-home.making").rename(shared / "sample-home")
    return shutil.copytree(shared / "sample-home", tmp_path_factory.mktemp("sample") / "home", symlinks=True)


def _ingest_sample(home: Path) -> None:
    """What `make demo` ingests; by the first of a run's processes that needs it, for all of them."""
    from tests.ingest.ingesting import model_cache

    shutil.rmtree(home, ignore_errors=True)
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "models").symlink_to(model_cache() / "models")
    for arguments in (
        ("help-centre", "--name", "help-centre", "--public"),
        ("shop", "--name", "shop", "--describe", str(SAMPLE / "shop" / "describe.yaml")),
    ):
        added = run_cli(home, "ingest", "add", str(SAMPLE / arguments[0]), *arguments[1:], fresh=True)
        assert added.returncode == 0, added.stdout + added.stderr


@pytest.fixture(scope="session")
def service(sample_home: Path) -> Iterator[str]:
    """Base URL of a server on loopback over the sample data."""
    with serving(sample_home) as base:
        yield base


@contextmanager
def serving(home: Path, *arguments: str, ready: str = "/readyz", fresh: bool = False, **env: str) -> Iterator[str]:
    """Base URL of a server process of its own, forked or `fresh`, that answers `ready` with 200; stopped afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    command = ("serve", "--port", str(port), *arguments)
    log = home / f"server-{port}.log"
    with log.open("w") as stderr:
        server = forked.start(command, clean_env(home, **env), stderr, fresh=fresh)
    try:
        _wait_until_ready(base + ready, server, log)
        yield base
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """`with serve(home, *arguments, **env) as base` runs a server."""
    return serving


def _wait_until_ready(url: str, server: forked.Process, log: Path) -> None:
    give_up = time.monotonic() + READY_S
    while time.monotonic() < give_up and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            pass
        else:
            return
        time.sleep(0.1)
    pytest.fail(f"the server was not ready: {log.read_text()[-3000:]}")
