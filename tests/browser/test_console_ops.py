"""Prompts, keys, sites and usage in a real browser: nothing that axe finds, in light and dark, and the way through."""

import re
import time

import httpx
import pytest

from app.ops.keys import KeyStore
from app.ops.site import SiteOptions
from app.ops.sites import SiteStore
from tests.conftest import run_cli

pytestmark = pytest.mark.browser

PAGES = (
    "/console/usage?period=24h",
    "/console/keys",
    "/console/sites/new",
    "/console/add-source",
    "/console/prompts",
    "/console/prompts/split",
)


@pytest.fixture(scope="module")
def console(serve, sample_home, tmp_path_factory):
    """A console on this machine, with a question, keys in each state, a site and a label."""
    home = tmp_path_factory.mktemp("ops-browser-home")
    for name in ("store", "cache"):
        (home / name).symlink_to(sample_home / name)
    keys = KeyStore(home / "state.db")
    keys.revoke(keys.add("analyst", name="gone")[0].id)
    keys.add("visitor", name="over", expires_at=time.time() - 1)
    key, _ = keys.add("owner", name="soon", expires_at=time.time() + 3600)
    site, _ = SiteStore(home / "state.db").add(SiteOptions(name="Help", origins=("https://help.example",)))
    assert run_cli(home, "prompts", "label", "split", "production", "--note", "as shipped").returncode == 0
    with serve(home) as base:
        answer = httpx.post(base + "/v1/ask", json={"question": "How many customers are there?"}, timeout=60).json()
        assert httpx.get(f"{base}/v1/answers/{answer['id']}", timeout=30).status_code == 200
        yield base, key, site


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(console, new_page, violations, scheme):
    base, key, site = console
    page = new_page(color_scheme=scheme)
    paths = (*PAGES, f"/console/keys/{key.id}/revoke", f"/console/sites/{site.id}", f"/console/sites/{site.id}/revoke")
    for path in paths:
        assert page.goto(base + path).status == 200
        assert (path, violations(page)) == (path, [])
    assert page.goto(base + "/console/prompts/nothing").status == 404
    assert violations(page) == []
    assert [each for each in page.reported if "404" not in each] == []


def test_no_page_is_wider_than_a_phone(console, new_page):
    base, key, site = console
    page = new_page(viewport={"width": 360, "height": 740})
    for path in (*PAGES, "/console/sources", f"/console/keys/{key.id}/revoke", f"/console/sites/{site.id}"):
        page.goto(base + path)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path


def test_a_key_is_made_and_revoked(console, page, violations):
    base, *_ = console
    page.goto(base + "/console/keys")
    page.get_by_label("What it is for").fill("<b>dashboards</b>")
    page.get_by_label("Role").select_option("analyst")
    page.get_by_role("checkbox", name="shop").check()
    page.get_by_role("button", name="Make the key").click()
    token = page.get_by_label("Token").input_value()
    assert re.fullmatch(r"ak_[0-9a-f]{8}_[\w-]{43}", token)
    assert violations(page) == []
    page.reload()
    assert token not in page.content() and "not kept" in page.content()
    page.get_by_role("link", name="To the keys").click()
    assert token not in page.content()
    page.get_by_role("link", name=f"Revoke the key <b>dashboards</b> {token.split('_')[1]}").click()
    page.get_by_role("button", name="Revoke the key").click()
    row = page.get_by_role("row").filter(has_text=token.split("_")[1])
    assert "revoked" in row.inner_text()


def test_a_site_is_made_with_the_tag_to_paste(console, page, violations):
    base, *_ = console
    page.goto(base + "/console/keys")
    page.get_by_role("link", name="Add a site").click()
    page.get_by_label("Name, for your lists").fill("Docs")
    page.get_by_label("Origins whose pages may show it").fill("https://docs.example.com/a")
    page.get_by_role("button", name="Make the site").click()
    assert "not an origin" in page.get_by_role("alert").inner_text()
    assert violations(page) == []
    page.get_by_label("Origins whose pages may show it").fill("https://docs.example.com")
    page.get_by_role("button", name="Make the site").click()
    assert len(page.get_by_label("Secret, for your server only").input_value()) == 43
    assert violations(page) == []
    page.reload()
    assert page.get_by_label("Secret, for your server only").count() == 0
    assert f'<script async src="{base}/widget.js" data-site="pk_' in page.locator("pre").inner_text()
    assert violations(page) == []


def test_the_figures_of_a_picture_can_be_read_without_it(console, page):
    base, *_ = console
    page.goto(base + "/console/usage?period=24h")
    picture = page.get_by_role("img", name=re.compile("Questions by status"))
    assert "1 in all (1 answered)" in picture.get_attribute("aria-label")
    page.get_by_text("The same figures as a table: Questions by status").click()
    assert page.get_by_role("table", name="Questions by status").get_by_role("row").count() >= 25


def test_the_pages_work_without_scripts(console, new_page):
    base, *_ = console
    page = new_page(java_script_enabled=False)
    page.goto(base + "/console/prompts/split")
    page.get_by_label("Why").fill("without scripts")
    page.get_by_role("button", name="Move the label").click()
    assert "without scripts" in page.get_by_role("table").filter(has_text="as shipped").inner_text()
