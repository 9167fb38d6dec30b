"""Git repositories as sources: real repositories, read through the real `git`."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from connector_samples import SAMPLES, fingerprints, path_of, unchanged, write_text

from connectors.base import Connector, Document, Item, Problem, TableBatch
from connectors.errors import ConnectorError, SourceEmpty, SourceNotFound, SourceUnreadable
from connectors.git_address import address_of, web_url
from connectors.registry import kind_of, open_connector

_ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com",
}  # fmt: skip


def git(folder: Path, *arguments: str, at: str = "2024-01-01T12:00:00Z") -> str:
    env = _ENV | {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    done = subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, at: str = "2024-01-01T12:00:00Z") -> str:
    git(folder, "add", "--all", at=at)
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x", at=at)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "a handbook"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    for suffix, write in SAMPLES.items():
        write(root / f"a{suffix}", "alpha")
    write_text(root / "docs" / "guide.md", "# Guide\n\nPacking a tent.\n")
    write_text(root / "docs" / "main.py", "print('source code')\n")
    write_text(root / ".github" / "hidden.md", "# Hidden\n")
    (root / "link.md").symlink_to("/etc/passwd")
    commit(root)
    write_text(root / "later.md", "# Later\n\nAdded afterwards.\n")
    commit(root, at="2024-06-01T12:00:00Z")
    return root


def opened(root: Path | str, **options: str) -> Connector:
    return open_connector(str(root), kind="git", options=options)


def items(root: Path | str, known: dict[str, str] | None = None, **options: str) -> list[Item]:
    return list(opened(root, **options).read(known or {}))


def test_every_format_is_read_as_from_a_folder(repository: Path) -> None:
    connector = opened(repository)
    assert isinstance(connector, Connector)
    connector.check()
    read = [item for item in connector.read({}) if not isinstance(item, Problem)]
    assert list(dict.fromkeys(map(path_of, read))) == [each.path for each in connector.discover()]
    suffixes = {"." + path.partition(".")[2].partition("#")[0] for path in map(path_of, read)}
    assert suffixes == set(SAMPLES)
    documents = {item.path: item for item in read if isinstance(item, Document)}
    assert "Packing a tent" in documents["docs/guide.md"].text
    assert {item.schema.name for item in read if isinstance(item, TableBatch)} >= {"a", "One", "alpha_orders"}
    assert not {"docs/main.py", ".github/hidden.md", "link.md"} & set(documents)


def test_times_are_those_of_the_last_change_and_fingerprints_the_blobs(repository: Path) -> None:
    documents = {item.path: item for item in items(repository) if isinstance(item, Document)}
    assert documents["later.md"].modified == datetime(2024, 6, 1, 12, tzinfo=UTC)
    assert documents["a.md"].modified == datetime(2024, 1, 1, 12, tzinfo=UTC)
    assert documents["a.md"].fingerprint == git(repository, "rev-parse", "HEAD:a.md")
    cut = {item.path: item for item in items(repository, history="1") if isinstance(item, Document)}
    assert cut["a.md"].modified == datetime(2024, 6, 1, 12, tzinfo=UTC), "not changed since, as far as is known"


def test_only_what_changed_is_fetched_and_what_was_deleted_is_gone(repository: Path) -> None:
    known = fingerprints(items(repository))
    assert unchanged(items(repository, known)) == list(known)
    SAMPLES[".xlsx"](repository / "a.xlsx", "beta")
    write_text(repository / "a.md", "# Guide\n\nAbout beta.\n")
    (repository / "a.txt").unlink()
    commit(repository, at="2025-01-01T12:00:00Z")
    connector = opened(repository)
    again = list(connector.read(known))
    assert {path_of(item) for item in again if isinstance(item, Document | TableBatch)} == {
        "a.md", "a.xlsx#One", "a.xlsx#Two",
    }  # fmt: skip
    assert set(unchanged(again)) == set(known) - {"a.md", "a.txt", "a.xlsx#One", "a.xlsx#Two"}
    blob = git(repository, "rev-parse", "HEAD:docs/guide.md")
    assert blob in connector._fetched.missing, "an unchanged file's content was fetched"


def test_ref_path_and_patterns_choose_what_is_read(repository: Path) -> None:
    git(repository, "tag", "v1", "HEAD~1")
    assert "later.md" not in fingerprints(items(repository, ref="v1"))
    first = git(repository, "rev-parse", "HEAD~1")
    assert "later.md" not in fingerprints(items(repository, ref=first))
    assert set(fingerprints(items(repository, path="docs"))) == {"docs/guide.md"}
    assert set(fingerprints(items(repository, include="*.py,later.*"))) == {"docs/main.py", "later.md"}
    assert "later.md" not in fingerprints(items(repository, exclude="later*"))
    with pytest.raises(SourceEmpty):
        opened(repository, path="nowhere").check()


@pytest.mark.parametrize(
    "options",
    [{"ref": "--upload-pack=x"}, {"ref": "a:b"}, {"path": "../up"}, {"path": "-x"}, {"history": "0"}, {"colour": "red"},
     {"max_mb": "many"}],
)  # fmt: skip
def test_options_that_git_could_mistake_are_refused(repository: Path, options: dict[str, str]) -> None:
    with pytest.raises(ConnectorError) as caught:
        opened(repository, **options)
    assert caught.value.hint


def test_unknown_ref_missing_repository_and_size_limit_are_named(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="no branch, tag or commit nope"):
        opened(repository, ref="nope").check()
    with pytest.raises(SourceNotFound):
        opened(tmp_path / "nothing").check()
    (repository / "noise.txt").write_bytes(os.urandom(3 << 20).hex().encode())
    commit(repository)
    with pytest.raises(SourceUnreadable, match="larger than 1 MB"):
        items(repository, max_mb="1")


def test_repository_runs_nothing_and_leads_nowhere(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    hook = write_text(repository / ".git" / "hooks" / "post-checkout", f"#!/bin/sh\ntouch '{mark}'\n")
    hook.chmod(0o755)
    git(repository, "config", "uploadpack.packObjectsHook", f"touch '{mark}';")
    git(repository, "config", "core.fsmonitor", f"touch '{mark}'")
    git(repository, "config", "filter.lfs.smudge", f"touch '{mark}'")
    write_text(repository / ".gitattributes", "*.md filter=lfs\n")
    write_text(repository / "big.md", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{git(repository, 'rev-parse', 'HEAD')},module")
    mark.unlink(missing_ok=True)
    git(repository, "-c", "core.fsmonitor=false", "-c", "filter.lfs.smudge=", "add", ".gitattributes", "big.md")
    git(repository, "-c", "core.fsmonitor=false", "commit", "--quiet", "--message", "x")
    mark.unlink(missing_ok=True)
    found = {item.path: item.code for item in items(repository) if isinstance(item, Problem)}
    assert found == {"link.md": "link_not_followed", "module": "submodule", "big.md": "lfs_pointer"}
    assert not mark.exists()


def test_temporary_folder_is_deleted_with_the_connector(repository: Path) -> None:
    connector = opened(repository)
    connector.check()
    folder = connector._fetched.git.folder
    assert folder.is_dir()
    del connector
    assert not folder.exists()


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("git+https://h/o/r", "git"),
        ("https://h/o/r.git", "git"),
        ("git+file:///srv/r", "git"),
        ("git+ssh://g@h/r", "git"),
    ],
)
def test_repositories_are_told_by_their_url(location: str, kind: str) -> None:
    assert kind_of(location) == kind


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("git+https://user:hunter2@host/o/r", "password"),
        ("git+https://ghp_secret@host/o/r", "password"),
        ("git+ssh://git:hunter2@host/o/r", "user name"),
        ("git+ssh://-oProxyCommand=x/r", "URL"),
        ("git+http://host/o/r", "http"),
        ("git+ext::sh -c x://y", "ext"),
        ("git+https://host/", "URL"),
    ],
)
def test_secrets_and_odd_protocols_are_refused_without_being_repeated(location: str, said: str) -> None:
    with pytest.raises(ConnectorError, match=said) as caught:
        open_connector(location, kind="git")
    assert "hunter2" not in str(caught.value) and "ghp_secret" not in str(caught.value)


def test_token_comes_from_the_environment_and_stays_out_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    address = address_of("git+https://me:${DOCS_TOKEN}@host.example/o/r.git")
    with pytest.raises(ConnectorError, match="DOCS_TOKEN"):
        address.credentials()
    monkeypatch.setenv("DOCS_TOKEN", "s3cret")
    credentials = address.credentials()
    assert credentials.config == {"http.https://host.example/.extraHeader": "Authorization: Basic bWU6czNjcmV0"}
    assert "s3cret" in credentials.secrets
    assert "s3cret" not in repr(address) and "${" not in address.url


@pytest.mark.parametrize(
    ("location", "template", "url"),
    [
        ("https://github.com/o/r.git", None, "https://github.com/o/r/blob/c0/a%20b.md"),
        ("git+https://gitlab.com/g/s/r", None, "https://gitlab.com/g/s/r/-/blob/c0/a%20b.md"),
        ("git+ssh://git@github.com/o/r.git", None, "https://github.com/o/r/blob/c0/a%20b.md"),
        ("git+https://git.example.org/o/r", None, None),
        ("/srv/r", "https://docs.example.org/{ref}/{path}", "https://docs.example.org/main/a%20b.md"),
    ],
)
def test_web_address_of_a_file(location: str, template: str | None, url: str | None) -> None:
    assert web_url(address_of(location), template, "c0", "main", "a b.md") == url
