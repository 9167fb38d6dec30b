"""The plain pages count their readers: by address, and what is asked by visitor; a page says how long to wait."""

import re
import urllib.error
import urllib.parse
import urllib.request

import pytest

from app.ops.site import SiteOptions
from app.ops.sites import SiteStore
from tests.conftest import run_cli

ASKED = "How long do I have to return something?"


@pytest.fixture
def limited(serve, sample_home, tmp_path):
    """`with limited(**rates) as (base, key)` runs a server that needs keys."""
    for name in ("store", "cache"):
        (tmp_path / name).symlink_to(sample_home / name)
    added = run_cli(tmp_path, "keys", "add", "--role", "owner")
    assert added.returncode == 0, added.stderr
    site, _ = SiteStore(tmp_path / "state.db").add(SiteOptions(name="shop", origins=("https://shop.example.com",)))

    def opened(**rates):
        return serve(tmp_path, ANSWERABLE_REQUIRE_KEY="true", ANSWERABLE_DEMO="on", **rates), site.key

    return opened


def load(url, body=None, **headers):
    data = urllib.parse.urlencode(body).encode() if body is not None else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def field(text):
    return re.search(r'name="form" value="([^"]+)"', text).group(1)


def test_every_plain_page_counts_the_address(limited):
    server, key = limited(ANSWERABLE_RATE_PER_ADDRESS="6/minute")
    paths = ["/demo", "/demo/help-centre/policies/returns.md", f"/ask?site={key}", "/ask?site=pk_no"]
    paths += [f"/source/help-centre/policies/returns.md?site={key}", "/source/help-centre/nothing.md"]
    with server as base:
        assert [load(base + path)[0] for path in paths] == [200, 200, 200, 404, 200, 404]
        for path in paths:
            status, headers, text = load(base + path, **{"Accept-Language": "de"})
            wait = int(headers["Retry-After"])
            assert status == 429 and 1 <= wait <= 60, path
            assert f"Bitte warten Sie {wait} Sekunden" in text and headers["Content-Type"].startswith("text/html")
            assert "default-src 'none'" in headers["Content-Security-Policy"]
        for path in ("/ask", "/ask/handover"):
            assert load(base + path, {"form": "x", "q": ASKED}, Origin=base)[0] == 429, path


def test_questions_of_a_form_are_counted_by_its_visitor(limited):
    server, key = limited(ANSWERABLE_RATE_PER_VISITOR="2/minute")
    with server as base:
        form = field(load(f"{base}/ask?site={key}")[2])
        answers = [load(f"{base}/ask", {"form": form, "q": ASKED}, Origin=base) for _ in range(3)]
        assert [status for status, _, _ in answers] == [200, 200, 429]
        _, headers, text = answers[2]
        assert f"Please wait {headers['Retry-After']} seconds" in text and ASKED in text
        again = field(load(f"{base}/ask?site={key}")[2])
        assert load(f"{base}/ask", {"form": again, "q": ASKED}, Origin=base)[0] == 200
