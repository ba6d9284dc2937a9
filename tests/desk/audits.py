"""An audit as large as a customer's, made in memory; hostile names and titles among them."""

from dataclasses import replace
from datetime import date, timedelta

from figgo_ops import verdicts
from figgo_ops.audit import Audit
from figgo_ops.diff import Difference
from figgo_ops.events import Event, Fingerprint
from figgo_ops.leaves import Person
from figgo_ops.plan import Change, Finding, Mailbox
from tests.desk import plans

HOSTILE = ("<script>alert(1)</script>", "=cmd|' /C calc'!A0", "Anne \u202eRéau\u202c", "Zoé & <b>Chloé</b>")
FIRST = date(2026, 1, 5)


def person(number: int) -> Person:
    """Somebody with a mailbox, some under a name that means harm."""
    name = f"Maëlle Le Goff-{number}" if number % 40 else HOSTILE[number // 40 % len(HOSTILE)]
    return Person(number, name, f"maelle.legoff-{number}@corail.example", f"M{number}", 1 + number % 3)


def big(events: int = 10_000, mailboxes: int = 400) -> Audit:
    """So many events over so many mailboxes: one in twenty needs action, one in fifty is information."""
    people = {number: person(number) for number in range(1, mailboxes + 1)}
    homes = {number: Mailbox("head office", one.mail or "") for number, one in people.items()}
    difference = Difference()
    for n in range(events):
        who = people[1 + n % mailboxes]
        day = FIRST + timedelta(days=7 * (n // mailboxes) + n % 5)
        event = Event(day, day + timedelta(days=1 + n % 3), "confirmed", "Congés payés", private=n % 7 == 0)
        made = plans.change(who, "create", "new", None, event, n)
        if n % 20 == 0:
            difference.changes.append(_damaged(who, event, n))
        elif n % 50 == 1:
            why = "Its owner invited others to it or made it recur."
            box, key = made.mailbox, str(made.key)
            difference.findings.append(Finding("taken-over", key, who.id, box, day, day, why, "present"))
        else:
            difference.unchanged[made.mailbox, str(made.key)] = event
    plan = replace(plans.plan(tuple(difference.changes)), kind="audit", people=people, findings=())
    found = tuple(verdicts.judged(difference, homes))
    return Audit(
        plan, found, {Mailbox("head office", "côme@corail.example"): "No such user."}, homes, {}, mailboxes
    )


def _damaged(who: Person, event: Event, n: int) -> Change:
    dragged = replace(event, start=event.start + timedelta(days=2), end=event.end + timedelta(days=2))
    if n % 60 == 0:
        return plans.change(who, "create", "new", None, event, n)
    if n % 60 == 20:
        return plans.change(who, "update", "edited by hand", dragged, event, n)
    removal = plans.change(who, "remove", "cancelled", event, None, n)
    assert removal.existing is not None
    return replace(removal, existing=replace(removal.existing, print_text=str(Fingerprint.of(event))))
