"""Takes the pictures of `docs/images`: the service over the sample, asked and photographed in Chromium.

python docs/screenshots.py         needs ANSWERABLE_HOME to hold the ingested sample (`make demo` sees to it), Debian's
                                   chromium and playwright; the home is copied, so that nothing is written to it
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
MOST_BYTES = 150_000
READY_S = 60
RETURNS = "How long do I have to return something?"
SEASONS = "How many products are there per season?"
REVENUE = "net revenue by month in 2025"
ARTICLE = "/demo/help-centre/policies/returns.md"
DESK = {"width": 1200, "height": 800}
ASKED = (
    *(RETURNS, SEASONS, REVENUE, "How many orders were placed in 2025?", "How do I wash a down jacket?"),
    *("Which countries have the most customers?", "What is the weather in Paris tomorrow?", "Show me the numbers"),
    *("Do you sell kayaks?", "How much do kayaks cost?", "What is our share price?", "Who is the chief executive?"),
)
RTL = "addEventListener('DOMContentLoaded', () => { document.documentElement.lang = 'ar'; document.dir = 'rtl' })"


@contextmanager
def service(home: Path) -> Iterator[str]:
    """Base URL of a server over a copy of a home."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "home"
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("state.db*", "*.log"))
        env = os.environ | {"ANSWERABLE_HOME": str(copy), "HF_HUB_OFFLINE": "1", "ANSWERABLE_RATE_PER_VISITOR": "off"}
        server = subprocess.Popen([sys.executable, "-m", "app.cli", "serve", "--port", str(port)], cwd=ROOT, env=env)
        try:
            base = f"http://127.0.0.1:{port}"
            _wait(base)
            yield base
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait(base: str) -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{base}/readyz", timeout=5).close()  # noqa: S310 - loopback, by http
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise SystemExit("The service was not ready: does ANSWERABLE_HOME hold the ingested sample?")


def save(page: Any, name: str, *, full: bool = False) -> None:
    """A picture, with 256 colours where that keeps it small; fails for one that is too large."""
    path = IMAGES / f"{name}.png"
    page.wait_for_timeout(400)
    page.screenshot(path=path, full_page=full)
    if path.stat().st_size > MOST_BYTES // 2:
        _quantise(path)
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path.name} has {path.stat().st_size} bytes; {MOST_BYTES} are allowed.")


def _quantise(path: Path) -> None:
    try:
        from PIL import Image
    except ImportError:
        return
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def widget(new: Any, base: str) -> None:
    """The widget in four looks, and the demo's start page."""
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True}
    looks = (
        ("widget-light", {}, (RETURNS,)),
        ("widget-dark", {"color_scheme": "dark"}, (SEASONS,)),
        ("widget-mobile", phone, (RETURNS,)),
        ("widget-rtl", {}, (RETURNS,)),
    )
    for name, options, questions in looks:
        page = new(**options)
        if name == "widget-rtl":
            page.add_init_script(RTL)
        page.goto(base + ARTICLE)
        page.locator(".launch").click()
        asked(page, questions)
        save(page, name)
    page = new(viewport={"width": 1200, "height": 860})
    page.goto(base + "/demo")
    asked(page, (SEASONS,))
    save(page, "demo")


def asked(page: Any, questions: tuple[str, ...]) -> None:
    """Ask the widget and wait for each answer and its chart."""
    for turn, question in enumerate(questions):
        page.locator(".composer textarea").fill(question)
        page.keyboard.press("Enter")
        page.locator(".turn").nth(turn).locator(".thumbs").wait_for()
        if question == SEASONS:
            page.locator(".chart img").wait_for()


def console(new: Any, base: str) -> None:
    """The console's pages, after a number of questions."""
    page = new()
    for question in ASKED:
        page.goto(base + "/console")
        page.get_by_label("Question").fill(question)
        page.get_by_role("button", name="Ask").click()
        page.locator("section.answer").wait_for()
        if question == REVENUE:
            save(page, "console-ask")
    page.wait_for_timeout(3000)  # for the traces
    for name, path in (("sources", "/console/sources"), ("usage", "/console/usage")):
        page.goto(base + path)
        save(page, f"console-{name}")
    page.goto(base + "/console/answers")
    page.get_by_role("link", name=REVENUE).first.click()
    page.locator("table.waterfall").evaluate("table => table.scrollIntoView({block: 'center'})")
    save(page, "console-answer")
    dark = new(color_scheme="dark")
    dark.goto(base + "/console/unanswered")
    save(dark, "console-unanswered")


def main() -> None:
    """Take all pictures."""
    from playwright.sync_api import sync_playwright

    home = Path(os.environ.get("ANSWERABLE_HOME", Path.home() / ".answerable"))
    IMAGES.mkdir(exist_ok=True)
    with service(home) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])

        def new(**options: Any) -> Any:
            page = browser.new_context(**{"viewport": DESK, **options}).new_page()
            page.set_default_timeout(60_000)
            return page

        widget(new, base)
        console(new, base)
        browser.close()


if __name__ == "__main__":
    main()
