"""The rehearsal company's own certificate authority, and the bad certificates a client must refuse."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Kind = Literal["good", "expired", "not-yet-valid", "ending", "wrong-name", "self-signed", "untrusted"]
LOOPBACK = ("localhost", "127.0.0.1")

_LIFE = timedelta(days=90)
_RENEW_BEFORE = timedelta(days=7)
_ENDS: Mapping[str, timedelta] = {
    "expired": timedelta(days=-1),
    "ending": timedelta(days=10),
    "not-yet-valid": _LIFE + timedelta(days=1),
}


class IssuedContext(ssl.SSLContext):
    """A server's TLS context that knows its bad siblings: same names, another kind of certificate."""

    authority: Authority
    hostnames: tuple[str, ...]

    def sibling(self, kind: Kind) -> ssl.SSLContext:
        """Give the context of the same server with a certificate of another kind."""
        return self.authority.server_context(self.hostnames, kind)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority that lives in one folder; `ca_file` is what clients trust."""

    ca_file: Path
    key_file: Path

    def server_context(self, hostnames: Sequence[str] = LOOPBACK, kind: Kind = "good") -> ssl.SSLContext:
        """Issue a server certificate and wrap it in a TLS context.

        An untrusted one is good in all but its issuer, an authority that nobody knows; one that is ending
        is good for ten days more.
        Raises ValueError for a kind that is not one of `Kind`.
        """
        if kind not in get_args(Kind):
            raise ValueError(f"unknown kind of certificate {kind!r}; known: {', '.join(get_args(Kind))}")
        context = IssuedContext(ssl.PROTOCOL_TLS_SERVER)
        context.authority, context.hostnames = self, tuple(hostnames)
        key = ec.generate_private_key(ec.SECP256R1())
        with _private_file(self.ca_file.parent, _pem(key) + _leaf(self, key, hostnames, kind)) as chain:
            context.load_cert_chain(chain)
        return context


def make_authority(folder: Path) -> Authority:
    """Make, or find again, the authority of `folder`; one that is about to expire is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority(folder / "ca.pem", folder / "ca-key.pem")
    if not _usable(authority):
        key = ec.generate_private_key(ec.SECP256R1())
        _write_private(authority.key_file, _pem(key))
        authority.ca_file.write_bytes(_root(key).public_bytes(serialization.Encoding.PEM))
    return authority


def _usable(authority: Authority) -> bool:
    if not (authority.ca_file.exists() and authority.key_file.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(authority.ca_file.read_bytes())
    return certificate.not_valid_after_utc - _RENEW_BEFORE > datetime.now(UTC)


def _root(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("Rehearsal company authority")
    return (
        _builder(name, name, key, datetime.now(UTC) - _LIFE, datetime.now(UTC) + _LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _leaf(authority: Authority, key: ec.EllipticCurvePrivateKey, names: Sequence[str], kind: Kind) -> bytes:
    issuer_key = _load_key(authority.key_file)
    issuer = x509.load_pem_x509_certificate(authority.ca_file.read_bytes()).subject
    if kind == "self-signed":
        issuer_key, issuer = key, _name(names[0])
    if kind == "untrusted":
        issuer_key, issuer = ec.generate_private_key(ec.SECP256R1()), _name("Somebody else's authority")
    end = datetime.now(UTC) + _ENDS.get(kind, _LIFE - _RENEW_BEFORE)
    shown = ("elsewhere.example",) if kind == "wrong-name" else names
    # Python 3.13 checks strictly by default: without the key identifiers even the good one is refused.
    certificate = (
        _builder(_name(shown[0]), issuer, key, end - _LIFE, end)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(n) for n in shown]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(identifier, critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} does not hold an elliptic-curve key; remove the folder and start again")
    return key


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


@contextmanager
def _private_file(folder: Path, content: bytes) -> Iterator[str]:
    # The ssl module loads certificates from files only, so the server's key exists on disk for an instant.
    with NamedTemporaryFile(dir=folder, prefix=".leaf-", suffix=".pem") as file:
        file.write(content)
        file.flush()
        yield file.name
