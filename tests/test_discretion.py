"""What nobody else should read stays where it is: keys, absence types, titles, the words of owners."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from figgo_ops import sync, words
from figgo_ops.desk import reports
from figgo_ops.errors import Incomplete
from figgo_ops.figgo import rows
from tests.rehearsal import Corail
from tests.shell import Shell, quiet_surroundings


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Active from the start, and showing absence types in private events."""
    with Corail(tmp_path) as made:
        made.activate()
        made.rewrite("show_type = false", "show_type = true")
        yield made


@pytest.fixture
def patient(corail: Corail) -> int:
    """Somebody newly hired, ill on 11 January 2027."""
    number = corail.stage.hire("Léa", "Malard", 1, "lea.malard@corail.example").id
    corail.stage.enter_by_hr(number, date(2027, 1, 11))
    return number


@pytest.fixture
def shell(
    corail: Corail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: corail.clock)
    return Shell(corail, capsys.readouterr)


@pytest.mark.parametrize("asked", [(), ("--json",)], ids=["text", "JSON"])
@pytest.mark.parametrize("verb", ["plan", "sync"])
def test_a_key_that_figgo_repeats_in_an_error_is_not_shown(
    shell: Shell, verb: str, asked: tuple[str, ...]
) -> None:
    key = (shell.corail.home.secrets / "corail-figgo.key").read_text(encoding="utf-8").strip()
    body = json.dumps({"detail": f"bad header: Authorization lucca application={key}"})
    shell.corail.fault("figgo", "status", path="*leaves*", times=None, value={"status": 400, "body": body})
    ran = shell(verb, "corail", *asked)
    assert "application=[secret:file:corail-figgo.key]" in ran.out
    assert key not in ran.out + ran.err


def test_a_key_that_stands_where_a_long_answer_is_cut_is_not_shown_in_half(shell: Shell) -> None:
    key = (shell.corail.home.secrets / "corail-figgo.key").read_text(encoding="utf-8").strip()
    body = json.dumps({"detail": f"{'La clef est refusée. ' * 13} {key}"})
    shell.corail.fault("figgo", "status", path="*leaves*", times=None, value={"status": 400, "body": body})
    ran = shell("plan", "corail")
    assert "La clef est refusée." in ran.out
    assert key[:8] not in ran.out + ran.err


ACCOUNTS: dict[str, Any] = {
    "a list": [{"id": 10, "name": "Arrêt maladie"}],
    "text": "Arrêt maladie",
    "a number that is none": {"id": "Arrêt maladie", "name": "Absent"},
}


@pytest.mark.parametrize("account", ACCOUNTS.values(), ids=ACCOUNTS.keys())
def test_an_answer_of_a_strange_form_is_described_and_not_quoted(account: object) -> None:
    period = {"id": 1, "ownerId": 2, "isConfirmed": True}
    flags = {"isAM": True, "isActive": True, "isRemoteWork": False, "isRealLeave": True}
    whole = {"id": "1", "date": "2026-12-07", "value": None, "cancellationDate": None, "leavePeriod": period}
    with pytest.raises(Incomplete) as caught:
        rows.leave_of({**whole, **flags, "leaveAccount": account})
    assert "leave 1" in caught.value.message
    assert "maladie" not in caught.value.message + caught.value.remedy


def test_an_error_of_the_ledger_carries_no_title(corail: Corail, patient: int) -> None:
    seen = corail.plan(patient)
    assert "Maladie" in str(seen.changes[0].event)
    with corail.session() as session:
        run = session.ledger.start_run("corail", "apply", "me", {}, "", "", corail.clock.now())
        with session.ledger._writing() as connection:
            connection.exec_driver_sql(
                "create trigger full before insert on changes begin select raise(abort, 'disk full'); end"
            )
        with pytest.raises(IntegrityError) as caught:
            session.ledger.begin(run, seen.changes, corail.clock.now())
    assert "disk full" in str(caught.value)
    assert "Maladie" not in str(caught.value)


def told(corail: Corail, number: int) -> str:
    """All that a plan shows of somebody, in the terminal and in the report."""
    seen = corail.plan(number)
    assert len(seen.changes) == 1
    return words.plan_text(seen, "") + "".join(part.html() for part in reports.plan_parts(seen))


def test_the_type_in_the_title_of_a_private_event_is_for_its_owner_alone(
    corail: Corail, patient: int
) -> None:
    assert "Maladie" in told(corail, patient)
    corail.rewrite("private = false", "private = true")
    shown = told(corail, patient)
    assert ("Maladie" in shown, "(private)" in shown) == (False, True)
    assert corail.sync(patient).created == 1
    assert "Maladie" in corail.shown(patient)[0]


@pytest.mark.parametrize("private", [True, False])
def test_what_an_owner_wrote_over_a_title_is_in_no_report(
    corail: Corail, patient: int, private: bool
) -> None:
    if private:
        corail.rewrite("private = false", "private = true")
    corail.sync(patient)
    corail.owner(patient).rename(corail.event_id(patient), "Chimio, ne pas déranger")
    assert "Chimio" not in told(corail, patient)
    corail.cancel(patient)
    corail.stage.remove_half_days(
        next(one.id for one in corail.stage.company.periods.values() if one.owner.id == patient),
        [(date(2027, 1, 11), "AM"), (date(2027, 1, 11), "PM")],
    )
    assert "Chimio" not in told(corail, patient)
    assert sync.exit_of(corail.sync(patient)) == 0
