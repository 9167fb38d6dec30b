"""Mail and repositories over TLS: read where the certificate is trusted, and no password is sent where it is not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_server import Served, backend, git_server
from imap_server import Folder, imap_server
from tls import Authority, made

from connectors.base import Connector, Document, Unchanged
from connectors.errors import SourceUnreadable
from connectors.registry import open_connector

MESSAGE = (
    b"From: Ada <ada@example.com>\nTo: help@shop.example\nSubject: Tent pole\nMessage-ID: <1@x>\n\nA pole broke.\n"
)
needs_backend = pytest.mark.skipif(not backend().exists(), reason="this git has no http-backend")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return made(tmp_path)


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    monkeypatch.setenv("GIT_SSL_CAINFO", str(authority.bundle))
    return authority


def mail(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, *, host: str = "localhost", scheme: str = "imaps"
) -> Connector:
    folder.messages = {10: MESSAGE}
    monkeypatch.setenv("MAIL_PW", "s3cret")
    location = f"{scheme}://me@{host}:{folder.port}/Support"
    return open_connector(location, options={"password": "${MAIL_PW}", "timeout_s": "5"})


@pytest.mark.parametrize(("scheme", "starttls"), [("imaps", False), ("imap", True)])
def test_mail_is_read_over_tls(
    trusted: Authority, monkeypatch: pytest.MonkeyPatch, scheme: str, starttls: bool
) -> None:
    with imap_server(trusted.server_context(), starttls=starttls) as folder:
        found = list(mail(folder, monkeypatch, scheme=scheme).read({}))
        assert [item.title for item in found if isinstance(item, Document)] == ["Tent pole"]
        if starttls:
            logins = [c.split(" ")[0] for c in folder.commands if c.startswith(("STARTTLS", "LOGIN"))]
            assert logins == ["STARTTLS", "LOGIN"], "the password went before the encryption"


@pytest.mark.parametrize("starttls", [False, True])
@pytest.mark.parametrize("wrong", ["unknown authority", "another host", "run out"])
def test_no_password_is_sent_to_a_server_that_cannot_prove_who_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, starttls: bool
) -> None:
    authority = made(
        tmp_path,
        days=-1 if wrong == "run out" else 1,
        host="elsewhere.example" if wrong == "another host" else "localhost",
    )
    if wrong != "unknown authority":
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with imap_server(authority.server_context(), starttls=starttls) as folder:
        with pytest.raises(SourceUnreadable, match="TLS") as caught:
            list(mail(folder, monkeypatch, scheme="imap" if starttls else "imaps").read({}))
        assert "certificate" in caught.value.hint
        assert not any(command.startswith("LOGIN") for command in folder.commands)


@pytest.fixture
def repositories(tmp_path: Path) -> Path:
    work, root = tmp_path / "work", tmp_path / "served"
    work.mkdir()
    (work / "guide.md").write_text("# Guide\n\nPacking a tent.\n")
    (work / "returns.md").write_text("# Returns\n\nWithin 30 days.\n")
    _commit(work, "--initial-branch=main")
    subprocess.run(["git", "clone", "--quiet", "--bare", str(work), str(root / "handbook.git")], check=True)
    return root


def _commit(work: Path, init: str = "") -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    if init:
        subprocess.run(["git", "init", "--quiet", init], cwd=work, check=True)
    subprocess.run(["git", "add", "--all"], cwd=work, check=True)
    subprocess.run(["git", *who, "commit", "--quiet", "--message", "x"], cwd=work, check=True)


@pytest.fixture
def served(repositories: Path, authority: Authority) -> Iterator[Served]:
    with git_server(repositories, authority.server_context()) as running:
        yield running


def repository(served: Served, monkeypatch: pytest.MonkeyPatch, token: str = "t0ken") -> Connector:
    monkeypatch.setenv("DOCS_TOKEN", token)
    return open_connector(f"git+https://me:${{DOCS_TOKEN}}@localhost:{served.port}/handbook.git")


@needs_backend
def test_a_repository_is_read_over_https_and_only_what_changed_is_fetched(
    served: Served, trusted: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = [item for item in repository(served, monkeypatch).read({}) if isinstance(item, Document)]
    assert {document.path: document.title for document in found} == {"guide.md": "Guide", "returns.md": "Returns"}
    (tmp_path / "work" / "returns.md").write_text("# Returns\n\nWithin 60 days.\n")
    _commit(tmp_path / "work")
    push = ["git", "push", "--quiet", str(served.root / "handbook.git"), "main"]
    subprocess.run(push, cwd=tmp_path / "work", check=True)
    known = {document.path: document.fingerprint for document in found}
    again = list(repository(served, monkeypatch).read(known))
    assert [item.path for item in again if isinstance(item, Unchanged)] == ["guide.md"]
    assert ["60 days" in item.text for item in again if isinstance(item, Document)] == [True]


@needs_backend
def test_a_refused_token_and_an_unknown_certificate_are_named_without_the_token(
    served: Served, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceUnreadable, match=r"TLS|certificate") as caught:
        repository(served, monkeypatch).check()
    assert served.requests == [], "a request went to a server that could not prove who it is"
    monkeypatch.setenv("GIT_SSL_CAINFO", str(authority.bundle))
    with pytest.raises(SourceUnreadable, match="does not let this user") as caught:
        repository(served, monkeypatch, token="wr0ng").check()
    assert "wr0ng" not in f"{caught.value} {caught.value.hint}"


@needs_backend
def test_a_redirect_is_not_followed_with_the_token(
    served: Served, trusted: Authority, monkeypatch: pytest.MonkeyPatch, repositories: Path
) -> None:
    with git_server(repositories, trusted.server_context()) as other:
        served.moved_to = f"https://localhost:{other.port}/handbook.git/info/refs?service=git-upload-pack"
        with pytest.raises(SourceUnreadable):
            repository(served, monkeypatch).check()
        assert other.requests == []
