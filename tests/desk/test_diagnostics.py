"""Diagnostics: what a tenant needs is looked at in order, and what is wrong is told with the next step."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from figgo_ops.checks import Check
from figgo_ops.commands.diagnostics import MARKS
from figgo_ops.desk.diagnostics import Ask, Diagnosis, diagnose, examine_calendar, examine_figgo
from figgo_ops.errors import UsageError
from tests.rehearsal import TENANT, Corail

KINDS = ("google", "exchange", "microsoft 365")


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    with Corail(tmp_path) as made:
        yield made


def look(corail: Corail, ask: Ask | None = None, *, retry: bool = False) -> Diagnosis:
    return diagnose(corail.home, TENANT, ask, clock=corail.clock, retry_credential=retry)


def named(found: Diagnosis, name: str) -> Check:
    (check,) = (one for one in found.checks if one.name == name)
    return check


def wrong(found: Diagnosis) -> dict[str, str]:
    return {check.name: check.status for check in found.checks if not check.clean}


def test_a_healthy_tenant_is_told_so_in_the_order_in_which_things_build_on_each_other(corail: Corail) -> None:
    corail.activate()
    found = look(corail)
    assert (wrong(found), found.exit) == ({}, 0)
    steps = ("log-on", "rights", "outside", "calendar", "time zone")
    order = [
        "tenant file",
        "Figgo: DNS",
        "Figgo: certificate",
        "Figgo: key",
        "Figgo: people",
        "Figgo: leaves",
    ]
    order += [f"{calendar}: {step}" for calendar in KINDS for step in steps]
    names = [check.name for check in found.checks]
    assert [name for name in names if name in order] == order
    assert len(set(names)) == len(names), "each name is there once"
    told = [one for one in found.checks if one.status == "ok" and not one.name.startswith("deadline")]
    assert all(check.tried for check in told)


def test_looking_writes_nothing_anywhere(corail: Corail) -> None:
    look(corail, Ask(mailboxes=True))
    assert corail.writes() == []
    assert corail.picture() == {}


def test_the_mailbox_of_one_person_is_tried_where_somebody_is_named(corail: Corail) -> None:
    corail.activate()
    number = corail.case("whole-day").person
    look(corail, Ask(employee=str(number)))
    assert {mail for _, mail in corail.listed()} == {corail.mail(number)}
    with pytest.raises(UsageError, match="No employee with the id, mail or number 'personne'"):
        look(corail, Ask(employee="personne"))


def test_a_draft_shows_whose_mailbox_is_in_what_state_before_the_first_load(corail: Corail) -> None:
    gone, shared = corail.person(corail.case("whole-day").person), corail.stage.hire("Inès", "Roche", 1)
    corail.stage.google.set_state(str(gone.mail), "deleted")
    corail.stage.company.change_mail(shared.id, None)
    found = look(corail)
    states = Counter(row.status for row in found.mailboxes)
    assert states["good"] > 3
    by_person = {row.employee: row for row in found.mailboxes}
    assert by_person[gone.id].status == "account deleted"
    assert by_person[shared.id].status == "no mail"
    check = named(found, "mailboxes: account deleted")
    assert (check.status, check.code, check.page) == ("warning", "user-deleted", "mailboxes")
    assert found.exit == 0, "a mailbox that is missing stops nothing but itself"


def test_a_mailbox_in_another_zone_is_reported_and_the_tenant_file_decides(corail: Corail) -> None:
    corail.activate()
    person = corail.person(corail.case("whole-day").person)
    corail.stage.google.mailbox(str(person.mail)).zone = "America/Martinique"
    found = look(corail, Ask(mailboxes=True))
    (row,) = (one for one in found.mailboxes if one.employee == person.id)
    assert (row.status, row.zone) == ("zone differs", "America/Martinique")
    assert "Europe/Paris" in row.said


@pytest.mark.parametrize(
    ("zone", "status"),
    [("Europe/Brussels", "good"), ("Africa/Lagos", "zone differs"), ("America/Martinique", "zone differs")],
)
def test_zones_are_compared_by_the_hours_of_a_whole_year_and_not_by_name(
    corail: Corail, zone: str, status: str
) -> None:
    """Lagos has the hours of Paris in winter alone."""
    person = corail.person(corail.case("whole-day").person)
    corail.stage.google.mailbox(str(person.mail)).zone = zone
    (row,) = (one for one in look(corail).mailboxes if one.employee == person.id)
    assert (row.status, row.zone) == (status, zone)


def test_nobody_confirmed_that_the_vendors_own_sync_is_off(corail: Corail) -> None:
    corail.rewrite("[checklist]\n", "[checklist]\n# ")
    check = named(look(corail), "vendor's own sync")
    assert (check.status, check.code) == ("warning", "vendor-sync")
    assert "twice" in check.cause


def test_a_wrong_tenant_file_is_a_check_that_names_every_mistake(corail: Corail) -> None:
    corail.rewrite('working_time = "weekdays"', 'working_time = "weekday"')
    found = look(corail)
    assert [(check.name, check.status) for check in found.checks] == [("tenant file", "failed")]
    assert "Did you mean weekdays?" in found.checks[0].cause
    assert found.exit == 6
    with pytest.raises(UsageError, match="There is no tenant corial"):
        diagnose(corail.home, "corial")


def test_rights_that_were_never_there_may_need_time_and_fail_when_it_is_over(corail: Corail) -> None:
    corail.stage.google.switch("delegation", "missing")
    assert named(look(corail), "google: rights").status == "pending"
    corail.clock.sleep(25 * 3600)
    late = named(look(corail), "google: rights")
    assert (late.status, late.code) == ("failed", "delegation-missing")


def test_rights_that_held_before_were_withdrawn(corail: Corail) -> None:
    assert named(look(corail), "google: rights").status == "ok"
    corail.stage.google.switch("delegation", "missing")
    check = named(look(corail), "google: rights")
    assert (check.status, check.code) == ("failed", "withdrawn")
    assert "held on 2026-11-23" in check.cause


def test_a_refused_credential_is_tried_once_until_somebody_says_so(corail: Corail) -> None:
    corail.home.store("file:corail-exchange.password", "not-the-password")
    corail.forget_calls()
    assert named(look(corail), "exchange: log-on").status == "failed"
    first = len(corail.calls("exchange", path="/EWS/Exchange.asmx"))
    corail.forget_calls()
    again = named(look(corail), "exchange: log-on")
    assert (again.status, again.code) == ("failed", "credential-remembered")
    assert corail.calls("exchange", path="/EWS/Exchange.asmx") == []
    look(corail, retry=True)
    assert 0 < len(corail.calls("exchange", path="/EWS/Exchange.asmx")) <= first


def test_a_refused_key_is_not_shown_for_one_person_after_another(corail: Corail) -> None:
    corail.stage.google.switch("service_account", "key-deleted")
    corail.forget_calls()
    assert named(look(corail), "google: log-on").code == "key-unknown"
    assert len(corail.calls("google", path="/token")) == 1


def test_another_mailbox_is_tried_where_the_first_ones_are_not_there(corail: Corail) -> None:
    """What is wrong with one mailbox says nothing about the calendar, and three of them say enough."""
    corail.activate()
    tried = [whom(look(corail))]
    for _ in range(2):
        corail.stage.google.set_state(tried[-1], "deleted")
        tried.append(whom(look(corail)))
        assert wrong(look(corail)) == {}
    assert len(set(tried)) == 3
    corail.stage.google.set_state(tried[-1], "deleted")
    assert named(look(corail), "google: calendar").code == "user-deleted"


def whom(found: Diagnosis) -> str:
    """Whose calendar of Google was listed."""
    return named(found, "google: calendar").tried.rpartition(" ")[2]


def test_a_form_tries_one_part_before_the_tenant_has_a_file(corail: Corail) -> None:
    with corail.session() as session:
        assert {check.status for check in examine_figgo(session)} == {"ok", "skipped"}
        names = [check.name for check in examine_calendar(session, "exchange", Ask())]
        assert all(name.startswith("exchange") for name in names)
        with pytest.raises(UsageError, match="no calendar named exchnage"):
            examine_calendar(session, "exchnage", Ask())


def test_what_was_found_is_one_line_of_health_without_any_mailbox(corail: Corail) -> None:
    corail.home.store("file:corail-exchange.password", "not-the-password")
    corail.stage.google.switch("delegation", "missing")
    assert any("@" in check.tried for check in look(corail).checks if not check.clean)
    with corail.session() as session:
        (line,) = session.ledger.health(TENANT).values()
    assert line["checks"]["failed"] == 1
    assert [one["name"] for one in line["wrong"] if one["status"] == "failed"] == ["exchange: log-on"]
    assert "@" not in str(line)


def test_a_diagnosis_is_a_document_that_programs_rely_on(corail: Corail) -> None:
    document = look(corail).document()
    assert document["tenant"] == TENANT
    assert {"name", "status", "cause", "remedy", "who"} <= set(document["checks"][0])
    assert {status for one in document["checks"] if (status := one["status"])} <= set(STATUSES)


STATUSES = ("ok", "warning", "failed", "skipped", "pending")


def test_every_status_there_is_has_a_word_for_people() -> None:
    assert set(MARKS) == set(STATUSES)


@pytest.mark.parametrize("role", ["revoked", "nobody"])
def test_a_figgo_that_shows_nobody_is_not_taken_for_a_person_who_is_not_there(
    corail: Corail, role: str
) -> None:
    number = corail.case("whole-day").person
    corail.key_of_figgo(role)
    found = look(corail, Ask(employee=str(number)))
    where = "Figgo: key" if role == "revoked" else "Figgo: people"
    assert set(wrong(found)) == {where}
    assert {named(found, f"{calendar}: log-on").cause for calendar in KINDS} == {f"see {where}"}
    assert named(found, "mailboxes").cause == f"see {where}"


def test_a_calendar_that_serves_nobody_is_left_out_with_that_reason(corail: Corail) -> None:
    corail.rewrite("legal_entities = [2]", "legal_entities = [9]")
    said = named(look(corail), "exchange: log-on")
    assert said.status == "skipped"
    assert said.cause == "no mailbox to try: nobody that Figgo shows is served by this calendar"


def test_mailboxes_of_a_calendar_that_cannot_be_reached_are_not_asked_for_once_more(corail: Corail) -> None:
    corail.stage.server("exchange").door("closed")
    found = look(corail)
    rows = [row for row in found.mailboxes if row.status == "not asked"]
    assert {(row.calendar, row.said) for row in rows} == {("exchange", "see exchange: connection.")}
    told = named(found, "mailboxes: not asked")
    assert (told.status, told.cause) == ("skipped", f"{len(rows)} of them: see exchange: connection.")
    assert named(found, "mailboxes").status == "ok", "the others are told"
    assert [name for name, how in wrong(found).items() if how == "failed"] == ["exchange: connection"]


def test_a_key_of_another_kind_than_google_takes_is_told_and_not_thrown(corail: Corail) -> None:
    file = corail.home.secrets / "corail-google.json"
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    content = json.loads(file.read_text()) | {"private_key": key.decode()}
    corail.home.store("file:corail-google.json", json.dumps(content))
    check = named(look(corail), "google: log-on")
    assert (check.status, check.code) == ("failed", "usage")


def test_nothing_is_written_into_a_mailbox_of_two_people_to_try_it(corail: Corail) -> None:
    corail.activate()
    one, other = (corail.person(number) for number in corail.members(1)[:2])
    corail.stage.change_mail(other.id, one.mail, move_mailbox=False)
    found = look(corail, Ask(employee=str(one.id), write_probe=True))
    told = named(found, "google: write")
    assert told.status == "skipped"
    assert "share" in told.cause
    assert corail.writes() == []


def test_a_role_that_became_too_narrow_is_not_answered_by_taking_people_out_of_the_file(
    corail: Corail,
) -> None:
    corail.key_of_figgo("narrow")
    remedy = named(look(corail), "Figgo: legal entities").remedy
    assert remedy.index("role of the API key") < remedy.index("correct legal_entities")


def test_three_people_without_a_mailbox_say_nothing_of_their_calendar(corail: Corail) -> None:
    corail.activate()
    with corail.session() as session:
        people = [one for one in session.figgo.people() if session.route(one) == "google" and one.mail]
    for person in sorted(people, key=lambda one: one.id)[:3]:
        corail.stage.google.set_state(str(person.mail), "deleted")
    found = look(corail)
    check = named(found, "google: calendar")
    assert (check.status, check.code, found.exit) == ("warning", "user-deleted", 0)
    assert "--employee E" in check.remedy


def test_a_write_probe_needs_somebody_who_was_named(corail: Corail) -> None:
    with pytest.raises(UsageError, match="writes into a mailbox"):
        look(corail, Ask(write_probe=True))
    assert corail.writes() == []
