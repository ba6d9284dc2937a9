"""What takes back a run, and what clears places, decided from memory alone."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from figgo_ops.diff import Difference
from figgo_ops.errors import Unreachable
from figgo_ops.events import Event, Fingerprint, Key
from figgo_ops.plan import Change, Existing, Listing, Mailbox
from figgo_ops.recall.takeback import Written, cleared, undone
from tests import model
from tests.drawn import Touch, lived_in, touches
from tests.model import Company

HOST = "corail.ilucca.net"
ANNE, ZOE = Mailbox("google", "anne.lefevre@corail.example"), Mailbox("google", "zoe.benard@corail.example")
MONDAY = date(2026, 12, 7)
DAY = timedelta(days=1)


def day(n: int = 0, title: str = "Absent") -> Event:
    return Event(MONDAY + n * DAY, MONDAY + (n + 1) * DAY, "confirmed", title)


def key(n: int = 0, owner: int = 7) -> Key:
    return Key(HOST, owner, 1, f"{MONDAY + n * DAY:%Y%m%d}A")


def standing(event: Event, at: Key, where: Mailbox = ANNE, **fields: object) -> Existing:
    """An event of ours as a listing has it."""
    mark = str(Fingerprint.of(event))
    made = Existing(where, f"id-{at.part}", "1", f"{at.part}@uid", str(at), mark, event)
    return replace(made, **fields)  # type: ignore[arg-type]


def creation(n: int = 0, where: Mailbox = ANNE, unit: int = 1) -> Change:
    event = day(n)
    return Change("create", "new", key(n), 7, 1, where, event, Fingerprint.of(event), unit=unit)


def update(before: Existing, event: Event, unit: int = 1) -> Change:
    at = Key.parse(before.key_text) or key()
    mark = Fingerprint.of(event)
    return Change("update", "changed in Figgo", at, 7, 1, before.mailbox, event, mark, before, unit=unit)


def removal(before: Existing, unit: int = 1) -> Change:
    at = Key.parse(before.key_text)
    assert at is not None
    return Change("remove", "cancelled", at, 7, 1, before.mailbox, existing=before, unit=unit)


def after(*events: Existing, where: Mailbox = ANNE) -> list[Listing]:
    """What the calendar lists now."""
    return [Listing(where, events)]


def said(found: Difference) -> list[tuple[str, str]]:
    return [(change.action, change.key.part) for change in found.changes]


def reasons(found: Difference) -> list[str]:
    return [skip.reason.removeprefix("not taken back: ") for skip in found.skipped]


def test_an_event_that_still_is_what_the_run_wrote_is_removed_and_counted() -> None:
    found = undone([Written(creation(), "id-20261207A")], after(standing(day(), key())))
    (change,) = found.changes
    assert (change.action, change.reason, change.counted, change.fingerprint) == (
        "remove",
        "undone",
        True,
        None,
    )


@pytest.mark.parametrize(
    "now",
    [
        standing(day(title="Ski"), key(), print_text=str(Fingerprint.of(day()))),
        standing(day(3), key(), print_text=str(Fingerprint.of(day()))),
        standing(day(), key(), taken_over=True),
        standing(day(), key(), print_text="1;;x;y"),
    ],
    ids=["renamed", "dragged", "taken over", "another fingerprint"],
)
def test_an_event_that_its_owner_touched_is_left_and_listed(now: Existing) -> None:
    found = undone([Written(creation(), now.id)], after(now))
    assert (found.changes, reasons(found)) == ([], ["its owner changed it since"])
    assert found.skipped[0].leave == str(key())


def test_an_event_that_is_gone_already_needs_nothing_and_no_word() -> None:
    found = undone([Written(creation(), "id", later="run-2")], after())
    assert (found.changes, found.skipped) == ([], [])


def test_what_a_later_run_touched_is_left_and_the_run_is_named() -> None:
    found = undone([Written(creation(), "id-20261207A", later="run-2")], after(standing(day(), key())))
    assert (found.changes, reasons(found)) == ([], ["the later run run-2 touched it"])


@pytest.mark.parametrize(
    ("title", "changes", "why"),
    [("Absent", [("remove", "20261207A")], []), ("Ski", [], ["the later run run-2 touched it"])],
    ids=["it did not arrive", "it may have"],
)
def test_a_later_run_that_was_killed_is_judged_by_the_calendar(
    title: str, changes: list[tuple[str, str]], why: list[str]
) -> None:
    now = standing(day(title=title), key(), print_text=str(Fingerprint.of(day())))
    found = undone([Written(creation(), now.id, later="run-2", sure=False)], after(now))
    assert (said(found), reasons(found)) == (changes, why)


def test_a_row_without_an_outcome_is_judged_by_the_calendar() -> None:
    """The run was killed: nobody was told the id of what it created."""
    arrived, lost = Written(creation(0, unit=1)), Written(creation(1, unit=2))
    assert said(undone([arrived, lost], after(standing(day(), key())))) == [("remove", "20261207A")]


def test_an_update_gets_its_old_content_and_marker_back() -> None:
    before = standing(day(title="Ski"), key(), print_text=str(Fingerprint.of(day())))
    now = standing(day(2), key())
    (change,) = undone([Written(update(before, day(2)), now.id)], after(now)).changes
    assert (change.action, change.event, change.existing) == ("update", day(title="Ski"), now)
    assert change.marker == (str(key()), str(Fingerprint.of(day())))


def test_an_adopted_event_loses_our_marker_and_gets_its_title_back() -> None:
    before = standing(day(title="absent"), key(), key_text="", print_text="")
    now = standing(day(), key())
    found = undone([Written(update(before, day()), now.id)], after(now))
    (change,) = found.changes
    assert (change.event, change.marker, change.fingerprint) == (day(title="absent"), ("", ""), None)
    assert [one.event for one in undone([Written(update(before, day()), now.id)], after()).changes] == []


def test_an_update_that_its_owner_took_back_already_is_in_order() -> None:
    before = standing(day(), key())
    found = undone([Written(update(before, day(2)), before.id)], after(before))
    assert (found.changes, found.skipped, list(found.unchanged.values())) == ([], [], [day()])


def test_an_updated_event_that_was_deleted_since_is_not_brought_back() -> None:
    found = undone([Written(update(standing(day(), key()), day(2)), "id")], after())
    assert (found.changes, reasons(found)) == ([], ["it was deleted since"])


def test_a_removed_event_comes_back_with_its_marker_and_notes() -> None:
    before = standing(day(), key(), raw={"note": "Clés chez la gardienne"})
    (change,) = undone([Written(removal(before))], after()).changes
    assert (change.action, change.event, change.carries, change.counted) == ("create", day(), before, False)
    assert change.marker == (before.key_text, before.print_text)


def test_a_removed_event_whose_key_stands_again_is_not_doubled() -> None:
    before = standing(day(), key())
    assert undone([Written(removal(before))], after(before)).changes == []
    other = standing(day(4), key(), id="another")
    found = undone([Written(removal(before))], after(other))
    assert (found.changes, reasons(found)) == ([], ["another event stands under its key"])


def test_a_replacement_is_taken_back_whole_and_the_notes_made_since_go_along() -> None:
    old, new = standing(day(0), key(0)), standing(day(1), key(1), raw={"note": "added since"})
    rows = [Written(creation(1), new.id), Written(removal(old))]
    found = undone(rows, after(new))
    assert said(found) == [("create", "20261207A"), ("remove", "20261208A")]
    assert found.changes[0].carries == new
    assert len({change.unit for change in found.changes}) == 1


def test_half_of_a_replacement_is_not_taken_back_alone() -> None:
    old, new = standing(day(0), key(0)), standing(day(1, "Ski"), key(1))
    found = undone([Written(creation(1), new.id), Written(removal(old))], after(new))
    assert found.changes == []
    assert sorted(reasons(found)) == [
        "another event of the same days is not: its owner changed it since",
        "its owner changed it since",
    ]


def test_an_event_removed_in_a_later_pass_than_its_successor_was_written_stands_or_falls_with_it() -> None:
    """A move numbers the units of its passes differently."""
    moved = Mailbox("exchange", ANNE.address)
    there = standing(day(), key(), moved)
    written = [Written(creation(where=moved, unit=1)), Written(removal(standing(day(), key()), unit=-5))]
    found = undone(written, [*after(there, where=moved), *after()])
    assert said(found) == [("create", "20261207A"), ("remove", "20261207A")]
    assert len({one.unit for one in found.changes}) == 1
    edited = replace(there, event=day(title="Ski"))
    assert said(undone(written, [*after(edited, where=moved), *after()])) == []


def test_nothing_is_decided_about_a_mailbox_that_was_not_read_nor_about_half_a_unit() -> None:
    unread = Listing(ZOE, error=Unreachable(f"{ZOE} does not answer.", "Run again."))
    moved = [Written(creation(0, ZOE)), Written(removal(standing(day(0), key(0))))]
    found = undone([*moved, Written(creation(3, unit=2))], [unread, *after(standing(day(3), key(3)))])
    assert said(found) == [("remove", "20261210A")]
    assert (found.skipped, found.read) == ([], frozenset({ANNE}))


OWNERS = {ANNE: {7}, ZOE: {8, 9}}


def clear(*listings: Listing, chosen: Iterable[int] = (7, 8, 9)) -> Difference:
    return cleared(OWNERS, set(chosen), {7: 1, 8: 2}, listings, HOST)


def test_every_event_of_ours_goes_each_a_unit_of_its_own_and_counted() -> None:
    found = clear(*after(standing(day(0), key(0)), standing(day(1), key(1))))
    assert said(found) == [("remove", "20261207A"), ("remove", "20261208A")]
    assert len({change.unit for change in found.changes}) == 2
    assert {(change.counted, change.legal_entity, change.reason) for change in found.changes} == {
        (True, 1, "off-boarded")
    }


@pytest.mark.parametrize(
    ("event", "verdict"),
    [
        (standing(day(), key(), taken_over=True), "taken-over"),
        (standing(day(), key(), key_text="other.ilucca.net/7/1/20261207A"), "foreign"),
        (standing(day(), key(), key_text="rubbish"), "foreign"),
        (standing(day(), key(owner=8)), "wrong-mailbox"),
    ],
)
def test_what_is_not_ours_to_remove_stays_and_is_listed(event: Existing, verdict: str) -> None:
    found = clear(*after(event))
    assert (found.changes, [one.verdict for one in found.findings]) == ([], [verdict])


def test_edited_events_go_too() -> None:
    """Whoever leaves takes along what they wrote into our events, not what we wrote."""
    assert len(clear(*after(standing(day(2, "Ski"), key()))).changes) == 1


def test_of_a_shared_place_only_the_chosen_persons_events_go_and_the_others_are_no_finding() -> None:
    both = after(standing(day(0), key(0, 8), ZOE), standing(day(1), key(1, 9), ZOE), where=ZOE)
    found = clear(*both, chosen=[8])
    assert [(change.employee, change.legal_entity) for change in found.changes] == [(8, 2)]
    assert found.findings == []


def test_a_place_that_was_not_read_is_not_cleared() -> None:
    found = clear(Listing(ANNE, error=Unreachable("no answer", "Run again.")))
    assert (found.changes, found.read) == ([], frozenset())


# Laws.


def written(company: Company, changes: Sequence[Change]) -> list[Written]:
    """Do these changes, and remember them as the ledger does: the id, and no word of what was carried."""
    rows = []
    for change in model.in_order(changes):
        where = change.mailbox
        known = set(company.box(where))
        model.apply(company, [change])
        fresh = set(company.box(where)) - known
        event = fresh.pop() if fresh else change.existing.id if change.existing and change.event else ""
        rows.append(Written(replace(change, carries=None), event))
    return rows


def taking_back(company: Company, rows: Sequence[Written]) -> Difference:
    listings = []
    for mailbox in sorted({row.change.mailbox for row in rows}):
        here = (replace(event, mailbox=mailbox) for event in company.box(mailbox).values())
        listings.append(Listing(mailbox, tuple(event for event in here if event.key_text)))
    return undone(rows, listings)


def without_duplicates(company: Company, changes: Iterable[Change]) -> Company:
    """The company without the events that a run removes as duplicates: those nobody wants back."""
    company = company.copy()
    for change in changes:
        if change.reason == "duplicate" and change.existing:
            del company.box(change.mailbox)[change.existing.id]
    return company


COPIED = "another event stands under its key"
"""An owner had copied the event before the run."""


@given(lived_in())
def test_a_run_taken_back_leaves_the_calendars_as_they_were(company: Company) -> None:
    changes = model.plan(company).changes
    before = without_duplicates(company, changes).content()
    rows = written(company, changes)
    found = taking_back(company, rows)
    assert {why.partition(": ")[2] or why for why in reasons(found)} <= {COPIED}
    assume(not found.skipped)
    model.apply(company, model.in_order(found.changes))
    assert company.content() == before
    assert taking_back(company, rows).changes == []


@given(lived_in(), st.lists(touches, min_size=1, max_size=6))
def test_what_owners_touched_after_the_run_stays_and_what_is_left_is_taken_back_only_once(
    company: Company, acts: list[Touch]
) -> None:
    rows = written(company, model.plan(company).changes)
    before = shown(company)
    for act in acts:
        act.on(company)
    touched = {number: now for number, now in shown(company).items() if before.get(number) != now}
    found = taking_back(company, rows)
    if {act.what for act in acts} == {"annotate"}:
        assert found.skipped == []
    model.apply(company, model.in_order(found.changes))
    assert touched.items() <= shown(company).items()
    assert taking_back(company, rows).changes == []


def shown(company: Company) -> dict[str, tuple[Event, str, str, bool]]:
    """What each event says, by its id; notes apart."""
    return {
        event.id: (event.event, event.key_text, event.print_text, event.taken_over)
        for event in company.events()
    }


@given(lived_in())
def test_taking_back_what_took_back_ends_where_the_run_did(company: Company) -> None:
    rows = written(company, model.plan(company).changes)
    after_run = company.content()
    again = written(company, taking_back(company, rows).changes)
    model.apply(company, model.in_order(taking_back(company, again).changes))
    assert company.content() == after_run
