"""A run that is killed, or finds the disk full, leaves what was published as it was; the next run completes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.hooks import STEPS
from ingest.layout import Layout
from ingest.stores.snapshot import Store
from tests.ingest.ingesting import found_documents, ingest, model_cache, new_home, reader_of, write_files

KILLED_RUN = """
import os, signal, sys
from pathlib import Path
from ingest.hooks import IngestHooks
from tests.ingest.ingesting import ingest

home, source, wanted, times = sys.argv[1:]
left = int(times)

def kill_at(step):
    global left
    left -= step == wanted
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

ingest(Path(home), Path(source), IngestHooks(on_step=kill_at))
"""
MOMENTS = [(step, 1) for step in STEPS] + [("embed", 2), ("store", 2)]
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    texts = {f"page{n}_md": f"# Page {n}\n\nIt speaks of subject number {n}.\n" for n in range(3)}
    return write_files(tmp_path / "docs", old_md="# Old\n\nThe aardvark.\n", orders_csv="id,total\n1,2.5\n", **texts)


def change(source: Path) -> None:
    (source / "old.md").unlink()
    write_files(source, new_md="# New\n\nThe zebra.\n", orders_csv="id,total\n1,2.5\n2,3.5\n")


@pytest.mark.parametrize(("step", "times"), MOMENTS)
def test_a_run_killed_at_any_step_leaves_the_stores_whole(tmp_path: Path, source: Path, step: str, times: int) -> None:
    home = new_home(tmp_path)
    first = ingest(home, source)
    held = Store(home)
    assert held.snapshot().id == first.manifest
    change(source)

    arguments = [str(home), str(source), step, str(times)]
    env = os.environ | {"ANSWERABLE_TEST_CACHE": str(model_cache())}
    killed = subprocess.run([sys.executable, "-c", KILLED_RUN, *arguments], capture_output=True, text=True, env=env)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    published = step == "collect"
    for store in (held, Store(home, verify=True)):
        assert (store.snapshot().id == first.manifest) is not published
        assert store.alerts == ()
    assert bool(found_documents(home, "docs", "aardvark")) is not published
    assert reader_of(home, "docs").catalog.table("orders").rows == (2 if published else 1)

    again = ingest(home, source)
    assert again.changed is not published
    assert found_documents(home, "docs", "zebra") == ["new.md"]
    assert found_documents(home, "docs", "aardvark") == []
    assert reader_of(home, "docs").catalog.table("orders").rows == 2
    assert not list(Layout(home).building.iterdir())
    assert Store(home, verify=True).snapshot().sources and not Store(home).alerts


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A home on a file system of its own, of 16 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted: {mounted.stderr.strip()}")
    yield new_home(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # this process still maps files there


def used_kilobytes(folder: Path) -> int:
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize // 1024


@pytest.mark.parametrize("room", [1300, *(pytest.param(room, marks=pytest.mark.slow) for room in (0, 200, 700))])
def test_a_full_disk_leaves_the_stores_whole(small_disk: Path, source: Path, cli: Cli, room: int) -> None:
    added = cli(small_disk, "ingest", "add", str(source), "--json")
    assert added.returncode == 0, added.stderr
    held = Store(small_disk)
    held.snapshot()
    change(source)
    write_files(source, **{f"long{n}_md": f"words of {n} and {n * 7}. " * 100 for n in range(90)})
    rows = "\n".join(f"{n},{n * 31 % 977},{n * 7919 % 100003}" for n in range(60_000))
    write_files(source, orders_csv="id,total,other\n" + rows)

    used = used_kilobytes(small_disk)
    resized = f"remount,size={used + room}k"
    subprocess.run(["mount", "-o", resized, str(small_disk.parent)], check=True)
    full = cli(small_disk, "ingest", "add", str(source), "--json")
    assert full.returncode == 2, full.stdout + full.stderr
    error = json.loads(full.stdout)["error"]
    assert error["code"] == "disk_full", error
    assert "ANSWERABLE_HOME" in error["hint"]
    assert used_kilobytes(small_disk) <= used
    assert held.snapshot().id == Store(small_disk, verify=True).snapshot().id == "00000001"
    assert found_documents(small_disk, "docs", "aardvark") == ["old.md"]

    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk.parent)], check=True)
    assert cli(small_disk, "ingest", "sync", "--json").returncode == 0
    assert found_documents(small_disk, "docs", "zebra") == ["new.md"]
