"""How often one may ask: by key, by visitor, by address; in memory, in Redis, and with a Redis that is down."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
import uuid

import httpx
import pytest

from app.api.limits import Limits, address_group
from app.errors import RateLimited
from app.ops.windows import Windows
from app.settings import Settings
from tests.api.widget_pages import ORIGIN, code, keys, linked_home, made, made_site, session, visiting

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/9")
CHEAP = {"question": " "}
"""Refused with 400 once the caller is known and counted."""


@pytest.fixture(scope="module")
def limited_home(sample_home, tmp_path_factory):
    home = linked_home(sample_home, tmp_path_factory.mktemp("limits"))
    return home, made_site(home), [made(home, "add", "--role", "owner")["token"] for _ in range(2)]


@pytest.fixture(scope="module")
def limited(limited_home, serve):
    """A service that needs keys and allows little: base URL, site, two keys."""
    home, site, tokens = limited_home
    rates = {"KEY": "8/minute", "VISITOR": "3/minute", "ADDRESS": "6/minute"}
    env = {f"ANSWERABLE_RATE_PER_{name}": rate for name, rate in rates.items()}
    with serve(home, ANSWERABLE_REQUIRE_KEY="true", **env) as base:
        yield base, site, tokens


@pytest.fixture
def address():
    """A client of an address of its own, behind the proxy that tests are."""
    return {"X-Forwarded-For": ".".join(["10", *(str(byte) for byte in uuid.uuid4().bytes[:3])])}


def keyed(token):
    return {"Authorization": f"Bearer {token}"}


def statuses(count, send):
    return [send().status_code for _ in range(count)]


def over_api(base, token, address):
    return httpx.get(base + "/v1/sources", headers=keyed(token) | address)


def over_openai(base, token, address):
    return httpx.get(base + "/v1/models", headers=keyed(token) | address)


def over_mcp(base, token, address):
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}
    return httpx.post(base + "/mcp", json=call, headers=headers | keyed(token) | address, timeout=30)


def over_console(base, token, address):
    headers = {"Origin": base} | address
    return httpx.post(base + "/console/login", data={"key": token}, headers=headers, follow_redirects=False)


SURFACES = {"api": over_api, "openai": over_openai, "mcp": over_mcp, "console": over_console}
"""Whatever takes a key."""


def refused(reply):
    """Seconds to wait as a refusal says."""
    assert code(reply) == (429, "rate_limited")
    wait_s = int(reply.headers["retry-after"])
    assert f"{wait_s} s" in reply.json()["error"]["hint"]
    return wait_s


def test_a_key_has_its_own_window(limited, address):
    base, _, tokens = limited
    assert statuses(8, lambda: httpx.get(base + "/v1/sources", headers=keyed(tokens[0]))) == [200] * 8
    reply = httpx.post(base + "/v1/search", json={"query": "x"}, headers=keyed(tokens[0]))
    assert 50 <= refused(reply) <= 60
    other_address = httpx.get(base + "/v1/sources", headers=keyed(tokens[0]) | address)
    assert other_address.status_code == 429
    assert httpx.get(base + "/v1/sources", headers=keyed(tokens[1])).status_code == 200


def test_a_visitor_has_a_window_and_an_address_one_for_all_its_visitors(limited, address):
    base, site, _ = limited
    one = visiting(base, site, headers=address) | address
    assert statuses(3, lambda: httpx.post(base + "/v1/ask", json=CHEAP, headers=one)) == [400] * 3
    reply = httpx.post(base + "/v1/ask", json=CHEAP, headers=one)
    assert refused(reply) > 50
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["access-control-expose-headers"] == "x-trace-id, retry-after"
    two = visiting(base, site, headers=address) | address
    assert httpx.post(base + "/v1/ask", json=CHEAP, headers=two).status_code == 400
    assert refused(httpx.post(base + "/v1/ask", json=CHEAP, headers=two))  # two sessions and four requests
    assert refused(session(base, site, headers=address))


def test_renewing_a_ticket_gives_no_new_window(limited, address):
    base, site, _ = limited
    ticket = session(base, site, headers=address).json()["ticket"]
    elsewhere = {"X-Forwarded-For": "192.0.2.77"}
    for _ in range(3):
        httpx.post(base + "/v1/ask", json=CHEAP, headers=elsewhere | {"Origin": ORIGIN} | keyed(ticket))
    again = visiting(base, site, renew=ticket)
    assert refused(httpx.post(base + "/v1/ask", json=CHEAP, headers=again | address))


@pytest.mark.parametrize("surface", SURFACES)
def test_guessing_keys_ends_and_locks_nobody_out(limited_home, limited, address, surface):
    base = limited[0]
    own, ended = (made(limited_home[0], "add", "--role", "owner") for _ in range(2))
    keys(limited_home[0], "revoke", ended["id"])
    send = SURFACES[surface]
    # wrong in every way: the id of a key that exists, one that does not, no key's form at all
    wrong = [f"ak_{own['id']}_{'x' * 43}", f"ak_00000000_{'x' * 43}", "nonsense"]
    assert [send(base, wrong[n % 3], address).status_code for n in range(6)] == [401] * 6
    for token in wrong:
        reply = send(base, token, address)
        assert reply.status_code == 429
        assert 50 <= int(reply.headers["retry-after"]) <= 60
        assert "set-cookie" not in reply.headers
    # a colleague behind the same address
    assert send(base, own["token"], address).status_code in (200, 303)
    # a key that has ended is told so, being known; at the form it is one more failed login
    assert send(base, ended["token"], address).status_code == (429 if surface == "console" else 401)
    assert send(base, wrong[0], address).status_code == 429


def test_no_key_forged_tickets_and_sessions_count_for_the_address(limited, address):
    base, site, _ = limited
    forged = {"Origin": ORIGIN, "Authorization": "Bearer wt_x"} | address
    assert statuses(2, lambda: httpx.get(base + "/v1/sources", headers=address)) == [401] * 2
    assert statuses(2, lambda: httpx.post(base + "/v1/ask", json=CHEAP, headers=forged)) == [401] * 2
    assert session(base, {"key": "pk_unknown"}, headers=address).status_code == 401
    assert session(base, site, headers=address).status_code == 200
    for reply in (httpx.get(base + "/v1/sources", headers=address), session(base, site, headers=address)):
        assert refused(reply)


def test_guesses_at_one_surface_count_at_all(limited, address):
    base = limited[0]
    send = list(SURFACES.values())
    assert [send[n % len(send)](base, f"ak_0_{n}", address).status_code for n in range(6)] == [401] * 6
    assert [each(base, "ak_0_x", address).status_code for each in send] == [429] * len(send)
    said = SURFACES["console"](base, "ak_0_x", address)
    assert "Too many requests" in said.text


def test_an_address_that_asked_without_a_key_too_often_locks_no_key_out(limited, address):
    base, _, tokens = limited
    assert statuses(6, lambda: httpx.get(base + "/v1/sources", headers=address)) == [401] * 6
    assert refused(httpx.get(base + "/v1/sources", headers=address))
    assert httpx.get(base + "/v1/sources", headers=keyed(tokens[1]) | address).status_code == 200


def test_health_is_not_counted(limited, address):
    base = limited[0]
    assert statuses(12, lambda: httpx.get(base + "/healthz", headers=address)) == [200] * 12


def test_the_window_moves_and_retry_after_is_right(limited_home, serve):
    home, _, tokens = limited_home
    with (
        serve(home, ANSWERABLE_REQUIRE_KEY="true", ANSWERABLE_RATE_PER_KEY="3/second") as base,
        httpx.Client() as client,
    ):
        ask = lambda: client.get(base + "/v1/sources", headers=keyed(tokens[0]))  # noqa: E731
        found = statuses(4, ask)
        if found[-1] != 429:  # the machine was too busy to send four within a second
            pytest.skip("four requests took more than a second")
        assert found == [200, 200, 200, 429]
        reply = ask()
        while reply.status_code == 200:
            reply = ask()
        time.sleep(int(reply.headers["retry-after"]))
        assert ask().status_code == 200


def test_on_loopback_without_keys_the_owner_is_not_limited(limited_home, serve):
    home, site, _ = limited_home
    rates = {f"ANSWERABLE_RATE_PER_{name}": "2/minute" for name in ("KEY", "VISITOR", "ADDRESS")}
    with serve(home, **rates) as base:
        assert statuses(8, lambda: httpx.get(base + "/v1/sources")) == [200] * 8
        assert statuses(5, lambda: httpx.get(base + "/v1/sources", headers=keyed("ak_0_x"))) == [401] * 5
        visitor = visiting(base, site)
        assert statuses(3, lambda: httpx.post(base + "/v1/ask", json=CHEAP, headers=visitor)) == [400, 400, 429]
        outside = {"X-Forwarded-For": "198.51.100.7"}  # by a proxy on this machine
        assert [session(base, site, headers=outside).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("proxy", ["192.0.2.1", "127.0.0.1"])
def test_only_a_trusted_proxy_says_whose_address_it_is(limited_home, serve, proxy):
    home, site, _ = limited_home
    env = {"ANSWERABLE_RATE_PER_ADDRESS": "2/minute", "ANSWERABLE_TRUSTED_PROXIES": proxy}
    with serve(home, ANSWERABLE_REQUIRE_KEY="true", **env) as base:
        found = [session(base, site, headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code for n in range(3)]
        assert found == ([200] * 3 if proxy == "127.0.0.1" else [200, 200, 429])
        # a client that names an address itself is counted by the one that the proxy added
        forged = [{"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.99"} for n in range(3)]
        found = [session(base, site, headers=headers).status_code for headers in forged]
        assert found == ([200, 200, 429] if proxy == "127.0.0.1" else [429] * 3)


@pytest.mark.service
def test_processes_count_together_in_redis(limited_home, serve):
    home = limited_home[0]
    token = made(home, "add", "--role", "owner")["token"]
    env = {"ANSWERABLE_LIMITS_URL": REDIS, "ANSWERABLE_RATE_PER_KEY": "5/minute", "ANSWERABLE_REQUIRE_KEY": "true"}
    with serve(home, **env) as one, serve(home, **env) as two:
        bases = [one, two, one, two, one, two, one]
        found = [httpx.get(base + "/v1/sources", headers=keyed(token)) for base in bases]
    assert [reply.status_code for reply in found] == [200] * 5 + [429] * 2
    assert 40 <= refused(found[-1]) <= 60


def test_a_redis_that_is_down_costs_no_answer(limited_home, serve, tmp_path):
    home = limited_home[0]
    token = made(home, "add", "--role", "owner")["token"]
    with socket.socket() as silent:  # takes connections and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"redis://:secret-word@127.0.0.1:{silent.getsockname()[1]}/0"
        env = {"ANSWERABLE_LIMITS_URL": url, "ANSWERABLE_RATE_PER_KEY": "5/minute", "ANSWERABLE_REQUIRE_KEY": "true"}
        with serve(home, **env) as base:
            started = time.monotonic()
            found = statuses(7, lambda: httpx.get(base + "/v1/sources", headers=keyed(token)))
            assert time.monotonic() - started < 8
            log = (home / f"server-{base.rpartition(':')[2]}.log").read_text()
    assert found == [200] * 5 + [429] * 2
    assert log.count("Redis cannot be used") == 1
    assert "secret-word" not in log


@pytest.mark.service
def test_a_redis_that_comes_back_counts_again(tmp_path, monkeypatch):
    monkeypatch.setattr("app.api.limits.RETRY_S", 0.05)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings(home=tmp_path, limits_url=f"redis://127.0.0.1:{port}/0", rate_per_key="1/minute")
    limits = Limits(settings)

    def is_counted_for_all():
        key = uuid.uuid4().hex
        limits.check_key(key)
        try:
            Limits(settings).check_key(key)
        except RateLimited:
            return True
        return False

    assert not is_counted_for_all()
    server = subprocess.Popen(["redis-server", "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + 20
        while not is_counted_for_all() and time.monotonic() < give_up:
            time.sleep(0.1)
        assert is_counted_for_all()
    finally:
        server.terminate()
        server.wait(timeout=10)


@pytest.mark.parametrize("url", ["redis:", "http://127.0.0.1", "memory://", "127.0.0.1:6379", "redis://127.0.0.1:x/0"])
def test_an_address_of_redis_that_is_none_stops_the_start(cli, tmp_path, url):
    run = cli(tmp_path, "serve", "--port", "0", ANSWERABLE_LIMITS_URL=url)
    assert run.returncode != 0
    assert "ANSWERABLE_LIMITS_URL" in run.stderr


@pytest.mark.parametrize("rate", ["0/minute", "10", "10/week", "-1/second", "10 / minute"])
def test_a_rate_that_is_none_stops_the_start(cli, tmp_path, rate):
    run = cli(tmp_path, "serve", "--port", "0", ANSWERABLE_RATE_PER_KEY=rate)
    assert run.returncode == 1
    assert "ANSWERABLE_RATE_PER_KEY" in run.stderr
    assert "600/minute" in run.stderr


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "elsewhere"),
        ("x" * 5000, "elsewhere"),
        ("2001:db8::1, evil", "elsewhere"),
    ],
)
def test_addresses_count_by_subscriber(host, group):
    assert address_group(host) == group


def test_many_addresses_do_not_fill_the_memory():
    windows = Windows(most_names=100, most_moments=150)
    for n in range(1000):
        assert windows.acquire_entry(f"address/{n}", 5, 60)
    assert sum(windows.get(f"address/{n}") for n in range(1000)) == 100
    for _ in range(1000):
        windows.acquire_entry("one", 400, 60)
    assert windows.get("one") == 400
    assert windows.get_moving_window("one", 400, 60)[1] == 400
    assert windows.reset() == 1


def test_a_name_that_has_not_been_heard_of_is_forgotten():
    windows = Windows()
    assert windows.acquire_entry("x", 1, 1)
    assert not windows.acquire_entry("x", 1, 1)
    time.sleep(1.05)
    assert windows.get_moving_window("x", 1, 1)[1] == 0
    assert windows.get("x") == 0
    assert re.fullmatch("None|0", str(windows.reset()))
