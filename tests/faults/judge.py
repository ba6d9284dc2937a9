"""Whether a run that met a fault kept its word, and whether the next run put everything right."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

from figgo_ops.sandbox.messages import Entry
from tests.faults.arms import Arms, Case, aim
from tests.faults.world import HEROINE, Course, Ending, Picture, World
from tests.rehearsal import LOG_ONS, WRITES

MOST = 4
"""Requests about one mailbox that Microsoft Graph answers at the same time."""

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
        letter, last, broken = _repaired(world, case, ending)
        broken = broken or last_complaint(world, course, last)
        if broken:
            return Verdict("x", f"after the next run: {broken} ({_told(last)})")
        letter = "=" if right and letter == "r" else letter
        broken = once_complaint(case, letter)
        return Verdict("x", f"{broken} ({_told(ending)})") if broken else Verdict(letter)


def first_complaint(world: World, course: Course, ending: Ending) -> str:
    """The rule that a run with a fault broke; "" for none."""
    shown = world.picture()
    return (
        _doubles(shown)
        or _neither_before_nor_after(world.before, course.picture, shown)
        or _written_though_unread(world.before, shown, ending)
        or _silent(course.picture, shown, ending)
        or _pressed(world)
    )


def last_complaint(world: World, course: Course, ending: Ending) -> str:
    """The rule that the runs after the fault broke; "" for none."""
    shown = world.picture()
    if doubles := _doubles(shown):
        return doubles
    if shown != course.picture:
        return f"the calendars are not what an undisturbed run leaves: {_difference(course.picture, shown)}"
    return "" if ending.exit == 0 else "the calendars are right, but the run does not say so"


def once_complaint(case: Case, letter: str) -> str:
    """The rule that a run broke in how it dealt with a single strike; "" for none."""
    if not (case.once and case.trouble.passes):
        return ""
    trouble = case.trouble
    if case.operation.repeats or not trouble.leaves_doubt:
        return "" if letter == "=" else "asking again would have helped"
    wanted = "r" if trouble.kind == "late-commit" and not trouble.late else "w"
    return "" if letter == wanted else f"{letter} instead of {wanted}, though it may have been carried out"


def _repaired(world: World, case: Case, first: Ending) -> tuple[str, Ending, str]:
    """Run again as a person would who reads what the runs tell; the letter says what it took."""
    if not case.trouble.late:
        world.stage.faults.settle()
    before = len(world.stage.log.entries())
    letter, ending = "r", world.run()
    broken = created_in_doubt(world, world.stage.log.entries()[before:], first)
    if "credential-remembered" in ending.codes:
        letter, ending = "c", world.run(retry_credential=True)
    if ending.waits or case.trouble.late:
        world.stage.faults.settle()
        world.corail.clock.sleep(QUIET.total_seconds())
        letter, ending = "w" if ending.waits else letter, world.run()
    return letter, ending, broken


def created_in_doubt(world: World, log: Iterable[Entry], first: Ending) -> str:
    """Where the outcome of a creation is not known, none is sent until ten minutes have passed."""
    doubted = {world.corail.mail(number) for number in first.doubted}
    created = {mail for entry in log if world.house.creates(entry) for mail in entry.principal.split()}
    sent = sorted(doubted & created)
    return f"created for {sent} in doubt" if sent else ""


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
    asked = case.operation
    if ending.exit == 0 or asked.writes or asked.amid or case.trouble.level == "moving":
        return ""
    hers = [one for one in log if HEROINE in one.principal.split()]
    sent = [f"{one.method} {one.path}" for one in hers if _writes(one)]
    return f"{sent} sent though a read had failed" if sent else ""


def _writes(entry: Entry) -> bool:
    method, *places = WRITES.get(entry.service, ("",))
    wanted = fnmatchcase(entry.method, method) and any(fnmatchcase(entry.path, one) for one in places)
    return wanted and entry.path not in LOG_ONS


def _silent(after: Picture, shown: Picture, ending: Ending) -> str:
    """A calendar that is not right is named, and the exit code says so."""
    wrong = {person for person in shown if shown[person] != after[person]}
    if wrong and ending.exit == 0:
        return f"exit code 0, but the calendars of {sorted(wrong)} are not right"
    if ending.named is not None and not wrong <= ending.named:
        return f"the run does not name {sorted(wrong - ending.named)}"
    return ""


def _pressed(world: World) -> str:
    """Nobody is asked again before the pause is over that they wanted, nor by five requests at once."""
    gate = world.stage.microsoft365.gate
    crowded = [mail for mail, most in gate.most.items() if most > MOST]
    return f"asked too early {gate.too_early}, by too many {crowded}" if gate.too_early or crowded else ""


def _difference(wanted: Picture, shown: Picture) -> str:
    lacking = [key for person in wanted for key in wanted[person].items() - shown[person].items()]
    surplus = [key for person in wanted for key in shown[person].items() - wanted[person].items()]
    return f"lacking {lacking}, surplus {surplus}"


def _told(ending: Ending) -> str:
    return f"exit {ending.exit}: {ending.said or 'nothing said'}"
