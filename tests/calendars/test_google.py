"""Google over real sockets: what is read, what it costs, and what each refusal tells a person."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from google.oauth2 import service_account as google_service_account
from pydantic import ValidationError

from figgo_ops.calendars._google_events import created_body, event_id, existing, updated_body
from figgo_ops.calendars._google_tokens import DelegatedCredentials
from figgo_ops.calendars._google_wire import PER_PROJECT, PER_USER, paced
from figgo_ops.calendars.google import Settings, open_calendar
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    Incomplete,
    MailboxAbsent,
    RightsMissing,
    RowFailed,
    Unreachable,
    UsageError,
)
from figgo_ops.leaves import Span
from figgo_ops.plan import Listing, Mailbox
from figgo_ops.secrets import Secret
from tests.calendars.contract import (
    ANNE,
    DAY,
    MONDAY,
    NOBODY,
    ZOE,
    all_day,
    creation,
    listed,
    listing,
    write,
    written,
)
from tests.calendars.known import Known
from tests.calendars.stages import Clock, GoogleStage, service_account

SCOPE = "https://www.googleapis.com/auth/calendar.events.owned"
WHERE = Mailbox("head office", ANNE)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[GoogleStage]:
    stage = GoogleStage(tmp_path)
    yield stage
    stage.close()


def crowd(stage: GoogleStage, count: int) -> list[str]:
    """So many more users."""
    mails = [f"user.{number}@corail.example" for number in range(count)]
    for mail in mails:
        stage.google.add_user(mail)
    return mails


def errors(listings: list[Listing]) -> list[str]:
    return [one.error.message if one.error else "" for one in listings]


def error_of(stage: GoogleStage, address: str = ANNE) -> FiggoOpsError:
    error = listing(stage, address).error
    assert error is not None
    return error


def test_creating_events_costs_one_token_one_listing_and_one_call_each(stage: GoogleStage) -> None:
    assert listed(stage, ANNE) == []
    write(stage, *(creation(stage, ANNE, all_day(MONDAY + n * DAY), n) for n in range(20)))
    assert [len(stage.calls(method)) for method in ("TOKEN", "GET", "POST")] == [1, 1, 20]
    assert len(stage.calls()) == 22


def test_every_call_is_charged_to_its_user_and_notifies_nobody(stage: GoogleStage) -> None:
    written(stage, ANNE, all_day())
    written(stage, ZOE, all_day())
    calls = [entry for entry in stage.calls() if entry.path != "/token"]
    charged = {(entry.principal, *entry.query["quotaUser"]) for entry in calls}
    assert len(charged) == 2
    assert all(ANNE not in name and len(name) <= 40 for _, name in charged)
    assert all(entry.query["sendUpdates"] == ["none"] for entry in stage.calls("POST"))
    assert all("primary" in entry.path and ANNE not in entry.path for entry in calls)


def test_many_mailboxes_side_by_side_each_get_their_own_answers(stage: GoogleStage) -> None:
    mails = crowd(stage, 60)
    changes = [creation(stage, mail, all_day(title=mail), number) for number, mail in enumerate(mails)]
    assert {outcome.status for outcome in stage.calendar.write(changes)} == {"done"}
    found = list(stage.calendar.read(mails))
    assert {one.mailbox.address: [e.event.title for e in one.events] for one in found} == {
        mail: [mail] for mail in mails
    }
    assert len(stage.calls("TOKEN")) == len(mails)
    assert all(stage.titles(mail) == [mail] for mail in mails)


def test_the_boundary_look_up_stays_switched_off() -> None:
    """The library's method is private: when its name changes, each user costs a thread again."""
    assert hasattr(google_service_account.Credentials, "_is_regional_access_boundary_lookup_required")
    key = DelegatedCredentials.from_service_account_info(service_account()[0])  # type: ignore[no-untyped-call]
    assert key.with_subject(ANNE)._is_regional_access_boundary_lookup_required() is False


def test_a_filter_that_fails_open_lists_nobody_elses_events(stage: GoogleStage) -> None:
    stage.add(ANNE, "Dentiste", MONDAY)
    written(stage, ANNE, all_day())
    stage.google.switch("filter", "ignored")
    assert [one.event.title for one in listed(stage, ANNE)] == ["Absent"]


def test_empty_pages_do_not_end_a_listing(stage: GoogleStage) -> None:
    stage.google.switch("empty_pages", True)
    stage.small_pages(3)
    assert len(written(stage, ANNE, *(all_day(MONDAY + n * DAY) for n in range(10)))) == 10


@pytest.mark.parametrize("kind", ["html", "cut-json", "cut-body"])
@pytest.mark.parametrize("page", [1, 2])
def test_a_page_that_is_not_googles_is_an_error_and_never_an_empty_calendar(
    stage: GoogleStage, kind: str, page: int
) -> None:
    written(stage, ANNE, *(all_day(MONDAY + n * DAY) for n in range(3)))
    stage.small_pages(2)
    stage.fault(kind, method="GET", after=page - 1, times=None)
    found = listing(stage, ANNE)
    assert (type(found.error), found.events) == (Unreachable, ())


@pytest.mark.parametrize("body", ["{}", '{"kind": "calendar#events", "items": "none"}'])
def test_an_answer_without_googles_word_for_a_list_is_an_error(stage: GoogleStage, body: str) -> None:
    stage.fault("status", method="GET", value={"status": 200, "body": body})
    assert type(error_of(stage)) is Incomplete


def test_pages_that_go_round_in_circles_are_an_error(stage: GoogleStage) -> None:
    body = {"kind": "calendar#events", "items": [], "nextPageToken": "again"}
    stage.fault("status", method="GET", times=None, value={"status": 200, "body": body})
    assert type(error_of(stage)) is Incomplete
    assert len(stage.calls("GET")) == 2


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "cut-body", "cut-json", "html"])
def test_what_passes_by_itself_is_tried_again_in_a_read(stage: GoogleStage, kind: str) -> None:
    written(stage, ANNE, all_day())
    stage.fault(kind, method="GET", times=2)
    assert len(listed(stage, ANNE)) == 1


@pytest.mark.parametrize("kind", ["drop-before", "html", "cut-json", "status"])
def test_what_passes_by_itself_is_tried_again_for_a_token(stage: GoogleStage, kind: str) -> None:
    stage.fault(kind, path="/token", times=3, value=503 if kind == "status" else None)
    assert listing(stage, ANNE).error is None
    assert len(stage.calls("GET")) == 1


def test_a_token_revoked_meanwhile_is_replaced(stage: GoogleStage) -> None:
    written(stage, ANNE, all_day())
    stage.google.tokens.revoke()
    assert len(listed(stage, ANNE)) == 1
    assert len(stage.calls("TOKEN")) == 2


STATES = {
    "unknown": (MailboxAbsent, "no such user", "Figgo"),
    "deleted": (MailboxAbsent, "was deleted", "Figgo"),
    "suspended": (RowFailed, "suspended or restricted", "[scope] except"),
    "restricted": (RowFailed, "blocked", "App access control"),
    "no-calendar": (RowFailed, "switched off", "[scope] except"),
}


@pytest.mark.parametrize("state", STATES)
def test_a_user_who_cannot_be_served_is_that_mailboxs_error_alone(stage: GoogleStage, state: str) -> None:
    kind, cause, remedy = STATES[state]
    stage.google.set_state(ANNE, state)
    found = {one.mailbox.address: one for one in stage.calendar.read([ANNE, ZOE])}
    error = found[ANNE].error
    assert type(error) is kind
    assert ANNE in error.message
    assert cause in error.message
    assert remedy in error.remedy
    assert found[ZOE].error is None


def test_missing_delegation_is_one_attempt_for_all_mailboxes(stage: GoogleStage) -> None:
    stage.google.tokens.granted.clear()
    with pytest.raises(RightsMissing) as caught:
        list(stage.calendar.read(crowd(stage, 30)))
    assert stage.info["client_id"] in caught.value.remedy
    assert SCOPE in caught.value.remedy
    assert len(stage.calls()) == 1


def test_missing_rights_are_not_remembered(stage: GoogleStage) -> None:
    stage.google.tokens.granted.clear()
    with pytest.raises(RightsMissing):
        listing(stage, ANNE)
    stage.google.tokens.granted.add(SCOPE)
    assert listing(stage, ANNE).error is None


def test_missing_rights_are_a_mailboxs_error_once_another_was_read(stage: GoogleStage) -> None:
    stranger = "paul@elsewhere.example"
    found = [listing(stage, ANNE), *stage.calendar.read([stranger, ZOE])]
    by_address = {one.mailbox.address: one.error for one in found}
    assert isinstance(by_address.pop(stranger), RightsMissing)
    assert set(by_address.values()) == {None}


def test_an_api_that_is_not_enabled_is_one_attempt_for_all_mailboxes(stage: GoogleStage) -> None:
    stage.google.switch("calendar_api", "disabled")
    with pytest.raises(RightsMissing, match="not enabled") as caught:
        list(stage.calendar.read(crowd(stage, 30)))
    assert "calendar-json.googleapis.com" in caught.value.remedy
    assert len(stage.calls("GET")) == 1


def test_a_deleted_key_stops_the_calendar_even_after_others_were_read(stage: GoogleStage) -> None:
    listed(stage, ANNE)
    stage.google.tokens.delete_key()
    with pytest.raises(CredentialRefused, match="does not know the key") as caught:
        list(stage.calendar.read([ZOE]))
    assert not isinstance(caught.value, RightsMissing)


def test_a_wrong_clock_is_named_with_the_difference(stage: GoogleStage) -> None:
    google_start = stage.google.clock
    stage.google.clock = lambda: google_start() + 3600
    with pytest.raises(UsageError, match="60 minutes behind"):
        listing(stage, ANNE)


def test_writing_stops_at_a_refused_credential_after_giving_the_outcomes_known(stage: GoogleStage) -> None:
    changes = [creation(stage, mail, all_day()) for mail in (ANNE, ZOE)]
    outcomes = stage.connect(threads=1).write(changes)
    first = next(outcomes)
    assert (first.change, first.status) == (changes[0], "done")
    stage.google.tokens.delete_key()
    stage.google.tokens.revoke()
    with pytest.raises(CredentialRefused):
        list(outcomes)


def test_a_pace_too_fast_is_slowed_down_as_told(stage: GoogleStage) -> None:
    stage.google.switch("per_user_quota", 3)
    stage.google.switch("quota_status", 429)
    changes = [creation(stage, ANNE, all_day(MONDAY + n * DAY), n) for n in range(8)]
    assert {outcome.status for outcome in stage.calendar.write(changes)} == {"done"}
    statuses = [entry.status for entry in stage.calls("POST")]
    assert statuses.count(429) == 2
    assert (429, 429) not in pairwise(statuses)
    assert stage.clock.slept > 119.999


@pytest.mark.parametrize(("rate", "allowed"), [(PER_USER, 600), (PER_PROJECT, 10_000)])
def test_no_minute_holds_more_calls_than_google_allows_and_nearly_that_many_go(
    rate: float, allowed: int
) -> None:
    """A call may take 1.8 seconds longer to arrive than the one sixty seconds after it."""
    clock = Clock()
    pace, gone = paced(rate, clock), []
    for _ in range(3 * allowed):
        pace.wait()
        gone.append(clock.slept)
    assert all(later - first > 61.8 for first, later in zip(gone, gone[allowed:], strict=False))
    assert 0.95 <= len(gone) / (allowed / 60 * gone[-1]) <= 1


def test_a_rate_limit_without_a_time_is_backed_off_from(stage: GoogleStage) -> None:
    value = {"status": 403, "reason": "userRateLimitExceeded"}
    stage.fault("status", method="GET", times=3, value=value)
    assert listing(stage, ANNE).error is None
    assert stage.clock.slept > 0


def test_a_rate_limit_that_stays_is_that_mailboxs_error(stage: GoogleStage) -> None:
    stage.fault("status", method="GET", principal=ANNE, times=None, value=429)
    found = {one.mailbox.address: one.error for one in stage.calendar.read([ANNE, ZOE])}
    assert type(found[ANNE]) is RowFailed
    assert found[ZOE] is None


def test_nothing_is_sent_while_google_asks_for_patience(stage: GoogleStage) -> None:
    stage.fault("status", method="GET", value={"status": 503, "headers": {"Retry-After": "40"}})
    listing(stage, ANNE)
    assert stage.clock.slept > 39.999
    assert [entry.status for entry in stage.calls("GET")] == [503, 200]


def test_a_wait_asked_of_one_mailbox_may_concern_all_and_is_kept_by_all(stage: GoogleStage) -> None:
    value = {"status": 429, "headers": {"Retry-After": "20"}}
    stage.fault("status", method="GET", principal=ANNE, times=None, value=value)
    list(stage.connect(threads=1).read([ANNE, ZOE]))
    refused = len(stage.calls("GET", 429))
    assert [entry.principal for entry in stage.calls("GET", 200)] == [ZOE]
    assert stage.clock.slept > refused * 20 - 0.001  # floats add up to a little less


def test_a_calendar_nobody_reaches_is_given_up_after_three_mailboxes(stage: GoogleStage) -> None:
    calendar = stage.connect(api_root="https://localhost:1", token_url="https://localhost:1/token", threads=1)
    found = list(calendar.read(crowd(stage, 6)))
    assert {type(one.error) for one in found} == {Unreachable}
    assert all("refused" in message for message in errors(found))
    assert [one.mailbox.address in (one.error.message if one.error else "") for one in found] == [
        True
    ] * 3 + [False] * 3
    slept = stage.clock.slept
    assert type(next(calendar.read([ANNE])).error) is Unreachable
    assert stage.clock.slept > slept, "another call tries again"


CERTIFICATES = {"expired": "has expired", "wrong-name": "another name", "self-signed": "self-signed"}


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_a_bad_certificate_is_named_and_nothing_is_sent(stage: GoogleStage, kind: str) -> None:
    stage.fault("certificate", value=kind, times=None)
    found = list(stage.connect(threads=1).read([ANNE, ZOE]))
    assert all(CERTIFICATES[kind] in message for message in errors(found))
    assert [ANNE in errors(found)[0], ZOE in errors(found)[1]] == [True, False], "one attempt is enough"
    assert stage.calls() == []
    assert stage.clock.slept == 0, "a certificate does not get better by waiting"


def test_without_the_private_authority_google_is_not_trusted(stage: GoogleStage) -> None:
    found = next(stage.connect(ca_file=None).read([ANNE]))
    assert found.error is not None
    assert "certificate" in found.error.message
    assert stage.calls() == []


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_no_error_shows_an_address_of_the_wire(stage: GoogleStage, status: int) -> None:
    stage.fault("status", method="GET", times=None, value=status)
    error = error_of(stage)
    assert "http" not in error.message.replace("HTTP", "")
    assert ANNE in error.message


def test_an_alias_lists_the_same_events_with_the_same_uid(stage: GoogleStage) -> None:
    stage.google.add_user("jean.marin@corail.example", aliases=["jean.dupont@corail.example"])
    [by_name] = written(stage, "jean.marin@corail.example", all_day())
    [by_alias] = listed(stage, "jean.dupont@corail.example")
    assert (by_alias.id, by_alias.uid) == (by_name.id, by_name.uid)


def test_an_event_that_recurs_is_taken_over(stage: GoogleStage) -> None:
    [found] = written(stage, ANNE, all_day())
    stage.google.owner(ANNE).repeat(found.id)
    assert [one.taken_over for one in listed(stage, ANNE)] == [True]


def test_an_instance_of_a_recurring_event_is_a_look_alike_on_its_own_day(stage: GoogleStage) -> None:
    event_id = stage.add(ANNE, "Absent", MONDAY)
    stage.google.owner(ANNE).repeat(event_id, "RRULE:FREQ=WEEKLY;COUNT=4")
    third = MONDAY + 14 * DAY
    window = Span(third - DAY, third + DAY)
    [found] = stage.calendar.look_alikes([ANNE], window, frozenset({"Absent"}))
    assert [one.event.first_day for one in found.events] == [third]


PROBES = {
    "ok": ["ok", "ok", "skipped", "ok", "ok"],
    "suspended": ["ok", "skipped", "skipped", "failed", "skipped"],
    "no-calendar": ["ok", "ok", "skipped", "failed", "skipped"],
}


@pytest.mark.parametrize("state", PROBES)
def test_probing_says_how_far_it_gets(stage: GoogleStage, state: str) -> None:
    stage.google.set_state(ANNE, state)
    checks = list(stage.calendar.probe(ANNE))
    assert [check.name for check in checks] == ["log-on", "rights", "outside", "calendar", "time zone"]
    assert [check.status for check in checks] == PROBES[state]


def test_probing_without_delegation_says_what_to_paste(stage: GoogleStage) -> None:
    stage.google.tokens.granted.clear()
    rights = next(check for check in stage.calendar.probe(ANNE) if check.name == "rights")
    assert (rights.status, rights.code) == ("failed", "delegation-missing")
    assert SCOPE in rights.remedy
    assert rights.who == "customer's administrator"


KEYS = {
    "not JSON": "-----BEGIN hunter2-----",
    "a list": '["hunter2"]',
    "another kind of key": '{"type": "authorized_user", "refresh_token": "hunter2"}',
    "no key in it": '{"type": "service_account", "client_email": "a@b.example", "x": "hunter2"}',
    "a broken key": json.dumps({**service_account()[0], "private_key": "hunter2"}),
}


@pytest.mark.parametrize("content", KEYS.values(), ids=KEYS.keys())
def test_a_secret_that_is_no_service_account_is_refused_unquoted(content: str) -> None:
    settings = Settings(service_account="file:acme-sa.json")
    with pytest.raises(UsageError, match=r"file:acme-sa\.json") as caught:
        open_calendar("acme", settings, lambda reference: Secret(reference, content), Clock(), Known())
    assert "hunter2" not in str(caught.value) + caught.value.remedy
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize(
    "wrong", [{"threads": 0}, {"threads": 65}, {"subject": "x"}, {"service_account": "{}"}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**{"service_account": "env:GOOGLE", **wrong})


def test_ids_are_frozen() -> None:
    """A change here would make a second event of every event there is."""
    own = event_id("corail.ilucca.net/7/1/20261123A", ANNE, 0)
    assert own == "fgc2pe0u1q4210685ed5qhithg76lvab7m"
    assert len({own, event_id("corail.ilucca.net/7/1/20261123A", ZOE, 0)}) == 2


def test_an_event_of_ours_with_unreadable_times_makes_the_listing_incomplete() -> None:
    for times in (
        {},
        {"start": {"date": "2026-11-23"}},
        {"start": {"dateTime": "noon"}, "end": {"date": "x"}},
        {"start": {"dateTime": "0001-01-01T00:00:00+05:00"}, "end": {"dateTime": "2026-01-01T00:00:00Z"}},
        {"start": {"date": 20261207}, "end": {"date": "2026-12-08"}},
    ):
        with pytest.raises(Incomplete, match="fg123"):
            existing(WHERE, {"id": "fg123", **times})


def test_an_update_keeps_everything_that_is_not_ours(stage: GoogleStage) -> None:
    change = replace(creation(stage, ANNE, replace(all_day(), private=True)), action="update")
    theirs = {
        "description": "Clés",
        "colorId": "3",
        "reminders": {"useDefault": True},
        "extendedProperties": {"private": {"other": "1", "figgoOpsPrint": "old"}, "shared": {"more": "2"}},
        "visibility": "confidential",
        "endTimeUnspecified": True,
    }
    body = updated_body({**theirs, "start": {"dateTime": "2026-11-23T09:00:00Z"}}, change)
    assert {name: body[name] for name in ("description", "colorId", "reminders", "visibility")} == {
        name: theirs[name] for name in ("description", "colorId", "reminders", "visibility")
    }
    assert body["extendedProperties"]["shared"] == {"more": "2"}
    assert body["extendedProperties"]["private"]["other"] == "1"
    assert body["extendedProperties"]["private"]["figgoOpsPrint"] == str(change.fingerprint)
    assert (body["start"], "endTimeUnspecified" in body) == ({"date": "2026-11-23"}, False)


def test_a_creation_reminds_nobody_and_invites_nobody(stage: GoogleStage) -> None:
    body = created_body(creation(stage, ANNE, all_day()))
    assert body["reminders"] == {"useDefault": False}
    assert "attendees" not in body


def test_a_new_connection_starts_where_the_last_one_ended(stage: GoogleStage) -> None:
    written(stage, ANNE, all_day())
    [found] = stage.connect().read([ANNE])
    assert [one.event for one in found.events] == [all_day()]


def test_a_day_off_in_the_far_west_stays_on_its_date(stage: GoogleStage) -> None:
    stage.google.owner(ANNE).set_zone("Pacific/Pago_Pago")
    window = Span(MONDAY, MONDAY)
    stage.add(ANNE, "Absent", MONDAY)
    stage.add(ANNE, "Absent", MONDAY - timedelta(days=1))
    [found] = stage.calendar.look_alikes([ANNE], window, frozenset({"Absent"}))
    assert [one.event.first_day for one in found.events] == [MONDAY]
    assert found.zone == "Pacific/Pago_Pago"


def test_an_unknown_mailbox_does_not_stop_the_first_others(stage: GoogleStage) -> None:
    found = {one.mailbox.address: one.error for one in stage.calendar.read([NOBODY, ANNE, ZOE])}
    assert isinstance(found.pop(NOBODY), MailboxAbsent)
    assert set(found.values()) == {None}


def test_what_is_kept_of_a_listed_event_is_what_its_owner_may_have_added(stage: GoogleStage) -> None:
    [ours] = written(stage, ANNE, all_day())
    assert set(ours.raw) <= {"eventType", "reminders", "sequence", "visibility"}
    stage.annotate(ANNE, ours.id, "Clés chez Zoé")
    [noted] = listing(stage, ANNE).events
    assert noted.raw["description"] == "Clés chez Zoé"


def test_the_properties_of_other_programs_are_kept_and_ours_are_not() -> None:
    private = {"figgoOps": "1", "figgoOpsKey": "k", "figgoOpsPrint": "p", "other": "1"}
    times = {"start": {"date": "2026-11-23"}, "end": {"date": "2026-11-24"}}
    item = {"id": "fg123", **times, "extendedProperties": {"private": private, "shared": {"more": "2"}}}
    raw = existing(WHERE, item).raw
    assert raw == {"extendedProperties": {"private": {"other": "1"}, "shared": {"more": "2"}}}
