"""The support engineer's hands for what takes back: undo, resume, off-board."""

import re
from datetime import date
from html import unescape
from typing import Any

from figgo_ops import sync
from figgo_ops.limits import counted
from figgo_ops.plan import Plan
from figgo_ops.recall import offboard, undo
from figgo_ops.result import Result
from tests.rehearsal import ANTILLES, GENEVA, Corail, Event


def planned_undo(corail: Corail, run: str) -> Plan:
    """Plan what takes back a run."""
    with corail.session() as session:
        return undo.plan(session, run)


def undone(corail: Corail, run: str) -> Result:
    """Take back a run, with the number of removals that the plan names."""
    return confirmed(corail, planned_undo(corail, run))


def planned_resume(corail: Corail) -> Plan:
    """Plan what a paused tenant's calendars need."""
    with corail.session() as session:
        return sync.resume(session)


def planned_offboard(corail: Corail, **asked: Any) -> Plan:
    """Plan the removal of every event of ours."""
    with corail.session() as session:
        return offboard.plan(session, offboard.Ask(**asked))


def offboarded(corail: Corail, **asked: Any) -> Result:
    """Off-board, with the number of removals that the plan names."""
    return confirmed(corail, planned_offboard(corail, **asked))


def confirmed(corail: Corail, seen: Plan) -> Result:
    """Apply a plan with the exact number of its counted removals."""
    return corail.apply(seen, removals=counted(seen.changes))


def state(corail: Corail) -> str:
    """What the tenant file says now."""
    with corail.session() as session:
        return session.tenant.state


def without_traces(corail: Corail) -> dict[str, list[Event]]:
    """Every calendar as its owner sees it, without what each write changes anyway."""
    traces = ("etag", "updated", "sequence", "created", "change_key")
    return {
        mail: sorted(
            ({name: value for name, value in event.items() if name not in traces} for event in events),
            key=lambda event: str(event["id"]),
        )
        for mail, events in corail.stage.calendars().items()
        if events
    }


PROVIDERS = ["google", "exchange", "microsoft365"]
NOTES = {"google": "description", "exchange": "body", "microsoft365": "body"}
MARKERS = {"google": "extendedProperties", "exchange": "properties", "microsoft365": "properties"}
GONE = {"google": "suspended", "exchange": "disabled", "microsoft365": "unlicensed"}
"""How each provider's mailboxes get out of reach."""


def somebody_at(corail: Corail, provider: str) -> int:
    """Somebody whose mailbox this provider keeps, with one day off, Wednesday 2 December 2026."""
    if provider == "google":
        return corail.case("whole-day").person
    if provider == "exchange":
        person = corail.stage.hire("Zoé", "Genevois", GENEVA, "zoe.genevois@corail-suisse.example")
    else:
        person = corail.stage.hire("Zoé", "Foyalais", ANTILLES, "zoe.foyalais@corail-antilles.example")
    request = corail.stage.request_leave(person.id, date(2026, 12, 2), date(2026, 12, 2), "Congés payés")
    while request.awaited:
        corail.stage.approve(request.id)
    return person.id


def provider_of(corail: Corail, number: int) -> str:
    """Who keeps somebody's mailbox."""
    return corail.stage.keeper(corail.person(number)).name


def calendar_of(corail: Corail, number: int) -> str:
    """The calendar of the tenant file that reaches somebody."""
    with corail.session() as session:
        routed = session.tenant.calendars
        return next(one.name for one in routed if corail.person(number).legal_entity_id in one.legal_entities)


def note(corail: Corail, number: int) -> str:
    """What stands in the only event of somebody's calendar."""
    (event,) = corail.events(number)
    # Graph makes HTML of every text that goes through it.
    return unescape(re.sub(r"<[^>]+>", "", event.get(NOTES[provider_of(corail, number)]) or ""))


def marker(corail: Corail, number: int) -> Any:
    """The marker of the only event in somebody's calendar."""
    (event,) = corail.events(number)
    return event[MARKERS[provider_of(corail, number)]]


def out_of_reach(corail: Corail, *people: int) -> None:
    """Nobody may read these people's mailboxes, in the way their providers have it."""
    for number in people:
        state = GONE[provider_of(corail, number)]
        corail.stage.keeper(corail.person(number)).set_state(corail.mail(number), state)


def within_reach(corail: Corail, *people: int) -> None:
    """They can be read again."""
    for number in people:
        corail.stage.keeper(corail.person(number)).set_state(corail.mail(number), "ok")


def period_of(corail: Corail, number: int) -> int:
    """The only leave period of somebody."""
    (period,) = (one for one in corail.stage.company.periods.values() if one.owner.id == number)
    return period.id


def new_mailbox(corail: Corail, number: int, mail: str) -> None:
    """Somebody gets another mailbox; the former one stays as it is."""
    keeper: Any = corail.stage.keeper(corail.person(number))
    add = keeper.add_user if keeper.name == "google" else keeper.add_mailbox
    add(mail)
    corail.stage.change_mail(number, mail, move_mailbox=False)


def marked_as(corail: Corail, number: int, key: str) -> None:
    """Another program writes another key into the marker of the only event in somebody's calendar."""
    keeper: Any = corail.stage.keeper(corail.person(number))
    mailbox, own = keeper.mailbox(corail.mail(number)), corail.event_id(number)
    if keeper.name == "google":
        mailbox.events[own].resource["extendedProperties"]["private"]["figgoOpsKey"] = key
    else:
        properties = mailbox.find(own).properties
        (path,) = (one for one in properties if one.name == "FiggoOpsKey")
        properties[path] = key
