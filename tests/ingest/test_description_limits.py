"""Description files are bounded: no tag constructs anything, no alias makes a small file large."""

import time

import pytest

from ingest.description import parse_description, read_description
from ingest.description_yaml import DEEPEST, MOST_BYTES
from ingest.errors import DescriptionError
from tests.ingest.ingesting import ingest, new_home, reader_of, write_files

LAUGHS = "a: &a {x: 1}\n" + "\n".join(
    f"{chr(98 + i)}: &{chr(98 + i)} {{" + ", ".join(f"k{j}: *{chr(97 + i)}" for j in range(9)) + "}" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (LAUGHS, 1, "expands"),
        ("\na: &a [*a]", 2, "expands"),
        ("description: x\ntables: " + "[" * 5000, 2, "nested"),
        ("description: x\ntables: " + "{a: " * 5000, 2, "nested"),
        ("description: !!python/object/apply:os.system [id]", 1, "tag"),
        ("description: !secret x", 1, "tag"),
        ("description: !!binary aGVsbG8=", 1, "tag"),
        ("description: a\ntables: *nothing", 2, "undefined alias"),
        ("description: a\n\nmodels: \x00", 3, "not allowed"),
        ("description: a\n---\ndescription: b", 2, "another document"),
    ],
)
def test_what_is_out_of_bounds_is_refused_at_its_line(text, line, told):
    started = time.monotonic()
    with pytest.raises(DescriptionError) as refused:
        parse_description(text, "given")
    assert refused.value.line == line
    assert told in refused.value.message and f"given, line {line}" in refused.value.message
    assert time.monotonic() - started < 2


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path):
    path = tmp_path / "describe.yaml"
    path.write_bytes(b"# " + b"x" * MOST_BYTES)
    with pytest.raises(DescriptionError, match="larger than"):
        read_description(path)


def test_a_link_in_the_folder_does_not_show_another_file(tmp_path):
    home, shop = new_home(tmp_path), write_files(tmp_path / "shop", orders_csv="id,total\n1,2\n")
    write_files(tmp_path / "elsewhere", secret_yaml="description: nobody may read this\n")
    (shop / "describe.yaml").symlink_to(tmp_path / "elsewhere" / "secret.yaml")
    with pytest.raises(DescriptionError, match="leads out of its folder") as refused:
        ingest(home, shop, name="shop")
    assert "nobody may read" not in refused.value.message and "--describe" in refused.value.hint


def test_another_description_is_in_force_from_a_sync_on(tmp_path, cli):
    home, shop = new_home(tmp_path), write_files(tmp_path / "shop", orders_csv="id,total\n1,2\n")
    ingest(home, shop, name="shop")
    write_files(tmp_path, other_yaml="tables:\n  orders: {synonyms: [purchases]}\n")
    for _ in range(2):
        assert cli(home, "ingest", "sync", "shop", "--describe", str(tmp_path / "other.yaml")).returncode == 0
        assert reader_of(home, "shop").catalog.tables[0].synonyms == ("purchases",)
    assert cli(home, "ingest", "sync", "--describe", str(tmp_path / "gone.yaml")).returncode == 2
    refused = cli(home, "ingest", "sync", "shop", "--describe", "kept:../../state.db")
    assert refused.returncode == 2 and "no kept description" in refused.stderr


def test_ordinary_anchors_and_depth_are_taken():
    described = parse_description("tables:\n  a: &a {synonyms: [x]}\n  b: *a\n", "given")
    assert [table.synonyms for table in described.tables] == [("x",), ("x",)]
    assert DEEPEST > 6
