"""The process of a plan that finds nothing to do: half-days and listings in memory in, a difference out."""

import argparse
import json
import random
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from figgo_ops.calendars._google_events import created_body, event_id, existing
from figgo_ops.calendars.google import projected
from figgo_ops.diff import Difference, Frame, Seat, diff
from figgo_ops.events import Fingerprint, Policy, TypeRule, Wanted, wanted
from figgo_ops.leaves import Leave, Person, Span, WorkingTime, slot_day, slot_half
from figgo_ops.plan import Change, Existing, Listing, Mailbox
from figgo_ops.sandbox.crowd import LENGTHS, TYPES
from figgo_ops.unshown import Unshown
from figgo_ops.workers import undisturbed
from tests.benchmarks.connect import CALENDAR, FIRST, HOST, address_of, last_word

WINDOW = Span(date(2026, 1, 1), date(2027, 12, 31))
POLICY = Policy("Europe/Paris", rules=(TypeRule("Maladie*", title="Indisponible", private=True),))
PERIODS_EACH = 20


def rows(owner: int, chance: random.Random) -> list[Leave]:
    """Twenty periods of one person, of the lengths and types that the rehearsal company has."""
    at, found = 2 * FIRST.toordinal(), list[Leave]()
    for period in range(owner * PERIODS_EACH, (owner + 1) * PERIODS_EACH):
        at += 2 * chance.randint(1, 20) + chance.choice((0, 0, 1))
        kind, length, confirmed = chance.choice(TYPES[:5]), chance.choice(LENGTHS), chance.random() < 0.9
        for place in _worked(at, length):
            day, half = slot_day(place), slot_half(place)
            number = f"{owner}-{day.isoformat()}-{half}"
            found.append(Leave(number, owner, period, day, half, 1, kind, confirmed=confirmed))
            at = place + 1
    return found


def _worked(at: int, length: int) -> Iterator[int]:
    while length:
        if slot_day(at).weekday() < 5:
            length -= 1
            yield at
        at += 1


class Company:
    """Everybody's half-days, and calendars that show exactly what they should."""

    def __init__(self, seed: int, *, half_days: int = 0, events: int = 0) -> None:
        chance = random.Random(seed)
        self.rows: dict[int, list[Leave]] = {}
        self.listings: list[Listing] = []
        self.half_days = self.events = 0
        while self.half_days < half_days or self.events < events:
            owner = len(self.rows) + 1
            self.rows[owner] = rows(owner, chance)
            self.listings.append(_listing(owner, self.rows[owner]))
            self.half_days += len(self.rows[owner])
            self.events += len(self.listings[-1].events)

    def plan(self) -> Difference:
        """What is timed: from the half-days to what must change."""
        with undisturbed():
            # A policy remembers the events it has drawn; a plan begins with one that remembers nothing.
            policy = replace(POLICY)
            seats = [_seat(owner, leaves, policy) for owner, leaves in self.rows.items()]
            frame = Frame(HOST, FIRST, WINDOW, policy.hours, known=frozenset(self.rows))
            return diff(seats, self.listings, frame)


def _seat(owner: int, leaves: list[Leave], policy: Policy) -> Seat:
    """One person as a look at the tenant seats them."""
    person = Person(owner, f"P {owner}", address_of(owner), None, 1)
    home = Mailbox(CALENDAR, address_of(owner))
    shown = wanted(person, leaves, policy, WorkingTime(), HOST, hour_ranges=False, project=projected)
    return Seat(person, home, frozenset({home}), tuple(shown), WINDOW, Unshown(leaves, policy))


def _listing(owner: int, leaves: list[Leave]) -> Listing:
    """The mailbox as the adapter reads it out of a page of Google's."""
    seat = _seat(owner, leaves, POLICY)
    assert seat.home is not None
    page = json.dumps([_item(seat.home, one) for one in seat.wanted])
    found: list[Existing] = [existing(seat.home, item, "Europe/Paris") for item in json.loads(page)]
    return Listing(seat.home, tuple(found), zone="Europe/Paris")


def _item(home: Mailbox, one: Wanted) -> dict[str, object]:
    mark, owner = Fingerprint.of(one.event), one.key.owner
    change = Change("create", "new", one.key, owner, 1, home, one.event, mark)
    own, moment = event_id(str(one.key), home.address, 0), "2026-01-02T08:00:00.000Z"
    person = {"email": home.address, "self": True}
    return {
        "kind": "calendar#event",
        "etag": f'"{3_500_000_000_000_000 + one.key.period}"',
        "id": own,
        "htmlLink": f"https://www.google.com/calendar/event?eid={own}{own}",
        "created": moment,
        "updated": moment,
        "creator": person,
        "organizer": person,
        "iCalUID": f"{own}@google.com",
        "sequence": 0,
        "eventType": "default",
        **created_body(change),
    }


def main() -> None:
    """Make the company, plan once, say what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--half-days", type=int, default=0)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    company = Company(options.seed, half_days=options.half_days, events=options.events)
    begun = time.process_time()
    result = company.plan()
    cpu = time.process_time() - begun
    assert not result.changes, f"{len(result.changes)} changes where nothing changed"
    assert len(result.unchanged) == company.events
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    last_word({"cpu": cpu, "mib": memory, "events": company.events, "half_days": company.half_days})


if __name__ == "__main__":
    main()
