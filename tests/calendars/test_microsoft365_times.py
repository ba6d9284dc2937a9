"""Microsoft 365 over real sockets: days stay days and hours stay hours, in every zone and clock change."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figgo_ops.events import Event, Key, Policy, wanted
from figgo_ops.leaves import Leave, Span, WorkingTime
from figgo_ops.sandbox import exchange_times
from figgo_ops.sandbox.exchange_times import windows_id
from tests.builders import HOST, leave, person
from tests.calendars.contract import (
    DAY,
    MONDAY,
    all_day,
    creation,
    half_day,
    listed,
    removal,
    update,
    write,
    written,
)
from tests.calendars.replanned import as_wanted, changes, settle
from tests.calendars.stage_microsoft365 import Microsoft365Stage
from tests.calendars.test_exchange_times import (
    AT_MIDNIGHT,
    ELSEWHERE,
    WEEKS,
    ZONES,
    around,
    drawn_events,
    drawn_leaves,
)

NUMBERS = count(1)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Microsoft365Stage]:
    """One for all tests: each uses a mailbox of its own."""
    stage = Microsoft365Stage(tmp_path_factory.mktemp("microsoft365"), mails=())
    yield stage
    stage.close()


def mailbox(stage: Microsoft365Stage, zone: str = "Europe/Paris") -> str:
    """The address of a new mailbox whose owner lives there."""
    address = f"user.{next(NUMBERS)}@corail.example"
    stage.graph.add_mailbox(address, zone)
    return address


@pytest.mark.parametrize(("zone", "day"), WEEKS, ids=str)
def test_events_around_a_clock_change_read_back_as_written_and_the_next_plan_is_empty(
    stage: Microsoft365Stage, zone: str, day: date
) -> None:
    address, events = mailbox(stage), around(day, zone)
    found = written(stage, address, *events)
    assert [(one.event, one.event.zone) for one in found] == [(event, zone) for event in events]
    who = person(7, address)
    keys = [creation(stage, address, event, number).key for number, event in enumerate(events, 1)]
    assert changes(stage.calendar, who, map(as_wanted, keys, events)) == []


@pytest.mark.parametrize("home", ELSEWHERE)
@pytest.mark.parametrize("zone", ZONES)
def test_graph_keeps_days_from_midnight_to_midnight_in_their_zone(
    stage: Microsoft365Stage, zone: str, home: str
) -> None:
    address = mailbox(stage, home)
    written(stage, address, all_day(date(2026, 3, 23), 7, zone=zone))
    [item] = stage.graph.content(address)
    assert (item["start_zone"], item["end_zone"]) == (windows_id(zone),) * 2
    assert (item["first_day"], item["last_day"]) == (date(2026, 3, 23), date(2026, 3, 29))
    assert item["start"] == datetime(2026, 3, 23, tzinfo=ZoneInfo(zone))
    assert item["end"] == datetime(2026, 3, 30, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize("zone", [*ZONES, *AT_MIDNIGHT])
def test_events_change_between_zones_and_shapes_around_clock_changes(
    stage: Microsoft365Stage, zone: str
) -> None:
    address = mailbox(stage)
    written(stage, address, all_day(date(2026, 3, 28), 2))
    own = set()
    for event in around(date(2026, 3, 29), zone)[::3] + around(date(2026, 10, 25), "Europe/Paris")[::4]:
        [before] = listed(stage, address)
        [outcome] = write(stage, update(stage, before, event))
        [after] = listed(stage, address)
        assert (outcome.status, after.event, after.event.zone) == ("done", event, event.zone)
        own.add(after.id)
    assert len(own) == 1, "days become hours and hours days in place"


@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize("all_at_once", [False, True])
def test_the_hour_that_comes_twice_is_the_one_that_was_meant(
    stage: Microsoft365Stage, fold: int, all_at_once: bool
) -> None:
    start = datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC)
    event = replace(
        half_day(date(2026, 10, 25), 0, 1, "Europe/Paris"), start=start, end=start + timedelta(minutes=20)
    )
    address = mailbox(stage)
    if not all_at_once:
        [before] = written(stage, address, all_day())
        assert write(stage, update(stage, before, event))[0].status == "done"
        [found] = listed(stage, address)
    else:
        [found] = written(stage, address, event)
    assert (found.event, found.event.zone) == (event, "Europe/Paris")
    writes = [method for method, user, _ in stage.graph.asked if user == address and method != "GET"]
    assert len(writes) == (1 if all_at_once else 2), "it had to be put right afterwards"


@given(st.lists(drawn_events(), min_size=1, max_size=12), st.sampled_from([*ZONES, *ELSEWHERE]))
def test_any_event_of_four_years_reads_back_as_written_in_any_zone(
    stage: Microsoft365Stage, events: list[Event], home: str
) -> None:
    address = mailbox(stage, home)
    found = written(stage, address, *events)
    assert [(one.event, one.event.zone) for one in found] == [(event, event.zone) for event in events]


@given(
    drawn_leaves(),
    drawn_leaves(),
    st.sampled_from(ZONES),
    st.sampled_from(ELSEWHERE),
    st.booleans(),
    st.booleans(),
)
def test_after_leaves_are_written_or_changed_the_next_plan_is_empty(
    stage: Microsoft365Stage,
    before: list[Leave],
    after: list[Leave],
    zone: str,
    home: str,
    ranges: bool,
    ranges_later: bool,
) -> None:
    who = person(1, mailbox(stage, home))
    for rows, hours in ((before, ranges), (after, ranges_later)):
        stretches = wanted(
            who,
            rows,
            Policy(zone, whole_days="hours" if hours else "all-day"),
            WorkingTime(),
            HOST,
            hour_ranges=True,
            project=stage.calendar.project,
        )
        assert settle(stage.calendar, who, stretches) == []


# Where Microsoft's rules are not ours, and what owners and other programs do to times.


@pytest.fixture
def other_rules(stage: Microsoft365Stage, monkeypatch: pytest.MonkeyPatch) -> str:
    """A zone whose clocks Windows believes to be elsewhere."""
    zone = "America/Sao_Paulo"
    known = exchange_times.zone_info

    def believed(name: str) -> ZoneInfo:
        return ZoneInfo("America/New_York") if name == windows_id(zone) else known(name)

    monkeypatch.setattr(exchange_times, "zone_info", believed)
    return zone


def test_hours_that_microsoft_reads_by_other_rules_are_put_right_at_once(
    stage: Microsoft365Stage, other_rules: str
) -> None:
    address = mailbox(stage)
    event = half_day(MONDAY, 9, 12, other_rules)
    [found] = written(stage, address, event)
    assert (found.event, found.event.zone) == (event, other_rules)
    assert (
        changes(stage.calendar, person(7, address), [as_wanted(key_of(stage, address, event), event)]) == []
    )
    later = half_day(MONDAY + DAY, 14, 18, other_rules)
    [outcome] = write(stage, update(stage, found, later))
    [again] = listed(stage, address)
    assert (outcome.status, again.event) == ("done", later)
    assert (outcome.id, outcome.etag) == (again.id, again.etag)


def key_of(stage: Microsoft365Stage, address: str, event: Event) -> Key:
    return creation(stage, address, event, 1).key


def test_hours_read_by_other_rules_whose_answer_was_lost_are_put_right_by_the_next_run(
    stage: Microsoft365Stage, other_rules: str
) -> None:
    address, event = mailbox(stage), half_day(MONDAY, 9, 12, other_rules)
    stage.fault("drop-after", path="*/POST", principal=address)
    change = creation(stage, address, event)
    write(stage, change)
    assert settle(stage.calendar, person(7, address), [as_wanted(change.key, event)]) == []
    assert [one.event for one in listed(stage, address)] == [event]


def test_days_that_microsoft_reads_by_other_rules_stay_the_days(
    stage: Microsoft365Stage, other_rules: str
) -> None:
    [found] = written(stage, mailbox(stage), week := all_day(date(2026, 3, 23), 7, zone=other_rules))
    assert (found.event, found.event.zone) == (week, other_rules)


@pytest.mark.parametrize("home", ["Pacific/Auckland", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_days_that_an_owner_drags_are_the_days_the_owner_sees(stage: Microsoft365Stage, home: str) -> None:
    address = mailbox(stage, home)
    [found] = written(stage, address, all_day(days=2))
    box = stage.graph.mailbox(address)
    draft = box.find(stage.stored(address, found.id)).draft()
    there = datetime(2026, 12, 7, tzinfo=ZoneInfo(home))
    draft.start, draft.end = there.astimezone(UTC), (there + 2 * DAY).astimezone(UTC)
    draft.start_zone = draft.end_zone = windows_id(home)
    box.keep(draft, datetime.now(UTC).replace(microsecond=0), address)
    [moved] = listed(stage, address)
    assert (moved.event.first_day, moved.event.last_day) == (date(2026, 12, 7), date(2026, 12, 8))
    key, who = key_of(stage, address, all_day(days=2)), person(7, address)
    [change] = changes(stage.calendar, who, [as_wanted(key, all_day(days=2))])
    assert (change.action, change.reason) == ("update", "edited by hand")
    assert settle(stage.calendar, who, [as_wanted(key, all_day(days=2))]) == []
    assert [one.event for one in listed(stage, address)] == [all_day(days=2)]


@pytest.mark.parametrize("zone", ["tzone://Microsoft/Custom", "Customized Time Zone", "Mars Standard Time"])
def test_a_zone_of_somebodys_own_making_stops_no_listing(stage: Microsoft365Stage, zone: str) -> None:
    address = mailbox(stage)
    [hours] = written(stage, address, half_day(MONDAY, 9, 12, "Europe/Paris"))
    stage.graph.owner(address).add("Absent", "2026-11-23T14:00", "2026-11-23T18:00", start_zone=zone)
    item = stage.graph.mailbox(address).find(stage.stored(address, hours.id))
    item.start_zone = item.end_zone = zone
    assert [(one.event, one.event.zone) for one in listed(stage, address)] == [(hours.event, "Europe/Paris")]
    [found] = stage.calendar.look_alikes([address], Span(MONDAY, MONDAY), frozenset({"Absent"}))
    assert [one.event.first_day for one in found.events] == [MONDAY]


@pytest.mark.parametrize(
    "mark", ["1;Mars/Base;0;0", "1;;0;0", "1;../../etc/passwd;0;0", "mangled", "1;localtime;0;0"]
)
def test_a_marker_without_a_zone_that_exists_leaves_the_zone_of_the_event(
    stage: Microsoft365Stage, mark: str
) -> None:
    [found] = written(stage, address := mailbox(stage), all_day(days=3))
    item = stage.graph.mailbox(address).find(stage.stored(address, found.id))
    [path] = [path for path in item.properties if path.name == "FiggoOpsPrint"]
    item.properties[path] = mark
    [again] = listed(stage, address)
    assert (again.event, again.event.zone) == (all_day(days=3), "Europe/Paris")
    assert write(stage, removal(again))[0].status == "done"


def test_zones_that_share_a_windows_name_are_told_apart_by_the_marker(stage: Microsoft365Stage) -> None:
    zones = ["Europe/Paris", "Europe/Brussels", "Europe/Madrid", "Europe/Copenhagen"]
    events = [half_day(MONDAY + n * DAY, 9, 12, zone) for n, zone in enumerate(zones)]
    found = written(stage, mailbox(stage), *events)
    assert [one.event.zone for one in found] == zones


def test_another_zone_in_the_tenant_file_moves_events_in_place(stage: Microsoft365Stage) -> None:
    who = person(1, mailbox(stage))
    rows = [leave(f"{MONDAY + n * DAY}{half}") for n in range(3) for half in "AP"][1:]
    ids = set()
    for zone in ("Europe/Paris", "Pacific/Auckland", "America/Los_Angeles"):
        stretches = wanted(who, rows, Policy(zone), WorkingTime(), HOST, hour_ranges=True)
        assert settle(stage.calendar, who, stretches) == []
        [found] = listed(stage, str(who.mail))
        assert (found.event, found.event.zone) == (stretches[0].event, zone)
        ids.add(found.id)
    assert len(ids) == 1
