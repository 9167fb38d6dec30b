"""Logging in to the console in a real browser."""

import re

import pytest

from tests.conftest import new_key

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def locked(serve, sample_home, tmp_path_factory):
    """A server that needs a key, with the key of an owner and of a visitor."""
    home = tmp_path_factory.mktemp("locked-home")
    keys = {role: new_key(home, role) for role in ("owner", "visitor")}
    (home / "store").symlink_to(sample_home / "store")
    (home / "cache").symlink_to(sample_home / "cache")
    with serve(home, ANSWERABLE_REQUIRE_KEY="true") as base:
        yield base, keys


def test_a_page_asks_for_the_key_first(locked, page, violations):
    base, _ = locked
    page.goto(base + "/console/login")
    assert violations(page) == []
    page.get_by_label("Key").fill("ak_nothing")
    page.get_by_role("button", name="Log in").click()
    assert "not known" in page.get_by_role("alert").inner_text()
    assert violations(page) == []


def test_a_visitors_key_does_not_open_the_console(locked, page):
    base, keys = locked
    page.goto(base + "/console/login")
    page.get_by_label("Key").fill(keys["visitor"])
    page.get_by_role("button", name="Log in").click()
    assert re.search("owners and analysts", page.get_by_role("alert").inner_text())
    assert page.context.cookies() == []


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/console//evil", "/v1/sources"])
def test_the_way_back_is_a_page_of_the_console(locked, page, elsewhere):
    base, keys = locked
    page.goto(f"{base}/console/login?next={elsewhere}")
    page.get_by_label("Key").fill(keys["owner"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(base + "/console")
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
