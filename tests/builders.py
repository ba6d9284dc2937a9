"""Small things that many tests begin with: people, leaves, and a company whose calendars are in memory."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from figgo_ops.diff import Difference, Frame, Seat, diff
from figgo_ops.events import Fingerprint, Policy, Wanted, wanted
from figgo_ops.leaves import Half, Leave, Person, Span, WorkingTime
from figgo_ops.plan import Existing, Listing, Mailbox
from tests.calendars.memory import MemoryCalendar

HOST = "corail.ilucca.net"
PARIS = Policy("Europe/Paris")
TODAY = date(2026, 11, 22)
WINDOW = Span(date(2026, 10, 23), date(2028, 5, 15))
ALWAYS = Span(date(2020, 1, 1), date(2030, 12, 31))


def person(id_: int = 1, mail: str | None = "anne.lefevre@corail.example", **fields: Any) -> Person:
    """Somebody of legal entity 1 with an open contract, Anne unless said otherwise."""
    given: dict[str, Any] = {
        "id": id_,
        "name": f"N° {id_}",
        "mail": mail,
        "number": None,
        "legal_entity": 1,
    }
    return Person(**given | fields)


ANNE = person()
ZOE = person(2, "zoe.benard@corail.example")


def leave(when: str, period: int = 100, **fields: Any) -> Leave:
    """One half-day, such as leave("2026-12-07A"): paid, approved and Anne's unless said otherwise."""
    given: dict[str, Any] = {
        "id": f"{period}-{when}",
        "owner": 1,
        "period": period,
        "day": date.fromisoformat(when[:10]),
        "half": _half(when),
        "type_id": 10,
        "type_name": "Congés payés",
    }
    return Leave(**given | fields)


def _half(when: str) -> Half:
    return "P" if when.endswith("P") else "A"


def days(
    first: str, last: str = "", period: int = 100, *, all_week: bool = False, **fields: Any
) -> list[Leave]:
    """Every half-day from first to last, weekends left out; a P begins and an A ends at midday."""
    last = last or first[:10]
    rows = []
    day, end = date.fromisoformat(first[:10]), date.fromisoformat(last[:10])
    while day <= end:
        rows += [f"{day}{half}" for half in "AP" if all_week or day.weekday() < 5]
        day += timedelta(days=1)
    rows = rows[1:] if first.endswith("P") else rows
    return [leave(when, period, **fields) for when in (rows[:-1] if last.endswith("A") else rows)]


def stretches_of(
    rows: Iterable[Leave], policy: Policy = PARIS, who: Person = ANNE, **fields: Any
) -> list[Wanted]:
    """What these leaves become, in a calendar without hour ranges unless said otherwise."""
    given: dict[str, Any] = {"working": WorkingTime(), "host": HOST, "hour_ranges": False} | fields
    return wanted(who, rows, policy, **given)


def existing_of(one: Wanted, mailbox: Mailbox, **fields: Any) -> Existing:
    """The event of a stretch as it stands in a mailbox right after it was written."""
    given: dict[str, Any] = {
        "mailbox": mailbox,
        "id": str(one.key),
        "etag": "1",
        "uid": f"{one.key}@{mailbox.address}",
        "key_text": str(one.key),
        "print_text": str(Fingerprint.of(one.event)),
        "event": one.event,
    }
    return Existing(**given | fields)


def seat(who: Person, rows: Iterable[Leave], policy: Policy = PARIS, **fields: Any) -> Seat:
    """One person with these leaves, all read, at home in the calendar "memory"."""
    rows = list(rows)
    working = fields.pop("working", WorkingTime())
    project = MemoryCalendar().project
    shown = [
        replace(one, event=project(one.event)) for one in stretches_of(rows, policy, who, working=working)
    ]
    dropped = {(row.period, row.slot): why for row in rows if row.active and (why := policy.dropped(row))}
    given: dict[str, Any] = {
        "person": who,
        "home": Mailbox("memory", who.mail) if who.mail else None,
        "wanted": tuple(shown),
        "needed": ALWAYS,
        "dropped": dropped,
    }
    return Seat(**given | fields)


class Company:
    """Mailboxes in memory, planned and written the way a run does."""

    def __init__(self, *calendars: MemoryCalendar) -> None:
        self.calendars = {one.name: one for one in calendars or [MemoryCalendar(addresses=[str(ANNE.mail)])]}

    def calendar(self) -> MemoryCalendar:
        """The first calendar, the only one of most companies."""
        return next(iter(self.calendars.values()))

    def listings(self) -> list[Listing]:
        """Every mailbox as its calendar lists it."""
        return [
            listing for one in self.calendars.values() for listing in one.read([*one.shelves, *one.aliases])
        ]

    def plan(self, *seats: Seat, **frame: Any) -> Difference:
        """What must change so that these people's calendars are right; frame fields may be given."""
        known = frozenset(one.person.id for one in seats)
        given: dict[str, Any] = {"host": HOST, "today": TODAY, "window": WINDOW, "known": known} | frame
        return diff(seats, self.listings(), Frame(**given))

    def apply(self, difference: Difference) -> None:
        """Write all of it; a write that fails is the test's failure."""
        for change in difference.changes:
            calendar = self.calendars[change.mailbox.calendar]
            assert [outcome.status for outcome in calendar.write([change])] == ["done"]

    def load(self, *seats: Seat, **frame: Any) -> None:
        """Plan and write."""
        self.apply(self.plan(*seats, **frame))

    def only(self, address: str = str(ANNE.mail)) -> str:
        """The id of the one event in a mailbox."""
        (stored,) = self.calendar().content(address)
        return stored.id


def said(difference: Difference) -> list[tuple[str, str, str]]:
    """The changes in short: action, reason, period/part."""
    return [(one.action, one.reason, f"{one.key.period}/{one.key.part}") for one in difference.changes]


def found(difference: Difference) -> list[tuple[str, str]]:
    """The findings in short: verdict, address."""
    return [(one.verdict, one.mailbox.address) for one in difference.findings]
