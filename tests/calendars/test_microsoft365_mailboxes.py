"""Microsoft 365 over real sockets: what each mailbox may answer, and what shows events that are like ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.errors import (
    FiggoOpsError,
    MailboxAbsent,
    MailboxElsewhere,
    RightsMissing,
    RowFailed,
    Unreachable,
)
from figgo_ops.leaves import Span
from tests.calendars.contract import ANNE, DAY, MONDAY, NOBODY, ZOE, all_day, creation, write, written
from tests.calendars.crowds import batches, crowd, read
from tests.calendars.stage_microsoft365 import Microsoft365Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Microsoft365Stage]:
    stage = Microsoft365Stage(tmp_path)
    yield stage
    stage.close()


STATES: dict[str, tuple[type[FiggoOpsError], str, str]] = {
    "outside": (RightsMissing, "outside-scope", "UsersWithFiggoSync"),
    "blocked-by-policy": (RightsMissing, "access-policy", "application access policy"),
    "unlicensed": (MailboxElsewhere, "elsewhere", "has no licence"),
    "guest": (MailboxElsewhere, "elsewhere", "guest"),
    "soft-deleted": (MailboxElsewhere, "elsewhere", "deleted"),
    "on premises": (MailboxElsewhere, "elsewhere", "on premises"),
    "unknown": (MailboxAbsent, "absent", "knows no such user"),
    "moving": (RowFailed, "mailbox-moving", "being moved"),
    "store-down": (Unreachable, "mailbox-down", "database"),
}


LEAVES_OUT = {"unlicensed": "new", "guest": "new", "soft-deleted": "old"}
"""The texts of Graph's that leave the true reason out; the administrator is told where to look."""


@pytest.mark.parametrize("text", ["new", "old"])
@pytest.mark.parametrize("unlicensed", ["not-enabled", "not-found"])
def test_mailboxes_that_cannot_be_served_are_told_apart_in_one_batch_and_stop_no_other(
    stage: Microsoft365Stage, text: str, unlicensed: str
) -> None:
    stage.graph.switch("rest_text", text)
    stage.graph.switch("unlicensed", unlicensed)
    mails = {state: f"{state.replace(' ', '.')}@corail.example" for state in STATES}
    for state, mail in mails.items():
        if state == "on premises":
            stage.organization.add(mail)
        else:
            stage.graph.add_mailbox(mail, state=state)
    found = read(stage.calendar, [*mails.values(), NOBODY, ANNE, ZOE])
    assert (found.pop(ANNE), found.pop(ZOE)) == (None, None)
    assert isinstance(found.pop(NOBODY), MailboxAbsent)
    outcomes = stage.calendar.write([creation(stage, mail, all_day()) for mail in (*mails.values(), ANNE)])
    by_mail = {outcome.change.mailbox.address: outcome for outcome in outcomes}
    assert by_mail.pop(ANNE).status == "done"
    for state, (kind, code, words) in STATES.items():
        for error in (found[mails[state]], by_mail[mails[state]].error):
            assert (type(error), getattr(error, "code", "")) == (kind, code)
            assert error is not None
            assert mails[state] in error.message
            assert text == LEAVES_OUT.get(state) or words in error.message
            assert error.remedy


def test_what_is_out_of_reach_for_good_is_asked_for_once(stage: Microsoft365Stage) -> None:
    mails = [*crowd(stage, 5, "outside"), *crowd(stage, 5, "unlicensed"), *crowd(stage, 5, "guest")]
    assert None not in read(stage.calendar, mails).values()
    assert len(stage.graph.asked) == len(mails)
    assert len(batches(stage)) <= 4
    assert stage.clock.slept == 0


def test_an_alias_is_known_by_the_address_of_figgo(stage: Microsoft365Stage) -> None:
    alias = "jeanne.martin@corail.example"
    stage.graph.add_mailbox("jeanne.dupont@corail.example", aliases=(alias,))
    made = written(stage, alias, all_day())
    assert [one.mailbox.address for one in made] == [alias]
    assert stage.titles("jeanne.dupont@corail.example") == ["Absent"]


@pytest.mark.parametrize("name", ["o'neill", "zoé", "a+b", "50%", "r&d", "c#", "a/b"])
def test_any_address_is_spelt_so_that_graph_reads_it(stage: Microsoft365Stage, name: str) -> None:
    address = f"{name}@corail.example"
    stage.graph.add_mailbox(address)
    stage.small_pages(2)
    assert len(written(stage, address, *(all_day(MONDAY + n * DAY) for n in range(5)))) == 5


def test_a_full_mailbox_is_read_and_takes_nothing_more(stage: Microsoft365Stage) -> None:
    [full] = crowd(stage, 1, "full")
    assert read(stage.calendar, [full]) == {full: None}
    first, second = write(stage, creation(stage, full, all_day()), creation(stage, ANNE, all_day()))
    assert (first.status, second.status) == ("failed", "done")
    assert isinstance(first.error, RowFailed)
    assert first.error.code == "mailbox-full"


@pytest.mark.parametrize(
    "home", ["Pacific/Kiritimati", "Pacific/Auckland", "Etc/GMT+12", "America/Los_Angeles"]
)
def test_look_alikes_touch_the_window_by_their_days_wherever_their_owner_lives(
    stage: Microsoft365Stage, home: str
) -> None:
    """Graph compares instants: days that begin elsewhere first or last must not fall out."""
    address = "loin@corail.example"
    stage.graph.add_mailbox(address, home)
    near = [stage.add(address, "Absent", MONDAY + n * DAY) for n in range(-2, 5)]
    long = stage.add(address, "Absent", MONDAY - 300 * DAY, 700)
    window, titles = Span(MONDAY, MONDAY + 2 * DAY), frozenset({"absent"})
    [found] = stage.calendar.look_alikes([address], window, titles)
    assert {one.id for one in found.events} == {*near[2:5], long}


def test_a_series_that_is_like_ours_is_found_by_its_first_event_and_is_its_owners(
    stage: Microsoft365Stage,
) -> None:
    own = stage.graph.owner(ANNE).add("Absent", MONDAY, MONDAY + DAY)
    stage.graph.owner(ANNE).repeat(own["id"])
    [found] = stage.calendar.look_alikes([ANNE], Span(MONDAY, MONDAY + 8 * DAY), frozenset({"Absent"}))
    assert [(one.event.first_day, one.taken_over) for one in found.events] == [(MONDAY, True)]


def test_look_alikes_that_cannot_be_read_to_the_end_are_an_error(stage: Microsoft365Stage) -> None:
    for n in range(4):
        stage.add(ANNE, "Absent", MONDAY + n * DAY)
    stage.small_pages(2)
    stage.break_listing(ANNE)
    [found] = stage.calendar.look_alikes([ANNE], Span(MONDAY, MONDAY + 6 * DAY), frozenset({"absent"}))
    assert isinstance(found.error, Unreachable)
    assert found.events == ()


def test_a_probe_tells_a_log_on_from_a_mailbox_that_cannot_be_read(stage: Microsoft365Stage) -> None:
    [broken] = crowd(stage, 1, "store-down")
    told = {check.name: (check.status, check.cause) for check in stage.calendar.probe(broken)}
    assert told["log-on"] == ("ok", "")
    assert told["calendar"][0] == "failed"
    assert told["time zone"][0] == "skipped"


@pytest.mark.parametrize(("may", "words"), [(True, "Asia/Tokyo"), (False, "not known")])
def test_a_probe_names_the_zone_where_the_application_may_know_it(
    stage: Microsoft365Stage, may: bool, words: str
) -> None:
    stage.graph.switch("settings", may)
    stage.graph.owner(ANNE).set_zone("Asia/Tokyo")
    zone = {check.name: check for check in stage.calendar.probe(ANNE)}["time zone"]
    assert zone.status == "ok"
    assert words in zone.cause
