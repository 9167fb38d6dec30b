"""The widget in a real browser: asking, what answers look like, and everything that is done with them."""

import base64
import gzip
import hashlib
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.browser.widget_host import SITE, WIDGET, Host

pytestmark = pytest.mark.browser
RETURN = "How long do I have to return something?"
BODY = "<main><h1>Outdoor gear</h1><p>Tents and boots.</p></main>"


@pytest.fixture(scope="module")
def running():
    host = Host()
    yield host
    host.close()


@pytest.fixture
def host(running):
    """The host without the traces of other tests."""
    running.fresh()
    running.add("/", BODY + running.tag())
    return running


@pytest.fixture
def shown(host, page):
    """The page with the widget opened."""
    page.goto(host.page_origin + "/")
    page.get_by_role("button", name="Ask a question").click()
    page.get_by_text("Ask about orders").wait_for()
    return page


def ask(page, question):
    page.get_by_role("textbox", name="Ask a question").fill(question)
    page.keyboard.press("Enter")


def ask_and_wait(page, question):
    ask(page, question)
    page.get_by_role("button", name="Not helpful").last.wait_for()


def test_it_is_under_20_kb_gzipped():
    assert len(gzip.compress(WIDGET.read_bytes(), 9)) < 20_000


def test_nothing_is_fetched_before_it_is_opened(host, page):
    page.goto(host.page_origin + "/")
    page.get_by_role("button", name="Ask a question").wait_for()
    assert host.asked("/v1/") == []
    assert page.evaluate("Object.keys(window).filter(name => /answerable/i.test(name))") == ["answerable"]
    page.get_by_role("button", name="Ask a question").click()
    page.get_by_text("Ask about orders").wait_for()
    (session,) = host.asked("/v1/")
    assert session["body"] == {"site": SITE, "renew": None, "identity": None}


def test_an_answer_is_streamed_with_citations_that_open_the_passage(host, shown, violations):
    page = shown
    ask_and_wait(page, RETURN)
    (asked,) = host.asked("/v1/ask")
    assert asked["headers"]["authorization"].startswith("Bearer wt_") and asked["body"]["stream"] is True
    assert page.locator(".prose strong").inner_text() == "30 days"
    assert page.locator(".prose li").all_inner_texts()[1] == "Print the label"
    assert page.locator(".prose .nb").first.inner_text() == "1."
    assert page.locator(".prose .nb").first.evaluate("el => getComputedStyle(el).whiteSpace") == "nowrap"
    own, web = page.locator(".prose .cite").all()
    assert own.get_attribute("href") == (
        f"{host.service}/source/help-centre/policies/returns%20%26%20refunds.md?site={SITE}&start=120&end=171#passage"
    )
    assert web.get_attribute("href") == (
        "https://docs.example/ship#:~:text=Return%20labels%20are%20free%20within,that%20%2D%20five%20euros%20elsewhere."
    )
    assert own.get_attribute("rel") == "noopener noreferrer"
    with page.expect_popup() as opened:
        own.click()
    assert opened.value.evaluate("opener") is None
    assert "the passage" in opened.value.content()
    assert page.locator(".cards .quote").first.inner_text().startswith("You have 30 days")
    assert violations(page) == []


def test_sources_are_quoted_without_the_marks_of_markdown(host, shown):
    found = host.answers[RETURN]
    own, web = found["citations"]
    own["quote"] = "| **PayPal** | `5,000` |\n| Card | none |"
    web["quote"] = "## Fees\n- **Free** within the EU - and 5 * 3 elsewhere"
    ask_and_wait(shown, RETURN)
    quotes = [" ".join(each.split()) for each in shown.locator(".cards .quote").all_inner_texts()]
    assert quotes[0] == "PayPal 5,000 Card none" and quotes[1].startswith("Fees Free within the EU - and 5")
    assert shown.locator(".prose .cite").nth(1).get_attribute("href").endswith("#:~:text=Fees%20Free%20within%20the%20EU,and%205%20*%203%20elsewhere")  # fmt: skip


def test_a_table_with_its_chart(host, shown, violations):
    page = shown
    page.get_by_role("button", name="Which countries order most?").click()
    page.get_by_role("img", name="Chart: Number of orders by country").wait_for()
    table = page.get_by_role("table", name="Number of orders by country")
    assert table.get_by_role("row").nth(1).inner_text().split() == ["Germany", "12,401"]
    assert page.get_by_role("columnheader", name="orders").get_attribute("scope") == "col"
    assert table.locator("td.n").first.evaluate("cell => getComputedStyle(cell).textAlign") == "end"
    assert page.get_by_text("The first 3 rows").is_visible()
    assert page.locator(".chart img").get_attribute("src").startswith("blob:")
    (chart,) = host.asked("/v1/answers/")
    assert chart["headers"]["authorization"].startswith("Bearer wt_")
    assert violations(page) == []


def test_a_question_back_is_answered_by_its_buttons_in_the_same_conversation(host, shown, violations):
    page = shown
    ask(page, "How many are open?")
    page.get_by_role("group", name="Do you mean").get_by_role("button", name="support tickets").wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="support tickets").click()
    page.get_by_text("You asked about support tickets.").first.wait_for()
    first, second = host.asked("/v1/ask")
    assert second["body"]["question"] == "support tickets"
    assert first["body"]["session"] == second["body"]["session"] and len(first["body"]["session"]) == 32
    page.get_by_role("button", name="New conversation").click()
    ask_and_wait(page, RETURN)
    assert host.asked("/v1/ask")[2]["body"]["session"] != first["body"]["session"]


def test_a_thumb_down_says_why(host, shown, violations):
    page = shown
    ask_and_wait(page, RETURN)
    page.get_by_role("button", name="Not helpful").click()
    assert violations(page) == []
    page.get_by_role("checkbox", name="Out of date").check()
    page.get_by_role("checkbox", name="Unclear").check()
    page.get_by_label("Comment (optional)").fill("It is 14 days.")
    page.locator(".form").get_by_role("button", name="Send").click()
    page.get_by_text("Thank you!").wait_for()
    (sent,) = host.asked("/v1/feedback")
    assert sent["body"] == {
        "answer": host.answers[RETURN]["id"], "thumb": "down", "reasons": ["outdated", "unclear"], "comment": "It is 14 days.",
    }  # fmt: skip
    assert page.get_by_role("button", name="Not helpful").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Helpful", exact=True).click()
    page.wait_for_function(
        "() => document.querySelector('[data-answerable]').shadowRoot.querySelector('.up[aria-pressed=true]')"
    )
    assert host.asked("/v1/feedback")[1]["body"]["thumb"] == "up"


def test_a_refusal_offers_places_questions_and_a_person(host, shown, violations):
    page = shown
    ask_and_wait(page, "What is the weather?")
    nearest = page.get_by_role("link", name="Rain gear")
    assert nearest.get_attribute("href").endswith(
        f"/source/help-centre/care/rain.md?site={SITE}&start=5&end=40#passage"
    )
    assert page.get_by_role("group", name="You could ask").get_by_role("button", name=RETURN).is_visible()
    page.locator(".answer").get_by_role("button", name="Talk to a person").click()
    page.get_by_label("Your message").fill("Will my tent hold?")
    page.get_by_label("Your e-mail or phone number").fill("me@example.org")
    assert violations(page) == []
    page.locator(".handover").get_by_role("button", name="Send").click()
    page.get_by_text("Reference: H-7K2M").first.wait_for()
    (sent,) = host.asked("/v1/widget/handover")
    (turn,) = sent["body"]["conversation"]
    assert turn["question"] == "What is the weather?" and turn["text"] == "I could not find this in the documents."
    assert sent["body"]["message"] == "Will my tent hold?" and sent["body"]["contact"] == "me@example.org"


@pytest.mark.parametrize(("target", "links"), [("https://shop.example/contact", 1), ("javascript:alert(1)", 0)])
def test_a_person_behind_a_link(host, page, target, links):
    host.config["handover"] = {"kind": "link", "target": target}
    page.goto(host.page_origin + "/")
    page.get_by_role("button", name="Ask a question").click()
    page.get_by_text("Ask about orders").wait_for()
    assert [link.get_attribute("href") for link in page.get_by_text("Talk to a person").all()] == [target] * links


def test_only_the_keyboard(host, page, violations):
    page.goto(host.page_origin + "/")
    page.get_by_role("button", name="Ask a question").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Fernweh help").wait_for()
    page.keyboard.type(RETURN)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Not helpful").wait_for()
    names = []
    for _ in range(7):
        page.keyboard.press("Shift+Tab")
        names.append(page.evaluate("document.activeElement.shadowRoot.activeElement.className"))
    assert names[:2] == ["icon down", "icon up"] and "cite" in names
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.className") == "launch"
    assert page.get_by_role("dialog").count() == 0
    assert violations(page) == []


def test_each_answer_is_read_out_once(host, shown):
    page = shown
    page.evaluate("""() => {
        const log = document.querySelector('[data-answerable]').shadowRoot.querySelector('[role=log]')
        window.readOut = []
        new MutationObserver(all => all.forEach(one => one.addedNodes.forEach(node => readOut.push(node.textContent))))
            .observe(log, {childList: true, subtree: true})
    }""")
    host.pause_s = 0.03
    ask_and_wait(page, RETURN)
    page.wait_for_timeout(150)
    (read,) = page.evaluate("window.readOut")
    assert read.startswith("You have 30 days from delivery")
    live = page.evaluate("""() => [...document.querySelector('[data-answerable]').shadowRoot.querySelectorAll(
        '[aria-live],[role=log],[role=alert],[role=status]')].map(el => el.getAttribute('role'))""")
    assert sorted(live) == ["alert", "log", "status"]


def test_the_page_keeps_its_keys_and_the_widget_its_own(host, page):
    page.goto(host.add("/keys", "<main><h1>Keys</h1><input aria-label=other></main>" + host.tag()))
    page.evaluate("() => { window.keys = []; addEventListener('keydown', event => keys.push(event.key)) }")
    page.get_by_role("button", name="Ask a question").click()
    page.keyboard.type("ab")
    page.get_by_label("other").focus()
    page.keyboard.type("cd")
    assert page.evaluate("keys") == ["c", "d"]
    assert page.get_by_label("other").input_value() == "cd"


def test_what_a_question_must_be(host, shown):
    page = shown
    ask(page, "   ")
    assert page.get_by_role("alert").inner_text() == "Please type a question first."
    ask(page, "x" * 10_000)
    assert "10,000 characters, the limit is 4,000" in page.get_by_role("alert").inner_text()
    assert host.asked("/v1/ask") == []
    assert page.get_by_role("textbox", name="Ask a question").input_value() == "x" * 10_000


def test_the_javascript_interface(host, page):
    early = "<script>window.answerable = window.answerable || []; answerable.push(['on', 'question', e => window.told = e]);"
    page.goto(host.add("/early", BODY + early + "answerable.push(['open']);</script>" + host.tag()))
    page.get_by_role("dialog").wait_for()
    page.evaluate("""() => { window.events = []; for (const name of ['close', 'answer', 'feedback', 'handover', 'question'])
        document.addEventListener('answerable:' + name, event => events.push([name, event.detail, Object.isFrozen(event.detail)])) }""")
    page.evaluate("answerable.identify('token'); answerable.ask('How long do I have to return something?')")
    page.get_by_role("button", name="Helpful", exact=True).click()
    page.get_by_text("Thank you!").wait_for()
    page.evaluate("answerable.toggle()")
    assert page.get_by_role("dialog").count() == 0
    assert page.evaluate("told") == {"question": RETURN}
    events = page.evaluate("events")
    assert [name for name, *_ in events] == ["question", "answer", "feedback", "close"]
    assert all(frozen for *_, frozen in events)
    assert events[1][1] == {"id": host.answers[RETURN]["id"], "status": "answered", "route": "passages"}
    assert "token" in [request["body"]["identity"] for request in host.asked("/v1/widget/session")]
    page.evaluate(
        "answerable.configure({strings: {title: 'X', ask: 'Fragen Sie…'}, theme: 'dark'}); answerable.reset()"
    )
    assert page.get_by_role("button", name="Fragen Sie").is_visible()
    assert page.evaluate("sessionStorage.length") == 1 and RETURN not in page.evaluate("JSON.stringify(sessionStorage)")


def test_a_forged_identity_is_left_out(host, page):
    page.goto(host.page_origin + "/")
    page.get_by_role("button", name="Ask a question").wait_for()
    page.evaluate("answerable.ask('');answerable.identify('forged')")
    page.wait_for_function("document.querySelector('[data-answerable]').shadowRoot.querySelector('.hello')")
    ask_and_wait(page, RETURN)
    assert any("identity" in line for line in page.reported)


LANGUAGES = {
    "de": "Frage stellen…", "es": "Haga una pregunta…", "fr": "Posez une question…", "ar": "اطرح سؤالًا…", "nl": "Ask a question…",
}  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_speaks_the_pages_language(host, page, lang):
    page.goto(host.add("/lang", BODY + host.tag('data-open=""'), lang=lang))
    assert page.get_by_role("textbox").get_attribute("placeholder") == LANGUAGES[lang]
    page.get_by_role("textbox").fill(RETURN)
    page.keyboard.press("Enter")
    page.locator(".turn .thumbs").wait_for()
    (sent,) = host.asked("/v1/ask")
    assert sent["headers"]["accept-language"] == (lang if lang != "nl" else "en")


def test_every_language_has_every_word():
    text = WIDGET.read_text()
    order = re.search(r"const ORDER = (.*?);\n", text, re.S)
    words = re.findall(r'^    [a-z]{2}: "(.*)",$', text[text.index("const WORDS") :], re.M)
    names = "".join(re.findall(r'"([^"]*)"', order[1])).split(",")
    assert len(words) == 5 and {len(line.split("|")) for line in words} == {len(names)}
    for line in words[1:]:
        fields = [[sorted(re.findall(r"{\w+}", word)) for word in one.split("|")] for one in (words[0], line)]
        assert fields[0] == fields[1]


@pytest.mark.parametrize("look", ["dark", "mobile", "rtl", "forced", "inline"])
def test_accessible_in_every_look(host, new_page, violations, look):
    options = {
        "dark": {"color_scheme": "dark"}, "mobile": {"viewport": {"width": 390, "height": 780}}, "rtl": {}, "inline": {},
        "forced": {"forced_colors": "active", "reduced_motion": "reduce"},
    }[look]  # fmt: skip
    page = new_page(**options)
    if look == "inline":
        inline = "<main><h1>Ask</h1><answerable-widget mode=inline></answerable-widget></main>"
        page.goto(host.add("/look", inline + host.tag("data-launcher=none")))
    else:
        page.goto(host.add("/look", BODY + host.tag('data-open=""'), lang="lang=ar dir=rtl" if look == "rtl" else "en"))
    field = page.get_by_role("textbox")
    field.fill(RETURN)
    field.press("Enter")
    page.locator(".thumbs").wait_for()
    page.wait_for_timeout(250)
    assert violations(page) == []
    box = page.locator(".panel").bounding_box()
    if look == "mobile":
        assert box == {"x": 0, "y": 0, "width": 390, "height": 780}
        assert page.get_by_role("dialog").get_attribute("aria-modal") == "true"
        assert page.evaluate("document.documentElement.style.overflow") == "hidden"
        inside = []
        for _ in range(12):
            page.keyboard.press("Tab")
            inside.append(page.evaluate("!!document.activeElement.shadowRoot?.activeElement"))
        assert all(inside)
        page.keyboard.press("Escape")
        assert page.evaluate("document.documentElement.style.overflow") == ""
    if look == "rtl":
        assert box["x"] < 100


def test_the_real_service_serves_it_to_every_page(service):
    with urllib.request.urlopen(service + "/widget.js") as reply:
        content, headers = reply.read(), reply.headers
    assert content == Path(WIDGET).read_bytes()
    assert headers["Access-Control-Allow-Origin"] == "*" and headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["Cache-Control"] == "public, max-age=300" and headers["Content-Type"].startswith("text/javascript")
    with urllib.request.urlopen(service + "/widget.sri") as reply:
        integrity = reply.read().decode().strip()
    assert integrity == "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()
    with urllib.request.urlopen(f"{service}/widget.js?v={integrity}") as reply:
        assert reply.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    with pytest.raises(urllib.error.HTTPError, match="304") as known:
        urllib.request.urlopen(
            urllib.request.Request(service + "/widget.js", headers={"If-None-Match": headers["ETag"]})
        )
    known.value.close()
