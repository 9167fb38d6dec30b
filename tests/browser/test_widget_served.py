"""The widget with the real service on the demo site: asking, citing, rating, handing over, by keyboard, in every look."""

import email
import email.policy
import json
import re
import urllib.request
from urllib.parse import urlsplit

import pytest

from tests.app.hook_server import hook_server, until
from tests.app.smtp_server import smtp_server
from tests.browser.other_origins import made_by
from tests.conftest import run_cli

pytestmark = pytest.mark.browser
RETURN = "How long do I have to return something?"
BRANDS = "How many products are there per season?"
ARTICLE = "/demo/help-centre/policies/returns.md"
WATCH = """window.refused = []; addEventListener('securitypolicyviolation',
    event => window.refused.push(event.violatedDirective + ' ' + event.blockedURI))"""


@pytest.fixture(scope="module")
def hook():
    with hook_server() as server:
        yield server


@pytest.fixture(scope="module")
def smtp():
    with smtp_server() as server:
        yield server


@pytest.fixture(scope="module")
def demo(serve, sample_home, tmp_path_factory, hook, smtp):
    """Home and base URL of a server over the sample, its demo site made."""
    home = tmp_path_factory.mktemp("served-home")
    for name in ("store", "cache"):
        (home / name).symlink_to(sample_home / name)
    mail = {"ANSWERABLE_SMTP_URL": f"smtp://127.0.0.1:{smtp.port}", "ANSWERABLE_MAIL_FROM": "answers@shop.example.com"}
    with serve(home, ANSWERABLE_WEBHOOK_URL=hook.url, **mail) as base:
        urllib.request.urlopen(f"{base}/demo", timeout=30).close()
        yield home, base


@pytest.fixture
def watched(new_page):
    """`watched(**options)` opens a page that notes what its policy refuses; nothing may be."""
    pages = []

    def opened(**options):
        page = new_page(**options)
        page.context.add_init_script(WATCH)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        assert page.evaluate("window.refused") == []
        assert [line for line in page.reported if not line.startswith(("info", "log"))] == []


def opened_at(page, url):
    page.goto(url)
    page.get_by_role("button", name="Ask a question", exact=True).click()
    page.get_by_text("Ask about anything in this help centre").wait_for()
    return page


def ask(page, question, *, turn=0):
    page.get_by_role("textbox", name="Ask a question").fill(question)
    page.keyboard.press("Enter")
    done = page.locator(".turn").nth(turn).locator(".thumbs, .answer .choices").first
    done.wait_for()
    return page.locator(".turn").nth(turn)


def get(url):
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.load(response)


def handed_over_by(home, way):
    site = next(each for each in made_by(run_cli, home, "keys", "sites") if each["name"] == "demo")
    done = run_cli(home, "keys", "site", "change", site["id"], "--handover", way)
    assert done.returncode == 0, done.stderr


def test_an_answer_is_cited_followed_and_thumbed_down(demo, watched):
    _, base = demo
    page = opened_at(watched(), base + ARTICLE)
    turn = ask(page, RETURN)
    assert "60 days" in turn.locator(".prose").inner_text()
    with page.context.expect_page() as opened:
        turn.locator(".prose .cite").first.click()
    source = opened.value
    marked = source.locator("mark#passage")
    assert marked.is_visible() and source.url.endswith("#passage")
    assert "You have 60 days" in " ".join(source.locator("mark").all_inner_texts())
    assert source.evaluate("opener") is None
    turn.get_by_role("button", name="Not helpful").click()
    turn.get_by_label("Out of date").check()
    turn.get_by_label("Comment").fill("It was thirty days, says bob@example.org.")
    turn.get_by_role("button", name="Send").click()
    turn.get_by_text("Thank you!").wait_for()
    (noted,) = [each for each in get(f"{base}/console/answers?format=json&thumb=down") if each["question"] == RETURN]
    source.goto(f"{base}/console/answers/{noted['id']}")
    told = source.locator("main").inner_text()
    assert "outdated" in told.lower() and "thirty days" in told and "bob@example.org" not in told


def test_a_table_its_chart_a_follow_up_and_a_question_back(demo, watched):
    _, base = demo
    page = opened_at(watched(), base + ARTICLE)
    turn = ask(page, BRANDS)
    turn.locator(".chart img").wait_for()
    assert turn.locator(".chart img").evaluate("img => img.decode().then(() => img.naturalWidth)") > 100
    rows = turn.get_by_role("row")
    assert rows.nth(2).inner_text().split("\t") == ["all year", "66"]
    followed = ask(page, "and waterproof ones?", turn=1)
    assert "all year (25)" in followed.locator(".prose").inner_text()
    page.reload()
    page.locator(".turn").nth(1).locator(".chart img").wait_for()
    assert page.locator(".chart img").first.evaluate("img => img.decode().then(() => img.naturalWidth)") > 100
    page.get_by_role("button", name="New conversation").click()
    back = ask(page, "How do I clean it?")
    back.get_by_role("button", name="How do I clean a gas stove?").click()
    chosen = page.locator(".turn").nth(1)
    chosen.locator(".thumbs").wait_for()
    assert chosen.locator(".cite").count() and "stove" in chosen.locator(".cards").inner_text().lower()


def test_a_refusal_is_handed_over_to_a_webhook(demo, watched, hook):
    home, base = demo
    handed_over_by(home, "webhook")
    page = opened_at(watched(), base + ARTICLE)
    turn = ask(page, "My mail is ada@example.com. What is the weather in Paris tomorrow?")
    assert turn.locator(".cards a").count() and not turn.locator(".cite").count()
    ask(page, RETURN, turn=1)
    page.get_by_role("button", name="Talk to a person").last.click()
    form = page.get_by_role("form", name="Talk to a person")
    form.get_by_label("Your message").fill("Please ring Bob, 07700 900123")
    form.get_by_label("Your e-mail or phone number").fill("ada@example.com")
    form.get_by_role("button", name="Send").click()
    told = page.get_by_text("Your message was sent.").first.inner_text()
    (event,) = until(lambda: [each for each in hook.events() if each["event"] == "handover.requested"])
    content = event["content"]
    assert content["reference"] in told and content["contact"] == "ada@example.com" and content["masked"]
    assert "07700" not in content["message"]
    weather, returned = content["conversation"]
    assert not weather["reported"] and not returned["reported"] and returned["citations"]
    assert "60 days" in returned["text"] and "ada@example.com" not in json.dumps(content["conversation"])


def test_a_conversation_is_handed_over_by_mail(demo, watched, smtp):
    home, base = demo
    handed_over_by(home, "mail:help@shop.example.com")
    page = opened_at(watched(), base + ARTICLE)
    ask(page, RETURN)
    page.get_by_role("button", name="Talk to a person").last.click()
    page.get_by_label("Your message").fill("Call bob@example.org, please.")
    page.get_by_label("Your e-mail or phone number").fill("ada@example.com")
    page.locator(".handover").get_by_role("button", name="Send").click()
    reference = re.search("H-[0-9A-Z]{8}", page.get_by_text("Your message was sent.").first.inner_text()).group()
    ((content, _),) = until(lambda: smtp.mails)
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert reference in mail["Subject"] and mail["Reply-To"] == "ada@example.com"
    text = mail.get_content()
    assert f"Q: {RETURN}" in text and "60 days" in text and "faq/returns-faq.md" in text
    assert "bob@example.org" not in text


def test_all_of_it_by_keyboard(demo, watched):
    _, base = demo
    page = watched()
    page.goto(base + ARTICLE)
    launcher = page.get_by_role("button", name="Ask a question", exact=True)
    launcher.wait_for()
    focused = "(() => { let e = document.activeElement; while (e.shadowRoot) e = e.shadowRoot.activeElement; return e.className })()"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(focused) == "launch":
            break
    page.keyboard.press("Enter")
    page.keyboard.type(RETURN)
    page.keyboard.press("Enter")
    page.locator(".thumbs").wait_for()
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if page.evaluate(focused) == "cite":
            break
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    opened.value.locator("mark#passage").wait_for()
    assert urlsplit(opened.value.url).path.startswith("/source/help-centre/")
    page.bring_to_front()
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == "launch" and not page.locator(".panel").is_visible()


LOOKS = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 800}, "has_touch": True},
    "right to left": {},
}


@pytest.mark.parametrize("look", LOOKS)
def test_the_states_are_accessible(demo, watched, violations, look):
    home, base = demo
    handed_over_by(home, "mail:help@shop.example.com")
    page = watched(**LOOKS[look])
    if look == "right to left":
        page.add_init_script(
            "addEventListener('DOMContentLoaded', () => { document.documentElement.lang = 'ar'; document.dir = 'rtl' })"
        )
    page.goto(base + ARTICLE)
    page.locator(".launch").click()
    page.locator(".welcome .choices").wait_for()
    assert violations(page) == []
    for turn, question in enumerate((RETURN, BRANDS, "What is the weather in Paris tomorrow?")):
        page.locator(".composer textarea").fill(question)
        page.keyboard.press("Enter")
        page.locator(".turn").nth(turn).locator(".thumbs").wait_for()
        if question == BRANDS:
            page.locator(".chart img").wait_for()
            assert violations(page) == []
    page.locator(".turn").last.locator(".prime").click()
    page.locator(".handover textarea").wait_for()
    assert violations(page) == []
    page.locator(".turn").first.locator(".down").click()
    page.locator(".feedback form").wait_for()
    assert violations(page) == []
    if look == "right to left":
        panel = page.locator(".panel").bounding_box()
        assert panel["x"] < 100 and page.locator(".root").get_attribute("dir") == "rtl"


def test_the_service_speaks_the_widgets_language(demo, watched):
    _, base = demo
    page = watched()
    page.add_init_script("addEventListener('DOMContentLoaded', () => { document.documentElement.lang = 'de-AT' })")
    page.goto(base + ARTICLE)
    page.locator(".launch").click()
    for turn, (question, begins) in enumerate(
        (("Zeppelin", "Ich weiß es nicht:"), ("Who is the zeppelin's captain?", "I don't know:"))
    ):
        page.locator(".composer textarea").fill(question)
        page.keyboard.press("Enter")
        page.locator(".turn").nth(turn).locator(".thumbs").wait_for()
        assert page.locator(".turn .answer").nth(turn).inner_text().startswith(begins)


def test_inline_on_the_start_page_has_one_frame(demo, watched, violations):
    _, base = demo
    page = watched()
    page.goto(base + "/demo")
    page.locator(".choices button").first.wait_for()
    outer, inner = page.locator(".hero div.panel").bounding_box(), page.locator(".panel.inline").bounding_box()
    assert outer["x"] == inner["x"] and outer["width"] == inner["width"] and outer["height"] == inner["height"]
    turn = ask(page, RETURN)
    assert "60 days" in turn.locator(".prose").inner_text()
    assert violations(page) == []


def test_pages_have_an_icon(demo, page):
    _, base = demo
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for path in ("/demo", ARTICLE, "/console", "/source/help-centre/policies/returns.md"):
        page.goto(base + path)
        icon = page.locator("link[rel=icon]").get_attribute("href")
        response = page.request.get(base + icon)
        assert response.status == 200 and response.headers["content-type"].startswith("image/svg+xml")
    assert not [url for url in asked if url.endswith("favicon.ico")]
