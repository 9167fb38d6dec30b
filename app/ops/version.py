"""The installed version."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def answerable_version() -> str:
    """The distribution's version; `0+source` where the code runs without being installed."""
    try:
        return version("answerable")
    except PackageNotFoundError:
        return "0+source"
