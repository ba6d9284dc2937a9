"""Microsoft's sign-in service for one application in one tenant: discovery, and tokens for its credential."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from figgo_ops.sandbox.exchange_tokens import asked, refusal, url_base64
from figgo_ops.sandbox.messages import Request, Response
from figgo_ops.sandbox.microsoft365_assertion import KIND, Certificates, SignInError

GRAPH = "https://graph.microsoft.com"
LIFE = 3600

_RESOURCES = (GRAPH, "https://outlook.office365.com", "https://outlook.office.com")
_SUFFIX = "/.default"
_TOKEN = re.compile(r"/([^/]+)/oauth2/v2\.0/token\Z")
_OPENID = re.compile(r"/([^/]+)/v2\.0/\.well-known/openid-configuration\Z")
_INSTANCE = "/common/discovery/instance"
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_NOT_REGISTERED = (
    "The certificate that signed the client assertion is not registered on the application. "
    "[Reason - {reason}, Thumbprint of key used by client: '{thumbprint}']"
)
# AADSTS code: HTTP status, OAuth's own word for it, and the text.
_REFUSALS: Mapping[int, tuple[int, str, str]] = {
    90002: (
        400,
        "invalid_request",
        "Tenant '{tenant}' not found. Check that the tenant id is the right one.",
    ),
    900023: (400, "invalid_request", "'{tenant}' is neither a DNS name nor the id of a tenant."),
    900144: (400, "invalid_request", "The body of the request lacks the parameter '{lacks}'."),
    70003: (400, "unsupported_grant_type", "The application asked for the unsupported grant type '{grant}'."),
    700016: (400, "unauthorized_client", "No application '{client}' was found in the directory '{tenant}'."),
    70011: (400, "invalid_scope", "The value '{scope}' of the parameter 'scope' is not valid."),
    1002012: (400, "invalid_scope", "The scope '{scope}' does not end in /.default as this flow wants it."),
    500011: (
        400,
        "invalid_resource",
        "The resource principal '{scope}' was not found in the tenant '{tenant}'.",
    ),
    7000112: (400, "unauthorized_client", "The application '{client}' is disabled."),
    7000229: (
        400,
        "unauthorized_client",
        "The application '{client}' has no service principal in '{tenant}'.",
    ),
    7000216: (401, "invalid_client", "A secret or an assertion of the client is needed for this grant type."),
    7000215: (401, "invalid_client", "The client secret given for the application '{client}' is invalid."),
    7000222: (401, "invalid_client", "The client secret keys of the application '{client}' are expired."),
    50027: (401, "invalid_client", "The JWT is invalid or malformed."),
    700021: (401, "invalid_client", "The assertion's issuer and subject are not the application '{client}'."),
    700023: (401, "invalid_client", "The assertion's audience is not this endpoint."),
    700024: (401, "invalid_client", "The client assertion is not within its valid time range."),
    700027: (401, "invalid_client", _NOT_REGISTERED),
    53003: (400, "invalid_grant", "Access has been blocked by Conditional Access policies."),
    65001: (400, "invalid_grant", "Nobody has consented to use the application '{client}'."),
}
# The switch `application`: what is wrong before the credential is looked at, and after.
_BEFORE = {"disabled": 7000112, "no-principal": 7000229}
_AFTER = {"conditional-access": 53003, "no-consent": 65001}


@dataclass(frozen=True, slots=True)
class Token:
    """What an access token is good for: one resource, until then (seconds since 1970)."""

    resource: str
    expires: float


class TokenDesk:
    """Hands out access tokens to one application, for its secret or for what its certificate signed.

    The credential and the claims may be changed at any time; `application` and `secret` are switches of the
    service.

    Attributes:
        names: by which the tenant goes: its id and its domains, in lower case.
        roles: application permissions consented in Entra; none where Exchange's own RBAC grants the access.
        wall: the clock for assertions and certificates, which clients sign by the true time.
        issued: number of tokens handed out.
    """

    def __init__(
        self,
        client_id: str,
        tenant_id: str,
        secret: str,
        switches: Mapping[str, Any],
        clock: Callable[[], float],
    ) -> None:
        self.client_id, self.tenant_id, self.secret = client_id, tenant_id, secret
        self.names = {tenant_id.lower()}
        self.roles: tuple[str, ...] = ()
        self.certificates = Certificates()
        self.wall = clock
        self.issued = 0
        self._switches, self._clock = switches, clock
        self._tokens: dict[str, Token] = {}

    def serves(self, request: Request) -> bool:
        """Say whether a request is meant for the sign-in service."""
        path = request.path
        return path == _INSTANCE or any(kind.match(path) for kind in (_TOKEN, _OPENID))

    def answer(self, request: Request) -> Response:
        """Answer with what was asked for, or with Microsoft's JSON about what is wrong."""
        if request.path == _INSTANCE:
            return self._instance(request)
        described = _OPENID.match(request.path)
        if described:
            return self._describe(request, described[1])
        found = _TOKEN.match(request.path)
        form = asked(request)
        form["tenant"] = found[1] if found else ""
        try:
            return self._token(request, form)
        except SignInError as refused:
            return self._refusal(refused, form)

    def complaint(self, token: str) -> str:
        """Say what Graph says of a token that is not good for it; "" for one that is."""
        known = self._tokens.get(token)
        if known is None:
            return (
                "CompactToken validation failed." if token.count(".") == 2 else "CompactToken parsing failed."
            )
        if known.resource != GRAPH:
            return "Access token validation failure. Invalid audience."
        expired = self._clock() >= known.expires
        return "Lifetime validation failed, the token is expired." if expired else ""

    def trouble(self, answer: Mapping[str, Any]) -> Response:
        """Answer a status fault as a sign-in service that is overloaded or out of order."""
        status = answer["status"]
        code = 90055 if status == 429 else 90033
        text = answer.get("message") or "A transient error has occurred. Please try again."
        return refusal(code, status, answer.get("error", "temporarily_unavailable"), text, self._clock())

    def revoke(self) -> None:
        """Make every token worthless, as a change of the application's permissions would."""
        self._tokens.clear()

    def _instance(self, request: Request) -> Response:
        endpoint = request.query.get("authorization_endpoint", [""])[0]
        tenant = urlsplit(endpoint).path.partition("/oauth2/")[0].strip("/")
        place = f"{_root(request)}/{tenant}/v2.0/.well-known/openid-configuration"
        return Response.json(200, {"tenant_discovery_endpoint": place, "api-version": "1.1", "metadata": []})

    def _describe(self, request: Request, tenant: str) -> Response:
        try:
            self._check_tenant(tenant)
        except SignInError as refused:
            return self._refusal(refused, {"tenant": tenant}, "invalid_tenant")
        here = f"{_root(request)}/{self.tenant_id}"
        described = {
            "token_endpoint": f"{here}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": f"{here}/discovery/v2.0/keys",
            "issuer": f"{here}/v2.0",
            "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{here}/oauth2/v2.0/devicecode",
            "tenant_region_scope": "EU",
        }
        return Response.json(200, described)

    def _token(self, request: Request, form: Mapping[str, str]) -> Response:
        if request.method != "POST":
            raise SignInError(900144, lacks="grant_type")
        self._check_tenant(form["tenant"])
        self._check_form(form)
        application = self._switches["application"]
        if application in _BEFORE:
            raise SignInError(_BEFORE[application])
        proof = self._check_credential(request, form)
        if application in _AFTER:
            raise SignInError(_AFTER[application])
        token = self._issue(form["scope"].removesuffix(_SUFFIX), proof)
        answer = {"token_type": "Bearer", "expires_in": LIFE - 1, "ext_expires_in": LIFE - 1}
        return Response.json(200, {**answer, "access_token": token}, {"Cache-Control": "no-store, no-cache"})

    def _check_tenant(self, tenant: str) -> None:
        if tenant.lower() not in self.names:
            named = "." in tenant or _GUID.match(tenant)
            raise SignInError(90002 if named else 900023)

    def _check_form(self, form: Mapping[str, str]) -> None:
        for name in ("grant_type", "client_id", "scope"):
            if not form.get(name):
                raise SignInError(900144, lacks=name)
        scope = form["scope"]
        checks = (
            (70003, form["grant_type"] != "client_credentials"),
            (700016, form["client_id"].lower() != self.client_id.lower()),
            (70011, " " in scope or "/" not in scope),
            (1002012, not scope.endswith(_SUFFIX)),
            (500011, scope.removesuffix(_SUFFIX).rstrip("/") not in _RESOURCES),
        )
        for code, holds in checks:
            if holds:
                raise SignInError(code)

    def _check_credential(self, request: Request, form: Mapping[str, str]) -> str:
        """The claim `appidacr` of the token: 1 for a secret, 2 for a certificate."""
        assertion, secret = form.get("client_assertion", ""), form.get("client_secret", "")
        if assertion and form.get("client_assertion_type") == KIND:
            at = {f"{_root(request)}/{name}" for name in (self.tenant_id, form["tenant"])}
            audiences = {f"{one}/{end}" for one in at for end in ("oauth2/v2.0/token", "v2.0")}
            self.certificates.check(assertion, self.client_id, audiences, self.wall())
            return "2"
        if not secret:
            raise SignInError(7000216)
        if secret != self.secret:
            raise SignInError(7000215)
        if self._switches["secret"] == "expired":
            raise SignInError(7000222)
        return "1"

    def _issue(self, resource: str, proof: str) -> str:
        now = self._clock()
        claims: dict[str, Any] = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{self.tenant_id}/",
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + LIFE,
            "appid": self.client_id,
            "appidacr": proof,
            "idtyp": "app",
            "tid": self.tenant_id,
            "ver": "1.0",
        }
        if self.roles:
            claims["roles"] = list(self.roles)
        parts = ({"typ": "JWT", "alg": "RS256", "kid": "corail"}, claims)
        text = ".".join(url_base64(json.dumps(part).encode()) for part in parts)
        token = f"{text}.{secrets.token_urlsafe(48)}"
        self._tokens[token] = Token(resource.rstrip("/"), now + LIFE)
        self.issued += 1
        return token

    def _refusal(self, refused: SignInError, form: Mapping[str, str], word: str = "") -> Response:
        status, error, text = _REFUSALS[refused.code]
        about = {
            "tenant": form["tenant"],
            "client": form.get("client_id", ""),
            "scope": form.get("scope", "").removesuffix(_SUFFIX),
            "grant": form.get("grant_type", ""),
            **refused.about,
        }
        return refusal(refused.code, status, word or error, text.format_map(about), self._clock())


def _root(request: Request) -> str:
    return f"https://{request.headers.get('Host', 'localhost')}"
