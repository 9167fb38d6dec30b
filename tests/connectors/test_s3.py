"""Folders of an object store, read over HTTP from one on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from connector_samples import SAMPLES, fingerprints, path_of, unchanged
from s3_server import ACCESS, SECRET, Bucket, object_store

from connectors.base import Connector, Document, Item, Problem, TableBatch
from connectors.errors import ConnectorError, SourceEmpty, SourceNotFound, SourceUnreadable
from connectors.registry import open_connector


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bucket]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with object_store() as store:
        yield store


def opened(bucket: Bucket, location: str = "s3://docs/handbook", **options: str) -> Connector:
    return open_connector(location, options={"endpoint_url": bucket.url} | options)


def items(bucket: Bucket, known: dict[str, str] | None = None, **options: str) -> list[Item]:
    return list(opened(bucket, **options).read(known or {}))


def put(bucket: Bucket, tmp_path: Path, suffix: str, key: str, word: str = "alpha") -> None:
    path = SAMPLES[suffix](tmp_path / f"sample{suffix}", word)
    bucket.objects[key] = path.read_bytes()


@pytest.fixture
def filled(bucket: Bucket, tmp_path: Path) -> Bucket:
    for suffix in SAMPLES:
        put(bucket, tmp_path, suffix, f"handbook/sub/a{suffix}")
    bucket.objects["handbooks/neighbour.md"] = b"# Not ours\n"
    bucket.objects["handbook/empty-folder/"] = b""
    return bucket


def test_every_format_is_read_over_several_pages(filled: Bucket) -> None:
    connector = opened(filled)
    assert isinstance(connector, Connector)
    connector.check()
    read = [item for item in connector.read({}) if not isinstance(item, Problem)]
    assert list(dict.fromkeys(map(path_of, read))) == [each.path for each in connector.discover()]
    assert {path.partition("#")[0] for path in map(path_of, read)} == {f"sub/a{suffix}" for suffix in SAMPLES}
    (guide,) = [item for item in read if isinstance(item, Document) and item.path == "sub/a.md"]
    assert guide.modified == datetime(2024, 5, 1, 10, tzinfo=UTC) and "alpha" in guide.text


def test_unchanged_objects_are_not_downloaded_and_deleted_ones_are_gone(filled: Bucket, tmp_path: Path) -> None:
    known = fingerprints(items(filled))
    filled.downloads.clear()
    assert unchanged(items(filled, known)) == list(known)
    assert filled.downloads == []
    put(filled, tmp_path, ".md", "handbook/sub/a.md", "beta")
    del filled.objects["handbook/sub/a.txt"]
    again = items(filled, known)
    assert [path_of(item) for item in again if isinstance(item, Document | TableBatch)] == ["sub/a.md"]
    assert set(unchanged(again)) == set(known) - {"sub/a.md", "sub/a.txt"}
    assert filled.downloads == ["handbook/sub/a.md"]


def test_one_bad_object_does_not_stop_the_others(bucket: Bucket) -> None:
    for name in ("denied", "vanished", "cut", "huge", "good"):
        bucket.objects[f"handbook/{name}.md"] = f"# {name}\n\nAbout {name}.\n".encode()
    bucket.denied, bucket.vanished, bucket.cut = {"handbook/denied.md"}, {"handbook/vanished.md"}, {"handbook/cut.md"}
    bucket.claimed_sizes["handbook/huge.md"] = 2 << 20
    found = items(bucket, max_object_mb="1")
    assert [item.path for item in found if isinstance(item, Document)] == ["good.md"]
    told = {item.path: item for item in found if isinstance(item, Problem)}
    assert {path: problem.code for path, problem in told.items()} == {
        "denied.md": "unreadable", "cut.md": "unreadable", "huge.md": "too_large",
    }  # fmt: skip
    assert all(problem.leaves_unread for problem in told.values()), "what was read of them before would be lost"
    assert "handbook/huge.md" not in bucket.downloads


def test_more_than_the_listing_promised_is_not_taken(bucket: Bucket) -> None:
    bucket.objects["handbook/grown.md"] = b"# Grown\n" * 1000
    bucket.claimed_sizes["handbook/grown.md"] = 10
    (problem,) = items(bucket)
    assert isinstance(problem, Problem) and problem.code == "unreadable"


@pytest.mark.parametrize("key", ["../up.md", "a/../../up.md", "a//b.md", "./x.md", "%2e%2e/x.md", "a\\b.md", "a\nb.md"])
def test_keys_that_play_tricks_are_not_read(bucket: Bucket, key: str) -> None:
    bucket.objects[f"handbook/{key}"] = b"# Trick\n\nA trick.\n"
    (problem,) = items(bucket)
    assert isinstance(problem, Problem) and problem.code == "unsafe_key"


@pytest.mark.parametrize("key", ["Ü ñ – 文書.md", "a b+c&d=e?f#g.md", "100%.md", "x" * 200 + ".md", "'\"<&>.md"])
def test_odd_names_are_read(bucket: Bucket, key: str) -> None:
    bucket.objects[f"handbook/{key}"] = b"# Odd\n\nAn odd name.\n"
    (document,) = items(bucket, base_url="https://example.org/docs")
    assert isinstance(document, Document) and document.path == key
    assert document.url is not None and " " not in document.url and "?" not in document.url


def test_a_prefix_may_be_one_object_and_patterns_choose(filled: Bucket) -> None:
    (only,) = open_connector("s3://docs/handbook/sub/a.md", options={"endpoint_url": filled.url}).read({})
    assert path_of(only) == "a.md"
    assert set(fingerprints(items(filled, include="*.md,*.txt"))) == {"sub/a.md", "sub/a.txt"}
    assert "sub/a.md" not in fingerprints(items(filled, exclude="*.md"))
    with pytest.raises(SourceUnreadable, match="more than 2 objects"):
        items(filled, max_objects="2")


def test_what_is_wrong_with_the_bucket_is_named(filled: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceNotFound):
        opened(filled, "s3://nowhere/x").check()
    with pytest.raises(SourceEmpty):
        opened(filled, "s3://docs/nothing").check()
    with pytest.raises(SourceUnreadable, match="may not be listed"):
        opened(filled, anonymous="yes").check()
    filled.listing_denied = True
    with pytest.raises(SourceUnreadable, match="may not be listed"):
        opened(filled).check()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDWRONG")
    with pytest.raises(SourceUnreadable, match="not accepted"):
        opened(filled).check()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(SourceUnreadable, match="no credentials") as caught:
        opened(filled).check()
    assert "AWS_PROFILE" in caught.value.hint


def test_credentials_come_from_a_profile(filled: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    secret = f"aws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n"
    (tmp_path / "credentials").write_text(f"[team]\n{secret}")
    opened(filled, profile="team").check()


@pytest.mark.parametrize(
    ("location", "options"),
    [
        ("s3://AKID:secret@docs/x", {}),
        ("s3:///x", {}),
        ("s3://docs", {"endpoint_url": "ftp://x"}),
        ("s3://docs", {"endpoint_url": "http://user:pw@x"}),
        ("s3://docs", {"max_objects": "0"}),
        ("s3://docs", {"anonymous": "maybe"}),
        ("s3://docs", {"secret_key": "x"}),
    ],
)
def test_wrong_locations_and_options_are_refused(location: str, options: dict[str, str]) -> None:
    with pytest.raises(ConnectorError) as caught:
        open_connector(location, options=options)
    assert caught.value.hint and "secret@" not in str(caught.value) and ":pw" not in str(caught.value)


def test_a_store_that_cannot_be_reached_is_named(bucket: Bucket) -> None:
    with pytest.raises(SourceUnreadable, match="cannot be listed"):
        open_connector("s3://docs", options={"endpoint_url": "http://127.0.0.1:9"}).check()
