"""What an administrator makes for an application in Entra: a private key with a certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_BEGIN = "-----BEGIN CERTIFICATE-----"
_LIFE = timedelta(days=3 * 365)
_PEM = serialization.Encoding.PEM


@lru_cache(maxsize=1)
def key_and_certificate() -> str:
    """Give both as one PEM text, self-signed, as most are here; made once per process."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(_PEM, form, serialization.NoEncryption())
    return (private + _signed(key).public_bytes(_PEM)).decode()


def public_part(pem: str) -> str:
    """Give the part that an administrator uploads."""
    return pem[pem.index(_BEGIN) :]


def _signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "figgo-ops")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .sign(key, hashes.SHA256())
    )
