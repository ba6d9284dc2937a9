"""The write probe: what it proves, what it leaves, and who puts right what a killed one left."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from figgo_ops import audit, sync
from figgo_ops.checks import Check
from figgo_ops.desk.diagnostics.write_probe import DAY, probe
from figgo_ops.events import PROBE, Event, Fingerprint, Key
from figgo_ops.lease import LEASE, leased, of_mailbox
from figgo_ops.leaves import Person
from figgo_ops.plan import Change, Mailbox
from figgo_ops.sandbox.messages import Entry
from tests.rehearsal import ANTILLES, GENEVA, TENANT, Corail, drawn, key_of

PROVIDERS = {"google": 1, "exchange": GENEVA, "microsoft365": ANTILLES}
"""Each with a legal entity whose mailboxes it keeps."""

CALENDARS = {"google": "google", "exchange": "exchange", "microsoft365": "microsoft 365"}
PEOPLE = 60
MARK = "/{}/{}".format(*PROBE)


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    with Corail(tmp_path, people=PEOPLE) as made:
        made.activate()
        yield made


def somebody(corail: Corail, provider: str) -> Person:
    """Somebody whose mailbox this provider keeps, as Figgo shows them."""
    number = next(
        one
        for one in corail.members(PROVIDERS[provider])
        if corail.person(one).mail in corail.stage.calendars() and corail.keeper(one).name == provider
    )
    known = corail.person(number)
    return Person(number, known.name, known.mail, None, PROVIDERS[provider], None, None)


def probed(corail: Corail, provider: str, person: Person) -> Check:
    """The one check that a probe gives."""
    with corail.session() as session:
        [check] = probe(session, CALENDARS[provider], person)
    return check


def listed(corail: Corail) -> dict[Mailbox, int]:
    """How many of our events the ledger says each mailbox listed last."""
    with corail.session() as session:
        return {mailbox: seen.events for mailbox, seen in session.ledger.last_listing(TENANT).items()}


def left(corail: Corail, person: Person) -> list[str]:
    """Test events in somebody's calendar, each as one line."""
    return [drawn(one) for one in corail.events(person.id) if key_of(one).endswith(MARK)]


def with_bin(corail: Corail, person: Person) -> int:
    """How many events somebody has, those included that they could still restore."""
    service: Any = corail.keeper(person.id)
    return len(service.content(person.mail, deleted=True))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_probe_writes_for_real_and_leaves_the_calendar_as_it_was(corail: Corail, provider: str) -> None:
    person = somebody(corail, provider)
    before, kept_before = corail.picture(), with_bin(corail, person)
    check = probed(corail, provider, person)
    assert (check.name, check.status) == (f"{CALENDARS[provider]}: write", "ok")
    assert len([one for one in corail.writes() if one.service == provider]) == 3
    assert corail.picture() == before
    assert with_bin(corail, person) - kept_before == (1 if provider == "google" else 0)
    kept = "in the bin of its owner for 30 days" if provider == "google" else "nothing of it is left"
    assert kept in check.cause
    assert person.mail is not None
    assert person.mail in check.tried


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_written_disturbs_nobody_who_looks_at_the_calendar_meanwhile(
    corail: Corail, provider: str
) -> None:
    person, seen = somebody(corail, provider), list[object]()

    def look() -> None:
        seen.extend(one for one in corail.events(person.id) if key_of(one).endswith(MARK))

    with corail.upon(creates(provider), look):
        probed(corail, provider, person)
    [event] = seen
    assert isinstance(event, dict)
    assert drawn(event).startswith(f"{DAY} figgo-ops")
    shown = {
        "google": (event.get("visibility"), event.get("transparency")),
        "exchange": (event.get("sensitivity"), event.get("status")),
        "microsoft365": (event.get("sensitivity"), event.get("status")),
    }
    assert shown[provider] == (("private", "transparent") if provider == "google" else ("Private", "Free"))


def creates(provider: str) -> Callable[[Entry], bool]:
    """Whether a request created something there."""
    return lambda entry: (
        entry.service == provider
        and (
            (provider == "google" and entry.method == "POST" and entry.path != "/token")
            or (provider == "exchange" and entry.path.endswith("/CreateItem"))
            or (provider == "microsoft365" and entry.path.endswith("$batch/POST"))
        )
    )


def changes(provider: str) -> Callable[[Entry], bool]:
    """Whether a request changed something there."""
    return lambda entry: (
        entry.service == provider
        and (
            (provider == "google" and entry.method == "PUT")
            or (provider == "exchange" and entry.path.endswith("/UpdateItem"))
            or (provider == "microsoft365" and entry.path.endswith("$batch/PATCH"))
        )
    )


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nothing_of_it_is_recorded(corail: Corail, provider: str) -> None:
    person = somebody(corail, provider)
    corail.load(person.id)
    with corail.session() as session:
        before = session.ledger.last_listing(TENANT), session.ledger.runs(TENANT)
        assert probe(session, CALENDARS[provider], person)[0].status == "ok"
        assert (session.ledger.last_listing(TENANT), session.ledger.runs(TENANT)) == before
        assert all("/0/" not in str(one.change.key) for one in session.ledger.history(TENANT, person.id))
        assert session.ledger.holder_of(lock(provider, person), corail.clock.now()) is None
    again = corail.plan(person.id)
    assert (again.changes, again.refused) == ((), ())


def lock(provider: str, person: Person) -> str:
    """The name under which their mailbox is held."""
    return of_mailbox(TENANT, Mailbox(CALENDARS[provider], person.mail or ""))


def test_a_mailbox_that_another_process_writes_to_is_left_alone(corail: Corail) -> None:
    person = somebody(corail, "google")
    with (
        corail.session() as session,
        leased(session.ledger, [lock("google", person)], "another", corail.clock),
    ):
        [check] = probe(session, "google", person)
    assert (check.status, check.code) == ("failed", "mailbox-busy")
    assert check.remedy
    assert corail.writes() == []


def test_a_probe_that_was_suspended_beyond_its_lease_writes_nothing_more(corail: Corail) -> None:
    person = somebody(corail, "google")
    with corail.upon(creates("google"), lambda: corail.clock.sleep(LEASE + 1)):
        check = probed(corail, "google", person)
    assert (check.status, check.code) == ("failed", "lease-ended")
    assert len(corail.writes()) == 1
    assert len(left(corail, person)) == 1
    again = probed(corail, "google", person)
    assert again.status == "ok"
    assert "an earlier probe" in again.cause
    assert left(corail, person) == []


@pytest.mark.parametrize(("state", "code"), [("paused", "tenant-paused"), ("closed", "tenant-closed")])
def test_nothing_is_written_for_a_tenant_that_is_paused_or_closed(
    corail: Corail, state: str, code: str
) -> None:
    corail.rewrite('state = "active"', f'state = "{state}"')
    check = probed(corail, "google", somebody(corail, "google"))
    assert (check.status, check.code, check.who) == ("failed", code, "support engineer")
    assert corail.calls("google") == []


def test_a_draft_is_probed_before_its_first_load(corail: Corail) -> None:
    corail.rewrite('state = "active"', 'state = "draft"')
    assert probed(corail, "exchange", somebody(corail, "exchange")).status == "ok"


REFUSED = {
    "google": ("[!G]*", "*/events*", 403),
    "exchange": ("POST", "*/CreateItem", 403),
    "microsoft365": ("POST", "*/POST", 403),
}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_calendar_that_can_only_be_read_is_told(corail: Corail, provider: str) -> None:
    person = somebody(corail, provider)
    method, path, status = REFUSED[provider]
    corail.fault(provider, "status", method=method, path=path, times=None, value=status)
    check = probed(corail, provider, person)
    assert check.status == "failed"
    assert all((check.cause, check.remedy, check.who, check.code))
    assert left(corail, person) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_answer_that_is_lost_after_the_event_was_made_leaves_nothing_behind(
    corail: Corail, provider: str
) -> None:
    person = somebody(corail, provider)
    method, path, _ = REFUSED[provider]
    corail.fault(provider, "drop-after", method=method, path=path, times=1)
    check = probed(corail, provider, person)
    assert check.status == "ok", check
    assert left(corail, person) == []


def test_what_comes_back_otherwise_than_it_was_written_is_a_failure(corail: Corail) -> None:
    person = somebody(corail, "google")

    def rename() -> None:
        [event] = [one for one in corail.events(person.id) if key_of(one).endswith(MARK)]
        corail.owner(person.id).rename(event["id"], "Mon rendez-vous")

    with corail.upon(creates("google"), rename):
        check = probed(corail, "google", person)
    assert (check.status, check.code) == ("failed", "not-as-written")
    assert left(corail, person) == []


def test_what_the_probe_of_another_figgo_left_in_the_same_mailbox_stays(corail: Corail) -> None:
    """Two tenants may serve one mailbox; each tidies up after itself."""
    person = somebody(corail, "google")
    key, mailbox = Key("autre.ilucca.net", person.id, *PROBE), Mailbox("google", str(person.mail))
    with corail.session() as session:
        calendar = session.calendar("google")
        event = calendar.project(Event(DAY, DAY + timedelta(1), "confirmed", "figgo-ops", "free", True))
        known = key, person.id, person.legal_entity, mailbox
        change = Change("create", "new", *known, event, Fingerprint.of(event))
        assert [outcome.status for outcome in calendar.write([change], lambda: True)] == ["done"]
    before = left(corail, person)
    assert len(before) == 1
    assert probed(corail, "google", person).status == "ok"
    assert left(corail, person) == before


CHILD = """
import sys
from figgo_ops.desk.diagnostics.write_probe import probe
from figgo_ops.home import Home
from figgo_ops.leaves import Person
from figgo_ops.session import Session
home, provider, number, mail, entity = sys.argv[1:]
person = Person(int(number), "Zoé", mail, None, int(entity), None, None)
with Session(Home.open(home), "corail") as session:
    probe(session, provider, person)
"""


def killed(corail: Corail, provider: str, person: Person, when: Callable[[Entry], bool]) -> None:
    """A probe in a process of its own, killed with this request done and not yet answered."""
    given = (
        str(corail.stage.home),
        CALENDARS[provider],
        str(person.id),
        str(person.mail),
        str(person.legal_entity),
    )
    running: list[subprocess.Popen[bytes]] = []
    with corail.upon(when, lambda: os.kill(running[0].pid, signal.SIGKILL)):
        running.append(subprocess.Popen([sys.executable, "-c", CHILD, *given]))
        assert running[0].wait(120) == -signal.SIGKILL


@pytest.mark.parametrize("moment", [creates, changes], ids=["created", "changed"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_killed_probe_left_is_found_by_the_audit_and_removed_by_the_next_probe(
    tmp_path: Path, provider: str, moment: Callable[[str], Callable[[Entry], bool]]
) -> None:
    with Corail(tmp_path, today=None, people=PEOPLE) as corail:
        corail.activate()
        person = somebody(corail, provider)
        corail.load(person.id)
        before, counts = corail.plan(person.id), listed(corail)
        killed(corail, provider, person, moment(provider))
        assert len(left(corail, person)) == 1
        after = corail.plan(person.id)
        assert (after.changes, after.listed, after.refused) == (before.changes, before.listed, before.refused)
        assert listed(corail) == counts
        with corail.session() as session:
            found = audit.audit(session, sync.Ask((str(person.id),)))
        orphans = [one for one in found.findings if one.verdict == "orphaned"]
        assert [(one.start, one.end) for one in orphans] == [(DAY, DAY)]
        assert probed(corail, provider, person).code == "mailbox-busy", "the lease of the dead still stands"
        corail.clock.sleep(10 * LEASE)  # of the dead one's own clock, which went on meanwhile
        again = probed(corail, provider, person)
        assert again.status == "ok"
        assert "an earlier probe had left" in again.cause
        assert left(corail, person) == []


def test_the_event_lies_where_no_tenant_begins(corail: Corail) -> None:
    with corail.session() as session:
        assert session.tenant.start > DAY


@pytest.mark.parametrize("provider", PROVIDERS)
def test_whoever_ends_it_by_hand_finds_nothing_of_it_in_the_calendar(corail: Corail, provider: str) -> None:
    person = somebody(corail, provider)
    with (
        corail.upon(creates(provider), lambda: os.kill(os.getpid(), signal.SIGINT)),
        pytest.raises(KeyboardInterrupt),
    ):
        probed(corail, provider, person)
    assert left(corail, person) == []
