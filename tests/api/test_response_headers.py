"""Every kind of response carries the headers that keep it from being more than it is; sizes have an end."""

from __future__ import annotations

import socket

import httpx
import pytest

from tests.api.widget_pages import ORIGIN, code, linked_home, made, made_site, visiting

CLOSED_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
ASKED = {"question": "Orders per year", "sources": ["shop"]}


@pytest.fixture(scope="module")
def kinds(sample_home, tmp_path_factory, serve):
    """Base URL, and kind of response -> what to send for it."""
    home = linked_home(sample_home, tmp_path_factory.mktemp("headers"))
    site = made_site(home)
    owner = {"Authorization": f"Bearer {made(home, 'add', '--role', 'owner')['token']}"}
    with serve(home, ANSWERABLE_REQUIRE_KEY="true") as base:
        answer = httpx.post(base + "/v1/ask", json=ASKED, headers=owner, timeout=60).json()["id"]
        preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        yield (
            base,
            {
                "json": ("POST", "/v1/search", {"json": {"query": "returns"}, "headers": owner}),
                "answer": ("POST", "/v1/ask", {"json": ASKED, "headers": owner}),
                "visitor's answer": ("POST", "/v1/ask", {"json": {"question": " "}, "headers": visiting(base, site)}),
                "stream": ("POST", "/v1/ask", {"json": ASKED | {"stream": True}, "headers": owner}),
                "stream that fails": ("POST", "/v1/ask", {"json": {"question": "", "stream": True}, "headers": owner}),
                "chart": ("GET", f"/v1/answers/{answer}/chart.svg", {"headers": owner}),
                "not authenticated": ("GET", "/v1/sources", {}),
                "no such path": ("GET", "/nothing", {}),
                "no such method": ("PUT", "/v1/ask", {}),
                "bad body": ("POST", "/v1/ask", {"content": b"{", "headers": owner}),
                "too large": ("POST", "/v1/ask", {"content": b" " * 300_000, "headers": owner}),
                "headers too large": ("GET", "/healthz", {"headers": {"X-Long": "x" * 40_000}}),
                "host not allowed": ("GET", "/healthz", {"headers": {"Host": "evil.example"}}),
                "preflight": ("OPTIONS", "/v1/ask", {"headers": preflight}),
                "preflight refused": (
                    "OPTIONS",
                    "/v1/ask",
                    {"headers": preflight | {"Origin": "https://evil.example"}},
                ),
                "front page": ("GET", "/", {}),
                "health": ("GET", "/healthz", {}),
                "metrics": ("GET", "/metrics", {"headers": owner}),
                "schema": ("GET", "/schema/openapi.json", {}),
                "csv": ("GET", "/v1/admin/cost?format=csv", {"headers": owner}),
                "console login": ("GET", "/console/login", {}),
                "console redirect": ("GET", "/console", {}),
                "console error": ("POST", "/console/login", {"data": {"key": "x"}, "headers": {"Origin": base}}),
                "console forged": ("POST", "/console/logout", {"headers": {"Origin": "https://evil.example"}}),
                "style sheet": ("GET", "/console/static/console.css", {}),
                "script": ("GET", "/console/static/htmx.min.js", {}),
            },
        )


KINDS = (
    *("json", "answer", "visitor's answer", "stream", "stream that fails", "chart", "not authenticated"),
    *("no such path", "no such method", "bad body", "too large", "headers too large", "host not allowed"),
    *("preflight", "preflight refused", "front page", "health", "metrics", "schema", "csv"),
    *("console login", "console redirect", "console error", "console forged", "style sheet", "script"),
)
OWN_POLICY = {
    "chart": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "console login": "script-src 'self'",
    "console error": "script-src 'self'",
    "console forged": "script-src 'self'",
}
"""Kinds whose handlers set a policy of their own -> part of it."""
KEPT = {"style sheet": "public, max-age=300", "script": "public, max-age=300", "chart": "private, no-cache"}


def sent(kinds, kind, **headers):
    base, requests = kinds
    method, path, options = requests[kind]
    options = options | {"headers": options.get("headers", {}) | headers}
    return httpx.request(method, base + path, timeout=60, follow_redirects=False, **options)


def test_every_kind_is_looked_at(kinds):
    assert set(kinds[1]) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_security_headers(kinds, kind):
    reply = sent(kinds, kind)
    headers = reply.headers
    assert reply.status_code < 500
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    policy = headers["content-security-policy"]
    assert policy == CLOSED_POLICY if kind not in OWN_POLICY else OWN_POLICY[kind] in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "no-store" in headers["cache-control"] or headers["cache-control"] == KEPT[kind]
    assert len(headers["x-trace-id"]) == 32
    assert "server" not in headers
    assert "strict-transport-security" not in headers
    for name in headers:
        assert len(headers.get_list(name)) == 1 or name == "vary"


@pytest.mark.parametrize("kind", ["json", "stream", "no such path", "console login", "headers too large", "preflight"])
def test_over_https_browsers_are_told_to_stay_there(kinds, kind):
    secure = sent(kinds, kind, **{"X-Forwarded-Proto": "https"})
    assert secure.headers["strict-transport-security"] == "max-age=31536000"


def test_sizes_have_an_end(kinds):
    assert code(sent(kinds, "too large")) == (413, "too_large")
    assert code(sent(kinds, "headers too large")) == (431, "headers_too_large")
    long_address = httpx.get(kinds[0] + "/healthz?" + "x" * 40_000)
    assert code(long_address) == (431, "headers_too_large")


def test_a_body_without_a_length_has_an_end_too(kinds):
    base, requests = kinds
    pieces = (b" " * 10_000 for _ in range(100))
    reply = httpx.post(base + "/v1/ask", content=pieces, headers=requests["json"][2]["headers"])
    assert code(reply) == (413, "too_large")


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", b"GET /"])
def test_headers_that_do_not_end_are_not_read_for_ever(kinds, start):
    host, _, port = kinds[0].removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(start)
        sent_bytes = 0
        try:
            while sent_bytes < 20_000_000:
                connection.sendall(b"x" * 65_536)
                sent_bytes += 65_536
            reply = b"read to the end"
        except OSError:
            reply = b"closed"
    assert reply == b"closed"
    assert sent_bytes < 10_000_000
    assert httpx.get(kinds[0] + "/healthz").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"question": ' + b"[" * 100_000,
        b'{"question": "x", "other": ' + b'{"a":' * 40_000 + b"1" + b"}" * 40_000 + b"}",
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_a_body_that_is_nested_deeply_is_a_bad_request(kinds, body):
    base, requests = kinds
    headers = requests["json"][2]["headers"] | {"Content-Type": "application/json"}
    for path in ("/v1/ask", "/v1/search", "/v1/sql/check", "/v1/widget/session"):
        assert code(httpx.post(base + path, content=body, headers=headers)) == (400, "invalid_request")
