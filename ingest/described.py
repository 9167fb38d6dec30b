"""Finding a source's description file, and what of a run's inputs decides whether a segment is still right."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ingest.description import Description, read_description
from ingest.request import SourceRequest

DESCRIPTION_NAMES = ("describe.yaml", "describe.yml")
"""Names that a description file in a source's folder may have."""


def described_by(request: SourceRequest) -> tuple[Description | None, dict[str, str]]:
    """The description, if there is one, and the inputs that a segment records.

    Raises `DescriptionError`, which names file and line, if the file is missing or wrong.
    """
    path = description_file(request)
    inputs = {"visibility": request.visibility, "description": ""}
    if path is None:
        return None, inputs
    description = read_description(path)
    return description, inputs | {"description": hashlib.sha256(path.read_bytes()).hexdigest()}


def description_file(request: SourceRequest) -> Path | None:
    """The file given with `--describe`, else `describe.yaml` in the source's folder."""
    if request.description_path:
        return Path(request.description_path)
    location = Path(request.location)
    if "://" in request.location or not location.is_dir():
        return None
    return next((location / name for name in DESCRIPTION_NAMES if (location / name).is_file()), None)
