"""Every fault with every question to Figgo: it ends right, or fails by name and the next run repairs it."""

from collections.abc import Callable

from tests.faults.grid import Operation, Trouble

PROVIDER = "figgo"

Judged = Callable[[str, Trouble, Operation], list[str]]


def test_a_fault_at_figgo_ends_right_or_is_named_and_repaired(
    judged: Judged, trouble: Trouble, operation: Operation
) -> None:
    assert judged(PROVIDER, trouble, operation) == []
