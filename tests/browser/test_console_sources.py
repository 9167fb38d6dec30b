"""The console's sources in a real browser: nothing planted runs, and a description is edited end to end."""

import shutil

import httpx
import pytest

from tests.conftest import SAMPLE, run_cli

pytestmark = pytest.mark.browser

PLANTED = "<img src=x onerror=window.planted=1><script>window.planted=1</script>"
PAGES = (
    *("/sources", "/sources/shop", "/sources/help-centre/documents", "/sources/help-centre/report"),
    *("/sources/help-centre/quality", "/sources/shop/tables/customers", "/sources/shop/description", "/verified"),
)
HOSTILE_PAGES = (
    *("/sources/hostile", "/sources/hostile/documents", "/sources/hostile/report", "/sources/hostile/description"),
    *("/sources/hostile/quality", "/verified?question=%3Cimg+src=x+onerror=window.planted=1%3E&sql=%3Cscript%3E"),
)


@pytest.fixture(scope="module")
def console(serve, sample_home, tmp_path_factory):
    """A server over a copy of the sample, and a source whose every name is hostile."""
    folder = tmp_path_factory.mktemp("console-sources")
    home, hostile = folder / "home", folder / "hostile"
    shutil.copytree(sample_home / "store", home / "store")
    (home / "cache").symlink_to(sample_home / "cache")
    hostile.mkdir()
    (hostile / "<img src=x onerror=window.planted=1>.csv").write_text(f'"{PLANTED}",n\n"{PLANTED}",1\n"a\u202eb",2\n')
    (hostile / "<svg onload=window.planted=1>.md").write_text(f"# {PLANTED}\n\nSome words \u202e turned around.\n")
    (hostile / "broken<script>.pdf").write_text("not a document")
    added = run_cli(home, "ingest", "add", str(hostile), "--name", "hostile")
    assert added.returncode == 0, added.stderr
    with serve(home, ANSWERABLE_RATE_PER_ADDRESS="off") as base:
        yield base


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_violations(console, new_page, violations, scheme):
    page = new_page(color_scheme=scheme)
    for path in PAGES:
        page.goto(f"{console}/console{path}")
        assert violations(page) == [], path
    assert page.reported == []


def test_nothing_planted_runs(console, page, violations):
    for path in HOSTILE_PAGES:
        page.goto(f"{console}/console{path}")
        assert page.evaluate("window.planted") is None, path
        assert page.locator("main img, main svg, main script").count() == 0
        assert violations(page) == [], path
    page.goto(console + "/console/sources/hostile")
    page.locator("table a").first.click()
    assert "onerror=window.planted=1" in page.locator("h1").inner_text()
    assert PLANTED in page.locator("main").inner_text() and r"a\u202eb" in page.locator("main").inner_text()
    assert page.evaluate("window.planted") is None and page.reported == []


def test_a_synonym_is_added_and_asked_with(console, page, violations):
    question = "How many bargains were there in 2025?"
    orders = httpx.post(
        console + "/v1/ask", json={"question": "How many orders were there in 2025?"}, timeout=60
    ).json()
    page.goto(console + "/console/sources/shop")
    page.get_by_role("link", name="Description").click()
    text = page.get_by_label("Description file")
    text.fill(text.input_value().replace("[purchases]", "[purchases, bargains"))
    page.get_by_role("button", name="Check").click()
    assert "line" in page.get_by_role("alert").inner_text()
    assert violations(page) == []
    text.fill(text.input_value().replace("[purchases, bargains", "[purchases, bargains]"))
    page.get_by_role("button", name="Check").click()
    assert "1 change in the catalog" in page.get_by_role("status").inner_text()
    assert page.locator("ins").inner_text().strip() == "+    synonyms: [purchases, bargains]"
    assert violations(page) == []
    page.get_by_role("button", name="Save and apply").click()
    page.wait_for_url("**/console/sources/shop")
    page.locator("#progress tbody tr", has_text="describe").get_by_text("Succeeded").wait_for()
    assert violations(page) == []
    asked = httpx.post(console + "/v1/ask", json={"question": question}, timeout=60).json()
    assert asked["status"] == "answered" and asked["table"]["rows"] == orders["table"]["rows"]
    assert "bargains" not in (SAMPLE / "shop" / "describe.yaml").read_text()


def test_the_second_of_two_editors_is_told(console, new_page):
    one, other = new_page(), new_page()
    for page in (one, other):
        page.goto(console + "/console/sources/hostile/description")
        page.get_by_label("Description file").fill(f"description: as {'one' if page is one else 'the other'} says\n")
    one.get_by_role("button", name="Save and apply").click()
    one.wait_for_url("**/console/sources/hostile")
    one.locator("#progress tbody tr", has_text="describe").get_by_text("Succeeded").wait_for()
    other.get_by_role("button", name="Save and apply").click()
    assert "Somebody saved another version" in other.get_by_role("alert").inner_text()
    assert "as one says" in other.locator("del").inner_text()


def test_a_source_is_synchronised(console, page):
    page.goto(console + "/console/sources/shop")
    page.get_by_role("button", name="Sync now").click()
    page.locator("#progress tbody tr", has_text="sync").get_by_text("Succeeded").wait_for()
    assert page.reported == []
