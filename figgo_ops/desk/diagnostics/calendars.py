"""Diagnostics of one calendar: log-on, rights, scope, reading, and writing where that is asked for."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from figgo_ops.calendars import Calendar
from figgo_ops.checks import NOBODY, Check, of, skipped
from figgo_ops.desk.diagnostics import remedies, write_probe
from figgo_ops.desk.diagnostics.figgo import Source
from figgo_ops.errors import CredentialRefused, FiggoOpsError
from figgo_ops.leaves import Person
from figgo_ops.roster import chosen
from figgo_ops.session import Session
from figgo_ops.tenants.routing import CalendarSettings

STEPS = ("log-on", "rights", "outside", "calendar", "time zone")
TRIES = 3
"""So many people are tried before a calendar is called unreadable for want of a mailbox."""
ONE_PERSONS = frozenset(
    {"absent", "elsewhere", "alias", "account-disabled", "suspended", "calendar-off"}
    | {"user-unknown", "user-deleted", "bad-address", "no-calendar", "mailbox-moving"}
)
"""What is wrong with one mailbox and says nothing about the calendar; then another person's is tried."""
SETTLING = frozenset(
    {"delegation-missing", "outside-scope", "impersonation-denied"}
    | {"access-policy", "agent-blocked", "ews-not-listed"}
)
"""Missing rights that may have been given already, and act later."""
UNKNOWN = frozenset({"key-unknown", "account-unknown"})
"""Refused credentials that an adapter does not remember itself."""
GRANTED = frozenset({"delegation-missing", "scope-too-small", "outside-scope", "impersonation-denied"})
"""What the customer grants and may take back; other refusals, such as of EWS, keep a cause of their own."""


class Asked(Protocol):
    """What of a diagnosis concerns one calendar; see `Ask`."""

    @property
    def employee(self) -> str:
        """Whose mailbox."""

    @property
    def outside(self) -> str:
        """Which one must stay closed."""

    @property
    def write_probe(self) -> bool:
        """Whether to write."""


def checks(
    session: Session, calendar: CalendarSettings, source: Source, ask: Asked, closed: str = ""
) -> Iterator[Check]:
    """Every step of one calendar, its name before each.

    Args:
        closed: why it cannot be asked; "" when the way is open.
    """
    steps = [f"{calendar.name}: {step}" for step in (*STEPS, *(["write"] if ask.write_probe else []))]
    if why := closed or source.unknown:
        yield from skipped(steps, why)
        return
    people = _people(session, calendar, source, ask.employee)
    if not people:
        whom = f"{ask.employee} is not" if ask.employee else "nobody that Figgo shows is"
        yield from skipped(steps, f"no mailbox to try: {whom} served by this calendar")
        return
    try:
        opened = session.calendar(calendar.name)
    except FiggoOpsError as error:
        yield _paged(calendar, of(steps[0], error, tried="looked at the credential without using it"))
        yield from skipped(steps[1:], "there is no log-on")
        return
    person, found = _probed(opened, people, ask.outside or calendar.outside)
    found = found if ask.employee else [_of_some(check) for check in found]
    _note_refusal(session, calendar, found)
    memory = _Memory(session, calendar, person.mail or "")
    memory.note(found)
    for check in found:
        yield _paged(calendar, memory.timed(opened, replace(check, name=f"{calendar.name}: {check.name}")))
    if not ask.write_probe:
        return
    unread = not all(check.clean for check in found if check.name in ("log-on", "rights", "calendar"))
    why = "the calendar could not be read" if unread else _untouched(source, person)
    yield from skipped(steps[-1:], why) if why else write_probe.probe(session, calendar.name, person)


def _untouched(source: Source, person: Person) -> str:
    """Why nothing at all is written for this person, such as a mailbox that is another one's as well."""
    return next((skip.reason for skip in source.everyone.skipped if skip.employee == person.id), "")


def _paged(calendar: CalendarSettings, check: Check) -> Check:
    """With the runbook page of this kind of calendar, where something is wrong."""
    return check if check.clean else replace(check, page=remedies.page(check.code, calendar.kind))


def _people(session: Session, calendar: CalendarSettings, source: Source, employee: str) -> list[Person]:
    """Whose mailbox is tried, first choice first."""
    served = [person for person in source.employed if person.mail and session.route(person) == calendar.name]
    if not employee:
        return served[:TRIES]
    picked = chosen(source.everyone, [employee], []) or frozenset()
    return [person for person in served if person.id in picked]


def _probed(calendar: Calendar, people: Sequence[Person], outside: str) -> tuple[Person, list[Check]]:
    """The probe of the first of these people whose mailbox is there."""
    first, *others = people
    found = list(calendar.probe(first.mail or "", outside))
    if others and any(check.name == "calendar" and check.code in ONE_PERSONS for check in found):
        return _probed(calendar, others, outside)
    return first, found


def _of_some(check: Check) -> Check:
    """What is wrong with the mailboxes that were tried says nothing of all others."""
    if check.name != "calendar" or check.code not in ONE_PERSONS:
        return check
    remedy = f"Try somebody whose mailbox is there: --employee E. For this one: {check.remedy}"
    return replace(check, status="warning", remedy=remedy)


def _note_refusal(session: Session, calendar: CalendarSettings, found: Sequence[Check]) -> None:
    """A credential that was refused is refused for every command, until it changes."""
    for check in found:
        if check.code in UNKNOWN:
            session.note_refusal(calendar.name, CredentialRefused(check.cause, check.remedy, code=check.code))


class _Memory:
    """Since when a calendar's rights are tried, and when they held last: it tells missing from withdrawn."""

    def __init__(self, session: Session, calendar: CalendarSettings, mailbox: str) -> None:
        self._session, self._name = session, calendar.name
        self._mailbox = session.home.digest(session.tenant.name, mailbox)[:16]
        settings = calendar.own.model_dump(mode="json")
        self._settings = sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]

    def note(self, found: Sequence[Check]) -> None:
        """Remember the first try with these settings, and that the rights held today."""
        now = self._session.clock.now()
        if self._recall("tried") is None:
            self._remember("tried", now.isoformat())
        if any(check.name == "rights" and check.status == "ok" for check in found):
            self._remember("worked", now.date().isoformat())
            self._remember("worked", now.date().isoformat(), self._mailbox)

    def timed(self, calendar: Calendar, check: Check) -> Check:
        """The check of missing rights: withdrawn where they held before, pending where they are new."""
        if not check.name.endswith(": rights") or check.status != "failed":
            return check
        # A scope has an edge: that it held for others says nothing about this mailbox.
        if worked := self._recall("worked", self._mailbox if check.code == "outside-scope" else ""):
            if check.code not in GRANTED:
                return replace(check, cause=f"{check.cause} It held on {worked}.")
            cause = f"{check.cause} It held on {worked}: somebody has taken it back since."
            return replace(check, cause=cause, code="withdrawn")
        if check.code not in SETTLING:
            return check
        since = datetime.fromisoformat(self._recall("tried") or self._session.clock.now().isoformat())
        if self._session.clock.now() - since >= calendar.settles:
            return check
        hours = round(calendar.settles / timedelta(hours=1))
        long = "an hour" if hours == 1 else f"{hours} hours"
        given = f"What was given before may take {long} until it acts"
        cause = f"{check.cause} {given}; first tried at {since:%H:%M} UTC."
        remedy = f"Wait, then diagnose again. If it stays: {check.remedy}"
        return replace(check, status="pending", cause=cause, remedy=remedy, who=NOBODY)

    def _recall(self, what: str, mailbox: str = "") -> str | None:
        """What was kept of these very settings."""
        kept = self._session.ledger.recall(self._session.tenant.name, self._fact(what, mailbox))
        at, _, settings = str(kept or "").partition(" ")
        return at if settings == self._settings else None

    def _remember(self, what: str, at: str, mailbox: str = "") -> None:
        name = self._session.tenant.name
        self._session.ledger.remember(name, self._fact(what, mailbox), f"{at} {self._settings}")

    def _fact(self, what: str, mailbox: str) -> str:
        """Its name; no name of a calendar has a slash."""
        return f"{what}: {self._name}{'/' if mailbox else ''}{mailbox}"
