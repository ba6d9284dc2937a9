"""What waits for a person's word: look-alikes, a mailbox suddenly empty, removals beyond the limits."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from figgo_ops import sync, words
from figgo_ops.errors import Refused
from tests.rehearsal import ANTILLES, GENEVA, Corail


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Active from the start, its calendars still empty."""
    with Corail(tmp_path) as made:
        made.activate()
        yield made


def test_look_alikes_hold_a_mailbox_until_somebody_says_what_they_are(corail: Corail) -> None:
    number = corail.case("across-weekend").person
    corail.owner(number).add("absent", "2027-01-08", "2027-01-09")
    other = corail.case("whole-day").person
    result = corail.sync(number, other)
    assert (corail.shown(other), len(result.held)) == (["2026-12-02"], 1)
    assert (sync.exit_of(result), result.held[0].employee) == (3, number)
    seen = corail.plan(number)
    assert [finding.verdict for finding in seen.findings] == ["look-alike"]
    assert sync.exit_of_plan(seen) == 3
    assert "--look-alikes ignore" in seen.refused[0]

    assert corail.apply(corail.plan(number, look_alikes="ignore")).created == 1
    assert corail.shown(number) == ["2027-01-07..2027-01-12", "2027-01-08 absent"]
    assert corail.sync(number).written == 0


def test_an_answer_about_everybodys_look_alikes_is_kept_once_such_a_plan_is_applied(corail: Corail) -> None:
    number, answer = corail.case("across-weekend").person, 'look_alikes = "ignore"'
    corail.owner(number).add("Congés payés 2027", "2027-01-08", "2027-01-09")
    assert corail.sync().held
    seen = corail.plan(look_alikes="ignore")
    assert answer not in corail.file.read_text(encoding="utf-8"), "planning only reads"
    assert corail.apply(seen).created == 1
    assert answer in corail.file.read_text(encoding="utf-8")
    other = corail.stage.hire("Camille", "Desprès", 1, "camille.despres@corail.example").id
    corail.owner(other).add("Absent", "2027-02-01", "2027-02-02")
    corail.stage.enter_by_hr(other, date(2027, 2, 1))
    assert (corail.sync(other).created, corail.sync(other).held) == (1, [])


def test_events_with_our_title_on_other_days_hold_nothing(corail: Corail) -> None:
    number = corail.case("across-weekend").person
    corail.owner(number).add("Absent", "2027-02-08", "2027-02-09")
    corail.owner(number).add("Réunion", "2027-01-08", "2027-01-09")
    assert corail.sync(number).created == 1


@pytest.fixture
def emptied(corail: Corail) -> int:
    """Somebody with several events, all of which vanished from their calendar."""
    number = corail.case("maternity").person
    corail.sync(number)
    assert len(corail.events(number)) == 4
    for event in corail.events(number):
        corail.owner(number).delete(str(event["id"]))
    return number


def test_a_mailbox_that_is_suddenly_empty_is_read_once_more_and_then_held(
    corail: Corail, emptied: int
) -> None:
    corail.forget_calls()
    result = corail.sync(emptied)
    assert (result.written, sync.exit_of(result)) == (0, 3)
    assert "lists none of our events where its last listing had 4" in result.unreadable[0].error.message
    assert len(corail.calls("google", "GET")) == 2
    for _ in range(2):
        assert corail.sync(emptied).written == 0, "held until somebody answers, not until the next run"


def test_a_suddenly_empty_mailbox_is_believed_only_when_such_a_plan_was_applied(
    corail: Corail, emptied: int
) -> None:
    believing = corail.plan(emptied, accept_empty=True)
    assert believing.count("create") == 4
    assert corail.sync(emptied).written == 0, "planning alone must not change what is believed"
    assert corail.apply(believing).created == 4
    assert corail.sync(emptied).written == 0
    assert len(corail.events(emptied)) == 4


def test_an_empty_mailbox_is_believed_even_where_nothing_is_left_to_write(
    corail: Corail, emptied: int
) -> None:
    company = corail.stage.company
    period = company.periods[corail.case("maternity").period]
    slots = [(row.day, "PM" if row.half else "AM") for row in period.active()]
    corail.stage.remove_half_days(period.id, slots)
    assert corail.sync(emptied).unreadable, "still held"
    believing = corail.plan(emptied, accept_empty=True)
    assert believing.changes == ()
    corail.apply(believing)
    assert not corail.sync(emptied).unreadable


def test_a_mailbox_that_we_emptied_ourselves_is_not_suspect(corail: Corail) -> None:
    case = corail.case("maternity")
    corail.sync(case.person)
    period = corail.stage.company.periods[case.period]
    slots = [(row.day, "PM" if row.half else "AM") for row in period.active()]
    corail.stage.remove_half_days(period.id, slots)
    assert corail.sync(case.person).deleted == 4
    result = corail.sync(case.person)
    assert (result.written, sync.exit_of(result), result.unreadable) == (0, 0, [])


def test_a_mailbox_that_answers_empty_once_is_not_mistaken_for_an_empty_one(corail: Corail) -> None:
    number = corail.case("maternity").person
    corail.sync(number)
    corail.stage.google.switch("empty_list", corail.mail(number))
    result = corail.sync(number)
    assert (result.written, sync.exit_of(result), result.unchanged) == (0, 0, 4)


def test_a_mailbox_that_answers_empty_during_apply_is_not_filled_a_second_time(corail: Corail) -> None:
    case = corail.case("maternity")
    corail.sync(case.person)
    corail.stage.enter_by_hr(case.person, date(2027, 3, 1))
    seen = corail.plan(case.person)
    corail.stage.google.switch("empty_list", corail.mail(case.person))
    assert corail.apply(seen).created == 1
    assert len(corail.marked()) == len(set(corail.marked())) == 5


def test_most_leaves_of_a_legal_entity_cancelled_at_once_are_held_until_the_exact_number(
    corail: Corail,
) -> None:
    corail.load()
    everyone = corail.members(ANTILLES) + corail.members(GENEVA)
    before = corail.picture()
    cancelled = corail.cancel(*everyone)
    assert cancelled > 10
    result = corail.sync()
    assert (result.deleted, sync.exit_of(result)) == (0, 3)
    assert {row.error for row in result.held} == {sync.ABOVE}
    assert corail.picture() == before

    seen = corail.plan()
    number = len({str(change.key) for change in seen.changes if change.counted})
    assert any("--removals" in reason for reason in seen.refused)
    assert sync.exit_of_plan(seen) == 3
    without = corail.apply(seen)
    assert (without.deleted, sync.exit_of(without)) == (0, 3)
    for wrong in (number - 1, number + 1, 0):
        with pytest.raises(Refused, match=f"has {number} removals that count, not {wrong}"):
            corail.apply(seen, removals=wrong)
    assert corail.picture() == before
    done = corail.apply(seen, removals=number)
    assert (done.deleted, sync.exit_of(done)) == (number, 0)
    assert corail.plan().changes == ()


def test_a_slice_above_the_limits_does_not_hold_the_others(corail: Corail) -> None:
    """Enough removals for the limit of one legal entity, not enough for the limit of the tenant."""
    corail.rewrite("delete_min = 10", "delete_min = 3")
    corail.load()
    corail.cancel(*corail.members(ANTILLES))
    pending = corail.case("pending")
    corail.stage.approve(pending.request)
    (extra,) = corail.case("whole-day").people
    corail.cancel(extra)
    result = corail.sync()
    assert {row.employee for row in result.held} <= set(corail.members(ANTILLES))
    assert result.held
    assert corail.shown(pending.person) == ["2027-01-11..2027-01-12"]
    assert corail.shown(extra) == []


def test_removals_of_the_last_day_count_against_the_limits(corail: Corail) -> None:
    """Many small runs must not remove together what one run may not."""
    corail.rewrite("delete_min = 10", "delete_min = 2")
    corail.rewrite("delete_ratio = 0.3", "delete_ratio = 0.0")
    people = [corail.case(name).person for name in ("whole-day", "across-weekend", "two-accounts")]
    corail.sync(*people)
    corail.cancel(*people[:2])
    assert corail.sync(*people).deleted == 2
    corail.cancel(people[2])
    third = corail.sync(*people)
    assert (third.deleted, [row.error for row in third.held]) == (0, [sync.ABOVE])
    corail.clock.sleep(timedelta(hours=25).total_seconds())
    assert corail.sync(*people).deleted == 1


def test_a_replacement_is_no_removal_that_counts(corail: Corail) -> None:
    corail.rewrite("delete_min = 10", "delete_min = 0")
    corail.rewrite("delete_ratio = 0.3", "delete_ratio = 0.0")
    case = corail.case("monday-pm-to-friday")
    corail.sync(case.person)
    corail.stage.remove_half_days(case.period, [(date(2026, 12, 7), "PM")])
    result = corail.sync(case.person)
    assert (result.created, result.deleted, result.held) == (1, 1, [])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[limits]", "[scope]\nexcept = [{mail}]\n\n[limits]", "out of scope"),
        ("[limits]", '[[events.type]]\nmatch = "Congés payés*"\nskip = true\n\n[limits]', "policy changed"),
    ],
    ids=["scope", "policy"],
)
def test_removals_by_scope_or_policy_wait_for_a_confirmed_plan(
    corail: Corail, old: str, new: str, reason: str
) -> None:
    hero = corail.case("whole-day").person
    corail.sync(hero)
    corail.rewrite(old, new.replace("{mail}", f'"{corail.mail(hero)}"'))
    result = corail.sync(hero)
    assert (result.written, [row.error for row in result.held]) == (0, [sync.WORDLESS])
    assert sync.exit_of(result) == 3
    seen = corail.plan(hero)
    assert [change.reason for change in seen.changes] == [reason]
    done = corail.apply(seen)
    assert (done.deleted, sync.exit_of(done), corail.shown(hero)) == (1, 0, [])


def test_a_listing_that_is_not_complete_does_not_change_what_the_limits_are_measured_against(
    corail: Corail,
) -> None:
    corail.load()
    corail.sync()
    with corail.session() as session:
        before = session.ledger.slices("corail")
    assert sum(before.values()) == len(corail.marked())
    corail.stage.google.set_state(corail.mail(corail.case("maternity").person), "suspended")
    assert corail.sync().unreadable
    with corail.session() as session:
        assert session.ledger.slices("corail") == before


@pytest.fixture
def moved(corail: Corail) -> tuple[int, str]:
    """Somebody with a leave cut at its front and a new mailbox; and the address of the old one."""
    case = corail.case("monday-pm-to-friday")
    corail.sync(case.person)
    old, new = corail.mail(case.person), "zoe.nouvelle@corail.example"
    corail.stage.google.add_user(new, zone="Europe/Paris")
    corail.stage.change_mail(case.person, new, move_mailbox=False)
    corail.stage.remove_half_days(case.period, [(date(2026, 12, 7), "PM")])
    return case.person, old


def test_look_alikes_in_a_new_mailbox_keep_the_old_event_where_it_is(
    corail: Corail, moved: tuple[int, str]
) -> None:
    """The removal stands for a creation that waits, so it waits too, and is no way around the limits."""
    number, old = moved
    corail.rewrite("delete_min = 10", "delete_min = 0")
    corail.rewrite("delete_ratio = 0.3", "delete_ratio = 0.0")
    corail.owner(number).add("Absent", "2026-12-09", "2026-12-10")
    result = corail.sync(number)
    assert (result.written, sorted(row.action for row in result.held)) == (0, ["create", "remove"])
    assert sync.exit_of(result) == 3
    assert corail.picture()[old] == ["2026-12-07 14:00..2026-12-11 18:00 Europe/Paris"]


def test_look_alikes_that_appear_after_the_plan_hold_both_halves_of_a_replacement(
    corail: Corail, moved: tuple[int, str]
) -> None:
    number, old = moved
    seen = corail.plan(number)
    assert sorted(change.action for change in seen.changes) == ["create", "remove"]
    corail.owner(number).add("Absent", "2026-12-09", "2026-12-10")
    result = corail.apply(seen)
    assert (result.written, sorted(row.action for row in result.held)) == (0, ["create", "remove"])
    assert result.stale == []
    assert corail.picture()[old] == ["2026-12-07 14:00..2026-12-11 18:00 Europe/Paris"]


def foreign(corail: Corail, number: int) -> None:
    """Another customer's event in somebody's calendar."""
    private = {"figgoOps": "1", "figgoOpsKey": "other.ilucca.net/1/2/20261220A", "figgoOpsPrint": ""}
    corail.owner(number).add("x", "2026-12-20", "2026-12-21", extendedProperties={"private": private})


def test_an_event_of_another_host_does_not_answer_for_look_alikes(corail: Corail) -> None:
    number = corail.case("across-weekend").person
    corail.owner(number).add("Absent", "2027-01-08", "2027-01-09")
    foreign(corail, number)
    result = corail.sync(number)
    assert (result.created, [row.employee for row in result.held]) == (0, [number])


def test_an_event_of_another_host_does_not_hide_that_all_of_ours_are_gone(
    corail: Corail, emptied: int
) -> None:
    foreign(corail, emptied)
    result = corail.sync(emptied)
    assert (result.written, sync.exit_of(result)) == (0, 3)
    assert [row.error.code for row in result.unreadable] == ["suddenly-empty"]


def test_what_a_sync_holds_names_the_command_that_answers_it(corail: Corail, emptied: int) -> None:
    number = corail.case("across-weekend").person
    corail.owner(number).add("absent", "2027-01-08", "2027-01-09")
    result = corail.sync(number, emptied)
    assert ["plan --look-alikes adopt|ignore" in row.error for row in result.held] == [True]
    shown = words.result_text(result)
    assert "figgo-ops plan corail --look-alikes ignore" in shown
    assert f"figgo-ops plan corail --accept-empty --employee {emptied}" in shown
    assert result.document()["notes"] == result.notes != []


def test_a_type_that_is_skipped_waits_for_a_word_even_where_figgo_took_the_first_half_day_back(
    corail: Corail,
) -> None:
    """The key's own half-day is gone from Figgo, but the policy is what removes all the others."""
    number = corail.stage.hire("Léa", "Malard", 1, "lea.malard@corail.example").id
    period = corail.stage.enter_by_hr(number, date(2027, 1, 11), date(2027, 1, 13))
    corail.sync(number)
    corail.stage.remove_half_days(period.id, [(date(2027, 1, 11), "AM")])
    corail.rewrite("[limits]", '[[events.type]]\nmatch = "Maladie*"\nskip = true\n\n[limits]')
    result = corail.sync(number)
    assert (result.deleted, [row.error for row in result.held]) == (0, [sync.WORDLESS])
    assert corail.shown(number) == ["2027-01-11..2027-01-13"]
    assert corail.apply(corail.plan(number)).deleted == 1


@pytest.fixture
def shrunk(corail: Corail) -> int:
    """Some people's leaves cancelled, under limits of 3 and 5 %; how many removals that makes."""
    corail.rewrite("delete_ratio = 0.3", "delete_ratio = 0.05")
    corail.rewrite("delete_min = 10", "delete_min = 3")
    corail.load()
    corail.cancel(*corail.members(1)[:9])
    return sum(change.counted for change in corail.plan().changes)


def listed_last(corail: Corail, events: int) -> None:
    """Each legal entity had so many events of ours when it was last listed in full."""
    with corail.session() as session:
        session.ledger.note_slices("corail", {1: events, 2: events, 3: events}, corail.clock.now())


def test_the_limits_a_plan_speaks_of_are_those_that_apply_and_sync_keep(corail: Corail, shrunk: int) -> None:
    assert shrunk > 3
    listed_last(corail, 1000)
    seen = corail.plan()
    assert any("are more than 3 and more than 5%" in reason for reason in seen.refused)
    result = corail.apply(seen)
    assert (result.deleted, len(result.held), sync.exit_of(result)) == (0, shrunk, 3)
    listed_last(corail, 1000)
    assert len(corail.sync().held) == shrunk


def test_removals_are_measured_against_what_was_just_listed_and_not_against_nothing(corail: Corail) -> None:
    """A third of one legal entity would be 14 events: four are no reason to stop, for a plan or for sync."""
    corail.rewrite("delete_min = 10", "delete_min = 3")
    corail.load()
    removed = sum(corail.cancel(corail.case(name).person) for name in ("whole-day", "two-accounts"))
    removed += sum(corail.cancel(corail.case(name).person) for name in ("half-day-am", "half-day-pm"))
    assert removed == 4
    listed_last(corail, 0)
    assert sync.exit_of_plan(corail.plan()) == 0
    listed_last(corail, 0)
    assert sync.exit_of(corail.sync()) == 0
    assert len(corail.marked()) == 61
