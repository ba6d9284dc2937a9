"""Google over real sockets: every write ends right, or by name, whatever happens to its answer."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from figgo_ops.errors import CredentialRefused, RowFailed, Unreachable
from figgo_ops.events import Event
from figgo_ops.plan import Action, Change, Outcome
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
from tests.calendars.stages import GoogleStage

BEFORE, AFTER = all_day(title="Congés payés"), all_day(days=3, title="Récupération")
METHODS: dict[Action, str] = {"create": "POST", "update": "PUT", "remove": "DELETE"}
FAULTS = {
    "drop-before": None,
    "drop-after": None,
    "late-commit": None,
    "status": 500,
    "status-after": 500,
    "html": None,
    "cut-json": None,
    "cut-body": None,
}
COMMITS = {"drop-after", "status-after", "cut-json", "cut-body"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[GoogleStage]:
    stage = GoogleStage(tmp_path)
    yield stage
    stage.close()


def change_for(stage: GoogleStage, action: Action) -> Change:
    """A change of this kind, with what it needs already in the calendar and the connection warm."""
    if action == "create":
        assert listed(stage, ANNE) == []
        return creation(stage, ANNE, AFTER)
    [found] = written(stage, ANNE, BEFORE)
    return update(stage, found, AFTER) if action == "update" else removal(found)


def wanted(action: Action) -> list[Event]:
    return [] if action == "remove" else [AFTER]


def shown(stage: GoogleStage) -> list[Event]:
    """What another run finds once Google is well again and everything late has arrived."""
    stage.faults.clear()
    stage.faults.settle()
    return [one.event for one in listed(stage, ANNE)]


def planned_again(stage: GoogleStage, change: Change) -> list[Change]:
    """What the next run would still have to do."""
    stage.faults.clear()
    found = listed(stage, ANNE)
    if change.action == "create":
        return [] if found else [change]
    if change.action == "remove":
        return [removal(one) for one in found]
    return [update(stage, one, AFTER) for one in found if one.event != AFTER]


@pytest.mark.parametrize("action", METHODS)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_write_with_one_mishap_is_done_once(stage: GoogleStage, kind: str, action: Action) -> None:
    change = change_for(stage, action)
    stage.fault(kind, method=METHODS[action], value=FAULTS[kind])
    [outcome] = write(stage, change)
    assert (outcome.status, outcome.error) == ("done", None)
    assert shown(stage) == wanted(action)
    if action != "remove":
        [found] = listed(stage, ANNE)
        assert (found.id, found.etag) == (outcome.id, outcome.etag)


@pytest.mark.parametrize("action", METHODS)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_write_whose_answer_never_comes_is_told_apart_by_reading(
    stage: GoogleStage, kind: str, action: Action
) -> None:
    change = change_for(stage, action)
    stage.fault(kind, method=METHODS[action], times=None, value=FAULTS[kind])
    [outcome] = write(stage, change)
    assert outcome.status == ("done" if kind in COMMITS else "unknown")
    repeated = planned_again(stage, change)
    assert {one.status for one in write(stage, *repeated)} <= {"done"}
    assert shown(stage) == wanted(action)


@pytest.mark.parametrize("action", METHODS)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_write_that_cannot_even_be_looked_up_is_unknown(
    stage: GoogleStage, kind: str, action: Action
) -> None:
    change = change_for(stage, action)
    stage.fault(kind, path="/calendar/*", times=None, value=FAULTS[kind])
    [outcome] = write(stage, change)
    if not (action == "remove" and kind in ("cut-json", "cut-body")):  # half of an empty answer is whole
        assert outcome.status == "unknown"
        assert isinstance(outcome.error, Unreachable)
    repeated = planned_again(stage, change)
    assert {one.status for one in write(stage, *repeated)} <= {"done"}
    assert shown(stage) == wanted(action)


@pytest.mark.parametrize("action", METHODS)
def test_no_write_is_sent_again_before_reading_showed_that_it_did_not_arrive(
    stage: GoogleStage, action: Action
) -> None:
    change = change_for(stage, action)
    stage.log.clear()
    stage.fault("status", method=METHODS[action], times=None, value=503)
    [outcome] = write(stage, change)
    assert outcome.status == "unknown"
    assert [entry.method for entry in stage.calls()] == [METHODS[action], "GET"] * 3


def test_after_an_unknown_outcome_no_other_creation_is_sent_to_that_mailbox(stage: GoogleStage) -> None:
    listed(stage, ANNE)
    stage.fault("status-after", path="/calendar/*", principal=ANNE, times=None, value=503)
    changes = [
        *(creation(stage, ANNE, all_day(MONDAY + n * DAY), n) for n in range(3)),
        creation(stage, ZOE, all_day()),
    ]
    outcomes = write(stage, *changes)
    assert [one.status for one in outcomes] == ["unknown", "failed", "failed", "done"]
    assert {one.error.code for one in outcomes[1:3] if one.error} == {"held-back"}
    assert len(stage.titles(ANNE)) == 1


def test_a_write_that_never_left_this_machine_is_a_failure(stage: GoogleStage) -> None:
    calendar = stage.connect(api_root="https://localhost:1")
    [outcome] = calendar.write([creation(stage, ANNE, AFTER)])
    assert outcome.status == "failed"
    assert isinstance(outcome.error, Unreachable)


def test_a_tombstone_is_revived_where_google_allows_it(stage: GoogleStage) -> None:
    [first] = written(stage, ANNE, BEFORE)
    stage.delete(ANNE, first.id)
    [second] = written(stage, ANNE, BEFORE)
    assert second.id == first.id


def test_a_tombstone_that_stays_gives_way_to_the_next_id(stage: GoogleStage) -> None:
    stage.google.switch("revival", "forbidden")
    ids = []
    for _ in range(4):
        [found] = written(stage, ANNE, BEFORE)
        ids.append(found.id)
        stage.delete(ANNE, found.id)
    assert len(set(ids)) == 4
    assert stage.titles(ANNE) == []


def test_a_creation_gives_up_when_all_its_ids_are_taken_for_good(stage: GoogleStage) -> None:
    stage.google.switch("revival", "forbidden")
    for _ in range(8):
        [found] = written(stage, ANNE, BEFORE)
        stage.delete(ANNE, found.id)
    [outcome] = write(stage, creation(stage, ANNE, BEFORE))
    assert outcome.status == "failed"
    assert isinstance(outcome.error, RowFailed)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_revival_with_one_mishap_is_done_once(stage: GoogleStage, kind: str) -> None:
    [found] = written(stage, ANNE, BEFORE)
    stage.delete(ANNE, found.id)
    stage.fault(kind, method="PUT", value=FAULTS[kind])
    [outcome] = write(stage, creation(stage, ANNE, BEFORE))
    assert outcome.status == "done"
    assert shown(stage) == [BEFORE]


def test_a_creation_never_overwrites_what_another_run_wrote_meanwhile(stage: GoogleStage) -> None:
    written(stage, ANNE, BEFORE)
    [outcome] = write(stage, creation(stage, ANNE, replace(BEFORE, title="Maladie")))
    assert outcome.status == "failed"
    assert stage.titles(ANNE) == [BEFORE.title]


@pytest.mark.parametrize("private", [{"figgoOps": None}, {"figgoOpsKey": "other.ilucca.net/1/1/20261207A"}])
def test_a_creation_stands_beside_an_event_whose_marker_somebody_took_off(
    stage: GoogleStage, private: dict[str, str | None]
) -> None:
    [found] = written(stage, ANNE, BEFORE)
    mailbox = stage.google.mailbox(ANNE)
    mailbox.patch(mailbox.events[found.id], {"extendedProperties": {"private": private}}, 0.0)
    [outcome] = write(stage, creation(stage, ANNE, BEFORE))
    assert (outcome.status, outcome.id != found.id) == ("done", True)
    assert stage.titles(ANNE) == [BEFORE.title] * 2


def test_two_runs_at_once_make_one_event(stage: GoogleStage) -> None:
    outcomes: list[Outcome] = []

    def run() -> None:
        outcomes.extend(stage.connect().write([creation(stage, ANNE, BEFORE)]))

    runs = [threading.Thread(target=run) for _ in range(6)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert {one.status for one in outcomes} == {"done"}
    assert len({one.id for one in outcomes}) == 1
    assert stage.titles(ANNE) == [BEFORE.title]


def test_an_update_carries_the_sequence_that_google_asks_for(stage: GoogleStage) -> None:
    stage.google.switch("missing_sequence", "refused")
    [found] = written(stage, ANNE, BEFORE)
    for days in (2, 3, 4):
        [found] = listed(stage, ANNE)
        assert write(stage, update(stage, found, all_day(days=days)))[0].status == "done"
    stage.delete(ANNE, found.id)
    written(stage, ANNE, BEFORE)


def test_colour_note_place_and_others_properties_survive_update_and_replacement(stage: GoogleStage) -> None:
    [found] = written(stage, ANNE, BEFORE)
    owner = stage.google.owner(ANNE)
    owner.annotate(found.id, "Clés chez la gardienne")
    owner.colour(found.id, "5")
    stage.google.mailbox(ANNE).patch(
        stage.google.mailbox(ANNE).events[found.id],
        {
            "location": "Saint-Malo",
            "extendedProperties": {"private": {"other": "1"}, "shared": {"more": "2"}},
        },
        stage.google.clock(),
    )
    [found] = listed(stage, ANNE)
    assert write(stage, update(stage, found, AFTER))[0].status == "done"
    [found] = listed(stage, ANNE)
    successor = creation(stage, ANNE, all_day(MONDAY + 7 * DAY), 2, carries=found)
    assert write(stage, successor)[0].status == "done"
    for event in stage.google.content(ANNE):
        assert event["description"] == "Clés chez la gardienne"
        assert (event["colorId"], event["location"]) == ("5", "Saint-Malo")
        assert event["extendedProperties"]["private"]["other"] == "1"
        assert event["extendedProperties"]["shared"] == {"more": "2"}


def test_a_public_event_stays_public_until_it_shall_be_private(stage: GoogleStage) -> None:
    [found] = written(stage, ANNE, BEFORE)
    stage.google.owner(ANNE).set_visibility(found.id, "public")
    for private, visibility in ((False, "public"), (True, "private"), (False, None)):
        [found] = listed(stage, ANNE)
        write(stage, update(stage, found, replace(AFTER, private=private)))
        assert stage.google.content(ANNE)[0].get("visibility") == visibility


def test_a_calendar_blocked_for_hours_is_asked_once_and_others_go_on(stage: GoogleStage) -> None:
    stage.google.set_state(ANNE, "exhausted")
    changes = [creation(stage, who, all_day(MONDAY + n * DAY), n) for who in (ANNE, ZOE) for n in range(5)]
    outcomes = write(stage, *changes)
    assert [one.status for one in outcomes] == ["failed"] * 5 + ["done"] * 5
    assert {one.error.code for one in outcomes[:5] if one.error} == {"usage-limits"}
    assert len(stage.calls("POST", 403)) == 1
    assert listed(stage, ANNE) == [], "reading is not blocked"
    stage.google.set_state(ANNE, "ok")
    assert write(stage, changes[0])[0].status == "failed"
    at_google = stage.google.clock()
    stage.google.clock = lambda: at_google  # only our clock moves on: tokens are about the real time
    stage.clock.sleep(3600)
    assert write(stage, changes[0])[0].status == "done"


def test_a_body_google_refuses_fails_that_row_only(stage: GoogleStage) -> None:
    bad = creation(stage, ANNE, replace(all_day(), end=MONDAY), 1)
    good = creation(stage, ANNE, all_day(), 2)
    outcomes = write(stage, bad, good)
    assert [one.status for one in outcomes] == ["failed", "done"]
    assert outcomes[0].error is not None
    assert "timeRangeEmpty" in outcomes[0].error.message


def test_a_credential_refused_while_settling_leaves_the_outcome_unknown(stage: GoogleStage) -> None:
    listed(stage, ANNE)
    stage.fault("status-after", method="POST", value=500)
    stage.fault("status", method="GET", value=401)
    stage.google.tokens.delete_key()
    [outcome] = write(stage, creation(stage, ANNE, AFTER))
    assert outcome.status == "unknown"
    assert isinstance(outcome.error, CredentialRefused)


@pytest.mark.parametrize(("status", "reason"), [(404, "notFound"), (403, "forbidden")])
def test_an_id_that_is_taken_but_not_to_be_found_gets_no_second_event(
    stage: GoogleStage, status: int, reason: str
) -> None:
    """The first answer was lost and the library asked again: only a tombstone seen frees the next id."""
    listed(stage, ANNE)
    stage.fault("drop-after", method="POST", path="*events*")
    answer = {"status": status, "reason": reason, "message": "x"}
    stage.fault("status", method="GET", path="*events/fg*", value=answer)
    [outcome] = write(stage, creation(stage, ANNE, AFTER))
    assert outcome.status == "unknown"
    assert stage.titles(ANNE) == [AFTER.title]
    assert shown(stage) == [AFTER]


def test_a_removal_of_what_may_not_be_looked_at_is_unknown(stage: GoogleStage) -> None:
    [found] = written(stage, ANNE, BEFORE)
    for method in ("DELETE", "GET"):
        answer = {"status": 403, "reason": "forbidden", "message": "Forbidden"}
        stage.fault("status", method=method, path="*events/fg*", times=None, value=answer)
    [outcome] = write(stage, removal(found))
    assert outcome.status == "unknown"
    assert shown(stage) == [BEFORE]
