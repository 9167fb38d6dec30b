"""Scheduled syncs in real server processes: one of them syncs, failures back off, closing stops a running one."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.engine import Engine
from app.ops.metrics import Metrics
from app.ops.scheduler import Scheduler
from app.settings import Settings
from ingest.layout import Layout
from ingest.pipeline import schedule_source
from ingest.stores.locking import ingest_lock, leader_lock
from ingest.stores.schedule import read_attempt
from tests.ingest.ingesting import ingest, new_home, write_files

MOST_S = 90.0


def until(found: Callable[[], object], what: str) -> object:
    give_up = time.monotonic() + MOST_S
    while time.monotonic() < give_up:
        if result := found():
            return result
        time.sleep(0.1)
    return pytest.fail(f"not within {MOST_S:.0f} s: {what}")


def source_of(base: str, **headers: str) -> dict:
    (source,) = httpx.get(base + "/v1/sources", headers=headers, timeout=30).json()["sources"]
    return source


def syncs(base: str) -> dict[str, float]:
    text = httpx.get(base + "/metrics", timeout=30).text
    return {name: float(count) for name, count in re.findall(r'answerable_syncs_total\{outcome="(\w+)"\} (\S+)', text)}


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Path, Path]:
    """A home and a source of one table, so that no sync needs the model."""
    home, source = new_home(tmp_path), write_files(tmp_path / "shop", orders_csv="id,total\n1,2\n")
    ingest(home, source, name="shop", public=True)
    return home, source


def test_one_of_two_servers_syncs_and_failures_are_told_to_owners(shop, serve, cli) -> None:
    home, source = shop
    assert cli(home, "ingest", "schedule", "shop", "1s").returncode == 0
    key = json.loads(cli(home, "keys", "add", "--role", "visitor", "--json").stdout)["token"]
    with serve(home, ready="/healthz") as one, serve(home, ready="/healthz") as two:
        write_files(source, orders_csv="id,total\n1,2\n2,3\n")
        until(lambda: source_of(one)["tables"][0]["rows"] == 2, "the changed table is served")
        until(lambda: sum(syncs(one).values()) + sum(syncs(two).values()) >= 1, "the sync is counted")
        assert min(sum(syncs(one).values()), sum(syncs(two).values())) == 0, "both servers synchronised"
        source.rename(source.with_name("gone"))
        told = until(lambda: (source_of(one)["schedule"] or {}).get("last_error") and source_of(one), "the failure")
        assert told["schedule"]["last_error"].startswith("source_not_found: ")
        assert told["schedule"]["failures"] >= 1 and told["schedule"]["every_s"] == 1
        assert told["tables"][0]["rows"] == 2, "what was read before is no longer served"
        assert source_of(one, Authorization=f"Bearer {key}")["schedule"] is None
    (listed,) = json.loads(cli(home, "ingest", "list", "--json").stdout)
    assert (listed["every"], listed["last_error"][:17]) == ("1s", "source_not_found:")
    assert listed["next_due"] and "source_not_found" in cli(home, "ingest", "list").stdout


def test_it_can_be_switched_off(shop, serve) -> None:
    home, source = shop
    schedule_source(home, "shop", 1)
    write_files(source, orders_csv="id,total\n1,2\n2,3\n")
    with serve(home, ready="/healthz", ANSWERABLE_SCHEDULER="off") as base:
        time.sleep(2.5)
        assert source_of(base)["tables"][0]["rows"] == 1
    assert read_attempt(Layout(home), "shop") is None


def test_a_busy_store_is_no_failure(shop) -> None:
    home, _ = shop
    schedule_source(home, "shop", 1)
    engine, metrics = Engine(Settings(home=home)), Metrics()
    scheduler = Scheduler(engine, metrics)
    with ingest_lock(Layout(home).lock):
        scheduler.start()
        until(lambda: b'outcome="busy"' in metrics.exposition(), "a sync that met another")
    scheduler.close()
    engine.close()
    assert read_attempt(Layout(home), "shop") is None


def test_closing_ends_a_running_sync_and_frees_the_lead(shop, tmp_path: Path) -> None:
    home, _ = shop
    schedule_source(home, "shop", 1)
    mark = tmp_path / "started"
    sleeper = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(60)"
    engine = Engine(Settings(home=home))
    scheduler = Scheduler(engine, Metrics(), command=(sys.executable, "-c", sleeper))
    scheduler.start()
    until(mark.exists, "the sync has started")
    assert leader_lock(Layout(home).leader) is None
    began = time.monotonic()
    scheduler.close()
    engine.close()
    assert time.monotonic() - began < 5
    assert read_attempt(Layout(home), "shop") is None, "a stopped sync counts as an attempt"
    lead = leader_lock(Layout(home).leader)
    assert lead is not None
    lead.close()


def test_a_crash_is_a_failure_that_says_what_to_do(shop) -> None:
    home, _ = shop
    schedule_source(home, "shop", 1)
    engine = Engine(Settings(home=home))
    scheduler = Scheduler(engine, Metrics(), command=(sys.executable, "-c", "import os; os.abort()"))
    scheduler.start()
    found = until(lambda: (a := read_attempt(Layout(home), "shop")) and a.failures and a, "a failed attempt")
    scheduler.close()
    engine.close()
    assert found.code == "sync_crashed" and "ingest sync" in found.message
