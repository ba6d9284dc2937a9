"""Exchange over real sockets: days stay days and hours stay hours, in every zone and clock change."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figgo_ops.events import Event, Policy, wanted
from figgo_ops.leaves import Leave, Span, WorkingTime
from figgo_ops.sandbox.exchange_store import Item
from figgo_ops.sandbox.exchange_times import windows_id
from figgo_ops.sandbox.messages import Request, Response
from tests.builders import HOST, leave, person
from tests.calendars.contract import (
    DAY,
    MONDAY,
    SHAPES,
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
from tests.calendars.stages import ExchangeStage

ZONES = ("Europe/Paris", "Pacific/Auckland", "America/Los_Angeles", "America/Sao_Paulo")
AT_MIDNIGHT = ("Atlantic/Azores", "Africa/Cairo", "Asia/Beirut", "America/Havana", "America/Santiago")
"""Where clocks change at midnight, so that a day begins twice or not at all."""

ELSEWHERE = ("Europe/Paris", "Pacific/Auckland", "America/Los_Angeles", "Pacific/Kiritimati", "UTC")
NUMBERS = count(1)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeStage]:
    """One for all tests: each uses a mailbox of its own."""
    stage = ExchangeStage(tmp_path_factory.mktemp("exchange"), mails=())
    yield stage
    stage.close()


@pytest.fixture(autouse=True)
def _as_usual(stage: ExchangeStage) -> Iterator[None]:
    yield
    stage.exchange.aside = None
    stage.exchange.switch("times", "utc")


def mailbox(stage: ExchangeStage, zone: str = "Europe/Paris") -> str:
    """The address of a new mailbox whose owner lives there."""
    address = f"user.{next(NUMBERS)}@corail.example"
    stage.exchange.add_mailbox(address, zone)
    return address


def clock_changes(zone: str, *years: int) -> list[date]:
    """The days of these years that are not 24 hours long."""
    local, found = ZoneInfo(zone), []
    day = date(years[0], 1, 1)
    while day.year <= years[-1]:
        noons = [datetime.combine(one, time(12), local).astimezone(UTC) for one in (day - DAY, day)]
        if noons[1] - noons[0] != DAY:
            found.append(day)
        day += DAY
    return found


def around(day: date, zone: str) -> list[Event]:
    """Events that begin or end on, before and after that day, or go over it."""
    near = [day + n * DAY for n in (-2, -1, 0, 1)]
    days = [all_day(first, n, zone=zone) for first in near for n in (1, 2, 3, 7)]
    halves = [half_day(one, *hours, zone) for one in near for hours in ((9, 12), (14, 18))]
    nights = [half_day(first, 14, 12, zone, first + n * DAY) for first in near for n in (1, 2, 5)]
    at_night = [half_day(day, begin, begin + 3, zone) for begin in (0, 1, 2)]
    return days + halves + nights + at_night


WEEKS = [(zone, day) for zone in ZONES for day in clock_changes(zone, 2026, 2027)]
WEEKS += [("America/Sao_Paulo", day) for day in clock_changes("America/Sao_Paulo", 2018)]
WEEKS += [(zone, day) for zone in AT_MIDNIGHT for day in clock_changes(zone, 2026)]


def test_clocks_change_in_the_weeks_that_are_tested() -> None:
    assert {zone for zone, _ in WEEKS} == {*ZONES, *AT_MIDNIGHT}
    assert ("Europe/Paris", date(2026, 3, 29)) in WEEKS
    assert len(WEEKS) >= 20


@pytest.mark.parametrize(("zone", "day"), WEEKS, ids=str)
def test_events_around_a_clock_change_read_back_as_written_and_the_next_plan_is_empty(
    stage: ExchangeStage, zone: str, day: date
) -> None:
    """Whatever zone the mailbox itself is set to."""
    for home in (zone, "Pacific/Auckland" if zone != "Pacific/Auckland" else "America/Los_Angeles"):
        address, events = mailbox(stage, home), around(day, zone)
        found = written(stage, address, *events)
        assert [one.event for one in found] == events
        assert [one.event.zone for one in found] == [zone] * len(events)
        spans = [(one.event.first_day, one.event.last_day) for one in found]
        assert spans == [(event.first_day, event.last_day) for event in events]
        who = person(7, address)
        keys = [creation(stage, address, event, number).key for number, event in enumerate(events, 1)]
        assert changes(stage.calendar, who, map(as_wanted, keys, events)) == []


@pytest.mark.parametrize("home", ELSEWHERE)
@pytest.mark.parametrize("zone", ZONES)
def test_exchange_keeps_days_from_midnight_to_midnight_in_their_zone(
    stage: ExchangeStage, zone: str, home: str
) -> None:
    address = mailbox(stage, home)
    written(stage, address, all_day(date(2026, 3, 23), 7, zone=zone))
    [item] = stage.exchange.content(address)
    assert (item["start_zone"], item["end_zone"]) == (windows_id(zone),) * 2
    assert (item["first_day"], item["last_day"], item["all_day"]) == (
        date(2026, 3, 23),
        date(2026, 3, 29),
        True,
    )
    assert item["start"] == datetime(2026, 3, 23, tzinfo=ZoneInfo(zone))
    assert item["end"] == datetime(2026, 3, 30, tzinfo=ZoneInfo(zone))


def test_a_week_that_ends_on_the_day_clocks_go_forward_is_read_whole(stage: ExchangeStage) -> None:
    """The library itself reads it one day short."""
    week = all_day(date(2026, 3, 23), 7)
    [found] = written(stage, mailbox(stage), week)
    assert (found.event, found.event.last_day) == (week, date(2026, 3, 29))


@pytest.mark.parametrize("style", ["utc", "offset"])
@pytest.mark.parametrize("zone", [*ZONES, *AT_MIDNIGHT])
def test_events_change_between_zones_and_shapes_around_clock_changes(
    stage: ExchangeStage, zone: str, style: str
) -> None:
    stage.exchange.switch("times", style)
    address = mailbox(stage)
    written(stage, address, all_day(date(2026, 3, 28), 2))
    for event in around(date(2026, 3, 29), zone)[::3] + around(date(2026, 10, 25), "Europe/Paris")[::4]:
        [before] = listed(stage, address)
        [outcome] = write(stage, update(stage, before, event))
        [after] = listed(stage, address)
        assert (outcome.status, after.event, after.event.zone) == ("done", event, event.zone)


@st.composite
def drawn_events(draw: st.DrawFn) -> Event:
    zone = draw(
        st.sampled_from([*ZONES, *AT_MIDNIGHT, "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Apia"])
    )
    first = draw(st.dates(date(2025, 1, 1), date(2028, 12, 31)))
    last = first + draw(st.integers(0, 40)) * DAY
    look = draw(st.sampled_from([SHAPES["one day"], SHAPES["not yet approved"], SHAPES["away"]]))
    shape = draw(st.sampled_from(["days", "hours"]))
    if shape == "days":
        event = all_day(first, (last - first).days + 1, zone=zone)
    else:
        begin, end = draw(st.integers(0, 22)), draw(st.integers(0, 23))
        event = half_day(first, begin, end, zone, last if end > begin else last + DAY)
        event = replace(event, end=max(event.end, event.start + timedelta(minutes=15)))
    return replace(event, state=look.state, show_as=look.show_as)


@given(st.lists(drawn_events(), min_size=1, max_size=12), st.sampled_from([*ZONES, *ELSEWHERE]))
def test_any_event_of_four_years_reads_back_as_written_in_any_zone(
    stage: ExchangeStage, events: list[Event], home: str
) -> None:
    address = mailbox(stage, home)
    found = written(stage, address, *events)
    assert [(one.event, one.event.zone) for one in found] == [(event, event.zone) for event in events]


@st.composite
def drawn_leaves(draw: st.DrawFn) -> list[Leave]:
    """Some periods of any half-days, some of hours, some not yet approved."""
    rows: list[Leave] = []
    day = draw(st.dates(date(2025, 1, 1), date(2028, 6, 1)))
    for period in range(draw(st.integers(1, 6))):
        day += draw(st.integers(1, 60)) * DAY
        confirmed = draw(st.booleans())
        length = timedelta(minutes=draw(st.integers(1, 240))) if draw(st.integers(0, 4)) == 0 else None
        begins, ends = draw(st.sampled_from("AP")), draw(st.sampled_from("AP"))
        for n in range(draw(st.integers(1, 12))):
            rows += [
                leave(f"{day + n * DAY}{half}", period, confirmed=confirmed, hours=length) for half in "AP"
            ]
        rows = rows[:-1] if ends == "A" else rows
        if begins == "P":
            rows = [row for row in rows if not (row.period == period and row.day == day and row.half == "A")]
        day += 13 * DAY
    return rows


@given(
    drawn_leaves(),
    drawn_leaves(),
    st.sampled_from(ZONES),
    st.sampled_from(ELSEWHERE),
    st.booleans(),
    st.booleans(),
)
def test_after_leaves_are_written_or_changed_the_next_plan_is_empty(
    stage: ExchangeStage,
    before: list[Leave],
    after: list[Leave],
    zone: str,
    home: str,
    ranges: bool,
    ranges_later: bool,
) -> None:
    who = person(1, mailbox(stage, home))
    for rows, hours in ((before, ranges), (after, ranges_later)):
        policy = Policy(zone, whole_days="hours" if hours else "all-day")
        stretches = wanted(
            who, rows, policy, WorkingTime(), HOST, hour_ranges=True, project=stage.calendar.project
        )
        assert settle(stage.calendar, who, stretches) == []


# What owners and other programs do to times.


def dragged(stage: ExchangeStage, address: str, own: str, start: datetime, days: int, zone: str) -> Item:
    """The owner drags an all-day event in Outlook, which puts it into the zone of the mailbox."""
    box = stage.exchange.mailbox(address)
    draft = box.find(own).draft()
    draft.start, draft.end = start.astimezone(UTC), (start + days * DAY).astimezone(UTC)
    draft.start_zone = draft.end_zone = zone
    return box.keep(draft, datetime.now(UTC).replace(microsecond=0), address)


@pytest.mark.parametrize("home", ["Pacific/Auckland", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_days_that_an_owner_drags_in_another_zone_are_the_days_the_owner_sees(
    stage: ExchangeStage, home: str
) -> None:
    address = mailbox(stage, home)
    [found] = written(stage, address, all_day(days=2))
    there = datetime(2026, 12, 7, tzinfo=ZoneInfo(home))
    dragged(stage, address, found.id, there, 2, windows_id(home))
    [moved] = listed(stage, address)
    assert (moved.event.first_day, moved.event.last_day) == (date(2026, 12, 7), date(2026, 12, 8))
    assert moved.event.all_day
    key = creation(stage, address, all_day(days=2)).key
    who = person(7, address)
    [change] = changes(stage.calendar, who, [as_wanted(key, all_day(days=2))])
    assert (change.action, change.reason) == ("update", "edited by hand")
    assert settle(stage.calendar, who, [as_wanted(key, all_day(days=2))]) == []
    assert [one.event for one in listed(stage, address)] == [all_day(days=2)]


@pytest.mark.parametrize("zone", ["tzone://Microsoft/Custom", "Customized Time Zone", "Mars Standard Time"])
def test_a_zone_of_somebodys_own_making_stops_no_listing(stage: ExchangeStage, zone: str) -> None:
    address = mailbox(stage)
    ours, hours = written(stage, address, all_day(), half_day(MONDAY, 9, 12, "Europe/Paris"))
    owner = stage.exchange.owner(address)
    own = owner.add("Absent", "2026-11-23", "2026-11-24", start_zone=zone, end_zone=zone)
    for one in (ours, hours):
        stage.exchange.mailbox(address).find(one.id).start_zone = zone
    assert [one.event for one in listed(stage, address)] == [ours.event, hours.event]
    [found] = stage.calendar.look_alikes([address], Span(MONDAY, MONDAY), frozenset({"Absent"}))
    assert [(one.id, one.event.first_day) for one in found.events] == [(own["id"], MONDAY)]


def without_zones(_request: Request, answer: Response) -> None:
    answer.body = re.sub(rb"<t:(Start|End)TimeZone [^>]*/>", b"", answer.body)


@pytest.mark.parametrize("zone", ZONES)
def test_events_about_whose_zone_exchange_says_nothing_are_read_in_the_zone_of_the_marker(
    stage: ExchangeStage, zone: str
) -> None:
    events = [all_day(date(2026, 3, 23), 7, zone=zone), half_day(date(2026, 10, 25), 14, 18, zone)]
    found = written(stage, address := mailbox(stage), *events)
    stage.exchange.aside = without_zones
    again = listed(stage, address)
    assert [(one.event, one.event.zone) for one in again] == [(event, zone) for event in events]
    assert again == found


@pytest.mark.parametrize("home", ["Europe/Paris", "America/Los_Angeles", "America/Martinique", "Asia/Tokyo"])
def test_days_without_marker_and_zone_are_the_nearest_ones(stage: ExchangeStage, home: str) -> None:
    own = stage.add(address := mailbox(stage, home), "Absent", MONDAY, 2)
    stage.exchange.aside = without_zones
    [found] = stage.calendar.look_alikes([address], Span(MONDAY, MONDAY), frozenset({"Absent"}))
    assert [(one.id, one.event.first_day, one.event.last_day) for one in found.events] == [
        (own, MONDAY, MONDAY + DAY)
    ]


@pytest.mark.parametrize(
    "mark", ["1;Mars/Base;0;0", "1;;0;0", "1;../../etc/passwd;0;0", "mangled", "1;localtime;0;0"]
)
def test_a_marker_without_a_zone_that_exists_leaves_the_zone_of_the_event(
    stage: ExchangeStage, mark: str
) -> None:
    [found] = written(stage, address := mailbox(stage), all_day(days=3))
    item = stage.exchange.mailbox(address).find(found.id)
    [path] = [path for path in item.properties if path.name == "FiggoOpsPrint"]
    item.properties[path] = mark
    [again] = listed(stage, address)
    assert (again.event, again.event.zone) == (all_day(days=3), "Europe/Paris")
    assert write(stage, removal(again))[0].status == "done"


def test_zones_that_share_a_windows_name_are_told_apart_by_the_marker(stage: ExchangeStage) -> None:
    zones = ["Europe/Paris", "Europe/Brussels", "Europe/Madrid"]
    events = [all_day(MONDAY + n * DAY, zone=zone) for n, zone in enumerate(zones)]
    found = written(stage, mailbox(stage), *events)
    assert [one.event.zone for one in found] == zones


def test_another_zone_in_the_tenant_file_moves_events_in_place(stage: ExchangeStage) -> None:
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
