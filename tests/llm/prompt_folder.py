"""Prompt files for tests: a small prompt, and folders that override the packaged ones."""

from __future__ import annotations

import json
from pathlib import Path

from app.llm.prompts.held import Prompts, open_prompts
from app.llm.prompts.reading import PACKAGED, read_version
from app.llm.prompts.version import Version
from app.llm.values import ScrubbedInputs
from app.settings import Settings

SPLIT = (PACKAGED / "split.md").read_text(encoding="utf-8")
EXAMPLES = (PACKAGED / "split.examples.jsonl").read_text(encoding="utf-8")


def folder(path: Path, **files: str) -> Path:
    """A folder of prompt files: `split_md="…"` is `split.md`."""
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (path / f"{stem.replace('_examples', '.examples').replace('_cases', '.cases')}.{suffix}").write_text(
            text, encoding="utf-8"
        )
    return path


def opened(home: Path, override: Path | None = None, labels: dict[str, str] | None = None) -> Prompts:
    return open_prompts(Settings(home=home, prompts=override), labels)


def version(path: Path, text: str = SPLIT, examples: str | None = EXAMPLES, name: str = "split") -> Version:
    """The version that files with these texts hold."""
    path.mkdir(parents=True, exist_ok=True)
    file, beside = path / f"{name}.md", path / f"{name}.examples.jsonl"
    file.write_text(text, encoding="utf-8")
    if examples is not None:
        beside.write_text(examples, encoding="utf-8")
    return read_version(file, beside if examples is not None else None)


def scrubbed(**values: object) -> ScrubbedInputs:
    """Inputs as the privacy part would hand them on, of a text without personal data."""
    return ScrubbedInputs(values)


def lines_of(*objects: object) -> str:
    return "".join(json.dumps(each) + "\n" for each in objects)
