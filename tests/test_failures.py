"""What goes wrong on the way: it ends right, or fails by name and is put right by the next run."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from figgo_ops import figgo, sync
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    Incomplete,
    Refused,
    RightsMissing,
    Unreachable,
)
from tests.rehearsal import ANTILLES, GENEVA, Corail

WRONG_KEY = {"status": 400, "error": "invalid_grant", "error_description": "Invalid JWT Signature."}
MORNING = ["2026-12-07 09:00..12:00 Europe/Paris"]


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Active from the start, its calendars still empty."""
    with Corail(tmp_path) as made:
        made.activate()
        yield made


@pytest.fixture
def hero(corail: Corail) -> int:
    """Somebody with one day off that no calendar shows yet."""
    return corail.case("whole-day").person


def other(corail: Corail) -> int:
    """Somebody else, with one morning off."""
    return corail.case("half-day-am").person


def fails(corail: Corail, kind: type[FiggoOpsError], *employees: int) -> FiggoOpsError:
    """The error of a sync that writes nothing at all."""
    before = corail.picture()
    with pytest.raises(kind) as caught:
        corail.sync(*employees)
    assert corail.picture() == before
    assert caught.value.remedy
    return caught.value


def test_a_refused_figgo_key_is_tried_once_and_not_again_until_it_changes(corail: Corail, hero: int) -> None:
    corail.key_of_figgo("revoked")
    first = fails(corail, CredentialRefused, hero)
    assert (first.exit, len(corail.calls("figgo"))) == (4, 1)
    corail.forget_calls()
    assert fails(corail, CredentialRefused, hero).code == "credential-remembered"
    with pytest.raises(CredentialRefused):
        corail.plan(hero)
    assert corail.calls("figgo") == [], "no account is locked by us"
    corail.key_of_figgo("full")
    assert corail.sync(hero).created == 1


def test_a_refused_figgo_key_is_tried_once_more_when_somebody_says_so(corail: Corail, hero: int) -> None:
    corail.fault("figgo", "status", value=401)
    fails(corail, CredentialRefused, hero)
    with corail.session(retry_credential=True) as session:
        assert sync.sync(session, sync.Ask((str(hero),))).created == 1
    assert corail.sync(hero).unchanged == 1, "what works again is not remembered as refused"


def test_a_key_that_sees_nobody_plans_nothing(corail: Corail) -> None:
    corail.load()
    seen = corail.plan()
    corail.key_of_figgo("nobody")
    error = fails(corail, Refused)
    assert (error.code, error.exit) == ("empty-source", 3)
    with pytest.raises(Refused):
        corail.plan()
    assert corail.apply(seen).written == 0


def test_people_a_narrowed_key_does_not_show_any_more_lose_nothing(corail: Corail) -> None:
    corail.load()
    before = corail.picture()
    corail.key_of_figgo("narrow")
    seen = corail.plan(since="start")
    assert seen.changes == ()
    assert any("could not tell" in note for note in seen.notes), "nobody says that people have vanished"
    result = corail.sync()
    assert (result.written, corail.picture()) == (0, before)
    corail.key_of_figgo("full")
    assert corail.sync().written == 0


def test_one_mailbox_that_cannot_be_read_stops_only_itself(corail: Corail, hero: int) -> None:
    corail.stage.google.set_state(corail.mail(hero), "suspended")
    result = corail.sync(hero, other(corail))
    assert (result.created, corail.shown(other(corail))) == (1, MORNING)
    assert [row.employee for row in result.unreadable] == [hero]
    assert sync.exit_of(result) == 1
    corail.stage.google.set_state(corail.mail(hero), "ok")
    assert corail.sync(hero).created == 1


def test_a_mailbox_that_becomes_unreadable_after_the_plan_fails_by_name(corail: Corail, hero: int) -> None:
    seen = corail.plan(hero, other(corail))
    corail.stage.google.set_state(corail.mail(hero), "suspended")
    result = corail.apply(seen)
    assert (result.created, [row.employee for row in result.unreadable]) == (1, [hero])
    assert (result.stale, sync.exit_of(result)) == ([], 1)


def test_a_mailbox_that_takes_no_writes_fails_its_own_rows_only(corail: Corail, hero: int) -> None:
    corail.stage.google.set_state(corail.mail(hero), "exhausted")
    result = corail.sync(hero, other(corail))
    assert (result.created, [row.employee for row in result.failed]) == (1, [hero])
    assert sync.exit_of(result) == 1


def test_a_list_of_leaves_that_fails_stops_only_the_people_on_it(
    corail: Corail, monkeypatch: pytest.MonkeyPatch
) -> None:
    corail.load()
    before = corail.picture()
    monkeypatch.setattr(figgo, "OWNERS", 20)
    for request in [corail.case(name).request for name in ("half-day-am", "time-zone")]:
        corail.stage.ask_cancellation(request)
        corail.stage.settle_cancellation(request, True)
    corail.fault("figgo", "status", path="/api/v3/leaves", value=400)
    assert corail.plan().findings == (), "nothing is said about events whose leaves are not known"
    corail.fault("figgo", "status", path="/api/v3/leaves", value=400)
    result = corail.sync()
    lost = {row.employee for row in result.unreadable}
    assert len(lost) == 20
    assert {type(row.error) for row in result.unreadable} == {Incomplete}
    gone = {corail.case(name).person for name in ("half-day-am", "time-zone")} - lost
    assert result.deleted == len(gone) == 1
    assert sync.exit_of(result) == 1
    after = corail.picture()
    assert {mail for mail in before if before[mail] != after.get(mail)} == {corail.mail(*gone)}


def test_figgo_out_of_order_is_said_and_nothing_is_written(corail: Corail) -> None:
    corail.load()
    corail.fault("figgo", "status", path="/api/v3/leaves", times=None, value=503)
    assert fails(corail, Unreachable).exit == 7


@pytest.mark.parametrize("kind", ["html", "cut-json", "drop-before"])
def test_an_answer_that_is_not_figgos_is_never_taken_for_an_empty_list(corail: Corail, kind: str) -> None:
    corail.load()
    corail.fault("figgo", kind, path="/api/v3/leaves", times=None)
    assert fails(corail, Unreachable).exit == 7
    corail.stage.faults.clear()
    corail.fault("figgo", kind, path="/api/v3/*", times=1)
    assert corail.sync().written == 0, "one strange answer is asked for again"


def test_figgo_is_asked_no_sooner_than_it_wants(corail: Corail, hero: int) -> None:
    corail.fault("figgo", "status", value={"status": 429, "headers": {"Retry-After": "40"}})
    assert corail.sync(hero).created == 1
    assert 40 <= corail.clock.slept < 120


def test_a_delegation_that_was_not_granted_costs_one_attempt_per_run(corail: Corail) -> None:
    """It stops Google; the others go on."""
    corail.stage.google.tokens.granted.clear()
    for written in (corail.plan(*corail.members(GENEVA), *corail.members(ANTILLES)).count("create"), 0):
        corail.forget_calls()
        result = corail.sync()
        assert (result.written, sync.exit_of(result)) == (written, 4)
        assert {type(row.error) for row in result.unreadable} == {RightsMissing}
        assert all(row.mailbox.endswith("(google)") for row in result.unreadable)
        assert len(corail.calls("google", path="/token")) == 1, "not remembered, and not tried for everyone"


def test_a_service_account_that_google_does_not_know_is_remembered(corail: Corail, hero: int) -> None:
    corail.fault("google", "status", path="/token", times=None, value=WRONG_KEY)
    assert sync.exit_of(corail.sync(hero, other(corail))) == 4
    assert len(corail.calls("google", path="/token")) == 1
    corail.stage.faults.clear()
    corail.forget_calls()
    again = corail.sync(hero)
    assert (sync.exit_of(again), again.unreadable[0].error.code) == (4, "credential-remembered")
    assert corail.calls("google", path="/token") == []
    with corail.session(retry_credential=True) as session:
        assert sync.sync(session, sync.Ask((str(hero),))).created == 1
    assert corail.sync(hero).unchanged == 1


def test_a_certificate_nobody_vouches_for_stops_the_calendar_and_names_the_reason(
    corail: Corail, hero: int
) -> None:
    corail.fault("google", "certificate", times=None, value="self-signed")
    result = corail.sync(hero, other(corail))
    assert (result.written, sync.exit_of(result)) == (0, 7)
    assert "self-signed" in result.unreadable[0].error.message
    assert corail.picture() == {}


AFTER_COMMIT: list[tuple[str, Any]] = [("drop-after", None), ("status-after", 503), ("cut-body", None)]
BEFORE_COMMIT: list[tuple[str, Any]] = [
    ("drop-before", None),
    ("status", 503),
    ("html", None),
    ("status", 429),
]


@pytest.mark.parametrize(("kind", "value"), AFTER_COMMIT + BEFORE_COMMIT)
def test_a_creation_whose_answer_is_lost_is_settled_by_reading(
    corail: Corail, hero: int, kind: str, value: object
) -> None:
    corail.fault("google", kind, method="POST", path="/calendar/*", value=value)
    result = corail.sync(hero)
    assert (result.created, result.failed, result.unknown) == (1, [], [])
    assert corail.shown(hero) == ["2026-12-02"]
    assert corail.sync(hero).written == 0


@pytest.mark.parametrize(("kind", "value"), AFTER_COMMIT + BEFORE_COMMIT)
@pytest.mark.parametrize("action", ["update", "remove"])
def test_an_update_or_a_removal_whose_answer_is_lost_is_settled_by_reading(
    corail: Corail, hero: int, action: str, kind: str, value: object
) -> None:
    corail.sync(hero)
    if action == "update":
        corail.rewrite('title = "Absent"', 'title = "Congé"')
    else:
        corail.stage.ask_cancellation(corail.case("whole-day").request)
        corail.stage.settle_cancellation(corail.case("whole-day").request, True)
    method = {"update": "PUT", "remove": "DELETE"}[action]
    corail.fault("google", kind, method=method, path="/calendar/*", value=value)
    result = corail.sync(hero)
    assert (result.updated, result.deleted) == ((1, 0) if action == "update" else (0, 1))
    assert sync.exit_of(result) == 0
    assert corail.shown(hero) == (["2026-12-02 Congé"] if action == "update" else [])


def test_a_creation_that_arrives_late_makes_no_second_event(corail: Corail, hero: int) -> None:
    corail.fault("google", "late-commit", method="POST", path="/calendar/*")
    assert corail.sync(hero).created == 1
    assert corail.stage.faults.settle() == 1
    assert corail.shown(hero) == ["2026-12-02"]
    assert corail.sync(hero).written == 0


def test_a_creation_nobody_can_tell_about_keeps_the_mailbox_quiet_for_ten_minutes(
    corail: Corail, hero: int
) -> None:
    corail.fault("google", "late-commit", method="POST", path="/calendar/*", times=None)
    result = corail.sync(hero)
    assert ([row.employee for row in result.unknown], sync.exit_of(result)) == ([hero], 1)
    corail.stage.faults.clear()
    corail.forget_calls()
    waiting = corail.sync(hero)
    assert (waiting.created, corail.writes(), sync.exit_of(waiting)) == (0, [], 3)
    assert (len(waiting.held), waiting.failed, waiting.unknown) == (1, [], [])
    assert "ten minutes" in waiting.held[0].error
    assert corail.stage.faults.settle() > 0
    corail.clock.sleep(timedelta(minutes=11).total_seconds())
    after = corail.sync(hero)
    assert (after.written, after.unchanged, sync.exit_of(after)) == (0, 1, 0)
    assert corail.shown(hero) == ["2026-12-02"]


def test_a_rate_limit_is_waited_for_as_long_as_google_wants(corail: Corail, hero: int) -> None:
    limit = {"status": 429, "reason": "rateLimitExceeded", "headers": {"Retry-After": "30"}}
    corail.fault("google", "status", path="/calendar/*", value=limit)
    assert corail.sync(hero).created == 1
    assert corail.clock.slept >= 30


def test_tokens_that_expired_meanwhile_are_asked_for_again(corail: Corail, hero: int) -> None:
    with corail.session() as session:
        assert sync.sync(session, sync.Ask((str(hero),))).created == 1
        corail.stage.google.tokens.revoke()
        assert sync.sync(session, sync.Ask((str(hero),))).unchanged == 1


def test_an_update_of_an_event_that_changes_while_it_is_written_does_not_overwrite(
    corail: Corail, hero: int
) -> None:
    """The owner renames the event between our listing and our write: the etag keeps the newer version."""
    corail.sync(hero)
    corail.rewrite('title = "Absent"', 'title = "Congé"')
    seen = corail.plan(hero)
    (event,) = corail.events(hero)
    with corail.upon(
        lambda entry: entry.method == "GET" and entry.service == "google",
        lambda: corail.owner(hero).rename(str(event["id"]), "Ski"),
    ):
        result = corail.apply(seen)
    assert (result.updated, len(result.failed), sync.exit_of(result)) == (0, 1, 1)
    assert corail.shown(hero) == ["2026-12-02 Ski"]


def test_a_removal_that_google_forbids_to_look_at_is_not_done(corail: Corail, hero: int) -> None:
    corail.sync(hero)
    corail.cancel(hero)
    for method in ("DELETE", "GET"):
        forbidden = {"status": 403, "reason": "forbidden", "message": "Forbidden"}
        corail.fault("google", "status", method=method, path="*events/fg*", times=None, value=forbidden)
    result = corail.sync(hero)
    assert (result.deleted, [row.action for row in result.unknown], sync.exit_of(result)) == (
        0,
        ["remove"],
        1,
    )
    assert corail.shown(hero) == ["2026-12-02"]
    corail.stage.faults.clear()
    assert corail.sync(hero).deleted == 1


def abroad(corail: Corail) -> int:
    """Somebody whose address is in a domain that Google does not let us act for; sorts before all others."""
    number = corail.stage.hire("Aaron", "Aubry", 1, "aaron@gmail.com").id
    corail.stage.enter_by_hr(number, date(2027, 1, 11))
    return number


def test_an_address_of_a_foreign_domain_is_the_error_of_that_mailbox_alone(corail: Corail) -> None:
    number = abroad(corail)
    result = corail.sync()
    assert result.created == len(corail.marked()) == 64
    assert [(row.employee, type(row.error)) for row in result.unreadable] == [(number, RightsMissing)]
    assert sync.exit_of(result) == 1
    assert corail.sync().unchanged == 64


def test_one_mailbox_that_fails_alone_ends_with_one_even_where_nothing_is_written(
    corail: Corail, hero: int
) -> None:
    corail.sync(hero, other(corail))
    foreign = abroad(corail)
    for broken in ((other(corail), foreign), (other(corail), hero)):
        corail.stage.faults.clear()
        if hero in broken:
            corail.fault(
                "google", "status", principal=corail.mail(hero), path="*events*", times=None, value=503
            )
        result = corail.sync(*broken)
        assert (result.written, result.unchanged, len(result.unreadable)) == (0, 1, 1)
        assert (sync.exit_of(result), sync.exit_of_plan(corail.plan(*broken))) == (1, 1)
    assert sync.exit_of_plan(corail.plan(hero)) == 7, "with nobody else to compare, Google is out of order"


def test_a_refused_figgo_key_is_not_sent_again_by_the_same_session(corail: Corail) -> None:
    corail.key_of_figgo("revoked")
    with corail.session() as session:
        for _ in range(3):
            with pytest.raises(CredentialRefused):
                sync.plan(session, sync.Ask())
    assert len(corail.calls("figgo")) == 1


def edited(corail: Corail, number: int, **moment: str) -> None:
    """Another program writes other times into the only event in somebody's calendar."""
    stored = corail.stage.google.mailbox(corail.mail(number)).events[corail.event_id(number)]
    for side in ("start", "end"):
        stored.resource[side] = {**stored.resource[side], **moment}


def test_a_zone_this_machine_does_not_know_is_read_as_the_calendars(corail: Corail, hero: int) -> None:
    corail.sync(other(corail))
    edited(corail, other(corail), timeZone="America/Nowhere")
    result = corail.sync(hero, other(corail))
    assert (result.created, result.unchanged, result.unreadable) == (1, 1, [])


def test_a_look_alike_in_a_zone_this_machine_does_not_know_is_still_one(corail: Corail, hero: int) -> None:
    corail.owner(hero).add("Absent", "2026-12-02T09:00", "2026-12-02T10:00")
    edited(corail, hero, timeZone="America/Nowhere")
    result = corail.sync(hero, other(corail))
    assert (result.created, [row.employee for row in result.held]) == (1, [hero])


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:00:00-05:00"])
def test_times_that_no_calendar_holds_are_the_error_of_that_mailbox_alone(
    corail: Corail, hero: int, moment: str
) -> None:
    corail.sync(other(corail))
    edited(corail, other(corail), dateTime=moment)
    result = corail.sync(hero, other(corail))
    assert (result.created, [type(row.error) for row in result.unreadable]) == (1, [Incomplete])
    assert corail.mail(other(corail)) in result.unreadable[0].error.message
