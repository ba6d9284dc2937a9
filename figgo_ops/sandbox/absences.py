"""What an absence is made of, in Figgo's three levels.

A leave request (the workflow) makes a leave period (one absence), which holds leaves (one per half-day).
The numbers of `Status` are the ones that Figgo's documentation gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import IntEnum

from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.worktime import Slot


class Status(IntEnum):
    """Where a leave request stands."""

    PENDING = 0
    APPROVED = 2
    DENIED = 3
    CANCELLED = 4
    CANCELLATION_PENDING = 5


@dataclass(frozen=True, slots=True)
class Account:
    """An absence type of one year, as Figgo calls it: a leave account."""

    id: int
    name: str
    color: str
    is_remote_work: bool = False
    is_real_leave: bool = True


@dataclass(slots=True, eq=False)
class Leave:
    """One half-day; `is_rest` marks a row on a day that is not worked, which Figgo may or may not keep."""

    period: Period
    day: date
    half: int
    account: Account
    created_at: datetime
    is_rest: bool = False
    value: timedelta | None = None
    comment: str | None = None
    is_active: bool = True
    cancelled_at: datetime | None = None
    cancelled_by: int | None = None


@dataclass(slots=True, eq=False)
class Period:
    """One continuous absence as it was asked for; half-days removed later leave holes in `leaves`."""

    id: int
    owner: Person
    first: Slot
    last: Slot
    is_confirmed: bool = False
    confirmed_at: datetime | None = None
    leaves: list[Leave] = field(default_factory=list)
    request: Request | None = None

    def active(self) -> list[Leave]:
        """The leaves that still stand, rest days included."""
        return [leave for leave in self.leaves if leave.is_active]


@dataclass(frozen=True, slots=True)
class Decision:
    """One approver's word."""

    id: int
    at: datetime
    approver_id: int
    approved: bool
    comment: str | None


@dataclass(slots=True)
class Cancellation:
    """Somebody asks that an approved request be cancelled; `approved` is None while nobody has answered."""

    id: int
    author_id: int
    comment: str | None
    created_at: datetime
    next_approver_id: int | None
    approved: bool | None = None


@dataclass(slots=True, eq=False)
class Request:
    """The workflow of one period."""

    id: int
    period: Period
    created_at: datetime
    awaited: list[int]
    status: Status = Status.PENDING
    decisions: list[Decision] = field(default_factory=list)
    cancellations: list[Cancellation] = field(default_factory=list)
    cancelled_at: datetime | None = None
    cancelled_by: int | None = None
