"""What is there and cannot be read: it is reported, and what an earlier sync read of it stays; what is gone, goes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import duckdb
import pytest

from ingest.errors import IngestError
from ingest.hooks import IngestOptions
from ingest.layout import Layout
from ingest.pipeline import sync_source
from ingest.report import Finding, IngestReport
from ingest.stores.segment import open_segment
from tests.ingest.ingesting import OPTIONS, found_documents, ingest, new_home, reader_of, write_files

Cli = Callable[..., subprocess.CompletedProcess[str]]
LOCK = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""
ROWS = "CREATE TABLE orders AS SELECT range AS id FROM range(3)"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return new_home(tmp_path)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    source = write_files(tmp_path / "shop", page_md="# Page\n\nThe aardvark.\n", costs_csv="id,cost\n1,2\n")
    with duckdb.connect(source / "sales.duckdb") as connection:
        connection.execute(ROWS)
    return source


@contextmanager
def opened_elsewhere(path: Path) -> Iterator[None]:
    """Another process has the DuckDB file open for writing."""
    command = [sys.executable, "-c", LOCK, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "open\n"
        try:
            yield
        finally:
            other.communicate("")


def told_of(report: IngestReport, path: str) -> Finding:
    (finding,) = [each for each in report.findings if each.path == path]
    return finding


def rows(home: Path, table: str) -> int:
    return reader_of(home, "shop").catalog.table(table).rows


def test_a_locked_database_in_a_folder_keeps_its_tables(home: Path, shop: Path) -> None:
    ingest(home, shop)
    with duckdb.connect(shop / "sales.duckdb") as connection:
        connection.execute("INSERT INTO orders VALUES (7)")
    write_files(shop, page_md="# Page\n\nThe zebra.\n")
    with opened_elsewhere(shop / "sales.duckdb"):
        report = ingest(home, shop)
    finding = told_of(report, "sales.duckdb")
    assert (finding.code, finding.severity) == ("locked_file", "skipped")
    assert "PID" in finding.message and "sales.duckdb#main.orders" in finding.message
    assert "still served" in finding.message
    assert (report.tables.unchanged, report.tables.removed, rows(home, "orders")) == (2, 0, 3)
    assert found_documents(home, "shop", "zebra") == ["page.md"], "the rest of the folder is brought up to date"
    assert ingest(home, shop).tables.changed == 1
    assert rows(home, "orders") == 4


def test_a_sync_that_only_met_a_lock_changes_nothing_and_says_so(home: Path, shop: Path, cli: Cli) -> None:
    assert cli(home, "ingest", "add", str(shop)).returncode == 0
    with opened_elsewhere(shop / "sales.duckdb"):
        told = cli(home, "ingest", "sync", "shop")
    assert "shop: nothing changed" in told.stdout and "skipped   sales.duckdb: " in told.stdout
    assert rows(home, "orders") == 3


def test_a_locked_database_source_stays_as_it_was(home: Path, tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(ROWS)
    other = write_files(tmp_path / "docs", page_md="# Page\n\nThe aardvark.\n")
    for each in (path, other):
        assert cli(home, "ingest", "add", str(each)).returncode == 0
    write_files(other, page_md="# Page\n\nThe zebra.\n")
    with opened_elsewhere(path):
        both = cli(home, "ingest", "sync")
        as_json = cli(home, "ingest", "sync", "--json")
        alone = cli(home, "ingest", "sync", "shop", "--json")
    assert both.returncode == as_json.returncode == alone.returncode == 2
    assert "Error: shop: " in both.stderr and "close it" in both.stderr
    assert "docs: 1 document (1 changed)" in both.stdout, "one source does not stop the others"
    of_docs, of_shop = sorted(json.loads(as_json.stdout), key=lambda each: each["source"])
    assert (of_docs["changed"], of_shop["source"], of_shop["error"]["code"]) == (False, "shop", "source_unreadable")
    assert json.loads(alone.stdout)["error"]["code"] == "source_unreadable"
    assert rows(home, "orders") == 3 and found_documents(home, "docs", "zebra") == ["page.md"]


def test_sqlite_in_the_middle_of_a_write_keeps_its_tables(
    home: Path, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.formats.sqlite_tables.BUSY_S", 0.2)
    with sqlite3.connect(shop / "stock.sqlite") as connection:
        connection.execute("CREATE TABLE stock AS SELECT 1 AS id")
    connection.close()
    ingest(home, shop)
    writer = sqlite3.connect(shop / "stock.sqlite", isolation_level=None)
    writer.executescript("PRAGMA cache_size = 1; BEGIN EXCLUSIVE; INSERT INTO stock SELECT randomblob(9999);")
    writer.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99) "
                   "INSERT INTO stock SELECT randomblob(9999) FROM n")  # fmt: skip
    assert (shop / "stock.sqlite-journal").stat().st_size
    try:
        report = ingest(home, shop)
    finally:
        writer.execute("ROLLBACK")
        writer.close()
    assert told_of(report, "stock.sqlite").code == "locked_file"
    assert rows(home, "stock") == 1
    assert not ingest(home, shop).findings


@pytest.mark.parametrize("name", ["page.md", "costs.csv", "sales.duckdb"])
def test_a_file_that_may_not_be_read_keeps_its_last_version(
    home: Path, shop: Path, name: str, ordinary_user: Callable[[], AbstractContextManager[None]]
) -> None:
    ingest(home, shop)
    (shop / name).chmod(0)
    for folder in (home, *home.rglob("*")):
        if not folder.is_symlink():
            folder.chmod(0o777)
    with ordinary_user():
        report = sync_source(home, "shop", options=OPTIONS)
    finding = told_of(report, name)
    assert finding.code == "unreadable" and "permission" in finding.message.lower()
    assert (report.changed, report.documents.unchanged, report.tables.unchanged) == (False, 1, 2)
    (shop / name).unlink()
    report = ingest(home, shop)
    assert report.documents.removed + report.tables.removed == 1


@pytest.mark.parametrize(("content", "kept"), [(b"not a pdf any more", True), (b"", False)])
def test_damage_keeps_the_last_version_and_emptiness_does_not(
    home: Path, shop: Path, content: bytes, kept: bool
) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(shop / "guide.pdf"))
    canvas.drawString(72, 700, "All about the quagga.")
    canvas.save()
    ingest(home, shop)
    (shop / "guide.pdf").write_bytes(content)
    report = ingest(home, shop)
    assert ("still served" in told_of(report, "guide.pdf").message) is kept
    assert found_documents(home, "shop", "quagga") == (["guide.pdf"] if kept else [])


def test_a_known_table_that_breaks_off_keeps_its_last_version(home: Path, shop: Path) -> None:
    ingest(home, shop)
    many = "\n".join(f"{n},{n}" for n in range(60_000))
    write_files(shop, costs_csv=f'id,cost\n{many}\n7,"never closed\n{many}')
    report = ingest(home, shop)
    assert told_of(report, "costs.csv").code == "unclosed_quote"
    assert rows(home, "costs") == 1


def test_what_was_kept_is_read_again_after_a_rebuild(home: Path, shop: Path) -> None:
    ingest(home, shop)
    content = (shop / "sales.duckdb").read_bytes()
    (shop / "sales.duckdb").write_bytes(b"damaged" * 999)
    rebuilt = sync_source(home, "shop", options=IngestOptions(detect_names=False, rebuild=True))
    assert "still served" in told_of(rebuilt, "sales.duckdb").message
    assert rows(home, "orders") == 3
    (shop / "sales.duckdb").write_bytes(content)
    assert ingest(home, shop).tables.changed == 1, "what earlier parts read must not count as unchanged"
    assert not ingest(home, shop).changed


def test_what_the_value_index_leaves_out_is_reported(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.stores.values.MOST_VALUES", 3)
    source = write_files(tmp_path / "shop", towns_csv="id,town\n1,Bremen\n2,Lisbon\n3,Oslo\n4,Rome\n5,Paris\n")
    finding = told_of(ingest(home, source), "towns.csv")
    assert (finding.code, finding.stage, finding.severity) == ("values_cut", "profile", "noted")
    assert finding.message.startswith("Only the 3 most frequent of 5 values of 'town'")
    segment = open_segment(Layout(home).segment(reader_of(home, "shop").segment.id))
    assert segment.info.tables.keys() == {"towns.csv"}


@pytest.mark.parametrize("location", ["", "  "])
def test_no_path_is_not_the_working_directory(home: Path, location: str) -> None:
    from connectors.errors import SourceNotFound
    from ingest.pipeline import ingest_source
    from ingest.request import SourceRequest

    with pytest.raises((SourceNotFound, IngestError), match="No path") as raised:
        ingest_source(home, SourceRequest(location), options=OPTIONS)
    assert raised.value.hint
