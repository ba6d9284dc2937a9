"""Every fault with every question to Exchange: it ends right, or is named and the next run repairs it."""

from collections.abc import Callable

from tests.faults.grid import Operation, Trouble

PROVIDER = "exchange"

Judged = Callable[[str, Trouble, Operation], list[str]]


def test_a_fault_at_exchange_ends_right_or_is_named_and_repaired(
    judged: Judged, trouble: Trouble, operation: Operation
) -> None:
    assert judged(PROVIDER, trouble, operation) == []
