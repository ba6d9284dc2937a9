"""A wrong secret is shown to Microsoft once, whoever asks; what one mailbox lacks stops no other."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops import sync
from figgo_ops.errors import CredentialRefused, MailboxElsewhere, RightsMissing, UsageError
from tests.rehearsal import ANTILLES, Corail
from tests.shell import quiet_surroundings
from tests.test_log_on import PEOPLE, Office, refused

REFERENCE = "file:corail-microsoft365.secret"


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Active from the start, its calendars still empty."""
    with Corail(tmp_path) as made:
        made.activate()
        yield made


def some(corail: Corail) -> list[int]:
    """People whose mailboxes Microsoft 365 keeps."""
    return corail.members(ANTILLES)[:PEOPLE]


def wrong(corail: Corail) -> str:
    """Store a secret that Microsoft does not know; gives the right one."""
    right = (corail.home.secrets / REFERENCE.removeprefix("file:")).read_text()
    corail.home.store(REFERENCE, "Motdepasse1")
    return right


def attempts(corail: Corail) -> int:
    """How often a token was asked for."""
    return sum(entry.path.endswith("/token") for entry in corail.stage.log.entries("microsoft365"))


def test_a_wrong_secret_stops_its_calendar_alone_and_is_shown_once_for_ever(corail: Corail) -> None:
    right = wrong(corail)
    first = corail.sync(*some(corail), corail.case("whole-day").person)
    assert first.created == 1, "what Google keeps goes on"
    assert refused(first) == {(CredentialRefused, "secret-wrong")}
    assert (len(first.unreadable), sync.exit_of(first), attempts(corail)) == (len(some(corail)), 4, 1)
    corail.forget_calls()
    again = {(CredentialRefused, "credential-remembered")}
    assert refused(corail.plan(*some(corail))) == refused(corail.sync(*some(corail))) == again
    assert corail.stage.log.entries("microsoft365") == []
    corail.home.store(REFERENCE, right)
    assert corail.sync(*some(corail)).unreadable == []


def test_somebody_may_have_the_same_secret_tried_once_more_and_only_once(corail: Corail) -> None:
    wrong(corail)
    corail.sync(*some(corail))
    with corail.session(retry_credential=True) as session:
        for _ in range(3):
            sync.sync(session, sync.Ask(tuple(map(str, some(corail)))))
    assert attempts(corail) == 2
    assert refused(corail.plan(*some(corail))) == {(CredentialRefused, "credential-remembered")}
    assert attempts(corail) == 2


@pytest.mark.parametrize("application", ["no-consent", "disabled", "conditional-access"])
def test_missing_rights_are_tried_once_a_run_and_not_remembered(corail: Corail, application: str) -> None:
    corail.stage.microsoft365.switch("application", application)
    for run in (1, 2):
        result = corail.sync(*some(corail))
        assert {kind for kind, _ in refused(result)} == {RightsMissing}
        assert (sync.exit_of(result), attempts(corail)) == (4, run)
    corail.stage.microsoft365.switch("application", "ok")
    assert corail.sync(*some(corail)).unreadable == []


def test_a_wrong_tenant_is_a_matter_of_the_tenant_file(corail: Corail) -> None:
    tenant = corail.stage.microsoft365.tokens.tenant_id
    corail.rewrite(f'tenant_id = "{tenant}"', 'tenant_id = "11111111-2222-4333-8444-555555555555"')
    result = corail.sync(*some(corail))
    assert refused(result) == {(UsageError, "unknown-tenant")}
    assert sync.exit_of(result) == 2
    assert len(corail.stage.log.entries("microsoft365")) == 1


def test_a_mailbox_outside_the_scope_fails_alone_after_one_attempt(corail: Corail) -> None:
    first, *others = some(corail)
    corail.stage.microsoft365.set_state(corail.mail(first), "outside")
    result = corail.sync(first, *others)
    assert [row.employee for row in result.unreadable] == [first]
    assert refused(result) == {(RightsMissing, "outside-scope")}
    assert sync.exit_of(result) == 1
    assert result.created
    mail = corail.mail(first)
    assert len([one for one in corail.stage.microsoft365.asked if one[1] == mail]) == 1


def on_premises(corail: Corail) -> list[int]:
    """People whose mailboxes were never moved into the cloud."""
    people = some(corail)
    for number in people:
        corail.stage.organization.migrate(corail.mail(number), online=False)
    return people


def test_an_organization_that_is_on_premises_only_has_each_mailbox_named(corail: Corail) -> None:
    people, text = on_premises(corail), corail.file.read_text(encoding="utf-8")
    tables = re.split(r"(?m)^(?=\[)", text)
    kept = "".join(table for table in tables if 'kind = "exchange"' not in table)
    assert len(kept) < len(text)
    corail.file.write_text(kept, encoding="utf-8")
    result = corail.sync(*people)
    assert {row.employee for row in result.unreadable} == set(people)
    assert {type(row.error) for row in result.unreadable} == {MailboxElsewhere}
    assert all(corail.mail(row.employee) in row.error.message for row in result.unreadable)
    assert result.created == 0
    assert sync.exit_of(result) == 1
    asked = [mail for _, mail, _ in corail.stage.microsoft365.asked]
    assert sorted(asked) == sorted(map(corail.mail, people))


def test_a_mailbox_that_is_still_on_premises_is_served_there_where_the_tenant_has_a_server(
    corail: Corail,
) -> None:
    people = on_premises(corail)
    result = corail.sync(*people)
    assert (result.unreadable, sync.exit_of(result)) == ([], 0)
    assert result.created == sum(len(corail.events(number)) for number in people) > 0
    assert corail.sync(*people).written == 0


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    quiet_surroundings(monkeypatch, tmp_path / "elsewhere")
    with Corail(tmp_path, today=None) as corail:
        corail.activate()
        corail.stage.figgo.switch("rate_limit", 10**6)  # several processes, one minute
        yield Office(corail)


def test_processes_that_start_at_the_same_moment_show_a_wrong_secret_once_between_them(
    office: Office,
) -> None:
    corail = office.corail
    right = wrong(corail)
    person = corail.members(ANTILLES)[0]
    words = ("plan", "corail", "--json", "--employee", str(person))
    # Whoever comes first is kept waiting for its answer, so that the others are there meanwhile.
    corail.fault("microsoft365", "delay", value=1.5, path="*/token", times=1)
    ended = [office.end(one) for one in [office.begin(*words) for _ in range(3)]]
    assert [code for code, _ in ended] == [4] * 3
    assert attempts(corail) == 1
    told = [row["error"] for _, out in ended for row in json.loads(out)["unreadable"]]
    assert sum("was not tried again" in str(one) for one in told) == 2
    assert office.end(office.begin("secret", "set", REFERENCE, given=right + "\n"))[0] == 0
    assert corail.plan(person).unreadable == ()
