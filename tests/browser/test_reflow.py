"""Narrow windows, zoom, wide text, paper and forced colours: the widget, the plain pages and the console (WCAG 2.2)."""

import io
import json
import re
import urllib.request

import pypdf
import pytest

from tests.browser.widget_host import Host

pytestmark = pytest.mark.browser
ZOOMED = {"width": 320, "height": 512}
"""A window of 1280 CSS pixels at 400 % (WCAG 1.4.10)."""
DOUBLED = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2}
"""The same at 200 % (WCAG 1.4.4)."""
SPACED = """*{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important}
p{margin-block-end:2em!important}"""
"""WCAG 1.4.12."""
CONSOLE = (
    *("/console", "/console/answers", "/console/unanswered", "/console/verified", "/console/usage", "/console/prompts"),
    *(
        "/console/sources",
        "/console/sources/shop",
        "/console/sources/help-centre",
        "/console/sources/shop/tables/orders",
    ),
    *("/console/keys", "/console/login"),
)
PLAIN = ("/demo", "/demo/help-centre/policies/returns.md", "/console/source/help-centre/policies/payment.md")
TABLE = "What was the net revenue per month in 2025?"
RETURN = "How long do I have to return something?"

TROUBLE = """(root) => {
  const found = [], scope = root ? document.querySelector(root).shadowRoot : document;
  const name = (el) => `${el.tagName.toLowerCase()}.${el.className} ${(el.textContent || el.value || "").trim().slice(0, 40)}`;
  const seen = (el) => el.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true }) && !el.closest(".sr, .hidden, .skip");
  const page = document.scrollingElement;
  if (page.scrollWidth > innerWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((el) => seen(el) && el.getBoundingClientRect().right > innerWidth + 1
      && !scrolls(el.parentElement));
    found.push(`the page is ${page.scrollWidth} wide: ${wide.slice(-3).map(name).join(" | ")}`);
  }
  function scrolls(el) {
    for (; el && el !== document.body; el = el.parentElement) if (/auto|scroll|hidden/.test(getComputedStyle(el).overflowX)) return true;
    return false;
  }
  function within(el) {  // what scrolls or floats by itself lies over the rest
    for (; el; el = el.parentElement) {
      const style = getComputedStyle(el);
      if (/auto|scroll/.test(style.overflowY + style.overflowX) || /fixed|sticky/.test(style.position)) return el;
    }
    return null;
  }
  for (const el of scope.querySelectorAll(".panel, .log, .foot, .form, button, a.button, label, legend, summary, h1, h2, h3, nav a"))
    if (seen(el) && el.scrollWidth > el.clientWidth + 1 && getComputedStyle(el).display !== "inline") found.push(`cut off: ${name(el)}`);
  const touched = [...scope.querySelectorAll("a, button, input, select, textarea, summary")].filter((el) =>
    seen(el) && el.getBoundingClientRect().width > 1 && !el.closest("[inert]"));
  const boxes = touched.map((el) => [el, [...el.getClientRects()]]);
  boxes.forEach(([a, some], i) => boxes.slice(i + 1).forEach(([b, others]) => {
    if (a.contains(b) || b.contains(a) || a.closest("label")?.control === b || within(a) !== within(b)) return;
    for (const one of some) for (const other of others) {
      const x = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const y = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (x > 2 && y > 4) return found.push(`overlap: ${name(a)} / ${name(b)}`);
    }
  }));
  return found;
}"""
UNSEEN = """(root) => {
  const scope = root ? document.querySelector(root).shadowRoot : document, found = [];
  for (const el of scope.querySelectorAll("button, select, textarea, input:not([type=hidden])")) {
    if (!el.checkVisibility({ checkVisibilityCSS: true })) continue;
    el.focus({ focusVisible: true });
    const outlined = (each) => { const s = getComputedStyle(each); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1; };
    const ring = outlined(el) || outlined(el.parentElement);
    if (scope.activeElement === el && !ring) found.push(`no focus ring: ${el.className} ${el.textContent.trim().slice(0, 30)}`);
    const style = getComputedStyle(el);
    if (style.color === style.backgroundColor) found.push(`text as its ground: ${el.className}`);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def answer(service):
    """The path of the console's page of an answer with a table, and how many rows that has."""
    request = urllib.request.Request(
        f"{service}/v1/ask", json.dumps({"question": TABLE}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        told = json.load(reply)
    return f"/console/answers/{told['id']}", told["table"]["rows"]


LONG_NAMES = (
    "document.querySelectorAll('select').forEach((each) => each.append(new Option('stdio-8362c9781ec9c2ee-8362c978')))"
)
"""Names of keys and sources may be long."""


@pytest.fixture(scope="module")
def running():
    host = Host()
    yield host
    host.close()


@pytest.fixture
def widget(running):
    """`widget(page)` opens the widget with an answer of each kind in it, a form open."""
    running.fresh()
    running.add("/", "<main><h1>Outdoor gear</h1></main>" + running.tag())

    def opened(page):
        page.goto(running.page_origin + "/")
        page.get_by_role("button", name="Ask a question").click()
        for turn, asked in enumerate(
            (RETURN, "Which countries order most?", "How many are open?", "What is the weather?")
        ):
            page.get_by_role("textbox", name="Ask a question").fill(asked)
            page.keyboard.press("Enter")
            page.locator(".turn").nth(turn).locator(".thumbs, .choices").first.wait_for()
        page.get_by_role("button", name="Not helpful").first.click()
        page.get_by_label("Comment").wait_for()
        return page

    return opened


def spaced(page, root=None):
    page.evaluate(
        """([css, root]) => { const style = document.createElement("style"); style.textContent = css;
        (root ? document.querySelector(root).shadowRoot : document.head).append(style); }""",
        [SPACED, root],
    )


@pytest.mark.parametrize("options", [{"viewport": ZOOMED}, DOUBLED], ids=["400 %", "200 %"])
def test_the_widget_fits_and_nothing_overlaps(widget, new_page, options):
    page = widget(new_page(**options))
    assert page.evaluate(TROUBLE, "[data-answerable]") == []
    spaced(page, "[data-answerable]")
    assert page.evaluate(TROUBLE, "[data-answerable]") == []


@pytest.mark.parametrize("options", [{"viewport": ZOOMED}, DOUBLED], ids=["400 %", "200 %"])
def test_pages_fit_and_nothing_overlaps(service, answer, new_page, options):
    page = new_page(**options, bypass_csp=True)
    found = {}
    demo = urllib.request.urlopen(service + "/demo").read().decode()
    form = re.search(r"/ask\?site=[\w-]+", demo)[0]
    for path in (*CONSOLE, answer[0], *PLAIN, form):
        assert page.goto(service + path).ok, path
        page.evaluate(LONG_NAMES)
        found[path] = page.evaluate(TROUBLE)
        spaced(page)
        found[path + " spaced"] = page.evaluate(TROUBLE)
    assert {path: trouble for path, trouble in found.items() if trouble} == {}


def test_on_paper_an_answer_is_its_table_without_controls(service, answer, new_page):
    path, rows = answer
    page = new_page()
    page.goto(service + path)
    page.emulate_media(media="print")
    for control in page.locator("button, input:not([type=hidden]), select, textarea, nav").all():
        assert not control.is_visible(), control.evaluate("el => el.outerHTML")
    text = " ".join("".join(sheet.extract_text() for sheet in pypdf.PdfReader(io.BytesIO(page.pdf())).pages).split())
    assert len(rows) == 12
    for month, *_ in rows:
        assert str(month)[:7] in text, month
    assert "Thumb" not in text and "Skip to" not in text


def test_in_forced_colours_controls_and_focus_are_seen(widget, service, answer, new_page):
    page = widget(new_page(forced_colors="active"))
    page.get_by_role("button", name="Helpful", exact=True).nth(1).click()
    assert page.evaluate(UNSEEN, "[data-answerable]") == []
    pressed, other = (
        page.locator(f".thumbs [aria-pressed={state}]").first.evaluate("el => getComputedStyle(el).borderTopStyle")
        for state in ("true", "false")
    )
    assert pressed != other, "which thumb was given is told by more than its colour"
    page = new_page(forced_colors="active")
    for path in (*CONSOLE, answer[0]):
        page.goto(service + path)
        assert page.evaluate(UNSEEN) == [], path
