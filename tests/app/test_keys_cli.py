"""`answerable keys`: keys that end, and sites."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from app.commands.keys import app
from app.errors import AppError, InvalidRequest
from app.ops.expiry import moment_of
from app.ops.sites import SiteStore

ADD = ("site", "add", "--name", "Help", "--origin", "https://Help.Example.com:443/")


@pytest.fixture
def keys(tmp_path):
    """`keys(*arguments, **env)` runs `answerable keys` in this process: many commands, each of little work."""

    def run(*arguments, **env):
        return CliRunner().invoke(app, arguments, env={"ANSWERABLE_HOME": str(tmp_path), **env})

    return run


def test_a_key_that_ends_is_listed_with_its_end_and_its_state(keys, tmp_path):
    made = json.loads(keys("add", "--role", "analyst", "--expires", "90d", "--json").stdout)
    assert made["expires_at"] == pytest.approx(time.time() + 90 * 86_400, abs=60)
    until = datetime.fromtimestamp(made["expires_at"], UTC).strftime("%Y-%m-%d")
    assert f"(all sources, valid until {until}" in keys("list").stdout
    assert json.loads(keys("list", "--json").stdout)[0]["valid"] is True
    state = sqlite3.connect(tmp_path / "state.db")
    with state:
        state.execute("UPDATE keys SET expires_at = 1000000000")
    state.close()
    assert "(all sources, expired 2001-09-09" in keys("list").stdout
    assert json.loads(keys("list", "--json").stdout)[0]["valid"] is False


def test_a_key_says_when_it_ends(keys, tmp_path):
    run = keys("add", "--role", "visitor", "--expires", "2100-12-31")
    assert run.stdout.startswith("ak_")
    assert len(run.stdout.splitlines()) == 1
    assert "valid until 2100-12-31 23:59 UTC" in run.stderr


@pytest.mark.parametrize(("text", "seconds"), [("12h", 43_200), ("1d", 86_400), ("2w", 1_209_600), ("1y", 31_536_000)])
def test_spans(text, seconds):
    assert moment_of(text) == pytest.approx(time.time() + seconds, abs=5)


def test_a_date_is_the_last_day():
    assert datetime.fromtimestamp(moment_of("2126-02-28"), UTC).isoformat() == "2126-02-28T23:59:59+00:00"
    assert moment_of(None) is None


@pytest.mark.parametrize(
    "text", ["0d", "-1d", "90", "d", "1m", "2026-13-01", "2001-01-01", "9999-12-31x", "٣d", "soon"]
)
def test_other_expiries_are_refused(text):
    with pytest.raises(InvalidRequest) as raised:
        moment_of(text)
    assert "90d" in raised.value.hint


@pytest.mark.parametrize("text", ["9999999y", "9999-12-31"])
def test_far_ends_are_no_error(text):
    datetime.fromtimestamp(moment_of(text), UTC)


def test_a_site_is_made_with_key_secret_and_script_tag(keys, tmp_path):
    run = keys(*ADD, ANSWERABLE_PUBLIC_URL="https://answers.example.com/")
    assert run.exit_code == 0, run.output
    (site,) = SiteStore(tmp_path / "state.db").all()
    secret = SiteStore(tmp_path / "state.db").secret(site.id)
    assert run.stdout.count(secret) == 1
    tag = f'<script async src="https://answers.example.com/widget.js" data-site="{site.key}"></script>'
    assert tag in run.stdout.splitlines()
    assert "not shown again" in run.stderr
    for arguments in (("sites",), ("sites", "--json"), ("site", "show", site.id), ("site", "show", site.id, "--json")):
        shown = keys(*arguments).stdout
        assert site.key in shown
        assert "https://help.example.com" in shown
        assert secret not in shown


def test_every_option_of_a_site(keys, tmp_path):
    options = ("--origin", "http://localhost:3000", "--source", "a", "--source", "b", "--title", "Ask us", "--greeting")
    more = ("Hello", "--example", "One?", "--example", "Two?", "--handover", "mail:desk@example.com", "--as-written")
    made = json.loads(keys(*ADD, *options, *more, "--expires", "90d", "--json").stdout)
    assert made["origins"] == ["https://help.example.com", "http://localhost:3000"]
    assert made["sources"] == ["a", "b"]
    assert (made["title"], made["greeting"], made["examples"]) == ("Ask us", "Hello", ["One?", "Two?"])
    assert made["handover"] == {"kind": "mail", "target": "desk@example.com", "personal_data": "as_written"}
    assert made["expires_at"] > time.time()
    assert made["script"].startswith('<script async src="http://127.0.0.1:8000/widget.js"')


def test_changing_a_site_leaves_what_is_not_named(keys, tmp_path):
    made = json.loads(keys(*ADD, "--source", "a", "--title", "Ask us", "--handover", "webhook", "--json").stdout)

    def changed(*arguments):
        run = keys("site", "change", made["id"], *arguments, "--json")
        assert run.exit_code == 0, run.output
        return json.loads(run.stdout)

    assert changed("--name", "Desk")["title"] == "Ask us"
    assert changed("--title", "")["name"] == "Desk"
    assert changed("--origin", "https://new.example.com")["origins"] == ["https://new.example.com"]
    assert changed("--as-written")["handover"] == {"kind": "webhook", "target": "", "personal_data": "as_written"}
    assert changed("--handover", "link:https://example.org/a:b")["handover"]["target"] == "https://example.org/a:b"
    assert changed("--example", "Why?")["sources"] == ["a"]
    assert changed("--all-sources")["sources"] is None
    assert changed("--expires", "2100-12-31")["expires_at"] == pytest.approx(4_133_980_799)
    assert changed("--title", "Ask")["expires_at"] == pytest.approx(4_133_980_799)
    assert changed("--expires", "never")["expires_at"] is None
    assert changed()["key"] == made["key"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--origin", "help.example.com"),
        ("--origin", "https://*.example.com"),
        ("--origin", "https://help.example.com/path"),
        ("--origin", "null"),
        ("--origin", "javascript:alert(1)"),
        ("--handover", "link:javascript:alert(1)"),
        ("--handover", "mail:nobody"),
        ("--handover", "fax:1234"),
        ("--handover", "webhook:https://example.com"),
        ("--example", "x" * 300),
        ("--expires", "yesterday"),
    ],
)
def test_a_site_that_could_not_work_is_refused(keys, tmp_path, arguments):
    run = keys(*ADD, *arguments)
    assert run.exit_code == 1
    assert isinstance(run.exception, AppError)
    assert keys("sites").stdout.startswith("There are no sites.")


def test_a_revoked_site_is_listed_as_such(keys, tmp_path):
    made = json.loads(keys(*ADD, "--json").stdout)
    assert "is revoked" in keys("site", "revoke", made["id"]).stdout
    assert "revoked)" in keys("sites").stdout
    store = SiteStore(tmp_path / "state.db")
    assert store.find(made["key"]) is None
    assert not store.any_allows("https://help.example.com")


@pytest.mark.parametrize("command", ["show", "change", "revoke"])
def test_an_unknown_site_says_how_to_list(keys, tmp_path, command):
    run = keys("site", command, "nope")
    assert run.exit_code == 1
    assert run.exception.hint == "`answerable keys site list` shows the sites."


def test_a_source_that_is_not_ingested_is_told(keys):
    for command in (("add", "--role", "analyst"), ADD):
        run = keys(*command, "--source", "shpo")
        assert run.exit_code == 0 and "no source 'shpo' is ingested; there are: none" in run.stderr


def test_sites_are_listed_beside_their_other_commands(keys):
    keys(*ADD)
    assert "https://help.example.com" in keys("site", "list").stdout
    assert keys("sites").stdout == keys("site", "list").stdout
