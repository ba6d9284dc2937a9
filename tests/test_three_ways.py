"""What is desired, what exists, and what we wrote: every combination, against the table in words."""

from datetime import date
from itertools import product

import pytest

from figgo_ops.diff import Difference, Frame, Seat, diff
from figgo_ops.events import Event, Fingerprint, Key, Wanted
from figgo_ops.leaves import Person, part_name, slot
from figgo_ops.plan import Existing, Listing, Mailbox
from tests.model import DAY, HOST, TODAY, horizon

pytestmark = pytest.mark.disable_socket

FACTS = (date(2026, 3, 16), date(2026, 3, 17), date(2026, 3, 18))
LOOKS = ("Absent", "RTT", "Dentiste")
ZONES = ("Europe/Paris", "America/Martinique")

Sides = tuple[int, int]
"""Which of the facts and which of the looks."""


def _event(sides: Sides, zone: str = ZONES[0]) -> Event:
    first = FACTS[sides[0]]
    return Event(first, first + DAY, "confirmed", LOOKS[sides[1]], zone=zone)


def _group(desired: int, existing: int, mark: int) -> str:
    """The table for one group of properties."""
    if existing == desired:
        return "unchanged"
    if existing == mark:
        return "changed"
    return "edited" if desired == mark else "all differ"


def _expected(existing: Sides, mark: Sides | None, zone: str, hand_edits: str) -> tuple[Sides, str | None]:
    """What the event at (0, 0) desired should become, and the reason to write it; None to leave it alone."""
    if mark is None:
        facts, look = existing
        reason = "changed in Figgo" if facts else "policy changed" if look else None
        return (0, 0), reason
    groups = [_group(0, existing[side], mark[side]) for side in (0, 1)]
    kept = hand_edits == "respect" and existing[1] != mark[1] == 0
    target = (0, existing[1] if kept else 0)
    if groups[0] in ("changed", "all differ"):
        return target, "policy changed" if zone != ZONES[0] else "changed in Figgo"
    if zone != ZONES[0] or (groups[1] in ("changed", "all differ") and not kept):
        return target, "policy changed"
    edited = groups[0] == "edited" or (groups[1] == "edited" and not kept)
    return target, "edited by hand" if edited else None


def _compared(existing: Sides, mark: Sides | None, zone: str, hand_edits: str) -> Difference:
    person = Person(1, "Élodie", "p1@acme.example", None, 1)
    home = Mailbox("outlook", "p1@acme.example")
    at = slot(FACTS[0], "A")
    key = Key(HOST, 1, 10, part_name(FACTS[0], "A"))
    text = str(Fingerprint.of(_event(mark, zone))) if mark else "2;of a later version"
    found = Existing(home, "x", "1", "x@uid", str(key), text, _event(existing))
    window = horizon(TODAY)
    frame = Frame(HOST, TODAY, window, hand_edits=hand_edits, known=frozenset({1}))  # type: ignore[arg-type]
    seat = Seat(person, home, wanted=(Wanted(key, _event((0, 0)), at, at + 1),), needed=window)
    return diff([seat], [Listing(home, (found,))], frame)


SIDES = list(product(range(3), range(3)))
CASES = list(product(SIDES, [None, *SIDES], ZONES, ["restore", "respect"]))


def test_every_combination_of_desired_existing_and_fingerprint_becomes_what_the_table_says() -> None:
    for case in CASES:
        target, reason = _expected(*case)
        made = _compared(*case)
        assert len(made.changes) == (reason is not None), case
        for change in made.changes:
            assert (change.action, change.event) == ("update", _event(target)), case
            assert change.fingerprint == Fingerprint.of(_event((0, 0))), case
        edited = [finding.verdict for finding in made.findings]
        assert edited == ["edited"] * (target != (0, 0)), case


def test_every_combination_that_is_written_gives_the_reason_of_the_table() -> None:
    wrong = [case for case in CASES if [c.reason for c in _compared(*case).changes] != _reasons(case)]
    assert wrong == []


def _reasons(case: tuple[Sides, Sides | None, str, str]) -> list[str]:
    reason = _expected(*case)[1]
    return [reason] if reason else []
