"""Refreshes what is generated in the documentation: `docs/configuration.md` and the demo's output in the README.

python docs/refresh.py             both; needs ANSWERABLE_HOME to hold the ingested sample (`make docs` sees to it)
python docs/refresh.py --settings  only docs/configuration.md
"""

from __future__ import annotations

import ast
import itertools
import os
import re
import subprocess
import sys
import typing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.settings import Settings, allowed, variable  # noqa: E402 - found from the repository's root

CONFIGURATION = ROOT / "docs" / "configuration.md"
README = ROOT / "README.md"
START, END = "<!-- demo:start -->", "<!-- demo:end -->"

HEAD = """# Configuration

<!-- Generated from app/settings.py by docs/refresh.py; a test compares the two. -->

Everything is read from environment variables that start with `ANSWERABLE_`, once, at the start. A wrong value stops
the start and names the variable, the value and what is allowed; a name that is not listed here is logged with the
nearest one that is. Options of a command (`answerable serve --port 9000`) override their variable.

| variable | default | allowed | what it is |
|---|---|---|---|
"""

TAIL = """
What belongs to one source rather than to the service (visibility, synonyms, metrics, personal data, a planner threshold
of its own) is written in that source's [description file](description-file.md).

Two names are read by tests and benchmarks only: `ANSWERABLE_CI=1` turns a test that is skipped for a missing part into
a failure, and `ANSWERABLE_BENCH_DATA` is the folder of the larger data sets for `make bench`.
"""


def configuration_page() -> str:
    """The page, from the fields of `Settings` and the docstrings under them."""
    kinds = typing.get_type_hints(Settings, include_extras=True)
    defaults = Settings()
    rows = []
    for name, text in field_docstrings().items():
        value = getattr(defaults, name)
        rows.append(f"| `{variable(name)}` | {_shown(value)} | {allowed(kinds[name])} | {text} |\n")
    return HEAD + "".join(rows) + TAIL


def field_docstrings() -> dict[str, str]:
    """Field -> the docstring written under it, on one line."""
    tree = ast.parse((ROOT / "app" / "settings.py").read_text(encoding="utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    found = {}
    for field, below in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            found[field.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return found


def readme_with(output: str) -> str:
    """The README with `output` between the markers."""
    text = README.read_text(encoding="utf-8")
    pattern = re.compile(f"{START}.*?{END}", re.DOTALL)
    return pattern.sub(lambda _: f"{START}\n```text\n{output.strip()}\n```\n{END}", text)


def demo_output() -> str:
    """What the demo prints, from a run of it now."""
    env = os.environ | {"COLUMNS": "110", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "data.sample.demo"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout


def _shown(value: object) -> str:
    if value in ("", ()):
        return "(empty)"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main() -> None:
    """Write what changed."""
    CONFIGURATION.write_text(configuration_page(), encoding="utf-8")
    if "--settings" not in sys.argv:
        README.write_text(readme_with(demo_output()), encoding="utf-8")


if __name__ == "__main__":
    main()
