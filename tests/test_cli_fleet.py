"""`figgo-ops fleet`: what it prints for people and programs, its exit codes, its page and its messages."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.rehearsal import TODAY, Corail
from tests.shell import Shell, quiet_surroundings, shaped

ROW = {
    "tenant": str,
    "state": str,
    "calendars": list,
    "failures": int,
    "checks": dict,
    "wrong": list,
}


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    """Types commands in a home with one tenant, which has run."""
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    before = signal.getsignal(signal.SIGTERM)
    with Corail(tmp_path) as corail:
        for module in ("session", "desk.fleet"):
            monkeypatch.setattr(f"figgo_ops.{module}.SystemClock", lambda: corail.clock)
        corail.activate()
        corail.load()
        yield Shell(corail, capsys.readouterr)
    signal.signal(signal.SIGTERM, before)


def ending(shell: Shell, days: int) -> None:
    """The password of Exchange is known to end in so many days."""
    day = TODAY + timedelta(days=days)
    shell.corail.rewrite('kind = "exchange"', f'kind = "exchange"\ncredential_until = {day}')


def test_a_healthy_fleet_ends_in_0_and_nothing_was_asked_of_any_network(shell: Shell) -> None:
    shell.corail.forget_calls()
    ran = shell("fleet")
    assert ran.exit == 0
    assert "1 tenant: 1 active." in ran.out
    assert "google, exchange, microsoft365" in ran.out
    assert "To do" not in ran.out
    assert [shell.corail.calls(name) for name in ("figgo", "google", "exchange", "microsoft365")] == [[]] * 4


def test_programs_get_home_tenants_and_deadlines(shell: Shell) -> None:
    ending(shell, 20)
    told = shell.json("fleet").document
    shaped(told, {"home": str, "tenants": list, "deadlines": list})
    (row,) = told["tenants"]
    shaped(row, ROW)
    assert (row["tenant"], row["mode"], row["events"], row["last_run"]["command"]) == (
        *("corail", "REHEARSAL"),
        *(65, "apply"),
    )
    assert [(one["tenant"], one["code"]) for one in told["deadlines"]] == [("corail", "credential-until")]


def test_what_has_ended_is_exit_6_and_says_who_must_act(shell: Shell) -> None:
    ending(shell, -1)
    ran = shell("fleet")
    assert ran.exit == 6
    assert "To do, customer's administrator:\n  corail: the credential of calendar exchange ended" in ran.out


def test_with_check_every_tenant_is_diagnosed_now(shell: Shell) -> None:
    shell.corail.key_of_figgo("revoked")
    ran = shell.json("fleet", "--check")
    (row,) = ran.document["tenants"]
    assert ran.exit == 6
    assert "Figgo: key" in {check["name"] for check in row["wrong"]}
    assert all(check["cause"] and check["remedy"] and check["page"] for check in row["wrong"])
    later = shell("fleet")
    assert (later.exit, "Figgo: key" in later.out) == (6, True)


def test_a_tenant_file_that_is_wrong_is_told_beside_the_others(shell: Shell) -> None:
    (shell.corail.home.tenants / "acme.toml").write_text('name = "acme"\ntimezon = "x"', encoding="utf-8")
    ran = shell("fleet")
    assert ran.exit == 6
    assert "unreadable" in ran.out
    assert "timezone" in ran.out
    assert "corail" in ran.out


def test_the_time_that_failures_are_counted_in_can_be_chosen(shell: Shell) -> None:
    assert shell.json("fleet", "--since", "1h").document["tenants"][0]["runs"] == 1
    shell.corail.clock.sleep(2 * 3600)
    assert shell.json("fleet", "--since", "1h").document["tenants"][0]["runs"] == 0
    shell.refused("fleet", "--since", "soon", exit=2, says="no stretch of time", remedy="12h, 7d or 4w")


def test_a_manager_gets_a_page(shell: Shell, tmp_path: Path) -> None:
    ran = shell("fleet", "--report", tmp_path / "fleet.html")
    assert (ran.exit, f"Report: {tmp_path / 'fleet.html'}" in ran.err) == (0, True)
    page = (tmp_path / "fleet.html").read_text(encoding="utf-8")
    assert "Tenants by state" in page
    assert (tmp_path / "fleet.html").stat().st_mode & 0o777 == 0o600


def test_a_customer_gets_a_message(shell: Shell) -> None:
    ending(shell, 20)
    ran = shell("fleet", "--message", "corail")
    assert ran.exit == 0
    assert ran.out.startswith("Subject: ")
    assert "13 December 2026" in ran.out
    assert "@" not in ran.out
    assert shell.json("fleet", "--message", "corail").document["message"] == ran.out.rstrip("\n")
    shell.refused("fleet", "--message", "acme", exit=2, says="no tenant acme", remedy="corail")


def test_ctrl_c_ends_it_in_order(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("figgo_ops.desk.diagnostics.diagnose", interrupted)
    ran = shell("fleet", "--check")
    assert (ran.exit, ran.err.startswith("Interrupted.")) == (130, True)
