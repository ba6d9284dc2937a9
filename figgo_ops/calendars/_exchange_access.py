"""As whom and how to log on to Exchange: the service account, or an application for Exchange Online."""

from dataclasses import dataclass
from typing import Any

from exchangelib import Credentials
from exchangelib.transport import BASIC, NTLM, OAUTH2

from figgo_ops.calendars import Memory, Resolve
from figgo_ops.calendars._exchange_online import Application
from figgo_ops.calendars._exchange_refusal import Refusal
from figgo_ops.calendars._exchange_settings import Settings

_OFFERED = {"ntlm": "ntlm", "negotiate": "ntlm", "basic": "basic"}
"""What to log on with where a server offers it, best first: NTLM never shows the password."""

_METHODS = {"ntlm": NTLM, "basic": BASIC, "oauth": OAUTH2}


@dataclass(frozen=True, slots=True)
class Access:
    """As whom to log on.

    Attributes:
        credentials: the library's own; it never shows the secret in them.
        auth: "ntlm", "basic" or "oauth"; None to ask the server once.
    """

    user: str
    credentials: Any
    auth: str | None

    @property
    def online(self) -> bool:
        """Whether this is Exchange Online, which takes tokens only."""
        return self.auth == "oauth"


def access(settings: Settings, secret: Resolve) -> Access:
    """What the settings say, with the secret in it.

    Raises:
        SecretUnavailable: the reference leads nowhere.
    """
    if settings.online:
        client, tenant = settings.client_id or "", settings.tenant_id or ""
        value = secret(settings.client_secret or "").value
        return Access(client, Application(client, value, tenant, settings.token_url), "oauth")
    user = settings.user or ""
    return Access(user, Credentials(user, secret(settings.password or "").value), settings.auth)


class Method:
    """How to log on: as the tenant file says, as it went before, or as the server offers.

    Attributes:
        auth: "ntlm", "basic" or "oauth"; "" while it is not known.
        remembered: it went so before, and the server may have changed since.
    """

    def __init__(self, access: Access, memory: Memory) -> None:
        self._fixed, self._memory = access.auth or "", memory
        self.auth = self._fixed
        self.remembered = False

    @property
    def word(self) -> str:
        """The library's word for it; "" while it is not known."""
        return str(_METHODS.get(self.auth, ""))

    def recall(self) -> bool:
        """Whether it is known now without asking the server."""
        if not self.auth:
            self.auth = self._memory.recall("log-on")
            self.remembered = bool(self.auth)
        return bool(self.auth)

    def choose(self, refusal: Refusal) -> bool:
        """Whether one of the methods that the server offers to a stranger will do."""
        fitting = [auth for method, auth in _OFFERED.items() if method in refusal.offered]
        if refusal.status == 401 and fitting:
            self.auth = fitting[0]
        return bool(self.auth)

    def keep(self) -> None:
        """It went so; the next run need not ask."""
        if not self._fixed:
            self._memory.remember("log-on", self.auth)

    def forget(self) -> None:
        """The server does not take it any more."""
        self.auth, self.remembered = "", False
        self._memory.remember("log-on", "")
