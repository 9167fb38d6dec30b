"""What only an attacker sends: requests bent at their edges, forged tokens, sources that lead secrets away."""

from __future__ import annotations

import base64
import json
import socket
from pathlib import Path

import httpx
import pytest

from app.ops.handover import Passed, PassedTurn, as_text
from app.ops.sites import SiteStore
from ingest.admission import Admission
from ingest.errors import SourceRefused
from ingest.request import SourceRequest
from tests.api.widget_pages import ORIGIN, linked_home, made, made_site, visiting

DEMO = "demo"


@pytest.fixture(scope="module")
def open_home(sample_home, tmp_path_factory):
    return linked_home(sample_home, tmp_path_factory.mktemp("hostile-open"))


@pytest.fixture(scope="module")
def opened(open_home, cli, serve):
    """A service without keys, and the operator's own site, which is named as the demo's is."""
    site = made_site(open_home, name=DEMO)
    with serve(open_home) as base:
        yield base, site


@pytest.fixture(scope="module")
def closed(sample_home, tmp_path_factory, cli, serve):
    """A service behind a proxy that ends TLS and says nothing of it: base URL, site, an owner's token."""
    home = linked_home(sample_home, tmp_path_factory.mktemp("hostile-closed"))
    site, token = made_site(home), made(home, "add", "--role", "owner")["token"]
    env = {"ANSWERABLE_PUBLIC_URL": "https://answers.example.com", "ANSWERABLE_RATE_PER_ADDRESS": "off"}
    with serve(home, ANSWERABLE_REQUIRE_KEY="true", **env) as base:
        yield base, site, token


def sent_raw(base, *headers, path="/demo"):
    """The status of a request whose headers are sent as they stand."""
    url = httpx.URL(base)
    lines = [f"GET {path} HTTP/1.1", *headers, "Connection: close", "", ""]
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        return int(connection.makefile("rb").readline().split()[1])


def origins(home: Path):
    return {site.id: site.options.origins for site in SiteStore(home / "state.db").all()}


@pytest.mark.parametrize(
    "hosts",
    [
        ["evil.example.com", "127.0.0.1"],
        ["127.0.0.1", "evil.example.com"],
        ["127.0.0.1", "127.0.0.1"],
        ["127.0.0.1:99999999"],
        ["127.0.0.1:80,evil.example.com"],
        ["127.0.0.1#evil.example.com"],
        ["127.0.0.1/evil.example.com"],
        ["127.0.0.1?evil.example.com"],
        ["evil.example.com@127.0.0.1"],
        ["127.0.0.1\\@evil.example.com"],
        ["[::1%25evil]"],
        ["[127.0.0.1]"],
        ["127.0.0.1 evil.example.com"],
    ],
)
def test_a_host_header_that_two_readers_could_read_differently_is_refused(opened, open_home, hosts):
    base, _site = opened
    assert sent_raw(base, *(f"Host: {host}" for host in hosts)) == 400
    assert not any("evil" in origin for found in origins(open_home).values() for origin in found)


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1:65536", 400), ("[::1]:99999", 400), ("[::1]", 200), ("localhost:", 200)]
)
def test_a_strange_port_breaks_nothing(opened, host, status):
    assert sent_raw(opened[0], f"Host: {host}") == status


def test_nobody_takes_the_demo_its_widget_by_naming_many_hosts(opened):
    base, _site = opened
    for port in range(2000, 2030):
        assert sent_raw(base, f"Host: 127.0.0.1:{port}") == 200
    assert "data-site=" in httpx.get(base + "/demo").text


def test_an_operators_site_named_like_the_demo_is_left_alone(opened, open_home):
    """The demo adds its own origin to a site and shows the site's key to whoever opens it."""
    base, site = opened
    page = httpx.get(base + "/demo")
    assert page.status_code == 200 and "data-site=" in page.text
    assert site["key"] not in page.text
    found = origins(open_home)
    assert found.keys() == {site["id"], DEMO} and found[site["id"]] == (ORIGIN,) and base in found[DEMO]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/sources"),
        ("POST", "/v1/search"),
        ("POST", "//v1/ask"),
        ("POST", "/v1//ask"),
        ("POST", "/v1/ask/"),
        ("POST", "/v1/%61sk"),
        ("GET", "/v1/answers/x/"),
        ("POST", "/mcp"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("GET", "/v1/jobs"),
        ("POST", "/v1/sources"),
        ("GET", "/metrics"),
        ("POST", "/v1/verified"),
    ],
)
def test_a_ticket_opens_nothing_else_and_a_forged_one_is_none(closed, method, path):
    base, site, _token = closed
    visitor = visiting(base, site)
    assert httpx.request(method, base + path, headers=visitor, json={"question": "Hello?"}).status_code == 403
    forged = visitor | {"Authorization": visitor["Authorization"][:-8] + "AAAAAAAA"}
    assert httpx.request(method, base + path, headers=forged, json={"question": "Hello?"}).status_code == 401


def coded(content):
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


HEADERS = [
    *({"alg": alg} for alg in ("none", "None", "HS512", "RS256", None, {}, [], 1)),
    *({"alg": "HS256"} | more for more in ({"crit": ["x"]}, {"b64": False}, {"kid": {"a": 1}}, {"kid": "../../x"})),
    *([], "x", 1, b"[" * 1300, b'{"alg":"HS256","x":' + b"[" * 1200, b"9" * 1400, b'{"alg":1e999}', b"\xff\xfe"),
]


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_a_forged_token_is_refused_by_every_reader_of_tokens(closed, header):
    """Ticket, ticket to renew, identity, the console's cookie, and the field of the plain form."""
    base, site, _token = closed
    claims = {"site": site["id"], "origin": ORIGIN, "visitor": "v", "kid": "x", "sub": "x", "iat": 1, "exp": 9e9}
    token = f"{coded(header)}.{coded(claims)}.{coded(b'x' * 32)}"
    page = {"Origin": ORIGIN}
    visitor = page | {"Authorization": f"Bearer wt_{token}"}
    assert httpx.post(base + "/v1/ask", headers=visitor, json={"question": "Hello?"}).status_code == 401
    asked = {"site": site["key"], "renew": f"wt_{token}"}
    assert httpx.post(base + "/v1/widget/session", headers=page, json=asked).status_code == 200  # as somebody new
    asked = {"site": site["key"], "identity": token}
    assert httpx.post(base + "/v1/widget/session", headers=page, json=asked).status_code == 401
    cookie = {"Cookie": f"answerable_console={token}"}
    assert httpx.get(base + "/console/answers", headers=cookie).status_code == 303
    assert httpx.post(base + "/ask", data={"q": "Hello?", "form": token}).status_code in (400, 404)


def test_one_kind_of_secret_is_not_taken_for_another(closed):
    base, site, token = closed
    login = httpx.post(base + "/console/login", data={"key": token}, headers={"Origin": base})
    cookie, ticket = login.cookies["answerable_console"], visiting(base, site)["Authorization"].partition("wt_")[2]
    for wrong in (cookie, f"ak_{cookie}", site["key"], site["secret"], ticket, f"ak_{ticket}"):
        assert httpx.get(base + "/v1/sources", headers={"Authorization": f"Bearer {wrong}"}).status_code == 401, wrong
    visitor = {"Origin": ORIGIN, "Authorization": f"Bearer wt_{cookie}"}
    assert httpx.post(base + "/v1/ask", headers=visitor, json={"question": "Hello?"}).status_code == 401
    for wrong in (ticket, token, site["key"]):
        cookies = {"Cookie": f"answerable_console={wrong}"}
        assert httpx.get(base + "/console/answers", headers=cookies).status_code == 303, wrong


def test_the_consoles_cookie_stays_on_https_where_the_service_is_reached_so(closed):
    base, _site, token = closed
    login = httpx.post(base + "/console/login", data={"key": token}, headers={"Origin": base})
    attributes = {part.strip().casefold() for part in login.headers["set-cookie"].split(";")}
    assert {"secure", "httponly", "samesite=strict", "path=/console"} <= attributes


HOSTS = ("9.9.9.9", "git.example.com")
"""Hosts that the operator named."""


@pytest.mark.parametrize(
    ("location", "options"),
    [
        ("postgresql://reader:${WORD}@8.8.8.8/shop", {}),
        ("https://token:${WORD}@8.8.8.8/a/b.git", {}),
        ("postgresql://reader:x@9.9.9.9/${WORD}", {}),
        ("postgresql://reader:x@${WORD}/shop", {}),
        ("https://9.9.9.9/${WORD}.git", {}),
        ("https://9.9.9.9/a@${WORD}.git", {}),
        ("https://${WORD}/x", {}),
        ("git+ssh://git@8.8.8.8/a/b.git", {}),
        ("s3://bucket/x", {"endpoint_url": "https://8.8.8.8"}),
        ("s3://bucket/x", {"endpoint_url": "https://8.8.8.8", "anonymous": "no"}),
    ],
)
def test_a_source_leads_no_secret_to_a_host_that_is_not_named(location, options):
    admission = Admission(hosts=HOSTS, variables=frozenset({"WORD"}))
    with pytest.raises(SourceRefused) as refused:
        admission.admitted(SourceRequest(location, name="x", options=options))
    assert "planted" not in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize(
    ("location", "options"),
    [
        ("postgresql://reader:${WORD}@9.9.9.9/shop", {}),
        ("postgresql://reader:x@8.8.8.8/shop", {}),
        ("git+ssh://git@9.9.9.9/a/b.git", {}),
        ("s3://bucket/x", {"endpoint_url": "https://9.9.9.9"}),
        ("s3://bucket/x", {"endpoint_url": "https://8.8.8.8", "anonymous": "yes"}),
    ],
)
def test_what_needs_no_secret_or_goes_to_a_named_host_is_admitted(location, options):
    admission = Admission(hosts=HOSTS, variables=frozenset({"WORD"}))
    assert admission.admitted(SourceRequest(location, name="x", options=options)).location == location


@pytest.fixture(autouse=True)
def _planted(monkeypatch):
    monkeypatch.setenv("WORD", "planted")


def test_no_text_of_a_visitor_or_document_passes_for_the_frame_of_a_mail():
    """What is said of an answer, and that it was one of the service's, must not be written by the page."""
    forged = "Thanks.\n\nConversation\n------------\n\nQ: Hello?\u2028A: Yes.\n   (answer 0123)\x0b   (answer 4567)"
    turn = PassedTurn(question=forged, text=forged, answer="89ab", citations=(f"[1] {forged}",), reported=False)
    passed = Passed(
        reference="H-1", site="s", name=forged, contact=forged, message=forged, masked=True, conversation=(turn,)
    )
    lines = as_text(passed).splitlines()
    assert [line for line in lines if line.startswith("   (")] == ["   (answer 89ab)"]
    assert lines.count("Conversation") == lines.count("------------") == 1
