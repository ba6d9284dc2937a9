"""Exchange Online over EWS, for the time that Microsoft still allows it: tokens instead of passwords."""

from typing import Any

from exchangelib import OAuth2Credentials
from oauthlib.oauth2 import OAuth2Error

from figgo_ops.calendars._exchange_errors import Denied
from figgo_ops.calendars._exchange_refusal import Refusal
from figgo_ops.calendars._lost import Lost
from figgo_ops.errors import CredentialRefused, FiggoOpsError, RowFailed, Unreachable, UsageError
from figgo_ops.plan import Mailbox

_SECRET = ("AADSTS7000215", "AADSTS7000222")
"""The secret is wrong, or has expired."""

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
        return Lost(Unreachable(what, remedy), sent=False)
    said = str(getattr(error, "description", "") or "")
    refusal = Refusal("HTTP 400", said, status=400, level="http")
    return Denied(refusal, _meaning(mailbox, refusal))


def _meaning(mailbox: Mailbox, refusal: Refusal) -> FiggoOpsError:
    if any(number in refusal.text for number in _SECRET):
        return CredentialRefused(
            f"{mailbox}: Microsoft refuses the application's secret: it is wrong or has expired.",
            "Make a new one in the Entra admin center and store it with `figgo-ops secret set`.",
        )
    if "AADSTS" in refusal.text:
        number = refusal.text.partition(":")[0][:20]
        return UsageError(
            f"{mailbox}: Microsoft gives no token ({number}): application or organization is unknown.",
            "Compare client_id and tenant_id in the tenant file with the Entra admin center.",
        )
    return RowFailed(
        f"{mailbox}: Microsoft gives no token ({refusal.code}).",
        "Run again later; if it stays, tell the makers.",
    )
