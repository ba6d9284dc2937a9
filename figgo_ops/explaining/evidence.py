"""What was read about one person and one day, gathered for a verdict."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from figgo_ops.act import QUIET
from figgo_ops.diff import Difference, Frame
from figgo_ops.errors import FiggoOpsError
from figgo_ops.events import Key
from figgo_ops.explaining.reasons import Facts, Past, Verdict
from figgo_ops.explaining.trace import Standing, history, standing
from figgo_ops.gate import over_limits, told
from figgo_ops.leaves import Leave, Person, Slot, Span, slot_day
from figgo_ops.limits import held_by
from figgo_ops.look import Look, Sight
from figgo_ops.plan import Change, Existing, Finding, Listing, Mailbox
from figgo_ops.planning import plan_of, window
from figgo_ops.reading import Reading
from figgo_ops.roster import Roster
from figgo_ops.session import Session
from figgo_ops.tenants import Tenant

RUNS = 1000
"""Runs looked through for rows that were held: more than 90 days of nightly and daily ones."""


@dataclass(frozen=True, slots=True)
class Known:
    """Both ends as they were read.

    Attributes:
        listings: of everyone who is planned together with the person.
        sight: what a plan for them says; empty when nobody can serve the person.
        days: the days it was made for: those that a sync may change, and the one in question.
    """

    everyone: Roster
    reading: Reading
    listings: Mapping[Mailbox, Listing]
    sight: Sight
    days: Span


def facts(look: Look, known: Known, person: Person, asked: frozenset[Slot], gone: int | None) -> Facts:
    """Everything that decides what the calendar shows of this person on these half-days."""
    session, tenant, everyone = look.session, look.tenant, known.everyone
    seat = look.seat(everyone, known.reading, person.id)
    sync = window(session, None)
    own = everyone.mailboxes(person.id)
    home_first = sorted(own, key=lambda mailbox: (mailbox != seat.home, mailbox))
    mine = {mailbox: known.listings[mailbox] for mailbox in home_first}
    bare = Facts(
        tenant=tenant.name,
        state=tenant.state,
        start=tenant.start,
        person=person,
        asked=asked,
        gone=gone,
        window=sync,
        rows=tuple(leave for leave in known.reading.rows[person.id] if leave.slot in asked),
        policy=look.policy,
        seat=seat,
        frame=Frame(tenant.figgo.host, session.today, sync),
        skip=next((one.reason for one in everyone.skipped if one.employee == person.id), ""),
        unreached=_unreached(tenant, known, person),
        listings=mine,
        difference=_of_person(known.sight.difference, person.id, own),
        held=tuple(row for row in known.sight.held if row[0].employee == person.id),
        unsearched=_unsearched(known.sight, mine),
        over=_over(session, known, person, sync),
        quiet=_quiet(session, known.sight),
        written=frozenset(session.ledger.last_written(tenant.name)),
        past=(),
    )
    return replace(bare, past=past(session, person.id, lambda key: _in_question(bare, key)))


def _unreached(tenant: Tenant, known: Known, person: Person) -> tuple[Verdict, str, str] | None:
    """Why no calendar is this person's."""
    if person.id not in known.everyone.out_of_scope:
        return None
    if tenant.calendar_for(person) is not None:
        sentence = "The scope of the tenant file leaves this person out."
        return "out-of-scope", sentence, "[scope] only and except"
    name = known.everyone.legal_entities.get(person.legal_entity, "")
    whose = f"legal entity {person.legal_entity} {name}".strip()
    if any(calendar.domains for calendar in tenant.calendars):
        sentence = f"No calendar of the tenant file reaches the mail domain or the {whose} of this person."
        return "no-calendar", sentence, "[[calendar]] domains and legal_entities"
    sentence = f"No calendar of the tenant file is for this person's {whose}."
    return "other-legal-entity", sentence, "[[calendar]] legal_entities"


def _of_person(difference: Difference, number: int, own: frozenset[Mailbox]) -> Difference:
    """The part of a plan for several people that is about one of them, or stands in their mailboxes."""

    def concerns(finding: Finding) -> bool:
        stray = finding.verdict in ("foreign", "wrong-mailbox", "not-visible") and finding.mailbox in own
        return finding.employee == number or stray

    return replace(
        difference,
        changes=[change for change in difference.changes if change.employee == number],
        findings=[finding for finding in difference.findings if concerns(finding)],
    )


def _unsearched(sight: Sight, mine: Mapping[Mailbox, Listing]) -> FiggoOpsError | None:
    """Why a mailbox that could be listed could not be searched for look-alikes."""
    listed = {str(mailbox) for mailbox, listing in mine.items() if listing.error is None}
    return next((row.error for row in sight.unreadable if row.mailbox in listed), None)


def _over(session: Session, known: Known, person: Person, sync: Span) -> dict[int, str]:
    """The units that a sync of this person would hold, each with the limit in words."""
    made = plan_of(session, "plan", known.sight, known.days, known.everyone, frozenset([person.id]))
    within = [change for change in made.changes if _within(change, sync)]
    found: dict[int, str] = {}
    for excess in over_limits(session, within, made.listed):
        found |= dict.fromkeys(held_by(within, [excess]) - found.keys(), told(made, excess, session))
    return found


def _within(change: Change, days: Span) -> bool:
    return days.touches(change.shown.first_day, change.shown.last_day)


def _quiet(session: Session, sight: Sight) -> dict[Mailbox, datetime]:
    """Mailboxes in which nothing is created for now, as `act` would find them."""
    ledger, name, now = session.ledger, session.tenant.name, session.clock.now()
    unsettled = ledger.unsettled(name, now - QUIET)
    return {
        mailbox: seen.quiet_until
        for mailbox, seen in ledger.last_listing(name).items()
        if seen.quiet_until is not None
        and seen.quiet_until > now
        and not unsettled.get(mailbox, set()) <= sight.keys.get(mailbox, set())
    }


def past(session: Session, number: int, wanted: Callable[[Key], bool]) -> tuple[Past, ...]:
    """What earlier runs did to this person's events that `wanted` chooses, or held back."""
    ledger, name = session.ledger, session.tenant.name
    own = history(
        ledger.history(name, number), ledger.runs(name, RUNS), lambda k: k.owner == number and wanted(k)
    )
    return tuple(own)


def _in_question(found: Facts, key: Key) -> bool:
    return key.period in _periods(found) or slot_day(key.slot) in found.days


def _periods(found: Facts) -> set[int]:
    """The leave periods that stand on the day, in Figgo or in a calendar."""
    rows = {leave.period for leave in found.rows} | {wanted.key.period for wanted in found.stretches}
    events = (event for one in found.listings.values() if not one.error for event in one.events)
    keys = (Key.parse(event.key_text) for event in events if touches(event, found.days))
    return rows | {key.period for key in keys if key is not None and key.owner == found.person.id}


def touches(event: Existing, days: Span) -> bool:
    """Whether the event lies on one of these days."""
    return days.touches(event.event.first_day, event.event.last_day)


def leaves(known: Known, found: Facts) -> Iterator[tuple[Leave, str]]:
    """The leaves of the periods that stand on the day, and what becomes of each."""
    periods = {leave.period for leave in found.rows} | {wanted.key.period for wanted in found.stretches}
    for leave in sorted(known.reading.rows[found.person.id], key=lambda one: (one.slot, one.active)):
        if leave.period in periods:
            yield leave, _becomes(leave, found)


def _becomes(leave: Leave, found: Facts) -> str:
    if not leave.active:
        return "nothing: not active"
    dropped = found.policy.dropped(leave)
    if dropped:
        return f"nothing: {dropped}"
    within = (
        w for w in found.seat.wanted if w.key.period == leave.period and w.first <= leave.slot <= w.last
    )
    return next((str(wanted.key) for wanted in within), "nothing: not worked")


def calendar(found: Facts) -> Iterator[Standing]:
    """Events on the day in the person's mailboxes, and wherever else the event in question stands."""
    keys = {str(wanted.key) for wanted in found.stretches}
    strays = {one.key for one in found.difference.findings}

    def wanted(key: Key | None, event: Existing) -> bool:
        own = key is not None and key.owner == found.person.id
        named = event.key_text in keys or (key is not None and slot_day(key.slot) in found.days)
        return (own and named) or ((own or event.key_text in strays) and touches(event, found.days))

    with_held = replace(found.difference, changes=found.changes)
    return standing(found.listings.values(), with_held, wanted)


def resolved(tenant: Tenant, found: Facts, answers: Iterable[Listing]) -> str:
    """How the mailbox was found.

    Args:
        answers: what calendars said that were asked for it.
    """
    home = found.seat.home
    if home is None:
        return "no mailbox: " + (found.unreached[1] if found.unreached else found.skip or "no usable mail")
    calendar = tenant.calendar_for(found.person) or tenant.calendar(home.calendar)
    entities = f"legal entities {', '.join(map(str, calendar.legal_entities))}"
    whom = ", ".join(calendar.domains) or (entities if calendar.legal_entities else "everyone")
    places = sorted(str(mailbox) for mailbox in found.listings if mailbox != home)
    before = f"; written to before: {', '.join(places)}" if places else ""
    said = {one.mailbox: one.error.message for one in answers if one.error is not None}
    lost = said.get(Mailbox(calendar.name, home.address), "") if calendar.name != home.calendar else ""
    there = f", but {home.calendar} has the mailbox; {calendar.name} says: {lost.rstrip('.')}" if lost else ""
    return f"the mail in Figgo; calendar {calendar.name} ({calendar.kind}) is for {whom}{there}{before}"
