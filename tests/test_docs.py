"""The documentation names what the code has."""

import importlib.util
import re
from pathlib import Path

import pytest

from app.asgi import ENDPOINTS
from app.cli import COMMANDS
from app.settings import Settings, variable

ROOT = Path(__file__).resolve().parents[1]
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])


def refresh():
    spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs" / "refresh.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_configuration_page_is_the_generated_one():
    written = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert written == refresh().configuration_page(), "run: python docs/refresh.py --settings"


@pytest.mark.parametrize("field", Settings.__struct_fields__)
def test_every_setting_has_a_docstring(field):
    assert refresh().field_docstrings()[field].endswith(".")


@pytest.mark.parametrize("handler", ENDPOINTS, ids=str)
def test_every_endpoint_is_described_with_its_method(handler):
    if handler.include_in_schema is False:
        return
    for path in handler.paths:
        documented = re.sub(r"\{.*\}", "{id}", path)
        for method in handler.http_methods:
            assert f"`{method} {documented}`" in API


def test_every_documented_endpoint_exists():
    known = {
        (method, re.sub(r"\{.*\}", "{id}", path))
        for handler in ENDPOINTS
        for path in handler.paths
        for method in handler.http_methods
    } | {("GET", "/schema")}
    assert set(re.findall(r"`(GET|POST|DELETE|PUT) (/[^`\s]*)`", API)) <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_mentioned(name):
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert f"answerable {name}" in text or f"`{name}`" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_and_files_that_are_mentioned_exist(page):
    text = page.read_text(encoding="utf-8")
    known = {variable(field) for field in Settings.__struct_fields__} | {
        "ANSWERABLE_CI",
        "ANSWERABLE_BENCH_DATA",
        "ANSWERABLE_LLAMA_URL",
        "ANSWERABLE_URL",
        "ANSWERABLE_KEY",
    }
    assert set(re.findall(r"\bANSWERABLE_[A-Z_]*[A-Z]\b", text)) <= known
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / link).exists(), link


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_headings_that_links_lead_to_exist(page):
    for link, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        there = page.parent / link if link else page
        assert there.suffix != ".md" or anchor in anchors(there), f"{link}#{anchor}"


@pytest.mark.parametrize("path", sorted(set(re.findall(r"^\| (`[^|]+`) \|", README, re.MULTILINE))))
def test_the_map_names_what_is_there(path):
    for name in re.findall(r"`([^`]+)`", path):
        assert (ROOT / name).exists(), name


def test_make_targets_that_are_mentioned_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for page in PAGES:
        for line in re.findall(
            r"`?\bmake ([a-z]+(?: [a-z]+)*)(?:`|$|  )", page.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert set(line.split()) <= targets, line
