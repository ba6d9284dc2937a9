"""The ledger remembers what was done, for several processes at once, and can be lost without harm."""

import os
import sqlite3
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from figgo_ops.errors import RowFailed, UsageError
from figgo_ops.events import Event, Fingerprint, Key
from figgo_ops.ledger import Ledger
from figgo_ops.ledger.database import SCHEMA, _known_versions
from figgo_ops.ledger.rows import metadata
from figgo_ops.plan import Change, Existing, Mailbox, Outcome
from figgo_ops.secrets import REDACTOR

NOW = datetime(2026, 11, 22, 11, 4, 55, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
ANNE, BRUNO = Mailbox("siège", "anne@corail.example"), Mailbox("siège", "bruno@corail.example")
WEEK = Event(date(2026, 12, 21), date(2026, 12, 26), "confirmed", "Congés payés - été", zone="Europe/Paris")
NOON = Event(
    datetime(2026, 12, 1, 8, tzinfo=UTC),
    datetime(2026, 12, 1, 11, tzinfo=UTC),
    "tentative",
    "Absent",
    "away",
    True,
    "America/Martinique",
)


SERVER = os.environ.get("FIGGO_OPS_TEST_POSTGRES", "")


@pytest.fixture(params=["sqlite", "postgresql"] if SERVER else ["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind that is at hand."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    schema = f"t{uuid.uuid4().hex}"
    engine = create_engine(SERVER)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield f"{SERVER}?options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """A new ledger."""
    opened = Ledger.open(url)
    yield opened
    opened.close()


def creation(period: int = 1, mailbox: Mailbox = ANNE, event: Event = WEEK, employee: int = 11) -> Change:
    key = Key("corail.ilucca.net", employee, period, "20261221A")
    return Change("create", "new", key, employee, 4, mailbox, event, Fingerprint.of(event))


def removal(period: int = 1, mailbox: Mailbox = ANNE, *, counted: bool = True) -> Change:
    key = Key("corail.ilucca.net", 11, period, "20261221A")
    raw = {"summary": "Congés payés - été", "attendees": [], "colorId": "7"}
    found = Existing(mailbox, "id7", '"etag"', "uid7", str(key), str(Fingerprint.of(WEEK)), WEEK, raw=raw)
    return Change("remove", "cancelled", key, 11, 4, mailbox, existing=found, counted=counted)


def started(ledger: Ledger, tenant: str = "corail", now: datetime = NOW) -> str:
    return ledger.start_run(tenant, "sync", "zoé", {"employee": "11"}, "plan-3f2a", "0.1.0", now)


def write(ledger: Ledger, *changes: Change, status: str = "done", now: datetime = NOW) -> str:
    run = started(ledger, now=now)
    numbers = ledger.begin(run, changes, now)
    outcomes = [Outcome(change, status, "id7", "etag7") for change in changes]  # type: ignore[arg-type]
    ledger.finish(list(zip(numbers, outcomes, strict=True)), now)
    return run


@pytest.mark.skipif(
    not SERVER,
    reason="FIGGO_OPS_TEST_POSTGRES names no PostgreSQL server, such as postgresql+psycopg://host/name",
)
def test_every_test_here_also_ran_on_postgresql() -> None:
    engine = create_engine(SERVER)
    with engine.connect() as connection:
        assert connection.dialect.name == "postgresql"
    engine.dispose()


def test_a_run_has_a_name_that_sorts_by_time_and_tells_what_it_was(ledger: Ledger) -> None:
    first, second = started(ledger), started(ledger, now=NOW + SECOND)
    assert first.startswith("20261122T110455-sync-corail-")
    assert first < second


def test_a_run_is_found_again_with_everything_that_was_said_about_it(ledger: Ledger) -> None:
    run = started(ledger)
    assert ledger.run(run).ended is None
    ledger.end_run(run, 1, {"created": 3}, NOW + MINUTE)
    found = ledger.run(run)
    assert (found.who, found.parameters, found.checksum) == ("zoé", {"employee": "11"}, "plan-3f2a")
    assert (found.started, found.ended, found.exit) == (NOW, NOW + MINUTE, 1)
    assert found.counts == {"created": 3}


def test_runs_come_newest_first_and_only_of_their_tenant(ledger: Ledger) -> None:
    names = [started(ledger, now=NOW + n * SECOND) for n in range(4)]
    started(ledger, tenant="lagon")
    assert [run.id for run in ledger.runs("corail", limit=3)] == names[:0:-1]


def test_rows_that_a_run_held_back_are_forgotten_with_their_person_and_no_others(ledger: Ledger) -> None:
    run = started(ledger)
    held = [{"key": str(creation(employee=n).key), "action": "create", "error": "waits"} for n in (11, 12)]
    ledger.end_run(run, 3, {"created": 0, "held": held}, NOW + MINUTE)
    ledger.forget_employee("corail", 11)
    assert ledger.run(run).counts == {"created": 0, "held": held[1:]}
    ledger.forget_employee("lagon", 12)
    assert ledger.run(run).counts["held"] == held[1:]


def test_what_runs_did_for_one_person_is_told_oldest_first(ledger: Ledger) -> None:
    first = write(ledger, creation(1), creation(1, employee=12))
    second = write(ledger, removal(1), status="failed", now=NOW + MINUTE)
    told = [(one.run, one.change.action, one.status) for one in ledger.history("corail", 11)]
    assert told == [(first, "create", "done"), (second, "remove", "failed")]
    assert ledger.history("lagon", 11) == []


def test_an_unknown_run_is_named_in_the_error(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="no run 2026-nix"):
        ledger.run("2026-nix")


def test_a_time_without_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(Exception, match="aware times only"):
        started(ledger, now=NOW.replace(tzinfo=None))


@pytest.mark.parametrize("event", [WEEK, NOON])
def test_a_change_comes_back_as_it_went_in(ledger: Ledger, event: Event) -> None:
    change = creation(event=event)
    run = write(ledger, change)
    (found,) = ledger.changes(run)
    assert found.change == change
    assert found.change.shown.zone == event.zone
    assert (found.status, found.event_id, found.etag) == ("done", "id7", "etag7")


def test_a_removal_keeps_all_that_undo_needs(ledger: Ledger) -> None:
    change = removal()
    (found,) = ledger.changes(write(ledger, change))
    assert found.change == change
    assert found.change.existing is not None
    assert change.existing is not None
    assert found.change.existing.raw == change.existing.raw


def test_changes_keep_the_order_of_their_run(ledger: Ledger) -> None:
    wanted = [creation(n) for n in range(250)]
    run = started(ledger)
    numbers = ledger.begin(run, wanted, NOW)
    assert numbers == sorted(numbers)
    assert [found.change for found in ledger.changes(run)] == wanted
    assert [found.id for found in ledger.changes(run)] == numbers


def test_a_failure_keeps_its_reason_without_secrets(ledger: Ledger) -> None:
    REDACTOR.learn("hunter2-très-secret", "env:PASSWORD")
    run = started(ledger)
    (number,) = ledger.begin(run, [creation()], NOW)
    failed = Outcome(creation(), "failed", error=RowFailed("refused hunter2-très-secret"))
    ledger.finish([(number, failed)], NOW)
    (found,) = ledger.changes(run)
    assert (found.status, found.error) == ("failed", "refused [secret:env:PASSWORD]")


def test_nothing_to_write_records_nothing(ledger: Ledger) -> None:
    run = started(ledger)
    assert ledger.begin(run, [], NOW) == []
    ledger.finish([], NOW)
    assert ledger.changes(run) == []


def test_only_counted_removals_that_may_have_happened_count(ledger: Ledger) -> None:
    write(ledger, removal(1))
    write(ledger, removal(1))
    write(ledger, removal(2), status="unknown")
    write(ledger, removal(3), status="failed")
    write(ledger, removal(4, counted=False), creation(5))
    write(ledger, removal(6), now=NOW - 25 * 60 * MINUTE)
    ledger.begin(started(ledger), [removal(7)], NOW)
    found = ledger.removals_since("corail", NOW - 24 * 60 * MINUTE)
    assert found == {4: {f"corail.ilucca.net/11/{period}/20261221A" for period in (1, 2, 7)}}
    assert ledger.removals_since("lagon", NOW - MINUTE) == {}


def test_changes_of_a_run_that_ended_are_left_open(ledger: Ledger) -> None:
    run = started(ledger)
    ledger.begin(run, [creation(1), removal(2)], NOW)
    ledger.take(["tenant:corail"], run, 60, NOW)
    assert ledger.left_open("corail", NOW) == []
    ledger.end_run(run, 130, {}, NOW)
    assert [found.change.action for found in ledger.left_open("corail", NOW)] == ["create", "remove"]


def test_changes_of_a_run_that_died_are_left_open_once_its_leases_ran_out(ledger: Ledger) -> None:
    run = started(ledger)
    (number,) = ledger.begin(run, [creation()], NOW)
    ledger.take(["mailbox:corail/siège/anne"], f"{run}/worker-3", 30, NOW)
    assert ledger.left_open("corail", NOW + 29 * SECOND) == []
    (found,) = ledger.left_open("corail", NOW + 31 * SECOND)
    ledger.finish([(number, Outcome(found.change, "done", "id", "etag"))], NOW + MINUTE)
    assert ledger.left_open("corail", NOW + MINUTE) == []


def test_every_mailbox_ever_written_to_is_a_place_even_before_the_write(ledger: Ledger) -> None:
    run = started(ledger)
    ledger.begin(run, [creation(1), creation(2), creation(3, BRUNO), creation(4, BRUNO, employee=12)], NOW)
    ledger.begin(run, [creation(5)], NOW)
    assert ledger.places("corail") == {11: {ANNE, BRUNO}, 12: {BRUNO}}
    assert ledger.places("lagon") == {}


def test_a_listing_is_put_forward_by_what_we_did_since(ledger: Ledger) -> None:
    ledger.note_listing("corail", {ANNE: (5, date(2026, 6, 1)), BRUNO: (0, None)}, NOW)
    write(ledger, creation(1), creation(2), removal(3), now=NOW + SECOND)
    write(ledger, creation(4), status="failed", now=NOW + SECOND)
    seen = ledger.last_listing("corail")
    assert (seen[ANNE].events, seen[ANNE].latest, seen[ANNE].at) == (6, date(2026, 12, 25), NOW)
    assert (seen[BRUNO].events, seen[BRUNO].latest) == (0, None)
    ledger.note_listing("corail", {ANNE: (2, None)}, NOW + MINUTE)
    assert (ledger.last_listing("corail")[ANNE].events, ledger.last_listing("corail")[ANNE].latest) == (
        2,
        None,
    )


def test_a_removal_of_unknown_outcome_makes_no_mailbox_suspect(ledger: Ledger) -> None:
    ledger.note_listing("corail", {ANNE: (3, None)}, NOW)
    write(ledger, removal(1), status="unknown", now=NOW + SECOND)
    ledger.begin(started(ledger), [removal(2), removal(3)], NOW + SECOND)
    assert ledger.last_listing("corail")[ANNE].events == 0


def test_a_clock_that_stands_still_counts_no_change_twice(ledger: Ledger) -> None:
    write(ledger, creation(1), creation(2), creation(3))
    ledger.note_listing("corail", {ANNE: (3, None)}, NOW)
    assert ledger.last_listing("corail")[ANNE].events == 3
    write(ledger, removal(1), removal(2), removal(3))
    assert ledger.last_listing("corail")[ANNE].events == 0


def test_an_unknown_creation_waits_for_its_key_and_a_rewriting_for_a_key_that_never_comes(
    ledger: Ledger,
) -> None:
    """Where days became hours the old event has the same key; what was sent may still arrive beside it."""
    mark = Fingerprint.of(WEEK)
    old = Existing(ANNE, "id", "etag", "uid", str(creation(2).key), str(mark), WEEK)
    into_hours = replace(creation(2, event=NOON), action="update", existing=old)
    still_days = replace(creation(3), action="update", existing=old)
    run = started(ledger)
    changes = [creation(1), into_hours, still_days]
    numbers = ledger.begin(run, changes, NOW)
    lost = [Outcome(change, "unknown", error=RowFailed("lost")) for change in changes]
    ledger.finish(list(zip(numbers, lost, strict=True)), NOW)
    waiting = ledger.unsettled("corail", NOW - MINUTE)
    assert waiting == {ANNE: {str(creation(1).key), f"{into_hours.key} anew"}}


def test_a_quiet_mailbox_stays_quiet_through_a_listing(ledger: Ledger) -> None:
    ledger.quiet("corail", ANNE, NOW + 10 * MINUTE)
    assert ledger.last_listing("corail")[ANNE].at is None
    ledger.note_listing("corail", {ANNE: (4, None)}, NOW)
    seen = ledger.last_listing("corail")[ANNE]
    assert (seen.events, seen.quiet_until) == (4, NOW + 10 * MINUTE)
    ledger.quiet("corail", ANNE, NOW + 20 * MINUTE)
    assert ledger.last_listing("corail")[ANNE].events == 4


def test_the_last_fingerprint_written_is_known_until_we_remove_the_event(ledger: Ledger) -> None:
    place = ANNE, str(creation().key)
    write(ledger, creation())
    assert ledger.last_written("corail") == {place: str(Fingerprint.of(WEEK))}
    later = replace(WEEK, title="Absente")
    write(ledger, replace(creation(event=later), action="update", reason="policy changed"))
    assert ledger.last_written("corail") == {place: str(Fingerprint.of(later))}
    write(ledger, removal(), status="failed")
    assert place in ledger.last_written("corail")
    write(ledger, removal())
    assert ledger.last_written("corail") == {}


def test_a_removal_that_nobody_could_confirm_is_not_taken_for_a_deletion_by_the_owner(ledger: Ledger) -> None:
    write(ledger, creation())
    write(ledger, removal(), status="unknown")
    assert ledger.last_written("corail") == {}


def test_removing_a_duplicate_does_not_forget_the_event_that_stays(ledger: Ledger) -> None:
    write(ledger, creation(), replace(removal(), reason="duplicate"))
    assert list(ledger.last_written("corail")) == [(ANNE, str(creation().key))]


def test_a_removal_and_a_creation_of_one_key_end_as_the_last_of_them(ledger: Ledger) -> None:
    write(ledger, removal(), creation())
    assert list(ledger.last_written("corail")) == [(ANNE, str(creation().key))]
    write(ledger, creation(), removal())
    assert ledger.last_written("corail") == {}


def test_slices_keep_the_last_full_listing(ledger: Ledger) -> None:
    ledger.note_slices("corail", {4: 120, 7: 3}, NOW)
    ledger.note_slices("corail", {4: 80}, NOW + MINUTE)
    assert ledger.slices("corail") == {4: 80, 7: 3}


def test_a_lease_excludes_others_until_it_runs_out(ledger: Ledger) -> None:
    assert ledger.take(["tenant:corail"], "run-1", 30, NOW) == {"tenant:corail"}
    assert ledger.take(["tenant:corail"], "run-2", 30, NOW + 29 * SECOND) == set()
    assert ledger.holder_of("tenant:corail", NOW + 29 * SECOND) == "run-1"
    assert ledger.holder_of("tenant:corail", NOW + 30 * SECOND) is None
    assert ledger.take(["tenant:corail"], "run-2", 30, NOW + 30 * SECOND) == {"tenant:corail"}
    assert ledger.holder_of("tenant:corail", NOW + 30 * SECOND) == "run-2"


def test_a_lease_that_ran_out_cannot_be_renewed(ledger: Ledger) -> None:
    ledger.take(["a", "b"], "run-1", 30, NOW)
    assert ledger.renew(["a"], "run-1", 30, NOW + 20 * SECOND) == {"a"}
    assert ledger.renew(["a", "b", "c"], "run-1", 30, NOW + 40 * SECOND) == {"a"}
    assert ledger.renew([], "run-1", 30, NOW) == set()


def test_taking_all_or_nothing_takes_nothing_when_one_is_held(ledger: Ledger) -> None:
    ledger.take(["b"], "run-1", 30, NOW)
    ledger.take(["c"], "run-2", 30, NOW)
    assert ledger.take(["a", "b", "c"], "run-2", 30, NOW, all_or_nothing=True) == set()
    assert ledger.holder_of("a", NOW) is None
    assert ledger.holder_of("c", NOW) == "run-2"
    assert ledger.take(["a", "b", "c"], "run-2", 30, NOW) == {"a", "c"}
    assert ledger.take(["a", "c"], "run-2", 30, NOW, all_or_nothing=True) == {"a", "c"}


def test_only_the_holder_can_release(ledger: Ledger) -> None:
    ledger.take(["a"], "run-1", 30, NOW)
    ledger.release(["a"], "run-2")
    assert ledger.holder_of("a", NOW) == "run-1"
    ledger.release(["a", "b"], "run-1")
    assert ledger.holder_of("a", NOW) is None


def test_a_refused_credential_is_remembered_until_somebody_says_so(ledger: Ledger) -> None:
    ledger.refuse("corail", "d1", NOW)
    ledger.refuse("corail", "d1", NOW)
    ledger.refuse("corail", "d2", NOW)
    assert ledger.is_refused("d1")
    ledger.forget_refusal("d1")
    assert not ledger.is_refused("d1")
    assert ledger.is_refused("d2")
    ledger.forget_refusal("corail")
    assert not ledger.is_refused("d2")


def test_facts_are_kept_by_tenant_and_name(ledger: Ledger) -> None:
    assert ledger.recall("corail", "page") is None
    ledger.remember("corail", "page", 10000)
    ledger.remember("corail", "page", {"size": 500})
    assert ledger.recall("corail", "page") == {"size": 500}
    assert ledger.recall("lagon", "page") is None


def test_health_is_one_line_a_day(ledger: Ledger) -> None:
    ledger.note_health("corail", date(2026, 11, 22), {"failed": 1})
    ledger.note_health("corail", date(2026, 11, 21), {"failed": 2})
    ledger.note_health("corail", date(2026, 11, 22), {"failed": 0})
    days = list(ledger.health("corail").items())
    assert days == [(date(2026, 11, 21), {"failed": 2}), (date(2026, 11, 22), {"failed": 0})]


def test_what_a_day_knows_already_stays_beside_what_is_noted_later(ledger: Ledger) -> None:
    ledger.note_health("corail", date(2026, 11, 22), {"failed": 1, "exit": 1})
    ledger.note_health("corail", date(2026, 11, 22), {"failed": 0, "checks": {"ok": 12}})
    assert ledger.health("corail") == {date(2026, 11, 22): {"failed": 0, "exit": 1, "checks": {"ok": 12}}}


def test_facts_are_listed_by_how_their_names_begin(ledger: Ledger) -> None:
    for name in ("ends: a_b", "ends: axb", "page"):
        ledger.remember("corail", name, name)
    assert ledger.facts("corail", "ends: a_") == {"ends: a_b": "ends: a_b"}
    assert set(ledger.facts("corail")) == {"ends: a_b", "ends: axb", "page"}


def test_old_runs_expire_with_their_changes_but_places_and_last_writes_stay(ledger: Ledger) -> None:
    old = write(ledger, creation(1))
    new = write(ledger, creation(2, BRUNO), now=NOW + timedelta(days=2))
    assert ledger.expire(NOW + timedelta(days=91)) == [old]
    assert [run.id for run in ledger.runs("corail")] == [new]
    assert ledger.changes(old) == []
    assert ledger.places("corail") == {11: {ANNE, BRUNO}}
    assert len(ledger.last_written("corail")) == 2


def test_forgetting_a_tenant_leaves_the_others_alone(ledger: Ledger) -> None:
    write(ledger, creation())
    kept = started(ledger, tenant="corail-2")
    ledger.take(["tenant:corail", "mailbox:corail/x/y", "mailbox:corail-2/x/y"], "run", 30, NOW)
    ledger.note_listing("corail", {ANNE: (1, None)}, NOW)
    ledger.forget_tenant("corail")
    assert (ledger.runs("corail"), ledger.places("corail"), ledger.last_listing("corail")) == ([], {}, {})
    assert ledger.holder_of("tenant:corail", NOW) is None
    assert ledger.holder_of("mailbox:corail-2/x/y", NOW) == "run"
    assert ledger.run(kept).tenant == "corail-2"


def test_the_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    Ledger.open(url).close()
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    assert max(_known_versions()) == SCHEMA


def test_a_ledger_of_a_newer_version_is_refused(url: str) -> None:
    Ledger.open(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(UsageError, match=r"newer figgo_ops .*9999"):
        Ledger.open(url)


def in_another_process(script: str, *arguments: str) -> "subprocess.Popen[str]":
    """A Python that works on the ledger too; the tests' own pieces are imported as `t`."""
    here = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_ledger as t\n"
    command = [sys.executable, "-c", here + textwrap.dedent(script), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_processes_that_open_a_new_ledger_at_once_all_succeed(url: str) -> None:
    script = """
        print("ready", flush=True)
        sys.stdin.readline()
        ledger = t.Ledger.open(sys.argv[1])
        run = t.started(ledger)
        numbers = ledger.begin(run, [t.creation(n) for n in range(100)], t.NOW)
        ledger.finish([(n, t.Outcome(t.creation(i), "done")) for i, n in enumerate(numbers)], t.NOW)
        print(len(ledger.changes(run)), len(ledger.take(["tenant:corail"], run, 30, t.NOW)))
        ledger.close()
    """
    processes = [in_another_process(script, url) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate() for process in processes]
    assert [errors for _, errors in said] == [""] * 4
    assert sorted(out.split() for out, _ in said) == [["100", "0"]] * 3 + [["100", "1"]]


def test_a_run_killed_between_begin_and_finish_leaves_its_intents_to_be_settled(url: str) -> None:
    script = """
        import os, signal
        ledger = t.Ledger.open(sys.argv[1])
        run = t.started(ledger)
        ledger.take(["tenant:corail"], run, 30, t.NOW)
        ledger.begin(run, [t.creation(1), t.removal(2)], t.NOW)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = in_another_process(script, url)
    assert killed.communicate()[1] == ""
    assert killed.returncode == -9
    ledger = Ledger.open(url)
    assert ledger.left_open("corail", NOW) == []
    left = ledger.left_open("corail", NOW + MINUTE)
    assert [found.change for found in left] == [creation(1), removal(2)]
    assert ledger.places("corail") == {11: {ANNE}}
    ledger.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_the_file_and_what_lies_beside_it_are_ours_alone(file: Path) -> None:
    file.touch(mode=0o644)
    file.chmod(0o644)
    ledger = Ledger.open(f"sqlite:///{file}")
    started(ledger)
    assert {found.name: found.stat().st_mode & 0o777 for found in file.parent.iterdir()} == {
        "ledger.db": 0o600,
        "ledger.db-wal": 0o600,
        "ledger.db-shm": 0o600,
    }
    ledger.close()


def test_a_lost_ledger_is_made_anew_even_beside_the_traces_of_the_old_one(file: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{file}")
    write(ledger, creation())
    file.unlink()
    assert file.with_name("ledger.db-wal").exists()
    again = Ledger.open(f"sqlite:///{file}")
    assert again.places("corail") == {}
    write(again, creation())
    assert again.places("corail") == {11: {ANNE}}
    again.close()
    ledger.close()


def test_a_file_that_is_no_database_is_named_with_what_to_do(file: Path) -> None:
    file.write_text("Bonjour, je ne suis pas une base de données. " * 100)
    with pytest.raises(UsageError, match="not a database") as caught:
        Ledger.open(f"sqlite:///{file}")
    assert str(file) in caught.value.message
    assert f"mv {file} {file}.broken" in caught.value.remedy


def test_a_ledger_damaged_while_open_is_reported_with_what_to_do(file: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{file}")
    with sqlite3.connect(file) as other:
        other.execute("DROP TABLE runs")
    other.close()
    with pytest.raises(UsageError, match="no such table") as caught:
        ledger.runs("corail")
    assert f"mv {file}" in caught.value.remedy
    ledger.close()


def test_a_folder_where_the_file_belongs_is_refused(file: Path) -> None:
    file.mkdir()
    with pytest.raises(UsageError, match="cannot be used"):
        Ledger.open(f"sqlite:///{file}")


def test_a_missing_folder_is_refused(file: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        Ledger.open(f"sqlite:///{file.parent / 'nowhere' / 'ledger.db'}")


def test_a_full_disk_is_said_in_plain_words(file: Path) -> None:
    """A limit on file size stands for the disk: SQLite is told the same."""
    script = """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        ledger = t.Ledger.open(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        run = t.started(ledger)
        try:
            ledger.begin(run, [t.creation(n) for n in range(5000)], t.NOW)
        except t.UsageError as error:
            print(error.message, error.remedy)
    """
    process = in_another_process(script, f"sqlite:///{file}")
    said, errors = process.communicate()
    assert errors == ""
    assert str(file) in said
    assert "Free some space" in said


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("hunter2", "not a database URL"),
        ("mysql://u:hunter2@h/x", "cannot be kept in mysql"),
        ("sqlite://", "names no file"),
        ("postgresql+nodriver://u:hunter2@h/x", "nodriver"),
    ],
)
def test_a_ledger_url_that_cannot_work_is_refused_without_its_password(url: str, cause: str) -> None:
    with pytest.raises(UsageError, match=cause) as caught:
        Ledger.open(url)
    assert "hunter2" not in caught.value.message + caught.value.remedy
