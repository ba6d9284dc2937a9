"""Whether everything a tenant needs is there and works, check by check: each with cause, remedy and who acts.

Nothing is written to a calendar unless the write probe is asked for, and a credential is tried once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, get_args

from figgo_ops import tenants
from figgo_ops.checks import Check, Deadline, Status, exit_of, of, until
from figgo_ops.desk.diagnostics import calendars, files, mailboxes, radar, reaching, remedies
from figgo_ops.desk.diagnostics.figgo import Source
from figgo_ops.desk.diagnostics.mailboxes import Row
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from figgo_ops.leaves import Person
from figgo_ops.secrets import REDACTOR
from figgo_ops.session import Console, Session
from figgo_ops.transport import Clock

__all__ = ["Ask", "Diagnosis", "diagnose", "examine", "examine_calendar", "examine_figgo", "unreadable"]


@dataclass(frozen=True, slots=True)
class Ask:
    """What to look at beside everything that is always looked at.

    Attributes:
        employee: id, mail or number of the person whose mailbox is tried; "" for the first of each calendar.
        outside: a mailbox that must stay closed to us; "" for those that the tenant file names.
        write_probe: write one event into that mailbox, and take it away again.
        mailboxes: look at every mailbox; a draft's are looked at in any case.
    """

    employee: str = ""
    outside: str = ""
    write_probe: bool = False
    mailboxes: bool = False


@dataclass(slots=True)
class Diagnosis:
    """What was tried for one tenant, in order, and what came out.

    Attributes:
        deadlines: what will end, soonest first.
        mailboxes: one row per person in scope; empty unless mailboxes were looked at.
        people: everybody Figgo showed, for whoever has to leave their names out.
    """

    tenant: str
    checks: list[Check] = field(default_factory=list)
    deadlines: list[Deadline] = field(default_factory=list)
    mailboxes: list[Row] = field(default_factory=list)
    people: list[Person] = field(default_factory=list, repr=False)

    @property
    def exit(self) -> int:
        """6 when a check failed."""
        return exit_of(self.checks)

    def count(self, status: str) -> int:
        """How many checks ended so."""
        return sum(check.status == status for check in self.checks)

    def document(self) -> dict[str, Any]:
        """The JSON shape other programs rely on."""
        return {
            "tenant": self.tenant,
            "checks": [asdict(check) for check in self.checks],
            "deadlines": [{**asdict(one), "day": one.day.isoformat()} for one in self.deadlines],
            "mailboxes": [asdict(row) for row in self.mailboxes],
        }


def diagnose(
    home: Home,
    name: str,
    ask: Ask | None = None,
    *,
    clock: Clock | None = None,
    console: Console | None = None,
    retry_credential: bool = False,
) -> Diagnosis:
    """Look at everything one tenant needs.

    Raises:
        UsageError: there is no such tenant, or no such person or home; a wrong tenant file is a failed check.
    """
    try:
        tenant = tenants.load(home, name)
    except UsageError as error:
        return unreadable(home, name, error)
    with Session(home, tenant, clock=clock, console=console, retry_credential=retry_credential) as session:
        return examine(session, ask or Ask())


def unreadable(home: Home, name: str, error: UsageError) -> Diagnosis:
    """The diagnosis of a tenant whose file is wrong; the error itself where there is no such file."""
    if name not in tenants.names(home):
        raise error
    return Diagnosis(name, [_paged(of("tenant file", error, tried=f"read {home.tenants / name}.toml"))])


def examine(session: Session, ask: Ask) -> Diagnosis:
    """Look at everything the tenant of this session needs; it need not have a file yet.

    Raises:
        UsageError: there is no such person, or nobody was named whose mailbox a write probe may write to.
    """
    if ask.write_probe and not ask.employee:
        raise UsageError(
            "A write probe writes into a mailbox, if only for a moment.", "Say whose: --employee E."
        )
    found = Diagnosis(session.tenant.name)
    for part in _parts(session, ask, found):
        for check in part:
            found.checks.append(_paged(check))
            session.console.say(f"{check.status:8} {check.name}")
    _remember(session, found)
    return found


def examine_figgo(session: Session, source: Source | None = None) -> list[Check]:
    """The way to Figgo, the key, and what its role shows: the first thing that a form tries.

    Args:
        source: keeps what Figgo says, for whoever goes on with it.
    """
    ways = _Ways(session, "Figgo")
    source = source or Source(session)
    source.closed = ways.closed("Figgo")
    parts = (ways.kept.of("Figgo"), ways.reached.checks, source.checks())
    return [_paged(check) for part in parts for check in part]


def examine_calendar(session: Session, name: str, ask: Ask, source: Source | None = None) -> list[Check]:
    """The way to one calendar, its log-on and rights; Figgo is asked whose mailbox may be tried.

    Args:
        source: what Figgo said before, so that it is not asked again.

    Raises:
        UsageError: there is no such calendar or person.
    """
    calendar = session.tenant.calendar(name)
    ways = _Ways(session, *([] if source else ["Figgo"]), name)
    asked: list[Check] = []
    if source is None:
        source = Source(session, closed=ways.closed("Figgo"))
        asked = [check for check in source.checks() if not check.clean]
    mine = calendars.checks(session, calendar, source, ask, closed=ways.closed(name))
    parts = (ways.kept.of(name), asked, ways.reached.of(name), mine)
    return [_paged(check) for part in parts for check in part]


class _Ways:
    """The secrets on this machine and the ways to every service, or to some of them."""

    def __init__(self, session: Session, *owners: str) -> None:
        self.kept = files.kept(session)
        self.reached = reaching.reach(session, *owners)

    def closed(self, owner: str) -> str:
        """Why this service cannot be asked; "" when nothing is in the way."""
        return self.kept.closed(owner) or self.reached.closed(owner)

    @property
    def shut(self) -> dict[str, str]:
        """The calendars that cannot be asked, retired ones too, with the reason."""
        names = (calendar.name for calendar in self.kept.tenant.calendars)
        return {name: why for name in names if (why := self.closed(name))}


def _parts(session: Session, ask: Ask, found: Diagnosis) -> Iterator[Iterable[Check]]:
    tenant = session.tenant
    ways = _Ways(session)
    yield ways.kept.checks
    yield ways.reached.checks
    source = Source(session, closed=ways.closed("Figgo"))
    yield source.checks()
    found.people += source.people
    for calendar in tenant.calendars:
        if not calendar.retired:
            yield calendars.checks(session, calendar, source, ask, closed=ways.closed(calendar.name))
    if ask.mailboxes or tenant.state == "draft":
        found.mailboxes += REDACTOR.cleaned(mailboxes.rows(session, source, ways.shut))
        yield mailboxes.checks(found.mailboxes, source.unknown)
    seen: list[Deadline] = REDACTOR.cleaned(ways.reached.deadlines)
    _keep(session, seen)
    found.deadlines += radar.deadlines(session, seen)
    # Those of servers were told with their certificates.
    yield deadlines((one for one in found.deadlines if one not in seen), session.today)


def deadlines(found: Iterable[Deadline], today: date) -> Iterator[Check]:
    """A check per thing that will end."""
    for one in found:
        yield until(one, today, f"deadline: {one.what}")


def _paged(check: Check) -> Check:
    """The check with the runbook page that says more, and without secrets: forms show it as it is."""
    told: Check = REDACTOR.cleaned(check)
    return told if told.clean or told.page else replace(told, page=remedies.page(told.code))


def _keep(session: Session, ends: Iterable[Deadline]) -> None:
    """Keep what only the network tells, for an overview that does not ask it."""
    for one in ends:
        kept = {**asdict(one), "day": one.day.isoformat()}
        session.ledger.remember(session.tenant.name, f"{radar.ENDS}{one.what}", kept)


def _remember(session: Session, found: Diagnosis) -> None:
    """Keep what the overview of all tenants shows; no mailbox is named."""
    counts = {status: found.count(status) for status in get_args(Status)}
    wrong = [
        {"name": one.name, "status": one.status, "code": one.code, "who": one.who}
        for one in found.checks
        if not one.clean
    ]
    at = session.clock.now().isoformat(timespec="seconds")
    line = {"checks": counts, "wrong": wrong, "diagnosed": at}
    session.ledger.note_health(found.tenant, session.today, line)
