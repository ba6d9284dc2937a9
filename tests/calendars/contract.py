"""What every calendar must do, whoever provides it; run by `test_contract.py` for each one.

A subclass gives the fixture `stage`: the calendar, and the hands of the people whose mailboxes it reaches.
"""

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest

from figgo_ops.calendars import Calendar
from figgo_ops.errors import MailboxAbsent
from figgo_ops.events import Event, Fingerprint, Key, clean_title
from figgo_ops.leaves import Span, part_name
from figgo_ops.plan import Change, Existing, Listing, Mailbox, Outcome

ANNE, ZOE, NOBODY = "anne.lefevre@corail.example", "zoe.benard@corail.example", "nobody@corail.example"
MONDAY = date(2026, 11, 23)
DAY = timedelta(days=1)


class Stage(Protocol):
    """A calendar with the mailboxes of ANNE and ZOE, and what happens behind its back."""

    anne: str
    zoe: str

    @property
    def calendar(self) -> Calendar:
        """What is tested."""

    def add(self, address: str, title: str, first: date, days: int = 1) -> str:
        """The owner's own all-day event; its id."""

    def annotate(self, address: str, event_id: str, note: str) -> None:
        """The owner writes a note into an event."""

    def rename(self, address: str, event_id: str, title: str) -> None:
        """The owner gives an event another title."""

    def delete(self, address: str, event_id: str) -> None:
        """The owner deletes an event."""

    def invite(self, address: str, event_id: str, guest: str) -> None:
        """The owner invites somebody."""

    def titles(self, address: str) -> list[str]:
        """What the mailbox truly shows, in any order."""

    def notes(self, address: str) -> list[str]:
        """The notes in its events that have one."""

    def binned(self, address: str) -> int:
        """How many removed events somebody could still restore."""

    def notified(self) -> int:
        """How many mails went out."""

    def small_pages(self, size: int) -> None:
        """From now on, so many events per page."""

    def break_listing(self, address: str) -> None:
        """From now on this mailbox's listing breaks off before its end."""


def hours(day: date, begin: int, end: int, zone: str, last: date | None = None) -> tuple[datetime, datetime]:
    """From an hour of a day to an hour of the same or another day, in that zone."""
    local = ZoneInfo(zone)
    start = datetime(day.year, day.month, day.day, begin, tzinfo=local)
    last = last or day
    stop = datetime(last.year, last.month, last.day, end, tzinfo=local)
    return start.astimezone(UTC), stop.astimezone(UTC)


def all_day(first: date = MONDAY, days: int = 1, title: str = "Absent", zone: str = "Europe/Paris") -> Event:
    """An event of whole days."""
    return Event(first, first + days * DAY, "confirmed", title, zone=zone)


def half_day(day: date, begin: int, end: int, zone: str, last: date | None = None) -> Event:
    """A timed event."""
    return Event(*hours(day, begin, end, zone, last), "confirmed", "Congés payés", zone=zone)


SHAPES = {
    "one day": all_day(),
    "a week": all_day(days=5),
    "five months": all_day(date(2026, 10, 1), 150, "Maternité"),
    "over the year's end": all_day(date(2026, 12, 28), 8),
    "a leap day": all_day(date(2028, 2, 29)),
    "the day clocks go forward": all_day(date(2027, 3, 28)),
    "a morning in Paris": half_day(MONDAY, 9, 12, "Europe/Paris"),
    "Monday afternoon to Friday": half_day(MONDAY, 14, 18, "Europe/Paris", MONDAY + 4 * DAY),
    "an afternoon in Auckland": half_day(MONDAY, 14, 18, "Pacific/Auckland"),
    "a morning in Los Angeles": half_day(MONDAY, 9, 12, "America/Los_Angeles"),
    "a morning in Kathmandu": half_day(MONDAY, 9, 12, "Asia/Kathmandu"),
    "an afternoon in Martinique": half_day(MONDAY, 14, 18, "America/Martinique"),
    "over the night clocks go back": half_day(date(2026, 10, 23), 14, 12, "Europe/Paris", date(2026, 10, 26)),
    "over the night clocks go forward": half_day(
        date(2027, 3, 26), 14, 12, "Europe/Paris", date(2027, 3, 29)
    ),
    "in the hour that comes twice": half_day(date(2026, 10, 25), 1, 3, "Europe/Paris"),
    "the year's last afternoon": half_day(date(2026, 12, 31), 14, 18, "Pacific/Auckland"),
    "not yet approved": replace(all_day(), state="tentative"),
    "free": replace(all_day(), show_as="free"),
    "away": replace(all_day(), show_as="away"),
    "elsewhere": replace(half_day(MONDAY, 9, 12, "Europe/Paris"), show_as="elsewhere"),
    "private": replace(all_day(), private=True),
    "everything at once": replace(
        half_day(MONDAY, 9, 12, "Asia/Tokyo"),
        state="tentative",
        show_as="free",
        private=True,
        title="R.T.T. <b>",
    ),
}


def creation(
    stage: Stage, address: str, event: Event, period: int = 1, carries: Existing | None = None
) -> Change:
    """A creation as a plan would hold it."""
    event = stage.calendar.project(event)
    key = Key("corail.ilucca.net", 7, period, part_name(event.first_day, "A"))
    where = Mailbox(stage.calendar.name, address)
    made = Fingerprint.of(event)
    return Change("create", "new", key, 7, 1, where, event, made, carries=carries)


def update(stage: Stage, listed: Existing, event: Event) -> Change:
    """An update of a listed event."""
    event, key = stage.calendar.project(event), Key.parse(listed.key_text)
    assert key is not None
    made = Fingerprint.of(event)
    return Change("update", "changed in Figgo", key, 7, 1, listed.mailbox, event, made, listed)


def removal(listed: Existing) -> Change:
    """The removal of a listed event."""
    key = Key.parse(listed.key_text)
    assert key is not None
    return Change("remove", "cancelled", key, 7, 1, listed.mailbox, existing=listed)


def listing(stage: Stage, address: str) -> Listing:
    """What the calendar lists of one mailbox."""
    [found] = stage.calendar.read([address])
    return found


def listed(stage: Stage, address: str) -> list[Existing]:
    """The events of a complete listing."""
    found = listing(stage, address)
    assert found.error is None
    return list(found.events)


def write(stage: Stage, *changes: Change) -> list[Outcome]:
    """The outcomes, in the order of the changes."""
    outcomes = {id(outcome.change): outcome for outcome in stage.calendar.write(changes)}
    return [outcomes[id(change)] for change in changes]


def written(stage: Stage, address: str, *events: Event) -> list[Existing]:
    """Create these events and list them, in the same order."""
    changes = [creation(stage, address, event, number) for number, event in enumerate(events, 1)]
    assert [outcome.status for outcome in write(stage, *changes)] == ["done"] * len(changes)
    found = {one.key_text: one for one in listed(stage, address)}
    return [found[str(change.key)] for change in changes]


def odd_titles(rng: random.Random, count: int) -> Iterator[str]:
    """Titles of any characters that exist, cleaned as the policy cleans them."""
    while count:
        drawn = (chr(rng.choice((rng.randrange(32, 0x300), rng.randrange(0x110000)))) for _ in range(12))
        title = clean_title("".join(c for c in drawn if unicodedata.category(c) not in ("Cs", "Cn")))
        if title:
            count -= 1
            yield title


class CalendarContract:
    """The contract, against whatever `stage` the subclass sets."""

    @pytest.mark.parametrize("shape", SHAPES)
    def test_an_event_reads_back_as_it_was_projected(self, stage: Stage, shape: str) -> None:
        event = stage.calendar.project(SHAPES[shape])
        change = creation(stage, stage.anne, SHAPES[shape])
        [outcome] = write(stage, change)
        [found] = listed(stage, stage.anne)
        assert found.event == event
        assert (found.event.first_day, found.event.last_day) == (event.first_day, event.last_day)
        assert (found.key_text, found.print_text) == (str(change.key), str(change.fingerprint))
        assert (found.id, found.etag) == (outcome.id, outcome.etag)
        assert not found.taken_over

    def test_projecting_twice_changes_nothing_more(self, stage: Stage) -> None:
        for event in SHAPES.values():
            once = stage.calendar.project(event)
            assert stage.calendar.project(once) == once
            assert (once.start, once.end, once.title) == (event.start, event.end, event.title)

    def test_an_event_can_be_updated_into_every_other_shape(self, stage: Stage) -> None:
        written(stage, stage.anne, all_day())
        for event in SHAPES.values():
            [before] = listed(stage, stage.anne)
            [outcome] = write(stage, update(stage, before, event))
            [after] = listed(stage, stage.anne)
            assert outcome.status == "done"
            assert after.event == stage.calendar.project(event)
            assert (after.id, after.etag) == (outcome.id, outcome.etag)

    def test_titles_in_any_script_survive(self, stage: Stage) -> None:
        seed = random.randrange(10**6)
        print(f"seed {seed}")
        titles = list(odd_titles(random.Random(seed), 40))
        found = written(stage, stage.anne, *(all_day(title=title) for title in titles))
        assert [one.event.title for one in found] == titles

    def test_only_marked_events_are_listed(self, stage: Stage) -> None:
        stage.add(stage.anne, "Absent", MONDAY)
        [found] = written(stage, stage.anne, all_day(title="Absent"))
        assert listed(stage, stage.anne) == [found]
        assert listed(stage, stage.zoe) == []

    def test_a_listing_of_hundreds_is_complete(self, stage: Stage) -> None:
        stage.small_pages(40)
        events = [all_day(MONDAY + n * DAY) for n in range(210)]
        assert [one.event for one in written(stage, stage.anne, *events)] == events

    def test_events_far_in_the_past_and_future_are_listed(self, stage: Stage) -> None:
        events = [all_day(date(1999, 12, 31)), all_day(date(2049, 1, 1))]
        assert len(written(stage, stage.anne, *events)) == 2

    def test_a_listing_that_breaks_off_is_an_error_and_never_part_of_the_events(self, stage: Stage) -> None:
        stage.small_pages(2)
        written(stage, stage.anne, *(all_day(MONDAY + n * DAY) for n in range(5)))
        written(stage, stage.zoe, all_day())
        stage.break_listing(stage.anne)
        found = {one.mailbox.address: one for one in stage.calendar.read([stage.anne, stage.zoe])}
        assert found[stage.anne].error is not None
        assert found[stage.anne].events == ()
        assert len(found[stage.zoe].events) == 1

    def test_a_mailbox_that_does_not_exist_is_absent(self, stage: Stage) -> None:
        found = {one.mailbox.address: one for one in stage.calendar.read([NOBODY, stage.anne])}
        assert isinstance(found[NOBODY].error, MailboxAbsent)
        assert found[stage.anne].error is None
        [outcome] = write(stage, creation(stage, NOBODY, all_day()))
        assert outcome.status == "failed"
        assert isinstance(outcome.error, MailboxAbsent)

    def test_the_mailbox_tells_its_time_zone_or_nothing(self, stage: Stage) -> None:
        assert listing(stage, stage.anne).zone in ("Europe/Paris", "")

    def test_two_mailboxes_never_share_an_icalendar_uid(self, stage: Stage) -> None:
        [at_anne] = written(stage, stage.anne, all_day())
        [at_zoe] = written(stage, stage.zoe, all_day())
        assert at_anne.key_text == at_zoe.key_text
        assert at_anne.uid != at_zoe.uid

    def test_an_event_that_was_removed_can_be_created_again(self, stage: Stage) -> None:
        for _ in range(3):
            [found] = written(stage, stage.anne, all_day())
            assert write(stage, removal(found))[0].status == "done"
            assert stage.titles(stage.anne) == []

    def test_an_event_that_its_owner_deleted_can_be_created_again(self, stage: Stage) -> None:
        [found] = written(stage, stage.anne, all_day())
        stage.delete(stage.anne, found.id)
        assert listed(stage, stage.anne) == []
        written(stage, stage.anne, all_day())
        assert stage.titles(stage.anne) == ["Absent"]

    def test_an_update_of_what_the_owner_changed_meanwhile_fails(self, stage: Stage) -> None:
        [found] = written(stage, stage.anne, all_day())
        stage.rename(stage.anne, found.id, "Vacances !")
        [outcome] = write(stage, update(stage, found, all_day(days=3)))
        assert (outcome.status, stage.titles(stage.anne)) == ("failed", ["Vacances !"])

    def test_a_removal_of_what_the_owner_changed_meanwhile_fails(self, stage: Stage) -> None:
        [found] = written(stage, stage.anne, all_day())
        stage.rename(stage.anne, found.id, "Vacances !")
        [outcome] = write(stage, removal(found))
        assert (outcome.status, stage.titles(stage.anne)) == ("failed", ["Vacances !"])

    def test_an_update_of_what_is_gone_fails_and_brings_nothing_back(self, stage: Stage) -> None:
        [found] = written(stage, stage.anne, all_day())
        stage.delete(stage.anne, found.id)
        [outcome] = write(stage, update(stage, found, all_day(days=3)))
        assert (outcome.status, stage.titles(stage.anne)) == ("failed", [])

    def test_a_removal_of_what_is_already_gone_is_done(self, stage: Stage) -> None:
        [found] = written(stage, stage.anne, all_day())
        stage.delete(stage.anne, found.id)
        [outcome] = write(stage, removal(found))
        assert (outcome.status, outcome.error) == ("done", None)

    def test_an_update_preserves_the_owners_note(self, stage: Stage) -> None:
        [found] = written(stage, stage.anne, all_day())
        stage.annotate(stage.anne, found.id, "Clés chez la gardienne")
        [found] = listed(stage, stage.anne)
        assert found.event == all_day()
        assert write(stage, update(stage, found, half_day(MONDAY, 9, 12, "Europe/Paris")))[0].status == "done"
        assert stage.notes(stage.anne) == ["Clés chez la gardienne"]

    def test_a_replacement_carries_the_owners_note_over(self, stage: Stage) -> None:
        [found] = written(stage, stage.anne, all_day())
        stage.annotate(stage.anne, found.id, "Clés chez la gardienne")
        [found] = listed(stage, stage.anne)
        successor = creation(stage, stage.anne, all_day(MONDAY + DAY), 9, carries=found)
        done = write(stage, successor, removal(found))
        assert [outcome.status for outcome in done] == ["done", "done"]
        assert stage.notes(stage.anne) == ["Clés chez la gardienne"]

    def test_an_event_with_guests_is_reported_as_taken_over(self, stage: Stage) -> None:
        [found] = written(stage, stage.anne, all_day())
        stage.invite(stage.anne, found.id, ZOE)
        [found] = listed(stage, stage.anne)
        assert found.taken_over

    def test_an_event_that_its_owner_takes_over_meanwhile_is_left_as_the_owner_wants_it(
        self, stage: Stage
    ) -> None:
        first, second = written(stage, stage.anne, all_day(), all_day(MONDAY + DAY, title="Congés payés"))
        stage.invite(stage.anne, first.id, ZOE)
        stage.invite(stage.anne, second.id, ZOE)
        outcomes = write(stage, update(stage, first, all_day(days=3)), removal(second))
        assert [outcome.status for outcome in outcomes] == ["failed", "failed"]
        found = {one.id: (one.taken_over, one.event) for one in listed(stage, stage.anne)}
        assert found == {first.id: (True, first.event), second.id: (True, second.event)}
        assert stage.notified() == 0

    def test_nobody_is_notified_of_anything(self, stage: Stage) -> None:
        """Where a provider tells guests of every write, an event that has some is not written at all."""
        [found] = written(stage, stage.anne, all_day())
        stage.invite(stage.anne, found.id, ZOE)
        [found] = listed(stage, stage.anne)
        write(stage, update(stage, found, all_day(days=2)))
        [found] = listed(stage, stage.anne)
        [outcome] = write(stage, removal(found))
        assert stage.titles(stage.anne) == ([] if outcome.status == "done" else ["Absent"])
        assert stage.notified() == 0

    def test_an_update_that_restores_an_old_marker_leaves_exactly_that_one(self, stage: Stage) -> None:
        [first] = written(stage, stage.anne, all_day())
        assert write(stage, update(stage, first, all_day(days=2)))[0].status == "done"
        [second] = listed(stage, stage.anne)
        assert second.print_text != first.print_text
        old = (first.key_text, first.print_text)
        [outcome] = write(stage, replace(update(stage, second, all_day()), old_marker=old))
        [found] = listed(stage, stage.anne)
        assert (outcome.status, found.event, found.id) == ("done", first.event, first.id)
        assert (found.key_text, found.print_text) == old

    def test_a_creation_that_restores_an_old_marker_reads_back_with_it(self, stage: Stage) -> None:
        """A fingerprint of another time: the event stands as its owner had edited it."""
        change = creation(stage, stage.anne, all_day(title="Ski"))
        old = (str(change.key), str(Fingerprint.of(all_day())))
        assert write(stage, replace(change, old_marker=old))[0].status == "done"
        [found] = listed(stage, stage.anne)
        assert (found.event.title, found.key_text, found.print_text) == ("Ski", *old)

    def test_an_event_whose_marker_is_taken_off_stays_and_is_not_ours_any_more(self, stage: Stage) -> None:
        own = stage.add(stage.anne, "absent", MONDAY)
        stage.annotate(stage.anne, own, "Clés chez la gardienne")
        [before] = self._alike_of(stage)
        event = stage.calendar.project(all_day())
        key = Key("corail.ilucca.net", 7, 1, "20261123A")
        mark = Fingerprint.of(event)
        adopting = Change("update", "adopted", key, 7, 1, before.mailbox, event, mark, before)
        assert write(stage, adopting)[0].status == "done"
        [ours] = listed(stage, stage.anne)
        assert (ours.id, ours.event.title, ours.key_text) == (own, "Absent", str(key))
        freed = replace(
            adopting,
            reason="undone",
            event=before.event,
            existing=ours,
            fingerprint=None,
            old_marker=("", ""),
        )
        assert write(stage, freed)[0].status == "done"
        assert listed(stage, stage.anne) == []
        [after] = self._alike_of(stage)
        assert (after.id, after.event, after.key_text, after.print_text) == (own, before.event, "", "")
        assert stage.notes(stage.anne) == ["Clés chez la gardienne"]

    def test_the_calendar_says_how_long_deleted_events_are_kept(self, stage: Stage) -> None:
        kept = stage.calendar.bin
        assert kept is None or DAY <= kept <= 400 * DAY

    def _alike_of(self, stage: Stage) -> list[Existing]:
        window = Span(MONDAY, MONDAY)
        [found] = stage.calendar.look_alikes([stage.anne], window, frozenset({"Absent"}))
        assert found.error is None
        return list(found.events)

    def test_look_alikes_are_unmarked_events_with_a_title_of_ours_in_the_window(self, stage: Stage) -> None:
        written(stage, stage.anne, all_day(title="Absent"))
        wanted = {
            stage.add(stage.anne, "ABSENT", MONDAY),
            stage.add(stage.anne, "congés  payés", MONDAY - 10 * DAY, 11),
            stage.add(stage.anne, "Absent", MONDAY + 4 * DAY, 9),
        }
        stage.add(stage.anne, "Dentiste", MONDAY)
        stage.add(stage.anne, "Absent", MONDAY - DAY)
        stage.add(stage.anne, "Absent", MONDAY + 5 * DAY)
        window, titles = Span(MONDAY, MONDAY + 4 * DAY), frozenset({"absent", "Congés payés"})
        found = {one.mailbox.address: one for one in self._alike(stage, window, titles)}
        assert {one.id for one in found[stage.anne].events} == wanted
        assert {one.key_text for one in found[stage.anne].events} == {""}
        assert found[stage.zoe].events == ()
        assert isinstance(found[NOBODY].error, MailboxAbsent)

    def _alike(self, stage: Stage, window: Span, titles: frozenset[str]) -> Iterator[Listing]:
        return stage.calendar.look_alikes([stage.anne, stage.zoe, NOBODY], window, titles)

    def test_changes_of_one_mailbox_are_written_in_their_order(self, stage: Stage) -> None:
        changes = [creation(stage, stage.anne, all_day(MONDAY + n * DAY), n) for n in range(12)]
        assert [outcome.change for outcome in stage.calendar.write(changes)] == changes

    def test_changes_are_taken_only_when_they_are_needed(self, stage: Stage) -> None:
        taken: list[Change] = []

        def maker() -> Iterator[Change]:
            for number in range(300):
                address = (stage.anne, stage.zoe)[number % 2]
                taken.append(creation(stage, address, all_day(MONDAY + number * DAY), number))
                yield taken[-1]

        outcomes = stage.calendar.write(maker())
        next(outcomes)
        outcomes.close()
        assert len(taken) < 150
        shown = len(stage.titles(stage.anne)) + len(stage.titles(stage.zoe))
        assert 1 <= shown <= len(taken)

    def test_what_was_taken_and_not_yet_sent_fails_once_nothing_may_be_written_any_more(
        self, stage: Stage
    ) -> None:
        changes = [creation(stage, stage.anne, all_day(MONDAY + n * DAY), n) for n in range(3)]
        allowed = iter([True])
        outcomes = list(stage.calendar.write(changes, lambda: next(allowed, False)))
        assert [outcome.status for outcome in outcomes] == ["done", "failed", "failed"]
        assert all("the lease ended" in str(outcome.error) for outcome in outcomes[1:])
        assert len(stage.titles(stage.anne)) == 1

    def test_a_removal_that_is_to_be_forever_goes_past_the_bin_where_there_is_a_way(
        self, stage: Stage
    ) -> None:
        written(stage, stage.anne, all_day(), all_day(MONDAY + DAY))
        first, second = listed(stage, stage.anne)
        outcomes = write(stage, replace(removal(first), forever=True), removal(second))
        assert [outcome.status for outcome in outcomes] == ["done", "done"]
        assert stage.titles(stage.anne) == []
        kept = 0 if stage.calendar.bin is None else 1
        assert stage.binned(stage.anne) == (kept if stage.calendar.purges else 2)

    def test_what_its_owner_changed_meanwhile_is_never_removed_for_good(self, stage: Stage) -> None:
        [found] = written(stage, stage.anne, all_day())
        stage.rename(stage.anne, found.id, "Mon congé")
        [outcome] = write(stage, replace(removal(found), forever=True))
        assert outcome.status == "failed"
        assert stage.titles(stage.anne) == ["Mon congé"]

    def test_removing_for_good_what_is_gone_already_is_done(self, stage: Stage) -> None:
        [found] = written(stage, stage.anne, all_day())
        stage.delete(stage.anne, found.id)
        [outcome] = write(stage, replace(removal(found), forever=True))
        assert outcome.status == "done"

    def test_probing_a_good_mailbox_finds_nothing_wrong(self, stage: Stage) -> None:
        checks = list(stage.calendar.probe(stage.anne))
        assert [check.name for check in checks] == ["log-on", "rights", "outside", "calendar", "time zone"]
        statuses = {check.name: check.status for check in checks}
        assert (statuses.pop("outside"), set(statuses.values())) == ("skipped", {"ok"})
        assert all(check.clean and check.cause for check in checks if check.name not in ("log-on", "rights"))

    def test_probing_an_absent_mailbox_names_cause_and_remedy(self, stage: Stage) -> None:
        failed = [check for check in stage.calendar.probe(NOBODY) if check.status == "failed"]
        assert len(failed) == 1
        assert failed[0].name == "calendar"
        assert NOBODY in failed[0].cause
        assert all((failed[0].remedy, failed[0].who, failed[0].code, failed[0].tried))


class DeduplicatingContract(CalendarContract):
    """For a provider that takes an id with a creation: sending it again makes no second event."""

    def test_the_same_creation_sent_again_makes_no_second_event(self, stage: Stage) -> None:
        change = creation(stage, stage.anne, all_day())
        [first] = write(stage, change)
        [again] = write(stage, change)
        assert (again.status, again.id, again.etag) == ("done", first.id, first.etag)
        assert len(stage.titles(stage.anne)) == 1

    def test_an_event_keeps_its_id_in_every_shape(self, stage: Stage) -> None:
        [first] = written(stage, stage.anne, all_day())
        for event in SHAPES.values():
            [before] = listed(stage, stage.anne)
            assert [outcome.id for outcome in write(stage, update(stage, before, event))] == [first.id]
