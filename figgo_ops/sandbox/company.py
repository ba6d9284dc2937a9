"""The rehearsal company at work: absences asked for, approved, denied, cancelled, corrected by HR."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from figgo_ops.sandbox.absences import Account, Cancellation, Decision, Leave, Period, Request, Status
from figgo_ops.sandbox.people import Person, RefusedAct, Staff, act, utc_now
from figgo_ops.sandbox.worktime import HALVES, Slot, slots

#: One absence type, or several with the number of worked half-days each covers.
Types = str | Sequence[tuple[str, int]]
YEARLY = ("Congés payés", "RTT", "Congés d'ancienneté")
PLAIN = ("#7A8C99", False)
LOOKS = {
    "Congés payés": ("#3F8CD5", False),
    "RTT": ("#5CB37E", False),
    "Maladie": ("#D55353", False),
    "Télétravail": ("#B59AD6", True),
}


@dataclass(slots=True, eq=False)
class Company(Staff):
    """Staff, their absences, and the rules by which both may change."""

    accounts: dict[int, Account] = field(default_factory=dict)
    periods: dict[int, Period] = field(default_factory=dict)
    requests: dict[int, Request] = field(default_factory=dict)
    leaves_of: dict[int, list[Leave]] = field(default_factory=dict)
    _by_name: dict[str, Account] = field(default_factory=dict)
    _taken: dict[tuple[int, Slot], Leave] = field(default_factory=dict)
    _next_period: int = 51207
    _next_row: int = 7001

    @classmethod
    def generate(
        cls,
        people: int = 5000,
        seed: int = 1,
        legal_entities: int = 3,
        leaves_per_person: int = 20,
        today: date | None = None,
    ) -> Company:
        """A company of many people without a story, `leaves_per_person` worked half-days each."""
        from figgo_ops.sandbox.crowd import fill

        company = cls(today or date.today(), utc_now)  # noqa: DTZ011 - the company's day is this machine's
        fill(company, people, seed, legal_entities, leaves_per_person)
        return company

    def account(self, name: str) -> Account:
        """The absence type of this name, created when it is new."""
        if name not in self._by_name:
            color, remote = next((look for start, look in LOOKS.items() if name.startswith(start)), PLAIN)
            account = Account(
                904 + len(self.accounts), name, color, is_remote_work=remote, is_real_leave=not remote
            )
            self.accounts[account.id] = self._by_name[name] = account
        return self._by_name[name]

    @act
    def request_leave(
        self,
        owner_id: int,
        first: date,
        last: date | None = None,
        account: Types = "Congés payés",
        *,
        from_half: str = "AM",
        to_half: str = "PM",
        hours: float | None = None,
        comment: str | None = None,
        approvers: Sequence[int] | None = None,
    ) -> Request:
        """Ask for an absence: pending until the manager, or each of `approvers`, agreed.

        `account` is a type, or a list of (type, number of worked half-days) used up in that order.
        `hours` is the length inside each half-day of a type that counts hours.
        Raises `RefusedAct` when a half-day is taken or none of them is worked.
        """
        owner = self.person(owner_id)
        period = self._open(owner, (first, HALVES[from_half]), (last or first, HALVES[to_half]), account)
        self._describe(period, hours, comment)
        awaited = (
            [owner.manager_id or owner.id]
            if approvers is None
            else [self.person(one).id for one in approvers]
        )
        request = Request(self._row(), period, self.clock(), awaited)
        period.request = self.requests[request.id] = request
        return request

    @act
    def enter_by_hr(
        self,
        owner_id: int,
        first: date,
        last: date | None = None,
        account: Types = "Maladie",
        *,
        from_half: str = "AM",
        to_half: str = "PM",
        hours: float | None = None,
        comment: str | None = None,
    ) -> Period:
        """HR records an absence: confirmed at once, with no request. Arguments as in `request_leave`."""
        owner = self.person(owner_id)
        period = self._open(owner, (first, HALVES[from_half]), (last or first, HALVES[to_half]), account)
        self._describe(period, hours, comment)
        self._confirm(period)
        return period

    @act
    def approve(self, request_id: int, comment: str | None = None) -> Request:
        """The next approver agrees; the last one confirms the period."""
        request = self._pending(request_id)
        approver = request.awaited.pop(0)
        request.decisions.append(Decision(self._row(), self.clock(), approver, True, comment))
        if not request.awaited:
            request.status = Status.APPROVED
            self._confirm(request.period)
        return request

    @act
    def deny(self, request_id: int, comment: str) -> Request:
        """The next approver refuses; Figgo wants the reason."""
        request = self._pending(request_id)
        if not comment:
            raise RefusedAct("a denial needs a comment")
        approver = request.awaited[0]
        request.awaited.clear()
        request.decisions.append(Decision(self._row(), self.clock(), approver, False, comment))
        request.status = Status.DENIED
        # Figgo tells a denied row from a cancelled one by this: inactive, but no cancellation date.
        for leave in request.period.active():
            self._drop(leave)
        return request

    @act
    def cancel(self, request_id: int) -> Request:
        """The employee withdraws a request nobody has settled yet."""
        request = self._pending(request_id)
        request.awaited.clear()
        self._cancel(request, request.period.owner.id)
        return request

    @act
    def ask_cancellation(self, request_id: int, comment: str | None = None) -> Request:
        """The employee asks to give up an approved absence: it stands until the manager has answered."""
        request = self._request(request_id, Status.APPROVED, "approved")
        owner = request.period.owner
        request.status = Status.CANCELLATION_PENDING
        asked = Cancellation(self._row(), owner.id, comment, self.clock(), owner.manager_id or owner.id)
        request.cancellations.append(asked)
        return request

    @act
    def settle_cancellation(self, request_id: int, accepted: bool) -> Request:
        """The manager accepts or refuses the cancellation."""
        request = self._request(request_id, Status.CANCELLATION_PENDING, "waiting for its cancellation")
        asked = request.cancellations[-1]
        approver, asked.next_approver_id, asked.approved = asked.next_approver_id, None, accepted
        if accepted:
            self._cancel(request, approver)
        else:
            request.status = Status.APPROVED
        return request

    @act
    def remove_half_days(self, period_id: int, half_days: Iterable[tuple[date, str]]) -> Period:
        """HR takes single half-days, (day, "AM" or "PM"), out of a period; the others stay."""
        period = self.periods.get(period_id)
        if period is None:
            raise RefusedAct(f"no leave period {period_id}")
        standing = {(leave.day, leave.half): leave for leave in period.active()}
        wanted = [(day, HALVES[half]) for day, half in half_days]
        if not set(wanted) <= set(standing):
            raise RefusedAct(f"period {period_id} has no such half-days any more")
        for slot in wanted:
            self._drop(standing[slot], by=period.owner.manager_id or period.owner.id)
        return period

    @act
    def add_half_days(self, period_id: int, half_days: Iterable[tuple[date, str]]) -> Period:
        """HR puts half-days, worked and free ones, into a period: at its ends or into its holes."""
        period = self.periods.get(period_id)
        if period is None:
            raise RefusedAct(f"no leave period {period_id}")
        wanted = [(day, HALVES[half]) for day, half in half_days]
        for slot in wanted:
            if not self.works(period.owner, slot) or self.leave_on(period.owner.id, slot):
                raise RefusedAct(f"{period.owner.name} does not work on {slot[0]}, or is already absent")
        known = period.leaves[0]
        self._fill(period, wanted, set(wanted), known.account.name.removesuffix(f" {known.day.year}"))
        period.first, period.last = min(period.first, *wanted), max(period.last, *wanted)
        return period

    def all_leaves(self) -> Iterator[Leave]:
        """Every leave, inactive ones and rest days included, owner by owner."""
        for rows in self.leaves_of.values():
            yield from rows

    def leave_on(self, owner_id: int, slot: Slot) -> Leave | None:
        """The leave that stands on one half-day of a person."""
        return self._taken.get((owner_id, slot))

    def _open(self, owner: Person, first: Slot, last: Slot, account: Types) -> Period:
        wanted = list(slots(first, last))
        worked = {slot for slot in wanted if self.works(owner, slot)}
        if not worked:
            raise RefusedAct(f"{owner.name} does not work between {first[0]} and {last[0]}")
        taken = [slot for slot in wanted if (owner.id, slot) in self._taken]
        if taken:
            raise RefusedAct(f"{owner.name} is already absent on {taken[0][0]}")
        period = Period(self._next_period, owner, first, last)
        self._next_period += 1
        self.periods[period.id] = period
        self._fill(period, wanted, worked, account)
        return period

    def _fill(self, period: Period, wanted: list[Slot], worked: set[Slot], account: Types) -> None:
        shares = [(account, len(wanted))] if isinstance(account, str) else list(account)
        row, now = self.leaves_of.setdefault(period.owner.id, []), self.clock()
        used = 0
        for slot in wanted:
            while used >= shares[0][1] and len(shares) > 1:
                shares.pop(0)
                used = 0
            used += slot in worked
            leave = Leave(period, *slot, self._type(shares[0][0], slot[0]), now, is_rest=slot not in worked)
            period.leaves.append(leave)
            row.append(leave)
            self._taken[period.owner.id, slot] = leave

    def _type(self, name: str, day: date) -> Account:
        """Paid leave and its kin are opened anew each year: "RTT" on a day of 2026 is the type "RTT 2026"."""
        return self.account(f"{name} {day.year}" if name in YEARLY else name)

    def _describe(self, period: Period, hours: float | None, comment: str | None) -> None:
        for leave in period.leaves:
            leave.value = None if hours is None else timedelta(hours=hours)
            leave.comment = comment

    def _confirm(self, period: Period) -> None:
        period.is_confirmed, period.confirmed_at = True, self.clock()

    def _cancel(self, request: Request, by: int | None) -> None:
        request.status, request.cancelled_at, request.cancelled_by = Status.CANCELLED, self.clock(), by
        for leave in request.period.active():
            self._drop(leave, by)

    def _drop(self, leave: Leave, by: int | None = None) -> None:
        leave.is_active = False
        if by is not None:
            leave.cancelled_at, leave.cancelled_by = self.clock(), by
        del self._taken[leave.period.owner.id, (leave.day, leave.half)]

    def _pending(self, request_id: int) -> Request:
        return self._request(request_id, Status.PENDING, "pending")

    def _request(self, request_id: int, status: Status, words: str) -> Request:
        request = self.requests.get(request_id)
        if request is None:
            raise RefusedAct(f"no leave request {request_id}")
        if request.status is not status:
            raise RefusedAct(f"leave request {request_id} is not {words}")
        return request

    def _row(self) -> int:
        self._next_row += 1
        return self._next_row
