"""Debian's Chromium, driven by playwright, and axe-core over a page. Each test gets a context of its own."""

import json

import pytest

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-quic"),
)
CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")
def chromium():
    """The browser of one test file: playwright keeps an event loop running in the thread until it is stopped."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium):
    """`new_page(**options)` opens a page in a context of its own; what its console reports lies in `page.reported`.

    Options are those of playwright's `new_context`: `color_scheme`, `viewport`, `locale`, `java_script_enabled`, …
    """
    contexts = []

    def opened(**options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.reported = []
        page.on("console", lambda message: page.reported.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: page.reported.append(f"uncaught: {error}"))
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page):
    """A page with the usual options."""
    return new_page()


@pytest.fixture(scope="session")
def violations():
    """`violations(page)` lists what axe-core finds wrong by WCAG 2.2 AA and its own best practices, shadow roots too."""
    from axe_playwright_python.sync_playwright import Axe

    def found(page):
        results = Axe().run(page, options={"resultTypes": ["violations"]}).response
        return [
            f"{problem['id']}: {json.dumps([node['html'][:200] for node in problem['nodes'][:5]])}"
            for problem in results["violations"]
        ]

    return found
