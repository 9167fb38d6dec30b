"""What can be said of an example without running it: its syntax, and that commands, paths and names in it exist.

`CHECKS` has a function for each language whose blocks can be checked; each raises where a block is wrong.
"""

from __future__ import annotations

import configparser
import importlib
import itertools
import json
import re
import shlex
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.main import get_command

from app.asgi import ENDPOINTS
from app.cli import COMMANDS
from app.llm.loading import load_config
from app.llm.scripted.reading import read_script
from app.settings import load_settings, unknown_names
from app.web.pages import PAGES
from ingest.description import parse_description
from tests.docs_examples import USUAL_URL, Example

HEREDOC = re.compile(r"<<'?(\w+)'?(.*)\n(?:.*\n)*?\1$", re.MULTILINE)
UsageError: Any = typer.BadParameter.__mro__[1]
ENDS = set(";|&()<>")
WIDGET_DATA = {"data-site", "data-lang", "data-theme", "data-open", "data-launcher"}
PROVIDERS = "providers:\n  hosted: {base_url: https://api.example.com/v1, api_key: sk-x}\n  local: {base_url: http://127.0.0.1:8097/v1}\n  proxy: {base_url: https://proxy.example.com/v1}\n"  # fmt: skip
REACHED = {"/widget.js", "/widget.sri", "/demo", "/console", "/mcp", "/schema"}


def commands(script: str) -> list[list[str]]:
    """The words of each simple command of a shell script, without redirections and what a here-document holds."""
    text = re.sub(r"(?m)(^|\s)#.*$", r"\1", HEREDOC.sub(r"\2", script).replace("\\\n", " "))
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";|&<>()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    found: list[list[str]] = [[]]
    redirected = False
    for word in lexer:
        if set(word) <= ENDS | {"\n"}:
            redirected = set(word) <= {"<", ">"}
            if not redirected:
                found.append([])
        elif redirected:
            redirected = False
        else:
            found[-1].append(word)
    return [each for each in found if each]


def check_command(words: list[str]) -> None:
    """An `answerable` command: known, with options that it has."""
    if words[0] == "--help":
        return
    assert words[0] in COMMANDS, f"no such command: {' '.join(words)}"
    command: Any = get_command(importlib.import_module(COMMANDS[words[0]][0]).app)
    rest = words[1:]
    while rest and rest[0] in getattr(command, "commands", {}):
        command, rest = command.commands[rest[0]], rest[1:]
    alone = getattr(command, "invoke_without_command", False) or words[0] == "eval"
    known = not hasattr(command, "commands") or "--help" in rest or alone
    assert known, f"no such command: {' '.join(words)}"
    try:
        command.make_context(words[0], list(rest))
    except typer.Exit:
        pass
    except UsageError as error:
        assert "does not exist" in str(error.format_message()), f"{' '.join(words)}: {error.format_message()}"


def check_curl(words: list[str]) -> None:
    """A request to the service: a path that it has, with a method that the path takes, and a body that is JSON."""
    url = next(word for word in words if "://" in word)
    for flag, value in itertools.pairwise(words):
        if flag == "-d":
            json.loads(value)
    if not url.startswith((USUAL_URL, "https://HOST")):
        return
    path = re.sub(r"^\w+://[^/]+|\?.*$", "", url)
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if "-d" in words else "GET"
    handlers = [h for h in (*ENDPOINTS, *PAGES) if method in getattr(h, "http_methods", ())]
    patterns = [re.sub(r"\{[^}]*\}", "[^/]+", one) for each in handlers for one in each.paths]
    assert path in REACHED or any(re.fullmatch(one, path) for one in patterns), f"{method} {path}"


def bash(example: Example) -> None:
    run = subprocess.run(["bash", "-n", "-c", example.text], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for words in commands(example.text):
        while words and re.match(r"[A-Z_]+=", words[0]):
            words = words[1:]
        if words and Path(words[0]).name == "answerable":
            check_command(words[1:])
        elif words and words[0] == "curl":
            check_curl(words)


def python(example: Example) -> None:
    compile(example.text, example.place, "exec")


def as_json(example: Example) -> None:
    """JSON; `…` for what was left out of an object or a list."""
    text = re.sub(r",\s*…(?=\s*[}\]])", "", example.text)
    json.loads(text if text.startswith("{") else f"{{{text}}}")


def as_yaml(example: Example) -> None:
    read = yaml.safe_load(example.text)
    assert read, "it is empty"
    page = example.page.stem
    if page in ("description-file", "privacy"):
        parse_description(example.text, example.place)
    elif page == "scripted-models":
        read_script(read)
    elif page in ("models", "local-models", "cost"):
        written = Path("llm.yaml")
        written.write_text(example.text if "providers" in read else PROVIDERS + example.text, encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            for name in re.findall(r"\$\{(\w+)\}", example.text):
                patch.setenv(name, "sk-x")
            load_config(load_settings({"ANSWERABLE_LLM_CONFIG": str(written.absolute())}))


def settings(example: Example) -> None:
    """What systemd and containers read: a comment has a line of its own."""
    lines = [line for line in example.text.splitlines() if line and not line.startswith("#")]
    assert not [line for line in lines if " #" in line]
    env = dict(line.split("=", 1) for line in lines)
    assert not list(unknown_names(env))
    load_settings(env)


class _Tags(HTMLParser):
    """Fails for attributes that the widget does not take."""

    def handle_starttag(self, tag, attrs):
        if tag == "script" and (src := dict(attrs).get("src")):
            assert src.endswith("/widget.js")
            assert {name for name, _ in attrs if name.startswith("data-")} <= WIDGET_DATA
        if tag == "answerable-widget":
            assert {name for name, _ in attrs} <= {"mode", "site", "lang", "theme", "id"}


def html(example: Example) -> None:
    _Tags().feed(example.text)


def javascript(example: Example) -> None:
    if node := shutil.which("node"):
        run = subprocess.run([node, "--check", "-"], input=example.text, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr


def ini(example: Example) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(example.text)
    assert parser.sections()
    values = [value for section in parser.sections() for value in parser[section].values()]
    assert not [value for value in values if " #" in value], "to systemd that is part of the value"


def http(example: Example) -> None:
    head, _, body = example.text.partition("\n\n")
    first, *headers = head.splitlines()
    assert re.fullmatch(r"(GET|POST|DELETE) /\S* HTTP/1\.1", first)
    assert all(re.match(r"[\w-]+: \S", line) for line in headers)
    json.loads(re.sub(r"\{…\}", "{}", body))


CHECKS = {
    "bash": bash,
    "python": python,
    "json": as_json,
    "yaml": as_yaml,
    "dotenv": settings,
    "html": html,
    "js": javascript,
    "ini": ini,
    "http": http,
}
OF_OTHERS = {"caddyfile", "css", "dockerfile", "markdown", "nginx", "sql"}
"""Languages without a checker here: a block has to say why it is not run."""
