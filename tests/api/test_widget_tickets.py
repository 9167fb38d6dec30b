"""Tickets of visitors: who gets one, what it opens, and what does not pass for one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import httpx
import jwt
import pytest

from app.ops.secrets_kept import kept_secret
from app.ops.sites import SiteStore
from app.ops.tickets import Tickets
from tests.api.widget_pages import ORIGIN, code, keys, linked_home, made, made_site, session, visiting

ASKED = {"question": "How long do I have to return something?"}
OTHER = "https://shop.example.org"


@pytest.fixture(scope="module")
def site_home(sample_home, tmp_path_factory):
    return linked_home(sample_home, tmp_path_factory.mktemp("tickets"))


@pytest.fixture(scope="module")
def site(site_home):
    return made_site(site_home, "--example", "How do I return something?", "--handover", "mail:desk@example.com")


@pytest.fixture(scope="module")
def other_site(site_home):
    return made_site(site_home, "--source", "shop", "--handover", "link:https://example.org/", origin=OTHER)


@pytest.fixture(scope="module")
def base(site_home, serve, site, other_site):
    """A service that needs keys, on loopback."""
    made(site_home, "add", "--role", "owner")
    with serve(site_home, ANSWERABLE_REQUIRE_KEY="true", ANSWERABLE_RATE_PER_ADDRESS="off") as address:
        yield address


@pytest.fixture(scope="module")
def secret(site_home):
    return kept_secret(site_home / "state.db", "tickets")


def identity(site, **claims):
    return jwt.encode({"sub": "user-17", "exp": int(time.time()) + 300} | claims, site["secret"], "HS256")


def visitor_of(base, site, **body):
    ticket = session(base, site, **body).json()["ticket"]
    return jwt.decode(ticket.removeprefix("wt_"), options={"verify_signature": False})["visitor"]


def ask(base, headers, body=ASKED):
    return httpx.post(base + "/v1/ask", json=body, headers=headers, timeout=60)


def test_a_page_of_the_site_gets_a_ticket_and_what_the_widget_shows(base, site):
    told = session(base, site).json()
    assert told["ticket"].startswith("wt_")
    assert told["expires_in_s"] == 900
    assert told["question_max_chars"] == 4000
    assert told["site"] == {
        "name": "Help",
        "title": "",
        "greeting": "",
        "examples": ["How do I return something?"],
        "handover": {"kind": "mail", "target": ""},
    }


def test_the_target_of_a_link_is_told_and_no_address(base, other_site):
    told = session(base, other_site, origin=OTHER).json()
    assert told["site"]["handover"] == {"kind": "link", "target": "https://example.org/"}


def test_a_ticket_asks_and_reads_its_own_answer(base, site):
    headers = visiting(base, site)
    answer = ask(base, headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    read = httpx.get(f"{base}/v1/answers/{answer.json()['id']}", headers=headers, timeout=60)
    assert read.json()["id"] == answer.json()["id"]


def test_one_visitor_does_not_read_what_another_was_told(base, site, other_site):
    one, two = visiting(base, site), visiting(base, site)
    path = f"{base}/v1/answers/{ask(base, one).json()['id']}"
    elsewhere = visiting(base, other_site, origin=OTHER)
    for end in ("", "/chart.svg"):
        assert code(httpx.get(path + end, headers=two, timeout=60)) == (404, "not_found")
        assert code(httpx.get(path + end, headers=elsewhere, timeout=60)) == (404, "not_found")


def test_conversations_of_two_visitors_of_one_site_are_apart(base, site):
    one, two = visiting(base, site), visiting(base, site)
    first = {"question": "How many products are there?", "session": "same name"}
    follow = {"question": "which ones?", "session": "same name"}
    assert ask(base, one, first).json()["status"] == "answered"
    assert ask(base, two, follow).json()["understood_as"] is None
    assert ask(base, one, follow).json()["understood_as"] is not None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/search"),
        ("GET", "/v1/sources"),
        ("POST", "/v1/sql/check"),
        ("GET", "/v1/verified"),
        ("GET", "/metrics"),
        ("GET", "/v1/admin/cost"),
        ("GET", "/v1/sources/shop/quality"),
        ("POST", "/v1/ask/"),
        ("POST", "//v1/ask"),
        ("GET", "/v1/answers/"),
    ],
)
def test_nothing_else_takes_a_ticket(base, site, method, path):
    body = {"json": {"query": "x", "sql": "SELECT 1", "question": "x"}} if method == "POST" else {}
    reply = httpx.request(method, base + path, headers=visiting(base, site), **body)
    assert reply.status_code in (403, 404, 405), reply.text
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize("origin", [OTHER, "https://evil.example", "null", ORIGIN + ".", ORIGIN.upper(), None])
def test_a_ticket_is_for_one_origin(base, site, origin):
    headers = visiting(base, site)
    del headers["Origin"]
    reply = ask(base, headers | ({"Origin": origin} if origin else {}))
    assert code(reply) == (403, "origin_not_allowed")


def test_a_ticket_of_the_services_own_page_reads_without_an_origin_header(base, site_home):
    own = made_site(site_home, origin=base, name="Demo")
    headers = visiting(base, own, origin=base)
    identity_of = ask(base, headers).json()["id"]
    del headers["Origin"]  # browsers send none when a page reads from its own server
    assert httpx.get(f"{base}/v1/answers/{identity_of}", headers=headers, timeout=60).status_code == 200
    assert code(ask(base, headers)) == (403, "origin_not_allowed")


def unsigned(claims, header):
    parts = (json.dumps(part).encode() for part in (header, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def claims_of(site, /, **changed):
    now = int(time.time())
    return {"site": site["id"], "origin": ORIGIN, "visitor": "v_1", "iat": now, "exp": now + 600} | changed


def signed_by_the_public_key(site, secret):
    """The classical confusion: a token that says RS256 and is signed with something else as an HMAC."""
    head = unsigned(claims_of(site), {"alg": "RS256", "typ": "JWT"})
    mac = hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest()
    return head + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


FORGED = {
    "another secret": lambda site, secret: jwt.encode(claims_of(site), "x" * 64, "HS256"),
    "the site's own secret": lambda site, secret: jwt.encode(claims_of(site), site["secret"], "HS256"),
    "the publishable key": lambda site, secret: jwt.encode(claims_of(site), site["key"] * 2, "HS256"),
    "alg none": lambda site, secret: unsigned(claims_of(site), {"alg": "none"}) + ".",
    "alg NoNe": lambda site, secret: unsigned(claims_of(site), {"alg": "NoNe"}) + ".",
    "RS256 confusion": signed_by_the_public_key,
    "HS512": lambda site, secret: jwt.encode(claims_of(site), secret, "HS512"),
    "no signature": lambda site, secret: jwt.encode(claims_of(site), secret, "HS256").rpartition(".")[0] + ".",
    "cut": lambda site, secret: jwt.encode(claims_of(site), secret, "HS256")[:-3],
    "another visitor put in": lambda site, secret: _with_claims(site, secret, visitor="v_2"),
    "no claims": lambda site, secret: jwt.encode({}, secret, "HS256"),
    "claims of odd types": lambda site, secret: jwt.encode(claims_of(site, exp="tomorrow"), secret, "HS256"),
    "a visitor that is a list": lambda site, secret: jwt.encode(claims_of(site, visitor=["v_1"]), secret, "HS256"),
    "an unknown site": lambda site, secret: jwt.encode(claims_of(site, site="nope"), secret, "HS256"),
    "an origin that is none of the site's": lambda site, secret: jwt.encode(
        claims_of(site, origin="https://evil.example"), secret, "HS256"
    ),
    "empty": lambda site, secret: "",
    "dots": lambda site, secret: "....",
    "letters of no alphabet of ours": lambda site, secret: "é" * 40,
    "huge": lambda site, secret: "a" * 20_000,
    "a header nested deeply": lambda site, secret: base64.urlsafe_b64encode(b"[" * 2900).decode() + ".e30.AA",
    "a key named in the header": lambda site, secret: unsigned(claims_of(site), {"alg": "HS256", "kid": "../../etc"}) + ".AA",
    "the console's session": lambda site, secret: jwt.encode({"kid": "1", "exp": time.time() + 60}, secret + "x", "HS256"),
}  # fmt: skip


def _with_claims(site, secret, **changed):
    """A good ticket whose claims were exchanged under its signature."""
    head, _, mac = jwt.encode(claims_of(site), secret, "HS256").split(".")
    content = json.dumps(claims_of(site, **changed)).encode()
    return ".".join((head, base64.urlsafe_b64encode(content).rstrip(b"=").decode(), mac))


def test_a_ticket_made_as_the_service_does_passes(base, site, secret):
    made_here = "wt_" + jwt.encode(claims_of(site), secret, "HS256")
    assert ask(base, {"Origin": ORIGIN, "Authorization": f"Bearer {made_here}"}).status_code == 200


@pytest.mark.parametrize("way", FORGED)
def test_a_forged_ticket_opens_nothing(base, site, secret, way):
    token = "wt_" + FORGED[way](site, secret)
    headers = {"Origin": ORIGIN, "Authorization": f"Bearer {token}".encode("latin-1")}
    assert code(ask(base, headers)) == (401, "ticket_not_valid")


def test_an_expired_ticket_says_so(base, site, secret):
    ended = jwt.encode(claims_of(site, exp=int(time.time()) - 1), secret, "HS256")
    reply = ask(base, {"Origin": ORIGIN, "Authorization": f"Bearer wt_{ended}"})
    assert code(reply) == (401, "ticket_expired")
    assert reply.headers["access-control-allow-origin"] == ORIGIN  # the widget must be able to read why


def test_two_authorization_headers_are_none(base, site):
    headers = visiting(base, site)
    both = [*headers.items(), ("Authorization", "Bearer ak_1_2")]
    assert ask(base, both).status_code == 401


@pytest.mark.parametrize("key", ["pk_nope", "", "pk_%s_x", "💥", "' OR 1=1 --"])
def test_an_unknown_site_gets_no_ticket(base, site, key):
    assert code(session(base, {"key": key})) == (401, "site_not_known")


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        OTHER,
        "http://help.example.com",
        "https://help.example.com:8443",
        "https://help.example.com:443",
        "https://help.example.com/",
        "https://HELP.example.com",
        "https://help.example.com.",
        "https://a.help.example.com",
        "https://help.example.com.evil.example",
        "https://help.example.com@evil.example",
        "https://hélp.example.com",
        "https://evil.example https://help.example.com",
    ],
)
def test_a_page_of_another_origin_gets_no_ticket(base, site, origin):
    reply = session(base, site, origin=origin.encode() if origin else origin)
    assert code(reply) == (403, "origin_not_allowed")
    assert reply.headers.get("access-control-allow-origin") in (None, OTHER)


def test_a_renewed_ticket_is_of_the_same_visitor(base, site, secret):
    first = session(base, site).json()["ticket"]
    visitor = jwt.decode(first.removeprefix("wt_"), options={"verify_signature": False})["visitor"]
    assert visitor_of(base, site, renew=first) == visitor
    over = "wt_" + jwt.encode(claims_of(site, exp=int(time.time()) - 3600), secret, "HS256")
    assert visitor_of(base, site, renew=over) == "v_1"


@pytest.mark.parametrize("change", ["a day over", "another site", "another origin", "forged", "no ticket"])
def test_what_cannot_be_renewed_makes_a_new_visitor(base, site, other_site, secret, change):
    renew = (
        "wt_"
        + {
            "a day over": lambda: jwt.encode(claims_of(site, exp=int(time.time()) - 86_401), secret, "HS256"),
            "another site": lambda: jwt.encode(claims_of(other_site), secret, "HS256"),
            "another origin": lambda: jwt.encode(claims_of(site, origin=OTHER), secret, "HS256"),
            "forged": lambda: jwt.encode(claims_of(site), "y" * 64, "HS256"),
            "no ticket": lambda: "💥",
        }[change]()
    )
    assert visitor_of(base, site, renew=renew) != "v_1"


def test_a_visitor_whom_the_site_knows_is_the_same_on_every_device(base, site, other_site):
    one = visitor_of(base, site, identity=identity(site))
    assert visitor_of(base, site, identity=identity(site)) == one
    assert visitor_of(base, site, identity=identity(site, sub="user-18")) != one
    assert visitor_of(base, other_site, origin=OTHER, identity=identity(other_site)) != one


def test_the_sites_id_of_a_user_is_kept_nowhere(base, site, site_home):
    name = "a-name-that-only-the-shop-knows-4711"
    headers = visiting(base, site, identity=identity(site, sub=name))
    answer = ask(base, headers).json()["id"]
    httpx.get(f"{base}/v1/answers/{answer}", headers=headers, timeout=60)
    kept = b"".join(path.read_bytes() for path in site_home.glob("state.db*"))
    assert answer.encode() in kept
    assert name.encode() not in kept
    assert name not in headers["Authorization"]


def test_who_was_proven_a_day_ago_is_so_no_longer(base, site, secret):
    now = int(time.time())
    for proven, same in ((now - 86_000, True), (now - 86_500, False)):
        renew = "wt_" + jwt.encode(claims_of(site, visitor="u_1", proven=proven), secret, "HS256")
        assert (visitor_of(base, site, renew=renew) == "u_1") is same


WRONG_IDENTITIES = {
    "another site's secret": lambda site, other: identity(other),
    "the publishable key": lambda site, other: jwt.encode(
        {"sub": "u", "exp": time.time() + 60}, site["key"] * 2, "HS256"
    ),
    "alg none": lambda site, other: unsigned({"sub": "u", "exp": int(time.time()) + 60}, {"alg": "none"}) + ".",
    "HS384": lambda site, other: jwt.encode({"sub": "u", "exp": time.time() + 60}, site["secret"] * 2, "HS384"),
    "expired": lambda site, other: identity(site, exp=int(time.time()) - 60),
    "more than a day": lambda site, other: identity(site, exp=int(time.time()) + 90_000),
    "no end": lambda site, other: jwt.encode({"sub": "u"}, site["secret"], "HS256"),
    "an endless end": lambda site, other: jwt.encode({"sub": "u", "exp": float("inf")}, site["secret"], "HS256"),
    "an end that is no time": lambda site, other: identity(site, exp="never"),
    "no subject": lambda site, other: jwt.encode({"exp": time.time() + 60}, site["secret"], "HS256"),
    "an empty subject": lambda site, other: identity(site, sub=""),
    "a subject that is a number": lambda site, other: _raw({"sub": 17, "exp": int(time.time()) + 60}, site["secret"]),
    "a long subject": lambda site, other: identity(site, sub="x" * 600),
    "not valid yet": lambda site, other: identity(site, nbf=int(time.time()) + 600),
    "no token": lambda site, other: "hello",
    "empty": lambda site, other: "",
    "nested deeply": lambda site, other: base64.urlsafe_b64encode(b"[" * 2900).decode() + ".e30.AA",
}


def _raw(claims, secret):
    """A token with claims that PyJWT would not write."""
    head = unsigned(claims, {"alg": "HS256", "typ": "JWT"})
    mac = hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest()
    return head + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


@pytest.mark.filterwarnings("ignore:.*below the minimum recommended length")
@pytest.mark.parametrize("way", WRONG_IDENTITIES)
def test_an_identity_that_the_site_did_not_sign_for_now_is_refused(base, site, other_site, way):
    reply = session(base, site, identity=WRONG_IDENTITIES[way](site, other_site))
    assert code(reply) == (401, "identity_not_valid")


def test_subjects_in_any_script_are_taken(base, site):
    assert visitor_of(base, site, identity=identity(site, sub="Zoë 💥")).startswith("u_")
    lone = _raw({"sub": "\ud800", "exp": int(time.time()) + 60}, site["secret"])
    assert visitor_of(base, site, identity=lone).startswith("u_")


@pytest.mark.parametrize("body", [{"renew": "x" * 5000}, {"identity": "x" * 5000}, {"renew": 1}, {"identity": ["x"]}])
def test_odd_requests_are_told_which_field_is_wrong(base, site, body):
    reply = session(base, site, **body)
    assert code(reply) == (400, "invalid_request")
    assert next(iter(body)) in reply.json()["error"]["message"]


def test_revoking_a_site_ends_its_tickets_at_once(base, site_home):
    doomed = made_site(site_home, name="Doomed", origin="https://doomed.example.com")
    headers = visiting(base, doomed, origin="https://doomed.example.com")
    assert ask(base, headers).status_code == 200
    keys(site_home, "site", "revoke", doomed["id"])
    assert code(ask(base, headers)) == (401, "ticket_not_valid")
    reply = session(base, doomed, origin="https://doomed.example.com")
    assert code(reply) == (401, "site_not_known")


def test_so_does_taking_the_origin_from_it(base, site_home):
    moved = made_site(site_home, name="Moved", origin="https://old.example.com")
    headers = visiting(base, moved, origin="https://old.example.com")
    keys(site_home, "site", "change", moved["id"], "--origin", "https://new.example.com")
    assert code(ask(base, headers)) == (401, "ticket_not_valid")


def test_a_site_that_ends_soon_gives_no_longer_tickets(tmp_path):
    from app.ops.site import SiteOptions

    site, _ = SiteStore(tmp_path / "state.db").add(
        SiteOptions(name="x", origins=(ORIGIN,)), expires_at=time.time() + 100
    )
    _, ticket = Tickets(tmp_path / "state.db", 900).issue(site, ORIGIN)
    assert 90 < ticket.exp - time.time() <= 100


def test_a_sites_sources_limit_its_visitors(base, other_site):
    headers = visiting(base, other_site, origin=OTHER)
    body = {"question": "How long do I have to return something?", "sources": ["help-centre"]}
    reply = ask(base, headers, body)
    assert code(reply) == (404, "not_found")
    assert "help-centre" not in reply.json()["error"]["hint"]


def test_expired_keys_say_so(base, site_home):
    key = made(site_home, "add", "--role", "owner", "--expires", "12h")
    headers = {"Authorization": f"Bearer {key['token']}"}
    assert httpx.get(base + "/v1/sources", headers=headers).status_code == 200
    with sqlite3.connect(site_home / "state.db") as state:
        state.execute("UPDATE keys SET expires_at = ? WHERE id = ?", (time.time() - 1, key["id"]))
    state.close()
    reply = httpx.get(base + "/v1/sources", headers=headers)
    assert code(reply) == (401, "key_expired")
    assert re.search(r"expired on 20\d\d-", reply.json()["error"]["message"])
    wrong = {"Authorization": f"Bearer {key['token'][:-1]}x"}
    assert code(httpx.get(base + "/v1/sources", headers=wrong)) == (401, "not_authenticated")


def documented(language):
    page = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text(encoding="utf-8")
    return re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)[1]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_documented_way_to_sign_an_identity_in_node_works(base, site):
    script = documented("js") + "console.log(identityToken('user-17'));"
    env = os.environ | {"SITE_SECRET": site["secret"]}
    token = subprocess.run(["node", "-e", script], env=env, capture_output=True, text=True, check=True).stdout.strip()
    assert visitor_of(base, site, identity=token) == visitor_of(base, site, identity=identity(site))


def test_the_documented_way_to_sign_an_identity_in_python_works(base, site, monkeypatch):
    example = documented("python")
    monkeypatch.setenv("SITE_SECRET", site["secret"])
    names: dict[str, object] = {}
    exec(compile(example, "docs/permissions.md", "exec"), names)
    one = visitor_of(base, site, identity=names["identity_token"]("user-17"))
    assert one == visitor_of(base, site, identity=identity(site))
