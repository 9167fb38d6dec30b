"""Runs what the documentation shows: the bash and python blocks of a page in their order, in one shell, as a reader would.

A block that cannot run carries its reason on the line before it: `<!-- not run: needs a network -->`; its syntax is
checked all the same (`tests/docs_checks.py`). The service's usual address becomes that of a free port, and nothing is
asked outside of this machine. Every example is fenced and names its language; `text` is for pictures and output.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT, clean_env

USUAL_PORT, USUAL_URL = "8000", "http://127.0.0.1:8000"
RUN = ("bash", "python")
_FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^>]+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
BEGIN = """
set -eu -o pipefail
stop() { local code=$?; for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done; wait; exit $code; }
trap stop EXIT
curl() { case " $* " in *" --fail "*) command curl "$@" ;; *) command curl --fail-with-body "$@" ;; esac; }
"""


@dataclass(frozen=True)
class Example:
    """A block of a page; `reason` says why it is not run."""

    page: Path
    line: int
    language: str
    text: str
    reason: str | None

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"


def examples(page: Path) -> list[Example]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Example(page, text.count("\n", 0, match.start("text")), match["language"], match["text"], match["reason"])
        for match in _FENCE.finditer(text)
    ]


def unfenced(page: Path) -> list[str]:
    """The first lines of indented blocks, which say nothing of their language."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return re.findall(r"^\n {4,}(\S.*)$", text, re.MULTILINE)


def commands_folder(parent: Path) -> Path:
    """A folder for PATH with `answerable` and `python` as an installation has them."""
    folder = parent / "bin"
    folder.mkdir(exist_ok=True)
    for name, words in (("answerable", "-m app.cli"), ("python", "")):
        path = folder / name
        path.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} {words} "$@"\n')
        path.chmod(0o755)
    return folder


def environment(work: Path, home: Path, **env: str) -> dict[str, str]:
    """What a reader's shell has; the user's home folder is the working one."""
    path = f"{commands_folder(work)}:{os.environ['PATH']}"
    return clean_env(home, PATH=path, HOME=str(work), PYTHONWARNINGS="ignore", **env)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def run_page(
    page: Path,
    work: Path,
    home: Path,
    *,
    url: str | None = None,
    placeholders: Mapping[str, str] | None = None,
    timeout_s: float = 480,
    **env: str,
) -> str:
    """Run a page's blocks in one shell and return what they print; a failing block is named.

    With `url` they find a service there; otherwise they may start their own, on a port that is free. A request that is
    refused ends the run. `placeholders` are what a reader replaces by a value of their own (`ID`).
    """
    port = free_port()
    address = url or f"http://127.0.0.1:{port}"
    if url is None:
        env["ANSWERABLE_PORT"] = str(port)
    parts = [BEGIN]
    for example in examples(page):
        if example.reason is None and example.language in RUN:
            text = example.text.replace(USUAL_URL, address).replace(".venv/bin/", "")
            for placeholder, value in (placeholders or {}).items():
                text = text.replace(placeholder, value)
            script = text if example.language == "bash" else f"python - <<'END_OF_EXAMPLE'\n{text}END_OF_EXAMPLE\n"
            parts.append(f"echo '@@ {example.place}'\n{script}")
    if not (work / "data").exists():
        (work / "data").symlink_to(ROOT / "data")
    env["ANSWERABLE_URL"] = address
    run = subprocess.run(
        ["bash", "-c", "\n".join(parts)],
        cwd=work,
        env=environment(work, home, **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
    )
    assert run.returncode == 0, f"{page.name} ended with {run.returncode}:\n{run.stdout[-4000:]}"
    return run.stdout
