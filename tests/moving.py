"""The support engineer's hands for a move: Geneva from Exchange to Google, and what stands where."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from figgo_ops import move, tenants
from figgo_ops.plan import Mailbox, Plan
from tests.rehearsal import GENEVA, Corail, Event, drawn, key_of

PROVIDERS = ("google", "exchange")


def planned_move(corail: Corail, to: str = "google", *legal_entities: int, **asked: Any) -> Plan:
    """Look at a move."""
    with corail.session() as session:
        return move.plan(session, move.Ask(to, legal_entities, **asked))


def google_for(corail: Corail, *people: int) -> None:
    """Google gives these people a mailbox beside the one they have; with nobody named, all of Geneva."""
    for number in people or corail.members(GENEVA):
        mail = corail.person(number).mail
        if mail and _has(corail, "exchange", mail) and not _has(corail, "google", mail):
            corail.stage.google.add_user(mail, zone="Europe/Zurich")


def _has(corail: Corail, provider: str, mail: str) -> bool:
    try:
        getattr(corail.stage, provider).mailbox(mail)
    except KeyError:
        return False
    return True


def standing(corail: Corail, provider: str, *people: int) -> list[str]:
    """The keys of all events of ours in these people's mailboxes at a provider, in order."""
    return sorted(key for number in people for one in held(corail, provider, number) if (key := key_of(one)))


def held(corail: Corail, provider: str, number: int) -> list[Event]:
    """What somebody's mailbox at a provider truly holds."""
    mail = corail.person(number).mail
    found: list[Event] = []
    if mail and _has(corail, provider, mail):
        found = getattr(corail.stage, provider).content(mail)
    return found


def shown_at(corail: Corail, provider: str, *people: int) -> dict[int, list[str]]:
    """The same as lines, by person; who has nothing is left out."""
    found = {number: sorted(map(drawn, held(corail, provider, number))) for number in people}
    return {number: lines for number, lines in found.items() if lines}


def owner_at(corail: Corail, provider: str, number: int) -> Any:
    """Somebody's own hands in their mailbox at a provider."""
    return getattr(corail.stage, provider).owner(corail.mail(number))


def at(corail: Corail, provider: str, number: int) -> Mailbox:
    """Somebody's mailbox behind the calendar of that name."""
    return Mailbox(provider, corail.mail(number))


def routing(corail: Corail) -> dict[str, tuple[tuple[int, ...], bool]]:
    """The legal entities of each calendar and whether it is retired, as the tenant file says now."""
    with corail.session() as session:
        return {one.name: (one.legal_entities, one.retired) for one in session.tenant.calendars}


def ruled(corail: Corail, **rules: Mapping[str, Any]) -> None:
    """Let the tenant file say whom each calendar is for; those not named are retired."""
    nobody: dict[str, Any] = {"legal_entities": (), "domains": ()}
    with corail.session() as session:
        calendars = [
            replace(one, **{**nobody, "retired": one.name not in rules, **rules.get(one.name, {})})
            for one in session.tenant.calendars
        ]
        tenants.write_routing(session.tenant, calendars)


def notified(corail: Corail) -> list[object]:
    """Everything that anybody was told by mail."""
    return [*corail.stage.google.notifications, *corail.stage.exchange.notifications]


def migrated(corail: Corail, number: int, **lost: bool) -> list[str]:
    """The customer's own migration copies somebody's events from Exchange to Google; ids of the copies.

    Args:
        lost: `marker=True` loses the hidden properties, `uid=False` keeps the iCalendar uid.
    """
    made = []
    for event in held(corail, "exchange", number):
        assert event["all_day"], "no other event is copied here"
        more: dict[str, Any] = {} if lost.get("uid", True) else {"iCalUID": event["uid"]}
        if not lost.get("marker"):
            properties = event["properties"]
            hidden = {"figgoOps": "1", "figgoOpsKey": properties["FiggoOpsKey"]}
            hidden["figgoOpsPrint"] = properties["FiggoOpsPrint"]
            more["extendedProperties"] = {"private": hidden}
        days = (event["first_day"], event["last_day"].fromordinal(event["last_day"].toordinal() + 1))
        copy = owner_at(corail, "google", number).add(
            event["subject"], *days, reminders={"useDefault": False, "overrides": []}, **more
        )
        made.append(str(copy["id"]))
    return made
