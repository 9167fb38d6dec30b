"""The widget when the network, the server or the reader do not go on as planned."""

import pytest

from tests.browser.widget_host import Host

pytestmark = pytest.mark.browser
RETURN = "How long do I have to return something?"
BODY = "<main><h1>Outdoor gear</h1><p>Tents and boots.</p><a href=/next>Next</a></main>"


@pytest.fixture(scope="module")
def running():
    host = Host()
    yield host
    host.close()


@pytest.fixture
def host(running):
    running.fresh()
    running.add("/", BODY + running.tag())
    running.add("/next", BODY + running.tag())
    return running


@pytest.fixture
def shown(host, page):
    page.goto(host.page_origin + "/")
    page.get_by_role("button", name="Ask a question").click()
    page.get_by_text("Ask about orders").wait_for()
    return page


def ask(page, question=RETURN):
    page.get_by_role("textbox", name="Ask a question").fill(question)
    page.keyboard.press("Enter")


def done(page):
    page.locator(".thumbs").last.wait_for()


def whole(page):
    """The answer's text, with each piece once."""
    text = page.locator(".prose").first.inner_text()
    assert text.count("You have 30 days") == 1 and text.count("parcel shop") == 1
    assert page.locator(".cards li").count() == 2


@pytest.mark.parametrize("after", [2, 6, 9])
def test_a_cut_stream_goes_on_after_its_last_event(host, shown, after):
    host.faults["cut_after"] = after
    ask(shown)
    done(shown)
    whole(shown)
    first, second = host.asked("/v1/ask")
    assert "last-event-id" not in first["headers"] and second["headers"]["last-event-id"].endswith(f".{after}")
    assert first["body"] == second["body"] and len(host.streams) == 1


def test_a_stream_that_the_server_forgot_begins_anew(host, shown):
    host.faults["cut_after"] = 7
    host.pause_s = 0.05
    ask(shown)
    shown.get_by_text("Connection lost").wait_for()
    host.streams.clear()
    done(shown)
    whole(shown)


def test_a_refused_ticket_is_renewed_for_the_same_visitor(host, shown, violations):
    host.faults["expired"] = 1
    ask(shown)
    done(shown)
    first, second = host.asked("/v1/widget/session")
    assert first["body"]["renew"] is None and second["body"]["renew"].startswith("wt_")
    assert len(host.asked("/v1/ask")) == 2


def test_too_many_questions_count_down(host, shown, violations):
    host.faults["limited"] = 1
    ask(shown)
    shown.get_by_text("Please wait 2 seconds").first.wait_for()
    assert shown.get_by_role("button", name="Send").is_disabled()
    assert violations(shown) == []
    shown.wait_for_function(
        "() => !document.querySelector('[data-answerable]').shadowRoot.querySelector('.go').disabled"
    )
    shown.get_by_role("button", name="Try again").click()
    done(shown)
    whole(shown)


def test_offline_keeps_the_question(host, shown, violations):
    shown.context.set_offline(True)
    ask(shown)
    shown.locator(".failed").get_by_text("You are offline.").wait_for()
    assert violations(shown) == []
    link = shown.get_by_role("link", name="Ask on a page of its own")
    assert "&q=How%20long%20do%20I" in link.get_attribute("href")
    shown.context.set_offline(False)
    shown.get_by_role("button", name="Try again").click()
    done(shown)
    whole(shown)


def test_stop_ends_the_work_on_the_server(host, shown):
    host.pause_s = 0.2
    ask(shown)
    shown.get_by_text("Writing…").wait_for()
    shown.get_by_role("button", name="Stop").click()
    shown.get_by_text("Stopped.").first.wait_for()
    shown.wait_for_timeout(300)
    assert host.stopped == list(host.streams)
    host.pause_s = 0
    ask(shown)
    done(shown)


def test_an_origin_that_is_not_allowed_gets_a_link_and_the_developer_a_word(host, page, violations):
    host.faults["session"] = (403, "origin_not_allowed")
    page.goto(host.page_origin + "/")
    page.get_by_role("button", name="Ask a question").click()
    page.get_by_text("The assistant is not available here.").wait_for()
    assert (
        page.get_by_role("link", name="Ask on a page of its own")
        .get_attribute("href")
        .startswith(host.service + "/ask?site=pk_")
    )
    assert any("origin_not_allowed" in line and host.page_origin in line for line in page.reported)
    assert violations(page) == []


def test_the_conversation_outlives_a_change_of_page_in_the_tab_only(host, shown):
    page = shown
    ask(page)
    done(page)
    page.get_by_role("button", name="Helpful", exact=True).click()
    page.get_by_text("Thank you!").wait_for()
    page.get_by_role("textbox").fill("half a thou")
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**/next")
    done(page)
    whole(page)
    assert page.get_by_role("textbox").input_value() == "half a thou"
    assert page.get_by_role("button", name="Helpful", exact=True).get_attribute("aria-pressed") == "true"
    ask(page, "and to Norway?")
    page.get_by_text("You asked about and to Norway?.").first.wait_for()
    first, second = host.asked("/v1/ask")
    assert first["body"]["session"] == second["body"]["session"]
    assert host.asked("/v1/widget/session")[1]["body"]["renew"].startswith("wt_")
    assert page.evaluate("localStorage.length") == 0 and page.evaluate("document.cookie") == ""
    elsewhere = page.context.new_page()
    elsewhere.goto(host.page_origin + "/")
    elsewhere.get_by_role("button", name="Ask a question").click()
    elsewhere.get_by_text("Ask about orders").wait_for()
    assert elsewhere.locator(".turn").count() == 0


def test_back_shows_what_was_said_since(host, shown):
    page = shown
    ask(page)
    done(page)
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**/next")
    done(page)
    ask(page, "What is the weather?")
    page.locator(".thumbs").nth(1).wait_for()
    page.go_back()
    page.locator(".turn").nth(1).wait_for()
    assert page.locator(".turn").count() == 2
    ask(page, "and now?")
    page.get_by_text("You asked about and now?.").first.wait_for()


def test_an_answer_that_a_change_of_page_cut_goes_on(host, shown):
    page = shown
    host.pause_s = 0.15
    ask(page)
    page.get_by_text("Writing…").wait_for()
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**/next")
    done(page)
    whole(page)
    assert "last-event-id" in host.asked("/v1/ask")[1]["headers"]


def test_a_server_that_says_nothing_is_asked_again(host, page):
    page.clock.install()
    page.goto(host.page_origin + "/")
    page.get_by_role("button", name="Ask a question").click()
    page.get_by_text("Ask about orders").wait_for()
    host.faults["silent_after"] = 2
    ask(page)
    page.get_by_text("Searching…").wait_for()
    page.wait_for_timeout(300)
    page.clock.fast_forward(26_000)
    page.wait_for_timeout(300)
    page.clock.fast_forward(3_000)
    done(page)
    whole(page)
