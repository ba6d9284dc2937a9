"""A plan with one of everything, for looking at."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from figgo_ops.errors import RightsMissing
from figgo_ops.events import Event, Fingerprint, Key
from figgo_ops.leaves import Person, Span
from figgo_ops.plan import Action, Change, Existing, Finding, Mailbox, Plan, Reason, Skip, Unreadable

HOST = "corail.ilucca.net"

ZOE = Person(1, "Zoé Lefèvre", "zoe.lefevre@corail.example", "M1", 1)
HOSTILE = Person(2, "=cmd|' /C calc'!A0", "cmd@corail.example", "M2", 1)
SCRIPT = Person(3, "<script>alert(1)</script>", "script@corail.example", "M3", 3)
HIDDEN = Person(4, "Anne \u202eRéau\u202c\x07", None, "M4", 3)
PEOPLE = {person.id: person for person in (ZOE, HOSTILE, SCRIPT, HIDDEN)}

WEEK = Event(date(2026, 12, 7), date(2026, 12, 12), "confirmed", "Absent", zone="Europe/Paris")
DAY = Event(
    date(2026, 11, 23), date(2026, 11, 24), "tentative", "Congés & <b>repos</b>", "away", private=True
)
MORNING = Event(
    datetime(2027, 1, 4, 8, tzinfo=UTC),
    datetime(2027, 1, 4, 11, tzinfo=UTC),
    "confirmed",
    "Absent",
    zone="Europe/Paris",
)


def change(
    who: Person, action: Action, reason: Reason, before: Event | None, after: Event | None, period: int = 100
) -> Change:
    """One change in this person's own mailbox."""
    mailbox = Mailbox("head office", who.mail or "")
    shown = after or before
    assert shown is not None
    key = Key(HOST, who.id, period, f"{shown.first_day:%Y%m%d}A")
    found = Existing(mailbox, "event-1", "etag", "uid", str(key), "", before) if before else None
    print_ = Fingerprint.of(after) if after else None
    return Change(
        action,
        reason,
        key,
        who.id,
        who.legal_entity,
        mailbox,
        after,
        print_,
        found,
        counted=action == "remove",
    )


CHANGES = (
    change(ZOE, "create", "new", None, WEEK),
    change(ZOE, "create", "new", None, MORNING, 101),
    change(HOSTILE, "update", "changed in Figgo", DAY, WEEK),
    change(SCRIPT, "remove", "cancelled", DAY, None),
)


def plan(changes: tuple[Change, ...] = CHANGES, refused: tuple[str, ...] = ()) -> Plan:
    """Corail's plan of 22 November 2026."""
    box = Mailbox("head office", "zoe.lefevre@corail.example")
    why = RightsMissing("Delegation is missing for corail.example.", "Ask the administrator to grant it.")
    alike = Finding("look-alike", "", 1, box, date(2026, 12, 24), date(2026, 12, 26), "our title, no marker")
    taken = Finding("taken-over", "k", 1, box, date(2026, 12, 1), date(2026, 12, 1), "it has attendees")
    return Plan(
        "corail",
        HOST,
        "plan",
        datetime(2026, 11, 22, 11, tzinfo=UTC),
        date(2026, 11, 22),
        Span(date(2026, 1, 1), date(2028, 5, 15)),
        None,
        "digest",
        changes,
        12,
        (Skip(4, "", "Figgo holds no usable mail address"), Skip(1, "51216-20261215-AM", "remote work")),
        (Unreadable(3, "script@corail.example (head office)", why),),
        (alike, taken),
        refused,
        (),
        {1: 100, 3: 20},
        PEOPLE,
        {1: "Corail Paris", 3: "Corail Antilles"},
        "plan-0123456789ab",
        Path("/srv/figgo/plans/corail-plan-0123456789ab.json"),
    )


def many(count: int) -> Plan:
    """A plan with this many creations."""
    days = (WEEK.start + timedelta(days=n % 400) for n in range(count))
    events = (Event(day, day + timedelta(days=1), "confirmed", "Absent") for day in days)
    return plan(tuple(change(ZOE, "create", "new", None, event, n) for n, event in enumerate(events)))
