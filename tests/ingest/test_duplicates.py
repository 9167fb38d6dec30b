"""Duplicates: copies are collapsed onto the right one, versions are not copies, and many documents cost little."""

from __future__ import annotations

import random
import time

import pytest

from ingest.duplicates import Candidate, Duplicate, find_duplicates, is_superseded, signature

WORDS = [a + b + c for a in "bdfglmnprst" for b in "aeiou" for c in "bdfglmnprst"]


def text(seed: int, words: int = 300) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def duplicates(texts: dict[str, str], **told: dict[str, str]) -> list[Duplicate]:
    """`told` holds `modified`, `status` and `seen` (the visibility, else public) by path."""
    modified, status, seen = told.get("modified", {}), told.get("status", {}), told.get("seen", {})
    candidates = [
        Candidate.of(
            path, body, signature(body), modified.get(path), {"status": status.get(path, "")}, seen.get(path, "public")
        )
        for path, body in texts.items()
    ]
    return find_duplicates(candidates, texts.__getitem__)


def test_different_documents_are_left_alone() -> None:
    assert duplicates({f"{n}.md": text(n) for n in range(50)}) == []


def test_the_first_path_is_kept() -> None:
    same = {"returns-copy.md": text(1), "returns.md": text(1), "zz/returns.md": text(1)}
    assert duplicates(same) == [
        Duplicate("returns-copy.md", "returns.md", "exact"),
        Duplicate("zz/returns.md", "returns.md", "exact"),
    ]


def test_the_newer_is_kept_and_never_the_superseded() -> None:
    same = {"a.md": text(1), "b.md": text(1)}
    newer = {"a.md": "2024-01-01T00:00:00+00:00", "b.md": "2025-01-01T00:00:00+00:00"}
    assert duplicates(same, modified=newer) == [Duplicate("a.md", "b.md", "exact")]
    assert duplicates(same, modified=newer, status={"b.md": "Outdated"}) == [Duplicate("b.md", "a.md", "exact")]


def test_a_near_copy_is_collapsed() -> None:
    found = duplicates({"a.md": text(1), "b.md": text(1) + " greetings"})
    assert found == [Duplicate("b.md", "a.md", "near")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("within 14 days", "within 30 days"),
        ("within fourteen days", "within thirty days"),
        ("refunds are possible", "refunds are not possible"),
        ("paid monthly", "paid weekly"),
        ("costs 9.99", "costs 99.9"),
    ],
)
def test_what_differs_in_substance_is_a_version(one: str, other: str) -> None:
    found = duplicates({"a.md": f"{text(1)} {one}", "b.md": f"{text(1)} {other}"})
    assert found == [Duplicate("b.md", "a.md", "version")]


@pytest.mark.parametrize("end", ["", " greetings"])
def test_a_public_document_is_not_collapsed_into_an_internal_one(end: str) -> None:
    pages = {"a-staff.md": text(1), "b.md": text(1) + end}
    newer = {"a-staff.md": "2025-01-01T00:00:00+00:00", "b.md": "2024-01-01T00:00:00+00:00"}
    found = duplicates(pages, modified=newer, seen={"a-staff.md": "internal"})
    assert "b.md" not in [each.path for each in found]
    assert duplicates(pages, modified=newer, seen=dict.fromkeys(pages, "internal")) != []


def test_of_equal_texts_the_public_one_stands_for_all() -> None:
    same = dict.fromkeys(("a-staff.md", "b.md", "c.md", "d-staff.md"), text(1))
    found = duplicates(same, seen={"a-staff.md": "internal", "d-staff.md": "internal"})
    assert [(each.path, each.kept) for each in found] == [
        ("a-staff.md", "b.md"),
        ("c.md", "b.md"),
        ("d-staff.md", "b.md"),
    ]


def test_equal_texts_are_kept_for_each_audience_where_the_public_one_is_superseded() -> None:
    same = dict.fromkeys(("a-staff.md", "b-staff.md", "c.md", "d.md"), text(1))
    found = duplicates(
        same,
        seen={"a-staff.md": "internal", "b-staff.md": "internal"},
        status=dict.fromkeys(("c.md", "d.md"), "expired"),
    )
    assert found == [Duplicate("b-staff.md", "a-staff.md", "exact"), Duplicate("d.md", "c.md", "exact")]


def test_the_newer_version_that_all_may_see_is_named_before_an_internal_one() -> None:
    pages = {"v1.md": text(1) + " costs 1", "v2.md": text(1) + " costs 2", "v3.md": text(1) + " costs 3"}
    newer = {f"v{n}.md": f"202{n}-01-01T00:00:00+00:00" for n in (1, 2, 3)}
    assert duplicates(pages, modified=newer, seen={"v3.md": "internal"}) == [
        Duplicate("v1.md", "v2.md", "version"),
        Duplicate("v2.md", "v3.md", "version"),
    ]


def test_a_third_of_other_text_is_no_copy() -> None:
    assert duplicates({"a.md": text(1), "b.md": text(1, 200) + " " + text(2, 100)}) == []


def test_a_copy_of_a_collapsed_document_points_at_the_kept_one() -> None:
    found = duplicates({"a.md": text(1), "b.md": text(1) + " greetings", "c.md": text(1) + " greetings"})
    assert found == [Duplicate("b.md", "a.md", "near"), Duplicate("c.md", "a.md", "exact")]


def test_short_and_empty_documents() -> None:
    assert duplicates({"a.md": "", "b.md": "one two"}) == []
    assert duplicates({"a.md": "One, two.", "b.md": "one two!"}) == [Duplicate("b.md", "a.md", "near")]


def test_signatures_are_the_same_in_every_process() -> None:
    assert signature("the quick brown fox jumps over").tolist()[:3] == SIGNED


SIGNED = [682899012, 643838144, 202435024]


def test_superseded_is_read_from_the_metadata() -> None:
    assert is_superseded({"Status": " Superseded "})
    assert is_superseded({"superseded_by": "new.md"})
    assert not is_superseded({"status": "current", "superseded_by": ""})


def test_pages_from_one_template_cost_little() -> None:
    template = text(0, 500)
    pages = {f"{n}.md": f"{template} {text(n, 90)}" for n in range(1, 601)}
    start = time.perf_counter()
    assert duplicates(pages) == []
    assert time.perf_counter() - start < 10
