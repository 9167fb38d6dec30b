"""The prompts of one installation: packaged files, the operator's overrides, and the versions that labels point at."""

from __future__ import annotations

import difflib
import logging
import re
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.errors import ConfigurationError, InvalidRequest, NotFound
from app.llm.errors import NotConfigured, Unavailable
from app.llm.prompts.files import Files
from app.llm.prompts.labels import Change, LabelStore
from app.llm.prompts.prompt import Prompt
from app.llm.prompts.reading import read_version, version_faults, wrong
from app.llm.prompts.schemas import misfits
from app.llm.prompts.version import Version

if TYPE_CHECKING:
    from app.llm.config import LlmConfig
    from app.settings import Settings

PRODUCTION = "production"
FILE = "file"
"""Names the version that the files hold; not a label."""
_log = logging.getLogger("answerable.prompts")
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_HASH = re.compile(r"[0-9a-f]{4,}")


class Prompts:
    """The prompts of one installation. Thread-safe; files are read once, labels with every `get`."""

    def __init__(self, files: Files, store: LabelStore, labels: Mapping[str, str] | None = None) -> None:
        self.files = files
        self.store = store
        self._labels = dict(labels or {})
        self._packaged = {name: files.read_packaged(name) for name in files.names}
        self._of_file = {name: Prompt(self._read(name)) for name in files.names}
        self._prompts = {prompt.id: prompt for prompt in self._of_file.values()}
        self._kept: set[str] = set()
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """Every prompt."""
        return self.files.names

    def get(self, name: str, *, label: str | None = None) -> Prompt:
        """The prompt under the label in force for its task, or under `label`; its version is stored.

        Raises `NotFound` for an unknown prompt, `ConfigurationError` for an unknown `label`. Where the label in force
        was taken away since the start, or the labels cannot be read, it raises `NoReply`: the answer goes on without.
        """
        try:
            prompt = self.labelled(name, label or self.label_of(name))
            if prompt.id not in self._kept:
                self.store.keep(prompt.version)
                self._kept.add(prompt.id)
        except sa.exc.DBAPIError as error:
            raise Unavailable("The versions of prompts cannot be read from the state file.") from error
        except ConfigurationError as error:
            if label is not None:
                raise
            _log.error("%s %s", error.message, error.hint)
            raise NotConfigured(error.message) from error
        return prompt

    def label_of(self, name: str) -> str:
        """The label in force for a prompt: that of its task's configuration, or `production`."""
        return self._labels.get(self.of_file(name).task, PRODUCTION)

    def of_file(self, name: str) -> Prompt:
        """The prompt as the files hold it; raises `NotFound`."""
        if name not in self._of_file:
            near = difflib.get_close_matches(name, self.names, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(self.names)}."
            raise NotFound(f"There is no prompt {name!r}.", hint=hint)
        return self._of_file[name]

    def labelled(self, name: str, label: str) -> Prompt:
        """The prompt that a label points at; `production`, while it was not set, is the files'."""
        held = self.of_file(name)
        target = self.store.target(name, label)
        if target is None and label == PRODUCTION:
            return held
        if target is None:
            known = ", ".join(sorted({PRODUCTION, *self.store.current(name)}))
            message = f"The prompt {name} has no label {label!r}; it has {known}."
            raise ConfigurationError(message, hint=f"`answerable prompts label {name} {label}` sets it.")
        return self._stored(target)

    def find(self, name: str, which: str) -> Prompt:
        """The version that `file`, a label, a hash or the beginning of one means. Stores nothing."""
        held = self.of_file(name)
        which = which.removeprefix(f"{name}@")
        if which == FILE:
            return held
        if _HASH.fullmatch(which):
            known = dict.fromkeys((held.id, *self.store.ids(name)))
            matching = [identity for identity in known if identity.startswith(f"{name}@{which}")]
            if len(matching) == 1:
                return self._stored(matching[0])
            said = "several versions" if matching else "no version"
            message = f"{said.capitalize()} of {name} begin{'' if matching else 's'} with {which!r}."
            raise NotFound(message, hint=f"Known: {', '.join(known)}.")
        return self.labelled(name, which)

    def point(self, name: str, label: str, which: str | None, *, by: str, note: str) -> Change:
        """Point a label at a version, or remove it (None). Raises `InvalidRequest` for a name that cannot be one."""
        self.of_file(name)
        if not _LABEL.fullmatch(label) or label == FILE or _HASH.fullmatch(label):
            message = f"{label!r} cannot be a label."
            raise InvalidRequest(message, hint="Lower-case letters, digits, - and _; not `file`, not like a hash.")
        if which is None:
            if self.store.target(name, label) is None:
                raise NotFound(f"The prompt {name} has no label {label!r} to remove.")
            return self.store.point(name, label, None, by=by, note=note)
        return self.store.point(name, label, self.find(name, which).version, by=by, note=note)

    def check(self) -> None:
        """Raises `ConfigurationError` if a label in force is unknown or points at a version that cannot be used."""
        tasks = {self.of_file(name).task for name in self.names}
        for name in self.names:
            self.labelled(name, self.label_of(name))
        for task in sorted(set(self._labels) - tasks - {"embed"}):
            raise ConfigurationError(f"A label is configured for {task!r}, which has no prompt.")

    def close(self) -> None:
        """Close the state file."""
        self.store.close()

    def _read(self, name: str) -> Version:
        if not self.files.overridden(name):
            return self._packaged[name]
        file = self.files.path(name, ".md")
        assert file is not None
        version = read_version(file, self.files.path(name, ".examples.jsonl"))
        fault = next(self._misfits(version), None)
        if fault is not None:
            raise wrong(file, fault)
        return version

    def _misfits(self, version: Version) -> Iterator[str]:
        """Why the code cannot rely on a version: the packaged one is what it was written for."""
        relied = self._packaged[version.name]
        if version.task != relied.task:
            yield f"its task must be {relied.task}, not {version.task}"
        for name in sorted(set(version.clear_inputs) - set(relied.clear_inputs)):
            yield f"clear_inputs must not name `{name}`, which may hold personal data"
        yield from misfits(relied.inputs, version.inputs, at="input schema: what the service gives", more=False)
        if (version.output is None) != (relied.output is None):
            yield "its output schema must be there if, and only if, the packaged prompt has one"
        elif version.output is not None and relied.output is not None:
            yield from misfits(version.output, relied.output, at="output schema: the output")

    def _stored(self, identity: str) -> Prompt:
        with self._lock:
            if identity in self._prompts:
                return self._prompts[identity]
        version = self.store.version(identity)
        if version is None:
            raise ConfigurationError(
                f"The version {identity} is not stored any more.", hint="Point its labels elsewhere."
            )
        fault = next(self._misfits(version), None) or next(version_faults(version), None)
        if fault is not None:
            message = f"The version {identity} cannot be used: {fault}."
            hint = f"Point its labels elsewhere: `answerable prompts label {version.name} LABEL VERSION`."
            raise ConfigurationError(message, hint=hint)
        with self._lock:
            return self._prompts.setdefault(identity, Prompt(version))


def labels_of(config: LlmConfig) -> dict[str, str]:
    """The label in force for each task that the configuration mentions."""
    return {task: how.label for task, how in config.tasks.items()}


def open_prompts(settings: Settings, labels: Mapping[str, str] | None = None) -> Prompts:
    """The prompts, with the label of each task from the configuration. Raises `ConfigurationError`.

    Files that cannot be used, an override that the code cannot rely on, and a label that is not known stop the start.
    """
    prompts = Prompts(Files(settings.prompts), LabelStore(settings.state_path), labels)
    try:
        prompts.check()
    except ConfigurationError:
        prompts.close()
        raise
    return prompts
