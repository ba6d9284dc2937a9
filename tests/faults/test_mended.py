"""What the fault matrix found, each kept mended by a test of its own."""

import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from figgo_ops import sync, workers
from figgo_ops.calendars import _google_http
from figgo_ops.calendars._hurry import Hurry
from figgo_ops.calendars._lost import Lost
from figgo_ops.errors import Incomplete
from figgo_ops.sandbox.exchange import PATH
from figgo_ops.sandbox.home import TENANT_ID
from figgo_ops.sandbox.messages import Request, Response
from figgo_ops.sandbox.people import LegalEntity
from tests.faults.batches import Spoiler
from tests.rehearsal import ANTILLES, GENEVA, Clock, Corail

TOKEN = f"/{TENANT_ID}/oauth2/v2.0/token"


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


def test_a_token_service_that_times_out_is_waited_for_on_our_own_clock(
    corail: Corail, hero: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's library would sleep and ask again by itself, whatever the pace and the clock."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: pytest.fail("somebody sleeps"))
    corail.fault("google", "status", path="/token", value={"status": 408, "error": "timeout"})
    result = corail.sync(hero)
    assert (result.created, result.unreadable) == (1, [])
    assert [entry.status for entry in corail.calls("google", path="/token")] == [408, 200]


@pytest.fixture
def swiss(corail: Corail) -> int:
    """Somebody whose mailbox is at Exchange, with one day off that no calendar shows yet."""
    person = corail.stage.hire("Aline", "Favre", GENEVA, "aline@corail-suisse.example").id
    day_off(corail, person, date(2026, 12, 2))
    return person


def day_off(corail: Corail, person: int, day: date) -> int:
    """An approved request for one day."""
    request = corail.stage.request_leave(person, day)
    corail.stage.approve(request.id)
    return request.id


def test_a_web_page_that_answers_when_asked_how_to_log_on_is_not_believed(corail: Corail, swiss: int) -> None:
    """It said "Exchange said no (HTTP 200)" of one mailbox and went on to the next one."""
    corail.fault("exchange", "html", path=PATH, principal="")
    result = corail.sync(swiss)
    assert (result.created, result.unreadable) == (1, [])
    assert [entry.status for entry in corail.calls("exchange", path=PATH)][:2] == [200, 401]


def test_an_event_that_exchange_could_not_look_at_just_then_is_looked_at_again(
    corail: Corail, swiss: int
) -> None:
    """Just before a removal; the event stayed until the next run."""
    given_up = day_off(corail, swiss, date(2026, 12, 9))
    assert corail.sync(swiss).created == 2
    corail.stage.ask_cancellation(given_up)
    corail.stage.settle_cancellation(given_up, True)
    transient = {"operation": "GetItem", "code": "ErrorInternalServerTransientError", "times": 1}
    corail.stage.exchange.switch("item_errors", transient)
    corail.forget_calls()
    result = corail.sync(swiss)
    assert (result.deleted, result.failed, result.unknown) == (1, [], [])
    asked = [entry.path.rpartition("/")[2] for entry in corail.calls("exchange")]
    assert asked[-3:] == ["GetItem", "GetItem", "DeleteItem"]


@pytest.fixture
def islanders(corail: Corail) -> list[int]:
    """Four people whose mailboxes are at Microsoft 365, each with one day off that the calendar shows."""
    names = ("Aline", "Boris", "Carole", "Denis")
    people = [
        corail.stage.hire(name, "Cadet", ANTILLES, f"{name.lower()}@corail-antilles.example").id
        for name in names
    ]
    for person in people:
        day_off(corail, person, date(2026, 12, 2))
    assert corail.sync(*people).created == 4
    corail.forget_calls()
    return people


def test_an_answer_under_the_id_of_another_request_is_nobodys_listing(
    corail: Corail, islanders: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of two answers was believed: a colleague's calendar, in which all of hers was missing."""
    service = corail.stage.microsoft365
    spoiler, handle = Spoiler("told twice", corail.mail(islanders[0])), service.handle

    def spoilt(request: Request) -> Response:
        hers = spoiler.mailbox in request.principal.split()
        return spoiler.answer(handle, request) if hers else handle(request)

    monkeypatch.setattr(service, "handle", spoilt)
    result = corail.sync(*islanders)
    assert (result.created, result.deleted, corail.writes()) == (0, 0, [])
    assert islanders[0] in {row.employee for row in result.unreadable}
    assert [len(corail.events(person)) for person in islanders] == [1, 1, 1, 1]


def test_a_batch_that_was_refused_as_a_whole_goes_as_a_whole_again(
    corail: Corail, islanders: list[int]
) -> None:
    """Each of its requests rested for a time of its own, and then went alone."""
    corail.fault("microsoft365", "status", path="*/GET", value=503)
    result = corail.sync(*islanders)
    assert (result.unchanged, result.unreadable) == (4, [])
    asked = [len(entry.principal.split()) for entry in corail.calls("microsoft365")]
    assert asked == [4, 4]


def test_creations_of_a_batch_are_told_though_the_token_for_the_last_of_them_is_refused(
    corail: Corail, islanders: list[int]
) -> None:
    """All of them counted as failed, and no undo would ever have found those that were there."""
    for person in islanders:
        day_off(corail, person, date(2026, 12, 9))
    expired = {"error": "invalid_client", "error_description": "AADSTS7000222: expired."}
    order = {"method": "POST", "mailbox": corail.mail(islanders[0]), "status": 401, "times": 1}
    corail.stage.microsoft365.switch("item_errors", order)
    corail.fault("microsoft365", "status", path=TOKEN, after=1, value={"status": 401, "body": expired})
    result = corail.sync(*islanders)
    assert [len(corail.events(person)) for person in islanders] == [1, 2, 2, 2]
    assert (result.created, [row.employee for row in result.failed]) == (3, islanders[:1])
    assert "has expired" in result.failed[0].error
    corail.stage.faults.clear()
    with corail.session(retry_credential=True) as session:
        assert sync.sync(session, sync.Ask(tuple(map(str, islanders)))).created == 1


def test_a_date_until_which_microsofts_sign_in_wants_quiet_is_read_by_our_own_clock(
    corail: Corail, islanders: list[int]
) -> None:
    """It was compared with the machine's clock, and so far away here that nobody waited for it."""
    until = corail.clock.now() + timedelta(seconds=40)
    headers = {"Retry-After": format_datetime(until, usegmt=True)}
    corail.fault("microsoft365", "status", path="*/token", value={"status": 429, "headers": headers})
    result = corail.sync(*islanders)
    assert (result.unchanged, result.unreadable) == (4, [])
    assert [entry.status for entry in corail.calls("microsoft365", path=TOKEN)] == [429, 200]
    assert corail.clock.now() >= until


def grown(corail: Corail) -> dict[int, LegalEntity]:
    """More legal entities than one page holds."""
    entities = corail.stage.company.legal_entities
    agencies = (LegalEntity(n, f"Agence {n}", "Europe/Paris", "FR", "x.example") for n in range(101, 221))
    entities.update({agency.id: agency for agency in agencies})
    return entities


def test_a_legal_entity_that_leaves_an_earlier_page_hides_no_other_one(corail: Corail) -> None:
    """Everything after it moves up by one: what was first on the second page would be on none."""
    entities = grown(corail)
    with (
        corail.upon(lambda entry: "establishments" in entry.path, lambda: entities.pop(101)),
        corail.session() as session,
    ):
        assert session.figgo.legal_entities().keys() == entities.keys()


def test_legal_entities_that_move_in_every_reading_are_an_error(corail: Corail) -> None:
    entities = grown(corail)
    log = corail.stage.log
    with corail.session() as session:
        known = iter(range(101, 221))
        with (
            corail.upon(lambda _entry: bool(entities.pop(next(known))) and False, lambda: None),
            pytest.raises(Incomplete, match="list of legal entities moved"),
        ):
            session.figgo.legal_entities()
    assert len(log.entries("figgo")) == 8


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_ctrl_c_does_not_wait_until_a_silent_google_is_given_up(
    corail: Corail, hero: int, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """The silence is ended as soon as the grace is over, and nothing is asked again."""
    monkeypatch.setattr(workers, "GRACE", 0.0)
    monkeypatch.setattr(_google_http, "TIMEOUT", 20.0)
    corail.fault("google", "silence", method=method, path="*/events", times=None)
    main = threading.main_thread().ident
    assert main is not None
    with (
        corail.upon(lambda entry: entry.fault == "silence", lambda: signal.pthread_kill(main, signal.SIGINT)),
        pytest.raises(KeyboardInterrupt),
    ):
        corail.sync(hero)
    struck = [entry for entry in corail.calls("google", method) if entry.fault == "silence"]
    assert len(struck) <= 2, "a connection that was cut is tried once more by Google's library itself"
    corail.stage.faults.clear()
    corail.clock.sleep(11 * 60)
    assert (corail.sync(hero).created, corail.shown(hero)) == (1, ["2026-12-02"])


def test_a_write_that_ctrl_c_cut_off_is_told_as_unknown_and_made_good_by_the_next_run(
    corail: Corail, hero: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.0)
    corail.fault("google", "silence", method="POST", path="*/events", times=None, value="after")
    main = threading.main_thread().ident
    assert main is not None
    with (
        corail.upon(lambda entry: entry.fault == "silence", lambda: signal.pthread_kill(main, signal.SIGINT)),
        pytest.raises(KeyboardInterrupt),
    ):
        corail.sync(hero)
    corail.stage.faults.clear()
    again = corail.sync(hero)
    assert (again.created, again.unchanged, corail.shown(hero)) == (0, 1, ["2026-12-02"])


def test_a_long_pause_ends_within_a_second_of_leaving() -> None:
    clock = Clock(datetime(2026, 11, 23, tzinfo=UTC))
    hurry = Hurry(clock)
    hurry.sleep(2.5)
    assert clock.slept == 2.5

    class Leaver(Clock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            hurried.leave()

    leaver = Leaver(datetime(2026, 11, 23, tzinfo=UTC))
    hurried = Hurry(leaver)
    with pytest.raises(Lost, match="interrupted"):
        hurried.sleep(3600)
    assert leaver.slept <= 1.0
    hurried.begin()
    hurried.check()


@pytest.mark.parametrize(("raised", "hurried"), [(KeyboardInterrupt, True), (LookupError, False)])
def test_only_ctrl_c_hurries_what_has_begun(
    monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], hurried: bool
) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.0)
    begun, told = threading.Event(), threading.Event()

    def work(item: int) -> int:
        begun.set()
        told.wait(20 if hurried else 0)
        return item

    def maker() -> Iterator[list[int]]:
        yield [1]
        assert begun.wait(20)
        raise raised

    results: list[int] = []
    with pytest.raises(raised):
        results.extend(workers.side_by_side(maker(), work, 2, told.set))
    assert told.is_set() == hurried
