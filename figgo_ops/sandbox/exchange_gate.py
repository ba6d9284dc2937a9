"""Who may speak to Exchange, and how often: log-ons as IIS takes them, and what is refused behind them."""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Mapping
from typing import Any

from figgo_ops.sandbox import exchange_ntlm as ntlm
from figgo_ops.sandbox.exchange_soap import FaultError, fault_response
from figgo_ops.sandbox.exchange_tokens import TokenDesk
from figgo_ops.sandbox.messages import Request, Response

HOST, DOMAIN = "mail.corail.example", "corail.example"
WRONG_PASSWORDS = 5

_OFFERS: Mapping[str, tuple[str, ...]] = {
    "both": ("Negotiate", "NTLM", "Basic"),
    "ntlm": ("Negotiate", "NTLM"),
    "basic": ("Basic",),
    "none-offered": (),
}
_REALM = f'Basic realm="{HOST}"'
_BEARER = (
    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", '
    'trusted_issuers="00000001-0000-0000-c000-000000000000@*", '
    'token_types="app_asserted_user_v1 service_asserted_app_v1", '
    'authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
)
_POLICIES: Mapping[str, str] = {
    "BlockedBySwitch": "EWS is disabled for this user or tenant",
    "BlockedByAllowList": "EWS is blocked by policy for this user or tenant",
}
_IIS = {"Server": "Microsoft-IIS/10.0", "X-Powered-By": "ASP.NET", "X-FEServer": "CORAIL-EX01"}
_LOCKED = "The referenced account is currently locked out and may not be logged on to."
_ADDRESS = "403.6 - Forbidden: IP address of the client has been rejected."
_PAGE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
    "<html><head><title>{0}</title></head><body><h1>Server Error</h1><h2>{0}</h2></body></html>"
)


class Gate:
    r"""The door of one Exchange, with one service account; the switches are those of `ExchangeService`.

    `user` is DOMAIN\user or user@domain. Five wrong passwords within `lock_after` seconds, with no log-on
    between them, lock the account until `unlock`. With `online` on, `user` and `password` are an application
    and its secret. `log_ons` counts what was let in: requests with Basic or Bearer, connections with NTLM.
    The service hands its `arrive` and `leave` on, or nothing is ever in flight.
    """

    def __init__(
        self, user: str, password: str, switches: Mapping[str, Any], clock: Callable[[], float]
    ) -> None:
        self.user, self.password = user, password
        self.tokens = TokenDesk(user, password, clock)
        self.log_ons, self.locked = 0, False
        self.failed: list[tuple[str, float]] = []
        self._wrong: list[float] = []
        self._switches, self._clock = switches, clock
        self._crowd_lock = threading.Lock()
        self._crowd: dict[int, int] = {}

    def admit(self, request: Request) -> Response | None:
        """Let a request in (None), or give the answer it gets instead: a challenge, a refusal, a token."""
        if self._switches["address"] == "refused":
            return Response.text(403, _PAGE.format(_ADDRESS), "text/html", _IIS)
        for judge in (self._log_on, self._permit, self._take_turn):
            answer = judge(request)
            if answer is not None:
                return answer
        return None

    def logged_on(self, request: Request) -> bool:
        """Say whether a request comes with its log-on, right or wrong, and is no leg of a handshake."""
        scheme, shown = _shown(request)
        if scheme in ("basic", "bearer"):
            return True
        if scheme in ("ntlm", "negotiate"):
            return _kind(shown) == ntlm.AUTHENTICATE
        return "logged on" in request.connection

    def unlock(self) -> None:
        """Unlock the account, as an administrator does."""
        self.locked = False
        self._wrong.clear()

    def arrive(self, request: Request) -> None:
        """Count a request in, if it is more than a leg of a handshake."""
        if self.logged_on(request):
            with self._crowd_lock:
                self._crowd[request.number] = len(self._crowd) + 1

    def leave(self, request: Request) -> None:
        """Count a request out."""
        with self._crowd_lock:
            self._crowd.pop(request.number, None)

    def _log_on(self, request: Request) -> Response | None:
        scheme, shown = _shown(request)
        if self._switches["online"]:
            return self._online(request, scheme, shown)
        offered = [offer.lower() for offer in _OFFERS[self._switches["auth"]]]
        if scheme in offered:
            return self._basic(shown) if scheme == "basic" else self._ntlm(request, scheme, shown)
        # NTLM logs a connection on, not a request: what follows on it shows no credentials.
        return None if not scheme and "logged on" in request.connection else self._unauthorised()

    def _online(self, request: Request, scheme: str, token: str) -> Response | None:
        if self.tokens.serves(request):
            return self.tokens.answer(request)
        if scheme == "bearer" and self.tokens.admits(token):
            self.log_ons += 1
            return None
        wrong = ', error="invalid_token"' if scheme == "bearer" else ""
        return Response(401, b"", {**_IIS, "WWW-Authenticate": _BEARER + wrong})

    def _basic(self, shown: str) -> Response | None:
        try:
            raw = base64.b64decode(shown, validate=True)
        except binascii.Error:
            raw = b""
        if b":" not in raw:
            return self._unauthorised()
        # Clients disagree whether Basic is UTF-8 or Latin-1; servers take both.
        users, passwords = zip(*(_pair(raw, encoding) for encoding in ("utf-8", "cp1252")), strict=True)
        known = any(_is_account(self.user, *_taken_apart(user)) for user in users)
        return self._judge(users[0], known=known, right=self.password in passwords)

    def _ntlm(self, request: Request, scheme: str, shown: str) -> Response | None:
        kind = _kind(shown)
        pending = request.connection.pop("ntlm", None)
        request.connection.pop("logged on", None)
        try:
            if kind == ntlm.NEGOTIATE:
                return self._challenge(request, scheme, base64.b64decode(shown))
            if kind == ntlm.AUTHENTICATE and isinstance(pending, ntlm.Challenge):
                return self._answered(request, pending, ntlm.answer(base64.b64decode(shown)))
        except ValueError:
            pass  # a message that cannot be read is nobody's log-on
        return self._unauthorised()

    def _challenge(self, request: Request, scheme: str, asked: bytes) -> Response:
        made = ntlm.challenge(asked, DOMAIN, HOST, self._clock())
        request.connection["ntlm"] = made
        spelt = {"ntlm": "NTLM", "negotiate": "Negotiate"}[scheme]
        headers = {**_IIS, "WWW-Authenticate": f"{spelt} {base64.b64encode(made.message).decode()}"}
        return Response.text(401, _PAGE.format("401 - Unauthorized"), "text/html", headers)

    def _answered(self, request: Request, pending: ntlm.Challenge, answer: ntlm.Answer) -> Response | None:
        if answer.anonymous:
            return self._unauthorised()
        known = _is_account(self.user, answer.domain, answer.user)
        name = f"{answer.domain}\\{answer.user}" if answer.domain else answer.user
        refused = self._judge(name, known=known, right=answer.proves(pending, self.password))
        if refused is None:
            request.connection["logged on"] = True
        return refused

    def _judge(self, user: str, *, known: bool, right: bool) -> Response | None:
        if known and right and not self.locked and self._switches["account"] == "ok":
            self.log_ons += 1
            self._wrong.clear()
            return None
        if not (known and right):
            self._count_failure(user, known=known)
        return (self._told() if known else None) or self._unauthorised()

    def _count_failure(self, user: str, *, known: bool) -> None:
        now, within = self._clock(), self._switches["lock_after"]
        self.failed.append((user, now))
        if known and within:
            self._wrong = [when for when in self._wrong if now - when < within] + [now]
            self.locked = self.locked or len(self._wrong) >= WRONG_PASSWORDS

    def _unauthorised(self) -> Response:
        return self._page_401("401 - Unauthorized")

    def _page_401(self, text: str) -> Response:
        page = Response.text(401, _PAGE.format(text), "text/html", _IIS)
        offers = _OFFERS[self._switches["auth"]]
        page.repeated = tuple(("WWW-Authenticate", _REALM if o == "Basic" else o) for o in offers)
        return page

    def _told(self) -> Response | None:
        """Why an account is refused; None where the reason stands in the server's security log alone."""
        if self._switches["reasons"] == "hidden":
            return None
        if self._switches["account"] == "locked" or self.locked:
            return self._page_401(_LOCKED)
        if self._switches["account"] == "expired":
            return fault_response(FaultError("ErrorPasswordExpired", "The password has expired."))
        return None

    def _permit(self, request: Request) -> Response | None:
        policy = self._switches["policy"] if self._switches["online"] else ""
        if policy:
            return Response(403, b"", {**_IIS, "X-EWS-Policy-Reason": _POLICIES.get(policy, policy)})
        if self._switches["ews"] == "off" or not _admitted(request, self._switches["agents"]):
            return Response.text(403, _PAGE.format("403 - Forbidden: Access is denied."), "text/html", _IIS)
        return None

    def _take_turn(self, request: Request) -> Response | None:
        limit = self._switches["concurrency"]
        with self._crowd_lock:
            place = self._crowd.get(request.number, 0)
        if not limit or place <= limit:
            return None
        text = "Too many requests of this account are in progress."
        return fault_response(FaultError("ErrorExceededConnectionCount", text))


def _admitted(request: Request, agents: str) -> bool:
    """Whether the lists of user agents let this program in."""
    ours = request.headers.get("User-Agent", "").startswith("figgo-ops")
    return agents == "any" or ours == (agents == "listed")


def _shown(request: Request) -> tuple[str, str]:
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), shown.strip()


def _kind(shown: str) -> int:
    # A Kerberos ticket, or NTLM wrapped in SPNEGO, is nothing this server can read.
    try:
        return ntlm.kind(base64.b64decode(shown, validate=True))
    except ValueError:
        return 0


def _pair(raw: bytes, encoding: str) -> tuple[str, str]:
    user, _, password = raw.decode(encoding, errors="replace").partition(":")
    return user, password


def _taken_apart(name: str) -> tuple[str, str]:
    domain, slash, user = name.rpartition("\\")
    return (domain, user) if slash else ("", name)


def _is_account(account: str, domain: str, user: str) -> bool:
    """Whether both name one account; user@domain may also come with the domain apart."""
    shown = (domain.lower(), user.lower())
    local, _, suffix = account.lower().partition("@")
    own_domain, own_user = _taken_apart(account.lower())
    return shown == (own_domain, own_user) or (suffix != "" and shown == (suffix, local))
