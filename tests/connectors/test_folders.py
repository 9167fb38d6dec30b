"""Walking a folder: order, links, what is left out, what cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from connector_samples import OrdinaryUser, path_of, problems, read, read_document, write_text

from connectors.base import Document, Problem, TableBatch


def paths(root: Path, **options: str) -> list[str]:
    return [path_of(item) for item in read(root, **options) if isinstance(item, Document | TableBatch)]


def test_order_is_by_name_folder_by_folder(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.md", "a/b.md", "B.md", "c/d/e.md"):
        write_text(tmp_path / name, "# T\n\nText.")
    assert paths(tmp_path) == ["B.md", "a/b.md", "a/z.md", "b.md", "c/d/e.md"]


@pytest.mark.parametrize(
    "name",
    [".hidden.md", ".git/x.md", "node_modules/x.md", "a/__pycache__/x.md", "describe.yaml", "more.yml", "~$open.docx",
     "x.sqlite-wal", "Thumbs.db"],
)  # fmt: skip
def test_left_out_quietly(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "text")
    write_text(tmp_path / "kept.md", "text")
    assert [path_of(item) for item in read(tmp_path)] == ["kept.md"]


def test_links_never_lead_out_of_the_folder_or_round_in_circles(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    write_text(root / "sub/kept.md", "text")
    write_text(outside / "secret.md", "secret")
    (root / "alias.md").symlink_to(root / "sub/kept.md")
    (root / "folder").symlink_to(outside)
    (root / "secret.md").symlink_to(outside / "secret.md")
    (root / "sub/loop").symlink_to(root)
    (root / "self").symlink_to(root / "self")
    (root / "gone.md").symlink_to(root / "nowhere.md")
    assert paths(root) == ["alias.md", "sub/kept.md"]
    found = {item.path: item.code for item in read(root) if isinstance(item, Problem)}
    assert found == {
        "folder": "link_outside", "secret.md": "link_outside", "sub/loop": "link_loop", "self": "broken_link",
        "gone.md": "broken_link",
    }  # fmt: skip


def test_links_to_folders_inside_add_nothing_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_text(tmp_path / name / "x.md", "text")
    (tmp_path / "a/to-b").symlink_to(tmp_path / "b")
    (tmp_path / "b/to-a").symlink_to(tmp_path / "a")
    assert paths(tmp_path) == ["a/x.md", "b/x.md"]


def test_links_to_hidden_folders_inside_are_followed(tmp_path: Path) -> None:
    write_text(tmp_path / ".versions/7/a.md", "text")
    (tmp_path / "current").symlink_to(tmp_path / ".versions/7")
    assert paths(tmp_path) == ["current/a.md"]


def test_root_may_itself_be_a_link(tmp_path: Path) -> None:
    write_text(tmp_path / "real/a.md", "text")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert paths(tmp_path / "link") == ["a.md"]


def test_unreadable_file_is_a_problem(tmp_path: Path, ordinary_user: OrdinaryUser) -> None:
    file = write_text(tmp_path / "a.md", "text")
    assert not problems(tmp_path)
    file.chmod(0)
    with ordinary_user():
        assert problems(tmp_path)["unreadable"].path == "a.md"


def test_links_that_may_not_be_followed_are_problems(tmp_path: Path, ordinary_user: OrdinaryUser) -> None:
    write_text(tmp_path / "closed/inner/a.md", "text")
    write_text(tmp_path / "z.md", "text")
    (tmp_path / "link").symlink_to(tmp_path / "closed/inner")
    (tmp_path / "closed").chmod(0)
    with ordinary_user():
        found = {item.path: item.code for item in read(tmp_path) if isinstance(item, Problem)}
        assert paths(tmp_path) == ["z.md"]
    (tmp_path / "closed").chmod(0o755)
    assert found == {"closed": "unreadable", "link": "unreadable"}


def test_special_files_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    write_text(tmp_path / "z.md", "text")
    assert paths(tmp_path) == ["z.md"]


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("README", "Read me.", "text/plain"),
        ("notes.rst", "Notes.", "text/plain"),
        ("page", "<!DOCTYPE html><main><p>A page without a suffix.</main>", "text/html"),
        ("odd.xyz", "Plain words.", "text/plain"),
    ],
)
def test_unknown_suffixes_are_told_by_content(tmp_path: Path, name: str, content: str, media_type: str) -> None:
    assert read_document(write_text(tmp_path / name, content)).media_type == media_type


@pytest.mark.parametrize(
    ("name", "content", "remedy"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0" + bytes(99), ".xlsx"),
        ("a.zip", b"PK\x03\x04" + bytes(99), "unpack"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(99), "convert"),
        ("a.css", b"body { color: red }", "no prose"),
    ],
)
def test_unsupported_types_say_what_to_do(tmp_path: Path, name: str, content: bytes, remedy: str) -> None:
    assert remedy in problems(write_text(tmp_path / name, content).parent)["unsupported_type"].message


def test_exclude_and_base_url(tmp_path: Path) -> None:
    for name in ("drafts/a.md", "b c.md"):
        write_text(tmp_path / name, "text")
    (document,) = read(tmp_path, exclude="drafts/*", base_url="https://x.org/docs/")
    assert document.url == "https://x.org/docs/b%20c.md"


def test_names_that_are_not_utf8_are_reported(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"bad\xff.md")).write_text("text")
    except OSError:
        pytest.skip("the file system refuses such names")
    (item,) = read(tmp_path)
    assert isinstance(item, Problem)
    item.path.encode()
