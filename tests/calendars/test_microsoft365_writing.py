"""Microsoft 365 over real sockets: every write ends right, or by name, whatever happens to its answer."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.errors import Unreachable
from figgo_ops.events import Event
from figgo_ops.plan import Action, Change
from figgo_ops.sandbox.messages import Request, Response
from tests.calendars.contract import (
    ANNE,
    DAY,
    MONDAY,
    ZOE,
    all_day,
    creation,
    listed,
    removal,
    update,
    write,
    written,
)
from tests.calendars.crowds import crowd, days, sent
from tests.calendars.stage_microsoft365 import Microsoft365Stage

BEFORE, AFTER = all_day(title="Congés payés"), all_day(days=3, title="Récupération")
METHODS: dict[Action, str] = {"create": "POST", "update": "PATCH", "remove": "DELETE"}
FAULTS = {
    "drop-before": None,
    "drop-after": None,
    "reset-before": None,
    "reset-after": None,
    "late-commit": None,
    "status": 503,
    "status-after": 503,
    "html": None,
    "cut-json": None,
    "cut-body": None,
}
COMMITS = {"drop-after", "reset-after", "status-after", "cut-json", "cut-body"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Microsoft365Stage]:
    stage = Microsoft365Stage(tmp_path)
    yield stage
    stage.close()


def changes_for(stage: Microsoft365Stage, action: Action, *addresses: str) -> list[Change]:
    """A change of this kind in each mailbox, with what it needs already there."""
    if action == "create":
        return [creation(stage, address, AFTER) for address in addresses]
    found = [written(stage, address, BEFORE)[0] for address in addresses]
    return [update(stage, one, AFTER) if action == "update" else removal(one) for one in found]


def shown(stage: Microsoft365Stage, address: str = ANNE) -> list[Event]:
    """What another run finds once Graph is well again and everything late has arrived."""
    stage.faults.clear()
    stage.faults.settle()
    return [one.event for one in listed(stage, address)]


@pytest.mark.parametrize("action", METHODS)
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("many", [1, 6])
def test_a_write_with_one_mishap_is_carried_out_once(
    stage: Microsoft365Stage, kind: str, action: Action, many: int
) -> None:
    """A creation is sent again under its own name, so Graph makes one event of both."""
    mails = [ANNE, *crowd(stage, many - 1)]
    changes = changes_for(stage, action, *mails)
    stage.fault(kind, path=f"*/{METHODS[action]}", value=FAULTS[kind])
    outcomes = write(stage, *changes)
    assert {outcome.status for outcome in outcomes} == {"done"}
    for mail in mails:
        assert shown(stage, mail) == ([] if action == "remove" else [AFTER])
    if action != "remove":
        [found] = listed(stage, ANNE)
        assert (found.id, found.etag) == (outcomes[0].id, outcomes[0].etag)


@pytest.mark.parametrize("action", METHODS)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_write_whose_answer_never_comes_is_told_apart_by_reading(
    stage: Microsoft365Stage, kind: str, action: Action
) -> None:
    [change] = changes_for(stage, action, ANNE)
    stage.fault(kind, path=f"*/{METHODS[action]}", times=None, value=FAULTS[kind])
    [outcome] = write(stage, change)
    assert outcome.status == ("done" if kind in COMMITS else "unknown")
    assert outcome.status == "done" or (outcome.error and outcome.error.remedy)
    found = shown(stage)
    assert found in ([], [BEFORE]) or found == [AFTER]
    if kind in COMMITS or kind == "late-commit":
        assert found == ([] if action == "remove" else [AFTER])


@pytest.mark.parametrize("action", METHODS)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_write_that_cannot_even_be_looked_up_is_unknown(
    stage: Microsoft365Stage, kind: str, action: Action
) -> None:
    [change] = changes_for(stage, action, ANNE)
    stage.fault(kind, path="/v1.0/*", times=None, value=FAULTS[kind])
    [outcome] = write(stage, change)
    assert outcome.status == "unknown"
    assert isinstance(outcome.error, Unreachable)
    assert ANNE in outcome.error.message
    assert len(shown(stage)) <= 1


def test_a_creation_that_never_left_this_machine_is_a_failure(stage: Microsoft365Stage) -> None:
    assert listed(stage, ANNE) == []
    calendar = stage.connect(api_root="https://localhost:1")
    [outcome] = calendar.write([creation(stage, ANNE, AFTER)])
    assert outcome.status == "failed"
    assert isinstance(outcome.error, Unreachable)


@pytest.mark.parametrize("status", [409, 400])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("freed", [True, False])
def test_what_arrives_a_second_time_makes_no_second_event(
    stage: Microsoft365Stage, status: int, named: bool, freed: bool
) -> None:
    """The first sending comes after everything; then the other way round."""
    for name, value in (("repeated", status), ("existing", named), ("freed", freed)):
        stage.graph.switch(name, value)
    stage.fault("late-commit", path="*/POST")
    [first] = write(stage, creation(stage, ANNE, AFTER))
    stage.faults.settle()
    assert (first.status, stage.titles(ANNE)) == ("done", [AFTER.title])
    stage.fault("status-after", path="*/POST", value=503)
    stage.fault("status", path="*/GET", times=1, value=503)
    [second] = write(stage, creation(stage, ZOE, AFTER))
    assert (second.status, stage.titles(ZOE)) == ("done", [AFTER.title])


def test_a_creation_that_is_refused_as_a_repetition_is_found_by_its_key(stage: Microsoft365Stage) -> None:
    """Its first sending arrives just after it was looked for in vain."""
    stage.fault("late-commit", path="*/POST")
    looked = iter([True])

    def aside(request: Request, _answer: Response) -> None:
        if request.place.endswith("/GET") and next(looked, False):
            stage.faults.settle()

    stage.graph.aside = aside
    [outcome] = write(stage, creation(stage, ANNE, AFTER))
    [found] = listed(stage, ANNE)
    assert (outcome.status, outcome.id, outcome.etag) == ("done", found.id, found.etag)
    assert len(stage.calls("POST")) == 2, "one was put off, one was refused"


def test_each_creation_has_a_name_of_its_own_in_each_run_and_keeps_it_when_sent_again(
    stage: Microsoft365Stage,
) -> None:
    items = sent(stage, "POST")
    changes = days(stage, ANNE, 3)
    write(stage, *changes)
    for one in listed(stage, ANNE):
        write(stage, removal(one))
    write(stage, *changes)
    names = Counter(one["body"]["transactionId"] for one in items)
    assert len(names) == 6
    assert max(names.values()) == 1
    items.clear()
    stage.graph.switch("item_errors", {"method": "POST", "status": 503, "times": 2})
    write(stage, creation(stage, ZOE, AFTER))
    again = Counter(one["body"]["transactionId"] for one in items)
    assert list(again.values()) == [3]
    assert not again.keys() & names.keys()


def test_after_an_unknown_creation_this_mailbox_gets_no_other_one_and_others_go_on(
    stage: Microsoft365Stage,
) -> None:
    stage.fault("drop-before", path="*/POST", principal=ANNE, times=None)
    mine = days(stage, ANNE, 12)
    outcomes = [*stage.connect(threads=1).write(mine)]
    told = Counter((one.status, one.error.code if one.error else "") for one in outcomes)
    assert told[("failed", "held-back")] >= 8
    assert told[("unknown", "unreachable")] == 12 - told[("failed", "held-back")]
    assert all(one.creating for one in outcomes if one.status == "unknown")
    [other] = stage.calendar.write([creation(stage, ZOE, AFTER)])
    assert other.status == "done"


def test_one_mailbox_whose_writes_are_unknown_holds_no_other_back(stage: Microsoft365Stage) -> None:
    mails = crowd(stage, 20)
    changes = [change for mail in mails for change in days(stage, mail, 3)]
    stage.graph.switch("item_errors", {"method": "POST", "mailbox": mails[3], "status": 503})
    outcomes = list(stage.calendar.write(changes))
    statuses = Counter((one.change.mailbox.address == mails[3], one.status) for one in outcomes)
    assert statuses == {(False, "done"): 57, (True, "unknown"): 3}
    assert all(one.error is None or mails[3] in one.error.message for one in outcomes)


def test_an_outcome_holds_the_very_change_it_was_given(stage: Microsoft365Stage) -> None:
    first, second = written(stage, ANNE, BEFORE, all_day(MONDAY + 7 * DAY))
    changes = [creation(stage, ZOE, AFTER), update(stage, first, AFTER), removal(second)]
    changes += [creation(stage, mail, AFTER) for mail in crowd(stage, 30)]
    outcomes = list(stage.calendar.write(changes))
    assert sorted(id(one.change) for one in outcomes) == sorted(map(id, changes))
    assert {one.status for one in outcomes} == {"done"}
