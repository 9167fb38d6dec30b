"""Endpoints over https: certificates are verified, and a slow answer is waited for in slices without losing a byte."""

import datetime as dt
import ipaddress
import ssl
import time

import pytest

from app.llm.config import ProviderConfig
from app.llm.errors import ProviderFault
from app.llm.providers import OpenAiProvider
from app.llm.values import Completion
from tests.llm.endpoint import endpoint, says, streams
from tests.llm.gateways import GOOD, KEY, routing, writing


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A server's context for 127.0.0.1, and the file with the certificate to trust."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "models")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context, folder / "certificate.pem"


@pytest.fixture
def secure(certificate, monkeypatch):
    """`secure(act)` serves over https with a certificate that is trusted."""
    context, trusted = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    return lambda act: endpoint(act, tls=context)


def test_a_slow_answer_comes_whole(secure):
    with secure(says(GOOD, after_s=0.35)) as there:
        opened = OpenAiProvider("a", ProviderConfig(base_url=there.url, api_key=KEY))
        assert opened.complete("m", routing(), timeout_s=5).text == GOOD
        opened.close()


def test_a_stream_with_pauses_comes_whole(secure):
    pieces = [f"{n} " * 50 for n in range(4)]
    with secure(streams(*pieces, pause_s=0.15)) as there:
        opened = OpenAiProvider("a", ProviderConfig(base_url=there.url))
        *found, whole = list(opened.stream("m", writing(), timeout_s=5))
        opened.close()
    assert found == pieces
    assert isinstance(whole, Completion)


def test_the_deadline_holds(secure):
    with secure(says(GOOD, after_s=2)) as there:
        opened = OpenAiProvider("a", ProviderConfig(base_url=there.url))
        started = time.monotonic()
        with pytest.raises(ProviderFault, match="timeout"):
            opened.complete("m", routing(), timeout_s=0.4)
        assert time.monotonic() - started < 0.6
        opened.close()


def test_nothing_is_sent_to_a_server_whose_certificate_is_not_trusted(certificate):
    with endpoint(says(GOOD), tls=certificate[0]) as there:
        opened = OpenAiProvider("a", ProviderConfig(base_url=there.url, api_key=KEY))
        with pytest.raises(ProviderFault, match="connection") as raised:
            opened.complete("m", routing(), timeout_s=2)
        opened.close()
    assert not there.received
    assert not raised.value.begun
