"""Move people to another calendar: their events are written there, then those left behind go."""

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from figgo_ops import departures, elsewhere, planfile, planning, tenants
from figgo_ops.errors import MailboxAbsent, Refused, UsageError
from figgo_ops.gate import refusals, writable
from figgo_ops.leaves import Span
from figgo_ops.look import Look, Request, Sight
from figgo_ops.mailboxes import our_events, residences
from figgo_ops.plan import Listing, Mailbox, Plan
from figgo_ops.planfile import Confirmed, Row
from figgo_ops.result import Result
from figgo_ops.roster import Roster, chosen, roster
from figgo_ops.session import Session
from figgo_ops.tenants import Tenant
from figgo_ops.tenants.routing import CalendarSettings, moved, rules
from figgo_ops.view import Afresh, Pass, View

NOT_PROVEN = (
    "its successor was not read back, as it should be, in the new calendar, so it stays; "
    "`plan` or `sync` looks again"
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person asked to be moved.

    Attributes:
        to: name of the calendar.
        legal_entities: ids; empty for everyone whom another calendar reaches.
        look_alikes: see `planning.Ask`.
    """

    to: str
    legal_entities: tuple[int, ...] = ()
    look_alikes: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What the plan file keeps of it."""
        return {"to": self.to, "legal_entities": list(self.legal_entities)}


@dataclass(frozen=True, slots=True)
class _Moving:
    """Who moves.

    Attributes:
        everyone: under the new routing.
        whose: whom the move is about, also those who cannot be served.
        leaving: the mailboxes that people leave, by person.
        ids: whoever must be planned together.
    """

    everyone: Roster
    whose: frozenset[int]
    leaving: Mapping[int, frozenset[Mailbox]]
    ids: frozenset[int]


def plan(session: Session, ask: Ask) -> Plan:
    """Look at both calendars under the new routing, and keep the plan in a file. Writes to no calendar.

    Raises:
        UsageError: there is no such calendar or legal entity, or its rules cannot take them.
        Refused: the tenant is not active.
        CredentialRefused, Unreachable: Figgo cannot be read.
    """
    _check_state(session)
    before = session.tenant
    after = moved(before.calendars, before.calendar(ask.to).name, ask.legal_entities)
    old = Look(session).roster(session.today)
    within = chosen(old, (), ask.legal_entities)
    with _routed(session, after):
        made, options = _looked(session, ask, old, within)
        options["policy_after"] = made.policy
    made = replace(made, policy=before.policy_digest())
    options["before"] = rules(before.calendars, after)
    options["back"] = _ways_back(before, after)
    return planfile.kept(made, options, session.home.plans)


def _check_state(session: Session) -> None:
    writable(session, "move")
    if session.tenant.state == "draft":
        raise Refused(
            f"{session.tenant.name} is a draft: nothing of it is in any calendar yet.",
            f"Say in {session.tenant.file} whom each [[calendar]] is for, then load it: "
            f"figgo-ops plan {session.tenant.name} --from start",
            code="tenant-draft",
        )


@contextmanager
def _routed(session: Session, calendars: Sequence[CalendarSettings]) -> Iterator[None]:
    """Let people belong to these calendars for a while, whatever the tenant file says."""
    tenant = session.tenant
    session.tenant = replace(tenant, calendars=tuple(calendars))
    try:
        yield
    finally:
        session.tenant = tenant


def _looked(
    session: Session, ask: Ask, old: Roster, within: frozenset[int] | None
) -> tuple[Plan, dict[str, Any]]:
    """The plan, not yet saved, and what its file keeps besides."""
    days = planning.window(session, "start")
    moving = _who(session, ask, old, within, days)
    look_alikes = ask.look_alikes or session.tenant.events.look_alikes
    request = Request(session.today, days, False, look_alikes, moving=True, command=_command(session, ask))
    planning.forewarn(session, moving.ids, days)
    look = Look(session)
    reading = look.reader.read(moving.ids, days)
    left = _left(session, moving.everyone, moving.ids)
    found = elsewhere.located(session, moving.everyone, moving.ids, left)
    if more := found.ids - moving.ids:
        look.reader.read_also(reading, more, days)
    sight = look.compare(found.everyone, reading, request, found.listings)
    planning.take_up(sight, found)
    _remember(session, sight, replace(moving, everyone=found.everyone), found.listings)
    doors = departures.one_mailbox(sight.difference.changes, found.listings, found.everyone.homes)
    sight.difference.changes = doors.changes
    sight.notes += departures.notes(session, ask.to, doors)
    sight.notes += departures.deleted(session, sight, moving.leaving)
    sight.notes += _about(ask, old, moving, sight)
    made = planning.plan_of(session, "move", sight, days, found.everyone, moving.ids | moving.whose)
    made = replace(made, refused=(*made.refused, *refusals(session, made)))
    kept = planning.options(planning.Ask(look_alikes=ask.look_alikes), session, made.listed)
    return made, kept | ask.options | {"places": _named(moving)} | elsewhere.kept(found.homes)


def _who(session: Session, ask: Ask, old: Roster, within: frozenset[int] | None, days: Span) -> _Moving:
    """Whoever has a mailbox, or had one, at another calendar than the one that is theirs now."""
    everyone = roster(old.people.values(), session.route, old.places, session.today, old.legal_entities)
    theirs = everyone.homes if within is None else everyone.homes.keys() & within
    _check_reached(ask, everyone, theirs if within is not None else ())
    left = {
        number: frozenset(mailbox for mailbox in old.mailboxes(number) if mailbox.calendar != ask.to)
        for number in theirs
        if everyone.homes[number].calendar == ask.to
    }
    everyone = everyone.with_places(left)
    concerned = Look(session).concerned(everyone, days, session.today)
    leaving = {number: places for number, places in left.items() if places and number in concerned}
    whose = frozenset(number for number, places in left.items() if places)
    return _Moving(everyone, whose, leaving, everyone.closure(leaving))


def _check_reached(ask: Ask, everyone: Roster, within: Collection[int]) -> None:
    """Refuse a move of legal entities of which an earlier calendar of the file would keep people."""
    astray = [number for number in sorted(within) if everyone.homes[number].calendar != ask.to]
    if astray:
        keeps = everyone.homes[astray[0]].calendar
        raise UsageError(
            f"Calendar {keeps} stands before {ask.to} and is for {len(astray)} of these people.",
            f"In the tenant file, put the [[calendar]] table of {ask.to} before it; the first match wins.",
        )


def _left(session: Session, everyone: Roster, ids: Collection[int]) -> list[Listing]:
    """The mailboxes that are left. One that lists nothing is believed: nothing follows from it but rest."""
    homes = {home for number in ids if (home := everyone.homes.get(number))}
    left = {mailbox for number in ids for mailbox in everyone.mailboxes(number)} - homes
    return our_events(session, left, accept_empty=True)


def _remember(session: Session, sight: Sight, moving: _Moving, listings: Collection[Listing]) -> None:
    """Note what was listed, and the mailboxes that are left: a run cut short leaves them to be cleared."""
    planning.remember(session, sight, moving.everyone, whole=False)
    held = residences(listings, session.tenant.figgo.host)
    unread = {x.mailbox for x in listings if x.error and not isinstance(x.error, MailboxAbsent)}
    places = {number: left & (held.get(number, set()) | unread) for number, left in moving.leaving.items()}
    session.ledger.note_places(session.tenant.name, places)


def _named(moving: _Moving) -> dict[str, list[list[str]]]:
    """The mailboxes that are left, as the plan file keeps them."""
    return {
        str(number): [list(mailbox) for mailbox in sorted(places)]
        for number, places in sorted(moving.leaving.items())
    }


def _about(ask: Ask, old: Roster, moving: _Moving, sight: Sight) -> list[str]:
    """What a reader should know about who moves."""
    notes = []
    if not (sight.difference.changes or sight.unreadable or sight.held or sight.homes):
        notes.append(f"Nothing is left to move: everyone asked about is at {ask.to}, with all their events.")
    joining = moving.everyone.homes.keys() - old.homes.keys()
    if joining:
        notes.append(
            f"{len(joining)} people whom no calendar reached belong to {ask.to} from then on; "
            "the next sync writes their leaves."
        )
    waiting = sorted({home.address for home in sight.homes.values()})
    if waiting:
        notes.append(
            f"{len(waiting)} mailboxes are not at {ask.to} yet and stay where they are, with their events, "
            f"until they are migrated: {', '.join(waiting[:5])}{' ...' if len(waiting) > 5 else ''}"
        )
    return notes


def _command(session: Session, ask: Ask) -> str:
    return command(session.tenant.name, ask.to, ask.legal_entities)


def command(tenant: str, to: str, legal_entities: Collection[int] = ()) -> str:
    """The command that plans such a move."""
    narrowed = "".join(f" --legal-entity {entity}" for entity in legal_entities)
    return f"figgo-ops move {tenant} --to {shlex.quote(to)}{narrowed}"


def _ways_back(tenant: Tenant, after: Sequence[CalendarSettings]) -> list[str]:
    """The commands that would move everyone back; none where only the file can say who they were."""
    found = []
    for old, new in zip(tenant.calendars, after, strict=True):
        taken = [entity for entity in old.legal_entities if entity not in new.legal_entities]
        if not old.retired and taken:
            found.append(command(tenant.name, old.name, taken))
        elif new.retired and not old.retired:
            return []
    return found


def before(session: Session, confirmed: Confirmed) -> None:
    """Write the new routing before anything else: whatever stops the run, the next one goes on from there."""
    options = confirmed.options
    after = moved(session.tenant.calendars, options["to"], options["legal_entities"])
    session.tenant = tenants.write_routing(session.tenant, after)


class _Both(Afresh):
    """The calendars that people leave and the ones where they are now."""

    def listings(self, ids: frozenset[int]) -> list[Listing]:
        """See `Afresh`."""
        left = _left(self.look.session, self.everyone, ids)
        others = {mailbox for number in ids for mailbox in self.mailboxes(number)}
        others -= {listing.mailbox for listing in left}
        return left + our_events(self.look.session, others, accept_empty=False)


class Arriving(_Both):
    """The first look: what is written where people are now."""

    def compare(self, ids: frozenset[int]) -> Sight:
        """See `Afresh`; nothing goes from a mailbox that is left."""
        sight = super().compare(ids)
        changes = sight.difference.changes
        sight.difference.changes = [
            one for one in changes if one.action != "remove" or not self.leaves(one.employee, one.mailbox)
        ]
        return sight

    def leaves(self, employee: int, mailbox: Mailbox) -> bool:
        """Whether this is a mailbox that the person leaves."""
        return mailbox != self.everyone.homes.get(employee)


class Leaving(_Both):
    """The second look: what is left behind goes where its successor was read back."""

    def compare(self, ids: frozenset[int]) -> Sight:
        """See `Afresh`; units get numbers of their own: an undo tells them from those written first."""
        sight = super().compare(ids)
        sight.difference.changes = [replace(one, unit=-one.unit) for one in sight.difference.changes]
        return sight


def arriving(view: Afresh) -> Arriving:
    """The first look at what this one looks at."""
    return Arriving(view.look, view.everyone, view.request)


def passes(view: View, rows: Sequence[Row]) -> tuple[Pass, ...]:
    """First everything that is written; from reads of their own, then, the removals of what is left."""
    assert isinstance(view, Arriving)  # noqa: S101 - made by `arriving`
    early: list[Row] = []
    late: list[Row] = []
    for row in rows:
        leaves = row.action == "remove" and view.leaves(row.employee, row.where)
        (late if leaves else early).append(row)
    again = Leaving(view.look, view.everyone, view.request)
    return tuple(one for one in (Pass(view, early), Pass(again, late, NOT_PROVEN)) if one.rows)


def after(session: Session, confirmed: Confirmed, result: Result) -> None:
    """Say what the tenant file says now, and how to go back."""
    to, back = confirmed.options["to"], confirmed.options["back"]
    result.notes.append(f"{session.tenant.file} sends the people who moved to {to} from now on.")
    if back:
        result.notes.append(f"To move back: {'; '.join(back)}")
    elif confirmed.options["before"]:
        result.notes.append(f"Before that it said: {confirmed.options['before']}")
