"""Which `Host` and `Origin` headers are answered."""

import pytest

from app.api.cross_origin import Sharing
from app.api.envelope import check_host, check_origin
from app.errors import InvalidRequest, NotPermitted
from app.settings import Settings

LOOPBACK = Settings()
PUBLIC = Settings(host="0.0.0.0")
NAMED = Settings(host="0.0.0.0", allowed_hosts=("ask.example.org",))


def guard(settings, host, origin=None, **asked):
    """What the envelope checks of a request from a page that is no site's."""
    headers = [(b"host", host)] + ([(b"origin", origin)] if origin else [])
    check_host({"headers": headers}, settings)
    check_origin({"method": "POST", "path": "/v1/ask", "headers": headers} | asked, settings, Sharing())


@pytest.mark.parametrize(
    ("settings", "host", "origin"),
    [
        (LOOPBACK, b"127.0.0.1:8000", None),
        (LOOPBACK, b"localhost", None),
        (LOOPBACK, b"[::1]:8000", None),
        (LOOPBACK, b"localhost:8000", b"http://localhost:8000"),
        (PUBLIC, b"anything.example", None),
        (NAMED, b"ask.example.org", None),
        (NAMED, b"ASK.example.org:443", None),
        (NAMED, b"127.0.0.1:8000", None),
        (NAMED, b"ask.example.org", b"https://attacker.example"),
        (LOOPBACK, b"localhost:80", b"http://localhost"),
        (LOOPBACK, b"[::1]:8000", b"http://[::1]:8000"),
    ],
)
def test_answered(settings, host, origin):
    guard(settings, host, origin)


@pytest.mark.parametrize(
    ("settings", "host", "origin"),
    [
        (LOOPBACK, b"attacker.example", None),
        (LOOPBACK, b"127.0.0.1.attacker.example", None),
        (LOOPBACK, b"", None),
        (LOOPBACK, b"localhost", b"https://attacker.example"),
        (LOOPBACK, b"localhost", b"null"),
        (LOOPBACK, b"localhost:8000", b"http://localhost:9000"),
        (LOOPBACK, b"localhost:8000", b"http://127.0.0.1:8000"),
        (LOOPBACK, b"localhost:8000", b"ftp://localhost:8000"),
        (NAMED, b"attacker.example", None),
    ],
)
def test_refused(settings, host, origin):
    with pytest.raises(NotPermitted):
        guard(settings, host, origin)


@pytest.mark.parametrize("settings", [LOOPBACK, PUBLIC, NAMED])
@pytest.mark.parametrize(
    "host", [b"[::1", b"localhost:65536", b"127.0.0.1@attacker.example", b"localhost, attacker.ex"]
)
def test_what_is_no_host_is_refused(settings, host):
    with pytest.raises(InvalidRequest):
        guard(settings, host)


def test_any_page_may_load_the_widget_and_nothing_else():
    load = {"method": "GET", "path": "/widget.js"}
    guard(LOOPBACK, b"localhost", b"https://anybody.example", **load)
    for other in ({"method": "POST"}, {"path": "/widget.js/"}, {"path": "/v1/sources"}):
        with pytest.raises(NotPermitted):
            guard(LOOPBACK, b"localhost", b"https://anybody.example", **(load | other))
