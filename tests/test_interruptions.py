"""Cut in the middle, or two at once: nothing is doubled, nothing lost, and the same plan goes on."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from figgo_ops import act, sync
from figgo_ops.errors import TenantBusy
from figgo_ops.plan import Plan
from figgo_ops.sandbox.messages import Entry
from tests.rehearsal import Corail

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


def converges(corail: Corail, seen: Plan) -> None:
    """Applying the same plan again ends with the same calendars as if nothing had ever happened."""
    corail.clock.sleep(timedelta(minutes=11).total_seconds())
    again = corail.apply(seen)
    assert (again.failed, again.stale, again.unknown, again.held) == ([], [], [], [])
    assert corail.marked() == sorted(str(change.key) for change in seen.changes), "doubled or lost"
    assert corail.plan(since="start").changes == ()


@pytest.mark.parametrize(
    ("kind", "value", "path"),
    [("status", 503, "/calendar/*"), ("drop-before", None, "*"), ("html", None, "/calendar/*")],
)
def test_a_provider_that_breaks_down_in_the_middle_is_caught_up_with_by_the_same_plan(
    corail: Corail, kind: str, value: object, path: str
) -> None:
    seen = corail.plan(since="start")
    with corail.upon(
        lambda entry: _created(corail, entry, "google", 20),
        lambda: corail.fault("google", kind, path=path, times=None, value=value),
    ):
        broken = corail.apply(seen)
    assert 0 < broken.created < seen.count("create")
    assert broken.created + len(broken.failed + broken.unknown + broken.held) + len(broken.unreadable) > 60
    assert sync.exit_of(broken) in (1, 7)
    corail.stage.faults.clear()
    converges(corail, seen)


def _created(corail: Corail, entry: Entry, service: str, number: int) -> bool:
    """Whether this is the writing call of that number at that provider since the log was cleared."""
    writes = [one for one in corail.writes() if one.service == service]
    return entry in writes and len(writes) == number


@pytest.mark.parametrize("service", ["google", "exchange"])
@pytest.mark.parametrize("where", ["monotonic", "now"], ids=["between two changes", "while recording them"])
def test_an_interrupted_apply_keeps_what_it_did_and_goes_on_with_the_same_plan(
    corail: Corail, where: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(act, "FLUSH", 5)
    seen = corail.plan(since="start")
    number = {"google": 15, "exchange": 3}[service]

    def press() -> None:
        corail.clock.interrupt = where

    with (
        corail.upon(lambda entry: _created(corail, entry, service, number), press),
        pytest.raises(KeyboardInterrupt),
    ):
        corail.apply(seen)
    assert 0 < len(corail.marked()) < seen.count("create")
    with corail.session() as session:
        (run,) = session.ledger.runs("corail", 1)
        status = {str(one.change.key): one.status for one in session.ledger.changes(run.id)}
    assert run.exit == 130
    assert set(status.values()) <= {"done", "unknown", "failed"}, "a run that ended leaves nothing open"
    assert "failed" not in {status[key] for key in corail.marked()}, "written, and recorded as not written"
    assert {key for key in status if status[key] == "done"} <= set(corail.marked())
    converges(corail, seen)


def test_a_process_killed_in_the_middle_of_an_apply_leaves_nothing_that_the_next_one_doubles(
    tmp_path: Path,
) -> None:
    with Corail(tmp_path, today=None) as corail:
        seen = corail.plan(since="start")
        corail.fault("google", "silence", method="POST", path="/calendar/*", after=12, value="after")
        struck = threading.Event()
        command = [sys.executable, "-m", "figgo_ops", "apply", str(seen.file), "--confirm", seen.checksum]
        surroundings = {k: v for k, v in os.environ.items() if not k.startswith("FIGGO_OPS")}
        with corail.upon(lambda entry: entry.fault == "silence", struck.set):
            child = subprocess.Popen(
                [*command, "--home", str(corail.home.path)],
                env=surroundings,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            assert struck.wait(60), "the child never came to its thirteenth event"
            child.kill()
            assert child.wait(20) == -signal.SIGKILL
        assert 0 < len(corail.marked()) < seen.count("create")
        with pytest.raises(TenantBusy):
            corail.apply(seen)
        converges(corail, seen)


def test_a_second_apply_for_the_same_tenant_is_told_that_it_is_busy(corail: Corail) -> None:
    seen = corail.plan(since="start")
    told: list[BaseException] = []

    def second() -> None:
        try:
            corail.apply(seen)
        except TenantBusy as error:
            told.append(error)

    with corail.upon(lambda entry: _created(corail, entry, "google", 5), second):
        first = corail.apply(seen)
    assert [(type(error), error.args) for error in told] == [(TenantBusy, told[0].args)]
    assert (first.created, len(corail.marked())) == (seen.count("create"), seen.count("create"))
    assert corail.apply(seen).unchanged == first.created, "free again once the first one ended"


def test_a_tenant_held_by_a_process_that_died_is_free_again_within_two_minutes(
    corail: Corail, hero: int
) -> None:
    with corail.session() as session:
        session.ledger.take(["tenant:corail"], "another", 90, corail.clock.now())
    with pytest.raises(TenantBusy) as caught:
        corail.sync(hero)
    assert caught.value.exit == 5
    corail.clock.sleep(120)
    assert corail.sync(hero).created == 1


def test_rows_of_a_mailbox_another_process_writes_to_fail_by_name(corail: Corail, hero: int) -> None:
    with corail.session() as session:
        name = f"mailbox:corail/google/{corail.mail(hero)}"
        session.ledger.take([name], "serve/1", 90, corail.clock.now())
    result = corail.sync(hero, other(corail))
    assert (corail.shown(hero), corail.shown(other(corail))) == ([], MORNING)
    assert [(row.employee, "another process" in row.error) for row in result.failed] == [(hero, True)]
    assert sync.exit_of(result) == 1
    corail.clock.sleep(120)
    assert corail.sync(hero).created == 1
