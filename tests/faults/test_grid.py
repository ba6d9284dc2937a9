"""The fault matrix itself: it is whole, it is printed, and each of its rules can be broken."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from figgo_ops.sandbox.faults import KINDS
from tests.faults import grid
from tests.faults.arms import ELSEWHERE, Arms, Case, aim
from tests.faults.batches import WAYS
from tests.faults.cells import judge, parameters
from tests.faults.grid import PROVIDERS, REASONS, TROUBLES, Operation, Trouble
from tests.faults.judge import (
    created_in_doubt,
    first_complaint,
    last_complaint,
    once_complaint,
    play,
    sent_though_unread,
)
from tests.faults.world import HEROINE, Course, Ending, World

SEED = 20261122
PAIRS = [(p, t, o) for p, operations in PROVIDERS.items() for o in operations for t in TROUBLES]
CLEAN = Ending(0, frozenset())


def trouble(name: str) -> Trouble:
    return next(one for one in TROUBLES if one.name == name)


def operation(name: str, provider: str = "google") -> Operation:
    return next(one for one in PROVIDERS[provider] if one.name == name)


@pytest.fixture(scope="module")
def swiss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same three people, at Exchange."""
    with World(tmp_path_factory.mktemp("swiss"), "exchange") as made:
        yield made


@pytest.fixture(scope="module")
def islanders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Twenty people, at Microsoft 365."""
    with World(tmp_path_factory.mktemp("islanders"), "microsoft365") as made:
        yield made


def test_every_cell_is_run_or_has_a_reason() -> None:
    run = [(provider, *one.values) for provider in PROVIDERS for one in parameters(provider, SEED)]
    for provider, what, where in PAIRS:
        why = grid.reason(what, where)
        assert ((provider, what, where) in run) == (why is None)
        assert why is None or why in REASONS


@pytest.mark.parametrize("provider", PROVIDERS)
def test_five_seeds_in_a_row_play_every_cell_and_each_asks_every_question(provider: str) -> None:
    """Figgo's cells are played whatever the seed."""
    every = grid.cells(provider)
    shares = [
        [cell for cell in every if grid.in_share(provider, *cell, seed)]
        for seed in range(SEED, SEED + grid.SHARES)
    ]
    for share in shares:
        assert {where for _, where in share} == set(PROVIDERS[provider])
        assert share == every if provider == "figgo" else 0.12 < len(share) / len(every) < 0.28
    played = [cell for share in shares for cell in share]
    assert all(played.count(cell) == (grid.SHARES if provider == "figgo" else 1) for cell in every)


@pytest.mark.parametrize("seed", [SEED, str(SEED), "random"])
def test_what_a_seed_leaves_out_is_left_to_the_long_run(seed: object) -> None:
    for one in parameters("exchange", seed):
        what, where = one.values
        left = [mark.name for mark in one.marks]
        assert left == ([] if grid.in_share("exchange", what, where, seed) else ["proof"])


def test_every_reason_is_needed() -> None:
    assert {grid.reason(what, where) for _, what, where in PAIRS} == {None, *REASONS}


def test_every_kind_of_fault_that_the_stand_ins_play_is_in_the_grid() -> None:
    """A delay is left out: it is a drip that arrives at once."""
    ours = {"dns", "refused", "moving", "item", "spoilt", "worn"}
    assert {one.kind for one in TROUBLES} == (KINDS.keys() - {"delay"}) | ours


def test_every_way_to_spoil_a_batch_is_in_the_grid() -> None:
    values = [one.value for one in TROUBLES if one.kind == "spoilt"]
    assert {value["way"] for value in values if isinstance(value, Mapping)} == WAYS.keys()


@pytest.mark.parametrize("name", ["world", "swiss", "islanders"])
def test_every_request_of_a_run_belongs_to_an_operation(request: pytest.FixtureRequest, name: str) -> None:
    world: World = request.getfixturevalue(name)
    course = world.course(operation("settle").setting)
    cases = [Case(TROUBLES[0], one, True) for operations in PROVIDERS.values() for one in operations]
    strangers = {(e.method, e.path) for e in course.log if e.principal != "basile@corail.example"}
    assert any(e.service == world.house.provider for e in course.log)
    for entry in course.log:
        if any(case.fits(entry) for case in cases):
            strangers.discard((entry.method, entry.path))
    assert strangers == set()


def test_the_grid_shows_letters_reasons_and_what_was_not_run() -> None:
    printed = grid.lines({("figgo", "404", "people"): "rr", ("figgo", "404", "leaves"): "=x"})
    (row,) = [line for line in printed if line.startswith("404")]
    assert row.split() == ["404", "rr", ".", "=x", ".", ".", "."]
    (row,) = [line for line in printed if line.startswith("reset after")]
    assert row.split("commit")[1].split() == ["n/a", "a"] * 6
    assert "  x    1 broke a rule" in printed
    assert not any(line.startswith("google") for line in printed)
    (left,) = [line for line in printed if line.startswith("  . ")]
    assert f" {len(grid.cells('figgo')) - 2} cells not played" in left
    assert grid.lines({}) == []


def test_a_fault_that_never_strikes_fails_its_cell(world: World) -> None:
    absent = replace(operation("settle"), setting=operation("list").setting)
    course = world.course(absent.setting)
    case = Case(trouble("404"), absent, once=True)
    arms = Arms(world, case, len(course.log), course.log)
    with world.set_up(case.setting), arms.armed():
        assert world.run().exit == 0
        assert arms.complaint() == "the fault struck 0 times"


def test_an_item_that_is_never_refused_fails_its_cell(swiss: World) -> None:
    case = Case(trouble("item: busy, with seconds"), operation("look", "exchange"), once=True)
    course = swiss.course(case.setting)
    arms = Arms(swiss, case, len(course.log), course.log)
    with swiss.set_up(case.setting), arms.armed():
        assert swiss.run().exit == 0
        assert arms.complaint() == "the fault struck 0 times"


@pytest.mark.parametrize("name", ["item: 503 after commit", "item: missing, done", "token revoked"])
def test_what_only_batches_suffer_fails_its_cell_where_it_never_strikes(islanders: World, name: str) -> None:
    case = Case(trouble(name), operation("create", "microsoft365"), once=True)
    course = islanders.course(case.setting)
    arms = Arms(islanders, case, len(course.log), course.log)
    with islanders.set_up(case.setting), arms.armed():
        assert islanders.run().exit == 0
        assert arms.complaint() in ("the fault struck 0 times", ELSEWHERE)


@pytest.mark.parametrize("name", ["item: 503 after commit", "item: missing, done", "token revoked"])
def test_what_only_batches_suffer_fails_its_cell_where_it_strikes_another_request(
    islanders: World, name: str
) -> None:
    listing, creating = operation("list", "microsoft365"), operation("create", "microsoft365")
    course = islanders.course(listing.setting)
    arms = Arms(islanders, Case(trouble(name), listing, once=True), 1, course.log)
    with islanders.set_up(listing.setting), arms.armed():
        assert islanders.run().exit == 0
        assert arms.complaint() == ELSEWHERE
    hers = aim(Case(trouble(name), creating, once=True), course.log)
    assert len(course.log[hers].principal.split()) == 20, "one of twenty is struck"


def test_a_fault_that_strikes_elsewhere_fails_its_cell(world: World) -> None:
    case = Case(trouble("504"), operation("list again"), once=True)
    course = world.course(case.setting)
    wrong = aim(Case(trouble("504"), operation("list"), once=True), course.log)
    arms = Arms(world, replace(case, operation=operation("list")), wrong + 2, course.log)
    with world.set_up(case.setting), arms.armed():
        assert world.run().exit == 0
        assert arms.complaint()


@pytest.fixture
def course(world: World) -> Course:
    """The undisturbed run, its end standing in the calendars."""
    return world.course(operation("list").setting)


def test_a_run_that_says_nothing_of_what_it_left_undone_breaks_a_rule(world: World, course: Course) -> None:
    with world.set_up("plain"):
        assert "exit code 0" in first_complaint(world, course, CLEAN)
        other = Ending(1, frozenset({world.heroine}))
        assert first_complaint(world, course, other) == f"the run does not name {[world.colleague]}"
        assert first_complaint(world, course, Ending(1, None)) == ""


def test_a_run_that_removes_what_nobody_asked_it_to_breaks_a_rule(world: World, course: Course) -> None:
    with world.set_up("plain"):
        for event in world.corail.events(world.colleague):
            world.corail.owner(world.colleague).delete(event["id"])
        assert "is gone" in first_complaint(world, course, Ending(1, None))


def test_a_run_that_writes_for_whom_it_could_not_read_breaks_a_rule(world: World, course: Course) -> None:
    with world.set_up("plain"):
        assert world.run().exit == 0
        assert first_complaint(world, course, CLEAN) == ""
        everybody = frozenset({world.heroine, world.colleague})
        unread = Ending(1, everybody, unread=frozenset({world.colleague}))
        assert (
            first_complaint(world, course, unread)
            == f"written for {[world.colleague]}, who could not be read"
        )
        assert "written for" in first_complaint(world, course, Ending(7, None))


def test_a_double_breaks_a_rule_before_and_after_the_next_run(world: World, course: Course) -> None:
    with world.set_up("plain"):
        assert world.run().exit == 0
        (event, *_) = world.corail.events(world.heroine)
        world.corail.owner(world.heroine).copy(event["id"])
        assert first_complaint(world, course, CLEAN).startswith("two events of one key")
        assert last_complaint(world, course, CLEAN).startswith("two events of one key")


def test_what_the_next_run_leaves_unrepaired_breaks_a_rule(world: World, course: Course) -> None:
    with world.set_up("plain"):
        assert "not what an undisturbed run leaves" in last_complaint(world, course, CLEAN)
        assert world.run().exit == 0
        assert last_complaint(world, course, CLEAN) == ""
        assert "does not say so" in last_complaint(world, course, Ending(1, frozenset()))


def test_a_write_that_was_only_tried_after_a_failed_read_breaks_a_rule(course: Course) -> None:
    case = Case(trouble("504"), operation("list"), once=False)
    assert "sent though a read had failed" in sent_though_unread(case, course.log, Ending(1, frozenset()))
    assert sent_though_unread(case, course.log, CLEAN) == ""
    assert sent_though_unread(replace(case, operation=operation("update")), course.log, Ending(1, None)) == ""


def test_a_fault_that_asking_again_would_have_hidden_breaks_a_rule(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(trouble("404"), operation("list"), once=True)
    assert play(world, case).letter == "r"
    monkeypatch.setattr(grid, "_PASSING", {"status"})
    verdict = play(world, case)
    assert (verdict.letter, verdict.rule.partition(" (")[0]) == ("x", "asking again would have helped")


def test_a_creation_in_doubt_that_is_sent_again_breaks_a_rule() -> None:
    """Exchange does not tell two creations apart, so only reading and waiting are right."""
    create, update = operation("create", "exchange"), operation("update", "exchange")

    def complaint(name: str, where: Operation, letter: str, *, once: bool = True) -> bool:
        return bool(once_complaint(Case(trouble(name), where, once), letter))

    for name in ("hung up before commit", "503 before commit", "item: before commit", "200 in HTML"):
        assert [complaint(name, create, letter) for letter in "=rw"] == [True, True, False]
        assert [complaint(name, update, letter) for letter in "=rw"] == [False, True, True]
    for name in ("hung up after commit", "cut body", "connection refused", "SOAP: busy, with nothing"):
        assert [complaint(name, create, letter) for letter in "=rw"] == [False, True, True]
    assert [complaint("late commit", create, letter) for letter in "=rw"] == [True, False, True]
    assert not complaint("503 before commit", create, "=", once=False)


def test_a_creation_while_an_earlier_one_is_in_doubt_breaks_a_rule(swiss: World) -> None:
    log = swiss.course("plain").log
    doubted = Ending(1, frozenset({swiss.heroine}), doubted=frozenset({swiss.heroine}))
    assert created_in_doubt(swiss, log, doubted) == "created for ['adele@corail.example'] in doubt"
    assert created_in_doubt(swiss, log, CLEAN) == ""


def test_an_event_in_the_calendar_of_the_service_account_breaks_a_rule(swiss: World) -> None:
    """There a client writes that forgets for whom it acts, and Exchange does not mind."""
    course = swiss.course("plain")
    with swiss.set_up("plain"):
        account = swiss.stage.exchange.account
        swiss.stage.exchange.owner(account).add("Absent", "2027-03-08", "2027-03-10")
        assert "neither as it was" in first_complaint(swiss, course, CLEAN)


def test_a_cell_is_played_with_a_fault_that_strikes_once_and_with_one_that_stays(world: World) -> None:
    verdicts = judge(world, trouble("503 before commit"), operation("list"))
    assert [one.letter for one in verdicts] == ["=", "r"]


def test_a_creation_in_doubt_is_seen_in_a_batch(islanders: World) -> None:
    log = islanders.course("plain").log
    doubted = Ending(1, frozenset({islanders.heroine}), doubted=frozenset({islanders.heroine}))
    assert created_in_doubt(islanders, log, doubted) == "created for ['adele@corail.example'] in doubt"
    assert created_in_doubt(islanders, log[:-3], doubted) == ""


def test_a_mailbox_that_is_asked_too_early_or_by_too_many_breaks_a_rule(islanders: World) -> None:
    course = islanders.course("plain")
    with islanders.set_up("plain"):
        assert islanders.run().exit == 0
        gate = islanders.stage.microsoft365.gate
        assert gate.most[HEROINE] == 1
        assert first_complaint(islanders, course, CLEAN) == ""
        gate.most[HEROINE] = 5
        assert "by too many ['adele@corail.example']" in first_complaint(islanders, course, CLEAN)
        gate.most[HEROINE] = 4
        gate.too_early.append((HEROINE, 3.0))
        assert "asked too early" in first_complaint(islanders, course, CLEAN)


@pytest.mark.parametrize(
    ("name", "provider"), [("world", "google"), ("swiss", "exchange"), ("islanders", "microsoft365")]
)
def test_the_same_cell_comes_out_the_same_again(
    request: pytest.FixtureRequest, name: str, provider: str
) -> None:
    world: World = request.getfixturevalue(name)
    case = Case(trouble("commit after the next run"), operation("create", provider), once=False)
    assert play(world, case) == play(world, case)
