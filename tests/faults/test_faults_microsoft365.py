"""Every fault with every question to Microsoft 365: it ends right, or the next run repairs what is named."""

from collections.abc import Callable

from tests.faults.grid import Operation, Trouble

PROVIDER = "microsoft365"

Judged = Callable[[str, Trouble, Operation], list[str]]


def test_a_fault_at_microsoft_365_ends_right_or_is_named_and_repaired(
    judged: Judged, trouble: Trouble, operation: Operation
) -> None:
    assert judged(PROVIDER, trouble, operation) == []
