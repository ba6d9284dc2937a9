"""How leaves would look to their owner and to a colleague, and what a policy gives away."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figgo_ops.desk.onboarding import Answers, EventAnswers, TypeAnswers, ZoneAnswers, answers_of, live
from figgo_ops.desk.onboarding.preview import COMMENT, HOURS, ROWS, Preview, Row, policy, preview
from figgo_ops.errors import UsageError
from figgo_ops.events import Hours, Policy, TypeRule
from figgo_ops.leaves import Half, Leave, Person
from tests.desk.answered import ACME, EVENTS
from tests.rehearsal import Corail

MONDAY = date(2026, 11, 23)
PARIS = Policy("Europe/Paris")
PAID, SICK, RTT, REMOTE = "Congés payés 2026", "Maladie", "RTT 2026", "Télétravail"


def absence(
    period: int, type_name: str, half_days: int = 2, first: Half = "A", **more: object
) -> list[Leave]:
    """An absence of so many half-days on end, from one Monday on."""
    begin = 2 * MONDAY.toordinal() + (first == "P")
    found = []
    for at in range(begin, begin + half_days):
        day, half = date.fromordinal(at // 2), "P" if at % 2 else "A"
        one = Leave(f"{period}-{at}", 7, period, day, half, 1, type_name)  # type: ignore[arg-type]
        found.append(replace(one, **more))  # type: ignore[arg-type]
    return found


def only(seen: Preview) -> Row:
    (row,) = seen.rows
    return row


@pytest.mark.parametrize(
    ("rows", "leave", "shape"),
    [
        (absence(1, PAID, 1), "half a day, morning, Congés payés 2026, approved", "09:00 to 12:00"),
        (absence(1, PAID, 1, "P"), "half a day, afternoon, Congés payés 2026, approved", "14:00 to 18:00"),
        (absence(1, PAID), "1 day, Congés payés 2026, approved", "all day"),
        (absence(1, PAID, 6), "3 days, Congés payés 2026, approved", "all day, 3 days on end"),
        (
            absence(1, PAID, 4, "P"),
            "2 days, Congés payés 2026, approved",
            "14:00 on the first to 12:00 on the last of 3 days",
        ),
        (
            absence(1, PAID, 1, hours=timedelta(minutes=90)),
            "1 h 30 in the morning, Congés payés 2026, approved",
            "09:00 to 10:30",
        ),
        (absence(1, ""), "1 day, (no type), approved", "all day"),
    ],
)
def test_a_leave_is_told_by_length_type_and_state_and_never_by_name(
    rows: list[Leave], leave: str, shape: str
) -> None:
    row = only(preview(PARIS, rows, {7: Person(7, "Inès Carrel", "ines@corail.example", "7", 1)}))
    assert (row.leave, row.shape) == (leave, shape)
    assert (row.owner, row.colleague, row.note) == ("Absent", "Absent (busy)", "")


@pytest.mark.parametrize(
    ("look", "more", "owner", "colleague"),
    [
        (PARIS, {}, "Absent", "Absent (busy)"),
        (PARIS, {"confirmed": False}, "Absent (tentative)", "Absent (tentative)"),
        (replace(PARIS, show_type=True), {}, "Maladie", "Maladie (busy)"),
        (replace(PARIS, show_type=True, private=True), {}, "Maladie (private)", "only busy"),
        (
            replace(PARIS, show_type=True, private=True),
            {"confirmed": False},
            "Maladie (tentative, private)",
            "only tentative",
        ),
        (replace(PARIS, show_as="away"), {}, "Absent", "Absent (away)"),
        (replace(PARIS, rules=(TypeRule("malad*", "Congé", "free"),)), {}, "Congé", "Congé (free)"),
    ],
)
def test_the_owner_reads_the_title_and_a_colleague_no_more_than_the_policy_lets_them(
    look: Policy, more: dict[str, Any], owner: str, colleague: str
) -> None:
    row = only(preview(look, absence(1, SICK, **more)))
    assert (row.owner, row.colleague) == (owner, colleague)


@pytest.mark.parametrize(
    ("look", "rows", "why"),
    [
        (PARIS, absence(1, REMOTE, remote=True), "remote work"),
        (PARIS, absence(1, "Astreinte", real=False), "no real absence"),
        (replace(PARIS, pending="hidden"), absence(1, PAID, confirmed=False), "pending hidden"),
        (replace(PARIS, rules=(TypeRule("Maladie", skip=True),)), absence(1, SICK), "type skipped"),
    ],
)
def test_a_leave_that_gets_no_event_says_why(look: Policy, rows: list[Leave], why: str) -> None:
    row = only(preview(look, rows))
    assert (row.owner, row.colleague, row.shape, row.note) == ("nothing", "nothing", "nothing", why)


def test_hours_are_shown_where_the_calendar_knows_them_and_missed_where_it_does_not() -> None:
    look = replace(PARIS, whole_days="hours")
    outlook, google = (only(preview(look, absence(1, PAID), hour_ranges=knows)) for knows in (True, False))
    assert (outlook.shape, outlook.note) == ("09:00 to 18:00", "")
    assert google.shape == "all day"
    assert "no range of hours" in google.note


def test_an_absence_of_two_looks_says_that_it_becomes_two_events() -> None:
    rows = absence(1, PAID, 2) + [
        replace(one, day=one.day + timedelta(1), type_name=RTT) for one in absence(1, RTT)
    ]
    row = only(preview(replace(PARIS, show_type=True), rows))
    assert (row.leave, row.owner) == ("2 days, Congés payés 2026 and RTT 2026, approved", "Congés payés 2026")
    assert "the first of 2 events" in row.note


def test_hours_are_those_of_the_persons_own_zone() -> None:
    look = replace(PARIS, zone_by_legal_entity={3: "America/Martinique"})
    there = Person(7, "Aimée", None, None, 3)
    assert only(preview(look, absence(1, PAID, 1), {7: there})).shape == "09:00 to 12:00"


# What it gives away


def warned(look: Policy, *rows: list[Leave]) -> list[str]:
    return list(preview(look, [leave for each in rows for leave in each]).warnings)


USUAL = (absence(1, PAID, 10), absence(2, RTT, 4), absence(3, SICK, 4))


def test_where_all_absences_look_alike_nothing_is_given_away() -> None:
    assert warned(PARIS, *USUAL) == []
    assert warned(replace(PARIS, private=True, show_type=True), *USUAL) == []


def test_a_type_that_colleagues_read_is_named_and_health_above_all() -> None:
    (told,) = warned(replace(PARIS, show_type=True), *USUAL)
    assert told.startswith("Colleagues read the absence type: Congés payés 2026, RTT 2026 and Maladie.")
    assert told.endswith("Maladie may be about somebody's health.")
    (told,) = warned(replace(PARIS, show_type=True), absence(1, PAID), absence(2, RTT))
    assert "health" not in told


def test_the_only_private_event_is_as_good_as_its_title() -> None:
    hiding = replace(PARIS, rules=(TypeRule("Maladie*", private=True),))
    assert warned(hiding, *USUAL) == [
        "Only Maladie shows as a private event (busy), which tells colleagues what it is."
    ]
    told, alone = warned(replace(hiding, show_type=True), *USUAL)
    assert "Congés payés 2026 and RTT 2026." in told
    assert "Only Maladie shows as a private event" in alone


def test_a_title_or_colour_of_its_own_tells_as_well() -> None:
    one = replace(PARIS, rules=(TypeRule("Maladie*", title="Repos"),))
    assert warned(one, *USUAL) == ['Only Maladie shows as "Repos" (busy), which tells colleagues what it is.']
    other = replace(PARIS, rules=(TypeRule("Maladie*", show_as="free"),))
    assert warned(other, *USUAL) == [
        'Only Maladie shows as "Absent" (free), which tells colleagues what it is.'
    ]


def test_sick_leave_that_is_missing_is_conspicuous_too() -> None:
    (missing,) = warned(replace(PARIS, rules=(TypeRule("Maladie*", skip=True),)), *USUAL)
    assert missing == "Maladie: no event at all, so being away without one gives the reason away."
    assert warned(replace(PARIS, rules=(TypeRule("*", skip=True),)), *USUAL) == [], "nobody has events"


def test_what_most_absences_look_like_gives_nothing_away() -> None:
    """One harmless type is read by name; all others hide among each other."""
    look = replace(PARIS, rules=(TypeRule("RTT*", title="RTT 2026"),))
    assert warned(look, *USUAL) == ["Colleagues read the absence type: RTT 2026."]


def test_exact_hours_are_warned_of_even_when_private() -> None:
    appointment = absence(4, "Récupération", 1, hours=timedelta(hours=1))
    assert HOURS in warned(replace(PARIS, private=True), *USUAL, appointment)
    assert HOURS not in warned(PARIS, *USUAL)
    whole = absence(4, "Récupération", 1, hours=timedelta(hours=3))
    assert HOURS not in warned(replace(PARIS, hours=Hours()), *USUAL, whole), "it fills its half-day"
    skipping = replace(PARIS, rules=(TypeRule("Récup*", skip=True),))
    assert HOURS not in warned(skipping, *USUAL, appointment)


def test_remote_work_is_no_secret() -> None:
    assert warned(PARIS, *USUAL, absence(5, REMOTE, remote=True)) == []


def test_comments_tentative_requests_and_idle_rules_are_noted() -> None:
    look = replace(PARIS, rules=(TypeRule("Malade*", private=True), TypeRule("RTT*", private=True)))
    notes = preview(look, absence(1, RTT, confirmed=False)).notes
    assert COMMENT in notes
    assert "The rule for Malade* fits no absence type of this sample." in notes
    assert any("before anybody approved it" in note for note in notes)
    assert not any("RTT" in note for note in notes)
    settled = preview(replace(look, pending="hidden"), absence(1, RTT, confirmed=False)).notes
    assert not any("before anybody approved it" in note for note in settled)


# The sample


def test_the_sample_is_varied_and_short() -> None:
    crowd = [leave for number in range(400) for leave in absence(number, f"Type {number:03}")]
    seen = preview(PARIS, [*crowd, *absence(900, SICK, 1), *absence(901, REMOTE, remote=True)])
    assert len(seen.rows) == ROWS
    told = " ".join(row.leave for row in seen.rows)
    assert SICK in told
    assert REMOTE in told
    assert len({row.leave for row in seen.rows}) == ROWS


def test_nothing_to_show_is_no_error() -> None:
    seen = preview(PARIS, [])
    assert (seen.rows, seen.warnings) == ((), ())


@given(events=EVENTS, data=st.data())
def test_any_policy_and_any_leaves_have_a_preview(events: EventAnswers, data: st.DataObject) -> None:
    look = policy(replace(ACME, events=events))
    names = st.sampled_from([PAID, SICK, RTT, REMOTE, "", "<b>&", "Arrêt\u202e"])
    drawn = data.draw(
        st.lists(st.tuples(names, st.integers(1, 9), st.booleans(), st.booleans(), st.booleans()), max_size=6)
    )
    rows = [
        leave
        for number, (name, length, confirmed, remote, hourly) in enumerate(drawn)
        for leave in absence(
            number,
            name,
            length,
            confirmed=confirmed,
            remote=remote,
            hours=timedelta(hours=1) if hourly else None,
        )
    ]
    seen = preview(look, rows, hour_ranges=data.draw(st.booleans()))
    assert bool(seen.rows) == bool(rows)
    if events.private and not any(rule.private is False for rule in events.types):
        assert {row.colleague for row in seen.rows} <= {
            "nothing",
            *(f"only {how}" for how in ("busy", "away", "free", "elsewhere", "tentative")),
        }


# From answers that are not finished


def test_the_policy_of_unfinished_answers_is_that_of_the_tenant_they_will_make() -> None:
    barely = Answers(events=EventAnswers(title="Congé", types=(TypeAnswers("RTT*", skip=True),)))
    assert policy(barely) == Policy("UTC", title="Congé", rules=(TypeRule("RTT*", skip=True),))
    zoned = replace(ACME, zones=(ZoneAnswers("Nowhere", (1,)), ZoneAnswers("America/Martinique", (4,))))
    assert policy(zoned).zone_by_legal_entity == {4: "America/Martinique"}
    with pytest.raises(UsageError, match=r"events\.title: must not be blank"):
        policy(Answers(events=EventAnswers(title=" ")))


@pytest.fixture
def corail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corail]:
    with Corail(tmp_path_factory.mktemp("corail")) as company:
        yield company


def test_the_rehearsal_companys_own_leaves_have_all_kinds(corail: Corail) -> None:
    with corail.session() as session:
        company = live.company(session)
        leaves = live.sample(session, company.sampled())
        answers = answers_of(session.tenant)
    people = {person.id: person for person in company.people}
    seen = preview(policy(answers), leaves, people)
    told = "\n".join(row.leave for row in seen.rows)
    for word in ("half a day", "pending", REMOTE, SICK, " h ", " and "):
        assert word in told
    whole = "\n".join([told, *(f"{row.owner} {row.colleague} {row.note}" for row in seen.rows)])
    assert not [person.name for person in company.people if person.name in whole]
