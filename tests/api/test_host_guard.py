"""Which `Host` and `Origin` headers are answered."""

import pytest

from app.api.envelope import check_host
from app.errors import NotPermitted
from app.settings import Settings

LOOPBACK = Settings()
PUBLIC = Settings(host="0.0.0.0")
NAMED = Settings(host="0.0.0.0", allowed_hosts=("ask.example.org",))


def headers(host, origin=None):
    return {b"host": host} | ({b"origin": origin} if origin else {})


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
    ],
)
def test_answered(settings, host, origin):
    check_host(headers(host, origin), settings)


@pytest.mark.parametrize(
    ("settings", "host", "origin"),
    [
        (LOOPBACK, b"attacker.example", None),
        (LOOPBACK, b"127.0.0.1.attacker.example", None),
        (LOOPBACK, b"", None),
        (LOOPBACK, b"[::1", None),
        (LOOPBACK, b"127.0.0.1@attacker.example", None),
        (LOOPBACK, b"localhost", b"https://attacker.example"),
        (LOOPBACK, b"localhost", b"null"),
        (NAMED, b"attacker.example", None),
    ],
)
def test_refused(settings, host, origin):
    with pytest.raises(NotPermitted):
        check_host(headers(host, origin), settings)
