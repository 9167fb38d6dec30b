"""Every example of the documentation runs in the order in which it stands there, or is checked and says why not."""

from __future__ import annotations

import json
import re
import shutil

import httpx
import pytest

from tests.conftest import ROOT, SAMPLE, run_cli
from tests.docs_checks import CHECKS, OF_OTHERS
from tests.docs_examples import RUN, examples, free_port, run_page, unfenced
from tests.ingest.ingesting import model_cache

DOCS = ROOT / "docs"
PAGES = {page.name: page for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md")))}
RUN_HERE = {
    *("README.md", "quick-start.md", "own-data.md"),
    *(
        "api.md",
        "cost.md",
        "description-file.md",
        "permissions.md",
        "python-client.md",
        "sources-feeds.md",
        "verified.md",
    ),
}
"""Pages whose shell and Python examples are run by the tests below."""
RUN_ELSEWHERE = {
    "clients.md": "tests/api/test_clients_page.py",
    "scripted-models.md": "tests/llm/test_sample_script.py",
    "webhooks.md": "tests/app/test_webhook_events.py",
    "permissions.md": "tests/api/test_widget_tickets.py",
}
ALL = [(name, number) for name, page in PAGES.items() for number in range(len(examples(page)))]


@pytest.fixture(scope="module")
def own_home(sample_home, tmp_path_factory):
    """A copy of the sample's home: examples add and remove things."""
    home = tmp_path_factory.mktemp("examples-home")
    shutil.copytree(sample_home / "store", home / "store")
    (home / "cache").symlink_to(sample_home / "cache")
    return home


@pytest.fixture(scope="module")
def served(own_home, serve):
    """(address, home) of a service over that copy."""
    with serve(own_home) as base:
        yield base, own_home


def with_model(home):
    """A home that has the exported embedding model; the front page's makes its own."""
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "models").symlink_to(model_cache() / "models")


def test_the_quick_start_goes_through(tmp_path, serve):
    with_model(tmp_path / "build" / "quick-start")
    told = run_page(DOCS / "quick-start.md", tmp_path, tmp_path / "unused")
    assert "60 days" in told and "Understood as" in told and "30 °C" in told
    assert '"ready":true' in told.replace(" ", "")
    assert not (tmp_path / "unused").exists(), "the page names its own home"
    site = re.search(r'<script async src="[^"]*/widget.js" data-site="(pk_[\w-]+)"></script>', told)[1]
    with serve(tmp_path / "build" / "quick-start") as base:
        given = [
            httpx.post(base + "/v1/widget/session", json={"site": site}, headers={"Origin": origin}).status_code
            for origin in ("http://127.0.0.1:8080", "http://127.0.0.1:8081")
        ]
    assert given == [201, 403] or given == [200, 403]


def test_own_data_goes_through(tmp_path):
    with_model(tmp_path / "build" / "own-data")
    told = run_page(DOCS / "own-data.md", tmp_path, tmp_path / "unused")
    answers = [part.split("@@")[0] for part in told.split("@@ own-data.md")]
    text = "\n".join(answers)
    assert "head of finance" in text
    assert re.search(r"2 orders in February 2026", text)
    assert "January 2026 (€195.50)" in text and "March 2026 (€99.90)" in text
    assert "There is 1 order with status “cancelled”" in text
    assert "Verified: How many orders did" in text


def test_the_python_client_s_page_goes_through(served, tmp_path):
    base, home = served
    told = run_page(DOCS / "python-client.md", tmp_path, home, url=base)
    assert "not_found" in told and "something else" not in told


def made(home, *arguments):
    ran = run_cli(home, *arguments, "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def site(served):
    origins = ("--origin", "https://help.example.com")
    return made(served[1], "keys", "site", "add", "--name", "Help", *origins)


def test_every_request_of_the_http_page_is_answered(served, site, tmp_path):
    base, home = served
    asked = httpx.post(base + "/v1/ask", json={"question": "What was the net revenue per month in 2025?"}, timeout=60)
    stores = {"source": "shop", "question": "How many stores are there in Bern?", "exact": True, "sql": "SELECT count(*) AS stores FROM stores"}  # fmt: skip
    verified = httpx.post(base + "/v1/verified", json=stores, timeout=60).json()["id"]
    placeholders = {"verified/ID": f"verified/{verified}", "/ID": "/" + asked.json()["id"], '"ID"': f'"{asked.json()["id"]}"', "pk_…": site["key"]}  # fmt: skip
    told = run_page(DOCS / "api.md", tmp_path, home, url=base, placeholders=placeholders)
    assert "event: done" in told and '{"error"' not in told
    resumed = told.partition("event: done")[2]
    assert "event: done" in resumed and "accepted" not in resumed, "the resumed stream does not begin anew"
    assert (tmp_path / "chart.svg").read_text(encoding="utf-8").startswith("<svg") and '"ticket":"wt_' in told


def test_the_commands_on_verified_queries_go_through(served, tmp_path):
    told = run_page(DOCS / "verified.md", tmp_path, served[1], url=served[0])
    assert "Verified: How many orders from" in told


def test_the_commands_on_cost_and_feeds_go_through(served, tmp_path):
    key = made(served[1], "keys", "add", "--role", "owner")["token"]
    told = run_page(DOCS / "cost.md", tmp_path, served[1], url=served[0], placeholders={"ak_…": key})
    assert '{"error"' not in told
    named = {"handbook": "help-centre"}
    told = run_page(DOCS / "sources-feeds.md", tmp_path, served[1], url=served[0], placeholders=named)
    assert "help-centre is synchronised every 1h" in told and '"findings":' in told


def test_the_commands_on_keys_and_sites_go_through(served, site, tmp_path):
    key = made(served[1], "keys", "add", "--role", "visitor")["id"]
    other = made(served[1], "keys", "site", "add", "--name", "Other", "--origin", "https://other.example.com")["id"]
    ids = {"keys revoke ID": f"keys revoke {key}"} | {f"site {verb} ID": f"site {verb} {other}" for verb in ("show", "change", "revoke")}  # fmt: skip
    told = run_page(DOCS / "permissions.md", tmp_path, served[1], url=served[0], placeholders=ids, SITE_SECRET="s")
    assert told.count("ak_") >= 3 and told.count("data-site=") >= 2
    shown = run_cli(served[1], "keys", "sites", "--json").stdout
    assert "desk@example.com" in shown and "other.example.com" not in shown, "changed, and revoked"


def test_the_commands_on_description_files_go_through(sample_home, tmp_path):
    home, work = tmp_path / "home", tmp_path / "work"
    work.mkdir()
    shutil.copytree(sample_home / "store", home / "store")
    (home / "cache").symlink_to(sample_home / "cache")
    (work / "shop").symlink_to(SAMPLE / "shop")
    assert "shop: 8 tables" in run_page(DOCS / "description-file.md", work, home)


def test_the_front_page_goes_through(served, tmp_path):
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "demo").symlink_to(served[1])
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook" / "refunds.md").write_text("# Refunds\n\nAnything above 500 euros is signed off by the head of finance.\n")  # fmt: skip
    port = str(free_port())
    told = run_page(ROOT / "README.md", tmp_path, tmp_path / "home", placeholders={"8099": port})
    said = " ".join(told.split())
    assert "signed off by the head of finance" in said and "days" in said.split("@@")[-1]


def test_every_page_with_examples_is_run_or_checked_somewhere():
    for name, where in RUN_ELSEWHERE.items():
        assert name in (ROOT / where).read_text(encoding="utf-8")
    for name, page in PAGES.items():
        runnable = [each for each in examples(page) if each.language in RUN and each.reason is None]
        assert bool(runnable) <= (name in RUN_HERE or name in RUN_ELSEWHERE), f"{name}: {runnable[0].place}"


@pytest.mark.parametrize(("name", "number"), ALL)
def test_every_example_is_run_checked_or_says_why_not(name, number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = examples(PAGES[name])[number]
    if example.language == "text":
        return
    assert example.language in CHECKS or (example.language in OF_OTHERS and example.reason), example.place
    assert example.reason is None or len(example.reason) > 8
    for path in re.findall(r"tests/[\w/]+(?:\.py)?", example.reason or ""):
        assert (ROOT / path).exists(), path
    if check := CHECKS.get(example.language):
        check(example)


@pytest.mark.parametrize("name", PAGES)
def test_every_example_is_fenced(name):
    assert unfenced(PAGES[name]) == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("bash", "if true"),
        ("bash", "answerable nonsense"),
        ("bash", "answerable ingest add folder --nonsense"),
        ("bash", "true && A=1 answerable ask question --nonsense"),
        ("bash", "curl -s http://127.0.0.1:8000/v1/nonsense"),
        ("bash", "curl -s http://127.0.0.1:8000/v1/ask"),
        ("bash", "curl -s http://127.0.0.1:8000/v1/ask -d '{'"),
        ("python", "def"),
        ("json", "{"),
        ("yaml", "a: ["),
        ("dotenv", "ANSWERABLE_NONSENSE=1"),
        ("dotenv", "ANSWERABLE_PORT=8000   # its port"),
        ("html", '<script src="https://HOST/widget.js" data-nonsense="1"></script>'),
        ("ini", "nonsense"),
        ("ini", "[Service]\nEnvironmentFile=/etc/answerable.env   # mode 0600"),
        ("http", "nonsense"),
    ],
)
def test_what_is_wrong_is_found_without_running_it(tmp_path, language, text):
    page = tmp_path / "page.md"
    page.write_text(f"```{language}\n{text}\n```\n")
    with pytest.raises(Exception):  # noqa: B017 - each checker has an error of its own
        CHECKS[language](examples(page)[0])


def test_a_failing_example_is_named(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```bash\ntrue\n```\n\n```python\nraise SystemExit(3)\n```\n\n```bash\necho never\n```\n")
    with pytest.raises(AssertionError, match=r"ended with 3:\n@@ page.md:1\n@@ page.md:5\n$"):
        run_page(page, tmp_path, tmp_path)


def test_a_block_that_is_marked_is_not_run(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: it would fail -->\n```bash\nfalse\n```\n\n```json\n{}\n```\n")
    assert [each.reason for each in examples(page)] == ["it would fail", None]
    assert run_page(page, tmp_path, tmp_path) == ""
