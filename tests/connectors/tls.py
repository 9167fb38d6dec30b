"""Certificates for servers on loopback: an authority made for one test run, and what it signed for `localhost`."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Authority:
    """`bundle` is what a client has to trust; `served` is what a server shows: key and certificate in one file."""

    bundle: Path
    served: Path

    def server_context(self) -> ssl.SSLContext:
        """What a server listens with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.served)
        return context


def made(folder: Path, *, days: int = 1, host: str = "localhost") -> Authority:
    """An authority with a certificate for `host` and 127.0.0.1; with negative `days` it has run out."""
    now = datetime.now(UTC)
    root_key, root_name = ec.generate_private_key(ec.SECP256R1()), _name("Test authority")
    root = _signed(root_name, root_name, root_key, root_key, now + timedelta(days=30), authority=True)
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName(
        [x509.DNSName(host)] + ([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))] if host == "localhost" else [])
    )
    served = _signed(_name(host), root_name, key, root_key, now + timedelta(days=days), authority=False, names=names)
    bundle, both = folder / "authority.pem", folder / "served.pem"
    bundle.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both.write_bytes(secret + served.public_bytes(serialization.Encoding.PEM))
    return Authority(bundle, both)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    until: datetime,
    *,
    authority: bool,
    names: x509.SubjectAlternativeName | None = None,
) -> x509.Certificate:
    building = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=60))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if names is not None:
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        building = building.add_extension(names, critical=False).add_extension(server, critical=False)
    else:
        sign = {"digital_signature": True, "key_cert_sign": True, "crl_sign": True}
        rest = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
        usage = x509.KeyUsage(**sign, **dict.fromkeys(rest, False), decipher_only=False)
        building = building.add_extension(usage, critical=True)
    return building.sign(by, hashes.SHA256())
