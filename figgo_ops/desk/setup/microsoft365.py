"""What the administrator of a Microsoft 365 pastes, so that we may write some calendars and nothing else.

One application, known by a certificate, whose only right is a role of Exchange Online within one management
scope. The script holds no secret, creates only what is not there yet, renews, and ends with the way back.
Its form follows from the console, as in `setup_exchange`, and from what Microsoft's modules do:

- A pasted line runs although the one before it failed, and a failed `Get-` leaves nothing behind: what is
  replaced as a whole (certificates, the list for EWS) is written only when it was read.
- A consent in Entra and a role in Exchange Online add up, so the role is not given beside a consent for
  every mailbox, unless an application access policy narrows that consent until section 12 takes it away.
- Names of applications need not be unique: they are compared here, and two of one name are refused.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from figgo_ops.desk.setup.exchange import SCOPE
from figgo_ops.desk.setup.powershell import Section, check_name, filled, joined, literal, opath, split
from figgo_ops.errors import UsageError

_SCRIPT = Path(__file__).parent.parent / "templates" / "microsoft365.ps1"
_ORGANIZATION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_SOVEREIGN = (".onmicrosoft.us", ".onmicrosoft.cn", ".partner.onmschina.cn")

# How long Exchange Online lets the names of its objects be, and Windows a path.
_OBJECT, _PATH = 64, 260
_ASSIGNMENTS = ("assignment", "settings", "bridge")


@dataclass(frozen=True, slots=True)
class Microsoft365Setup:
    """What the customer decided.

    Attributes:
        organization: one of its domains (`acme.onmicrosoft.com`) or its id in Microsoft Entra, a GUID.
        group: name or display name of the group whose direct members' calendars we may write.
        certificate: where the administrator has put the certificate, without its private key.
        application: name of the application in Microsoft Entra.
        scope: name of the management scope.
        assignment: name of the role assignment for calendars.
        settings: name of the one for mailbox settings, should it be wanted.
        bridge: name of the one for EWS, should it be needed.

    Raises:
        UsageError: a name that cannot be one, or a sovereign cloud; the message says which.
    """

    organization: str
    group: str
    certificate: str = "figgo-ops.cer"
    application: str = "figgo-ops"
    scope: str = SCOPE
    assignment: str = "FiggoSyncCalendars"
    settings: str = "FiggoSyncMailboxSettings"
    bridge: str = "FiggoSyncEws"

    def __post_init__(self) -> None:
        _check_organization(self.organization)
        check_name("certificate", self.certificate, _PATH)
        for field in ("group", "application", "scope", *_ASSIGNMENTS):
            check_name(field, getattr(self, field), _OBJECT)
        if len({getattr(self, field).casefold() for field in _ASSIGNMENTS}) < len(_ASSIGNMENTS):
            raise UsageError(
                f"{', '.join(_ASSIGNMENTS)}: two of these role assignments have one name.",
                "Give each a name of its own.",
            )


def script(setup: Microsoft365Setup) -> str:
    """The whole script; kept in a file it needs UTF-8 with a byte order mark, as that for Exchange does."""
    head, _ = split(_SCRIPT.read_text(encoding="utf-8"))
    return joined(head, sections(setup))


def sections(setup: Microsoft365Setup) -> tuple[Section, ...]:
    """The script in the parts that are pasted one after the other."""
    values = _values(setup)
    _, every = split(_SCRIPT.read_text(encoding="utf-8"))
    return tuple(filled(section, values) for section in every)


def _values(setup: Microsoft365Setup) -> dict[str, str]:
    named = " -or ".join(f"{field} -eq {opath(setup.group)}" for field in ("Name", "DisplayName"))
    return {
        "organization": literal(setup.organization),
        "group": literal(named),
        "named": literal(setup.group),
        "file": literal(setup.certificate),
        "application": literal(setup.application),
        "scope": literal(setup.scope),
        "assignment": literal(setup.assignment),
        "settings": literal(setup.settings),
        "bridge": literal(setup.bridge),
    }


def _check_organization(name: str) -> None:
    if not _ORGANIZATION.fullmatch(name):
        raise UsageError(
            f"organization: {name!r} is neither a domain nor an id.",
            "Give it as in acme.onmicrosoft.com, or as the GUID that Microsoft Entra shows.",
        )
    if name.casefold().endswith(_SOVEREIGN):
        raise UsageError(
            f"organization: {name} is in a sovereign cloud (US Government, 21Vianet), which is not covered.",
            "Nothing can be set up there: its sign-in and its calendars have other addresses.",
        )
