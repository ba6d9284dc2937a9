"""Make a plan from Figgo and the calendars: whom it is about, which days, what keeps it back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from figgo_ops import elsewhere, planfile
from figgo_ops.errors import Refused, UsageError
from figgo_ops.gate import refusals
from figgo_ops.leaves import Span
from figgo_ops.look import Look, Request, Sight
from figgo_ops.mailboxes import GUARDED
from figgo_ops.plan import Plan, Skip
from figgo_ops.roster import Roster, chosen
from figgo_ops.session import Session
from figgo_ops.tenants.coverage import coverage


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person asked to be planned.

    Attributes:
        employees: ids, mails or employee numbers; empty for everyone.
        legal_entities: ids; empty for all.
        since: first day of the window instead of the horizon's; "start" for the tenant's.
        look_alikes: the answer to look-alikes, "adopt" or "ignore"; None leaves it to the tenant file.
        accept_empty: believe mailboxes that suddenly list nothing.
    """

    employees: tuple[str, ...] = ()
    legal_entities: tuple[int, ...] = ()
    since: date | str | None = None
    look_alikes: str | None = None
    accept_empty: bool = False


def window(session: Session, since: date | str | None) -> Span:
    """The days a plan may change: the horizon, or from `since` on, never before the tenant's start."""
    tenant, now = session.tenant, session.today
    horizon = tenant.events.horizon
    first = now - timedelta(days=horizon.past_days)
    if since is not None:
        first = tenant.start if since == "start" else day_of(since)
    first = max(first, tenant.start)
    return Span(first, max(first, now + timedelta(days=horizon.future_days)))


def day_of(since: date | str) -> date:
    """The day that somebody wrote.

    Raises:
        UsageError: it is none, or none of anybody's leave.
    """
    try:
        day = since if isinstance(since, date) else date.fromisoformat(since)
    except ValueError as error:
        raise UsageError(f"{since!r} is not a date.", 'Write it as 2026-01-31, or "start".') from error
    if not 1900 <= day.year < 2100:
        raise UsageError(f"{day} is not a day of anybody's leave.", "Give one between 1900 and 2100.")
    return day


def plan(session: Session, ask: Ask) -> Plan:
    """Look, compare, and keep the plan in a file. Writes to no calendar.

    Raises:
        Refused: Figgo shows nobody.
        CredentialRefused, Unreachable: Figgo cannot be read.
        UsageError: somebody asked for does not exist.
    """
    made, sight = planned(session, ask)
    return planfile.kept(made, _options(ask, session, made, sight), session.home.plans)


def resume(session: Session) -> Plan:
    """Plan what the calendars need from the tenant's start on; applying it makes the tenant active again.

    Raises:
        Refused: the tenant is not paused; and as `plan`.
    """
    name, state = session.tenant.name, session.tenant.state
    if state != "paused":
        raise Refused(f"{name} is {state}, not paused.", f"figgo-ops plan {name}", code="not-paused")
    ask = Ask(since="start")
    made, sight = planned(session, ask, "resume")
    return planfile.kept(made, _options(ask, session, made, sight), session.home.plans)


def options(ask: Ask, session: Session, found: Mapping[int, int]) -> dict[str, Any]:
    """What the plan file keeps, so that `apply` makes the same kind of plan again."""
    return {
        "look_alikes": ask.look_alikes or session.tenant.events.look_alikes,
        "answered": ask.look_alikes is not None,
        "accept_empty": ask.accept_empty,
        "listed": {str(entity): number for entity, number in sorted(found.items())},
    }


def _options(ask: Ask, session: Session, made: Plan, sight: Sight) -> dict[str, Any]:
    return options(ask, session, made.listed) | elsewhere.kept(sight.homes)


def planned(session: Session, ask: Ask, kind: str = "plan") -> tuple[Plan, Sight]:
    """The plan, not yet saved, and what it was made from."""
    look, now = Look(session), session.today
    request = Request(
        now,
        window(session, ask.since),
        ask.accept_empty,
        ask.look_alikes or session.tenant.events.look_alikes,
    )
    everyone = look.roster(now)
    picked = chosen(everyone, ask.employees, ask.legal_entities)
    ids = look.concerned(everyone, request.window, now) if picked is None else everyone.closure(picked)
    forewarn(session, ids, request.window)
    everyone, sight = both_ends(look, everyone, ids, request)
    remember(session, sight, everyone, whole=picked is None)
    made = plan_of(session, kind, sight, request.window, everyone, picked)
    return replace(made, refused=(*made.refused, *refusals(session, made))), sight


def both_ends(look: Look, everyone: Roster, ids: frozenset[int], request: Request) -> tuple[Roster, Sight]:
    """Figgo and the calendars compared for these people, their mailboxes taken where they are."""
    reading = look.reader.read(ids, request.window)
    found = elsewhere.located(look.session, everyone, ids, accept_empty=request.accept_empty)
    if more := found.ids - ids:
        look.reader.read_also(reading, more, request.window)
    sight = look.compare(found.everyone, reading, request, found.listings)
    take_up(sight, found)
    sight.notes += elsewhere.notes(look.tenant.name, found.homes)
    return found.everyone, sight


def take_up(sight: Sight, found: elsewhere.Located) -> None:
    """Keep with what was seen where mailboxes are that are not where they were."""
    sight.homes = found.homes
    for number, mailboxes in found.left.items():
        sight.places.setdefault(number, set()).update(mailboxes)


def forewarn(session: Session, ids: Collection[int], days: Span) -> None:
    """Tell whoever waits how long reading Figgo takes at most."""
    requests, minutes = session.figgo.estimate(len(ids), days)
    time = f"{minutes:.0f} min" if minutes >= 1 else "under a minute"
    session.console.say(f"Reading the leaves of {len(ids)} people: at most {requests} requests, {time}")


def plan_of(
    session: Session, kind: str, sight: Sight, days: Span, everyone: Roster, picked: frozenset[int] | None
) -> Plan:
    """What was seen, as a plan that is not yet saved; what the limits and the tenant's state say comes later.

    Args:
        picked: whom it is about; None for everyone.
    """
    return Plan(
        session.tenant.name,
        session.tenant.figgo.host,
        kind,
        session.clock.now(),
        session.today,
        days,
        picked,
        session.tenant.policy_digest(),
        tuple(sight.difference.changes),
        len(sight.difference.unchanged),
        tuple(sight.skipped) + _unserved(everyone, picked),
        tuple(sight.unreadable),
        tuple(sight.difference.findings),
        tuple(sight.refused),
        notes=tuple(sight.notes + _routing(session, everyone, picked) + session.figgo.notes),
        listed=sight.listed,
        people=everyone.people,
        legal_entities=everyone.legal_entities,
    )


def _routing(session: Session, everyone: Roster, picked: frozenset[int] | None) -> list[str]:
    """What a plan for everyone says about gaps and overlap of the calendars."""
    tenant, people = session.tenant, everyone.people.values()
    served = (one for one in people if tenant.chosen(one) and not one.left(session.today))
    return coverage(tenant.calendars, served, everyone.legal_entities) if picked is None else []


def _unserved(everyone: Roster, picked: frozenset[int] | None) -> tuple[Skip, ...]:
    """People of the plan who get no events: all who cannot be served; who is excluded only when asked for."""
    excluded = sorted((picked or frozenset()) & everyone.out_of_scope)
    reason = "out of scope: excluded by [scope], or no [[calendar]] reaches this person"
    return tuple(skip for skip in everyone.skipped if picked is None or skip.employee in picked) + tuple(
        Skip(number, "", reason) for number in excluded
    )


def remember(session: Session, sight: Sight, everyone: Roster, *, whole: bool) -> None:
    """Note what was listed; a mailbox that is suddenly empty is believed only once the plan is applied."""
    name, now = session.tenant.name, session.clock.now()
    before = session.ledger.last_listing(name)
    believed = {
        mailbox: seen
        for mailbox, seen in sight.seen.items()
        if seen[0] or mailbox not in before or before[mailbox].events < GUARDED
    }
    session.ledger.note_listing(name, believed, now)
    session.ledger.note_places(name, sight.places)
    if whole:
        _note_whole(session, sight, everyone)
    if whole and not sight.unreadable:
        session.ledger.note_slices(name, sight.listed, now)


WHOLE = "whole"
"""Under this name the ledger keeps when everyone was first looked at: from then on it knows every place."""


def _note_whole(session: Session, sight: Sight, everyone: Roster) -> None:
    name, ledger = session.tenant.name, session.ledger
    if ledger.recall(name, WHOLE) is not None:
        return
    if session.tenant.state != "draft":
        # The ledger was lost: what we wrote before into a mailbox that is not to be read now is there still.
        unread = {row.mailbox for row in sight.unreadable}
        homes = {number: {home} for number, home in everyone.homes.items() if str(home) in unread}
        ledger.note_places(name, homes)
    ledger.remember(name, WHOLE, session.clock.now().isoformat())
