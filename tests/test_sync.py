"""From leaves in Figgo to events in calendars: the first load, every night after it, and what each costs."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from figgo_ops import sync
from figgo_ops.errors import Incomplete
from figgo_ops.sandbox.story import NO_MAILBOX
from tests.rehearsal import ANTILLES, DAY, TODAY, Corail, key_of, told

STORY: dict[str, list[str]] = {
    "half-day-am": ["2026-12-07 09:00..12:00 Europe/Paris"],
    "half-day-pm": ["2026-12-08 14:00..18:00 Europe/Paris"],
    "whole-day": ["2026-12-02"],
    "monday-pm-to-friday": ["2026-12-07 14:00..2026-12-11 18:00 Europe/Paris"],
    "across-weekend": ["2027-01-07..2027-01-12"],
    "across-holiday": ["2027-05-05", "2027-05-07"],
    "two-periods-one-day": ["2026-12-16 09:00..12:00 Europe/Zurich", "2026-12-16 14:00..18:00 Europe/Zurich"],
    "two-accounts": ["2027-01-04..2027-01-06"],
    "telework-inside": ["2027-01-04", "2027-01-06"],
    "hour-based": ["2026-12-10 09:00..11:00 Europe/Paris"],
    "telework": [],
    "sickness-by-hr": ["2026-11-16..2026-11-18"],
    "retroactive-sickness": ["2026-09-14..2026-09-15"],
    "child-sick": ["2026-11-19"],
    "maternity": [
        "2026-09-28..2026-11-10",
        "2026-11-12..2026-12-24",
        "2026-12-28..2026-12-31",
        "2027-01-04..2027-01-15",
    ],
    "unpaid": ["2027-03-08..2027-03-25", "2027-03-30..2027-04-02"],
    "pending": ["2027-01-11..2027-01-12 ?"],
    "pending-two-approvers": ["2027-01-11..2027-01-15 ?"],
    "denied": [],
    "cancelled-pending": [],
    "cancellation-pending": ["2027-01-18..2027-01-20"],
    "cancellation-accepted": [],
    "cancellation-refused": ["2027-01-25..2027-01-27"],
    "middle-day-removed": ["2026-12-14..2026-12-15", "2026-12-17..2026-12-18"],
    "recreated-half-day": ["2027-01-08 14:00..18:00 Europe/Paris"],
    "two-years": ["2026-12-18..2026-12-24", "2026-12-28..2026-12-31", "2027-01-04..2027-01-11"],
    "transferred": ["2026-11-16..2026-12-04"],
    "leaver": ["2026-11-02..2026-11-03"],
    "leaving-soon": ["2026-12-07", "2027-02-08..2027-02-12"],
    "rehired": ["2027-01-11"],
    "changed-mail": ["2027-01-04..2027-01-05"],
    "alias-mail": ["2027-01-06"],
    "shared-mail": [],
    "hostile-type": ["2027-01-11", "2027-01-18"],
    "dst-week": ["2027-03-26 14:00..18:00 Europe/Paris", "2027-03-30 09:00..12:00 Europe/Paris"],
    "part-time-wednesday": ["2027-01-05", "2027-01-07"],
    "time-zone": [
        "2026-12-14 09:00..12:00 America/Martinique",
        "2026-12-15 14:00..18:00 America/Martinique",
    ],
}
"""What the hero of each case finds in their calendar after the first load on `TODAY`."""

WITHOUT_CALENDAR = {"no-mail", "mailbox-unknown"}


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    with Corail(tmp_path) as made:
        yield made


def test_the_first_load_shows_every_case_of_the_story_as_it_was_told(corail: Corail) -> None:
    result = corail.load()
    assert sync.exit_of(result) == 0
    assert set(STORY) | WITHOUT_CALENDAR == set(corail.stage.cases)
    assert {name: corail.shown(corail.case(name).person) for name in STORY} == STORY


def test_the_first_load_writes_each_planned_event_once_and_leaves_nothing_to_plan(corail: Corail) -> None:
    seen = corail.plan(since="start")
    assert not corail.marked(), "looking wrote something"
    corail.forget_calls()
    result = corail.apply(seen)
    assert result.created == seen.count("create") == len(corail.marked()) == len(set(corail.marked()))
    assert len(corail.writes()) <= 1.05 * result.created
    tokens = Counter(entry.principal for entry in corail.calls("google", path="/token"))
    assert set(tokens.values()) == {1}
    again = corail.plan(since="start")
    assert (again.changes, again.refused, again.unreadable) == ((), (), ())
    assert again.unchanged == result.created
    assert not corail.stage.google.notifications
    assert not corail.stage.exchange.notifications
    assert corail.stage.exchange.gate.failed == []


def test_people_without_a_mailbox_of_their_own_are_skipped_with_the_reason(corail: Corail) -> None:
    seen = corail.plan(since="start")
    assert sync.exit_of_plan(seen) == 0
    reasons = {skip.employee: skip.reason for skip in seen.skipped if not skip.leave}
    shared = corail.case("shared-mail").people
    assert reasons[corail.case("no-mail").person] == "Figgo holds no usable mail address"
    assert NO_MAILBOX[0] in reasons[corail.case("mailbox-unknown").person]
    assert all("atelier@corail.example" in reasons[number] for number in shared)
    assert set(reasons) == {corail.case(name).person for name in WITHOUT_CALENDAR} | set(shared)


def test_remote_work_is_named_among_what_is_not_shown(corail: Corail) -> None:
    number = corail.case("telework").person
    seen = corail.plan(number)
    assert [(skip.employee, skip.reason) for skip in seen.skipped] == [(number, "remote work")]


@pytest.mark.parametrize(
    "today", ["2026-10-21", "2027-07-11", "2028-02-28"], ids=["clocks go back", "a Sunday", "leap year"]
)
def test_on_any_day_of_the_year_the_calendars_say_what_figgo_says(tmp_path: Path, today: str) -> None:
    with Corail(tmp_path, date.fromisoformat(today)) as corail:
        assert sync.exit_of(corail.load()) == 0
        _agrees(corail)


def _agrees(corail: Corail) -> None:
    """Every calendar shows exactly what a second reading of the company's rows says."""
    with corail.session() as session:
        window = sync.window(session, "start")
    everyone = corail.stage.company.people.values()
    unserved = (
        {*corail.case("shared-mail").people, corail.case("rehired").people[1]}
        if corail.stage.cases
        else set()
    )
    for person in everyone:
        if person.mail and person.mail not in NO_MAILBOX and person.id not in unserved:
            wanted = told(corail.stage.company, person, (window.first, window.last))
            assert corail.shown(person.id) == wanted, person.name


def test_a_night_lists_every_mailbox_once_and_writes_one_call_per_change(corail: Corail) -> None:
    loaded = corail.load()
    corail.forget_calls()
    result = corail.sync()
    assert (result.written, sync.exit_of(result)) == (0, 0)
    assert result.unchanged == loaded.created - 1, "all but the sickness that lies before the horizon"
    assert corail.writes() == []
    listed = corail.listed()
    assert set(listed.values()) == {1}
    mailboxes = set(corail.stage.calendars())
    by_another_name = {*NO_MAILBOX, "ph.garnier@corail-suisse.example"}
    assert {mail for _, mail in listed} - by_another_name == mailboxes - {"atelier@corail.example"}
    calls = [call for name in ("google", "exchange", "microsoft365") for call in corail.calls(name)]
    assert len(calls) == len(corail.listings())
    pages = Counter(entry.path for entry in corail.calls("figgo"))
    assert pages == {
        "/api/v3/users": 1,
        "/organization/structure/api/establishments": 1,
        "/api/v3/leaves": 2,  # the second one reaches back to where the running maternity leave began
    }
    corail.stage.approve(corail.case("pending").request)
    corail.forget_calls()
    changed = corail.sync()
    assert (changed.created, changed.updated, changed.deleted) == (0, 1, 0)
    assert len(corail.writes()) == 1


def test_a_sickness_entered_late_is_left_to_the_monthly_sweep(corail: Corail) -> None:
    corail.activate()
    number = corail.case("retroactive-sickness").person
    assert corail.sync(number).written == 0
    assert corail.shown(number) == []
    assert corail.sync(number, since="start").created == 1
    assert corail.shown(number) == STORY["retroactive-sickness"]
    assert corail.sync(number).written == 0, "what lies outside the window is left as it is"
    assert corail.shown(number) == STORY["retroactive-sickness"]


@pytest.mark.parametrize(
    ("zone", "hours", "day"),
    [
        ("Europe/Paris", 14.9, TODAY),
        ("Europe/Paris", 15.1, TODAY + DAY),
        ("America/Martinique", 19.9, TODAY),
        ("America/Martinique", 20.1, TODAY + DAY),
    ],
)
def test_a_day_begins_at_midnight_where_the_tenant_is(
    corail: Corail, zone: str, hours: float, day: date
) -> None:
    """The clock begins at eight in the morning, UTC."""
    corail.rewrite('timezone = "Europe/Paris"', f'timezone = "{zone}"')
    corail.clock.sleep(timedelta(hours=hours).total_seconds())
    seen = corail.plan(corail.case("whole-day").person)
    assert (seen.today, seen.window.first) == (day, day - 30 * DAY)


@pytest.mark.parametrize("since", [None, date(2026, 1, 1), "start"], ids=["nightly", "from January", "start"])
def test_nothing_that_ended_before_the_start_of_the_tenant_is_created(
    corail: Corail, since: date | str | None
) -> None:
    corail.rewrite("start = 2026-05-01", "start = 2026-11-20")
    corail.activate()
    over, running = corail.case("sickness-by-hr").person, corail.case("transferred").person
    corail.sync(over, running, since=since)
    assert corail.shown(over) == []
    assert corail.shown(running) == STORY["transferred"], "a period is never cut"


def test_each_half_day_that_hours_do_not_fill_is_an_event_of_its_own(corail: Corail) -> None:
    corail.activate()
    hero = corail.case("telework").person
    corail.stage.request_leave(hero, date(2027, 2, 1), account="Récupération", hours=2)
    corail.stage.enter_by_hr(hero, date(2027, 2, 8), account="Récupération", hours=9)
    corail.sync(hero)
    assert corail.shown(hero) == [
        "2027-02-01 09:00..11:00 Europe/Paris ?",
        "2027-02-01 14:00..16:00 Europe/Paris ?",
        "2027-02-08",
    ]


def test_an_absence_that_began_before_the_horizon_disappears_when_it_is_cancelled(corail: Corail) -> None:
    """Its event touches the window, the day that its key names does not: Figgo is read back to that day."""
    corail.activate()
    hero = corail.case("telework").person
    request = corail.stage.request_leave(hero, date(2026, 9, 14), date(2026, 10, 30))
    corail.stage.approve(request.id)
    corail.sync(hero)
    assert corail.shown(hero) == ["2026-09-14..2026-10-30"]
    corail.cancel(hero)
    assert corail.sync(hero).deleted == 1
    assert corail.shown(hero) == []


def test_one_absence_is_followed_from_request_to_cancellation(corail: Corail) -> None:
    corail.activate()
    hero = corail.stage.hire("Camille", "Desprès", 1, "camille.despres@corail.example").id
    monday = date(2027, 2, 1)
    request = corail.stage.request_leave(hero, monday, monday + 4 * DAY)
    corail.sync(hero)
    assert corail.shown(hero) == ["2027-02-01..2027-02-05 ?"]
    corail.stage.approve(request.id)
    corail.sync(hero)
    assert corail.shown(hero) == ["2027-02-01..2027-02-05"]
    wednesday = monday + 2 * DAY
    corail.stage.remove_half_days(request.period.id, [(wednesday, "AM"), (wednesday, "PM")])
    corail.sync(hero)
    assert corail.shown(hero) == ["2027-02-01..2027-02-02", "2027-02-04..2027-02-05"]
    corail.stage.ask_cancellation(request.id)
    corail.sync(hero)
    assert corail.shown(hero) == ["2027-02-01..2027-02-02", "2027-02-04..2027-02-05"], "not settled yet"
    corail.stage.settle_cancellation(request.id, True)
    result = corail.sync(hero)
    assert (result.deleted, corail.shown(hero)) == (2, [])


def test_a_period_cut_at_its_front_is_replaced_not_removed(corail: Corail) -> None:
    corail.activate()
    case = corail.case("across-weekend")
    corail.sync(case.person)
    (before,) = corail.marked()
    corail.stage.remove_half_days(case.period, [(date(2027, 1, 7), "AM")])
    result = corail.sync(case.person)
    assert (result.created, result.deleted) == (1, 1)
    assert corail.shown(case.person) == ["2027-01-07 14:00..2027-01-12 18:00 Europe/Paris"]
    assert corail.marked() != [before]


def test_other_people_than_the_chosen_ones_are_not_written_to(corail: Corail) -> None:
    corail.activate()
    case = corail.case("half-day-am")
    corail.sync(case.person)
    assert corail.picture() == {corail.mail(case.person): STORY["half-day-am"]}


def test_a_legal_entity_can_be_synced_alone(corail: Corail) -> None:
    corail.activate()
    result = corail.sync(legal_entities=(3,))
    assert result.created > 0
    assert all(mail.endswith("@corail-antilles.example") for mail in corail.picture())


def test_a_leaver_keeps_what_was_and_loses_what_would_have_been(corail: Corail) -> None:
    corail.activate()
    number = corail.case("leaving-soon").person
    corail.sync(number)
    end = date(2027, 1, 15)
    corail.stage.end_contract(number, end)
    corail.sync(number)
    assert corail.shown(number) == STORY["leaving-soon"], "still employed"
    corail.clock.sleep((end - TODAY + DAY).total_seconds())
    corail.stage.company.today = end + DAY
    result = corail.sync(number)
    assert (result.deleted, corail.shown(number)) == (1, ["2026-12-07"])


def test_somebody_who_moves_to_another_legal_entity_keeps_the_same_events(corail: Corail) -> None:
    corail.activate()
    case, other = corail.case("half-day-am"), corail.found()
    corail.rewrite("legal_entities = [1]", f"legal_entities = [1, {other}]")
    corail.rewrite("legal_entities = [3]\ntimezone", f"legal_entities = [3, {other}]\ntimezone")
    corail.sync(case.person)
    before = corail.events(case.person)
    corail.stage.transfer(case.person, other)
    result = corail.sync(case.person)
    assert (result.created, result.updated, result.deleted) == (0, 1, 0)
    (after,) = corail.events(case.person)
    assert after["id"] == before[0]["id"]
    assert corail.shown(case.person) == ["2026-12-07 09:00..12:00 America/Martinique"]


def test_somebody_whose_mailbox_is_migrated_with_a_transfer_keeps_the_same_events(corail: Corail) -> None:
    """From Exchange to Microsoft 365: the marker goes along, so the event is known there."""
    corail.activate()
    case = corail.case("two-periods-one-day")
    corail.sync(case.person)
    before = corail.events(case.person)
    corail.stage.transfer(case.person, ANTILLES)
    assert [event["uid"] for event in corail.events(case.person)] == [event["uid"] for event in before]
    result = corail.sync(case.person)
    assert (result.created, result.updated, result.deleted) == (0, 2, 0), "in another zone from now on"
    after = corail.events(case.person)
    assert [event["uid"] for event in after] == [event["uid"] for event in before]
    assert [key_of(event) for event in after] == [key_of(event) for event in before]
    assert all(line.endswith("America/Martinique") for line in corail.shown(case.person))
    assert corail.sync(case.person).written == 0


def test_userdates_make_one_event_of_a_period_across_public_holidays(corail: Corail) -> None:
    corail.rewrite('working_time = "weekdays"', 'working_time = "userdates"')
    corail.load()
    assert corail.shown(corail.case("across-holiday").person) == ["2027-05-05..2027-05-07"]
    assert corail.shown(corail.case("maternity").person) == ["2026-09-28..2027-01-15"]
    assert corail.shown(corail.case("part-time-wednesday").person) == ["2027-01-05..2027-01-07"]
    split = corail.case("middle-day-removed").person
    assert corail.shown(split) == STORY["middle-day-removed"], "a worked day is a hole"
    assert corail.plan(since="start").changes == ()


def test_userdates_that_fail_are_an_error_of_those_people_alone(corail: Corail) -> None:
    corail.rewrite('working_time = "weekdays"', 'working_time = "userdates"')
    corail.activate()
    corail.fault("figgo", "status", path="/api/v3/userdates", times=None, value=408)
    gap, plain = corail.case("across-holiday").person, corail.case("whole-day").person
    result = corail.sync(gap, plain)
    assert corail.shown(plain) == STORY["whole-day"]
    assert corail.shown(gap) == [], "a guess was written instead of nothing"
    assert [(row.employee, type(row.error)) for row in result.unreadable] == [(gap, Incomplete)]
    assert sync.exit_of(result) == 1


@pytest.mark.parametrize("rows", ["weekdays only", "every day"])
def test_rows_on_weekends_change_nothing_where_the_tenant_file_knows_of_them(
    corail: Corail, rows: str
) -> None:
    if rows == "every day":
        corail.stage.figgo.switch("rest_rows", True)
        corail.rewrite('working_time = "weekdays"', 'working_time = "weekdays"\nrest_rows = true')
    corail.activate()
    case = corail.case("across-weekend")
    corail.sync(case.person)
    assert corail.shown(case.person) == STORY["across-weekend"]


def test_two_hundred_people_are_loaded_right_and_with_no_more_requests_than_estimated(
    tmp_path: Path,
) -> None:
    with Corail(tmp_path, people=200) as corail:
        with corail.session() as session:
            expected, _ = session.figgo.estimate(200, sync.window(session, "start"))
            seen = sync.plan(session, sync.Ask(since="start"))
            assert session.figgo.requests == len(corail.calls("figgo"))
            assert session.figgo.requests <= expected
        assert corail.clock.slept < 60, "a small tenant waits for nothing"
        assert sync.exit_of(corail.apply(seen)) == 0
        _agrees(corail)


def test_hours_in_place_of_whole_days_are_shown_in_outlook_and_google_keeps_the_day(corail: Corail) -> None:
    """Google has no such thing; the plan says so once, and neither is planned again."""
    corail.activate()
    corail.rewrite('whole_days = "all-day"', 'whole_days = "hours"')
    child, hero = corail.case("child-sick").person, corail.case("whole-day").person
    seen = corail.plan(child, hero)
    assert len([note for note in seen.notes if "hour" in note]) == 1
    assert sync.exit_of(corail.apply(seen)) == 0
    day = STORY["child-sick"][0]
    assert corail.shown(child) == [f"{day} 09:00..18:00 Europe/Zurich"]
    assert corail.shown(hero) == STORY["whole-day"]
    assert corail.sync(child, hero).written == 0


def test_sliding_the_day_over_an_unchanged_company_plans_nothing(corail: Corail) -> None:
    corail.load()
    for days in (1, 26):
        corail.clock.sleep(timedelta(days=days).total_seconds())
        assert [change.reason for change in corail.plan().changes] == []


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2025, 11, 3), date(2026, 12, 31)), (date(2025, 6, 2), date(2028, 5, 31))],
    ids=["fourteen months", "three years"],
)
def test_an_absence_of_years_is_read_to_both_its_ends(corail: Corail, first: date, last: date) -> None:
    corail.activate()
    number = corail.stage.hire("Léa", "Longuet", 1, "lea.longuet@corail.example").id
    corail.stage.enter_by_hr(number, first, last)
    result = corail.sync(number)
    assert (result.unreadable, sync.exit_of(result)) == ([], 0)
    with corail.session() as session:
        window = sync.window(session, None)
    wanted = told(corail.stage.company, corail.person(number), (window.first, window.last))
    assert corail.shown(number) == wanted != []
    assert corail.sync(number).written == 0
