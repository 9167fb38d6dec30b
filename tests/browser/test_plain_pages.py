"""The pages around the widget in a real browser: readable without scripts, by everybody, and nothing on them runs."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest

from app.ops.site import Handover, SiteOptions
from app.ops.sites import SiteStore
from tests.app.hook_server import hook_server, until
from tests.conftest import new_key, run_cli

pytestmark = pytest.mark.browser

ATTACK = '<script>window.hit=1</script><img src=x onerror="window.hit=2"><svg onload="window.hit=3">'
DOCUMENT = f"""# Borrowing a zeppelin {ATTACK}

A zeppelin may be borrowed for nine days. {ATTACK}

[click](javascript:window.hit=4) [mail](mailto:a@b.example) ![x](https://evil.example/x.png) <https://ok.example/>

| Part {ATTACK} | Price |
|---|---|
| {ATTACK} | 3 |

<iframe src="javascript:window.hit=5"></iframe>
"""
ASKED = "For how many days may a zeppelin be borrowed?"


@pytest.fixture(scope="module")
def hook():
    with hook_server() as server:
        yield server


@pytest.fixture(scope="module")
def served(serve, sample_home, tmp_path_factory, hook):
    """A server with one hostile public document and a hostile internal one; its sites by the kind of hand-over."""
    home = tmp_path_factory.mktemp("plain-home")
    (home / "cache").symlink_to(sample_home / "cache")
    folder = tmp_path_factory.mktemp("plain-docs")
    (folder / "loans").mkdir()
    (folder / "loans" / "a<img src=x onerror=alert(1)>.md").write_text(DOCUMENT)
    (folder / "loans" / "faq.md").write_text(
        "# Questions\n\n## May I bring a dog on board?\n\nOnly small dogs may come on board.\n"
    )
    (folder / "price.csv").write_text(f'part,price\n"{ATTACK.replace(chr(34), chr(34) * 2)}",3\nrope,4\n')
    secret = tmp_path_factory.mktemp("secret-docs")
    (secret / "internal.md").write_text("# Internal\n\nNobody must read this.\n")
    for place, arguments in ((folder, ("--name", "lending", "--public")), (secret, ("--name", "internal"))):
        added = run_cli(home, "ingest", "add", str(place), *arguments)
        assert added.returncode == 0, added.stdout + added.stderr
    store = SiteStore(home / "state.db")
    kinds = {"none": "", "link": "https://shop.example.com/contact", "webhook": ""}
    sites = {
        kind: store.add(
            SiteOptions(
                name=f"Shop {ATTACK}",
                title=f"Lending {ATTACK}",
                greeting=ATTACK,
                examples=(ASKED, ATTACK),
                origins=("https://shop.example.com",),
                handover=Handover(kind=kind, target=target),
            )
        )[0].key
        for kind, target in kinds.items()
    }
    with serve(home, ANSWERABLE_WEBHOOK_URL=hook.url) as base:
        yield base, sites


def get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def nothing_ran(page):
    assert page.evaluate("window.hit") is None
    found = "document.querySelectorAll('iframe, svg, [onerror], [onload]').length"
    assert page.evaluate(found) == 0  # of the page itself; the widget draws its icons in a shadow root
    own = [line for line in page.reported if "widget.js" not in line and "status of 404" not in line]
    assert own == []


def ask(page, base, key, question=ASKED):
    page.goto(f"{base}/ask?site={key}")
    page.locator("#q").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator(".answer").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_question_is_answered_without_scripts(served, new_page, violations, scheme):
    base, sites = served
    page = new_page(color_scheme=scheme)
    page.goto(f"{base}/ask?site={sites['none']}&q={urllib.parse.quote(ATTACK)}")
    assert page.locator("#q").input_value() == ATTACK
    assert violations(page) == []
    ask(page, base, sites["none"])
    assert "nine days" in page.locator(".answer > .words").inner_text()
    assert urllib.parse.urlsplit(page.url).query == ""
    assert violations(page) == []
    nothing_ran(page)
    page.locator(".sources a").first.click()
    marked = page.locator("mark#passage")
    assert "nine days" in " ".join(page.locator("mark").all_inner_texts())
    assert marked.is_visible() and page.url.endswith("#passage")
    assert violations(page) == []
    nothing_ran(page)


def test_it_works_with_scripts_off_and_goes_on(served, new_page):
    base, sites = served
    page = new_page(java_script_enabled=False, locale="de-DE")
    page.goto(f"{base}/ask?site={sites['link']}")
    assert page.locator("html").get_attribute("lang") == "de"
    assert (
        page.get_by_role("link", name="Mit einem Menschen sprechen").get_attribute("href")
        == "https://shop.example.com/contact"
    )
    page.get_by_role("button", name=ASKED).click()
    assert "nine days" in page.locator(".answer > .words").inner_text()
    page.locator("#q").fill(f"What does {ATTACK} cost in Atlantis?")
    page.get_by_role("button", name="Fragen", exact=True).click()
    assert ATTACK in page.locator(".asked").inner_text()
    assert page.get_by_role("link", name="Neues Gespräch beginnen").is_visible()


def test_a_table_and_a_hostile_cell(served, page, violations):
    base, sites = served
    ask(page, base, sites["none"], "List part and price of all rows in price")
    assert page.locator(".answer").is_visible()
    if page.locator("table").count():
        assert ATTACK in page.locator("table").inner_text()
    assert violations(page) == []
    nothing_ran(page)


def test_a_conversation_is_handed_over(served, page, violations, hook):
    base, sites = served
    ask(page, base, sites["webhook"])
    page.get_by_text("Talk to a person").click()
    page.get_by_label("Your message").fill(f"Please call {ATTACK}")
    page.get_by_label("How to reach you (e-mail)").fill("ada@example.com")
    assert violations(page) == []
    page.get_by_role("button", name="Send").click()
    told = page.get_by_role("status").inner_text()
    reference = re.search(r"H-[0-9A-Z]{8}", told).group()
    (event,) = until(lambda: [each for each in hook.events() if each["event"] == "handover.requested"])
    assert event["content"]["reference"] == reference and event["content"]["contact"] == "ada@example.com"
    assert "nine days" in event["content"]["conversation"][0]["text"]
    assert not event["content"]["conversation"][0]["reported"]
    nothing_ran(page)


def test_a_form_that_is_forged_or_of_another_page_is_not_answered(served, page):
    base, sites = served
    page.goto(f"{base}/ask?site={sites['none']}")
    page.locator("form.question input[name=form]").evaluate(
        "field => { field.value = field.value.slice(0, -4) + 'AAAA' }"
    )
    page.locator("#q").fill(ASKED)
    page.get_by_role("button", name="Ask", exact=True).click()
    assert page.get_by_role("alert").is_visible() and not page.locator(".answer").count()
    body = urllib.parse.urlencode({"q": ASKED, "form": ""}).encode()
    request = urllib.request.Request(f"{base}/ask", body, {"Origin": "https://evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    refused.value.close()
    assert refused.value.code == 403


def test_too_long_and_empty_questions_are_told_on_the_page(served):
    base, sites = served
    _, _, form = get(f"{base}/ask?site={sites['none']}")
    field = re.search(r'name="form" value="([^"]+)"', form).group(1)
    for question, code in (("x" * 5000, 400), (" ", 400)):
        body = urllib.parse.urlencode({"q": question, "form": field}).encode()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(f"{base}/ask", body), timeout=30)
        with refused.value as response:
            assert response.code == code and 'role="status"' in response.read().decode()


@pytest.mark.parametrize("path", ["/ask?site=pk_x", "/ask", "/source/lending/nothing.md?site={key}", "/source/internal/internal.md?site={key}", "/source/lending/loans/faq.md?site=pk_x", "/demo/lending/nothing.md", "/demo/internal/internal.md", "/static/console.css", "/static/..%2fpages.py"])  # fmt: skip
def test_what_is_not_there_or_not_for_visitors_is_a_404_alike(served, path):
    base, sites = served
    status, headers, text = get(base + path.format(key=sites["none"]))
    assert status == 404 and "Nobody must read" not in text
    assert "script-src" not in headers["Content-Security-Policy"] or "'self'" in headers["Content-Security-Policy"]


def test_on_this_machine_everything_is_shown_without_a_key_and_elsewhere_nothing(served, serve, sample_home, tmp_path):
    base, _ = served
    assert get(f"{base}/source/internal/internal.md")[0] == 200
    assert get(f"{base}/console/source/internal/internal.md")[0] == 200
    new_key(tmp_path, "owner")
    (tmp_path / "store").symlink_to(sample_home / "store")
    (tmp_path / "cache").symlink_to(sample_home / "cache")
    with serve(tmp_path, ANSWERABLE_REQUIRE_KEY="true", ANSWERABLE_DEMO="off") as locked:
        assert get(f"{locked}/source/help-centre/policies/returns.md")[0] == 404
        assert get(f"{locked}/console/source/help-centre/policies/returns.md")[0] == 404
        assert get(f"{locked}/demo")[0] == 404


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_demo_shows_the_public_documents_under_a_strict_policy(served, new_page, violations, scheme):
    base, _ = served
    page = new_page(color_scheme=scheme)
    response = page.goto(f"{base}/demo")
    policy = response.headers["content-security-policy"]
    assert "script-src 'self';" in policy and "style-src 'self';" in policy and "unsafe" not in policy
    assert page.get_by_role("heading", name="How can we help?").is_visible()
    assert page.locator("script").evaluate_all("all => all.map(each => each.getAttribute('src'))") == ["/widget.js"]
    assert page.locator("script").get_attribute("data-site").startswith("pk_")
    assert violations(page) == []
    nothing_ran(page)
    page.get_by_role("link", name=re.compile("zeppelin")).first.click()
    article = page.locator("article")
    assert "nine days" in article.inner_text() and article.locator("table").count() == 1
    assert not article.locator("img, script, [href^='javascript']").count()
    assert "Internal" not in page.content()
    assert violations(page) == []
    nothing_ran(page)


def test_the_demo_makes_its_site_once_and_asks_a_question_of_the_documents(served):
    base, _ = served
    keys = {re.search(r'data-site="(pk_[^"]+)"', get(f"{base}/demo")[2]).group(1) for _ in range(3)}
    assert len(keys) == 1
    _, _, form = get(f"{base}/ask?site={keys.pop()}")
    assert "May I bring a dog on board?" in form
    other = base.replace("127.0.0.1", "localhost")
    assert get(f"{other}/demo")[0] == 200
    assert json.dumps(get(f"{other}/demo")[2]).count("data-site") == 1


def test_a_narrow_page_does_not_scroll_sideways(served, new_page):
    base, sites = served
    page = new_page(viewport={"width": 320, "height": 640})
    for path in ("/demo", "/demo/lending/loans/faq.md", f"/ask?site={sites['none']}", "/source/lending/loans/faq.md"):
        page.goto(base + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
