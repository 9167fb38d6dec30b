"""An answer in the making on the page Ask, in a real browser, with a model that writes slowly: text before the end, Stop,
errors in words, addresses, focus; accessible throughout, and inert whatever is planted.
"""

import json
import re
import time

import pytest
import yaml

from app.llm.scripted import scripted_server
from tests.browser.other_origins import BreakingLine, closing
from tests.conftest import SAMPLE, new_key
from tests.ingest.ingesting import ingest, new_home

pytestmark = pytest.mark.browser

WASH, ORDERS = "How do I wash a down jacket?", "How many orders were placed in 2025?"
HANGS = "How many customers are there?"
TEXT, WHOLE, PROBLEM = '.coming [data-is="text"]:not(:empty)', "section.answer", "section.problem"
PLANTED = "<img src=x onerror=\"document.title='hit'\">"
PHONE = {"width": 390, "height": 800}
RESUME_S = 2.5
"""Less than the model writes for after the first sentence: 4 s."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The sample's model, a sentence in a second; for one question no word ever comes."""
    script = yaml.safe_load((SAMPLE / "llm-script.yaml").read_text(encoding="utf-8").replace("0.01", "0.06"))
    hangs = {"match": {"schema": "write", "last": "customers are there"}, "reply": {"hang": True}}
    slow = {"match": {"schema": "write", "last": "orders were placed"}, "reply": {"delay_s": 2, "json": NOTHING}}
    script["rules"] = [hangs, slow, *script["rules"]]
    with scripted_server(script) as server:
        yield server


NOTHING = {"sentences": [], "sufficient": False}


@pytest.fixture(scope="module")
def served(model, serve, sample_home, tmp_path_factory):
    """A server over the sample that needs a key, and an owner's key."""
    home = tmp_path_factory.mktemp("console-live")
    key = new_key(home, "owner")
    for part in ("store", "cache"):
        (home / part).symlink_to(sample_home / part)
    config = {"providers": {"main": {"base_url": model.url}}, "model": "main/scripted", "cache": "off"}
    (home / "llm.json").write_text(json.dumps(config))
    env = {"ANSWERABLE_LLM_CONFIG": str(home / "llm.json"), "ANSWERABLE_REQUIRE_KEY": "true"}
    env |= {"ANSWERABLE_STREAM_RESUME_S": str(RESUME_S), "ANSWERABLE_DEADLINE_S": "30"}
    with serve(home, **env) as base:
        yield base, key


@pytest.fixture
def opened(served, new_page):
    """`opened(**options)` is the page Ask of somebody who has logged in, at the server or by another way to it."""
    direct, key = served

    def ask_page(base=direct, **options):
        page = new_page(**options)
        page.goto(base + "/console/login")
        page.get_by_label("Key").fill(key)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(base + "/console")
        return page

    return ask_page


def ask(page, question):
    page.locator("#question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()


def focused(page):
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


def outcomes(model, before, within_s=20.0):
    """How the requests for words since then ended."""
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up and not (model.received[before:] and model.settled(0.1)):
        time.sleep(0.02)
    return [each.outcome for each in model.received[before:] if each.schema == "write"]


def silent(page):
    """Nothing was blocked by the policy, and no script failed."""
    return not [said for said in page.reported if "Content Security Policy" in said or "uncaught" in said]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_appears_before_the_end_and_then_the_whole_answer(opened, model, violations, scheme):
    page, before = opened(color_scheme=scheme), len(model.received)
    page.evaluate(LISTEN)
    ask(page, WASH)
    page.locator(TEXT).wait_for()
    assert page.locator(TEXT).inner_text() == "Close every zip, empty the pockets and turn the jacket inside out. [1]"
    assert page.locator(WHOLE).count() == 0 and page.get_by_role("button", name="Stop").is_visible()
    assert re.fullmatch(r"Writing… \d+ s", page.locator("#waiting").inner_text())
    assert [each.outcome for each in model.received[before:] if each.schema == "write"] == ["open"]
    assert violations(page) == []
    page.locator(WHOLE).wait_for()
    assert "30 °C" in page.locator(".said").inner_text()
    assert re.fullmatch(r"Answered after \d+\.\d s", page.locator("#waiting").inner_text().strip())
    for part in ("Citations", "Timing", "Model calls", "Versions", "Feedback"):
        assert page.get_by_role("heading", name=part, exact=True).is_visible()
    assert page.get_by_role("button", name="Stop").is_hidden()
    assert focused(page) == "answer-heading"
    assert violations(page) == [] and silent(page)
    heard = page.evaluate("window.heard")
    assert heard[0] == "Sending…" and heard[-2] == "Writing…" and heard[-1].startswith("Answered after")
    assert len(heard) < 12, "stages are announced, seconds are not"
    page.get_by_role("button", name="Thumb up").click()
    page.get_by_text("Your thumb up is noted.").wait_for()
    assert outcomes(model, before) == ["completed"]


LISTEN = """() => {
  window.heard = [];
  const told = document.querySelector("[role=status]");
  new MutationObserver(() => window.heard.push(told.textContent)).observe(told, {childList: true, characterData: true, subtree: true});
}"""


def test_the_query_and_its_rows_appear_while_the_model_is_waited_for(opened):
    page = opened()
    ask(page, ORDERS)
    page.locator(".coming table.rows td").wait_for()
    assert page.locator(".coming table.rows td").inner_text() == "7946"
    assert page.locator(".coming .badge").inner_text() == "Tables"
    early = page.locator(".coming pre code").inner_html()
    assert '<span class="k">SELECT</span>' in early
    page.locator(WHOLE).wait_for()
    assert page.locator(f"{WHOLE} pre code").inner_html() == early


def test_stop_cuts_the_model_s_request(opened, model, violations):
    page, before = opened(), len(model.received)
    ask(page, WASH)
    page.locator(TEXT).wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator(PROBLEM).wait_for()
    assert outcomes(model, before) == ["cut"]
    assert "the work on it has ended" in page.locator(PROBLEM).inner_text()
    assert "Close every zip" in page.locator(TEXT).inner_text(), "what was read stays"
    assert page.locator("#question").input_value() == WASH
    assert focused(page) == "Stopped" and page.locator("#stage").inner_text() == "Stopped"
    assert violations(page) == [] and silent(page)
    time.sleep(0.5)
    assert outcomes(model, before) == ["cut"], "nothing more was asked of the model"
    ask(page, ORDERS)
    page.locator(WHOLE).wait_for()
    assert page.locator(PROBLEM).count() == 0


def test_stop_before_the_first_word_and_leaving_the_page_end_the_work_too(opened, model, served):
    page, before = opened(), len(model.received)
    ask(page, HANGS)
    page.get_by_text("Writing…").wait_for()
    while not any(each.schema == "write" for each in model.received[before:]):
        time.sleep(0.02)
    page.get_by_role("button", name="Stop").click()
    page.locator(PROBLEM).wait_for()
    assert outcomes(model, before) in (["cut"], ["abandoned"])
    before = len(model.received)
    ask(page, WASH)
    page.locator(TEXT).wait_for()
    left = time.monotonic()
    page.goto(served[0] + "/console/static/console.js")
    assert outcomes(model, before) == ["cut"]
    assert time.monotonic() - left < RESUME_S, "the page said that nobody comes back"


QUESTIONS = (ORDERS, "How many orders were placed in 2024?")


@pytest.mark.slow
def test_each_answer_has_its_address_and_back_and_forward_show_it(opened, served):
    base, page = served[0], opened()
    addresses = []
    for question in QUESTIONS:
        ask(page, question)
        page.locator(f'{WHOLE} h2:has-text("{question}")').wait_for()
        addresses.append(page.url)
    assert len(set(addresses)) == 2 and all(re.search(r"/console/answers/[0-9a-f]{32}$", each) for each in addresses)
    for turn, number in ((page.go_back, 0), (page.go_forward, 1), (page.go_back, 0)):
        turn()
        page.get_by_role("heading", name="Answer", exact=True).wait_for()
        page.locator(f'{WHOLE} h2:has-text("{QUESTIONS[number]}")').wait_for()
        assert page.url == addresses[number]
    page.go_back()
    page.locator("#question").wait_for()
    assert page.url == base + "/console" and page.locator(WHOLE).count() == 0
    page.go_forward()
    page.locator(f'{WHOLE} h2:has-text("{ORDERS}")').wait_for()
    assert page.url == addresses[0] and page.locator("#question").count() == 0


@pytest.mark.slow
def test_a_citation_is_jumped_to_and_back_without_losing_the_answer(opened):
    page = opened()
    ask(page, WASH)
    page.locator(WHOLE).wait_for()
    address = page.url
    page.evaluate("window.same = true")
    page.get_by_role("link", name="Citation 1").first.click()
    assert page.url == address + "#citation-1"
    page.go_back()
    assert page.url == address and page.evaluate("window.same") and page.locator(WHOLE).count() == 1


@pytest.mark.slow
def test_who_types_the_next_question_keeps_the_focus(opened):
    page = opened()
    ask(page, WASH)
    page.locator(TEXT).wait_for()
    page.locator("#question").fill("And a fleece?")
    page.keyboard.press("Enter")
    page.locator(WHOLE).wait_for()
    assert focused(page) == "question" and page.locator("#question").input_value() == "And a fleece?"


def test_an_option_of_a_question_back_is_asked_as_it_stands(opened):
    page = opened()
    ask(page, "Which channel is doing best?")
    page.get_by_role("button", name="Net revenue by channel").click()
    page.locator(f'{WHOLE} h2:has-text("Net revenue by channel")').wait_for()
    assert page.locator("#question").input_value() == "Net revenue by channel"
    assert focused(page) == "answer-heading"


def test_a_mistake_in_the_form_is_told_and_the_question_stays(opened, violations):
    page = opened()
    page.get_by_text("Options").click()
    page.get_by_label("Rows at most").fill("many")
    ask(page, WASH)
    assert "Rows at most is 'many'" in page.get_by_role("alert").inner_text()
    assert page.locator("#question").input_value() == WASH and focused(page) == "No answer"
    assert violations(page) == [] and silent(page)


@pytest.mark.slow
def test_a_session_that_ends_in_the_middle_is_told(opened, model, violations):
    page, before = opened(), len(model.received)
    ask(page, WASH)
    page.locator(TEXT).wait_for()
    page.context.clear_cookies()
    page.get_by_role("button", name="Stop").click()
    page.locator(PROBLEM).wait_for()
    assert "ends the work by itself" in page.locator(PROBLEM).inner_text()
    assert outcomes(model, before) == ["cut"]
    ask(page, WASH)
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "Log in" in alert.inner_text() and page.locator("#question").input_value() == WASH
    assert alert.get_by_role("link").get_attribute("href") == "/console/login"
    assert violations(page) == []


def test_a_connection_that_is_cut_is_taken_up_again(opened, served, model):
    before = len(model.received)
    with closing(BreakingLine(served[0], "/console")) as line:
        page = opened(line.base)
        page.evaluate(LISTEN)
        line.cuts = [600, 1200]
        ask(page, WASH)
        page.locator(WHOLE).wait_for()
        assert len(line.asked) == 3 and line.asked[0] is None and line.asked[1] != line.asked[2]
        heard = page.evaluate("window.heard")
        assert heard.count("Connection lost, trying again…") == 2 and heard[-2] == "Writing…"
    assert page.locator(".said").inner_text().count("Close every zip") == 1
    assert "30 °C" in page.locator(".said").inner_text()
    assert outcomes(model, before) == ["completed"], "it was asked once"


def test_a_connection_that_is_lost_is_told(opened, served, model, violations):
    with closing(BreakingLine(served[0])) as line:
        page, before = opened(line.base), len(model.received)
        ask(page, WASH)
        page.locator(TEXT).wait_for()
        line.break_off()
        page.get_by_role("alert").wait_for()
    assert "The connection was lost." in page.get_by_role("alert").inner_text()
    assert "Close every zip" in page.locator(TEXT).inner_text() and violations(page) == []
    assert outcomes(model, before) == ["cut"], "nobody came back to it"
    ask(page, WASH)
    page.get_by_text("The server cannot be reached.").wait_for()
    assert page.locator("#question").input_value() == WASH and silent(page)


@pytest.mark.slow
def test_a_service_that_is_full_says_so(serve, sample_home, model, tmp_path, new_page, violations):
    for part in ("store", "cache"):
        (tmp_path / part).symlink_to(sample_home / part)
    env = {"ANSWERABLE_LLM_BASE_URL": model.url, "ANSWERABLE_LLM_MODEL": "scripted"}
    with serve(tmp_path, ANSWERABLE_THREADS="1", ANSWERABLE_WAITING="0", **env) as base:
        busy, page = new_page(), new_page()
        for each in (busy, page):
            each.goto(base + "/console")
        ask(busy, WASH)
        busy.locator(TEXT).wait_for()
        ask(page, ORDERS)
        page.get_by_role("alert").wait_for()
        assert "1 questions are being answered already. Try again" in " ".join(alert_of(page).split())
        assert page.locator("#question").input_value() == ORDERS and focused(page) == "No answer"
        assert violations(page) == [] and silent(page)
        busy.get_by_role("button", name="Stop").click()
        busy.locator(PROBLEM).wait_for()
        ask(page, ORDERS)
        page.locator(WHOLE).wait_for()


def alert_of(page):
    return page.get_by_role("alert").inner_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "env", "said"),
    [
        ({"error": {"status": 500}}, {}, "30 °C"),
        ({"hang": True}, {"ANSWERABLE_DEADLINE_S": "10"}, "30 °C"),
        ({"drop": True}, {"ANSWERABLE_THREADS": "1"}, "30 °C"),
    ],
)
def test_without_the_model_s_words_the_answer_is_the_service_s(serve, sample_home, tmp_path, page, write, env, said):
    for part in ("store", "cache"):
        (tmp_path / part).symlink_to(sample_home / part)
    with scripted_server([{"match": {"schema": "write"}, "reply": write}]) as failing:
        env |= {"ANSWERABLE_LLM_BASE_URL": failing.url, "ANSWERABLE_LLM_MODEL": "scripted"}
        with serve(tmp_path, **env) as base:
            page.goto(base + "/console")
            ask(page, WASH)
            page.locator(WHOLE).wait_for(timeout=40_000)
            assert said in page.locator(".said").inner_text()
            assert page.locator(".coming").count() == 0 and silent(page)


def test_nothing_planted_runs_while_the_answer_comes(serve, tmp_path, new_page):
    """In a document's name and text, a cell, a column's name, the question; said by the model as well."""
    data = tmp_path / "planted"
    data.mkdir()
    (data / "<img src=x onerror=alert(1)>.txt").write_text(
        f"# Warranty {PLANTED}\n\nThe warranty on a kettle is seven years {PLANTED}. Keep the receipt.\n"
    )
    cell = PLANTED.replace('"', '""')
    (data / "parts.csv").write_text(f'"label <b onclick=alert(3)>",amount\n"{cell}",3\n"<script>alert(2)</script>",4\n')
    home = new_home(tmp_path)
    ingest(home, data, name="planted")
    words = {"sentences": [{"text": "The warranty on a kettle is seven years.", "passages": ["p1"], "cells": []}]}
    rules = [
        {
            "match": {"schema": "write", "last": "kettle\\?"},
            "reply": {"per_token_s": 0.05, "json": words | {"sufficient": True}},
        },
        {"match": {"schema": "write"}, "reply": {"delay_s": 3, "json": NOTHING}},
        {"match": {}, "reply": {"auto": True}},
    ]
    with scripted_server(rules) as hostile:
        env = {"ANSWERABLE_LLM_BASE_URL": hostile.url, "ANSWERABLE_LLM_MODEL": "scripted"}
        with serve(home, **env) as base:
            page = new_page(viewport=PHONE, has_touch=True)
            page.goto(base + "/console")
            ask(page, "What is the total amount by label?")
            page.locator(".coming table.rows td").first.wait_for()
            inert(page)
            assert page.locator(".coming table.rows").inner_text().count("<img src=x") == 1
            page.locator(WHOLE).wait_for()
            inert(page)
            ask(page, "How long is the warranty on a kettle?")
            page.locator(".coming blockquote").wait_for()
            assert "<img src=x" in page.locator(".coming blockquote").first.inner_text()
            assert "<img src=x" in page.locator(".coming .citations .fine").first.inner_text(), "the document's name"
            inert(page)
            page.locator(WHOLE).wait_for()
            inert(page)


def inert(page):
    assert "hit" not in page.title()
    assert page.locator("main img[src=x], main script, main [onclick], main [onerror]").count() == 0
    assert silent(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.slow
def test_nothing_turns_where_motion_is_not_wanted(opened):
    name = "getComputedStyle(document.getElementById('waiting'), '::before').animationName"
    for motion, animation in (("reduce", "none"), ("no-preference", "turn")):
        page = opened(reduced_motion=motion)
        ask(page, WASH)
        page.locator(TEXT).wait_for()
        assert page.evaluate(name) == animation


def test_without_scripts_the_form_brings_the_whole_answer(opened):
    page = opened(java_script_enabled=False)
    assert page.get_by_role("button", name="Stop").count() == 0
    ask(page, WASH)
    page.locator(WHOLE).wait_for()
    assert "30 °C" in page.locator(".said").inner_text()
