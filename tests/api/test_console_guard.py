"""The console as a whole: forged requests, forged and ended sessions, roles, redirects, headers."""

import re
import sqlite3
import time

import httpx
import jwt
import pytest
from console_parts import locked_console, looking

from app.ops.keys import KeyStore
from app.ops.secrets_kept import kept_secret
from app.web.console.routes import console_router

COOKIE = "answerable_console"
CHANGED_BY_POST = ("keys", "sites", "prompt_labels", "verified")
OWNERS_PAGES = (
    "/console/prompts",
    "/console/prompts/plan_sql",
    "/console/keys",
    "/console/usage",
    "/console/sites/new",
)


def handled():
    """Method and path of every handler of the console, with a value for each of its parameters."""
    found = []
    for route in console_router().routes:
        path = re.sub(r"\{[^}]*\}", "some", route.path)
        found += [(method, path) for method in sorted(route.methods) if method not in ("OPTIONS", "HEAD")]
    return found


CHANGING = [(method, path) for method, path in handled() if method != "GET"]
PAGES = [path for method, path in handled() if method == "GET" and "/static/" not in path]


@pytest.fixture(scope="module")
def console(serve, sample_home, tmp_path_factory):
    home = tmp_path_factory.mktemp("guarded-home")
    with locked_console(serve, sample_home, home) as (base, tokens):
        yield base, tokens, home


@pytest.fixture
def owner(console):
    base, tokens, _ = console
    with looking(base, tokens["owner"]) as client:
        yield client


@pytest.fixture
def analyst(console):
    base, tokens, _ = console
    with looking(base, tokens["analyst"]) as client:
        yield client


def state(home):
    with sqlite3.connect(home / "state.db") as connection:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in CHANGED_BY_POST}


def test_there_is_something_to_guard():
    assert ("POST", "/console/keys") in CHANGING and ("POST", "/console/logout") in CHANGING
    assert "/console/usage" in PAGES


FORGED = {
    "no origin": {},
    "another origin": {"Origin": "https://evil.example"},
    "no origin to speak of": {"Origin": "null"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "from another site": {"Origin": "SELF", "Sec-Fetch-Site": "cross-site"},
    "from a sister site": {"Origin": "SELF", "Sec-Fetch-Site": "same-site"},
    "typed into the address bar": {"Origin": "SELF", "Sec-Fetch-Site": "none"},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_what_changes_something_must_come_from_the_console(console, forged):
    base, tokens, home = console
    with looking(base, tokens["owner"]) as client:
        cookie = client.cookies[COOKIE]
    before = state(home)
    headers = {name: base if value == "SELF" else value for name, value in forged.items()}
    with httpx.Client(base_url=base, headers=headers, cookies={COOKIE: cookie}) as attacker:
        for method, path in CHANGING:
            answer = attacker.request(method, path, data={"role": "owner", "key": tokens["owner"]})
            assert answer.status_code == 403, (method, path)
            assert "set-cookie" not in answer.headers
    assert state(home) == before


def test_looking_at_pages_changes_nothing(console, owner):
    *_, home = console
    owner.post("/console/keys", data={"role": "visitor", "name": "looked at"})
    before = state(home)
    for path in PAGES:
        page = owner.get(path, params={"role": "owner", "name": "x", "label": "production", "version": "file"})
        assert page.status_code < 500, path
    assert state(home) == before


SECRETS = {
    "no signature": lambda claims, _secret: jwt.encode(claims, None, "none"),
    "another secret": lambda claims, _secret: jwt.encode(claims, "f" * 64, "HS256"),
    "another algorithm": lambda claims, secret: jwt.encode(claims, secret, "HS512"),
    "expired": lambda claims, secret: jwt.encode(claims | {"exp": int(time.time()) - 1}, secret, "HS256"),
    "without an end": lambda claims, secret: jwt.encode({"kid": claims["kid"]}, secret, "HS256"),
    "without a key": lambda claims, secret: jwt.encode({"exp": claims["exp"]}, secret, "HS256"),
    "an unknown key": lambda claims, secret: jwt.encode(claims | {"kid": "none"}, secret, "HS256"),
    "nonsense": lambda _claims, _secret: "a.b.c",
}


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
@pytest.mark.parametrize("forge", SECRETS.values(), ids=SECRETS)
def test_a_session_that_was_not_given_opens_nothing(console, forge):
    base, _, home = console
    owner = next(key for key in KeyStore(home / "state.db").all() if key.role == "owner")
    claims = {"kid": owner.id, "exp": int(time.time()) + 600}
    cookie = forge(claims, kept_secret(home / "state.db", "console"))
    with httpx.Client(base_url=base, cookies={COOKIE: cookie}) as client:
        for path in ("/console/keys", "/console/usage?format=csv"):
            answer = client.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/console/login?next=")
            assert b"owners" not in answer.content


def test_the_right_secret_makes_a_session_that_opens_the_page(console):
    base, _, home = console
    owner = next(key for key in KeyStore(home / "state.db").all() if key.role == "owner")
    claims = {"kid": owner.id, "exp": int(time.time()) + 600}
    cookie = jwt.encode(claims, kept_secret(home / "state.db", "console"), "HS256")
    assert httpx.get(base + "/console/keys", cookies={COOKIE: cookie}).status_code == 200


def test_a_revoked_key_ends_its_sessions(console, owner):
    base, _, home = console
    key, token = KeyStore(home / "state.db").add("owner", name="leaves")
    with looking(base, token) as leaving:
        assert leaving.get("/console/usage").status_code == 200
        assert owner.post(f"/console/keys/{key.id}/revoke").status_code == 303
        assert leaving.get("/console/usage").headers["location"] == "/console/login?next=/console/usage"
        assert leaving.post("/console/keys", data={"role": "owner"}).status_code == 303
    assert "expired or was revoked" not in owner.get("/console/usage").text


def test_an_expired_key_ends_its_sessions(console):
    base, _, home = console
    _, token = KeyStore(home / "state.db").add("owner", name="short", expires_at=time.time() + 1.5)
    with looking(base, token) as short:
        assert short.get("/console/usage").status_code == 200
        time.sleep(1.6)
        assert short.get("/console/usage").status_code == 303


@pytest.mark.parametrize("path", OWNERS_PAGES)
def test_an_analyst_does_not_see_owners_pages(analyst, path):
    answer = analyst.get(path)
    assert answer.status_code == 403
    assert "for owners" in answer.text
    assert analyst.get(path, params={"format": "csv"}).status_code == 403


def test_an_analyst_does_not_find_owners_pages_in_the_navigation(analyst, owner):
    shown = analyst.get("/console/usage").text
    assert 'href="/console/keys"' not in shown
    assert 'href="/console/keys"' in owner.get("/console/usage").text


@pytest.mark.parametrize(
    "path", [path for _, path in CHANGING if path.startswith(("/console/keys", "/console/sites", "/console/prompts"))]
)
def test_an_analyst_cannot_change_what_is_the_owners(console, analyst, path):
    *_, home = console
    before = state(home)
    form = {"role": "owner", "name": "x", "origins": "https://a.example", "label": "production", "note": "n"}
    assert analyst.post(path, data=form).status_code == 403
    assert state(home) == before


def test_an_owner_of_some_sources_is_no_owner_of_the_service(console):
    base, _, home = console
    _, token = KeyStore(home / "state.db").add("owner", sources=["shop"])
    with looking(base, token) as limited:
        assert [limited.get(path).status_code for path in OWNERS_PAGES] == [403] * len(OWNERS_PAGES)
        assert limited.post("/console/keys", data={"role": "owner"}).status_code == 403


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/console//evil.example",
        "/console/\\evil.example",
        "/consoles",
        "javascript:alert(1)",
        "/console/\r\nSet-Cookie: a=b",
        "",
    ],
)
def test_the_login_leads_to_pages_of_the_console_only(console, elsewhere):
    base, tokens, _ = console
    with looking(base) as client:
        answer = client.post("/console/login", data={"key": tokens["owner"], "next": elsewhere})
        assert (answer.status_code, answer.headers["location"]) == (303, "/console")


def test_the_login_leads_back(console):
    base, tokens, _ = console
    with looking(base) as client:
        asked = client.get("/console/usage")
        assert asked.headers["location"] == "/console/login?next=/console/usage"
        back = client.post("/console/login", data={"key": tokens["owner"], "next": "/console/usage"})
        assert back.headers["location"] == "/console/usage"
        assert client.get(back.headers["location"]).status_code == 200


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(console):
    base, tokens, _ = console
    with looking(base) as client:
        set_cookie = client.post("/console/login", data={"key": tokens["owner"]}).headers["set-cookie"].casefold()
    assert {"httponly", "samesite=strict", "path=/console"} <= {part.strip() for part in set_cookie.split(";")}


def test_the_cookie_of_a_service_behind_https_never_travels_in_clear(console):
    base, tokens, _ = console
    with looking(base) as client:
        answer = client.post("/console/login", data={"key": tokens["owner"]}, headers={"X-Forwarded-Proto": "https"})
    assert "secure" in answer.headers["set-cookie"].casefold()


def test_logging_out_ends_the_session_here(owner):
    assert owner.get("/console/usage").status_code == 200
    out = owner.post("/console/logout")
    assert (out.status_code, out.headers["location"]) == (303, "/console/login")
    assert owner.get("/console/usage").status_code == 303


def test_a_part_for_htmx_leads_to_the_login_as_a_whole(console):
    base, *_ = console
    with looking(base) as client:
        answer = client.get("/console/usage", headers={"HX-Request": "true"})
        assert answer.headers["hx-redirect"].startswith("/console/login")


@pytest.mark.parametrize("path", [*OWNERS_PAGES, "/console/login", "/console/keys?format=csv", "/console/prompts/none"])
def test_no_page_can_be_framed_cached_or_scripted_from_elsewhere(owner, path):
    answer = owner.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["form-action"] == policy["style-src"] == "'self'"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", answer.text)


def test_the_console_can_be_switched_off(serve, sample_home):
    with serve(sample_home, ANSWERABLE_CONSOLE="off") as base:
        assert httpx.get(base + "/console/login").status_code == 404
