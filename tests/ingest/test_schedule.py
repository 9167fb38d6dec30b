"""When sources are due, and how intervals are given, kept and shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from ingest.errors import IngestError, UnknownSource
from ingest.layout import Layout
from ingest.pipeline import remove_source, schedule_source
from ingest.stores.manifest import SourceEntry, current
from ingest.stores.schedule import (
    Attempt,
    interval_s,
    interval_text,
    next_due,
    note_attempt,
    read_attempt,
)
from tests.ingest.ingesting import ingest, new_home, write_files

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def entry(every_s: int | None = 3600) -> SourceEntry:
    return SourceEntry(
        name="shop", location="/x", kind="files", segment="s", synced_at=NOON.isoformat(), every_s=every_s
    )


def attempt(hours: float, failures: int = 0, *, finished: bool = True) -> Attempt:
    moment = (NOON + timedelta(hours=hours)).isoformat()
    return Attempt(started_at=moment, finished_at=moment if finished else None, failures=failures)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("1h", 3600), (" 2 D ", 172_800), ("1w", 604_800), ("off", None)]
)
def test_intervals_are_read_and_written(text: str, seconds: int | None) -> None:
    assert interval_s(text) == seconds
    if seconds:
        assert interval_s(interval_text(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "0m", "-1h", "1.5h", "1h30m", "9999w", "often"])
def test_what_is_no_interval_is_refused_with_examples(text: str) -> None:
    with pytest.raises(IngestError) as caught:
        interval_s(text)
    assert caught.value.code == "wrong_interval" and "1h" in caught.value.hint


@pytest.mark.parametrize(
    ("last", "hours"),
    [
        (None, 1.0),
        (attempt(-5), 1.0),  # synchronised by hand since
        (attempt(3), 4.0),
        (attempt(3, finished=False), 4.0),  # the service was stopped in the middle
        (attempt(3, failures=1), 5.0),
        (attempt(3, failures=3), 11.0),
        (attempt(3, failures=50), 27.0),  # never more than a day
    ],
)
def test_a_source_is_due_an_interval_later_and_after_failures_ever_later(last: Attempt | None, hours: float) -> None:
    due = next_due(entry(), last)
    assert due is not None
    assert NOON + timedelta(hours=hours) <= due <= NOON + timedelta(hours=hours, seconds=300)
    assert due == next_due(entry(), last), "the jitter is not the same at every look"


def test_without_an_interval_nothing_is_due_and_a_long_one_is_not_shortened_by_failures() -> None:
    assert next_due(entry(None), attempt(1)) is None
    assert next_due(entry(7 * 86_400), attempt(1, failures=5)) >= NOON + timedelta(days=7, hours=1)


def test_an_interval_is_kept_by_syncs_and_forgotten_with_the_source(tmp_path: Path) -> None:
    home, source = new_home(tmp_path), write_files(tmp_path / "shop", orders_csv="id,total\n1,2\n")
    ingest(home, source, name="shop", every_s=3600)
    layout = Layout(home)
    write_files(source, orders_csv="id,total\n1,2\n2,3\n")
    ingest(home, source, name="shop")
    assert current(layout).source("shop").every_s == 3600
    before = current(layout).source("shop")
    assert ingest(home, source, name="shop", every_s=60).changed is False
    assert current(layout).source("shop") == msgspec.structs.replace(before, every_s=60)
    schedule_source(home, "shop", None)
    assert current(layout).source("shop").every_s is None
    with pytest.raises(UnknownSource):
        schedule_source(home, "nope", 60)
    note_attempt(layout, "shop", attempt(1))
    assert read_attempt(layout, "shop") == attempt(1)
    remove_source(home, "shop")
    assert read_attempt(layout, "shop") is None


def test_manifests_of_before_are_read() -> None:
    old = json.loads(msgspec.json.encode(entry()))
    del old["every_s"]
    assert msgspec.convert(old, SourceEntry).every_s is None


def test_a_damaged_note_is_as_none(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    note_attempt(layout, "shop", attempt(1))
    layout.attempt("shop").write_bytes(b"{")
    assert read_attempt(layout, "shop") is None
