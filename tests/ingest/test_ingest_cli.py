"""`answerable ingest …` as a person and as a script use it: output, errors in one line, exit codes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.stores.locking import ingest_lock
from tests.ingest.ingesting import new_home, write_files

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(
        tmp_path_factory.mktemp("sources") / "Corner Shop",
        returns_md="# Returns\n\nSend goods back within 30 days.\n",
        customers_csv="customer_id,city\n1,Bremen\n2,Lisbon\n",
        orders_csv="order_id,customer_id,total\n1,1,10.50\n2,2,20.00\n3,1,5.25\n",
        broken_pdf="no pdf",
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, cli: Cli, shop: Path) -> Path:
    home = new_home(tmp_path_factory.mktemp("ingest-cli"))
    added = cli(home, "ingest", "add", str(shop), "--public", "--json")
    assert added.returncode == 0, added.stderr
    report = json.loads(added.stdout)
    assert (report["source"], report["documents"]["new"], report["tables"]["new"]) == ("corner-shop", 1, 2)
    return home


def test_adding_says_what_was_done_and_skipped(cli: Cli, tmp_path: Path, shop: Path) -> None:
    added = cli(new_home(tmp_path), "ingest", "add", str(shop), "--name", "mine")
    assert added.returncode == 0
    assert "mine: 1 document (1 new), 1 passage, 2 tables (2 new), 5 rows" in added.stdout
    assert "skipped   broken.pdf" in added.stdout
    assert added.stderr == ""


def test_syncing_says_that_nothing_changed(cli: Cli, home: Path) -> None:
    assert "corner-shop: nothing changed" in cli(home, "ingest", "sync").stdout
    (report,) = json.loads(cli(home, "ingest", "sync", "corner-shop", "--json").stdout)
    assert report["changed"] is False


def test_sources_are_listed(cli: Cli, home: Path, shop: Path) -> None:
    (source,) = json.loads(cli(home, "ingest", "list", "--json").stdout)
    assert (source["name"], source["visibility"], source["location"]) == ("corner-shop", "public", str(shop))
    assert "corner-shop" in cli(home, "ingest", "list").stdout
    assert json.loads(cli(home / "other", "ingest", "list", "--json").stdout) == []
    assert "answerable ingest add PATH" in cli(home / "other", "ingest", "list").stdout


def test_a_source_is_shown_with_columns_keys_and_joins(cli: Cli, home: Path) -> None:
    shown = json.loads(cli(home, "ingest", "show", "corner-shop", "--json").stdout)
    assert [document["path"] for document in shown["documents"]] == ["returns.md"]
    assert {table["name"]: table["rows"] for table in shown["tables"]} == {"customers": 2, "orders": 3}
    text = cli(home, "ingest", "show", "corner-shop").stdout
    assert "customers: 2 rows" in text and "customer_id" in text and "key" in text


def test_a_source_can_be_kept_from_language_models(cli: Cli, tmp_path: Path, shop: Path) -> None:
    home = new_home(tmp_path)
    assert cli(home, "ingest", "add", str(shop), "--no-models").returncode == 0
    assert json.loads(cli(home, "ingest", "show", "corner-shop", "--json").stdout)["models"] == "never"
    assert cli(home, "ingest", "sync", "corner-shop").returncode == 0
    assert "never sent to a language model" in cli(home, "ingest", "show", "corner-shop").stdout
    assert cli(home, "ingest", "add", str(shop), "--models").returncode == 0
    assert json.loads(cli(home, "ingest", "show", "corner-shop", "--json").stdout)["models"] == "allowed"


def test_the_report_is_kept(cli: Cli, home: Path) -> None:
    report = json.loads(cli(home, "ingest", "report", "corner-shop", "--json").stdout)
    assert "broken.pdf" in {finding["path"] for finding in report["findings"]}
    assert "broken.pdf" in cli(home, "ingest", "report", "corner-shop").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "nope"], "unknown_source", "corner-shop"),
        (["remove", "nope"], "unknown_source", "corner-shop"),
        (["sync", "nope"], "unknown_source", "corner-shop"),
        (["report", "nope"], "unknown_source", "corner-shop"),
        (["add", "/nowhere/at/all"], "source_not_found", "/nowhere/at/all"),
        (["add", "/proc/version", "--kind", "carrier-pigeon"], "unknown_source_kind", "carrier-pigeon"),
        (["rollback"], "nothing_to_roll_back_to", "manifest"),
    ],
)
def test_errors_are_a_line_and_a_hint(cli: Cli, home: Path, arguments: list[str], code: str, said: str) -> None:
    told = cli(home, "ingest", *arguments)
    assert told.returncode == 2
    assert told.stdout == ""
    assert told.stderr.startswith("Error: ") and said in told.stderr and "Traceback" not in told.stderr
    as_json = cli(home, "ingest", *arguments, "--json")
    assert as_json.returncode == 2
    error = json.loads(as_json.stdout)["error"]
    assert (error["code"], set(error)) == (code, {"code", "message", "hint"})
    assert error["hint"]


def test_a_running_ingest_is_named(cli: Cli, home: Path) -> None:
    with ingest_lock(home / "store" / "ingest.lock"):
        told = cli(home, "ingest", "sync")
        listed = cli(home, "ingest", "list", "--json")
    assert told.returncode == 2 and "Another ingest is running" in told.stderr
    assert listed.returncode == 0, "readers never wait"


def test_an_option_that_is_no_pair_is_a_usage_error(cli: Cli, home: Path, shop: Path) -> None:
    told = cli(home, "ingest", "add", str(shop), "-o", "exclude")
    assert told.returncode == 2 and "key=value" in told.stderr


def test_removing_and_purging(cli: Cli, tmp_path: Path, shop: Path) -> None:
    home = new_home(tmp_path)
    assert cli(home, "ingest", "add", str(shop)).returncode == 0
    assert cli(home, "ingest", "sync", "--rebuild", "--purge").returncode == 0
    assert len(list((home / "store" / "segments").iterdir())) == 1
    removed = cli(home, "ingest", "remove", "corner-shop", "--json")
    assert json.loads(removed.stdout)["removed"] == "corner-shop"
    assert list((home / "store" / "segments").iterdir()) == []
    assert json.loads(cli(home, "ingest", "list", "--json").stdout) == []
