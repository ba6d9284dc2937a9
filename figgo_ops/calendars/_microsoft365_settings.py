"""What a `[[calendar]]` of Microsoft 365 may say."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from figgo_ops.secrets import SecretRef

GRAPH = "https://graph.microsoft.com"
SIGN_IN = "https://login.microsoftonline.com"
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")


# Narrow on purpose: messages repeat both, and a line of a private key is letters and digits as well.
def _organization(text: str) -> str:
    if not _GUID.fullmatch(text) and not _DOMAIN.fullmatch(text):
        raise ValueError("must be the organization's id (a GUID) or one of its domains")
    return text


def _application(text: str) -> str:
    if not _GUID.fullmatch(text):
        raise ValueError("must be the id of the application, a GUID")
    return text


class Settings(BaseModel):
    """What a `[[calendar]]` of Microsoft 365 says beside name, kind and whom it is for.

    Attributes:
        tenant_id: of the customer's organization in Microsoft Entra: a GUID or one of its domains.
        client_id: of the application registered there.
        certificate: reference to a PEM file with the application's private key and certificate.
        client_secret: reference to its secret instead; it expires unseen, so a certificate is better.
        threads: batches in flight at once; each holds up to 20 mailboxes.
        api_root, authority, ca_file: only for what stands in for Microsoft.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant_id: Annotated[str, AfterValidator(_organization)]
    client_id: Annotated[str, AfterValidator(_application)]
    certificate: SecretRef | None = None
    client_secret: SecretRef | None = None
    threads: int = Field(20, ge=1, le=64)
    api_root: str = Field(GRAPH, pattern="^https://")
    authority: str = Field(SIGN_IN, pattern="^https://")
    ca_file: str | None = None

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.certificate is None) == (self.client_secret is None):
            raise ValueError("exactly one of certificate and client_secret is needed")
        return self

    @property
    def services(self) -> tuple[str, ...]:
        """Where it calls."""
        return self.api_root, self.authority
