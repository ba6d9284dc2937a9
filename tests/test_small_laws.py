"""Laws of stretches and keys, against what a person with a pencil would say."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figgo_ops.events import Key
from figgo_ops.leaves import Slot, WorkingTime, part_name, slot_day, stretches
from tests import drawn
from tests.model import WEEKEND, Company

pytestmark = pytest.mark.disable_socket


@given(drawn.companies(most=1))
def test_stretches_hold_every_half_day_once_and_are_as_long_as_they_can_be(company: Company) -> None:
    company.rest_rows = False
    rows = [leave for leave in company.leaves() if leave.active]
    found = stretches(rows, WorkingTime(WEEKEND, company.rest))
    assert sorted(leave.id for one in found for leave in one.leaves) == sorted(leave.id for leave in rows)
    by_slot = {(leave.period, leave.slot): leave for leave in rows}
    joined = set()
    for leave in rows:
        at = leave.slot + 1
        while (leave.period, at) not in by_slot and _rest(company, leave.owner, at):
            at += 1
        after = by_slot.get((leave.period, at))
        if after is not None and after.confirmed == leave.confirmed:
            joined.add((leave.id, after.id))
    assert {(a.id, b.id) for one in found for a, b in pairwise(one.leaves)} == joined


def _rest(company: Company, owner: int, at: Slot) -> bool:
    return slot_day(at).weekday() in WEEKEND or at in company.rest.get(owner, ())


keys = st.builds(
    Key,
    st.from_regex(r"[a-z]{1,9}\.ilucca\.(net|ch)", fullmatch=True),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.builds(part_name, st.dates(date(1970, 1, 1), date(2099, 12, 31)), st.sampled_from(["A", "P"])),
)


@given(keys, st.integers(0, 60), st.text(alphabet="0123456789/AP+-_ ²٣\n", max_size=2))
def test_a_key_reads_back_as_itself_and_no_other_text_reads_as_a_key(key: Key, at: int, typo: str) -> None:
    text = str(key)
    assert Key.parse(text) == key
    wrong = text[:at] + typo + text[at + 1 :]
    other = Key.parse(wrong)
    assert other is None or str(other) == wrong
