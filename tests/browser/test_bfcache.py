"""The widget on a page that the browser kept whole and shows again: the back/forward cache, which playwright turns off."""

import time

import pytest

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.widget_host import Host

pytestmark = pytest.mark.browser

FIRST = """<h1>First</h1><script>
const told = (name, value) => navigator.sendBeacon("/told", JSON.stringify({ name, value }));
const turns = () => document.querySelector("[data-answerable]").shadowRoot.querySelectorAll(".turn").length;
const reasons = () => JSON.stringify(performance.getEntriesByType("navigation")[0].notRestoredReasons);
window.kept = Math.random();
addEventListener("load", () => setTimeout(() => {
  if (sessionStorage.left) return told("loaded anew", reasons());
  answerable.on("answer", () => {
    if (window.again) return setTimeout(() => told("after", { turns: turns() }), 300);
    if (!sessionStorage.left) { sessionStorage.left = "1"; setTimeout(() => { location.href = "/second"; }, 300); }
  });
  answerable.open();
  answerable.ask("How long do I have to return something?");
}, 500));
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  window.again = true;
  setTimeout(() => { told("back", { kept: window.kept > 0, turns: turns() }); answerable.ask("and now?"); }, 500);
});
</script>"""
SECOND = """<h1>Second</h1><script>
addEventListener("load", () => setTimeout(() => {
  answerable.on("answer", () => setTimeout(() => history.back(), 300));
  answerable.ask("What is the weather?");
}, 500));
</script>"""


def test_a_page_from_the_cache_has_what_was_said_since_and_goes_on(chromium):
    host = Host()
    off = ["--disable-back-forward-cache"]
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=list(FLAGS), ignore_default_args=off)
    try:
        host.add("/", FIRST + host.tag())
        host.add("/second", SECOND + host.tag())
        browser.new_page().goto(host.page_origin + "/")
        give_up = time.monotonic() + 60
        told = {}
        while "after" not in told and "loaded anew" not in told and time.monotonic() < give_up:
            time.sleep(0.2)
            told = {each["body"]["name"]: each["body"]["value"] for each in host.asked("/told")}
        assert told == {"back": {"kept": True, "turns": 2}, "after": {"turns": 3}}
        sessions = {each["body"]["session"] for each in host.asked("/v1/ask")}
        assert len(sessions) == 1, "one conversation over all pages"
    finally:
        browser.close()
        host.close()
