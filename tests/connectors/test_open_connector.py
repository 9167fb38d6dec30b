"""Which connector opens a location, and what is said when none does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from connector_samples import OrdinaryUser, write_duckdb, write_sqlite, write_text

from connectors.errors import ConnectorError, SourceEmpty, SourceNotFound, SourceUnreadable, UnknownKind
from connectors.registry import KINDS, open_connector


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("shop.duckdb", "duckdb"),
        ("shop.db", "sqlite"),
        ("shop.sqlite3", "sqlite"),
        ("shop.csv", "files"),
        ("docs", "files"),
    ],
)
def test_kind_is_told_from_the_suffix_of_a_missing_location(tmp_path: Path, name: str, kind: str) -> None:
    connector = open_connector(str(tmp_path / name))
    assert connector.kind == kind
    with pytest.raises(SourceNotFound) as caught:
        connector.check()
    assert caught.value.hint


@pytest.mark.parametrize("name", ["data.bin", "data.db", "data"])
def test_databases_are_known_by_their_bytes_whatever_the_suffix(tmp_path: Path, name: str) -> None:
    duck = write_duckdb(tmp_path / name, "CREATE TABLE t (x INTEGER)")
    assert open_connector(str(duck)).kind == "duckdb"
    lite = write_sqlite(tmp_path / f"lite-{name}", "CREATE TABLE t (x INTEGER)")
    assert open_connector(str(lite)).kind == "sqlite"


def test_folder_named_like_a_database_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "old.db").mkdir()
    assert open_connector(str(tmp_path / "old.db")).kind == "files"


@pytest.mark.parametrize(("location", "kind"), [("gopher://x/y", None), ("docs", "gopher")])
def test_unknown_kind_lists_the_known_ones(location: str, kind: str | None) -> None:
    with pytest.raises(UnknownKind, match="gopher") as caught:
        open_connector(location, kind=kind)
    assert all(name in caught.value.hint for name in KINDS)


def test_unknown_option_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConnectorError, match="colour") as caught:
        open_connector(str(tmp_path), options={"colour": "red"})
    assert "exclude" in caught.value.hint


def test_missing_path_names_what_is_similar(tmp_path: Path) -> None:
    write_text(tmp_path / "orders.csv", "a,b\n1,2\n")
    with pytest.raises(SourceNotFound) as caught:
        open_connector(str(tmp_path / "order.csv")).check()
    assert "orders.csv" in caught.value.hint


def test_missing_path_fails_while_reading_too(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        list(open_connector(str(tmp_path / "nowhere")).read({}))


def test_folder_with_nothing_to_read_is_empty(tmp_path: Path) -> None:
    write_text(tmp_path / "describe.yaml", "description: x")
    with pytest.raises(SourceEmpty):
        open_connector(str(tmp_path)).check()


@pytest.mark.parametrize("name", ["bad.duckdb", "bad.sqlite"])
def test_damaged_database_is_unreadable(tmp_path: Path, name: str) -> None:
    path = write_text(tmp_path / name, b"nonsense" * 1000)
    with pytest.raises(SourceUnreadable) as caught:
        open_connector(str(path)).check()
    assert caught.value.hint


@pytest.mark.parametrize(("name", "write"), [("x.duckdb", write_duckdb), ("x.sqlite", write_sqlite)])
def test_database_without_tables_is_empty(tmp_path: Path, name: str, write: object) -> None:
    path = write(tmp_path / name, "CREATE TABLE t (x INTEGER)", "DROP TABLE t")  # type: ignore[operator]
    with pytest.raises(SourceEmpty):
        open_connector(str(path)).check()


def test_unreadable_folder_says_so(tmp_path: Path, ordinary_user: OrdinaryUser) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    connector = open_connector(str(closed))
    with ordinary_user(), pytest.raises(SourceUnreadable):
        connector.check()


def test_opening_imports_no_format(tmp_path: Path) -> None:
    script = (
        "import sys; from connectors.registry import open_connector; open_connector(sys.argv[1]);"
        "print([m for m in ('pyarrow', 'duckdb', 'openpyxl', 'docx', 'pypdf', 'lxml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['pyarrow']"  # the protocol's own values need it


@pytest.mark.parametrize("name", ["book.xlsx", "page.docx", "rows.csv", "guide.pdf", "data.parquet"])
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str) -> None:
    path = write_text(tmp_path / name, b"\x00\x01nonsense" * 500)
    connector = open_connector(str(path))
    try:
        connector.check()
    except SourceEmpty as error:
        assert name in error.message and ("damaged" in error.message or "binary" in error.message)
        assert error.hint
    else:  # seen only when the file is read
        (problem,) = connector.read({})
        assert problem.severity == "skipped" and ":" in problem.message


def test_a_folder_of_unreadable_files_names_the_first_of_them(tmp_path: Path) -> None:
    for number in range(5):
        write_text(tmp_path / f"{number}.xlsx", b"nonsense" * 500)
    with pytest.raises(SourceEmpty, match="None of the 5 items") as caught:
        open_connector(str(tmp_path)).check()
    assert "0.xlsx: The file is damaged" in caught.value.hint and "2 more" in caught.value.hint


def test_a_pipe_is_neither_file_nor_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceUnreadable, match="neither a file nor a folder"):
        open_connector(str(tmp_path / "pipe"), kind="files").check()
