"""What Google's refusals mean, and who can do something about each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from figgo_ops.calendars._lost import Denial
from figgo_ops.calendars._said import said
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    MailboxAbsent,
    RightsMissing,
    RowFailed,
    UsageError,
)

SCOPE = "https://www.googleapis.com/auth/calendar.events.owned"
"""All that is asked for; the customer's administrator must grant exactly this text."""

RATE_LIMITS = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
PASSING = frozenset({"internal_failure", "server_error", "temporarily_unavailable"})
"""Errors of the token endpoint that go away by themselves."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Google said no.

    Attributes:
        status: of HTTP.
        reason: Google's word for it.
        text: Google's sentence.
        token: whether the token endpoint said it; then nothing reached the calendar.
        asked: seconds that Google wants us to wait.
    """

    status: int
    reason: str
    text: str = ""
    token: bool = False
    asked: float | None = None

    @property
    def too_fast(self) -> bool:
        """Whether it is only about the pace."""
        return not self.token and (self.status == 429 or self.reason in RATE_LIMITS)

    @property
    def of_user(self) -> bool:
        """Whether the token endpoint knows our key, and says no for this user only."""
        case = next(case for case in _TOKEN if _fits(case, self))
        return self.token and case.name in _OF_USER

    @property
    def gone(self) -> bool:
        """Whether the event may be deleted: Google answers even a write to a tombstone with 403."""
        return not self.token and (
            self.status in (404, 410) or (self.status, self.reason) == (403, "forbidden")
        )


class Denied(Denial):
    """Google refused, and what that means for a person."""

    def __init__(self, refusal: Refusal, error: FiggoOpsError) -> None:
        super().__init__(error)
        self.refusal = refusal

    @property
    def seen(self) -> str:
        """Status, Google's word and its sentence."""
        refusal = self.refusal
        # Of the token endpoint the library does not hand the status on.
        status = "token refused" if refusal.token else f"HTTP {refusal.status}"
        return f"{status} {refusal.reason}".strip() + said(refusal.text)


def api_refusal(status: int, content: bytes, asked: float | None) -> Refusal | None:
    """The refusal in an answer of the calendar; None when it is not in Google's language."""
    try:
        error = json.loads(content)["error"]
        first: Mapping[str, Any] = (error.get("errors") or error.get("details") or [{}])[0]
        return Refusal(status, str(first.get("reason", "")), str(error.get("message", "")), asked=asked)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def refused_client(refusal: Refusal) -> bool:
    """Whether the token endpoint does not let this client act for the user."""
    return refusal.token and refusal.reason == "unauthorized_client"


@dataclass(frozen=True, slots=True)
class _Case:
    """A refusal as it is recognised, and what it means.

    Attributes:
        name: code of the error, for programs.
    """

    reason: str
    words: str
    kind: type[FiggoOpsError]
    cause: str
    remedy: str
    name: str


_CLIENT = "client id {client} with exactly the scope {scope}"
_CONSOLE = "Admin console > Security > Access and data control > API controls"
_NEW_KEY = (
    "Make a new key of the service account in the Cloud console and store it with `figgo-ops secret set`."
)
_ADDRESS = "Correct the address in Figgo, or end the person's contract there."

_TOKEN = (
    _Case(
        "unauthorized_client",
        "",
        RightsMissing,
        f"domain-wide delegation does not cover {_CLIENT}, or the address is in another customer's domain",
        f"In {_CONSOLE} > Manage Domain Wide Delegation add {_CLIENT}; it may take up to 24 hours.",
        "delegation-missing",
    ),
    _Case(
        "invalid_grant",
        "account has been deleted",
        MailboxAbsent,
        "the account was deleted",
        _ADDRESS,
        "user-deleted",
    ),
    _Case(
        "invalid_grant", "invalid email", MailboxAbsent, "Google knows no such user", _ADDRESS, "user-unknown"
    ),
    _Case(
        "invalid_grant",
        "not a valid email",
        MailboxAbsent,
        "Google knows no such user",
        _ADDRESS,
        "user-unknown",
    ),
    _Case(
        "invalid_grant",
        "short-lived token",
        UsageError,
        "this machine's clock is wrong{skew}",
        "Set the clock of this machine, then run again.",
        "clock",
    ),
    _Case(
        "invalid_grant",
        "signature",
        CredentialRefused,
        "Google does not know the key any more",
        _NEW_KEY,
        "key-unknown",
    ),
    _Case(
        "invalid_grant",
        "verifier",
        CredentialRefused,
        "the service account does not exist",
        _NEW_KEY,
        "account-unknown",
    ),
    _Case(
        "invalid_grant",
        "account not found",
        CredentialRefused,
        "the service account does not exist",
        _NEW_KEY,
        "account-unknown",
    ),
    _Case(
        "invalid_client",
        "",
        CredentialRefused,
        "Google does not know the service account",
        _NEW_KEY,
        "account-unknown",
    ),
    _Case("invalid_request", "", RowFailed, "Google finds the address malformed", _ADDRESS, "bad-address"),
    _Case(
        "access_denied",
        "account restricted",
        RowFailed,
        "the account is suspended or restricted",
        "Ask the customer's administrator to restore the account, or put the person into `[scope] except`.",
        "suspended",
    ),
    _Case(
        "access_denied",
        "",
        RowFailed,
        "access of this client to the account is blocked",
        f"In {_CONSOLE} > App access control allow client id {{client}}.",
        "client-blocked",
    ),
    _Case(
        "",
        "",
        RowFailed,
        "Google gave no token ({reason}: {text})",
        "Run again later; if it stays, tell the makers.",
        "no-token",
    ),
)

_OF_USER = frozenset(
    {"delegation-missing", "user-deleted", "user-unknown", "bad-address", "suspended", "client-blocked"}
)
"""The signature is looked at before the user is."""

_API = (
    _Case(
        "insufficientPermissions",
        "",
        RightsMissing,
        "the token's scope is too small for calendars",
        f"In {_CONSOLE} > Manage Domain Wide Delegation give {_CLIENT}.",
        "scope-too-small",
    ),
    _Case(
        "accessNotConfigured",
        "",
        RightsMissing,
        "the Google Calendar API is not enabled in the service account's project",
        "Enable calendar-json.googleapis.com in the Cloud console and wait some minutes.",
        "api-disabled",
    ),
    _Case(
        "notACalendarUser",
        "",
        RowFailed,
        "Google Calendar is switched off for this user",
        "Switch the service on for the user's unit, or put the person into `[scope] except`.",
        "calendar-off",
    ),
    _Case(
        "quotaExceeded",
        "",
        RowFailed,
        "Google blocks changes to this calendar for some hours (usage limits exceeded)",
        "Run again tomorrow; find out what else changes this calendar so often.",
        "usage-limits",
    ),
    _Case("rateLimitExceeded", "", RowFailed, "Google wants fewer requests", "Run again later.", "too-fast"),
    _Case(
        "userRateLimitExceeded", "", RowFailed, "Google wants fewer requests", "Run again later.", "too-fast"
    ),
    _Case(
        "authError",
        "",
        RowFailed,
        "Google does not accept its own token",
        "Run again later.",
        "token-refused",
    ),
    _Case(
        "",
        "",
        RowFailed,
        "Google said no ({status} {reason}: {text})",
        "Plan again; if it stays, tell the makers.",
        "unknown-refusal",
    ),
)

_ALIASES = {
    "SERVICE_DISABLED": "accessNotConfigured",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "insufficientPermissions",
}


def meaning(refusal: Refusal, whom: str, client: str, skew: timedelta | None = None) -> FiggoOpsError:
    """The error a person should read.

    Args:
        whom: the mailbox, and the calendar that reaches it.
        client: numeric id of the service account, to be pasted into the Admin console.
        skew: how far Google's clock was ahead of ours in its last answer.
    """
    case = next(case for case in (_TOKEN if refusal.token else _API) if _fits(case, refusal))
    facts = {
        "client": client,
        "scope": SCOPE,
        "skew": _spelt(skew),
        "status": refusal.status,
        "reason": refusal.reason or "no reason given",
        "text": refusal.text[:200],
    }
    return case.kind(f"{whom}: {case.cause.format(**facts)}.", case.remedy.format(**facts), code=case.name)


def _fits(case: _Case, refusal: Refusal) -> bool:
    reason = _ALIASES.get(refusal.reason, refusal.reason)
    return case.reason in ("", reason) and case.words in refusal.text.casefold()


def _spelt(skew: timedelta | None) -> str:
    if skew is None:
        return ""
    minutes = round(abs(skew) / timedelta(minutes=1))
    return f": it is {minutes} minutes {'behind' if skew > timedelta(0) else 'ahead of'} Google's"
