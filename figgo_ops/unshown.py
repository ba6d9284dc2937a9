"""Leaves that the policy shows to nobody.

Pure: no input or output, no clock.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from figgo_ops.events import Policy
from figgo_ops.leaves import Leave, Slot


class Unshown(Mapping[tuple[int, Slot], str]):
    """Why active half-days get no event, by (period, half-day).

    Found out when somebody asks: a plan that removes nothing never does.
    """

    def __init__(self, leaves: Iterable[Leave], policy: Policy) -> None:
        self._leaves, self._policy = leaves, policy

    @cached_property
    def _reasons(self) -> dict[tuple[int, Slot], str]:
        return {
            (leave.period, leave.slot): reason
            for leave in self._leaves
            if leave.active and (reason := self._policy.dropped(leave)) is not None
        }

    def __getitem__(self, at: tuple[int, Slot]) -> str:
        return self._reasons[at]

    def __iter__(self) -> Iterator[tuple[int, Slot]]:
        return iter(self._reasons)

    def __len__(self) -> int:
        return len(self._reasons)
