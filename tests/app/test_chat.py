"""`answerable chat` at a terminal (a pty), through a pipe, in its own process and against a service."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import time

import pytest
import yaml

from app.llm.scripted import scripted_server
from tests.app.terminals import WAIT_S, Terminal
from tests.conftest import ROOT, SAMPLE, clean_env
from tests.ingest.ingesting import ingest, new_home

ORDERS, WASH = "How many orders were placed in 2025?", "How do I wash a down jacket?"


@pytest.fixture
def home(sample_home, tmp_path):
    for part in ("store", "cache"):
        (tmp_path / part).symlink_to(sample_home / part)
    return tmp_path


@pytest.fixture
def terminal(home):
    opened = []

    def open_terminal(*arguments, **env):
        command = [sys.executable, "-m", "app.cli", "chat", *arguments]
        opened.append(Terminal(clean_env(home, **env), *command))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()


def piped(home, text, *arguments, **env):
    return subprocess.run([sys.executable, "-m", "app.cli", "chat", *arguments], input=text, env=clean_env(home, **env), cwd=ROOT, capture_output=True, text=True, timeout=120)  # fmt: skip


def test_a_conversation_at_a_terminal(terminal, home):
    chat = terminal()
    chat.until("> ")
    assert "There are" in chat.ask(ORDERS, "orders in 2025 (order date).")
    assert "2024" in chat.ask("and in 2024?", "Understood as: ")
    chat.ask("/sql", "SELECT")
    assert "route: tables" in chat.ask("/explain", "timing (ms)")
    chat.ask(WASH, "[1] Washing and storing a down jacket")
    assert "30 °C" in chat.ask("/open 1", "rip the inner walls.")
    chat.ask("/thumb down not my jacket", "Noted.")
    chat.ask("/sources", "help-centre (public): 65 documents")
    chat.ask("/new", "A new conversation.")
    chat.ask("/open 1", "cites nothing")
    chat.ask("/nonsense", "is no command")
    chat.ask("/help", "/quit")
    chat.until("> ")
    chat.type("", end="\x04")
    assert chat.ended() == 0
    history = home / "chat-history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert WASH in history.read_text() and "/sql" in history.read_text()


def test_what_was_typed_is_recalled_or_not_kept(terminal, home):
    (home / "chat-history").write_text(f"{ORDERS}\n")
    (home / "chat-history").chmod(0o644)
    chat = terminal()
    chat.until("> ")
    chat.type("\x1b[A")  # the up arrow
    chat.until("orders in 2025 (order date).")
    chat.type("/quit")
    assert chat.ended() == 0
    assert stat.S_IMODE((home / "chat-history").stat().st_mode) == 0o600
    (home / "chat-history").unlink()
    chat = terminal("--no-history")
    chat.until("> ")
    chat.ask("/help", "/quit")
    chat.type("/quit")
    assert chat.ended() == 0 and not (home / "chat-history").exists()


def test_ctrl_c_stops_the_answer_and_not_the_program(terminal):
    script = (SAMPLE / "llm-script.yaml").read_text(encoding="utf-8").replace("per_token_s: 0.01", "per_token_s: 0.2")
    with scripted_server(yaml.safe_load(script)) as model:
        chat = terminal(ANSWERABLE_LLM_BASE_URL=model.url, ANSWERABLE_LLM_MODEL="scripted", ANSWERABLE_DEADLINE_S="120")
        chat.until("> ")
        chat.type("/he", end="")
        chat.press_until("\x03", "Ctrl-D ends.")
        chat.ask(WASH, "writing")
        give_up = time.monotonic() + WAIT_S
        while not any(each.schema == "write" for each in model.received) and time.monotonic() < give_up:
            time.sleep(0.05)
        chat.type("", end="\x03")
        chat.until("Stopped.")
        assert model.settled(20)
        assert [each.outcome for each in model.received if each.schema == "write"] in (["cut"], ["abandoned"])
        asked = model.count
        chat.ask("/sources", "help-centre (public)")
        assert model.count == asked, "nothing more was asked of the model"
        chat.type("/quit")
        assert chat.ended() == 0


def test_each_line_of_a_pipe_is_a_question(home):
    told = piped(home, f"{ORDERS}\nand in 2024?\n\n/sql\n")
    assert (told.returncode, told.stderr) == (0, "")
    assert "orders in 2025" in told.stdout and "2024-01-01" in told.stdout
    assert "\x1b" not in told.stdout and "> " not in told.stdout
    assert not (home / "chat-history").exists()


def test_an_error_is_shown_and_the_next_question_answered(home):
    told = piped(home, f"{'x' * 5000}\n{ORDERS}\n")
    assert told.returncode == 1
    assert "error: The question has 5000 characters" in told.stdout and "orders in 2025" in told.stdout


def test_an_unknown_source_is_an_error(home):
    told = piped(home, f"{ORDERS}\n", "--source", "nowhere")
    assert told.returncode == 1 and "Known sources: help-centre, shop." in told.stdout


def test_control_characters_of_data_are_shown_and_not_sent(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    nasty = "The kayak \x1b]0;pwned\x07costs \x1b[31m11\u202e euro an hour."
    (folder / "kayak.md").write_text(f"# Kayak \x1b[2J hire\n\n{nasty} It is red and has two seats for adults.\n")
    ingest(new_home(tmp_path), folder, name="pages")
    told = piped(tmp_path / "home", "What does a kayak cost an hour?\n/open 1\n/sources\n/explain\n/\x1b[2J\n")
    assert "kayak" in told.stdout
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", told.stdout)


def test_a_service_elsewhere(home, service, terminal):
    told = piped(home, f"{ORDERS}\nand in 2024?\n/sources\n/thumb up\n", "--url", service)
    assert (told.returncode, told.stderr) == (0, "")
    assert "orders in 2025" in told.stdout and "Understood as" in told.stdout and "shop (internal)" in told.stdout
    assert "Noted." in told.stdout
    chat = terminal("--url", service)
    chat.until("> ")
    chat.ask(WASH, "[1] Washing and storing a down jacket")
    chat.type("/quit")
    assert chat.ended() == 0


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense"])
def test_a_service_that_is_not_there(home, url):
    told = piped(home, f"{ORDERS}\n", "--url", url)
    assert told.returncode == 1
    assert "error: " in told.stdout + told.stderr and "Traceback" not in told.stderr


def test_a_chat_that_is_left_while_names_are_being_opened_ends_in_order(terminal):
    chat = terminal()
    chat.until("> ")
    chat.ask(ORDERS, "orders in 2025")
    chat.type("/quit")
    assert chat.ended() == 0
