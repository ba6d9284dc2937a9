"""A lease is ours for as long as we say so in time, and whoever lost it knows."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest

from figgo_ops import lease
from figgo_ops.errors import UsageError
from figgo_ops.lease import leased
from figgo_ops.ledger import Ledger
from tests.rehearsal import Clock, Corail

NAME = "mailbox:corail/google/anne@corail.example"
HOLDER, OTHER = "run-1", "run-2"
SHORT = 0.3
"""Seconds a lease lasts here; renewing waits a third of them by the real clock, validity goes by ours."""


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 23, 8, tzinfo=UTC))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The memory of one home, its leases short."""
    made = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    with mock.patch.object(lease, "LEASE", SHORT):
        yield made
    made.close()


class Renewals:
    """Waits until a lease was renewed, or tried in vain, so many times more.

    Attributes:
        before: called with each renewal before it happens.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._renew, self._seen = ledger.renew, threading.Semaphore(0)
        self.before: Callable[[], object] = lambda: None

    def __call__(self, names: set[str], holder: str, seconds: float, now: datetime) -> set[str]:
        self._seen.release()
        self.before()
        return self._renew(names, holder, seconds, now)

    def happen(self, times: int) -> bool:
        """Whether so many more begin from now on."""
        while self._seen.acquire(blocking=False):
            pass
        return all(self._seen.acquire(timeout=20) for _ in range(times))


def until_it_gives_up() -> None:
    """Wait until a lease is renewed no more."""
    for thread in threading.enumerate():
        if thread.name == "lease":
            thread.join(20)
            assert not thread.is_alive()


def test_a_lease_is_renewed_for_as_long_as_its_block_runs(ledger: Ledger, clock: Clock) -> None:
    renewals = Renewals(ledger)
    with (
        mock.patch.object(ledger, "renew", renewals),
        leased(ledger, [NAME], HOLDER, clock) as (held, taken),
    ):
        assert taken == {NAME}
        for _ in range(5):
            clock.sleep(SHORT / 2)
            assert renewals.happen(3), (
                "the second begins after this moment and has ended once the third begins"
            )
        assert held.valid()
        assert ledger.take([NAME], OTHER, SHORT, clock.now()) == set()
    assert ledger.take([NAME], OTHER, SHORT, clock.now()) == {NAME}, "free at once when the block ends"


def test_a_lease_that_ran_out_unnoticed_is_not_valid_even_where_nobody_took_it(
    ledger: Ledger, clock: Clock
) -> None:
    with mock.patch.object(lease, "LEASE", 90.0), leased(ledger, [NAME], HOLDER, clock) as (held, _):
        assert held.valid()
        clock.sleep(90)
        assert not held.valid()


def test_a_lease_that_another_took_is_lost_and_stays_theirs(ledger: Ledger, clock: Clock) -> None:
    renewals = Renewals(ledger)

    def stolen() -> None:
        ledger.release([NAME], HOLDER)
        ledger.take([NAME], OTHER, SHORT, clock.now())

    renewals.before = stolen
    with (
        mock.patch.object(ledger, "renew", renewals),
        leased(ledger, [NAME], HOLDER, clock) as (held, _),
    ):
        until_it_gives_up()
        assert not held.valid()
    assert ledger.holder_of(NAME, clock.now()) == OTHER


def test_a_ledger_that_cannot_be_used_lets_the_lease_run_out(ledger: Ledger, clock: Clock) -> None:
    renewals = Renewals(ledger)

    def broken() -> None:
        raise UsageError("The ledger cannot be used.", "Free some space.")

    renewals.before = broken
    with (
        mock.patch.object(ledger, "renew", renewals),
        leased(ledger, [NAME], HOLDER, clock) as (held, _),
    ):
        until_it_gives_up()
        assert held.valid()
        clock.sleep(SHORT)
        assert not held.valid()


def test_a_process_that_was_suspended_beyond_its_lease_sends_nothing_more(tmp_path: Path) -> None:
    with Corail(tmp_path) as corail:
        seen = corail.plan(since="start")

        def suspended() -> None:
            corail.clock.sleep(120)

        with corail.upon(lambda entry: entry.path.endswith("/events") and entry.method == "POST", suspended):
            late = corail.apply(seen)
        written = len(corail.marked())
        assert 0 < late.created == written < seen.count("create")
        assert {row.error.partition(",")[0] for row in late.failed} == {"the lease ended"}
        again = corail.apply(seen)
        assert (again.failed, again.created, again.unchanged) == ([], seen.count("create") - written, written)
