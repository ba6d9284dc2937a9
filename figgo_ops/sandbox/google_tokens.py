"""Google's token endpoint for service accounts with domain-wide delegation."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

AUDIENCE = "https://oauth2.googleapis.com/token"
SCOPE = "https://www.googleapis.com/auth/calendar.events.owned"

_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_UNAUTHORIZED = (
    "Client is unauthorized to retrieve access tokens using this method, "
    "or client not authorized for any of the scopes requested."
)
_SHORT_LIVED = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)
DELEGATIONS: Mapping[str, frozenset[str]] = {
    "granted": frozenset({SCOPE}),
    "missing": frozenset(),
    "another-scope": frozenset({"https://www.googleapis.com/auth/calendar.readonly"}),
}
"""What the Admin console lists for the client; Google's answer does not tell the last two apart."""

# A user's state, where it already decides the token request: status, error, description.
_STATES: Mapping[str, tuple[int, str, str]] = {
    "unknown": (400, "invalid_grant", "Invalid email or User ID"),
    "deleted": (400, "invalid_grant", "The account has been deleted"),
    "suspended": (403, "access_denied", "Account restricted"),
    "restricted": (403, "access_denied", "Requested client not authorized."),
}


class TokenRefusedError(Exception):
    """The token endpoint says no, in OAuth's words."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.status, self.error, self.description = status, error, description


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access token stands for: whom, what for and until when (seconds since 1970)."""

    subject: str
    scopes: frozenset[str]
    expires: float


def service_account_info(
    token_uri: str = AUDIENCE, client_email: str = "absences@corail-sync.iam.gserviceaccount.com"
) -> dict[str, str]:
    """Make the content of a service account's key file; the RSA key is made once per process."""
    pem = _private_pem()
    return {
        "type": "service_account",
        "project_id": client_email.partition("@")[2].partition(".")[0],
        "private_key_id": _key_id(pem),
        "private_key": pem,
        "client_email": client_email,
        "client_id": "104857620391847562019",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
        "universe_domain": "googleapis.com",
    }


def public_key_of(info: Mapping[str, str]) -> rsa.RSAPublicKey:
    """Take from a key file what the stand-in may know: the public half."""
    key = serialization.load_pem_private_key(info["private_key"].encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("a service account signs with an RSA key; this key file holds another kind")
    return key.public_key()


@lru_cache(maxsize=1)
def _private_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _key_id(pem: str) -> str:
    digest = hashes.Hash(hashes.SHA1())  # noqa: S303 - a name of 40 digits as in real key files, no protection
    digest.update(pem.encode())
    return digest.finalize().hex()


class TokenDesk:
    """Verifies signed assertions and hands out access tokens bound to one subject.

    Attributes:
        granted: the scopes for which domain-wide delegation is listed.
        exists, has_key: whether there still is such a service account, and its key.
    """

    def __init__(self, public_key: rsa.RSAPublicKey, client_email: str, domains: Iterable[str]) -> None:
        self.client_email = client_email
        self.domains = {domain.lower() for domain in domains}
        self.granted = set(DELEGATIONS["granted"])
        self.exists = self.has_key = True
        self.life = 3600.0
        self._key = public_key
        self._grants: dict[str, Grant] = {}

    def delete_key(self) -> None:
        """Delete the service account's key, as an administrator who rotates keys would."""
        self.has_key = False

    def claims(self, body: bytes, now: float) -> dict[str, Any]:
        """Verify a token request up to the question who the subject is; TokenRefusedError otherwise."""
        form = parse_qs(body.decode("latin-1"))
        if form.get("grant_type") != [_GRANT_TYPE]:
            raise TokenRefusedError(400, "unsupported_grant_type", "Invalid grant_type")
        head, claims, signature, signed = _taken_apart(form.get("assertion", [""])[0])
        if not self.exists:
            raise TokenRefusedError(400, "invalid_grant", "Invalid grant: account not found")
        if claims.get("iss") != self.client_email or head.get("alg") != "RS256":
            raise TokenRefusedError(400, "invalid_grant", "No valid verifier found for issuer")
        self._verify(signature, signed)
        if claims.get("aud") != AUDIENCE:
            raise TokenRefusedError(400, "invalid_grant", "Invalid JWT: Failed audience check.")
        _check_times(claims, now)
        return claims

    def issue(self, subject: str, state: str, claims: Mapping[str, Any], now: float) -> dict[str, Any]:
        """Answer for a subject in that state with a new token; TokenRefusedError otherwise."""
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes:
            raise TokenRefusedError(400, "invalid_scope", "Empty or missing scope not allowed.")
        if claims.get("sub") is not None:
            self._check_delegation(str(claims["sub"]), scopes)
        if state in _STATES:
            raise TokenRefusedError(*_STATES[state])
        token = f"ya29.c.{secrets.token_urlsafe(32)}"
        self._grants[token] = Grant(subject, scopes, now + self.life)
        return {"access_token": token, "expires_in": max(0, int(self.life) - 1), "token_type": "Bearer"}

    def grant(self, token: str) -> Grant | None:
        """Look a token up, expired or not."""
        return self._grants.get(token)

    def revoke(self, subject: str | None = None) -> None:
        """Revoke the tokens of one subject, or all of them."""
        self._grants = {t: g for t, g in self._grants.items() if subject not in (None, g.subject)}

    def _check_delegation(self, sub: str, scopes: frozenset[str]) -> None:
        if not _MAIL.match(sub):
            raise TokenRefusedError(400, "invalid_request", 'Invalid impersonation "sub" field.')
        if sub.partition("@")[2].lower() not in self.domains or not scopes <= self.granted:
            raise TokenRefusedError(401, "unauthorized_client", _UNAUTHORIZED)

    def _verify(self, signature: bytes, signed: bytes) -> None:
        try:
            if not self.has_key:
                raise InvalidSignature
            self._key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise TokenRefusedError(400, "invalid_grant", "Invalid JWT Signature.") from None


def subject_of(body: bytes) -> str:
    """Read, unverified, for whom a token is asked: for faults and the log only."""
    try:
        claims = _taken_apart(parse_qs(body.decode("latin-1")).get("assertion", [""])[0])[1]
    except TokenRefusedError:
        return ""
    return str(claims.get("sub") or claims.get("iss") or "")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, (int, float)) or not isinstance(expires, (int, float)):
        raise TokenRefusedError(400, "invalid_grant", _SHORT_LIVED)
    if abs(now - issued) > 300 or expires <= now or expires - issued > 3600:
        raise TokenRefusedError(400, "invalid_grant", _SHORT_LIVED)


def _taken_apart(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    parts = assertion.split(".")
    try:
        head, claims, signature = (base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)) for p in parts)
        return json.loads(head), json.loads(claims), signature, ".".join(parts[:2]).encode()
    except ValueError:
        raise TokenRefusedError(400, "invalid_grant", "Bad Request") from None
