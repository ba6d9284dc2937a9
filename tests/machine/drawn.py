"""What Hypothesis chooses from: people, days, wishes, edits, mishaps, and everything that happens."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.machine.mishaps import ANSWERS, Mishap
from tests.machine.reference import DAY
from tests.rehearsal import TODAY

T = TypeVar("T")
V = TypeVar("V", bound=Callable[..., None])

which = st.integers(0, 20)
"""Somebody or something, counted round those there are."""

days = st.integers(-40, 60).map(lambda n: TODAY + n * DAY)
kinds = st.sampled_from(["Congés payés", "RTT", "Maladie", "Télétravail"])
lengths = st.sampled_from([0, 0, 1, 2, 4, 7, 11])
beginnings, ends = st.sampled_from(["AM", "AM", "AM", "PM"]), st.sampled_from(["PM", "PM", "PM", "AM"])
wishes = st.tuples(which, days, lengths, kinds, beginnings, ends, st.sampled_from([True, True, False]))
Wish = tuple[int, date, int, str, str, str, bool]

EDITS: dict[str, tuple[object, object]] = {
    "title": ("Absent", "Absence"),
    "timezone": ("Europe/Paris", "Europe/Athens"),
} | dict.fromkeys(("show_type", "private", "pending_hidden", "skipped", "discreet", "respect"), (False, True))
"""What the tenant file may say of something: the one or the other."""

ENTRY: dict[str, st.SearchStrategy[Any]] = {
    "who": which,
    "first": days,
    "length": lengths,
    "half": beginnings,
    "hours": st.sampled_from([None, None, 2.0]),
}
"""What HR may enter: sick days, or hours of a half-day."""

HISTORY = [(-12, 8, "PM", "PM"), (3, 5, "AM", "PM"), (17, 0, "AM", "AM"), (30, 2, "AM", "PM")]
"""What everybody asked for long ago: from which day on, how many more, first and last half."""


_WHAT = ["nothing"] * 4 + ["answer"] * 3 + ["line"] * 2 + ["death"] * 3 + ["late", "read", "figgo"]

MISHAPS = st.builds(
    Mishap,
    st.sampled_from(_WHAT),
    st.sampled_from(sorted(ANSWERS)),
    st.sampled_from([0, 0, 0, 1, 1, 2]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
THEN = st.none() | MISHAPS | MISHAPS.map(lambda mishap: mishap)
"""What follows an act: nothing yet, or twice as often a run at once."""

MOST = 6
"""So many people, and no more."""

ACTS: list[st.SearchStrategy[tuple[str, dict[str, Any]]]] = []
"""What people, owners, the engineer and chance do, each as often as its weight says."""


def act(weight: int = 1, /, **drawn: st.SearchStrategy[Any]) -> Callable[[V], V]:
    """Something that happens. Rules of their own would be switched off by the dozen in most examples."""

    def noted(verb: V) -> V:
        name = verb.__name__
        ACTS.extend(st.tuples(st.just(name), st.fixed_dictionaries(drawn)) for _ in range(weight))
        return verb

    return noted


def pick(among: Sequence[T], number: int) -> T | None:
    """One of them, counted round; None where there is none."""
    return among[number % len(among)] if among else None
