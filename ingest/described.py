"""Finding a source's description file, and what of a run's inputs decides whether a segment is still right."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ingest.description import Description, read_description
from ingest.errors import DescriptionError
from ingest.layout import Layout
from ingest.request import SourceRequest
from ingest.stores.descriptions import kept_path

DESCRIPTION_NAMES = ("describe.yaml", "describe.yml")
"""Names that a description file in a source's folder may have."""


def described_by(request: SourceRequest, layout: Layout) -> tuple[Description | None, dict[str, str]]:
    """The description, if there is one, and the inputs that a segment records.

    Raises `DescriptionError`, which names file and line, if the file is missing or wrong.
    """
    path = description_file(request, layout)
    inputs = {"visibility": request.visibility, "description": ""}
    if path is None:
        return None, inputs
    description = read_description(path)
    return description, inputs | {"description": hashlib.sha256(path.read_bytes()).hexdigest()}


def description_file(request: SourceRequest, layout: Layout) -> Path | None:
    """The file given with `--describe` or edited in the service, else `describe.yaml` in the source's folder.

    Raises `DescriptionError` for a link in the folder that leads out of it.
    """
    if request.description_path:
        return kept_path(layout, request.name or "", request.description_path)
    location = Path(request.location)
    if "://" in request.location or not location.is_dir():
        return None
    found = next((location / name for name in DESCRIPTION_NAMES if (location / name).is_file()), None)
    if found is not None and not found.resolve().is_relative_to(location.resolve()):
        # Whoever may write into the folder would have any file of the service's shown to those who edit descriptions.
        raise DescriptionError(
            f"{found} is a link that leads out of its folder.", hint="Name the file with --describe."
        )
    return found
