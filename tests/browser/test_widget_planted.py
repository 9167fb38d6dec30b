"""Markup, scripts and characters that turn text around, planted wherever data comes from: nothing runs on any page."""

import json
import re
import urllib.parse
import urllib.request

import pytest

from tests.conftest import run_cli

pytestmark = pytest.mark.browser
RUN = '<img src=x onerror="fired()"><script>fired()</script><svg onload="fired()">'
TURNED = "\u202egnp.exe\u202c\u2066\x1b[31m\x07"
EVIL = RUN + TURNED
DOCUMENT = f"""# Renting a zeppelin {EVIL}

A zeppelin may be rented for nine days. {EVIL} [click](javascript:fired()) ![x](https://evil.example/x.png)

<script>fired()</script><iframe src="javascript:fired()"></iframe>
"""
ASKED = "For how many days may a zeppelin be rented?"
PARTS = "What is the total price by part?"
SOURCE = "a<img src=x onerror=fired()>\u202eb"
PAGES = (
    *("/console", "/console/answers", "/console/unanswered", "/console/sources", "/console/sources/{source}"),
    *("/console/sources/{source}/documents", "/console/sources/{source}/quality", "/console/sources/{source}/report"),
    *("/console/sources/{source}/tables/{table}", "/console/sources/{source}/description"),
    *("/console/verified", "/console/prompts", "/console/keys", "/console/usage", "/console/sites/{site}"),
    "/demo",
)


@pytest.fixture(scope="module")
def served(serve, sample_home, tmp_path_factory):
    """Base URL, the name that the source got, and the demo site's key."""
    home, folder = tmp_path_factory.mktemp("evil-home"), tmp_path_factory.mktemp("evil")
    (home / "cache").symlink_to(sample_home / "cache")
    (folder / f"a<img src=x onerror=fired()>{TURNED[:3]}.md").write_text(DOCUMENT)
    cell = EVIL.replace('"', '""')
    rows = "".join(f'"{part}",{price},2026-0{price}-01\n' for price, part in enumerate((cell, "rope", "mast"), 1))
    (folder / "parts.csv").write_text(f"part,price,bought\n{rows}")
    added = run_cli(home, "ingest", "add", str(folder), "--name", SOURCE, "--public")
    if added.returncode != 0:  # names that could be mistaken are refused
        assert "fired" in added.stderr or "name" in added.stderr
        added = run_cli(home, "ingest", "add", str(folder), "--name", "evil", "--public")
    assert added.returncode == 0, added.stdout + added.stderr
    site = run_cli(
        home, "keys", "site", "add", "--name", f"Shop {RUN}", "--title", RUN, "--origin", "https://a.example"
    )
    assert site.returncode == 0, site.stderr
    with serve(home) as base:
        with urllib.request.urlopen(f"{base}/demo", timeout=30) as demo:
            key = re.search(r'data-site="(pk_[^"]+)"', demo.read().decode()).group(1)
        with urllib.request.urlopen(f"{base}/v1/sources", timeout=30) as listed:
            (source,) = json.load(listed)["sources"]
        yield base, source, key


@pytest.fixture
def wary(new_page):
    """A page that notes whatever runs or is fetched from elsewhere; nothing may be."""
    page = new_page(viewport={"width": 1200, "height": 900})
    page.context.add_init_script("window.fired = () => { window.hit = true }")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    return page


def nothing_ran(page, base):
    page.wait_for_timeout(50)
    assert page.evaluate("window.hit") is None, page.url
    assert not page.locator("[onerror], [onload], iframe, img[src=x]").count(), page.url
    assert not [url for url in page.asked if not url.startswith((base, "data:", "blob:"))]
    assert not [line for line in page.reported if line.startswith("uncaught") or "Content Security Policy" in line]


def test_the_widget_and_what_it_links_to(served, wary, violations):
    base, _, _ = served
    page = wary
    page.goto(f"{base}/demo")
    for turn, question in enumerate((ASKED, PARTS, f"What about {EVIL}?")):
        page.get_by_role("textbox", name="Ask a question").fill(question)
        page.keyboard.press("Enter")
        page.locator(".turn").nth(turn).locator(".thumbs, .answer .choices").first.wait_for()
    first, second = page.locator(".turn").nth(0), page.locator(".turn").nth(1)
    assert "nine days" in first.locator(".prose").inner_text()
    assert "<script>" in second.locator("table").inner_text()
    second.locator(".chart img").wait_for()
    nothing_ran(page, base)
    assert violations(page) == []
    page.goto(f"{base}{first.locator('.cite').first.get_attribute('href').removeprefix(base)}")
    assert "nine days" in " ".join(page.locator("mark").all_inner_texts())
    nothing_ran(page, base)
    assert violations(page) == []


def test_the_plain_pages(served, wary):
    base, _, key = served
    page = wary
    for question in (ASKED, PARTS, f"What about {EVIL}?"):
        page.goto(f"{base}/ask?site={key}&q={urllib.parse.quote(question)}")
        page.get_by_role("button", name="Ask", exact=True).click()
        page.locator(".answer").wait_for()
        nothing_ran(page, base)
    page.goto(f"{base}/demo")
    page.locator(".card a").first.click()
    page.locator("article").wait_for()
    nothing_ran(page, base)


def test_the_console(served, wary):
    base, source, _ = served
    page = wary
    for question in (ASKED, PARTS, f"What about {EVIL}?"):
        page.goto(base + "/console")
        page.get_by_label("Question").fill(question)
        page.get_by_role("button", name="Ask").click()
        page.locator("section.answer").wait_for()
        nothing_ran(page, base)
        if question == PARTS:
            page.goto(page.url)
    with urllib.request.urlopen(f"{base}/console/answers?format=json", timeout=30) as listed:
        asked = [each["id"] for each in json.load(listed)]
    assert len(asked) >= 3
    name = urllib.parse.quote(source["name"], safe="")
    table = urllib.parse.quote(source["tables"][0]["name"], safe="") if source.get("tables") else "parts"
    with urllib.request.urlopen(f"{base}/console/sites?format=json", timeout=30) as listed:
        sites = [each["id"] for each in json.load(listed)]
    paths = [path.format(source=name, table=table, site=sites[0]) for path in PAGES]
    for path in [*paths, *(f"/console/answers/{each}" for each in asked)]:
        response = page.goto(base + path)
        assert response.status == 200, path
        nothing_ran(page, base)


def test_the_chart_as_a_document(served, wary):
    base, _, _ = served
    body = json.dumps({"question": PARTS}).encode()
    request = urllib.request.Request(f"{base}/v1/ask", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.load(response)
    assert answer["chart"] is not None
    response = wary.goto(f"{base}/v1/answers/{answer['id']}/chart.svg")
    assert response.status == 200 and "fire" in wary.locator("svg").first.text_content()
    assert not wary.locator("script, image, foreignObject").count()
    nothing_ran(wary, base)
