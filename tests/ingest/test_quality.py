"""The data quality report: each fault planted once, with near misses beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from ingest.listing import last_report
from ingest.stores.language import language_of
from ingest.stores.quality import CHECKS, QualityReport, quality_of
from tests.ingest.ingesting import ingest, new_home, reader_of, write_files

FILLER = "The stove burns gas and alcohol, and it is packed in a bag that keeps the pan and the lid together while you walk. "
SHARED = "This handbook was written by the team of the shop for all its customers."
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def page(title: str, *paragraphs: str, **fields: str) -> str:
    matter = "".join(f"{name}: {value}\n" for name, value in ({"date": "2025-12-01"} | fields).items())
    body = "\n\n".join(paragraphs)
    return (
        f"---\n{matter}---\n# {title}\n\n{title} is about {title.lower()} and what to do with it. {FILLER}\n\n{body}\n"
    )


FILES = {
    "tents_md": page("Tents", "## Returns\n\nYou can return a tent within 30 days of purchase.", SHARED, "See [stoves](stoves.md#gas), [gone](old/gone.md), [picture](a.png), [site](https://x.example), [folder](policies/) and [rules](/policies/rules)."),
    "stoves_md": page("Stoves", "## Returns\n\nYou can return a tent within 14 days of purchase.", SHARED),
    "policies__rules_md": page("Rules", "## Delivery\n\nDelivery takes 3 days in the whole country.", SHARED, "Contact Jane via jane.roe@example.com for 5 more days."),
    "policies__copy_md": page("Rules", "## Delivery\n\nDelivery takes 3 days in the whole country.", SHARED, "Contact Jane via jane.roe@example.com for 5 more days."),
    "tiny_md": "---\ndate: 2025-12-01\n---\n# Tiny\n\nOnly these few words.\n",
    "deutsch_md": "---\ndate: 2025-12-01\n---\n# Zelte\n\nDas Zelt ist nicht für den Winter, und die Stangen werden mit dem Sack geliefert. Sie können es auch bei uns mieten, wenn der Platz im Auto für eine Reise nicht reicht.\n",
    "old_md": page("Old", "An old page on maps.", date="2019-05-01"),
    "replaced_md": page("Replaced", "A page on boots.", superseded_by="tents.md"),
    "expired_md": page("Expired", "A page on discounts.", valid_until="2025-06-30"),
    "later_md": page("Later", "A page on lamps.", valid_until="2026-06-30"),
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quality")
    home = new_home(folder)
    source = write_files(folder / "handbook", **FILES)
    (source / "broken.txt").write_bytes(b"The caf\xc3\xa9 \xef\xbf\xbd is open and " + FILLER.encode() * 2)
    ingest(home, source)
    return home


@pytest.fixture(scope="module")
def report(home: Path) -> QualityReport:
    reader = reader_of(home, "handbook")
    return quality_of(reader, last_report(reader), NOW)


@pytest.mark.parametrize(
    ("check", "documents"),
    [
        ("duplicate", {"policies/rules.md"}),
        ("near_duplicate", set()),
        ("empty", set()),
        ("tiny", {"tiny.md"}),
        ("other_language", {"deutsch.md"}),
        ("encoding", {"broken.txt"}),
        ("dead_link", {"tents.md"}),
        ("stale", {"old.md", "replaced.md", "expired.md"}),
        ("contradiction", {"stoves.md", "tents.md"}),
    ],
)
def test_each_fault_is_found_where_it_was_planted(report: QualityReport, check: str, documents: set[str]) -> None:
    found = [finding for finding in report.findings if finding.check == check]
    assert {path for finding in found for path in finding.documents} - {"policies/copy.md"} == documents
    assert report.counts[check] == len(found)


def test_messages_name_what_to_mend(report: QualityReport) -> None:
    told = {finding.check: finding.message for finding in report.findings}
    assert "old/gone.md" in told["dead_link"]
    assert "30 days" in told["contradiction"] and "14 days" in told["contradiction"]
    assert set(report.counts) == set(CHECKS) and report.complete
    assert report.languages["en"] >= 8 and report.languages["de"] == 1
    assert "jane.roe" not in json.dumps([finding.message for finding in report.findings])


def test_links_survive_a_sync_that_reads_nothing_again(home: Path, tmp_path: Path) -> None:
    source = write_files(
        tmp_path / "linked", a_md="# A\n\nSee [b](b.md).\n", b_md="# B\n\nHere.\n", c_md="# C\n\nMore.\n"
    )
    ingest(home, source)
    (source / "b.md").unlink()
    ingest(home, source)
    reader = reader_of(home, "linked")
    assert quality_of(reader, last_report(reader)).counts["dead_link"] == 1


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("You can return the tent within thirty days if it was not used by anybody.", "en"),
        ("Sie können das Zelt innerhalb von dreißig Tagen zurückgeben, wenn es nicht benutzt wurde.", "de"),
        ("Puede devolver la tienda en un plazo de treinta días si no se ha usado para nada.", "es"),
        ("Vous pouvez rendre la tente dans les trente jours si elle n'est pas utilisée par vous.", "fr"),
        ("Вы можете вернуть палатку в течение тридцати дней.", "ru"),
        ("テントは三十日以内に返品できます。使用していないものに限ります。", "ja"),
        ("Too short.", None),
        ("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu", None),
    ],
)
def test_languages_are_told_from_a_sentence(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_owners_get_it_by_command_and_over_http(home: Path, cli, serve) -> None:
    told = json.loads(cli(home, "ingest", "report", "handbook", "--quality", "--json").stdout)
    assert told["counts"]["contradiction"] == 1
    assert "dead link: 1" in cli(home, "ingest", "report", "handbook", "--quality").stdout
    key = json.loads(cli(home, "keys", "add", "--role", "analyst", "--json").stdout)["token"]
    visitor = json.loads(cli(home, "keys", "add", "--role", "visitor", "--json").stdout)["token"]
    with serve(home, ready="/healthz") as base:
        url = f"{base}/v1/sources/handbook/quality"
        assert httpx.get(url, timeout=30).json()["counts"] == told["counts"]
        assert httpx.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=30).status_code == 403
        assert httpx.get(url, headers={"Authorization": f"Bearer {visitor}"}, timeout=30).status_code == 404
        assert httpx.get(f"{base}/v1/sources/nope/quality", timeout=30).status_code == 404
