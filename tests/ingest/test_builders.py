"""Versions of the parts that build a segment: whatever shapes their results is in one of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ingest.builders import _PARTS, _sources, builder_versions

ROOT = Path(__file__).resolve().parents[2]
SHAPES_NOTHING = {
    "ingest.errors",  # names of errors
    "ingest.light_imports",  # how fast a library is imported
    "ingest.stores.catalog",  # the stored values' own shape: it is versioned by `FORMAT`
    "ingest.stores.identifiers",  # quoting
}


def imported(path: Path) -> set[str]:
    """Modules of `ingest` that a module imports, at its top or in a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ingest"):
            found.add(str(node.module))
    return found


@pytest.mark.parametrize("part", _PARTS)
def test_a_part_covers_what_its_modules_import(part: str) -> None:
    covered = {path for modules in _PARTS.values() for module in modules for path in _sources(module)}
    assert all(path.is_relative_to(ROOT) for path in covered)
    uses = {name for module in _PARTS[part] for path in _sources(module) for name in imported(path)}
    forgotten = {name for name in uses - SHAPES_NOTHING if not set(_sources(name)) <= covered}
    assert not forgotten, f"a change of {sorted(forgotten)} would not rebuild what {part} made"


@pytest.mark.parametrize("module", ["ingest.description", "ingest.description_yaml", "ingest.description_metrics"])
def test_the_description_is_part_of_the_profiler(module: str) -> None:
    assert module in _PARTS["profiler"]


@pytest.mark.parametrize("part", _PARTS)
def test_every_part_names_modules_that_exist(part: str) -> None:
    assert all(_sources(module) for module in _PARTS[part])
    assert len(builder_versions()[part]) == 16
