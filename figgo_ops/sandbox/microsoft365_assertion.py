"""The certificates registered for an application, and the assertions signed with their keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from figgo_ops.sandbox.exchange_tokens import url_base64

KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SKEW = 300
"""Seconds by which a client's clock may differ from Microsoft's."""

_SHA256 = hashes.SHA256()
_PADDINGS = {
    "RS256": padding.PKCS1v15(),
    "PS256": padding.PSS(mgf=padding.MGF1(_SHA256), salt_length=_SHA256.digest_size),
}


class SignInError(Exception):
    """The sign-in service says no, by one of its AADSTS codes; `about` completes the sentence."""

    def __init__(self, code: int, **about: str) -> None:
        super().__init__(f"AADSTS{code}")
        self.code, self.about = code, about


@dataclass(frozen=True, slots=True)
class _Registered:
    key: rsa.RSAPublicKey
    begins: float
    ends: float


class Certificates:
    """The public halves that an administrator uploaded."""

    def __init__(self) -> None:
        self._known: dict[str, _Registered] = {}

    def register(self, pem: str | bytes) -> str:
        """Register a certificate, named by its SHA-256 thumbprint; TypeError where the key is not RSA."""
        raw = pem.encode() if isinstance(pem, str) else pem
        certificate = x509.load_pem_x509_certificate(raw)
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise TypeError("Entra takes certificates with RSA keys; this one holds another kind")
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        entry = _Registered(key, begins.timestamp(), ends.timestamp())
        # SHA-1 names certificates in the older form of an assertion; it protects nothing.
        prints = [certificate.fingerprint(kind) for kind in (hashes.SHA256(), hashes.SHA1())]  # noqa: S303
        self._known.update({url_base64(one): entry for one in prints})
        return prints[0].hex().upper()

    def clear(self) -> None:
        """Remove every certificate from the application."""
        self._known.clear()

    def check(self, assertion: str, client_id: str, audiences: Collection[str], now: float) -> None:
        """Verify what a client signed; SignInError says what is wrong with it."""
        head, claims, signature, signed = _taken_apart(assertion)
        self._verify(head, signature, signed, now)
        if (claims.get("iss"), claims.get("sub")) != (client_id, client_id):
            raise SignInError(700021)
        if str(claims.get("aud")) not in audiences:
            raise SignInError(700023)
        begins, ends = claims.get("nbf", 0), claims.get("exp")
        if not isinstance(ends, (int, float)) or not isinstance(begins, (int, float)):
            raise SignInError(50027)
        if not begins - SKEW <= now <= ends + SKEW:
            raise SignInError(700024)
        if not claims.get("jti"):
            raise SignInError(50027)

    def _verify(self, head: Mapping[str, Any], signature: bytes, signed: bytes, now: float) -> None:
        way = _PADDINGS.get(str(head.get("alg")))
        if way is None:
            raise SignInError(50027)
        # MSAL leaves the equals signs on, against RFC 7515, and Entra takes both spellings.
        named = str(head.get("x5t#S256") or head.get("x5t") or "").rstrip("=")
        known = self._known.get(named)
        if known is None:
            raise SignInError(700027, reason="The key was not found.", thumbprint=named)
        if not known.begins <= now <= known.ends:
            raise SignInError(700027, reason="The key used is expired.", thumbprint=named)
        try:
            known.key.verify(signature, signed, way, _SHA256)
        except InvalidSignature:
            raise SignInError(700027, reason="The signature does not match.", thumbprint=named) from None


def _taken_apart(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    parts = assertion.split(".")
    try:
        head, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
        read = json.loads(head), json.loads(claims)
    except ValueError:
        raise SignInError(50027) from None
    if not all(isinstance(one, dict) for one in read):
        raise SignInError(50027)
    return *read, signature, ".".join(parts[:2]).encode()
