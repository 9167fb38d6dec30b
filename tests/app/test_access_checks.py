"""What `answerable doctor` says of keys, sites, addresses, limits, mail and scheduled syncs."""

import json
import shutil
import socket
import socketserver
import threading
import time
from contextlib import contextmanager

import pytest

from app.ops.access_checks import (
    address,
    expiring_keys,
    limits,
    mail,
    port,
    scheduled_syncs,
    sites,
    state_file,
)
from app.ops.doctor import CHECKS, examine
from app.ops.keys import KeyStore
from app.ops.site import Handover, SiteOptions
from app.ops.sites import SiteStore
from app.settings import Settings
from tests.conftest import run_cli
from tests.ingest.ingesting import ingest, new_home

DAY_S = 86_400.0
OURS = (state_file, expiring_keys, sites, address, port, limits, mail, scheduled_syncs)


def told(finding, level, *parts):
    assert finding.level == level, finding
    for part in parts:
        assert part in finding.message, finding
    assert bool(finding.remedy) or level == "ok"
    return finding


@pytest.mark.parametrize("check", OURS, ids=lambda check: check.__name__)
def test_a_fresh_installation_on_this_machine_is_well(tmp_path, check):
    finding = check(Settings(home=tmp_path, port=0))
    assert (finding.level, finding.check) == ("ok", check.__name__.replace("_", " "))
    assert check in CHECKS


def test_a_check_that_breaks_is_a_finding(tmp_path, monkeypatch):
    (tmp_path / "state.db").write_text("no database")
    monkeypatch.setattr("app.ops.doctor.CHECKS", (expiring_keys, sites))
    assert [(finding.check, finding.level) for finding in examine(Settings(home=tmp_path))] == [
        ("expiring keys", "failure"),
        ("sites", "failure"),
    ]


# --- the state file, keys, sites ----------------------------------------------------------------------------


def test_a_state_file_that_others_may_read_is_told(tmp_path):
    KeyStore(tmp_path / "state.db").add("owner")
    told(state_file(Settings(home=tmp_path)), "ok", "state.db")
    (tmp_path / "state.db").chmod(0o644)
    finding = told(state_file(Settings(home=tmp_path)), "warning", "others may read state.db")
    assert "chmod 600" in finding.remedy


def test_a_state_file_of_another_user_is_a_failure(tmp_path, ordinary_user):
    path = tmp_path / "state.db"
    KeyStore(path).add("owner")
    path.chmod(0o400)
    with ordinary_user():
        told(state_file(Settings(home=tmp_path)), "failure", "cannot be read and written")


def test_keys_about_to_expire_are_named(tmp_path):
    keys = KeyStore(tmp_path / "state.db")
    keys.add("owner", name="stays")
    keys.add("analyst", name="later", expires_at=time.time() + 30 * DAY_S)
    keys.add("analyst", name="over", expires_at=time.time() - DAY_S)
    told(expiring_keys(Settings(home=tmp_path)), "ok", "2 valid")
    keys.add("analyst", name="board", expires_at=time.time() + 3 * DAY_S)
    finding = told(expiring_keys(Settings(home=tmp_path)), "warning", "board")
    assert "later" not in finding.message and "over" not in finding.message


def test_a_service_that_nobody_owns_is_told(tmp_path):
    keys = KeyStore(tmp_path / "state.db")
    keys.add("analyst")
    told(expiring_keys(Settings(home=tmp_path)), "ok")
    told(expiring_keys(Settings(home=tmp_path, host="0.0.0.0")), "warning", "no key is an owner's of all")
    keys.add("owner")
    told(expiring_keys(Settings(home=tmp_path, host="0.0.0.0")), "ok")


def site(**options):
    return SiteOptions(**({"name": "help", "origins": ("https://help.example",)} | options))


@pytest.mark.parametrize(
    ("options", "expires", "said"),
    [
        ({}, -DAY_S, "help has expired"),
        ({}, 2 * DAY_S, "help ends on "),
        ({"origins": ("http://help.example",)}, None, "in clear text"),
        ({"sources": ("gone",)}, None, "asks gone, which is not ingested"),
        ({"handover": Handover(kind="mail", target="a@b.example")}, None, "ANSWERABLE_SMTP_URL"),
        ({"handover": Handover(kind="webhook")}, None, "ANSWERABLE_WEBHOOK_URL"),
    ],
)
def test_sites_that_do_not_work_are_named(tmp_path, options, expires, said):
    store = SiteStore(tmp_path / "state.db")
    added, _ = store.add(site(**options), expires_at=None if expires is None else time.time() + expires)
    told(sites(Settings(home=tmp_path)), "warning", said)
    store.revoke(added.id)
    told(sites(Settings(home=tmp_path)), "ok")


def test_sites_that_work_are_counted(tmp_path):
    store = SiteStore(tmp_path / "state.db")
    store.add(site(origins=("https://help.example", "http://localhost:3000")))
    store.add(site(handover=Handover(kind="mail", target="a@b.example")), expires_at=time.time() + 90 * DAY_S)
    settings = Settings(home=tmp_path, smtp_url="smtp://mail.example:587", mail_from="a@b.example")
    told(sites(settings), "ok", "2 sites")


# --- the address, the port ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "level", "said"),
    [
        ({"host": "0.0.0.0"}, "warning", "ANSWERABLE_PUBLIC_URL and ANSWERABLE_ALLOWED_HOSTS are not set"),
        ({"host": "0.0.0.0", "public_url": "https://a.example"}, "warning", "ANSWERABLE_ALLOWED_HOSTS is not set"),
        ({"public_url": "http://a.example", "allowed_hosts": ("a.example",)}, "warning", "is not https"),
        ({"public_url": "a.example"}, "failure", "ANSWERABLE_PUBLIC_URL is no address"),
        ({"public_url": "https://a.example?x"}, "failure", "ANSWERABLE_PUBLIC_URL is no address"),
        ({"public_url": "https://a.example", "allowed_hosts": ("b.example",)}, "failure", "does not name a.example"),
        ({"public_url": "https://a.example", "allowed_hosts": ("a.example",)}, "ok", "https://a.example"),
        ({"public_url": "http://localhost:8000"}, "ok", "this machine only"),
        ({"public_url": "https://a.example"}, "warning", "ANSWERABLE_ALLOWED_HOSTS is not set"),
        ({"host": "::1"}, "ok", "this machine only"),
    ],
)
def test_the_address_by_which_others_come(tmp_path, given, level, said):
    told(address(Settings(home=tmp_path, **given)), level, said)


def test_a_port_that_is_free_taken_or_impossible(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        finding = told(port(Settings(home=tmp_path, port=number)), "ok", "something listens")
        assert "ANSWERABLE_PORT" in finding.remedy
    told(port(Settings(home=tmp_path, port=number)), "ok", "is free")
    told(port(Settings(home=tmp_path, host="192.0.2.1", port=number)), "failure", "cannot be bound")
    told(port(Settings(home=tmp_path, host="no-such-host.invalid", port=number)), "failure", "cannot be bound")


# --- Redis and mail -----------------------------------------------------------------------------------------


class Replies(socketserver.StreamRequestHandler):
    """Greets, then gives the reply of the first word that it knows."""

    def handle(self):
        if self.server.greeting:
            self.wfile.write(self.server.greeting)
        for line in self.rfile:
            for word, reply in self.server.replies.items():
                if word in line.upper():
                    self.wfile.write(reply)


@contextmanager
def answering(greeting, replies):
    """The port of a server that says what it is told to."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Replies) as server:
        server.daemon_threads = True
        server.greeting, server.replies = greeting, replies
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize(
    ("url", "said"), [("http://a.example", "no address"), ("redis://127.0.0.1:{closed}/0", "does not answer")]
)
def test_limits_that_cannot_be_counted_are_a_failure(tmp_path, url, said):
    settings = Settings(home=tmp_path, limits_url=url.replace("{closed}", str(closed_port())))
    told(limits(settings), "failure", said)


def test_several_processes_that_count_apart_are_told(tmp_path):
    told(limits(Settings(home=tmp_path, workers=4)), "warning", "4 processes")


@pytest.mark.service
def test_a_redis_that_answers_is_well_and_its_password_is_not_shown(tmp_path):
    import os

    url = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
    told(limits(Settings(home=tmp_path, limits_url=url)), "ok", "answers")


SMTP = {b"EHLO": b"250 mail\r\n", b"QUIT": b"221 bye\r\n"}


def mailing(tmp_path, url, **more):
    return Settings(home=tmp_path, smtp_url=url, **({"mail_from": "answers@example.com"} | more))


def test_a_mail_server_that_answers_is_well(tmp_path):
    with answering(b"220 mail\r\n", SMTP) as number:
        told(mail(mailing(tmp_path, f"smtp://127.0.0.1:{number}")), "ok", "answers@example.com")


def test_a_mail_server_that_does_not_let_us_in_is_a_failure_without_the_password(tmp_path):
    replies = {b"EHLO": b"250-mail\r\n250 AUTH PLAIN\r\n", b"AUTH": b"535 no\r\n", b"QUIT": b"221 bye\r\n"}
    with answering(b"220 mail\r\n", replies) as number:
        finding = mail(mailing(tmp_path, f"smtp://me:planted-secret@127.0.0.1:{number}"))
    told(finding, "failure", "does not accept user and password")
    assert "planted" not in str(finding)


@pytest.mark.parametrize(
    ("url", "more", "said"),
    [
        ("http://mail.example", {}, "ANSWERABLE_SMTP_URL is no address"),
        ("smtp://", {}, "ANSWERABLE_SMTP_URL is no address"),
        ("smtp://mail.example:port", {}, "ANSWERABLE_SMTP_URL is no address"),
        ("smtp://mail.example", {"mail_from": ""}, "ANSWERABLE_MAIL_FROM"),
        ("smtp://127.0.0.1:{closed}", {}, "does not answer"),
        ("smtps://127.0.0.1:{closed}", {}, "does not answer"),
    ],
)
def test_a_mail_server_that_cannot_be_used_is_a_failure(tmp_path, url, more, said):
    told(mail(mailing(tmp_path, url.replace("{closed}", str(closed_port())), **more)), "failure", said)


# --- scheduled syncs ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory):
    """A home with a source that is synchronised every hour."""
    home = new_home(tmp_path_factory.mktemp("scheduled"))
    docs = tmp_path_factory.mktemp("docs")
    (docs / "returns.md").write_text("# Returns\n\nWithin 30 days.\n")
    ingest(home, docs, name="docs")
    assert run_cli(home, "ingest", "schedule", "docs", "1h").returncode == 0
    return home, docs


def test_scheduled_syncs_that_fail_are_told_with_their_reason(scheduled, tmp_path):
    from ingest.layout import Layout
    from ingest.stores.schedule import Attempt, note_attempt

    home, _ = scheduled
    told(scheduled_syncs(Settings(home=home)), "ok", "1 sources")
    told(scheduled_syncs(Settings(home=home, scheduler="off")), "warning", "ANSWERABLE_SCHEDULER is off")
    copy = tmp_path / "home"
    shutil.copytree(home, copy, symlinks=True)
    now = "2026-11-21T12:00:00+00:00"
    failed = Attempt(
        started_at=now, finished_at=now, failures=3, code="source_not_found", message="The folder is gone."
    )
    note_attempt(Layout(copy), "docs", failed)
    told(
        scheduled_syncs(Settings(home=copy)), "warning", "docs 3 times in a row (source_not_found): The folder is gone"
    )


def test_the_command_tells_all_of_it(scheduled):
    home, _ = scheduled
    findings = {each["check"]: each for each in json.loads(run_cli(home, "doctor", "--json").stdout)}
    assert {check.__name__.replace("_", " ") for check in OURS} <= set(findings)
    assert findings["scheduled syncs"]["level"] == "ok"


def test_a_key_of_a_source_that_is_not_ingested_is_told(tmp_path):
    store = KeyStore(Settings(home=tmp_path).state_path)
    store.add("owner")
    store.add("analyst", name="board", sources=["shpo"])
    told(expiring_keys(Settings(home=tmp_path)), "warning", "shpo")
