"""What a `[[calendar]]` of Exchange may say."""

from datetime import date
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from figgo_ops.checks import SUPPORT, Deadline
from figgo_ops.secrets import SecretRef

PATH = "/EWS/Exchange.asmx"
END = "2027-04-01"
NOTICE = f"Microsoft ends EWS for Exchange Online on {END}: move to a calendar of kind microsoft365 before."
ENDING = Deadline(
    "EWS in Exchange Online",
    date.fromisoformat(END),
    "Move its mailboxes to a calendar of kind microsoft365 (`figgo-ops move`).",
    SUPPORT,
    "ews-end",
)
"""Microsoft switches it off on that day; the day before is not known to be the last good one."""

TOKENS = "https://login.microsoftonline.com"
ONLINE = f"https://outlook.office365.com{PATH}"


class Settings(BaseModel):
    r"""What a `[[calendar]]` of Exchange says beside name, kind and whom it is for.

    Attributes:
        url: of EWS, or of the server alone.
        user: the service account, as DOMAIN\name or name@domain.
        password: reference to its password.
        auth: how to log on; left out, the server is asked once.
        deletion: into the owner's Deleted Items, or for good.
        threads: mailboxes at once; Exchange allows 27 requests in flight unless told otherwise.
        online: Exchange Online, while Microsoft still allows it; then the application stands for the account.
        tenant_id, client_id, client_secret: the application, only for `online`.
        token_url, ca_file: where else tokens come from, and whom to trust.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = Field(None, pattern="^https://[^/?#]+")
    user: str | None = Field(None, min_length=1)
    password: SecretRef | None = None
    auth: Literal["ntlm", "basic"] | None = None
    deletion: Literal["soft", "hard"] = "soft"
    threads: int = Field(8, ge=1, le=27)
    ca_file: str | None = None
    online: bool = False
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: SecretRef | None = None
    token_url: str | None = Field(None, pattern="^https://")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """One way to log on, and all of it."""
        account = {"url": self.url, "user": self.user, "password": self.password}
        application = {
            "tenant_id": self.tenant_id,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        if self.online:
            needed, other = application, {"user": self.user, "password": self.password, "auth": self.auth}
        else:
            needed, other = account, {**application, "token_url": self.token_url}
        missing = [name for name, value in needed.items() if value is None]
        if missing:
            raise ValueError(f"{missing[0]} is missing")
        surplus = [name for name, value in other.items() if value is not None]
        if surplus:
            with_or_without = "without" if self.online else "with"
            raise ValueError(f"{surplus[0]} belongs only to a calendar {with_or_without} online = true")
        return self

    @property
    def services(self) -> tuple[str, ...]:
        """Where it calls; tokens come from Microsoft's own place, unless told otherwise."""
        return (self.endpoint, self.token_url or TOKENS) if self.online else (self.endpoint,)

    @property
    def trusts_machine(self) -> bool:
        """Authorities that this machine trusts count here: a company's own one is often installed there."""
        return True

    @property
    def endpoint(self) -> str:
        """Where EWS is; a server alone has it at the usual place."""
        url = self.url or ONLINE
        return url if urlsplit(url).path.strip("/") else url.rstrip("/") + PATH
