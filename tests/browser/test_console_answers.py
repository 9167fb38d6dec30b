"""Ask, Answers and Unanswered in a real browser: accessible in light and dark, inert whatever is planted."""

import pytest

from tests.ingest.ingesting import ingest, new_home

pytestmark = pytest.mark.browser

PLANTED = '<img src=x onerror="document.title=\'hit\'"><script>document.title="hit"</script>'
PHONE = {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def asked(serve, tmp_path_factory):
    """A server with a document and a table that hold markup, and answers of every kind."""
    home, data = new_home(tmp_path_factory.mktemp("asked")), tmp_path_factory.mktemp("planted")
    warranty = f"# Warranty {PLANTED}\n\nThe warranty on a kettle is seven years {PLANTED}. Keep the receipt.\n"
    (data / "warranty.txt").write_text(warranty)
    rows = "\n".join(f"{number},{month},{'x' if number else PLANTED!r}" for number, month in enumerate(range(1, 9)))
    (data / "parts.csv").write_text("amount,month,label\n" + rows.replace('"', "'") + "\n")
    ingest(home, data, name="planted")
    with serve(home) as base:
        yield base


def ask(page, base, question):
    page.goto(base + "/console")
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Ask").click()
    page.locator("section.answer").wait_for()


def inert(page):
    assert "hit" not in page.title()
    assert page.locator("main img[src=x]").count() == 0
    assert not [said for said in page.reported if "Content Security Policy" in said or "uncaught" in said]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_is_accessible_and_what_is_planted_stays_text(asked, new_page, violations, scheme):
    page = new_page(color_scheme=scheme)
    page.goto(asked + "/console")
    assert violations(page) == []
    ask(page, asked, f"How long is the warranty on a kettle? {PLANTED}")
    ask(page, asked, "What is the total amount by month?")
    assert violations(page) == []
    ask(page, asked, "How long is the warranty on a kettle?")
    assert "seven years" in page.locator(".said").inner_text()
    assert page.evaluate("document.activeElement.id") == "answer-heading"
    inert(page)
    assert violations(page) == []
    page.get_by_role("link", name="Citation 1").click()
    assert page.evaluate("location.hash") == "#citation-1"
    assert violations(page) == []
    page.get_by_role("button", name="Thumb down").click()
    page.get_by_text("Your thumb down is noted.").wait_for()
    assert violations(page) == []
    page.goto(asked + "/console/answers")
    planted = page.locator("tbody th a").filter(has_text="script")
    assert planted.count() > 0, page.locator("tbody th a").all_inner_texts()
    inert(page)
    assert violations(page) == []
    planted.first.click()
    page.locator("table.waterfall").wait_for()
    inert(page)
    assert violations(page) == []
    page.goto(asked + "/console/unanswered")
    page.locator("ol.groups").wait_for()
    inert(page)
    assert violations(page) == []
    page.goto(asked + "/console/answers?least=x")
    assert violations(page) == []


def test_nothing_is_wider_than_a_phone(asked, new_page):
    page = new_page(viewport=PHONE, has_touch=True)
    ask(page, asked, "What is the total amount by month?")
    widest = "document.documentElement.scrollWidth"
    assert page.evaluate(widest) <= PHONE["width"]
    for path in ("/console/answers", "/console/unanswered"):
        page.goto(asked + path)
        assert page.evaluate(widest) <= PHONE["width"]


def test_asking_works_without_scripts_and_by_keyboard(asked, new_page):
    page = new_page(java_script_enabled=False)
    page.goto(asked + "/console")
    page.get_by_label("Question").fill("How long is the warranty on a kettle?")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("section.answer").wait_for()
    assert "seven years" in page.locator(".said").inner_text()
    page.get_by_role("button", name="Thumb up").click()
    page.get_by_text("Your thumb up is noted.").wait_for()
    assert "/feedback" in page.url


def test_an_error_of_the_server_is_shown_in_place(asked, page):
    page.goto(asked + "/console")
    page.get_by_label("Question").fill("How long is the warranty on a kettle?")
    page.route("**/console", lambda route: route.fulfill(status=500, content_type="text/html", body=ERROR))
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("The server answered with status 500 and no answer.").wait_for()
    assert page.get_by_label("Question").input_value() == "How long is the warranty on a kettle?"


ERROR = '<!doctype html><html><body><header>x</header><main id="main"><h1>Error</h1>Something went wrong</main></body></html>'
