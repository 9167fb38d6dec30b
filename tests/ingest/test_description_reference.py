"""`docs/description-file.md` names the keys that the loader takes, and its examples fit the sample."""

import re
from pathlib import Path

import pytest

from ingest.description import KEYS, apply_description, parse_description
from ingest.description_yaml import DEEPEST, MOST_BYTES, MOST_NODES
from ingest.pii.spans import mask_kind
from ingest.stores.descriptions import MOST_KEPT
from ingest.stores.snapshot import Store

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "description-file.md").read_text(encoding="utf-8")
HEADINGS = {
    "source": "The source",
    "table": "Tables",
    "column": "Columns",
    "metric": "Metrics",
    "document": "Documents",
}
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def section(heading):
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]


@pytest.mark.parametrize("part", KEYS)
def test_every_key_is_documented_with_an_example(part):
    text = section(HEADINGS[part])
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(KEYS[part])
    for key in KEYS[part]:
        assert any(re.search(rf"[\s{{]{key}:", "\n" + example) for example in EXAMPLES), key


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_read_and_fits_the_sample(example, sample_home):
    catalog = Store(sample_home).snapshot().sources["shop"].catalog
    described = parse_description(example, "example")
    applied = apply_description(catalog, described)
    assert applied != catalog or described.documents, "the example says nothing that the sample's own file does not"


def test_the_numbers_on_the_page_are_those_of_the_code():
    assert MOST_BYTES == 1_000_000 and "1 MB" in PAGE
    assert f"{DEEPEST} levels" in PAGE and f"{MOST_NODES:,} values" in PAGE and f"newest {MOST_KEPT}" in PAGE


def test_the_kinds_of_personal_data_on_the_page_are_known():
    (row,) = re.findall(r"^\| `pii` \|(.*)$", PAGE, re.MULTILINE)
    kinds = [kind for kind in re.findall(r"`(\w+)`", row) if kind != "none"]
    assert len(kinds) == 8 and all(mask_kind(kind) for kind in kinds)
