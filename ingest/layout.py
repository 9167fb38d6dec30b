"""Where everything lies under the home folder. No other module spells these names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "ANSWERABLE_HOME"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one home folder."""

    home: Path

    @property
    def store(self) -> Path:
        """Folder of everything that ingest writes."""
        return self.home / "store"

    @property
    def current(self) -> Path:
        """Text file that names the published manifest."""
        return self.store / "CURRENT"

    @property
    def manifests(self) -> Path:
        """Folder of manifests, `00000012.json`."""
        return self.store / "manifests"

    @property
    def segments(self) -> Path:
        """Folder of sealed segments, each named by its id."""
        return self.store / "segments"

    @property
    def building(self) -> Path:
        """Folder of segments being built; what a crash leaves there, the next run deletes."""
        return self.store / "building"

    @property
    def lock(self) -> Path:
        """File that the one ingesting process locks."""
        return self.store / "ingest.lock"

    @property
    def leader(self) -> Path:
        """File that the one server process which runs scheduled syncs locks."""
        return self.store / "scheduler.lock"

    def attempt(self, name: str) -> Path:
        """Note of the last scheduled sync of the source of that name."""
        return self.store / "schedule" / f"{name}.json"

    def descriptions(self, name: str) -> Path:
        """Folder of the descriptions of that source that were edited in the service."""
        return self.home / "descriptions" / name

    @property
    def jobs(self) -> Path:
        """Folder of the notes on what the service was told to ingest."""
        return self.store / "jobs"

    @property
    def job_lock(self) -> Path:
        """File that the server process locks which runs such a job."""
        return self.store / "job.lock"

    @property
    def cache(self) -> Path:
        """Folder of exported models."""
        return self.home / "cache"

    def manifest(self, name: str) -> Path:
        """File of the manifest of that name."""
        return self.manifests / f"{name}.json"

    def segment(self, identity: str) -> Path:
        """Folder of the sealed segment of that id."""
        return self.segments / identity


def default_home() -> Path:
    """The home folder: `ANSWERABLE_HOME`, else `~/.answerable`; absolute."""
    return Path(os.environ.get(HOME_VARIABLE) or "~/.answerable").expanduser().absolute()
