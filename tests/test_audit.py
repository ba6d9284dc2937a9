"""The mailboxes themselves against Figgo: whatever happened to our events is named, and mended."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import pytest

from figgo_ops import audit, sync
from figgo_ops.audit import Audit
from figgo_ops.events import Key
from figgo_ops.limits import counted
from figgo_ops.result import Result
from figgo_ops.sandbox.exchange_owner import spelt
from tests import damage
from tests.damage import DAMAGE, DAY
from tests.rehearsal import GENEVA, Corail, key_of
from tests.victims import HOST, PRESENT, UNSURE, Client, Outlook, Program, Seen, seen

SEED = 20261122
PARIS = 1
INFORMATION = {"in-order", "copied", "foreign", "taken-over", "not-visible", "absent"}


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """Active from the start, its calendars still empty."""
    with Corail(tmp_path) as made:
        made.activate()
        yield made


def audited(corail: Corail, *employees: int, former: Path | None = None, **asked: object) -> Audit:
    """Hold the mailboxes against Figgo."""
    with corail.session() as session:
        return audit.audit(session, sync.Ask(tuple(map(str, employees)), **asked), former)  # type: ignore[arg-type]


def repaired(corail: Corail, found: Audit, *verdicts: str) -> Result:
    """Plan what mends it, and write that with the number of removals the plan names."""
    with corail.session() as session:
        made = audit.repair(session, found, corail.home.path / "repair.json", verdicts)
    return corail.apply(made, removals=counted(made.changes))


def without_ledger(corail: Corail) -> None:
    """Whatever we remember is lost."""
    for path in corail.home.path.glob("ledger.db*"):
        path.unlink()
    shutil.rmtree(corail.home.plans)
    corail.home.plans.mkdir()


def everything(corail: Corail) -> dict[tuple[str, str], str]:
    """Every event in every mailbox, byte for byte."""
    return {
        (mail, event["id"]): json.dumps(spelt(event), sort_keys=True)
        for mail, events in corail.stage.calendars().items()
        for event in events
    }


def not_ours(
    corail: Corail, client: Client, count: int, calm: set[int], chance: random.Random
) -> dict[tuple[str, str], str]:
    """So many events that are none of our business, all over the company, beside ours and on their days.

    Args:
        calm: people whose events of ours are as we wrote them.
    """
    people = [one.id for one in corail.stage.company.people.values() if corail.stage.keepers(one.mail or "")]
    before = everything(corail).keys()
    for step in range(count):
        number = people[step % len(people)]
        _somebody_elses(corail, client, number, chance, calm=number in calm)
    found = {place: text for place, text in everything(corail).items() if place not in before}
    assert len(found) == count
    return found


def _somebody_elses(
    corail: Corail, client: Client, number: int, chance: random.Random, *, calm: bool
) -> None:
    owner, mail = corail.owner(number), corail.mail(number)
    ours = [one for one in corail.events(number) if calm and "attendees" not in one and HOST in key_of(one)]
    # The other client is one of Google's.
    theirs = ("ours unmarked", "foreign") if corail.keeper(number) is corail.stage.google else ()
    what = chance.choice(("unmarked", *theirs, "taken over")) if ours else "unmarked"
    if what == "unmarked":
        day = corail.stage.company.today + chance.randrange(400) * DAY
        # In a new mailbox, to which ours are yet to come, one with our titles would hold them back.
        alike = ("Absent", "Congés payés") if calm or any(map(key_of, corail.events(number))) else ()
        owner.add(chance.choice((*alike, "Dentiste")), day, day + DAY)
        return
    event = chance.choice(ours)
    if what == "ours unmarked":
        client.send(mail, "POST", "", {"summary": "Absent", "start": event["start"], "end": event["end"]})
    elif what == "taken over":
        owner.invite(owner.copy(event["id"])["id"], ["invité@ailleurs.example"])
    else:
        other = {"private": {"figgoOpsKey": f"autre.ilucca.net/1/{number}/20261207A"}}
        client.send(mail, "PATCH", f"/{owner.copy(event['id'])['id']}", {"extendedProperties": other})


def said_of(corail: Corail, texts: Iterable[str]) -> Iterator[Seen]:
    """What an audit must say of marked events that are none of our business."""
    for text in texts:
        event = json.loads(text)
        key = Key.parse(key_of(event))
        if key is not None and key.host == HOST:
            yield "taken-over", str(key), corail.mail(key.owner), PRESENT, PRESENT
        elif key is not None:
            yield "foreign", str(key), corail.mail(key.period), UNSURE, PRESENT


def damaged(
    corail: Corail, client: Program, seed: int, legal_entity: int
) -> tuple[Counter[Seen], set[int], list[str]]:
    """Load everybody's leaves, then do all the damage.

    Returns: what an audit must say, whom nothing happened to, and mailboxes that nobody remembers.
    """
    done = list(damage.victims(corail, client, seed, legal_entity))
    corail.load()
    keys = {Key.parse(text) for text in corail.marked()} - {None}
    hurt = {victim.person.id: victim for _, victim in done}
    calm = [key for key in keys if key and key.owner not in hurt]
    former = [done[0][1].others[0].mail or ""]
    words = [("in-order", str(key), corail.mail(key.owner), PRESENT, PRESENT) for key in calm]
    for name, victim in done:
        mail = victim.mail
        said = DAMAGE[name](victim)
        left = victim.says("in-order", PRESENT, PRESENT, victim.single_key)
        words += said + ([] if any(victim.single_key in one for one in said) else [left])
        # Nothing but the ledger or a person remembers mailboxes that the tenant file reaches no more.
        former += [mail] * (mail != victim.mail or name == "excluded_since")
    return Counter(words), {key.owner for key in calm}, former


@pytest.mark.parametrize(
    ("remembers", "legal_entity"),
    [(True, PARIS), (False, PARIS), (True, GENEVA)],
    ids=["with its ledger", "without", "at Exchange"],
)
def test_every_kind_of_damage_is_named_and_mended_and_nothing_else_is_touched(
    corail: Corail, tmp_path: Path, remembers: bool, legal_entity: int
) -> None:
    named_and_mended(corail, tmp_path / "former.csv", SEED, legal_entity, remembers=remembers)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(10))
def test_whatever_days_are_drawn_the_damage_is_named_and_mended(
    corail: Corail, tmp_path: Path, seed: int
) -> None:
    legal_entity = (PARIS, GENEVA)[seed % 4 // 2]
    named_and_mended(corail, tmp_path / "former.csv", seed, legal_entity, remembers=seed % 2 == 0)


def named_and_mended(corail: Corail, former: Path, seed: int, legal_entity: int, *, remembers: bool) -> None:
    """Audit, repair and audit again; 1,000 events that are none of our business stay as they are."""
    print("seed", seed)
    assert len(DAMAGE) >= 30
    with Client(corail) as client:
        program = client if legal_entity == PARIS else Outlook(corail)
        said, calm, forgotten = damaged(corail, program, seed, legal_entity)
        foreign = not_ours(corail, client, 1000, calm, random.Random(seed))
    said.update(said_of(corail, foreign.values()))
    calendar = "google" if legal_entity == PARIS else "exchange"
    former.write_text("".join(f"{mail},{calendar}\n" for mail in forgotten), encoding="utf-8")
    if not remembers:
        without_ledger(corail)
        said = Counter({_named(one): number for one, number in said.items()})
    found = audited(corail, former=None if remembers else former)
    got = Counter(map(seen, found.findings))
    assert (got - said, said - got) == (Counter(), Counter())
    assert (found.exit, found.complete) == (6, True)
    result = repaired(corail, found)
    assert (sync.exit_of(result), result.written) == (0, len(found.plan.changes))
    assert foreign.items() <= everything(corail).items()
    # What stands in a former mailbox goes only after its successor was read back.
    again = audited(corail, former=former)
    assert {one.verdict for one in again.findings if one.needs_action} == {"wrong-mailbox"}
    repaired(corail, again)
    last = audited(corail, former=former)
    assert (last.exit, set(last.counts) - INFORMATION, last.plan.changes) == (0, set(), ())
    assert foreign.items() <= everything(corail).items(), "byte for byte"


def _named(said: Seen) -> Seen:
    """The same once its mailbox was named: then it is a place of the person whose event it is."""
    verdict, key, mailbox, leave, shown = said
    return verdict, key, mailbox, PRESENT if verdict == "wrong-mailbox" else leave, shown


def test_a_freshly_written_calendar_is_clean(corail: Corail) -> None:
    corail.load()
    found = audited(corail)
    assert (found.exit, found.complete, set(found.counts)) == (0, True, {"in-order", "absent"})
    assert found.counts["in-order"] == len(corail.marked())


def test_an_audit_writes_nothing_anywhere_and_keeps_no_plan(corail: Corail) -> None:
    corail.load()
    before, plans = everything(corail), sorted(corail.home.plans.iterdir())
    corail.forget_calls()
    audited(corail)
    assert (everything(corail), corail.writes(), sorted(corail.home.plans.iterdir())) == (before, [], plans)


def test_each_mailbox_is_listed_once_and_figgo_asked_for_everyone_at_once(corail: Corail) -> None:
    corail.load()
    corail.forget_calls()
    audited(corail)
    listings = corail.listed()
    assert (len(listings) > 50, set(listings.values())) == (True, {1})
    figgo = Counter(entry.path.rpartition("/")[2] for entry in corail.calls("figgo"))
    assert figgo == {"users": 1, "establishments": 1, "leaves": 1}


def test_mailboxes_that_somebody_named_are_not_listed_twice(corail: Corail, tmp_path: Path) -> None:
    corail.load()
    former = tmp_path / "former.csv"
    lines = [
        f"{corail.mail(corail.case(name).person)},{calendar}"
        for name, calendar in (("whole-day", "google"), ("child-sick", "exchange"))
    ]
    former.write_text("\ufeff" + "\n\n".join([*lines, ""]), encoding="utf-8")
    corail.forget_calls()
    audited(corail, former=former)
    assert set(corail.listed().values()) == {1}


def test_events_before_the_horizon_are_judged_from_the_start_on(corail: Corail) -> None:
    """A leave of September, found, damaged and mended in late November."""
    corail.load()
    number = corail.case("retroactive-sickness").person
    corail.owner(number).delete(corail.event_id(number))
    assert corail.plan(number).changes == ()
    found = audited(corail, number)
    assert [one.verdict for one in found.findings] == ["missing"]
    assert repaired(corail, found).created == 1
    assert audited(corail, number).exit == 0


def test_a_leave_beyond_the_horizon_is_not_missing_though_somebodys_event_reaches_that_far(
    corail: Corail,
) -> None:
    """The horizon ends on Tuesday 16 May 2028."""
    across, beyond = corail.case("whole-day").person, corail.case("half-day-am").person
    corail.stage.enter_by_hr(across, date(2028, 5, 15), date(2028, 5, 19))
    corail.stage.enter_by_hr(beyond, date(2028, 5, 18))
    corail.load()
    assert "2028-05-15..2028-05-19" in corail.shown(across)
    found = audited(corail)
    assert (found.exit, found.plan.changes, found.plan.window.last) == (0, (), date(2028, 5, 19))
    (event,) = (one for one in corail.events(across) if one["start"].get("date") == "2028-05-15")
    corail.owner(across).move(event["id"], "2028-06-12", "2028-06-17")
    again = audited(corail)
    assert [(one.verdict, one.employee) for one in again.findings if one.needs_action] == [("edited", across)]
    assert repaired(corail, again).updated == 1
    assert audited(corail).exit == 0


def test_only_the_chosen_verdicts_are_mended(corail: Corail) -> None:
    corail.load()
    hidden, renamed = corail.case("whole-day").person, corail.case("half-day-am").person
    corail.owner(hidden).delete(corail.event_id(hidden))
    corail.owner(renamed).rename(corail.event_id(renamed), "Ski")
    result = repaired(corail, audited(corail), "missing")
    assert (result.created, result.updated) == (1, 0)
    assert set(audited(corail).counts) == {"in-order", "edited", "absent"}


def test_where_hand_edits_are_respected_an_edit_is_information(corail: Corail) -> None:
    corail.load()
    corail.rewrite('hand_edits = "restore"', 'hand_edits = "respect"')
    number = corail.case("whole-day").person
    corail.owner(number).rename(corail.event_id(number), "Ski")
    found = audited(corail, number)
    assert (found.exit, found.counts, found.plan.changes) == (0, {"edited": 1}, ())
    (edited,) = found.findings
    assert (edited.needs_action, edited.leave, edited.shown) == (False, "present", "present")


def test_look_alikes_are_named_and_what_they_hold_is_missing_until_somebody_answers(corail: Corail) -> None:
    number = corail.case("whole-day").person
    alike = corail.owner(number).add("Absent", "2026-12-02", "2026-12-03")
    found = audited(corail, number)
    assert [(one.verdict, one.needs_action) for one in found.findings] == [
        ("missing", True),
        ("look-alike", False),
    ]
    assert (found.plan.changes, found.exit) == ((), 6)
    assert "--look-alikes" in found.plan.refused[0]
    assert corail.events(number) == [alike]


def test_a_repair_makes_the_draft_of_a_tenant_active_only_when_it_writes(corail: Corail) -> None:
    corail.rewrite('state = "active"', 'state = "draft"')
    found = audited(corail)
    with corail.session() as session:
        made = audit.repair(session, found, corail.home.path / "repair.json")
        assert session.tenant.state == "draft"
    assert corail.apply(made).created == 65
    with corail.session() as session:
        assert session.tenant.state == "active"


def test_a_repair_is_planned_again_from_fresh_reads_and_what_holds_no_more_is_stale(corail: Corail) -> None:
    corail.load()
    number = corail.case("whole-day").person
    corail.owner(number).rename(corail.event_id(number), "Ski")
    with corail.session() as session:
        found = audit.audit(session, sync.Ask((str(number),)))
        made = audit.repair(session, found, corail.home.path / "repair.json")
    corail.owner(number).delete(corail.event_id(number))
    result = corail.apply(made)
    assert (result.written, len(result.stale), corail.events(number)) == (0, 1, [])
