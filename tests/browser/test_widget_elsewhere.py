"""The widget of the real service on pages of another origin: integrity, hostile pages, cut streams, limits, revocation."""

import base64
import json
import re
import time
import urllib.request

import jwt
import pytest

from tests.app.hook_server import until
from tests.browser.other_origins import BreakingLine, HostPages, closing, made_by
from tests.conftest import run_cli

pytestmark = pytest.mark.browser
RETURN = "How long do I have to return something?"
SEASONS = "How many products are there per season?"
MAIN = "<main><h1>Outdoor gear</h1><p>Tents and boots.</p></main>"
FROZEN = """for (const one of [Object, Array, Function, Promise, JSON, Node, Element, Document, EventTarget, String])
    { Object.freeze(one); one.prototype && Object.freeze(one.prototype) }"""
PATCHED = """Array.prototype.toJSON = String.prototype.toJSON = () => 'wrong'; Array.prototype.extra = () => {};
    JSON.stringify = () => { throw new Error('patched') }; Element.prototype.remove = () => {}"""


@pytest.fixture(scope="module")
def host():
    with closing(HostPages()) as pages:
        yield pages


@pytest.fixture(scope="module")
def home(sample_home, tmp_path_factory):
    made = tmp_path_factory.mktemp("elsewhere-home")
    for name in ("store", "cache"):
        (made / name).symlink_to(sample_home / name)
    return made


@pytest.fixture(scope="module")
def served(serve, home):
    """Base URL of a server without keys."""
    with serve(home) as base:
        yield base


@pytest.fixture(scope="module")
def site(home, host):
    """A site of the host's origin, as the command tells it."""
    return site_for(home, host.origin)


def site_for(home, *origins):
    wanted = [word for origin in origins for word in ("--origin", origin)]
    return made_by(run_cli, home, "keys", "site", "add", "--name", "shop", *wanted)


def tag(base, site, attributes=""):
    return f'<script async src="{base}/widget.js" data-site="{site["key"]}" {attributes}></script>'


def policy(base):
    return (
        f"default-src 'none'; script-src {base}; connect-src {base}; img-src blob:; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def ask(page, question, *, turn=0):
    page.get_by_role("textbox", name="Ask a question").fill(question)
    page.keyboard.press("Enter")
    page.locator(".turn").nth(turn).locator(".thumbs, .failed").first.wait_for()
    return page.locator(".turn").nth(turn)


def opened_at(page, url):
    page.goto(url)
    page.get_by_role("button", name="Ask a question", exact=True).click()
    return page


def asked_of(page):
    """Each request for an answer, and the status that came back."""
    asked = []
    page.on("response", lambda response: asked.append((response.url, response.status)))
    return lambda path: [status for url, status in asked if url.partition("?")[0].endswith(path)]


def ticket_of(page):
    kept = page.evaluate(
        "JSON.parse(Object.entries(sessionStorage).find(([name]) => name.startsWith('answerable:'))[1])"
    )
    return kept["ticket"]


def visitor_in(ticket):
    body = ticket.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["visitor"]


def test_a_strict_page_of_another_origin_with_an_integrity_hash(served, host, site, page, violations):
    sri = urllib.request.urlopen(f"{served}/widget.sri", timeout=30).read().decode().strip()
    page.context.add_init_script(
        "window.refused = []; addEventListener('securitypolicyviolation', e => window.refused.push(e.violatedDirective))"
    )
    url = host.add(
        "/strict",
        MAIN + tag(served, site, f'integrity="{sri}" crossorigin="anonymous"'),
        Content_Security_Policy=policy(served),
    )
    opened_at(page, url)
    turn = ask(page, SEASONS)
    turn.locator(".chart img").wait_for()
    ask(page, RETURN, turn=1)
    page.get_by_role("button", name="Helpful", exact=True).last.click()
    page.get_by_text("Thank you!").wait_for()
    with page.context.expect_page() as opened:
        page.locator(".turn").nth(1).locator(".prose .cite").first.click()
    opened.value.locator("mark#passage").wait_for()
    assert page.evaluate("window.refused") == [] and page.reported == []
    assert not page.context.cookies()
    wrong = host.add("/wrong", MAIN + tag(served, site, f'integrity="sha384-{"A" * 64}" crossorigin="anonymous"'))
    page.goto(wrong)
    page.wait_for_timeout(300)
    assert not page.locator(".launch").count()


def test_a_hostile_page(served, host, site, page):
    style = "<style>* {display: none !important} html, body, main {display: block !important} div {left: -999px !important}</style>"
    two = "<answerable-widget mode=inline id=one></answerable-widget>" + tag(served, site) * 2
    scripts = f"<script>{PATCHED}; {FROZEN}; window.fetch = undefined</script>"
    page.goto(host.add("/hostile", MAIN + two, head=style + scripts))
    launcher = page.locator(".launch")
    launcher.wait_for()
    assert launcher.count() == 1
    box = launcher.bounding_box()
    page.mouse.click(box["x"] + 9, box["y"] + 9)
    page.keyboard.type(SEASONS)
    page.keyboard.press("Enter")
    page.locator("[data-answerable] .tablebox").wait_for()
    assert "all year (66)" in page.locator("[data-answerable] .prose").inner_text()
    assert not [line for line in page.reported if line.startswith("uncaught")]


def test_an_origin_that_is_not_allowed_gets_a_message_and_no_data(served, home, host, page):
    other = site_for(home, "https://elsewhere.example.com")
    url = host.add("/other", MAIN + tag(served, other))
    opened_at(page, url)
    page.get_by_text("The assistant is not available here.").wait_for()
    assert page.get_by_role("link", name="Ask on a page of its own").get_attribute("href").startswith(f"{served}/ask?")
    turn = ask(page, RETURN)
    assert "60 days" not in turn.inner_text() and turn.locator(".failed").count()
    assert any("origin_not_allowed" in line or "CORS" in line for line in page.reported)


def test_a_tampered_ticket_is_renewed(served, host, site, page):
    url = host.add("/tampered", MAIN + tag(served, site))
    opened_at(page, url)
    ask(page, RETURN)
    first = ticket_of(page)
    page.evaluate("""ticket => { for (const name of Object.keys(sessionStorage)) {
        const kept = JSON.parse(sessionStorage[name]); kept.ticket = ticket; window.kept = [name, JSON.stringify(kept)] } }""", first[:-6] + "AAAAAA")  # fmt: skip
    page.evaluate("addEventListener('pagehide', () => sessionStorage.setItem(...window.kept))")
    page.reload()
    turn = ask(page, "How long does a refund take?", turn=1)
    assert turn.locator(".cite").count()
    assert ticket_of(page) != first and visitor_in(ticket_of(page)) != visitor_in(first)
    assert page.locator(".turn").count() == 2


def test_a_refused_ticket_is_renewed_within_a_question(served, host, site, page):
    """The page's own memory of the ticket is out of reach: its request is changed on the way."""
    opened_at(page, host.add("/refused", MAIN + tag(served, site)))
    ask(page, RETURN)
    spoiled = []

    def spoil(route):
        headers = dict(route.request.headers)
        if not spoiled and route.request.method == "POST":
            spoiled.append(True)
            headers["authorization"] = headers["authorization"][:-6] + "AAAAAA"
        route.continue_(headers=headers)

    page.route("**/v1/ask", spoil)
    seen = asked_of(page)
    turn = ask(page, "How long does a refund take?", turn=1)
    assert turn.locator(".cite").count() and spoiled
    assert [status for status in seen("/v1/ask") if status != 204] == [401, 200]


def test_who_the_visitor_is_by_a_token_of_the_site(served, host, site, new_page):
    token = jwt.encode({"sub": "customer-7", "exp": int(time.time()) + 600}, site["secret"], "HS256")
    url = host.add("/known", MAIN + tag(served, site))
    visitors = []
    for _ in range(2):
        page = new_page()
        page.goto(url)
        page.locator(".launch").wait_for()
        page.evaluate("token => { answerable.identify(token); answerable.open() }", token)
        ask(page, RETURN)
        visitors.append(visitor_in(ticket_of(page)))
    forged = jwt.encode({"sub": "customer-7", "exp": int(time.time()) + 600}, "x" * 43, "HS256")
    page.evaluate("token => answerable.identify(token)", forged)
    turn = ask(page, "How long does a refund take?", turn=1)
    assert visitors[0] == visitors[1] and turn.locator(".cite").count()
    assert any("identity token was refused" in line for line in page.reported)


@pytest.mark.parametrize("cuts", [[150], [400, 700], [900]])
def test_a_cut_stream_goes_on_with_nothing_lost_or_doubled(served, home, host, page, cuts):
    site = site_for(home, host.origin)
    with closing(BreakingLine(served)) as line:
        opened_at(page, host.add("/cut", MAIN + tag(line.base, site)))
        page.get_by_text("Hello!").wait_for()
        line.cuts = list(cuts)
        turn = ask(page, RETURN)
        page.wait_for_timeout(200)
        assert turn.locator(".failed").count() == 0 and line.cuts == []
        assert turn.locator(".prose").inner_text().count("You have 60 days from the day of delivery") == 1
        assert turn.locator(".cards li").count() == 2
        numbers = [int(each.rpartition(".")[2]) for each in line.events]
        streams = {each.rpartition(".")[0] for each in line.events}
        assert line.asked[0] is None and None not in line.asked[1:] and len(line.asked) == len(cuts) + 1
        assert len(streams) == 1 and sorted(set(numbers)) == list(range(1, max(numbers) + 1))

    def noted():
        with urllib.request.urlopen(f"{served}/console/answers?format=json&key={site['id']}", timeout=30) as listed:
            return [each["question"] for each in json.load(listed)]

    assert until(noted, seconds=70) == [RETURN]


def test_a_site_that_is_revoked_while_open(served, home, host, page):
    site = site_for(home, host.origin)
    opened_at(page, host.add("/revoked", MAIN + tag(served, site)))
    ask(page, RETURN)
    done = run_cli(home, "keys", "site", "revoke", site["id"])
    assert done.returncode == 0, done.stdout + done.stderr
    turn = ask(page, SEASONS, turn=1)
    assert "The assistant is not available here." in turn.inner_text()
    assert page.locator(".turn").first.locator(".cite").count()


def test_too_many_questions_are_counted_down(serve, home, host, page, violations):
    site = site_for(home, host.origin)
    with serve(home, ANSWERABLE_RATE_PER_VISITOR="2/minute") as base:
        opened_at(page, host.add("/limited", MAIN + tag(base, site)))
        for turn, question in enumerate((RETURN, "How long does a refund take?", SEASONS)):
            last = ask(page, question, turn=turn)
        assert re.search(r"Please wait \d+ seconds", last.locator(".failed").inner_text())
        again = last.get_by_role("button", name="Try again")
        assert again.get_attribute("aria-disabled") == "true"
        assert page.get_by_role("button", name="Send").is_disabled()
        assert page.locator(".below").get_by_text("Please wait").is_visible()
        again.click(force=True)
        assert last.locator(".failed").count() == 1
        assert violations(page) == []
