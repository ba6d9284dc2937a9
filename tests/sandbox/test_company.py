"""The rehearsal company itself: its calendar, its story and the rules by which absences change."""

from __future__ import annotations

import ast
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

import figgo_ops.sandbox
from figgo_ops.sandbox import Company, RefusedAct
from figgo_ops.sandbox.absences import Leave, Status
from figgo_ops.sandbox.narrator import Case
from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.story import TELLINGS, tell
from figgo_ops.sandbox.worktime import easter, is_holiday, slots

TODAY = date(2026, 11, 22)
MONDAY = date(2027, 2, 1)

#: How many worked half-days each period of a case has, whatever day it is told on.
HALF_DAYS = {
    "half-day-am": [1],
    "half-day-pm": [1],
    "whole-day": [2],
    "monday-pm-to-friday": [9],
    "across-weekend": [8],
    "across-holiday": [4],
    "two-periods-one-day": [1, 1],
    "two-accounts": [6],
    "telework-inside": [6],
    "hour-based": [1],
    "pending-two-approvers": [10],
    "recreated-half-day": [1, 1],
    "dst-week": [2],
    "part-time-wednesday": [4],
    "middle-day-removed": [10],
    "hostile-type": [2, 2],
    "shared-mail": [2, 2],
    "time-zone": [1, 1],
}


def company_of(today: date = TODAY) -> tuple[Company, dict[str, Case]]:
    moments = iter(datetime(2026, 1, 1) + timedelta(minutes=number) for number in range(10**6))
    company = Company(today, lambda: next(moments))
    return company, tell(company)


@pytest.fixture
def company() -> Company:
    return company_of()[0]


@pytest.fixture
def person(company: Company) -> Person:
    return company.hire("Lou", "Pérez", 1, "lou.perez@corail.example", manager_id=61)


def worked(company: Company, period_id: int) -> list[Leave]:
    return [leave for leave in company.periods[period_id].leaves if not leave.is_rest]


def random_days() -> Iterator[date]:
    seed = random.randrange(10**6)
    print("seed", seed)
    for _ in range(40):
        yield date(2024, 1, 1) + timedelta(days=random.Random(seed).randrange(4000))
        seed += 1


def test_easter_and_its_holidays_fall_where_almanacs_put_them() -> None:
    assert [easter(year) for year in (1961, 2000, 2024, 2026, 2038, 2076)] == [
        date(1961, 4, 2),
        date(2000, 4, 23),
        date(2024, 3, 31),
        date(2026, 4, 5),
        date(2038, 4, 25),
        date(2076, 4, 19),
    ]
    assert is_holiday("France", date(2026, 5, 14)), "Ascension Day"
    assert is_holiday("Martinique", date(2026, 5, 22))
    assert not is_holiday("France", date(2026, 5, 22))
    assert is_holiday("Genève", date(2026, 8, 1))
    assert not is_holiday("Genève", date(2026, 7, 14))


def test_half_days_run_from_the_first_to_the_last() -> None:
    found = list(slots((MONDAY, 1), (MONDAY + timedelta(days=1), 0)))
    assert found == [(MONDAY, 1), (MONDAY + timedelta(days=1), 0)]


def test_the_story_can_be_told_on_any_day_and_means_the_same() -> None:
    """Weekends, holidays, clock changes and the turn of the year do not change a case."""
    for today in random_days():
        company, cases = company_of(today)
        found = {name: [len(worked(company, one)) for one in cases[name].periods] for name in HALF_DAYS}
        assert found == HALF_DAYS, today
        assert set(cases) == set(TELLINGS)


def test_the_cases_that_live_around_today_do_so_on_any_day() -> None:
    for today in random_days():
        company, cases = company_of(today)
        maternity, transfer = (company.periods[cases[name].period] for name in ("maternity", "transferred"))
        assert maternity.first[0] < today - timedelta(days=30) < today < maternity.last[0]
        assert transfer.first[0] < today < transfer.last[0]
        assert worked(company, cases["retroactive-sickness"].period)[-1].day < today - timedelta(days=30)
        assert worked(company, cases["half-day-am"].period)[0].day > today


def test_a_leave_over_new_year_changes_its_account() -> None:
    company, cases = company_of()
    names = [leave.account.name for leave in company.periods[cases["two-years"].period].leaves]
    assert sorted(set(names)) == ["Congés payés 2026", "Congés payés 2027"]
    assert names == sorted(names)


def test_a_period_may_use_up_one_account_after_the_other() -> None:
    company, cases = company_of()
    shares = Counter(leave.account.name for leave in worked(company, cases["two-accounts"].period))
    assert sorted(shares.items()) == [("Congés payés 2026", 4), ("RTT 2026", 2)]


def test_about_sixty_people_work_for_three_legal_entities_and_share_no_mail_but_where_told() -> None:
    company, cases = company_of()
    entities = Counter(person.legal_entity_id for person in company.people.values())
    assert 55 <= len(company.people) <= 70
    assert min(entities[number] for number in (1, 2, 3)) >= 6
    mails = Counter(person.mail for person in company.people.values())
    shared = {mail for mail, times in mails.items() if times > 1}
    assert shared == {company.people[cases[name].person].mail for name in ("shared-mail", "rehired")}
    assert all(mail is None or (mail.isascii() and mail.endswith(".example")) for mail in mails)


def test_the_last_of_several_approvers_confirms(company: Company, person: Person) -> None:
    request = company.request_leave(person.id, MONDAY, approvers=[61, 62])
    company.approve(request.id)
    assert (request.status, request.period.is_confirmed, request.awaited) == (Status.PENDING, False, [62])
    company.approve(request.id)
    assert (request.status, request.period.is_confirmed, request.awaited) == (Status.APPROVED, True, [])
    assert [one.approver_id for one in request.decisions] == [61, 62]


def test_a_denial_needs_a_reason_and_frees_the_days(company: Company, person: Person) -> None:
    request = company.request_leave(person.id, MONDAY)
    with pytest.raises(RefusedAct, match="comment"):
        company.deny(request.id, "")
    company.deny(request.id, "Inventaire")
    assert request.status is Status.DENIED
    assert [(leave.is_active, leave.cancelled_at) for leave in request.period.leaves] == [(False, None)] * 2
    company.request_leave(person.id, MONDAY)


def test_only_a_pending_request_is_approved_or_withdrawn(company: Company, person: Person) -> None:
    request = company.request_leave(person.id, MONDAY)
    company.approve(request.id)
    for verb in (company.approve, company.cancel):
        with pytest.raises(RefusedAct, match="not pending"):
            verb(request.id)
    with pytest.raises(RefusedAct, match="no leave request 1"):
        company.approve(1)


def test_a_withdrawn_request_leaves_dated_cancelled_rows(company: Company, person: Person) -> None:
    request = company.cancel(company.request_leave(person.id, MONDAY).id)
    assert (request.status, request.cancelled_by) == (Status.CANCELLED, person.id)
    assert all(leave.cancelled_at and not leave.is_active for leave in request.period.leaves)


@pytest.mark.parametrize(("accepted", "status"), [(True, Status.CANCELLED), (False, Status.APPROVED)])
def test_an_approved_leave_stands_until_its_cancellation_is_settled(
    company: Company, person: Person, accepted: bool, status: Status
) -> None:
    request = company.request_leave(person.id, MONDAY)
    with pytest.raises(RefusedAct, match="not approved"):
        company.ask_cancellation(request.id)
    company.approve(request.id)
    company.ask_cancellation(request.id)
    assert request.status is Status.CANCELLATION_PENDING
    assert len(request.period.active()) == 2
    company.settle_cancellation(request.id, accepted=accepted)
    assert request.status is status
    assert len(request.period.active()) == (0 if accepted else 2)


def test_hr_confirms_at_once_and_without_a_request(company: Company, person: Person) -> None:
    period = company.enter_by_hr(person.id, MONDAY, MONDAY + timedelta(days=1))
    assert period.is_confirmed
    assert period.request is None


def test_hr_takes_single_half_days_out_and_the_rest_of_the_period_stays(
    company: Company, person: Person
) -> None:
    period = company.enter_by_hr(person.id, MONDAY, MONDAY + timedelta(days=2))
    tuesday = MONDAY + timedelta(days=1)
    company.remove_half_days(period.id, [(tuesday, "AM"), (tuesday, "PM")])
    assert {leave.day for leave in period.active()} == {MONDAY, MONDAY + timedelta(days=2)}
    with pytest.raises(RefusedAct, match="no such half-days"):
        company.remove_half_days(period.id, [(tuesday, "AM")])


def test_hr_puts_half_days_into_a_hole_and_at_the_end_of_a_period(company: Company, person: Person) -> None:
    period = company.enter_by_hr(person.id, MONDAY, MONDAY + timedelta(days=2), "RTT")
    tuesday, thursday = MONDAY + timedelta(days=1), MONDAY + timedelta(days=3)
    company.remove_half_days(period.id, [(tuesday, "PM")])
    company.add_half_days(period.id, [(tuesday, "PM"), (thursday, "AM")])
    assert len(period.active()) == 7
    assert {leave.account for leave in period.active()} == {period.leaves[0].account}
    assert period.last == (thursday, 0)
    with pytest.raises(RefusedAct, match="already absent"):
        company.add_half_days(period.id, [(tuesday, "PM")])
    with pytest.raises(RefusedAct, match="no leave period"):
        company.add_half_days(4711, [(tuesday, "PM")])


def test_nobody_is_absent_twice_on_one_half_day(company: Company, person: Person) -> None:
    company.request_leave(person.id, MONDAY, to_half="AM")
    with pytest.raises(RefusedAct, match="already absent"):
        company.enter_by_hr(person.id, MONDAY - timedelta(days=3), MONDAY)
    again = company.request_leave(person.id, MONDAY, from_half="PM")
    assert [leave.half for leave in again.period.leaves] == [1]


def test_a_day_that_is_not_worked_cannot_be_taken(company: Company, person: Person) -> None:
    with pytest.raises(RefusedAct, match="does not work"):
        company.request_leave(person.id, date(2027, 1, 1), date(2027, 1, 3))


def test_every_act_raises_the_revision_and_a_refused_one_changes_nothing_else(
    company: Company, person: Person
) -> None:
    before = (company.revision, len(company.periods))
    request = company.request_leave(person.id, MONDAY)
    assert company.revision > before[0]
    with pytest.raises(RefusedAct):
        company.request_leave(person.id, MONDAY)
    assert len(company.periods) == before[1] + 1
    assert request.period.id in company.periods


def test_people_change_mail_and_legal_entity_and_leave(company: Company, person: Person) -> None:
    company.change_mail(person.id, None)
    company.transfer(person.id, 3)
    company.end_contract(person.id, TODAY - timedelta(days=1))
    assert (person.mail, person.legal_entity_id, person.is_former(TODAY)) == (None, 3, True)
    assert not person.is_former(TODAY - timedelta(days=1)), "the last day is still worked"
    with pytest.raises(RefusedAct, match="no legal entity 9"):
        company.transfer(person.id, 9)
    with pytest.raises(RefusedAct, match="nobody has the id 1"):
        company.change_mail(1, None)


def test_a_generated_company_is_as_large_as_asked_and_the_same_for_the_same_seed() -> None:
    one, two, other = (Company.generate(60, seed, leaves_per_person=13, today=TODAY) for seed in (7, 7, 8))
    rows = [
        [(leave.period.owner.mail, leave.day, leave.half) for leave in c.all_leaves()]
        for c in (one, two, other)
    ]
    assert rows[0] == rows[1] != rows[2]
    counts = Counter(leave.period.owner.id for leave in one.all_leaves() if not leave.is_rest)
    assert set(counts.values()) == {13}
    assert len(counts) == 60
    assert len({person.mail for person in one.people.values()}) == 60
    assert {person.legal_entity_id for person in one.people.values()} == {1, 2, 3}


def test_the_rehearsal_company_knows_nothing_of_the_package_it_rehearses() -> None:
    """A bug shared by client and stand-in would hide itself."""
    files = list(Path(figgo_ops.sandbox.__file__).parent.glob("*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            ours = [name for name in names if name.split(".")[0] == "figgo_ops"]
            assert all(name.startswith("figgo_ops.sandbox") for name in ours), f"{file.name}: {ours}"
