"""The command line: what it prints for people and programs, and the exit code that says how it ended."""

import io
import json
import re
import signal
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops import sync, tenants
from figgo_ops.__main__ import main
from figgo_ops.errors import UsageError
from figgo_ops.lease import leased
from figgo_ops.ledger import Ledger
from figgo_ops.session import Session
from tests.rehearsal import TODAY, Corail
from tests.shell import PLAN, RESULT, ROW, Ran, Shell, quiet_surroundings, secrets_of, shaped


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as corail:
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
        yield Shell(corail, capsys.readouterr)
    signal.signal(signal.SIGTERM, before)
    assert not (tmp_path / "elsewhere").exists(), "--home was not the only home"


def last_line(ran: Ran) -> str:
    return ran.out.splitlines()[-1].partition(": ")[2]


def test_the_plan_ends_with_the_line_that_writes_it_and_the_line_works_as_printed(shell: Shell) -> None:
    seen = shell("plan", "corail", "--from", "start")
    assert seen.exit == 0
    assert "65 to create, 0 to update, 0 to remove, 0 unchanged" in seen.out
    written = shell.typed(last_line(seen))
    assert written.exit == 0
    assert "65 created, 0 updated, 0 removed, 0 unchanged" in written.out
    assert len(shell.corail.marked()) == 65
    again = shell("plan", "corail", "--from", "start")
    assert (again.exit, "65 unchanged" in again.out) == (0, True)
    assert shell.typed(last_line(again)).exit == 0, "a plan of nothing can be confirmed too"


def test_programs_get_one_document_and_people_the_rest(shell: Shell) -> None:
    seen = shell.json("plan", "corail", "--from", "start")
    shaped(seen.document, PLAN)
    assert seen.document["created"] == 65
    assert {frozenset(row) for row in seen.document["skipped"]} == {
        frozenset({"employee", "leave", "reason"})
    }
    assert f"REHEARSAL  tenant corail (draft)  home {shell.corail.home.path}" in seen.err
    assert "Reading the leaves of 59 people" in seen.err
    words = ("apply", seen.document["file"], "--confirm", seen.document["checksum"])
    written = shell.json(*words)
    shaped(written.document, RESULT)
    assert (written.exit, written.document["created"], written.document["unchanged"]) == (0, 65, 0)
    assert "tenant corail (draft)" in written.err
    again = shell.json("sync", "corail")
    shaped(again.document, RESULT)
    assert (again.exit, again.document["created"], again.document["unchanged"]) == (0, 0, 64)


def test_the_first_line_people_read_says_whose_calendars_these_are(shell: Shell) -> None:
    for words in (("plan", "corail", "--employee", 64), ("sync", "corail")):
        ran = shell(*words)
        first = (ran.out + ran.err).splitlines()[0]
        assert first == f"REHEARSAL  tenant corail (draft)  home {shell.corail.home.path}"


def test_a_person_is_named_by_id_mail_or_number_and_a_legal_entity_by_its_id(shell: Shell) -> None:
    person = shell.corail.person(shell.corail.case("half-day-am").person)
    for name in (person.id, person.mail, str(person.mail).upper(), person.employee_number):
        assert shell.json("plan", "corail", "--employee", name).document["created"] == 1
    part = shell.json("plan", "corail", "--legal-entity", 3).document["created"]
    parts = shell.json("plan", "corail", "--legal-entity", 3, "--legal-entity", 2).document["created"]
    assert 1 < part < parts < 64
    nobody = shell.json("plan", "corail", "--legal-entity", 3, "--employee", person.id)
    assert nobody.document["created"] == 0


def test_people_who_cannot_be_served_are_named_and_are_no_error(shell: Shell) -> None:
    corail = shell.corail
    gone = corail.mail(corail.case("whole-day").person)
    corail.stage.google.set_state(gone, "unknown")
    seen = shell("plan", "corail")
    assert seen.exit == 0
    pair = ", ".join(map(str, corail.case("shared-mail").people))
    for reason in (
        "Figgo holds no usable mail address (1)",
        f"employees {pair} share the mailbox atelier@corail.example (2)",
        f"{gone} (google): Google knows no such user. (1)",
        "come.absil@corail-suisse.example (exchange): Exchange has no such mailbox: a typing mistake",
        "remote work (2)",
    ):
        assert f"Not shown: {reason}" in seen.out


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("no-mail", "Figgo holds no usable mail address"),
        ("shared-mail", "share the mailbox atelier@corail.example"),
        ("mailbox-unknown", "Exchange has no such mailbox"),
    ],
)
def test_somebody_asked_for_who_cannot_be_served_is_told_why(shell: Shell, case: str, reason: str) -> None:
    number = shell.corail.case(case).person
    seen = shell.json("plan", "corail", "--employee", number)
    assert (seen.exit, seen.document["created"]) == (0, 0)
    assert [reason in skip["reason"] for skip in seen.document["skipped"] if skip["employee"] == number] == [
        True
    ]


def test_an_absence_type_that_would_be_code_elsewhere_is_only_text_here(shell: Shell) -> None:
    shell.corail.rewrite("show_type = false", "show_type = true")
    number = shell.corail.case("hostile-type").person
    assert "<script>alert('congé')</script>" in shell("plan", "corail", "--employee", number).out
    seen = shell.json("plan", "corail", "--employee", number)
    assert (seen.exit, seen.document["created"]) == (0, 2)
    assert "script" not in Path(seen.document["file"]).read_text(encoding="utf-8")
    shell("apply", seen.document["file"], "--confirm", seen.document["checksum"])
    titles = {event["summary"] for event in shell.corail.events(number)}
    assert titles == {"=cmd|' /C calc'!A0", "<script>alert('congé')</script>"}


def test_removals_above_the_limits_wait_for_the_exact_number_that_the_plan_prints(shell: Shell) -> None:
    corail = shell.corail
    corail.load()
    corail.rewrite("delete_ratio = 0.3\ndelete_min = 10", "delete_ratio = 0.0\ndelete_min = 0")
    corail.stage.cancel(corail.case("pending").request)
    held = shell.json("sync", "corail")
    assert (held.exit, held.document["deleted"]) == (3, 0)
    assert {frozenset(row) for row in held.document["held"]} == {frozenset(ROW)}
    seen = shell("plan", "corail")
    assert seen.exit == 3
    assert "Refused: " in seen.out
    line = last_line(seen)
    assert "--removals 1" in line
    assert shell.typed(line.replace(" --removals 1", "")).exit == 3
    shell.refused(
        *line.replace("--removals 1", "--removals 2").split()[1:],
        exit=3,
        says="1 removals that count, not 2",
        remedy="--removals 1",
    )
    assert len(corail.marked()) == 65
    done = shell.typed(line)
    assert (done.exit, "1 removed" in done.out, len(corail.marked())) == (0, True, 64)


def test_a_row_the_provider_refuses_is_named_and_ends_with_one(shell: Shell) -> None:
    corail = shell.corail
    corail.activate()
    number = corail.case("half-day-am").person
    refusal = {"status": 400, "reason": "invalid", "message": "Nope"}
    corail.fault("google", "status", method="POST", path="*/events", times=None, value=refusal)
    ran = shell.json("sync", "corail", "--employee", number)
    assert ran.exit == 1
    (row,) = ran.document["failed"]
    assert set(row) == ROW
    assert (row["employee"], row["mailbox"], row["action"]) == (number, corail.mail(number), "create")
    assert "Nope" in row["error"]
    assert "failed: create" in shell("sync", "corail", "--employee", number).out


def test_a_mailbox_that_cannot_be_read_is_named_and_the_others_are_written(shell: Shell) -> None:
    corail = shell.corail
    corail.activate()
    broken = corail.mail(corail.case("half-day-am").person)
    corail.stage.google.set_state(broken, "suspended")
    ran = shell.json("sync", "corail")
    assert ran.exit == 1
    assert ran.document["created"] == 63
    (row,) = ran.document["unreadable"]
    assert set(row) == {"employee", "mailbox", "error", "remedy"}
    assert row["mailbox"] == f"{broken} (google)"
    assert f"not readable: {broken} (google): the account is suspended" in shell("sync", "corail").out


def test_a_tenant_that_another_run_holds_is_left_alone(shell: Shell) -> None:
    shell.corail.activate()
    ledger = Ledger.open(shell.corail.home.ledger)
    try:
        with leased(ledger, ["tenant:corail"], uuid.uuid4().hex, shell.corail.clock):
            shell.refused("sync", "corail", exit=5, says="is working for corail", remedy="Wait for it")
    finally:
        ledger.close()
    assert shell.corail.writes() == []
    assert shell("sync", "corail").exit == 0


def test_an_error_nobody_foresaw_leaves_its_traceback_in_the_home_without_secrets(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(session: Session, _ask: sync.Ask) -> None:
        session.figgo.people()
        key = (shell.corail.home.secrets / "corail-figgo.key").read_text(encoding="utf-8")
        raise ZeroDivisionError(f"with {key}")

    monkeypatch.setattr("figgo_ops.sync.plan", broken)
    shell.refused("plan", "corail", exit=70, says="ZeroDivisionError", remedy=str(shell.corail.home.path))
    kept = shell.corail.home.path / "last-internal-error.txt"
    text = kept.read_text(encoding="utf-8")
    assert "Traceback" in text
    assert "with [secret:file:corail-figgo.key]" in text
    assert not [secret for secret in secrets_of(shell.corail.home.secrets) if secret in text]
    assert kept.stat().st_mode & 0o077 == 0


def test_no_error_message_shows_a_secret_whoever_wrote_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(session: Session, _ask: sync.Ask) -> None:
        session.figgo.people()
        key = (shell.corail.home.secrets / "corail-figgo.key").read_text(encoding="utf-8")
        raise UsageError(f"The key {key} is bad.", f"Replace {key}.")

    monkeypatch.setattr("figgo_ops.sync.plan", careless)
    key = "[secret:file:corail-figgo.key]"
    shell.refused("plan", "corail", exit=2, says=f"The key {key} is bad.", remedy=f"Replace {key}.")


def test_the_tenants_are_listed_and_one_that_cannot_be_read_is_listed_as_such(shell: Shell) -> None:
    listed = shell.json("tenants")
    file = str(shell.corail.file)
    assert listed.exit == 0
    row = {"tenant": "corail", "state": "draft", "kind": "REHEARSAL", "file": file}
    assert listed.document == {"home": str(shell.corail.home.path), "tenants": [row]}
    assert "corail  draft  REHEARSAL" in shell("tenants").out
    (shell.corail.home.tenants / "récif.toml").write_text("name = ", encoding="utf-8")
    (shell.corail.home.tenants / "atoll.toml").write_text("name = 1", encoding="utf-8")
    broken = shell.json("tenants")
    assert broken.exit == 2
    states = {row["tenant"]: row["state"] for row in broken.document["tenants"]}
    assert states == {"corail": "draft", "récif": "unreadable", "atoll": "unreadable"}
    shown = shell("tenants")
    assert (shown.exit, "récif.toml is not TOML" in shown.out, "Known are" in shown.out) == (2, True, False)


def given(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Whatever reads a pipe next finds this in it."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_new_secret_is_tried_where_the_old_one_was_refused(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = (shell.corail.home.secrets / "corail-figgo.key").read_bytes()
    given(monkeypatch, b"not-the-key-at-all\n")
    assert shell("secret", "set", "file:corail-figgo.key").exit == 0
    assert shell("plan", "corail").exit == 4
    assert "not tried again" in shell("plan", "corail").err
    given(monkeypatch, value + b"\r\n")
    stored = shell.json("secret", "set", "file:corail-figgo.key")
    assert (stored.exit, stored.document) == (0, {"stored": "file:corail-figgo.key"})
    assert shell("plan", "corail").exit == 0, "it took more than the new secret"


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "Nothing was given"), (b" \n", "Nothing was given"), (b"\xff\xfe\x00", "UTF-8")],
)
def test_a_pipe_without_a_secret_in_it_stores_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, content: bytes, says: str
) -> None:
    given(monkeypatch, content)
    ran = shell("secret", "set", "file:new.key")
    assert (ran.exit, says in ran.err) == (2, True)
    assert not (shell.corail.home.secrets / "new.key").exists()


def test_a_home_without_tenants_says_so(shell: Shell, tmp_path: Path) -> None:
    ran = shell("tenants", home=tmp_path / "new")
    assert (ran.exit, ran.out) == (0, f"No tenants in {tmp_path / 'new'}.\n")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_tenant_is_shown_as_its_file_says_references_unresolved(shell: Shell) -> None:
    shown = shell.json("tenants", "show", "corail")
    expected = tomllib.loads(shell.corail.file.read_text(encoding="utf-8"))
    expected["start"] = expected["start"].isoformat()
    expected["checklist"]["vendor_sync_off"] = expected["checklist"]["vendor_sync_off"].isoformat()
    assert shown.document == expected
    assert shown.document["figgo"]["api_key"] == "file:corail-figgo.key"
    assert json.loads(shell("tenants", "show", "corail").out) == expected


def test_a_first_load_from_the_command_line_makes_the_draft_active(shell: Shell) -> None:
    assert tenants.load(shell.corail.home, "corail").state == "draft"
    shell.typed(last_line(shell("plan", "corail", "--employee", shell.corail.case("whole-day").person)))
    assert tenants.load(shell.corail.home, "corail").state == "active"
    assert shell("sync", "corail").exit == 0


def test_the_window_begins_where_it_is_told_but_never_before_the_start(shell: Shell) -> None:
    late = shell.corail.case("retroactive-sickness").person
    for since, created in (("start", 1), (TODAY.isoformat(), 0), ("2026-09-14", 1), ("1970-01-01", 1)):
        seen = shell.json("plan", "corail", "--employee", late, "--from", since)
        assert (seen.exit, seen.document["created"]) == (0, created), since
    assert "Days 2026-05-01 to" in shell("plan", "corail", "--from", "1970-01-01").out


def test_a_start_in_the_far_past_is_only_slow_and_the_estimate_says_so(shell: Shell) -> None:
    shell.corail.rewrite("start = 2026-05-01", "start = 1950-01-01")
    seen = shell("plan", "corail", "--from", "start")
    assert (seen.exit, "Days 1950-01-01 to" in seen.out) == (0, True)
    minutes = re.search(r"at most (\d+) requests, (\d+) min", seen.err)
    assert minutes is not None
    assert int(minutes[2]) > 10


def test_help_and_version_come_from_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["plan", "--help"], ["secret", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        assert "figgo-ops" in capsys.readouterr().out
