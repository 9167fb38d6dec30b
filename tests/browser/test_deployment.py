"""The reverse proxies and the unit of docs/operating.md, for real: what is written there, but for ports and paths."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from app.llm.scripted import scripted_server
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.other_origins import made_by
from tests.conftest import ROOT, SAMPLE, new_key, run_cli
from tests.connectors import tls
from tests.docs_examples import examples, free_port

pytestmark = [pytest.mark.deployment, pytest.mark.browser]
NAME, PAGE = "answers.example.com", "https://help.example.com"
PER_MINUTE = 12
WASH = "How do I wash a down jacket?"


def shown(language):
    """The one block of the page in that language."""
    (block,) = [each for each in examples(ROOT / "docs" / "operating.md") if each.language == language]
    return block.text


def replaced(text, changes):
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx(folder, port, upstream, certificate):
    site = replaced(
        shown("nginx"),
        {
            "listen 443 ": f"listen 127.0.0.1:{port} ",
            "/etc/ssl/answers.pem": str(certificate),
            "/etc/ssl/answers.key": str(certificate),
            "http://127.0.0.1:8000": upstream,
        },
    )
    paths = "".join(
        f"{each}_temp_path {folder}/{each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = (
        f"daemon off; pid {folder}/pid; error_log {folder}/log; events {{}} http {{ access_log off; {paths}\n{site}}}"
    )
    (folder / "nginx.conf").write_text(main)
    return ["nginx", "-e", str(folder / "log"), "-c", str(folder / "nginx.conf")]


def caddy(folder, port, upstream, certificate):
    site = replaced(
        shown("caddyfile"),
        {
            f"{NAME} {{": f"{{\n admin off\n auto_https disable_redirects\n}}\n{NAME}:{port} {{\n bind 127.0.0.1\n tls {certificate} {certificate}",
            "127.0.0.1:8000": upstream.removeprefix("http://"),
        },
    )  # fmt: skip
    (folder / "Caddyfile").write_text(site)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


PROXIES = {"nginx": nginx, "caddy": caddy}


@contextmanager
def running(command, folder, port) -> Iterator[None]:
    env = {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with (folder / "out").open("w") as out:
        proxy = subprocess.Popen(command, env=env, stdout=out, stderr=out)
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert proxy.poll() is None, (folder / "out").read_text()
                time.sleep(0.1)
        yield
    finally:
        proxy.terminate()
        proxy.wait(timeout=30)


@pytest.fixture(scope="module")
def home(sample_home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxied-home")
    for part in ("store", "cache"):
        (folder / part).symlink_to(sample_home / part)
    return folder


@pytest.fixture(scope="module")
def key(home):
    return new_key(home, "owner")


@pytest.fixture(scope="module")
def site(home):
    return made_by(run_cli, home, "keys", "site", "add", "--name", "Help", "--origin", PAGE)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The sample's scripted model, writing slowly."""
    script = (SAMPLE / "llm-script.yaml").read_text(encoding="utf-8").replace("per_token_s: 0.01", "per_token_s: 0.04")
    path = tmp_path_factory.mktemp("script") / "script.yaml"
    path.write_text(script, encoding="utf-8")
    with scripted_server(path) as server:
        yield server


@pytest.fixture(scope="module")
def upstream(home, key, site, model, serve):
    """A service with the settings that the page names."""
    config = {"providers": {"main": {"base_url": model.url}}, "model": "main/scripted", "cache": "off"}
    (home / "llm.json").write_text(json.dumps(config))
    env = {"ANSWERABLE_LLM_CONFIG": str(home / "llm.json"), "ANSWERABLE_REQUIRE_KEY": "true"}
    env |= {"ANSWERABLE_PUBLIC_URL": f"https://{NAME}", "ANSWERABLE_ALLOWED_HOSTS": NAME, "ANSWERABLE_DEMO": "off"}
    with serve(home, ANSWERABLE_RATE_PER_ADDRESS=f"{PER_MINUTE}/minute", **env) as base:
        yield base


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request, upstream, tmp_path_factory):
    """The port of a proxy in front of it."""
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    certificate = tls.made(folder, host=NAME).served
    with running(PROXIES[request.param](folder, port, upstream, certificate), folder, port):
        yield port


@pytest.fixture
def client(proxy):
    """`client(address)` is a client with an address of its own, calling the service by its name."""
    opened = []

    def called(address="127.0.0.1", host=NAME):
        transport = httpx.HTTPTransport(verify=False, local_address=address, http2=False)
        opened.append(httpx.Client(transport=transport, base_url=f"https://127.0.0.1:{proxy}", headers={"Host": host}, timeout=30))  # fmt: skip
        opened[-1].event_hooks["request"] = [lambda sent: sent.extensions.update(sni_hostname=NAME)]
        return opened[-1]

    yield called
    for each in opened:
        each.close()


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def told(reply):
    """(seconds since the request, id, name, data) of each event, as it arrives."""
    began, seen = time.monotonic(), ""
    for piece in reply.iter_text():
        seen += piece
        while "\n\n" in seen:
            block, seen = seen.split("\n\n", 1)
            if found := re.fullmatch(r"id: (\S+)\nevent: (\w+)\ndata: (.*)", block):
                yield time.monotonic() - began, found[1], found[2], json.loads(found[3])


def test_streams_arrive_event_by_event_and_are_resumed_and_stopped(client, key):
    caller, body = client(), {"question": WASH, "stream": True}
    with caller.stream("POST", "/v1/ask", json=body, headers=bearer(key)) as reply:
        events = list(told(reply))
    at = {name: seconds for seconds, _, name, _ in reversed(events)}
    assert at["done"] - at["status"] > 0.5 and at["done"] - at["delta"] > 0.2, at
    assert len({round(seconds, 1) for seconds, _, name, _ in events if name == "delta"}) > 1
    with caller.stream("POST", "/v1/ask", json=body, headers=bearer(key)) as reply:
        cut = next(number for _, number, name, _ in told(reply) if name == "delta")
    with caller.stream("POST", "/v1/ask", json=body, headers=bearer(key) | {"Last-Event-ID": cut}) as reply:
        assert reply.status_code == 200, reply.read()
        rest = list(told(reply))
    assert rest[0][1] == f"{cut.partition('.')[0]}.{int(cut.partition('.')[2]) + 1}" and rest[-1][2] == "done"
    with caller.stream("POST", "/v1/ask", json=body, headers=bearer(key)) as reply:
        events = told(reply)
        stream = next(events)[1].partition(".")[0]
        assert client().delete(f"/v1/ask/{stream}", headers=bearer(key)).status_code == 204
        assert "done" not in [name for _, _, name, _ in events]


def test_rates_are_those_of_the_real_address_whatever_a_client_writes(client, proxy):
    mine, other = (f"127.{proxy >> 8}.{proxy & 255}.{n}" for n in (2, 3))

    def asked(address, **headers):
        return client(address).post("/v1/search", json={"query": "x"}, headers=headers).status_code

    forged = [{"X-Forwarded-For": f"198.51.100.{n}", "X-Real-IP": f"198.51.100.{n}", "Forwarded": f"for=198.51.100.{n}"} for n in range(PER_MINUTE)]  # fmt: skip
    assert {asked(mine, **headers) for headers in forged} == {401}
    assert asked(mine, **{"X-Forwarded-For": "198.51.100.99"}) == 429
    assert asked(other) == 401, "another client has a rate of its own"


def exactly(port, path, key):
    """Status and body of a path that no client tidies up."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {NAME}", f"Authorization: Bearer {key}", "Connection: close", "", ""]
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
        ssl._create_unverified_context().wrap_socket(plain, server_hostname=NAME) as connection,
    ):
        connection.sendall("\r\n".join(lines).encode())
        reply = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return int(reply.split(" ", 2)[1]), reply


def test_the_inside_stays_inside(client, proxy, key):
    caller = client("127.0.0.4")
    for path in ("/metrics", "/metrics/", "//metrics", "/%6Detrics", "/x/../metrics", "/metrics?x=1"):
        status, text = exactly(proxy, path, key)
        assert status in (400, 404) and "answerable_" not in text, path
    assert caller.get("/v1/models").status_code == 401
    assert caller.get("/v1/models", headers=bearer(key)).status_code == 200
    page = caller.get("/console/answers", follow_redirects=False)
    assert page.status_code in (302, 303, 401) and "login" in page.headers.get("Location", "") + page.text
    assert caller.get("/healthz").status_code == 200
    other = client("127.0.0.4", host="elsewhere.example.com").get("/v1/sources", headers=bearer(key))
    assert "help-centre" not in other.text


def test_the_console_is_entered_by_https(client, key):
    caller = client("127.0.0.5")
    form = caller.post("/console/login", data={"key": key}, headers={"Origin": f"https://{NAME}"})
    assert form.status_code in (302, 303), form.text
    assert "secure" in form.headers["set-cookie"].lower()


@pytest.fixture
def visitor(proxy):
    """A page of a browser to which the names of the page and of the service lead to this machine."""
    from playwright.sync_api import sync_playwright

    rules = f"--host-resolver-rules=MAP {NAME}:443 127.0.0.1:{proxy}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, rules, "--disable-features=LocalNetworkAccessChecks"])  # fmt: skip
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.on("console", lambda message: print(message.text))
        page.on("requestfailed", lambda request: print(request.url, request.failure))
        yield page
        browser.close()


def test_the_widget_works_from_another_name(visitor, site):
    page = visitor
    tag = f'<script async src="https://{NAME}/widget.js" data-site="{site["key"]}"></script>'
    html = f'<!doctype html><html lang="en"><title>Help</title><body>{tag}</body></html>'
    page.route(f"{PAGE}/**", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(f"{PAGE}/article")
    page.get_by_role("button", name="Ask a question", exact=True).click()
    page.get_by_role("textbox", name="Ask a question").fill(WASH)
    page.keyboard.press("Enter")
    page.locator(".turn .thumbs").first.wait_for()
    assert "30 °C" in page.locator(".turn").first.inner_text()
    with page.context.expect_page() as opened:
        page.locator(".turn .prose .cite").first.click()
    assert opened.value.url.startswith(f"https://{NAME}/source/help-centre/")
    assert opened.value.locator("mark#passage").is_visible()


def test_the_unit_is_one_to_systemd(tmp_path):
    unit = tmp_path / "answerable.service"
    unit.write_text(shown("ini").replace("/opt/answerable/bin/answerable", "/bin/true"))
    env = {"PATH": "/usr/bin:/bin", "SYSTEMD_LOG_LEVEL": "debug"}
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    assert not [line for line in run.stderr.splitlines() if str(unit) in line and "Unknown" in line]
    assert re.search(r"^\s*EnvironmentFile: /etc/answerable\.env$", run.stdout, re.MULTILINE)
