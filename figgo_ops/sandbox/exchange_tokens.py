"""The token endpoint of Exchange Online's sign-in service: OAuth client credentials."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote_plus

from figgo_ops.sandbox.messages import Request, Response

RESOURCES = ("https://outlook.office365.com", "https://outlook.office.com")
LIFE = 3600

_PATH = re.compile(r"/(?:(?P<tenant>[^/]+)/oauth2/v2\.0/)?token\Z")
_SUFFIX = "/.default"
# AADSTS code: HTTP status, OAuth's own word for it, and the text.
_REFUSALS: Mapping[int, tuple[int, str, str]] = {
    900144: (400, "invalid_request", "The body of the request lacks the parameter 'grant_type'."),
    90014: (400, "invalid_request", "The required field 'scope' is missing."),
    70003: (400, "unsupported_grant_type", "The application asked for the unsupported grant type '{grant}'."),
    700016: (400, "unauthorized_client", "No application '{client}' was found in the directory '{tenant}'."),
    7000216: (401, "invalid_client", "A secret or an assertion of the client is needed for this grant type."),
    7000215: (401, "invalid_client", "The client secret given for the application '{client}' is invalid."),
    7000222: (401, "invalid_client", "The client secret keys of the application '{client}' are expired."),
    1002012: (400, "invalid_scope", "The scope '{scope}' does not end in /.default as this flow wants it."),
}


@dataclass(frozen=True, slots=True)
class Token:
    """What an access token is good for: one resource, until then (seconds since 1970)."""

    resource: str
    expires: float


class TokenDesk:
    """Hands out access tokens to one application of any tenant, for its secret.

    `client_id`, `secret` and `secret_state` ("ok", "expired") may be changed at any time.
    """

    def __init__(self, client_id: str, secret: str, clock: Callable[[], float]) -> None:
        self.client_id, self.secret, self.secret_state = client_id, secret, "ok"
        self.issued = 0
        self._clock = clock
        self._tokens: dict[str, Token] = {}

    def serves(self, request: Request) -> bool:
        """Say whether a request is meant for the token endpoint."""
        return _PATH.match(request.path) is not None

    def answer(self, request: Request) -> Response:
        """Answer a token request: a new token, or Microsoft's JSON about what is wrong."""
        form = asked(request)
        found = _PATH.match(request.path)
        form["tenant"] = (found and found["tenant"]) or "common"
        code = self._complaint(form)
        if code is not None:
            return self._refusal(code, form)
        token = self._issue(form["scope"].removesuffix(_SUFFIX), form["tenant"])
        answer = {"token_type": "Bearer", "expires_in": LIFE - 1, "ext_expires_in": LIFE - 1}
        return Response.json(200, {**answer, "access_token": token}, {"Cache-Control": "no-store, no-cache"})

    def admits(self, token: str) -> bool:
        """Say whether a token is one of ours, for Exchange, and not expired."""
        known = self._tokens.get(token)
        return known is not None and known.resource in RESOURCES and self._clock() < known.expires

    def revoke(self) -> None:
        """Make every token worthless, as a change of the application's permissions would."""
        self._tokens.clear()

    def _complaint(self, asked: Mapping[str, str]) -> int | None:
        grant, scope, secret = (asked.get(name, "") for name in ("grant_type", "scope", "client_secret"))
        checks = (
            (900144, not grant),
            (70003, grant != "client_credentials"),
            (700016, asked.get("client_id", "").lower() != self.client_id.lower()),
            (90014, not scope),
            (1002012, " " in scope or not scope.endswith(_SUFFIX)),
            (7000216, not secret),
            (7000215, secret != self.secret),
            (7000222, self.secret_state == "expired"),
        )
        return next((code for code, holds in checks if holds), None)

    def _issue(self, resource: str, tenant: str) -> str:
        now = self._clock()
        claims = {"aud": resource, "appid": self.client_id, "tid": tenant, "iat": int(now)}
        parts = ({"typ": "JWT", "alg": "RS256"}, {**claims, "exp": int(now) + LIFE})
        text = ".".join(url_base64(json.dumps(part).encode()) for part in parts)
        token = f"{text}.{secrets.token_urlsafe(48)}"
        self._tokens[token] = Token(resource.rstrip("/"), now + LIFE)
        self.issued += 1
        return token

    def _refusal(self, code: int, asked: Mapping[str, str]) -> Response:
        status, error, text = _REFUSALS[code]
        said = text.format_map(
            {
                "grant": asked.get("grant_type"),
                "client": asked.get("client_id", ""),
                "tenant": asked["tenant"],
                "scope": asked.get("scope"),
            }
        )
        return refusal(code, status, error, said, self._clock())


def refusal(code: int, status: int, error: str, text: str, now: float) -> Response:
    """Answer a request of the sign-in service with Microsoft's JSON about what is wrong."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    about = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"
    content = {
        "error": error,
        "error_description": f"AADSTS{code}: {text} {about}",
        "error_codes": [code],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return Response.json(status, content)


def asked(request: Request) -> dict[str, str]:
    """The form of a token request; the application may also name itself by HTTP Basic (RFC 6749)."""
    form = {name: values[-1] for name, values in parse_qs(request.body.decode("latin-1")).items()}
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return form
        return {"client_id": unquote_plus(client), "client_secret": unquote_plus(secret), **form}
    return form


def url_base64(raw: bytes) -> str:
    """Spell bytes as the parts of a JWT are."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
