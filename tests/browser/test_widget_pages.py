"""The widget on pages that make it hard: strict policies, hostile styles and scripts, and content that wants to run."""

import copy

import pytest

from tests.browser.widget_host import CITED, SITE, Host, answer

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
    running.fresh()
    return running


def open_and_ask(page, question=RETURN):
    page.get_by_role("button", name="Ask a question").click()
    page.get_by_role("textbox", name="Ask a question").fill(question)
    page.keyboard.press("Enter")
    page.locator(".thumbs").last.wait_for()


def strict(host, **more):
    """A policy with nothing to spare, Trusted Types enforced."""
    parts = {
        "default-src": "'none'", "script-src": host.service, "connect-src": host.service, "img-src": "blob:",
        "require-trusted-types-for": "'script'", "trusted-types": "'none'", "base-uri": "'none'", "form-action": "'none'",
    } | more  # fmt: skip
    return {"Content-Security-Policy": "; ".join(f"{name.replace('_', '-')} {value}" for name, value in parts.items())}


def listening(page):
    """Note every breach of the policy."""
    page.context.add_init_script(
        "window.breaches = []; document.addEventListener('securitypolicyviolation', e => breaches.push(e.violatedDirective))"
    )


def test_a_strict_policy_with_trusted_types_sees_no_breach(host, page):
    listening(page)
    page.goto(host.add("/strict", BODY + host.tag(), headers=strict(host)))
    open_and_ask(page)
    open_and_ask_again(page, "Which countries order most?")
    page.get_by_role("img", name="Chart").wait_for()
    page.get_by_role("button", name="Not helpful").last.click()
    page.get_by_role("button", name="Talk to a person").first.click()
    assert page.locator(".launch").evaluate("el => getComputedStyle(el).position") == "fixed"
    assert page.evaluate("breaches") == [] and not [line for line in page.reported if "Content Security" in line]


def open_and_ask_again(page, question):
    page.get_by_role("textbox", name="Ask a question").fill(question)
    page.keyboard.press("Enter")
    page.locator(".thumbs").nth(1).wait_for()


def test_a_policy_without_images_leaves_the_table(host, page):
    page.goto(host.add("/bare", BODY + host.tag(), headers=strict(host, **{"img-src": "'none'"})))
    open_and_ask(page, "Which countries order most?")
    page.wait_for_function("() => !document.querySelector('[data-answerable]').shadowRoot.querySelector('.chart')")
    assert page.get_by_role("table").is_visible()


PATCHES = {
    "arrays": """for (const name of Object.getOwnPropertyNames(Array.prototype))
        if (typeof Array.prototype[name] === 'function' && name !== 'constructor')
            Array.prototype[name] = () => { throw new Error('patched array ' + name) };
        Array.prototype[Symbol.iterator] = () => { throw new Error('patched iterator') }""",
    "nodes": """for (const name of ['appendChild', 'insertBefore'])
            Node.prototype[name] = () => { throw new Error('patched ' + name) };
        for (const name of ['attachShadow', 'setAttribute', 'getAttribute', 'querySelectorAll', 'remove', 'addEventListener'])
            Element.prototype[name] = () => { throw new Error('patched ' + name) }""",
    "listeners": """EventTarget.prototype.addEventListener = () => { throw new Error('patched') };
        EventTarget.prototype.dispatchEvent = () => { throw new Error('patched') }""",
    "promise": """for (const name of ['then', 'catch', 'finally'])
            Promise.prototype[name] = () => { throw new Error('patched ' + name) };
        window.Promise = function () { throw new Error('patched promise') }""",
    "json": """JSON.parse = JSON.stringify = () => { throw new Error('patched json') }""",
    "old library": """Array.prototype.toJSON = Object.prototype.toJSON = String.prototype.toJSON = () => 'wrong';
        Array.prototype.extra = Object.prototype.extra = () => {}; Function.prototype.bind = () => () => {};
        Element.prototype.remove = Element.prototype.toggle = () => {}""",
    "strings": """for (const name of ['split', 'trim', 'slice', 'replace', 'indexOf'])
        String.prototype[name] = () => { throw new Error('patched string') }""",
    "wrapped fetch": """const own = window.fetch; window.fetch = (...all) => { document.documentElement.dataset.wrapped = 1; return own(...all) }""",
    "broken fetch": """window.fetch = () => 42""",
    "no fetch": """delete window.fetch; window.fetch = undefined""",
    "no streams": """delete window.TextDecoder; delete window.AbortController""",
    "frozen": """for (const one of [Object, Array, Function, Promise, JSON, Node, Element, Document, EventTarget, String])
        { Object.freeze(one); one.prototype && Object.freeze(one.prototype) } Object.freeze(document)""",
    "name taken": """customElements.define('answerable-widget', class extends HTMLElement {})""",
    "no sheets": """window.CSSStyleSheet = undefined""",
    "no storage": """Object.defineProperty(window, 'sessionStorage', {get() { throw new Error('denied') }})""",
    "own name": """Object.defineProperty(window, 'answerable', {value: Object.freeze([['off']]), writable: false})""",
    "clobbered": """addEventListener('DOMContentLoaded', () => {})""",
}


def from_outside(page):
    """Run scripts on the page in an isolated world, where the prototypes are whole."""
    session = page.context.new_cdp_session(page)
    frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = session.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
    words = """const inside = what => document.querySelector('div[data-answerable]')?.shadowRoot?.querySelector(what);
        const until = async done => { for (let i = 0; i < 100 && !done(); i++) await new Promise(go => setTimeout(go, 50));
            if (!done()) throw new Error('not there in time') };"""

    def run(script):
        expression = f"(async () => {{ {words} {script} }})()"
        asked = {"expression": expression, "contextId": world, "awaitPromise": True, "returnByValue": True}
        reply = session.send("Runtime.evaluate", asked)
        assert "exceptionDetails" not in reply, reply["exceptionDetails"]["exception"]["description"]
        return reply["result"].get("value")

    return run


@pytest.mark.parametrize("patch", PATCHES)
def test_a_page_that_patched_what_it_could(host, page, patch):
    clobber = (
        "<img name=currentScript><img name=body><form id=answerable name=head></form>" if patch == "clobbered" else ""
    )
    page.goto(host.add("/patched", BODY + clobber + f"<script>{PATCHES[patch]}</script>" + host.tag()))
    # What these pages break, scripts of the test rely on too: it looks from a world of its own.
    seen = from_outside(page)
    seen("await until(() => inside('.launch'))")
    x, y = seen("const box = inside('.launch').getBoundingClientRect(); return [box.x + 20, box.y + 20]")
    page.mouse.click(x, y)
    page.keyboard.type(RETURN)
    page.keyboard.press("Enter")
    seen("await until(() => inside('.thumbs'))")
    assert seen("return getComputedStyle(inside('.launch')).position") == "fixed"
    (asked,) = host.asked("/v1/ask")
    assert asked["body"] == {
        "question": RETURN, "session": asked["body"]["session"], "stream": True, "max_rows": 20
    }  # fmt: skip
    assert seen("return document.documentElement.dataset.wrapped") is None
    assert not [line for line in page.reported if line.startswith("uncaught")]


STYLES = {
    "hidden": "* {display: none !important; visibility: hidden !important; opacity: 0 !important}"
    " html, body {display: block !important; visibility: visible !important; opacity: 1 !important}",
    "moved": "div {position: absolute !important; left: -9999px !important; transform: scale(0) !important; width: 0 !important;"
    " height: 0 !important; overflow: hidden !important; pointer-events: none !important; clip-path: inset(50%) !important}",
    "spelled": "* {font: 60px/3 monospace !important; letter-spacing: 20px !important; color: red !important;"
    " text-transform: uppercase !important; direction: rtl}",
}


@pytest.mark.parametrize("style", STYLES)
def test_a_hostile_stylesheet(host, page, style):
    page.goto(host.add("/styled", BODY + host.tag(), head=f"<style>{STYLES[style]}</style>"))
    open_and_ask(page)
    field = page.get_by_role("textbox", name="Ask a question")
    assert page.locator(".panel").bounding_box()["width"] == 410
    look = field.evaluate(
        "el => { const s = getComputedStyle(el); return [s.fontSize, s.letterSpacing, s.textTransform] }"
    )
    assert look == ["15px", "normal", "none"]


def test_twice_the_script_and_more_widgets(host, page):
    two = "<answerable-widget mode=inline id=one></answerable-widget><answerable-widget mode=inline lang=de></answerable-widget>"
    page.goto(host.add("/two", f"<main><h1>Two</h1>{two}</main>" + host.tag() * 2))
    page.get_by_role("button", name="Ask a question", exact=True).wait_for()
    assert page.locator(".launch").count() == 1 and page.get_by_role("textbox").count() == 2
    first, second = page.get_by_role("textbox").all()
    first.fill(RETURN)
    first.press("Enter")
    page.locator(".thumbs").wait_for()
    second.fill("What is the weather?")
    second.press("Enter")
    page.locator(".thumbs").nth(1).wait_for()
    sessions = {request["body"]["session"] for request in host.asked("/v1/ask")}
    assert len(sessions) == 2 and len(host.asked("/v1/widget/session")) == 1
    assert page.locator("#one .turn").count() == 1
    page.evaluate("document.querySelector('#one').remove()")
    assert page.reported == []


def test_where_nothing_can_work_there_is_a_link(host, page):
    page.goto(host.add("/old", BODY + "<script>delete Element.prototype.attachShadow</script>" + host.tag()))
    page.get_by_role("button", name="Ask a question").or_(page.get_by_role("link", name="Ask a question")).wait_for()
    nothing = """<script>const make = Document.prototype.createElement; Document.prototype.createElement = function (name) {
        if (name === 'iframe') throw new Error('no'); return make.call(this, name) }; delete Element.prototype.attachShadow</script>"""
    page.goto(host.add("/none", BODY + nothing + host.tag()))
    assert page.get_by_role("link", name="Ask a question").get_attribute("href") == f"{host.service}/ask?site={SITE}"


EVIL = (
    "<img src=x onerror=fired()><script>fired()</script><svg onload=fired()>\"'><a href=javascript:fired()>x</a>"
    "[click](javascript:fired()) [data](data:text/html,<script>fired()</script>) `</code><script>fired()</script>`"
)


def evil_answers():
    cited = dict.fromkeys(CITED, EVIL) | {"n": 1, "start": EVIL, "end": EVIL, "url": "javascript:fired()"}
    near = cited | {"heading": EVIL}
    table = {
        "columns": [{"name": EVIL, "type": "text"}, {"name": "n", "type": EVIL}],
        "rows": [[EVIL, EVIL], [EVIL, 1]],
        "truncated": True,
    }
    words = {
        "text": EVIL + " [1]",
        "citations": [cited],
        "table": table,
        "computed": {"text": EVIL},
        "id": EVIL,
        "chart": {"mark": EVIL},
    }
    options = {"question": EVIL, "options": [EVIL]}
    yield answer(**words)
    yield answer(**words | {"status": "clarify", "clarify": options})
    yield answer(
        **words
        | {"status": "refused", "refusal": {"code": EVIL, "reason": EVIL, "nearest": [near], "suggestions": [EVIL]}}
    )
    yield answer(**words | {"status": EVIL, "route": EVIL})


def test_no_field_of_any_event_runs(host, page):
    page.context.add_init_script("window.fired = () => { window.hit = true }")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    host.config |= {
        "title": EVIL,
        "greeting": EVIL,
        "examples": [EVIL],
        "handover": {"kind": "link", "target": "javascript:fired()"},
    }
    for number, found in enumerate(evil_answers()):
        host.answers[f"{number} {EVIL}"] = found
    page.goto(host.add("/evil", BODY + host.tag()))
    page.get_by_role("button", name="Ask a question").click()
    page.get_by_role("textbox").wait_for()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    for number in range(4):
        page.get_by_role("textbox").first.fill(f"{number} {EVIL}")
        page.get_by_role("textbox").first.press("Enter")
        page.locator(".turn").nth(number).locator(".thumbs, .choices").first.wait_for()
    page.reload()
    page.locator(".turn").nth(3).wait_for()
    page.wait_for_timeout(300)
    inside = "document.querySelector('[data-answerable]').shadowRoot"
    assert page.evaluate("window.hit") is None
    assert page.evaluate(f"{inside}.querySelectorAll('script, iframe, object, embed, style').length") == 0
    handlers = f"[...{inside}.querySelectorAll('*')].filter(el => [...el.attributes].some(a => /^(on|style)/.test(a.name))).length"
    assert page.evaluate(handlers) == 0
    links = page.evaluate(f"[...{inside}.querySelectorAll('a')].map(a => new URL(a.href).protocol)")
    assert links and set(links) <= {"http:", "https:"}
    wanted = (host.service + "/v1/", host.service + "/widget.js", "blob:", host.page_origin + "/evil", "data:,")
    assert [url for url in requests if not url.startswith(wanted)] == []


def test_values_of_the_wrong_kind_break_nothing(host, page):
    wrong = copy.deepcopy(next(evil_answers())) | {
        "text": ["a"],
        "citations": "no",
        "table": {"columns": 3, "rows": None},
        "computed": 7,
    }
    host.answers["wrong"] = wrong | {"chart": None}
    host.config |= {"examples": "none", "title": 7, "greeting": None, "handover": None}
    page.goto(host.add("/wrong", BODY + host.tag()))
    open_and_ask(page, "wrong")
    assert not [line for line in page.reported if line.startswith("uncaught")]
