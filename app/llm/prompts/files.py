"""Where the files of each prompt are: the packaged ones, and the operator's in their place."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.errors import ConfigurationError
from app.llm.prompts.reading import PACKAGED, read_version, wrong
from app.llm.prompts.version import Version

SUFFIXES = (".md", ".examples.jsonl", ".cases.jsonl")


class Files:
    """Where each prompt's files are: the packaged ones, and those of an override folder in their place."""

    def __init__(self, override: Path | None) -> None:
        self.packaged = {file.name: file for file in PACKAGED.iterdir() if file.name.endswith(SUFFIXES)}
        self.overriding = dict(_overriding(override, self.packaged)) if override is not None else {}
        self.names = tuple(sorted(name.removesuffix(".md") for name in self.packaged if name.endswith(".md")))

    def read_packaged(self, name: str) -> Version:
        """The version that was shipped: what the code was written for."""
        return read_version(self.packaged[f"{name}.md"], self.packaged.get(f"{name}.examples.jsonl"))

    def path(self, name: str, suffix: str) -> Path | None:
        """The file that counts."""
        file = f"{name}{suffix}"
        return self.overriding.get(file) or self.packaged.get(file)

    def overridden(self, name: str) -> bool:
        """Whether a file that says what is sent is the operator's."""
        return any(f"{name}{suffix}" in self.overriding for suffix in (".md", ".examples.jsonl"))


def _overriding(folder: Path, packaged: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        message = f"ANSWERABLE_PROMPTS is {str(folder)!r}, which is not a folder."
        raise ConfigurationError(message, hint="Make the folder, or unset ANSWERABLE_PROMPTS.")
    for file in sorted(folder.iterdir()):
        if file.name in packaged:
            yield file.name, file
        elif file.name.endswith((".md", ".jsonl")):
            near = difflib.get_close_matches(file.name, packaged, n=1)
            raise wrong(file, "it replaces no packaged prompt" + (f"; did you mean {near[0]}" if near else ""))
