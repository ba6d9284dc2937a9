"""Exchange over real sockets: every write ends right, or by name, whatever happens to its answer."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from figgo_ops.errors import CredentialRefused, RowFailed, Unreachable, UsageError
from figgo_ops.events import Event
from figgo_ops.plan import Action, Change, Existing
from figgo_ops.sandbox.messages import Request, Response
from tests.builders import person
from tests.calendars.contract import (
    ANNE,
    DAY,
    MONDAY,
    ZOE,
    all_day,
    creation,
    half_day,
    listed,
    removal,
    update,
    write,
    written,
)
from tests.calendars.replanned import as_wanted, settle
from tests.calendars.stages import ExchangeStage

BEFORE, AFTER = all_day(title="Congés payés"), all_day(days=3, title="Récupération")
OPERATIONS: dict[Action, str] = {"create": "CreateItem", "update": "UpdateItem", "remove": "DeleteItem"}
FAULTS = {
    "drop-before": None,
    "drop-after": None,
    "reset-before": None,
    "reset-after": None,
    "late-commit": None,
    "status": 500,
    "status-after": 500,
    "html": None,
    "cut-json": None,
    "cut-body": None,
}
COMMITS = {"drop-after", "reset-after", "status-after", "cut-json", "cut-body"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[ExchangeStage]:
    stage = ExchangeStage(tmp_path)
    yield stage
    stage.close()


def change_for(stage: ExchangeStage, action: Action) -> Change:
    """A change of this kind, with what it needs already in the calendar and the connection warm."""
    if action == "create":
        assert listed(stage, ANNE) == []
        return creation(stage, ANNE, AFTER)
    [found] = written(stage, ANNE, BEFORE)
    return update(stage, found, AFTER) if action == "update" else removal(found)


def wanted(action: Action) -> list[Event]:
    return [] if action == "remove" else [AFTER]


def shown(stage: ExchangeStage) -> list[Event]:
    """What another run finds once Exchange is well again and everything late has arrived."""
    stage.faults.clear()
    stage.faults.settle()
    return [one.event for one in listed(stage, ANNE)]


def planned_again(stage: ExchangeStage, change: Change) -> list[Change]:
    """What the next run, ten minutes later, would still have to do."""
    stage.faults.clear()
    stage.faults.settle()
    found = listed(stage, ANNE)
    if change.action == "create":
        return [] if found else [change]
    if change.action == "remove":
        return [removal(one) for one in found]
    return [update(stage, one, AFTER) for one in found if one.event != AFTER]


@pytest.mark.parametrize("action", OPERATIONS)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_write_with_one_mishap_is_carried_out_once_or_unknown(
    stage: ExchangeStage, kind: str, action: Action
) -> None:
    """Only a creation that did not arrive stays unknown: it might still come, and nothing would refuse it."""
    change = change_for(stage, action)
    stage.log.clear()
    stage.fault(kind, path=f"*/{OPERATIONS[action]}", value=FAULTS[kind])
    [outcome] = write(stage, change)
    lost = action == "create" and kind not in COMMITS
    assert outcome.status == ("unknown" if lost else "done")
    assert stage.asked().count("CreateItem") == (action == "create")
    if lost:
        assert outcome.creating
        assert write(stage, *planned_again(stage, change)) is not None
    assert shown(stage) == wanted(action)
    if action != "remove" and not lost:
        [found] = listed(stage, ANNE)
        assert (found.id, found.etag) == (outcome.id, outcome.etag)


@pytest.mark.parametrize("action", OPERATIONS)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_write_whose_answer_never_comes_is_told_apart_by_reading(
    stage: ExchangeStage, kind: str, action: Action
) -> None:
    change = change_for(stage, action)
    stage.fault(kind, path=f"*/{OPERATIONS[action]}", times=None, value=FAULTS[kind])
    [outcome] = write(stage, change)
    assert outcome.status == ("done" if kind in COMMITS else "unknown")
    repeated = planned_again(stage, change)
    assert {one.status for one in write(stage, *repeated)} <= {"done"}
    assert shown(stage) == wanted(action)


@pytest.mark.parametrize("action", OPERATIONS)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_write_that_cannot_even_be_looked_up_is_unknown_or_was_never_begun(
    stage: ExchangeStage, kind: str, action: Action
) -> None:
    change = change_for(stage, action)
    stage.fault(kind, path="/EWS/*", times=None, value=FAULTS[kind])
    [outcome] = write(stage, change)
    assert outcome.status == ("failed" if action == "remove" else "unknown")
    assert isinstance(outcome.error, Unreachable)
    repeated = planned_again(stage, change)
    assert {one.status for one in write(stage, *repeated)} <= {"done"}
    assert shown(stage) == wanted(action)


def test_a_removal_that_cannot_be_looked_up_afterwards_is_unknown(stage: ExchangeStage) -> None:
    change = change_for(stage, "remove")
    stage.fault("drop-after", path="*/DeleteItem")
    stage.fault("status", path="*/GetItem", after=1, times=None, value=500)
    [outcome] = write(stage, change)
    assert outcome.status == "unknown"
    assert shown(stage) == []


def test_an_update_whose_answer_was_lost_stays_unknown_when_the_next_sending_is_refused(
    stage: ExchangeStage,
) -> None:
    """The password was changed in between; what was sent before may still arrive."""
    [found] = written(stage, ANNE, all_day())
    stage.fault("drop-before", path="*/UpdateItem")
    stage.fault("status", path="*/UpdateItem", times=None, value={"status": 401})
    outcomes = stage.calendar.write([update(stage, found, all_day(days=3))])
    assert next(outcomes).status == "unknown"
    with pytest.raises((CredentialRefused, UsageError)):
        next(outcomes)


def test_a_creation_whose_answer_was_lost_is_looked_up_once_and_done_with_its_id(
    stage: ExchangeStage,
) -> None:
    changes = [creation(stage, ANNE, all_day(MONDAY + n * DAY), n) for n in range(5)]
    listed(stage, ANNE)
    stage.log.clear()
    stage.fault("drop-after", path="*/CreateItem")
    outcomes = write(stage, *changes)
    assert stage.asked() == ["CreateItem", "FindItem"]
    found = {one.key_text: (one.id, one.etag) for one in listed(stage, ANNE)}
    assert {str(one.change.key): (one.id, one.etag) for one in outcomes} == found


def test_after_an_unknown_creation_this_mailbox_gets_no_other_one_and_others_go_on(
    stage: ExchangeStage,
) -> None:
    listed(stage, ANNE)
    stage.fault("drop-before", path="*/CreateItem", principal=ANNE)
    many = [creation(stage, ANNE, all_day(MONDAY + n * DAY), n) for n in range(70)]
    outcomes = write(stage, *many, creation(stage, ZOE, all_day()))
    assert [one.status for one in outcomes] == ["unknown"] * 50 + ["failed"] * 20 + ["done"]
    assert {one.error.code for one in outcomes[50:70] if one.error} == {"held-back"}
    assert stage.asked().count("CreateItem") == 2


def test_a_late_creation_is_one_event_after_the_next_listing(stage: ExchangeStage) -> None:
    change = change_for(stage, "create")
    stage.fault("late-commit", path="*/CreateItem")
    [outcome] = write(stage, change)
    assert (outcome.status, outcome.creating, stage.titles(ANNE)) == ("unknown", True, [])
    stage.faults.settle()
    assert planned_again(stage, change) == []
    assert shown(stage) == [AFTER]


@pytest.mark.parametrize("action", ["update", "remove"])
def test_what_was_sent_again_and_then_arrives_twice_does_no_harm(
    stage: ExchangeStage, action: Action
) -> None:
    change = change_for(stage, action)
    stage.fault("late-commit", path=f"*/{OPERATIONS[action]}")
    [outcome] = write(stage, change)
    assert outcome.status == "done"
    stage.rename(ANNE, outcome.id, "Ski") if action == "update" else stage.add(ANNE, "Ski", MONDAY)
    stage.faults.settle()
    assert stage.titles(ANNE) == ["Ski"]


def test_a_creation_that_never_left_this_machine_is_a_failure(stage: ExchangeStage) -> None:
    calendar = stage.connect(url="https://localhost:1")
    [outcome] = calendar.write([creation(stage, ANNE, AFTER)])
    assert outcome.status == "failed"
    assert isinstance(outcome.error, Unreachable)


def test_an_answer_without_an_id_is_completed_by_looking(stage: ExchangeStage) -> None:
    stage.exchange.switch("ids", "none")
    outcomes = write(stage, *(creation(stage, ANNE, all_day(MONDAY + n * DAY), n) for n in range(3)))
    assert [one.status for one in outcomes] == ["done"] * 3
    assert [one.id for one in outcomes] == [item["id"] for item in stage.exchange.content(ANNE)]


def test_what_is_looked_up_is_found_on_whatever_page_it_is(stage: ExchangeStage) -> None:
    stage.small_pages(3)
    listed(stage, ANNE)
    stage.fault("drop-after", path="*/CreateItem")
    outcomes = write(stage, *(creation(stage, ANNE, all_day(MONDAY + n * DAY), n) for n in range(20)))
    assert [one.status for one in outcomes] == ["done"] * 20
    assert {one.id for one in outcomes} == {one.id for one in listed(stage, ANNE)}


def test_an_event_that_somebody_else_wrote_under_the_key_meanwhile_is_not_taken_for_ours(
    stage: ExchangeStage,
) -> None:
    written(stage, ANNE, AFTER)
    stage.fault("drop-before", path="*/CreateItem")
    [outcome] = write(stage, creation(stage, ANNE, replace(AFTER, title="Maladie")))
    assert outcome.status == "failed"
    assert stage.titles(ANNE) == [AFTER.title]


# Change keys, the bin, and what owners do meanwhile.


@pytest.mark.parametrize("keys", ["updates", "everywhere", "nowhere"])
def test_a_removal_looks_for_itself_whether_the_event_was_changed(stage: ExchangeStage, keys: str) -> None:
    stage.exchange.switch("change_keys", keys)
    first, second = written(stage, ANNE, BEFORE, all_day(MONDAY + DAY))
    stage.annotate(ANNE, first.id, "Clés chez la gardienne")
    outcomes = write(stage, removal(first), removal(second))
    assert [one.status for one in outcomes] == ["failed", "done"]
    assert stage.titles(ANNE) == [BEFORE.title]
    assert stage.asked()[-2:] == ["GetItem", "DeleteItem"]


def test_updates_and_removals_carry_the_change_key_that_was_listed(stage: ExchangeStage) -> None:
    [found] = written(stage, ANNE, BEFORE)
    write(stage, update(stage, found, AFTER))
    [again] = listed(stage, ANNE)
    write(stage, removal(again))
    [updating], [removing] = stage.bodies("UpdateItem"), stage.bodies("DeleteItem")
    assert f'ChangeKey="{found.etag}"'.encode() in updating
    assert b'ConflictResolution="NeverOverwrite"' in updating
    assert f'ChangeKey="{again.etag}"'.encode() in removing


@pytest.mark.parametrize(("deletion", "left"), [("soft", ["deleteditems"]), ("hard", [])])
def test_what_is_removed_can_be_restored_by_its_owner_unless_it_shall_not(
    stage: ExchangeStage, deletion: str, left: list[str]
) -> None:
    calendar = stage.connect(deletion=deletion)
    [found] = written(stage, ANNE, BEFORE)
    [outcome] = calendar.write([removal(found)])
    assert outcome.status == "done"
    assert stage.titles(ANNE) == []
    assert [item["folder"] for item in stage.exchange.content(ANNE, deleted=True)] == left
    assert (calendar.bin is None) == (deletion == "hard")


def test_what_its_owner_put_into_the_bin_is_not_touched_there(stage: ExchangeStage) -> None:
    first, second = written(stage, ANNE, BEFORE, all_day(MONDAY + DAY))
    stage.delete(ANNE, first.id)
    stage.delete(ANNE, second.id)
    before = stage.exchange.content(ANNE, deleted=True)
    hard = stage.connect(deletion="hard")
    outcomes = list(hard.write([removal(first)])) + write(stage, update(stage, second, AFTER))
    assert [one.status for one in outcomes] == ["done", "failed"]
    assert stage.exchange.content(ANNE, deleted=True) == before


# Days into hours, and back.

DAYS, HOURS = all_day(title="Congés payés"), half_day(MONDAY, 9, 12, "Europe/Paris")


def decorated(stage: ExchangeStage) -> Change:
    """The update of an all-day event to a morning, with all that its owner may have added."""
    [found] = written(stage, ANNE, DAYS)
    owner = stage.exchange.owner(ANNE)
    owner.annotate(found.id, "Clés chez la gardienne")
    owner.categorise(found.id, ["Famille", "Été"])
    stage.exchange.mailbox(ANNE).find(found.id).location = "Saint-Malo"
    [found] = listed(stage, ANNE)
    stage.log.clear()
    return update(stage, found, HOURS)


def check_decorated(stage: ExchangeStage) -> None:
    [item] = stage.exchange.content(ANNE)
    assert "Clés chez la gardienne" in item["body"]
    assert item["categories"] == ["Famille", "Été"]
    assert item["location"] == "Saint-Malo"
    assert item["attendees"] == []


def test_days_become_hours_as_a_new_item_that_is_read_back_before_the_old_one_goes(
    stage: ExchangeStage,
) -> None:
    change = decorated(stage)
    [outcome] = write(stage, change)
    assert stage.asked() == ["GetItem", "CreateItem", "GetItem", "DeleteItem"]
    [found] = listed(stage, ANNE)
    assert (outcome.status, outcome.id, outcome.etag) == ("done", found.id, found.etag)
    assert (found.event, found.key_text) == (HOURS, str(change.key))
    check_decorated(stage)


def test_hours_become_days_in_place(stage: ExchangeStage) -> None:
    [found] = written(stage, ANNE, HOURS)
    [outcome] = write(stage, update(stage, found, DAYS))
    assert (outcome.status, outcome.id) == ("done", found.id)
    assert [one.event for one in listed(stage, ANNE)] == [DAYS]
    assert stage.asked().count("UpdateItem") == 1


STEPS = ("GetItem", "CreateItem", "GetItem", "DeleteItem")


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("step", range(4))
def test_days_that_become_hours_are_never_lost_at_any_step(
    stage: ExchangeStage, step: int, kind: str, times: int | None
) -> None:
    """There is one event or two of one key at any time, and the next run leaves the right one."""
    change = decorated(stage)
    after = STEPS[:step].count(STEPS[step])
    stage.exchange.aside = lambda _request, _answer: at_least_one(stage)
    stage.fault(kind, path=f"*/{STEPS[step]}", after=after, times=times, value=FAULTS[kind])
    [outcome] = write(stage, change)
    found = listed(stage, ANNE)
    assert {one.key_text for one in found} == {str(change.key)}
    assert len(found) <= 2
    assert outcome.status == "done" or len(found) == 2 or found[0].event == DAYS
    assert outcome.error is None or outcome.error.remedy
    stage.faults.clear()
    stage.faults.settle()
    mended(stage, change)
    assert [one.event for one in listed(stage, ANNE)] == [HOURS]
    check_decorated(stage)


def test_a_new_form_that_may_still_come_is_unknown_and_the_old_one_stays(stage: ExchangeStage) -> None:
    change = decorated(stage)
    stage.fault("late-commit", path="*/CreateItem")
    outcome, held = write(stage, change, creation(stage, ANNE, all_day(MONDAY + 7 * DAY), 9))
    assert (outcome.status, outcome.creating) == ("unknown", True)
    assert (held.status, held.error.code if held.error else "") == ("failed", "held-back")
    assert [one.event for one in listed(stage, ANNE)] == [DAYS]


def test_a_new_form_that_does_not_read_back_as_it_should_leaves_the_old_one(stage: ExchangeStage) -> None:
    change = decorated(stage)

    def aside(request: Request, answer: Response) -> None:
        if request.place.endswith("/GetItem") and len(stage.bodies("GetItem")) == 2:
            answer.body = answer.body.replace(b">Busy<", b">Free<", 1)

    stage.exchange.aside = aside
    [outcome] = write(stage, change)
    assert outcome.status == "failed"
    assert {one.event for one in listed(stage, ANNE)} == {DAYS, HOURS}
    mended(stage, change)
    check_decorated(stage)


def at_least_one(stage: ExchangeStage) -> None:
    assert stage.exchange.content(ANNE)


def mended(stage: ExchangeStage, change: Change) -> None:
    """The next run, which knows nothing of this one."""
    who = person(change.employee, ANNE)
    assert settle(stage.calendar, who, [as_wanted(change.key, HOURS)]) == []


def test_an_event_with_attachments_is_left_whole_and_says_why(stage: ExchangeStage) -> None:
    [found] = written(stage, ANNE, DAYS)
    stage.exchange.owner(ANNE).attach(found.id, "billet.pdf")
    [found] = listed(stage, ANNE)
    before = stage.exchange.content(ANNE)
    other = written(stage, ZOE, DAYS)[0]
    [outcome, another] = write(stage, update(stage, found, HOURS), update(stage, other, HOURS))
    assert isinstance(outcome.error, RowFailed)
    assert "attachments" in outcome.error.message
    assert "attachments" in outcome.error.remedy
    assert stage.exchange.content(ANNE) == before
    assert another.status == "done"
    [done] = write(stage, update(stage, found, all_day(days=4)))
    assert done.status == "done", "in place they stay"
    assert stage.exchange.content(ANNE)[0]["attachments"] == ["billet.pdf"]


@pytest.mark.parametrize("act", ["rename", "delete"])
@pytest.mark.parametrize("keys", ["updates", "nowhere"])
@pytest.mark.parametrize("step", range(2))
def test_what_its_owner_does_while_days_become_hours_stays_done(
    stage: ExchangeStage, step: int, keys: str, act: str
) -> None:
    stage.exchange.switch("change_keys", keys)
    change = decorated(stage)
    assert change.existing is not None
    own = change.existing.id
    left = iter(range(step, -1, -1))

    def aside(_request: Request, _answer: Response) -> None:
        if next(left, None) == 0:
            stage.delete(ANNE, own) if act == "delete" else stage.rename(ANNE, own, "Ski")

    stage.exchange.aside = aside
    [outcome] = write(stage, change)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.remedy
    assert stage.titles(ANNE) == ([] if act == "delete" else ["Ski"])


def test_a_replacement_takes_along_what_its_owner_added_in_another_mailbox(stage: ExchangeStage) -> None:
    [old] = written(stage, ZOE, DAYS)
    owner = stage.exchange.owner(ZOE)
    owner.annotate(old.id, "Clés chez la gardienne")
    owner.categorise(old.id, ["Famille", "Été"])
    stage.exchange.mailbox(ZOE).find(old.id).location = "Saint-Malo"
    [old] = listed(stage, ZOE)
    [outcome] = write(stage, creation(stage, ANNE, DAYS, carries=old))
    assert outcome.status == "done"
    check_decorated(stage)


def test_a_replacement_of_what_is_gone_meanwhile_takes_nothing_along(stage: ExchangeStage) -> None:
    [old] = written(stage, ANNE, DAYS)
    stage.delete(ANNE, old.id)
    [outcome] = write(stage, creation(stage, ANNE, all_day(MONDAY + DAY), 2, carries=old))
    assert outcome.status == "done"
    assert len(stage.titles(ANNE)) == 1


def test_a_replacement_of_what_cannot_be_read_is_not_written(stage: ExchangeStage) -> None:
    [old] = written(stage, ZOE, DAYS)
    stage.exchange.set_state(ZOE, "store-down")
    [outcome] = write(stage, creation(stage, ANNE, DAYS, carries=old))
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert ZOE in outcome.error.message
    assert stage.titles(ANNE) == []


# Items that are refused, and requests that are cut.


def refuse(stage: ExchangeStage, operation: str, code: str, **more: int) -> None:
    stage.exchange.switch("item_errors", {"operation": operation, "code": code, **more})


def nth_days(stage: ExchangeStage, number: int, address: str = ANNE) -> list[Change]:
    return [creation(stage, address, all_day(MONDAY + n * DAY), n) for n in range(number)]


CODES = (
    "ErrorQuotaExceeded",
    "ErrorAccessDenied",
    "ErrorCreateItemAccessDenied",
    "ErrorItemSave",
    "ErrorCalendarDurationIsTooLong",
    "ErrorNoPublicFolderReplicaAvailable",
)


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("code", CODES)
def test_one_refused_item_hides_no_other(stage: ExchangeStage, code: str, stops: bool) -> None:
    stage.exchange.switch("batch_stops", stops)
    refuse(stage, "CreateItem", code, after=3, times=1)
    outcomes = write(stage, *nth_days(stage, 10))
    assert [one.status for one in outcomes] == ["done"] * 3 + ["failed"] + ["done"] * 6
    assert len({one.id for one in outcomes}) == 10
    assert outcomes[3].error is not None
    assert outcomes[3].error.remedy
    assert len(stage.titles(ANNE)) == 9


def test_many_refused_items_that_each_stop_the_batch_hide_no_other_and_cost_no_time(
    stage: ExchangeStage,
) -> None:
    stage.exchange.switch("batch_stops", True)
    refuse(stage, "CreateItem", "ErrorItemSave", every=3)
    outcomes = write(stage, *nth_days(stage, 50))
    assert Counter(one.status for one in outcomes) == {"done": 34, "failed": 16}
    assert all("ErrorItemSave" in one.error.message for one in outcomes if one.error)
    assert len(stage.titles(ANNE)) == 34
    assert stage.clock.slept < 5


@pytest.mark.parametrize("operation", ["UpdateItem", "DeleteItem"])
@pytest.mark.parametrize("stops", [False, True])
def test_refused_updates_and_removals_hide_no_others(
    stage: ExchangeStage, operation: str, stops: bool
) -> None:
    found = written(stage, ANNE, *(all_day(MONDAY + n * DAY) for n in range(30)))
    stage.exchange.switch("batch_stops", stops)
    refuse(stage, operation, "ErrorAccessDenied", every=4, times=7)
    changing = operation == "UpdateItem"
    changes = [
        update(stage, one, replace(one.event, title="RTT")) if changing else removal(one) for one in found
    ]
    outcomes = write(stage, *changes)
    assert Counter(one.status for one in outcomes) == {"done": 23, "failed": 7}
    assert Counter(stage.titles(ANNE)) == ({"RTT": 23, "Absent": 7} if changing else {"Absent": 7})


def test_a_full_mailbox_is_named_for_each_event_and_others_are_written(stage: ExchangeStage) -> None:
    stage.exchange.set_state(ANNE, "full")
    outcomes = write(stage, *nth_days(stage, 3), *nth_days(stage, 3, ZOE))
    assert [one.status for one in outcomes] == ["failed"] * 3 + ["done"] * 3
    assert {one.error.code for one in outcomes[:3] if one.error} == {"mailbox-full"}


def test_items_go_fifty_at_a_time(stage: ExchangeStage) -> None:
    outcomes = write(stage, *nth_days(stage, 120))
    assert {one.status for one in outcomes} == {"done"}
    assert [body.count(b"<t:CalendarItem>") for body in stage.bodies("CreateItem")] == [50, 50, 20]


LONG = "Congé pour événement familial " * 8


def test_requests_stay_below_what_proxies_refuse(stage: ExchangeStage) -> None:
    """An update names each field twice, and a title of many accents is long."""
    stage.exchange.switch("max_body", 66_000)
    many = [all_day(MONDAY + n * DAY, title=LONG) for n in range(50)]
    found = written(stage, ANNE, *many)
    changes = [
        update(stage, one, half_day(MONDAY + n * DAY, 9, 12, "Europe/Paris")) for n, one in enumerate(found)
    ]
    assert {one.status for one in write(stage, *changes)} == {"done"}
    changes = [
        update(stage, one, replace(all_day(one.event.first_day, title=LONG), state="tentative", private=True))
        for one in listed(stage, ANNE)
    ]
    assert {one.status for one in write(stage, *changes)} == {"done"}
    sizes = {len(body) for name in OPERATIONS.values() for body in stage.bodies(name)}
    assert 30_000 < max(sizes) < 66_000
    assert not [entry for entry in stage.log.entries() if entry.status == 413]
    assert stage.asked().count("UpdateItem") <= 3


@pytest.mark.parametrize(("switch", "value"), [("max_body", 20_000), ("max_items", 7)])
def test_a_request_that_is_refused_for_its_size_is_cut_in_halves(
    stage: ExchangeStage, switch: str, value: int
) -> None:
    stage.exchange.switch(switch, value)
    changes = nth_days(stage, 50)
    assert {one.status for one in write(stage, *changes)} == {"done"}
    found = listed(stage, ANNE)
    assert len(found) == 50
    assert {
        one.status
        for one in write(
            stage,
            *(update(stage, one, morning(one)) for one in found),
        )
    } == {"done"}
    found = listed(stage, ANNE)
    assert len(found) == 50
    assert {one.status for one in write(stage, *map(removal, found))} == {"done"}
    assert stage.titles(ANNE) == []


def test_an_item_that_is_too_large_alone_fails_by_name_and_no_other_with_it(stage: ExchangeStage) -> None:
    large, small = written(stage, ANNE, DAYS, all_day(MONDAY + DAY))
    stage.annotate(ANNE, large.id, "très long " * 9_000)
    large, small = listed(stage, ANNE)
    stage.exchange.switch("max_body", 70_000)
    outcomes = write(
        stage,
        update(stage, large, HOURS),
        update(stage, small, half_day(MONDAY + DAY, 9, 12, "Europe/Paris")),
    )
    assert [one.status for one in outcomes] == ["failed", "done"]
    assert outcomes[0].error is not None
    assert outcomes[0].error.code == "too-large"
    assert len(stage.titles(ANNE)) == 2
    assert len(stage.notes(ANNE)) == 1


# Many mailboxes.

CROWD = [f"user.{number:02}@corail.example" for number in range(50)]


def many(stage: ExchangeStage) -> list[Change]:
    """A thousand creations over fifty mailboxes."""
    for mail in CROWD:
        stage.exchange.add_mailbox(mail)
    stage.exchange.check = False
    return [change for mail in CROWD for change in nth_days(stage, 20, mail)]


def on_the_server(stage: ExchangeStage) -> Counter[tuple[str, str]]:
    return Counter(
        (mail, item["properties"]["FiggoOpsKey"]) for mail in CROWD for item in stage.exchange.content(mail)
    )


def test_a_thousand_leaves_cost_one_request_per_mailbox_and_step(stage: ExchangeStage) -> None:
    changes = many(stage)
    assert {one.status for one in stage.calendar.write(changes)} == {"done"}
    found = [one for listing in stage.calendar.read(CROWD) for one in listing.events]
    assert len(found) == 1000
    moved = [update(stage, one, all_day(one.event.first_day, 2)) for one in found]
    assert {one.status for one in stage.calendar.write(moved)} == {"done"}
    found = [one for listing in stage.calendar.read(CROWD) for one in listing.events]
    assert {one.status for one in stage.calendar.write([removal(one) for one in found])} == {"done"}
    assert not on_the_server(stage)
    assert Counter(stage.asked()) == {
        "CreateItem": 50,
        "FindItem": 100,
        "UpdateItem": 50,
        "GetItem": 50,
        "DeleteItem": 50,
    }


def test_a_thousand_leaves_with_busy_items_are_each_written_once(stage: ExchangeStage) -> None:
    changes = many(stage)
    refuse(stage, "CreateItem", "ErrorServerBusy", every=20, back_off=3)
    outcomes = Counter(one.status for one in stage.calendar.write(changes))
    assert outcomes == {"done": 1000}
    assert set(on_the_server(stage).values()) == {1}
    assert len(on_the_server(stage)) == 1000
    assert stage.asked().count("CreateItem") <= 120


def test_a_thousand_leaves_with_connections_that_break_after_the_work_are_each_written_once(
    stage: ExchangeStage,
) -> None:
    changes = many(stage)
    listed(stage, ANNE)
    for after in range(0, 45, 5):
        stage.fault("drop-after", path="*/CreateItem", after=after)
    outcomes = list(stage.calendar.write(changes))
    assert Counter(one.status for one in outcomes) == {"done": 1000}
    assert set(on_the_server(stage).values()) == {1}
    ids = {item["id"] for mail in CROWD for item in stage.exchange.content(mail)}
    assert {one.id for one in outcomes} == ids
    assert Counter(stage.asked()) == {"CreateItem": 50, "FindItem": 1 + 9}


def test_a_thousand_leaves_through_busy_items_and_broken_connections_are_there_once_after_two_runs(
    stage: ExchangeStage,
) -> None:
    """What was busy in an answer that was lost is unknown, and its mailbox waits for the next run."""
    changes = many(stage)
    refuse(stage, "CreateItem", "ErrorServerBusy", every=20, back_off=3)
    listed(stage, ANNE)
    for after in range(0, 45, 3):
        stage.fault("drop-after", path="*/CreateItem", after=after)
    outcomes = Counter(one.status for one in stage.calendar.write(changes))
    assert outcomes["done"] + outcomes["unknown"] + outcomes["failed"] == 1000
    assert outcomes["done"] == len(on_the_server(stage)) > 950
    stage.faults.clear()
    there = {(one.mailbox, one.key_text) for found in stage.calendar.read(CROWD) for one in found.events}
    again = [change for change in changes if (change.mailbox, str(change.key)) not in there]
    assert {one.status for one in stage.calendar.write(again)} == {"done"}
    assert set(on_the_server(stage).values()) == {1}
    assert len(on_the_server(stage)) == 1000


def test_updates_in_place_and_anew_do_not_split_each_others_requests(stage: ExchangeStage) -> None:
    found = written(stage, ANNE, *(all_day(MONDAY + n * DAY) for n in range(40)))
    stage.log.clear()
    days, hours = (replace(one.event, title="RTT") for one in found), (morning(one) for one in found)
    events = [pair[n % 2] for n, pair in enumerate(zip(days, hours, strict=True))]
    outcomes = write(stage, *(update(stage, one, event) for one, event in zip(found, events, strict=True)))
    assert {one.status for one in outcomes} == {"done"}
    assert stage.asked() == ["UpdateItem", "GetItem", "CreateItem", "GetItem", "DeleteItem"]
    assert [one.event for one in sorted(listed(stage, ANNE), key=lambda one: one.event.first_day)] == events


def morning(found: Existing) -> Event:
    return half_day(found.event.first_day, 9, 12, "Europe/Paris")


def test_a_removal_of_events_about_which_exchange_is_busy_is_carried_out(stage: ExchangeStage) -> None:
    found = written(stage, ANNE, *(all_day(MONDAY + n * DAY) for n in range(40)))
    refuse(stage, "GetItem", "ErrorServerBusy", every=8, back_off=2)
    assert {one.status for one in write(stage, *map(removal, found))} == {"done"}
    assert stage.titles(ANNE) == []


def test_an_update_that_stays_busy_fails_and_changes_nothing(stage: ExchangeStage) -> None:
    [found] = written(stage, ANNE, BEFORE)
    refuse(stage, "UpdateItem", "ErrorServerBusy", back_off=30)
    [outcome] = write(stage, update(stage, found, AFTER))
    assert outcome.status == "failed"
    assert stage.titles(ANNE) == [BEFORE.title]
    assert stage.clock.slept >= 30


# How it looks, and what is the owner's.

LOOKS = {
    "busy": (all_day(), "Busy", "Normal"),
    "away": (replace(all_day(), show_as="away"), "OOF", "Normal"),
    "free": (replace(all_day(), show_as="free"), "Free", "Normal"),
    "elsewhere": (replace(all_day(), show_as="elsewhere"), "WorkingElsewhere", "Normal"),
    "tentative": (replace(all_day(), state="tentative", show_as="away"), "Tentative", "Normal"),
    "private": (replace(all_day(), private=True), "Busy", "Private"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_an_event_looks_as_it_should_reminds_nobody_and_invites_nobody(
    stage: ExchangeStage, look: str
) -> None:
    event, status, sensitivity = LOOKS[look]
    write(stage, creation(stage, ANNE, event))
    [item] = stage.exchange.content(ANNE)
    assert (item["status"], item["sensitivity"]) == (status, sensitivity)
    assert item["reminder"] is False
    assert (item["attendees"], item["body"], stage.notified()) == ([], None, 0)
    [body] = stage.bodies("CreateItem")
    assert b'SendMeetingInvitations="SendToNone"' in body
    assert b"Attendee" not in body


def test_an_update_sends_only_what_is_ours_and_differs(stage: ExchangeStage) -> None:
    [found] = written(stage, ANNE, BEFORE)
    owner = stage.exchange.owner(ANNE)
    owner.annotate(found.id, "Clés chez la gardienne")
    owner.categorise(found.id, ["Famille"])
    item = stage.exchange.mailbox(ANNE).find(found.id)
    item.reminder, item.reminder_minutes, item.importance, item.location = True, 45, "High", "Brest"
    for event in (
        replace(BEFORE, title="RTT"),
        replace(BEFORE, title="RTT", private=True),
        AFTER,
        HOURS,
        BEFORE,
    ):
        [found] = listed(stage, ANNE)
        if not (found.event.all_day and not event.all_day):
            assert write(stage, update(stage, found, event))[0].status == "done"
            item = stage.exchange.mailbox(ANNE).find(found.id)
            assert (item.body, item.categories) == (("Text", "Clés chez la gardienne"), ("Famille",))
            assert (item.reminder, item.reminder_minutes) == (True, 45)
            assert (item.importance, item.location) == ("High", "Brest")
    bodies = stage.bodies("UpdateItem")
    ours = (b"item:Body", b"item:Categories", b"Reminder", b"Location", b"Importance", b"Attendee")
    assert not [name for body in bodies for name in ours if name in body]
    assert b"calendar:Start" not in bodies[0]
    assert b"item:Sensitivity" not in bodies[0]
    assert b"item:Subject" not in bodies[1]
    assert all(b'SendMeetingInvitationsOrCancellations="SendToNone"' in body for body in bodies)


def test_a_confidential_event_counts_as_private_and_stays_as_its_owner_marked_it(
    stage: ExchangeStage,
) -> None:
    [found] = written(stage, ANNE, replace(BEFORE, private=True))
    stage.exchange.owner(ANNE).set_sensitivity(found.id, "Confidential")
    [found] = listed(stage, ANNE)
    assert found.event.private
    write(stage, update(stage, found, replace(AFTER, private=True)))
    assert stage.exchange.content(ANNE)[0]["sensitivity"] == "Confidential"


def test_both_marker_values_ride_on_the_creation_itself(stage: ExchangeStage) -> None:
    change = creation(stage, ANNE, AFTER)
    write(stage, change)
    assert stage.asked() == ["CreateItem"]
    [item] = stage.exchange.content(ANNE)
    assert item["properties"] == {"FiggoOpsKey": str(change.key), "FiggoOpsPrint": str(change.fingerprint)}


def test_a_zone_that_windows_does_not_know_fails_that_event_only(stage: ExchangeStage) -> None:
    odd = creation(stage, ANNE, all_day(zone="localtime"), 1)
    good = creation(stage, ANNE, all_day(date(2026, 12, 1)), 2)
    outcomes = write(stage, odd, good)
    assert [one.status for one in outcomes] == ["failed", "done"]
    assert outcomes[0].error is not None
    assert "localtime" in outcomes[0].error.message
