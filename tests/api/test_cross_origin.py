"""CORS: open to sites' origins on the widget's requests, closed for everything else, with and without keys."""

from __future__ import annotations

import httpx
import pytest

from tests.api.widget_pages import ORIGIN, code, keys, linked_home, made, made_site, visiting

OPEN = [
    ("POST", "/v1/widget/session"),
    ("POST", "/v1/ask"),
    ("DELETE", "/v1/ask/0123456789abcdef0123456789abcdef"),
    ("POST", "/v1/feedback"),
    ("GET", "/v1/answers/0123456789abcdef"),
    ("GET", "/v1/answers/0123456789abcdef/chart.svg"),
    ("POST", "/v1/widget/handover"),
]
CLOSED = [
    ("GET", "/"),
    ("GET", "/v1/ask"),
    ("DELETE", "/v1/ask"),
    ("POST", "/v1/ask/"),
    ("POST", "//v1/ask"),
    ("POST", "/v1/%61sk"),
    ("POST", "/V1/ask"),
    ("POST", "/v1/ask/x/y"),
    ("POST", "/v1/search"),
    ("POST", "/v1/sql/check"),
    ("GET", "/v1/sources"),
    ("GET", "/v1/sources/shop/quality"),
    ("GET", "/v1/answers"),
    ("GET", "/v1/answers/x/replay"),
    ("POST", "/v1/answers/x"),
    ("GET", "/v1/answers/x%2F..%2Fy"),
    ("GET", "/v1/answers/x/chart.svg/"),
    ("GET", "/v1/answers/x/chartXsvg"),
    ("GET", "/v1/verified"),
    ("POST", "/v1/verified"),
    ("DELETE", "/v1/verified/x"),
    ("GET", "/v1/admin/cost"),
    ("GET", "/v1/widget/session"),
    ("PUT", "/v1/widget/handover"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("POST", "/mcp"),
    ("GET", "/console"),
    ("POST", "/console/login"),
    ("GET", "/metrics"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/schema/openapi.json"),
    ("GET", "/nothing"),
]
ALIKE = [
    "https://a.help.example.com",
    "https://help.example.com.evil.example",
    "https://nothelp.example.com",
    "https://example.com",
    "https://help.example.com:444",
    "https://help.example.com:443",
    "http://help.example.com",
    "https://HELP.example.com",
    "HTTPS://help.example.com",
    "https://help.example.com.",
    "https://help.example.com/",
    "https://help.example.com#",
    "https://help.example.com@evil.example",
    "https://evil.example@help.example.com",
    "https://hélp.example.com",
    "https://xn--hlp-bma.example.com",
    "https://help。example.com",
    "https://*.example.com",
    "*",
    "null",
    "file://",
    "",
    "https://help.example.com https://evil.example",
    "https://revoked.example.com",
]


@pytest.fixture(scope="module")
def with_sites(sample_home, tmp_path_factory):
    home = linked_home(sample_home, tmp_path_factory.mktemp("cors"))
    site = made_site(home)
    gone = made_site(home, origin="https://revoked.example.com")
    keys(home, "site", "revoke", gone["id"])
    return home, site, made(home, "add", "--role", "owner")["token"]


@pytest.fixture(scope="module", params=["without a key", "with a key"])
def served(request, with_sites, serve):
    """A service on loopback, with and without the need of a key: base URL, headers of a visitor and of an owner."""
    home, site, token = with_sites
    needs_key = request.param == "with a key"
    env = {"ANSWERABLE_REQUIRE_KEY": "true"} if needs_key else {}
    with serve(home, ANSWERABLE_RATE_PER_ADDRESS="off", ANSWERABLE_RATE_PER_VISITOR="off", **env) as base:
        owner = {"Authorization": f"Bearer {token}"} if needs_key else {}
        yield base, visiting(base, site), owner


def preflight(base, method, path, origin, **headers):
    given = {"Origin": origin.encode(), "Access-Control-Request-Method": method} | headers
    return httpx.options(base + path, headers=given)


def shared(reply):
    return sorted(name for name in reply.headers if name.startswith("access-control-"))


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_a_preflight_is_answered_before_authentication(served, method, path):
    reply = preflight(served[0], method, path, ORIGIN)
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["access-control-allow-methods"] == method
    assert reply.headers["access-control-allow-headers"] == "authorization, content-type, accept, last-event-id"
    assert reply.headers["access-control-max-age"] == "600"
    assert reply.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in reply.headers
    assert reply.content == b""


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_everything_else_is_closed(served, method, path):
    base, visitor, owner = served
    replies = [preflight(base, method, path, ORIGIN)]
    replies += [
        httpx.request(method, base + path, headers={"Origin": ORIGIN} | headers, follow_redirects=False)
        for headers in ({}, owner, visitor)
    ]
    assert [shared(reply) for reply in replies] == [[]] * 4
    assert replies[-1].status_code >= 400 or path in ("/", "/healthz", "/readyz", "/schema/openapi.json", "/console")


@pytest.mark.parametrize("origin", ALIKE)
@pytest.mark.parametrize(("method", "path"), OPEN[:2])
def test_origins_that_look_alike_are_not_let_in(served, with_sites, method, path, origin):
    base, visitor, _ = served
    assert shared(preflight(base, method, path, origin)) == []
    headers = visitor | {"Origin": origin.encode()}
    site = with_sites[1]["key"]
    reply = httpx.request(method, base + path, json={"question": "x", "site": site}, headers=headers)
    assert shared(reply) == []
    assert code(reply) == (403, "origin_not_allowed")


def test_two_origin_headers_are_none(served, with_sites):
    headers = [("Origin", ORIGIN), ("Origin", ORIGIN)]
    reply = httpx.post(served[0] + "/v1/widget/session", json={"site": with_sites[1]["key"]}, headers=headers)
    assert code(reply) == (403, "origin_not_allowed")
    assert shared(reply) == []


@pytest.mark.parametrize(("method", "path"), OPEN[1:])
def test_a_sites_page_without_a_ticket_is_nobody(served, method, path):
    """On loopback, where no key is needed, it must not be taken for the owner."""
    base, _, _ = served
    for headers in ({}, {"Authorization": "Basic b3duZXI6"}, {"Authorization": "wt_x"}):
        reply = httpx.request(method, base + path, headers={"Origin": ORIGIN} | headers)
        assert reply.status_code in (401, 403, 404, 405), reply.text
        assert reply.json()["error"]["code"] != "invalid_request"


def test_errors_can_be_read_by_the_sites_pages(served):
    base, visitor, _ = served
    reply = httpx.post(base + "/v1/ask", content=b"{", headers=visitor)
    assert code(reply) == (400, "invalid_request")
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["access-control-expose-headers"] == "x-trace-id, retry-after"


def test_streams_can_be_read_by_the_sites_pages(served):
    base, visitor, _ = served
    body = {"question": "How long do I have to return something?", "stream": True}
    with httpx.stream("POST", base + "/v1/ask", json=body, headers=visitor, timeout=60) as reply:
        assert reply.headers["access-control-allow-origin"] == ORIGIN
        assert reply.headers["vary"] == "Origin"
        assert "event: done" in reply.read().decode()


def test_a_response_that_depends_on_the_origin_says_so_without_one_too(served):
    base, _, owner = served
    reply = httpx.post(base + "/v1/ask", json={"question": " "}, headers=owner)
    assert reply.headers["vary"] == "Origin"
    assert shared(reply) == []
