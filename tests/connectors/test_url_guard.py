"""What a URL may reach: how it is written, where it leads, and that the connection goes to what was checked."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpcore
import pytest
from web_site import Answer, served

from connectors.errors import ConnectorError, RefusedUrl
from connectors.http_client import FetchFailed, GuardedClient, Limits
from connectors.url_guard import UrlGuard, guard_of, refusal, resolve, shown

PUBLIC = ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34", "64:ff9b::5db8:d822")
INSIDE = (
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.5.4", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.7",
    "203.0.113.9", "192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "100::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a00:1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:5db8:d822::1",
)  # fmt: skip
LIMITS = Limits(body_bytes=1 << 20, seconds=3)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert refusal(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_refused(address: str) -> None:
    assert refusal(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://site.example/", "gopher://site.example/", "javascript:alert(1)", "//site.example/",
        "site.example", "", "http://", "http:///x", "http://user@site.example/", "http://user:secret@site.example/",
        "http://@site.example/", "http://site.example:22/", "https://site.example:8443/", "http://site.example:0/",
        "http://site.example:99999/", "http://site.example:x/", "http://[::1/", "http://[fe80::1%25eth0]/",
        "http://site.example/a b", "http://site.example/\r\nX: y", "http://site.example\\@inside.example/",
        "http://site.example/" + "x" * 3000, "http://" + "x" * 300 + ".example/", "http://xn--\udcff.example/",
    ],
)  # fmt: skip
def test_urls_that_are_refused_as_they_are_written(url: str) -> None:
    with pytest.raises(RefusedUrl) as caught:
        UrlGuard().target(url)
    assert caught.value.hint and "secret" not in str(caught.value)


def test_a_url_taken_apart() -> None:
    target = UrlGuard().target("HTTPS://M\u00fcnchen.Example./a?b=c#d")
    assert (target.origin, target.path) == ("https://xn--mnchen-3ya.example:443", "/a?b=c")
    assert UrlGuard().target("http://[2606:2800:220:1::1]").origin == "http://[2606:2800:220:1::1]:80"


def test_ports_beyond_the_usual_are_those_of_the_location_and_of_what_is_allowed() -> None:
    guard = guard_of("http://site.example:8080/", "inside.example:9000, [::1], 10.0.0.1")
    for url in ("http://site.example:8080/", "http://other.example:8080/", "http://inside.example:9000/"):
        guard.target(url)
    with pytest.raises(RefusedUrl, match="9000"):
        guard.target("http://site.example:9000/")
    assert guard.allows_private("::1", 80) and guard.allows_private("10.0.0.1", 8080)
    assert guard.allows_private("inside.example", 9000) and not guard.allows_private("inside.example", 80)


@pytest.mark.parametrize("entry", ["10.0.0.0/8", "*", "*.inside.example", "http://x/", "u@x", "x:notaport"])
def test_what_is_allowed_is_named_host_by_host(entry: str) -> None:
    with pytest.raises(ConnectorError) as caught:
        guard_of("https://site.example/", entry)
    assert caught.value.hint


Answers = Callable[..., None]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """`names("host", ["1.2.3.4"], ["5.6.7.8"])`: what the host resolves to, one list for each time it is asked."""
    known: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *others: object, **named: object) -> list[tuple[object, ...]]:
        if host[0].isdigit():
            return real(host, port, *others, **named)  # type: ignore[arg-type]
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = known[host]
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in (answers.pop(0) if len(answers) > 1 else answers[0])
        ]

    monkeypatch.setattr("connectors.url_guard.socket.getaddrinfo", getaddrinfo)
    return lambda host, *answers: known.__setitem__(host, list(answers))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "localhost"])
def test_spellings_of_this_machine_are_refused_where_they_lead(host: str) -> None:
    client = GuardedClient(UrlGuard(), LIMITS)
    try:
        with pytest.raises((RefusedUrl, FetchFailed)) as caught:
            client.get(f"http://{host}/", Path("/nonexistent/never-written"))
        assert isinstance(caught.value, RefusedUrl) or caught.value.code == "unreachable"
    finally:
        client.close()


def test_one_inner_address_among_public_ones_is_enough(names: Answers) -> None:
    names("mixed.example", ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(RefusedUrl, match=r"10\.0\.0\.1, which is a private address") as caught:
        UrlGuard().addresses("mixed.example", 80)
    assert caught.value.hint.endswith("allow_private=mixed.example")
    assert guard_of("http://x.example", "mixed.example").addresses("mixed.example", 80) == ("93.184.216.34", "10.0.0.1")


def test_a_name_is_resolved_once_and_the_connection_goes_there(
    names: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS re-binding: a public address for the check, an inner one for whoever asks again."""
    names("rebound.example", ["93.184.216.34"], ["127.0.0.1"])
    connected: list[str] = []

    def connect_tcp(_: object, host: str, *__: object, **___: object) -> httpcore.NetworkStream:
        connected.append(host)
        raise httpcore.ConnectError("not from a test")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_tcp)
    client = GuardedClient(UrlGuard(), LIMITS)
    with pytest.raises(FetchFailed, match="cannot be reached"):
        client.get("http://rebound.example/", tmp_path / "body")
    assert connected == ["93.184.216.34"]
    with pytest.raises(RefusedUrl):
        client.get("http://rebound.example/", tmp_path / "body")
    client.close()
    assert connected == ["93.184.216.34"]


def test_names_that_do_not_resolve(names: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = GuardedClient(UrlGuard(), LIMITS)
    with pytest.raises(FetchFailed, match=r"missing\.example") as caught:
        client.get("http://missing.example/", tmp_path / "body")
    assert caught.value.transient
    client.close()
    monkeypatch.setattr("connectors.url_guard._RESOLVE_SECONDS", 0.05)
    stuck = threading.Event()
    monkeypatch.setattr("connectors.url_guard.socket.getaddrinfo", lambda *_, **__: stuck.wait(5) and [])
    with pytest.raises(TimeoutError, match="not resolved"):
        resolve("slow.example", 80)
    stuck.set()


def test_no_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    with served() as site:
        site.pages["/"] = Answer("here")
        client = GuardedClient(guard_of(site.url, "127.0.0.1"), LIMITS)
        assert client.get(site.url + "/", tmp_path / "body").status == 200
        client.close()
    assert (tmp_path / "body").read_text() == "here"


def test_urls_are_shown_without_credentials() -> None:
    assert shown("http://user:secret@site.example/a\x1b[31m") == "http://site.example/a?[31m"
    assert len(shown("http://site.example/" + "x" * 5000)) == 200


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context for `site.example`, and the certificate to trust."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "site.example")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("site.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, folder / "key.pem")
    return context, pem


@pytest.fixture
def tls_port(authority: tuple[ssl.SSLContext, Path]) -> Iterator[int]:
    """A server on loopback that says which name it was asked for."""
    asked: list[str | None] = []
    context, _ = authority
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def answer() -> None:
        try:
            with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                request = connection.recv(4096).decode()
                host = request.partition("Host: ")[2].partition("\r\n")[0]
                body = f"{asked[-1]} {host}".encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        except OSError:
            pass

    thread = threading.Thread(target=answer)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join()


@pytest.mark.parametrize("host", ["site.example", "other.example"])
def test_certificates_are_verified_against_the_name_in_the_url(
    host: str, names: Answers, tls_port: int, authority: tuple[ssl.SSLContext, Path], tmp_path: Path
) -> None:
    """The connection goes to the checked address, the name stays for SNI, `Host` and the certificate."""
    names(host, ["127.0.0.1"])
    url = f"https://{host}:{tls_port}/"
    trusting = ssl.create_default_context(cafile=str(authority[1]))
    client = GuardedClient(guard_of(url, f"{host}:{tls_port}"), LIMITS, ssl_context=trusting)
    try:
        if host == "site.example":
            client.get(url, tmp_path / "body")
            assert (tmp_path / "body").read_text() == f"site.example site.example:{tls_port}"
        else:
            with pytest.raises(FetchFailed, match=r"(?i)certificate"):
                client.get(url, tmp_path / "body")
    finally:
        client.close()


def test_certificates_that_nobody_vouches_for_are_refused(names: Answers, tls_port: int, tmp_path: Path) -> None:
    names("site.example", ["127.0.0.1"])
    url = f"https://site.example:{tls_port}/"
    client = GuardedClient(guard_of(url, "site.example"), LIMITS)
    with pytest.raises(FetchFailed, match=r"(?i)certificate"):
        client.get(url, tmp_path / "body")
    client.close()
