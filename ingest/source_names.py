"""The names of the published sources for shell completion: read within milliseconds, without the stores' parts."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from ingest.layout import HOME_VARIABLE, Layout

_SHOWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
"""A shell may expand or run anything else that is put into its line; such a name has to be typed."""
MOST_BYTES = 16 * 1024 * 1024


def source_names(incomplete: str) -> list[str]:
    """Names that begin so, of the home that the environment names; none where nothing can be read.

    What is read is offered and never relied on, so the manifest's checksum is not looked at.
    """
    layout = Layout(Path(os.environ.get(HOME_VARIABLE) or "~/.answerable").expanduser())
    try:
        path = layout.manifest(layout.current.read_text("utf-8").strip())
        if path.stat().st_size > MOST_BYTES:
            return []
        sources = json.loads(path.read_text("utf-8"))["manifest"]["sources"]
        names = [str(source["name"]) for source in sources]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return []
    return sorted(name for name in names if name.startswith(incomplete) and _SHOWN.fullmatch(name))
