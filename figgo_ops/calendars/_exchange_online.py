"""Exchange Online over EWS, for the time that Microsoft still allows it: tokens instead of passwords."""

import re
from collections.abc import Mapping
from typing import Any

from exchangelib import OAuth2Credentials
from oauthlib.oauth2 import OAuth2Error

from figgo_ops.calendars._exchange_errors import Denied
from figgo_ops.calendars._exchange_refusal import Refusal
from figgo_ops.calendars._lost import Lost
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    RightsMissing,
    RowFailed,
    Unreachable,
    UsageError,
)
from figgo_ops.plan import Mailbox

_OUT_OF_ORDER = ("temporarily_unavailable", "server_error", "missing_token")
"""The last one is the library's word for an answer without JSON."""


class Application(OAuth2Credentials):  # type: ignore[misc]
    """An application that acts for nobody in particular; its token may come from a stand-in.

    Args:
        desk: where tokens are given out; None for Microsoft's own.
    """

    def __init__(self, client_id: str, client_secret: str, tenant_id: str, desk: str | None) -> None:
        super().__init__(client_id=client_id, client_secret=client_secret, tenant_id=tenant_id)
        self.desk = desk

    @property
    def token_url(self) -> str:
        """Where tokens are given out."""
        return self.desk or str(super().token_url)

    def session_params(self) -> dict[str, Any]:
        """Nothing that renews a token: that takes a refresh token, and applications get none.

        The library then begins a new session, with a new token, when one has ended.
        """
        return {"token": self.access_token}


def no_token(mailbox: Mailbox, error: OAuth2Error) -> Denied | Lost:
    """What it means that no token was given."""
    if error.error in _OUT_OF_ORDER:
        what = f"{mailbox}: Microsoft's sign-in service is out of order, or something else answered for it."
        remedy = "Run again later; look for a proxy or a login page if it stays."
        return Lost(Unreachable(what, remedy, code="sign-in-down"), sent=False)
    said = str(getattr(error, "description", "") or "")
    refusal = Refusal("HTTP 400", said, status=400, level="http")
    return Denied(refusal, _meaning(mailbox, refusal))


def _meaning(mailbox: Mailbox, refusal: Refusal) -> FiggoOpsError:
    found = re.search(r"\bAADSTS\d+", refusal.text)
    kind, cause, remedy, code = _MEANINGS.get(found[0], _OTHER) if found else _UNKNOWN
    number = found[0] if found else refusal.code
    return kind(f"{mailbox}: Microsoft gives no token ({number}): {cause}.", remedy, code=code)


_Meaning = tuple[type[FiggoOpsError], str, str, str]
_IDS = "Compare client_id and tenant_id in the tenant file with the Entra admin center."
_NEW = "Make a new one in the Entra admin center and store it with `figgo-ops secret set`."
_LOG = "Have an administrator look at the application's sign-in log in the Entra admin center."
_CONSENT = "Have an administrator grant consent to the application in the Entra admin center."
_NO_ORGANIZATION: _Meaning = UsageError, "it knows no such organization", _IDS, "unknown-tenant"
_MEANINGS: Mapping[str, _Meaning] = {
    "AADSTS7000215": (CredentialRefused, "the application's secret is wrong", _NEW, "secret-wrong"),
    "AADSTS7000222": (CredentialRefused, "the application's secret has expired", _NEW, "secret-expired"),
    "AADSTS700016": (UsageError, "the organization has no such application", _IDS, "unknown-client"),
    "AADSTS90002": _NO_ORGANIZATION,
    "AADSTS900023": _NO_ORGANIZATION,
    "AADSTS65001": (RightsMissing, "nobody has consented to the application", _CONSENT, "consent-missing"),
    "AADSTS7000112": (RightsMissing, "the application is disabled", _LOG, "application-disabled"),
    "AADSTS53003": (RightsMissing, "conditional access keeps it out", _LOG, "conditional-access"),
}
_OTHER: _Meaning = UsageError, "application or organization is unknown", _IDS, "no-token"
_UNKNOWN: _Meaning = (
    RowFailed,
    "it does not say why",
    "Run again later; tell the makers if it stays.",
    "no-token",
)
