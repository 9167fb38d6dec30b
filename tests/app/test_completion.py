"""Completion in real shells: commands, options and names of sources, quickly, and nothing that a shell would run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.app.terminals import Terminal
from tests.conftest import ROOT, clean_env, run_cli

MOST_MODULES = 450
"""Imported by a press of the Tab key; 363 when this was written, of which Python and typer are the most."""
COMPLETE = """
source <({command} completion bash)
declare -F _answerable_completion > /dev/null || exit 9
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${{#COMP_LINE}}
_answerable_completion answerable "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A folder for PATH with the command as it is installed."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "answerable"
    command.write_text(
        f"#!{sys.executable}\\nimport sys\\nsys.path.insert(0, {str(ROOT)!r})\\nfrom app.cli import main\\nmain()\\n".replace(
            "\\n", "\n"
        )
    )
    command.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.fixture
def complete(path, sample_home):
    def completed(*words, home=sample_home):
        script = COMPLETE.format(command="answerable")
        run = subprocess.run(["bash", "--norc", "-c", script, "bash", *words], env=clean_env(home, PATH=path), capture_output=True, text=True, timeout=60, cwd=ROOT)  # fmt: skip
        assert (run.returncode, run.stderr) == (0, "")
        return run.stdout.split("\n")[:-1]

    return completed


def test_commands_and_their_commands(complete):
    assert "ingest" in complete("answerable", "")
    assert complete("answerable", "ing") == ["ingest"]
    assert {"add", "list", "remove", "sync"} <= set(complete("answerable", "ingest", ""))
    assert complete("answerable", "completion", "") == ["bash", "zsh", "fish"]


def test_options(complete):
    assert {"--source", "--session", "--json"} <= set(complete("answerable", "ask", "--"))
    assert complete("answerable", "ask", "--sess") == ["--session"]


@pytest.mark.parametrize("words", [("ask", "--source"), ("chat", "--source"), ("verify", "list"), ("verify", "add"), ("describe",), ("ingest", "sync"), ("ingest", "remove")])  # fmt: skip
def test_names_of_sources(complete, words):
    assert complete("answerable", *words, "") == ["help-centre", "shop"]
    assert complete("answerable", *words, "sh") == ["shop"]


def test_without_sources_nothing_is_offered(complete, tmp_path):
    assert complete("answerable", "ask", "--source", "", home=tmp_path) in ([], [""])


@pytest.fixture
def hostile_home(tmp_path):
    """A home whose sources have names that a shell would act on, and one that is `fine`."""
    names = ["fine", "$(touch pwned)", "`touch pwned`", "*", "a b", "-rf", "a\nb", "ä", "x;y", "\x1b[2J"]
    home = tmp_path / "hostile"
    (home / "store" / "manifests").mkdir(parents=True)
    (home / "store" / "CURRENT").write_text("00000001")
    (home / "store" / "manifests" / "00000001.json").write_text(
        json.dumps({"manifest": {"sources": [{"name": each} for each in names]}})
    )
    return home


def test_names_that_a_shell_would_act_on_are_not_offered(complete, hostile_home):
    assert complete("answerable", "ask", "--source", "", home=hostile_home) == ["fine"]


@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"manifest": 1}', '{"manifest": {"sources": [1]}}', "\x00"])
def test_a_manifest_that_cannot_be_read_offers_nothing(complete, tmp_path, manifest):
    (tmp_path / "store" / "manifests").mkdir(parents=True)
    (tmp_path / "store" / "CURRENT").write_text("00000001")
    (tmp_path / "store" / "manifests" / "00000001.json").write_text(manifest)
    assert complete("answerable", "ask", "--source", "", home=tmp_path) in ([], [""])


def test_it_imports_little(path, sample_home):
    """What a press of the Tab key costs is the start of Python and of these modules."""
    env = clean_env(sample_home, PATH=path, _ANSWERABLE_COMPLETE="complete_bash", COMP_WORDS="answerable\nask\n--source\n", COMP_CWORD="3")  # fmt: skip
    command = [sys.executable, "-X", "importtime", shutil.which("answerable", path=path)]
    run = subprocess.run(command, env=env, capture_output=True, text=True, cwd=ROOT)
    assert run.stdout.split() == ["help-centre", "shop"]
    imported = [line.rpartition("|")[2].strip() for line in run.stderr.splitlines()]
    assert "typer" in imported
    for heavy in ("litestar", "numpy", "pyarrow", "duckdb", "msgspec", "rich", "ingest.stores"):
        assert heavy not in imported
    assert len(imported) < MOST_MODULES


ZSH = """autoload -Uz compinit; compinit -D -u; source <(answerable completion zsh)
answerable() { print -r -- "<$*>" }; print -r -- "re""ady"
"""
FISH = """answerable completion fish | source
function answerable; echo "<$argv>"; end; echo "re""ady"
"""
SHELLS = {"zsh": (("zsh", "-f", "-i"), ZSH), "fish": (("fish", "--private", "-i"), FISH)}
"""How each is started without anybody's settings, and what is typed first; a function shows the words of a command."""


@pytest.fixture(params=[pytest.param(each, marks=pytest.mark.shells) for each in SHELLS])
def shell(request, path, sample_home, tmp_path):
    """`shell(home)` is a real zsh or fish at a terminal that has read the script."""
    opened = []

    def started(home=sample_home):
        command, first = SHELLS[request.param]
        own = {"PATH": path, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
        terminal = Terminal(clean_env(home, **own), *command)
        opened.append(terminal)
        terminal.type(first, end="")
        terminal.until("ready")
        return terminal

    yield started
    for each in opened:
        each.close()


def test_the_tab_key_of_other_shells(shell):
    terminal = shell()
    for typed, words in (
        ("ing\t", "ingest"),
        ("ingest rem\tsh\t", "ingest remove shop"),
        ("ask --sou\the\t", "ask --source help-centre"),
    ):
        terminal.type(f"answerable {typed}")
        shown = terminal.until(">\n")
        assert shown[shown.rindex("<") :].split() == f"<{words}>".split()


def test_the_tab_key_of_other_shells_shows_what_there_is(shell):
    terminal = shell()
    terminal.type("answerable \t", end="")
    terminal.until("Ask a question and print")
    terminal.until("Approve question")
    terminal.type("\x15answerable chat --source \t", end="")
    terminal.until("help-centre")
    terminal.until("shop")


def test_other_shells_are_not_offered_names_that_they_would_act_on(shell, hostile_home, tmp_path):
    terminal = shell(hostile_home)
    terminal.type("answerable ask --source \t")
    terminal.until("<ask --source fine>")
    assert not list(tmp_path.rglob("pwned"))


def test_another_shell_is_refused(sample_home):
    refused = run_cli(sample_home, "completion", "tcsh")
    assert refused.returncode == 2 and "bash" in refused.stderr
