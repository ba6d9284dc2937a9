"""Whether a run that met a fault kept its word, and whether the next run put everything right."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from figgo_ops.sandbox.messages import Entry
from tests.faults.arms import Arms, Case, aim
from tests.faults.world import HEROINE, PLAIN, Course, Ending, Picture, World

QUIET = timedelta(minutes=11)
"""A mailbox gets no creation for ten minutes after one that nobody can tell about."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A letter of the grid and, where a rule was broken, which."""

    letter: str
    rule: str = ""


def play(world: World, case: Case) -> Verdict:
    """Run into the fault, judge, clear up, run again, judge."""
    course = world.course(case.setting)
    arms = Arms(world, case, aim(case, course.log), course.log)
    with world.set_up(case.setting):
        with arms.armed():
            ending = world.run()
        broken = (
            arms.complaint()
            or first_complaint(world, course, ending)
            or sent_though_unread(case, arms.seen, ending)
        )
        if broken:
            return Verdict("x", f"{broken} ({_told(ending)})")
        right = ending.exit == 0
        world.clear_up()
        letter, last = _repaired(world, case)
        broken = last_complaint(world, course, last)
        if broken:
            return Verdict("x", f"after the next run: {broken} ({_told(last)})")
        letter = "=" if right and letter == "r" else letter
        if case.once and case.trouble.passes and letter != "=":
            return Verdict("x", f"asking again would have helped ({_told(ending)})")
        return Verdict(letter)


def first_complaint(world: World, course: Course, ending: Ending) -> str:
    """The rule that a run with a fault broke; "" for none."""
    shown = world.picture()
    return (
        _doubles(shown)
        or _neither_before_nor_after(world.before, course.picture, shown)
        or _written_though_unread(world.before, shown, ending)
        or _silent(course.picture, shown, ending)
    )


def last_complaint(world: World, course: Course, ending: Ending) -> str:
    """The rule that the runs after the fault broke; "" for none."""
    shown = world.picture()
    if doubles := _doubles(shown):
        return doubles
    if shown != course.picture:
        return f"the calendars are not what an undisturbed run leaves: {_difference(course.picture, shown)}"
    return "" if ending.exit == 0 else "the calendars are right, but the run does not say so"


def _repaired(world: World, case: Case) -> tuple[str, Ending]:
    """Run again as a person would who reads what the runs tell; the letter says what it took."""
    if not case.trouble.late:
        world.stage.faults.settle()
    letter, ending = "r", world.run()
    if "credential-remembered" in ending.codes:
        letter, ending = "c", world.run(retry_credential=True)
    if ending.waits or case.trouble.late:
        world.stage.faults.settle()
        world.corail.clock.sleep(QUIET.total_seconds())
        letter, ending = "w" if ending.waits else letter, world.run()
    return letter, ending


def _doubles(shown: Picture) -> str:
    doubles = [key for events in shown.values() for key in events if key.startswith("double")]
    return f"two events of one key: {', '.join(doubles)}" if doubles else ""


def _neither_before_nor_after(before: Picture, after: Picture, shown: Picture) -> str:
    """Each event is as it was or as it should become: nothing else was removed, created or changed."""
    for person, events in shown.items():
        for key in before[person].keys() | after[person].keys() | events.keys():
            if events.get(key) not in (before[person].get(key), after[person].get(key)):
                return f"{key} is {events.get(key, 'gone')}, neither as it was nor as it should be"
    return ""


def _written_though_unread(before: Picture, shown: Picture, ending: Ending) -> str:
    """Nothing is written for whom something could not be read, and nothing at all by a run that gave up."""
    unread = shown.keys() if ending.named is None else ending.unread
    written = [person for person in sorted(unread) if shown[person] != before[person]]
    return f"written for {written}, who could not be read" if written else ""


def sent_though_unread(case: Case, log: Iterable[Entry], ending: Ending) -> str:
    """A read that failed is never taken for an answer: nothing is even tried for whom it was made."""
    reads = not case.operation.writes and case.operation.setting == PLAIN and case.trouble.level != "moving"
    if ending.exit == 0 or not reads:
        return ""
    tried = [e for e in log if (e.service, e.principal) == ("google", HEROINE) and e.method != "GET"]
    sent = [f"{entry.method} {entry.path}" for entry in tried if entry.path != "/token"]
    return f"{sent} sent though a read had failed" if sent else ""


def _silent(after: Picture, shown: Picture, ending: Ending) -> str:
    """A calendar that is not right is named, and the exit code says so."""
    wrong = {person for person in shown if shown[person] != after[person]}
    if wrong and ending.exit == 0:
        return f"exit code 0, but the calendars of {sorted(wrong)} are not right"
    if ending.named is not None and not wrong <= ending.named:
        return f"the run does not name {sorted(wrong - ending.named)}"
    return ""


def _difference(wanted: Picture, shown: Picture) -> str:
    lacking = [key for person in wanted for key in wanted[person].items() - shown[person].items()]
    surplus = [key for person in wanted for key in shown[person].items() - wanted[person].items()]
    return f"lacking {lacking}, surplus {surplus}"


def _told(ending: Ending) -> str:
    return f"exit {ending.exit}: {ending.said or 'nothing said'}"
