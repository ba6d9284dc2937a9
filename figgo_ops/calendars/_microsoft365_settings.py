"""What a `[[calendar]]` of Microsoft 365 may say."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from figgo_ops.secrets import SecretRef

GRAPH = "https://graph.microsoft.com"
SIGN_IN = "https://login.microsoftonline.com"


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

    tenant_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")
    client_id: str = Field(pattern=r"^[A-Za-z0-9-]+$")
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
