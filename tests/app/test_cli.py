"""The command line: quick help, lazy parts, errors in two lines, nothing untrusted sent to a terminal."""

import json
import subprocess
import sys

import pytest
import typer.main

from app.cli import COMMANDS, app
from app.commands.terminal import citation_line, one_line, plain
from app.values import Citation

HEAVY = ["openvino", "faiss", "duckdb", "spacy", "tantivy", "pyarrow", "litestar", "sqlalchemy", "numpy", "torch"]
MOST_MODULES = 400
"""Loaded to print the help; 328 when this was written. `bench/service.py` has the time."""


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from app.cli import main; sys.argv = ['answerable', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print('HEAVY', sorted(set({HEAVY}) & set(sys.modules)), len(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    heavy, _, count = run.stdout.splitlines()[-1].rpartition(" ")
    assert heavy == "HEAVY []" and int(count) < MOST_MODULES


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_whose_first_line_is_the_listed_one(cli, tmp_path, name):
    run = cli(tmp_path, name, "--help")
    assert run.returncode == 0, run.stderr
    assert COMMANDS[name][1].rstrip(".") in " ".join(run.stdout.split())


def test_every_command_is_listed():
    assert list(typer.main.get_command(app).commands) == list(COMMANDS)


def test_an_error_is_two_lines_and_exit_code_1(cli, tmp_path):
    run = cli(tmp_path, "keys", "revoke", "nope", fresh=True)
    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        "error: There is no key 'nope'.",
        "       `answerable keys list` shows the keys.",
    ]


def test_with_json_an_error_has_the_error_shape(cli, tmp_path):
    run = cli(tmp_path, "trace", "nope", "--json")
    assert run.returncode == 1
    assert json.loads(run.stderr)["error"]["code"] == "not_found"


def test_a_wrong_setting_stops_every_command(cli, tmp_path):
    run = cli(tmp_path, "serve", ANSWERABLE_PORT="ninety")
    assert run.returncode == 1
    assert "ANSWERABLE_PORT is 'ninety'" in run.stderr


def test_a_port_option_that_is_wrong_is_named(cli, tmp_path):
    run = cli(tmp_path, "serve", "--port", "99999")
    assert run.returncode == 1
    assert "ANSWERABLE_PORT is '99999'" in run.stderr


def test_a_mistyped_command_is_refused_with_the_nearest(cli, tmp_path):
    run = cli(tmp_path, "keyss")
    assert run.returncode == 2
    assert "keys" in run.stderr


def test_serving_beyond_loopback_without_a_key_is_refused_with_the_remedy(cli, tmp_path):
    run = cli(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")
    assert run.returncode == 1
    assert "answerable keys add" in run.stderr


def test_keys_are_made_listed_and_revoked(cli, tmp_path):
    made = json.loads(cli(tmp_path, "keys", "add", "--role", "visitor", "--source", "docs", "--json").stdout)
    assert made["token"].startswith("ak_")
    listed = cli(tmp_path, "keys", "list", "--json").stdout
    assert [(key["id"], key["role"], key["sources"]) for key in json.loads(listed)] == [
        (made["id"], "visitor", ["docs"])
    ]
    assert made["token"] not in listed
    assert cli(tmp_path, "keys", "revoke", made["id"]).returncode == 0
    assert "revoked" in cli(tmp_path, "keys", "list").stdout


def test_a_role_that_does_not_exist_is_refused(cli, tmp_path):
    run = cli(tmp_path, "keys", "add", "--role", "boss")
    assert run.returncode == 1
    assert "owner, analyst or visitor" in run.stderr


@pytest.mark.parametrize(
    "hostile",
    ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "a\rb", "\x08", "\x00", "\u202eevil", "\u2066x", "\u200bx", "\x7f"],
)
def test_control_characters_are_shown_not_sent(hostile):
    shown = plain(hostile)
    assert all(character.isprintable() for character in shown)
    assert "\\x" in shown or "\\u" in shown or "\\r" in shown


def test_ordinary_text_is_left_as_it_is():
    text = "Größe: 3 — 日本語 😀\n\t• naïve"
    assert plain(text) == text


def test_a_citation_is_one_line_whatever_its_title():
    citation = Citation(n=2, source="s", document="a\nb.md", title="T\x1b[1m\nU", url=None, start=0, end=1, quote="q")
    assert citation_line(citation) == "[2] T\\x1b[1m U (s: a b.md)"
    assert one_line("a\n\n  b") == "a b"
