"""What the administrator of an Exchange on premises pastes, so that we may write calendars and nothing else.

One script for Exchange 2013, 2016, 2019 and Subscription Edition. It holds no secret, creates only what is
not there yet, and ends with the way back. Its form follows from the Exchange Management Shell:

- A pasted line runs although the one before it failed: every write stands behind a test for what it needs.
- Some consoles run a statement at its closing brace, others wait for an empty line: `else` stands on the line
  of that brace, and an empty line follows every statement of several lines and is in none.
- What is pasted behind a question becomes its answer, so a section ends where it asks.
- A remote pipeline cannot run inside another one: a list is read to its end before anything is done to it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from figgo_ops.desk.setup.powershell import Section, check_name, filled, joined, literal, opath, split
from figgo_ops.errors import UsageError

SCOPE = "UsersWithFiggoSync"

_SCRIPT = Path(__file__).parent.parent / "templates" / "exchange.ps1"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_DISTINGUISHED = re.compile(r",\s*DC\s*=", re.IGNORECASE)
_METHODS = {"ntlm": "WindowsAuthentication", "basic": "BasicAuthentication"}

# How long Windows lets the names of accounts be, and Exchange those of its own objects.
_ACCOUNT, _OBJECT, _PLACE = 20, 64, 2048


@dataclass(frozen=True, slots=True)
class MembersOf:
    """The mailboxes of a group's direct members.

    Attributes:
        group: name, display name or distinguished name of a distribution or mail-enabled security group.
    """

    group: str


@dataclass(frozen=True, slots=True)
class Below:
    """The mailboxes below an organizational unit.

    Attributes:
        unit: its distinguished name, or the form `corp.example/Staff`.
    """

    unit: str


@dataclass(frozen=True, slots=True)
class ExchangeSetup:
    """What the customer decided.

    Attributes:
        account: of the service account, as it logs on, without its domain.
        domain: of that account, short (`CORP`) or in full (`corp.example`).
        whom: whose calendars we may write.
        host: of `https://HOST/EWS/Exchange.asmx`.
        log_on: how the service account proves who it is.
        scope: name of the management scope.
        assignment: name of the role assignment.
        policy: name of the throttling policy, should one be needed.

    Raises:
        UsageError: a name that cannot be one; the message says which.
    """

    account: str
    domain: str
    whom: MembersOf | Below
    host: str
    log_on: Literal["ntlm", "basic"] = "ntlm"
    scope: str = SCOPE
    assignment: str = "FiggoSyncImpersonation"
    policy: str = "FiggoSync"

    def __post_init__(self) -> None:
        check_name("account", self.account, _ACCOUNT)
        check_name("domain", self.domain, _PLACE)
        _check_single("account", self.account)
        _check_single("domain", self.domain)
        check_name(*_whom(self.whom), _PLACE)
        for field in ("scope", "assignment", "policy"):
            check_name(field, getattr(self, field), _OBJECT)
        if not _HOST.fullmatch(self.host):
            raise UsageError(
                f"host: {self.host!r} is not the name of a host.",
                "Give it as in mail.corp.example, without https:// and path.",
            )


def script(setup: ExchangeSetup) -> str:
    """The whole script.

    Kept in a file it needs UTF-8 with a byte order mark: Windows PowerShell reads other files in the code
    page of the machine, where bytes of an accented letter are typographic quotes, and these end a literal.
    """
    return joined(split(_SCRIPT.read_text(encoding="utf-8"))[0], sections(setup))


def sections(setup: ExchangeSetup) -> tuple[Section, ...]:
    """The script in the parts that are pasted one after the other."""
    values = _values(setup)
    return tuple(filled(section, values) for section in _chosen(setup.whom))


def _chosen(whom: MembersOf | Below) -> Iterator[Section]:
    """The sections that fit; where the directory is asked for a group, it is not asked for a unit."""
    other = "<unit>" if isinstance(whom, MembersOf) else "<group>"
    _, every = split(_SCRIPT.read_text(encoding="utf-8"))
    return (section for section in every if other not in section.text)


def _values(setup: ExchangeSetup) -> dict[str, str]:
    _, name = _whom(setup.whom)
    return {
        "account": literal(f"{setup.domain}\\{setup.account}"),
        "short": literal(setup.account),
        "domain": literal(setup.domain),
        "group": literal(_named(name)),
        "unit": literal(name),
        "scope": literal(setup.scope),
        "assignment": literal(setup.assignment),
        "policy": literal(setup.policy),
        "host": literal(setup.host),
        "url": literal(f"https://{setup.host}/EWS/Exchange.asmx"),
        "method": _METHODS[setup.log_on],
    }


def _named(group: str) -> str:
    """A filter for the group: exact, where an identity would also match aliases."""
    # Compared with a distinguished name, any other text is an error to Exchange and not merely unequal.
    fields = ("DistinguishedName",) if _DISTINGUISHED.search(group) else ("Name", "DisplayName")
    return " -or ".join(f"{field} -eq {opath(group)}" for field in fields)


def _whom(whom: MembersOf | Below) -> tuple[str, str]:
    """The name of the field, and what it says."""
    return ("group", whom.group) if isinstance(whom, MembersOf) else ("unit", whom.unit)


def _check_single(field: str, name: str) -> None:
    if set(name) & set("\\/@"):
        raise UsageError(f"{field}: {name!r} is more than one name.", "Give account and domain one by one.")
