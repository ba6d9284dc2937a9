"""The types of Figgo's v3 interface, as properties of the company's own objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any

from figgo_ops.sandbox.absences import Leave, Period, Request, Status
from figgo_ops.sandbox.company import Company
from figgo_ops.sandbox.figgo_query import Kind, Prop, kind
from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.worktime import Slot, is_holiday, is_weekend

HALF_DAY = timedelta(hours=12)
NOTHING = timedelta()
WORK_CYCLE, PUBLIC_HOLIDAY, LEAVE = 1, 2, 5
CLOSED = (Status.CANCELLED, Status.DENIED)


@dataclass(frozen=True, slots=True)
class UserDay:
    """One day of one person: a row of userdates."""

    person: Person
    day: date


@dataclass(frozen=True, slots=True)
class UserHalf:
    """One half of a `UserDay`: what the schedule says and what a leave takes of it."""

    source: int
    planned: timedelta
    absent: timedelta
    is_holiday: bool
    is_weekly_rest: bool


@dataclass(frozen=True, slots=True)
class LogLine:
    """One step in the life of a period."""

    id: int
    at: datetime
    comment: str | None
    status: int


def leave_id(leave: Leave, switches: Mapping[str, Any]) -> str:
    """`{number}-{yyyyMMdd}-{AM|PM}`; whether the number is the period's or the owner's is a switch."""
    number = leave.period.id if switches["leave_id"] == "period" else leave.period.owner.id
    return f"{number}-{leave.day:%Y%m%d}-{'PM' if leave.half else 'AM'}"


def kinds(company: Company, switches: Mapping[str, Any], host: str) -> dict[str, Kind]:
    """Every type by its name, spelled as the switches say."""
    made = (
        *_structure(host),
        *_people(company, host),
        *_leaves(switches, host),
        *_requests(host),
        *_schedule(company, host),
    )
    return {one.name: one for one in made}


def _common(host: str, path: str, of: Callable[[Any], Any] = attrgetter("id")) -> tuple[Prop, ...]:
    return (
        Prop("id", "int", of),
        Prop("url", "text", lambda row: f"https://{host}/api/v3/{path}/{of(row)}"),
    )


def _texts(**names: str) -> tuple[Prop, ...]:
    return tuple(Prop(name, "text", attrgetter(path)) for name, path in names.items())


def _ints(**names: str) -> tuple[Prop, ...]:
    return tuple(Prop(name, "int", attrgetter(path)) for name, path in names.items())


def _unset(*names: str) -> tuple[Prop, ...]:
    return tuple(Prop(name, "text", lambda _row: None) for name in names)


def _structure(host: str) -> Iterator[Kind]:
    yield kind("LegalEntity", *_common(host, "legalEntities"), *_texts(name="name"))
    yield kind("Department", *_common(host, "departments"), *_texts(name="name"))
    yield kind("HolidayCalendar", *_common(host, "calendars", _calendar_id), *_texts(name="holidays"))
    yield kind(
        "FiggoLeaveAccount",
        *_common(host, "leaveAccounts"),
        *_texts(name="name", color="color"),
        Prop("isRemoteWork", "bool", attrgetter("is_remote_work")),
    )


def _calendar_id(entity: Any) -> int:
    return 10 + int(entity.id)


def _belonging(company: Company) -> tuple[Prop, ...]:
    entity = _entity_of(company)
    return (
        *_ints(legalEntityId="legal_entity_id", departmentId="department_id", managerId="manager_id"),
        *_texts(firstName="first_name", lastName="last_name", name="name", displayName="name"),
        Prop("legalEntity", "object", entity, "LegalEntity"),
        Prop("department", "object", lambda row: company.departments[row.department_id], "Department"),
    )


def _entity_of(company: Company) -> Callable[[Person], Any]:
    return lambda person: company.legal_entities[person.legal_entity_id]


def _people(company: Company, host: str) -> Iterator[Kind]:
    entity = _entity_of(company)
    yield kind(
        "User",
        *_common(host, "users"),
        *_belonging(company),
        *_texts(mail="mail", login="mail", employeeNumber="employee_number"),
        *_unset("birthDate", "jobTitle"),
        Prop("dtContractStart", "day", attrgetter("contract_start")),
        Prop("dtContractEnd", "day", attrgetter("contract_end")),
        Prop("modifiedAt", "moment", attrgetter("modified_at")),
        Prop("manager", "object", lambda row: company.people.get(row.manager_id), "User"),
        Prop("cultureID", "int", lambda _row: 1036),
        Prop("calendarId", "int", lambda row: _calendar_id(entity(row))),
        Prop("calendar", "object", entity, "HolidayCalendar"),
    )
    # The mail of an owner was taken out of leaves for reasons of security: asked for, it is null.
    secret = _unset("mail", "login", "matricule")
    yield kind("LeaveOwner", *_common(host, "users"), *_belonging(company), *secret)


def _leaves(switches: Mapping[str, Any], host: str) -> Iterator[Kind]:
    def identity(leave: Leave) -> str:
        return leave_id(leave, switches)

    yield kind(
        "FiggoLeave",
        Prop("id", "text", identity),
        Prop("name", "text", identity),
        Prop("url", "text", lambda leave: f"https://{host}/api/v3/leaves/{identity(leave)}"),
        Prop("date", "day", attrgetter("day")),
        Prop(switches["half_day_key"], "bool", lambda leave: not leave.half),
        Prop("value", "span", attrgetter("value")),
        Prop("isActive", "bool", attrgetter("is_active")),
        Prop("isRemoteWork", "bool", attrgetter("account.is_remote_work")),
        Prop("isRealLeave", "bool", attrgetter("account.is_real_leave")),
        Prop("creationDate", "moment", attrgetter("created_at")),
        Prop("cancellationDate", "moment", attrgetter("cancelled_at")),
        *_texts(comment="comment", color="account.color"),
        *_ints(leaveAccountId="account.id", leavePeriodId="period.id", ownerId="period.owner.id"),
        *_ints(cancellationUserId="cancelled_by"),
        Prop("leaveAccount", "object", attrgetter("account"), "FiggoLeaveAccount"),
        Prop("leavePeriod", "object", attrgetter("period"), "FiggoLeavePeriod"),
    )
    yield _period_kind(switches, host)
    yield kind(
        "FiggoLeavePeriodLog",
        *_ints(id="id", status="status"),
        *_texts(comment="comment"),
        Prop("date", "moment", attrgetter("at")),
        default=("id", "date", "status"),
    )


def _period_kind(switches: Mapping[str, Any], host: str) -> Kind:
    def end(which: int) -> Callable[[Period], Slot]:
        return lambda period: _ends(period, switches)[which]

    first, last = end(0), end(1)
    return kind(
        "FiggoLeavePeriod",
        *_common(host, "leavePeriods"),
        Prop("name", "text", lambda period: f"{period.owner.name} {period.first[0].isoformat()}"),
        *_ints(ownerId="owner.id"),
        Prop("owner", "object", attrgetter("owner"), "LeaveOwner"),
        Prop("isConfirmed", "bool", attrgetter("is_confirmed")),
        Prop("confirmationDate", "moment", attrgetter("confirmed_at")),
        *_unset("attachmentId"),
        Prop("startsOn", "day", lambda period: first(period)[0]),
        Prop("startsAM", "bool", lambda period: not first(period)[1]),
        Prop("endsOn", "day", lambda period: last(period)[0]),
        Prop("endsAM", "bool", lambda period: not last(period)[1]),
        Prop("leaves", "list", lambda period: shown_rows(period, switches), "FiggoLeave"),
        Prop("logs", "list", _logs, "FiggoLeavePeriodLog"),
    )


def shown_rows(period: Period, switches: Mapping[str, Any]) -> list[Leave]:
    """The rows Figgo keeps of a period: those of rest days only where the installation has them."""
    return [leave for leave in period.leaves if switches["rest_rows"] or not leave.is_rest]


def _ends(period: Period, switches: Mapping[str, Any]) -> tuple[Slot, Slot]:
    standing = [(leave.day, leave.half) for leave in period.active() if not leave.is_rest]
    if switches["period_ends"] == "asked" or not standing:
        return period.first, period.last
    return standing[0], standing[-1]


def _logs(period: Period) -> list[LogLine]:
    request = period.request
    if request is None:
        return []
    made = LogLine(request.id, request.created_at, None, Status.PENDING)
    verdicts = {True: Status.APPROVED, False: Status.DENIED}
    decided = [LogLine(one.id, one.at, one.comment, verdicts[one.approved]) for one in request.decisions]
    return [made, *decided]


def _requests(host: str) -> Iterator[Kind]:
    yield kind(
        "FiggoLeaveRequest",
        *_common(host, "leaveRequests"),
        Prop("name", "text", lambda request: f"Demande {request.id}"),
        *_ints(leavePeriodId="period.id", status="status", cancellationUserId="cancelled_by"),
        Prop("leavePeriod", "object", attrgetter("period"), "FiggoLeavePeriod"),
        Prop("creationDate", "moment", attrgetter("created_at")),
        Prop("cancellationDate", "moment", attrgetter("cancelled_at")),
        Prop("nextApproverId", "int", _next_approver),
        Prop("isActive", "bool", lambda request: request.status not in CLOSED),
        Prop("approvals", "list", attrgetter("decisions"), "FiggoApproval"),
        Prop("cancellationRequests", "list", attrgetter("cancellations"), "FiggoCancellationRequest"),
        default=(
            "id", "leavePeriodId", "leavePeriod", "status", "creationDate", "nextApproverId",
            "cancellationUserId", "cancellationDate", "isActive", "approvals", "cancellationRequests",
        ),
    )  # fmt: skip
    yield kind(
        "FiggoApproval",
        *_ints(id="id", approverId="approver_id"),
        *_unset("substitutedApproverId"),
        *_texts(comment="comment"),
        Prop("date", "moment", attrgetter("at")),
        Prop("approved", "bool", attrgetter("approved")),
        default=("id", "date", "approverId", "substitutedApproverId", "approved", "comment"),
    )
    yield kind(
        "FiggoCancellationRequest",
        *_ints(id="id", authorId="author_id", nextApproverId="next_approver_id"),
        *_texts(comment="comment"),
        Prop("rank", "int", lambda _row: 0),
        Prop("approved", "bool", attrgetter("approved")),
        Prop("creationDate", "moment", attrgetter("created_at")),
        Prop("isActive", "bool", lambda row: row.approved is None),
        default=(
            "id", "authorId", "comment", "rank", "approved", "creationDate", "nextApproverId", "isActive",
        ),
    )  # fmt: skip


def _next_approver(request: Request) -> int | None:
    if request.status is Status.CANCELLATION_PENDING:
        return request.cancellations[-1].next_approver_id
    return request.awaited[0] if request.awaited else None


def _schedule(company: Company, host: str) -> Iterator[Kind]:
    def identity(row: UserDay) -> str:
        return f"{row.person.id}-{row.day:%Y%m%d}"

    halves = ("source", "dtt", "drt", "draj", "isHoliday", "isWeeklyRest")
    yield kind(
        "UserDate",
        Prop("id", "text", identity),
        Prop("name", "text", identity),
        Prop("url", "text", lambda row: f"https://{host}/api/v3/userdates/{identity(row)}"),
        *_ints(ownerId="person.id"),
        Prop("owner", "object", attrgetter("person"), "LeaveOwner"),
        Prop("date", "day", attrgetter("day")),
        Prop("am", "object", lambda row: _half(company, row, 0), "UserDateHalf"),
        Prop("pm", "object", lambda row: _half(company, row, 1), "UserDateHalf"),
    )
    yield kind(
        "UserDateHalf",
        *_ints(source="source"),
        Prop("dtt", "span", attrgetter("planned")),
        Prop("drt", "span", lambda half: half.planned - half.absent),
        Prop("draj", "span", attrgetter("absent")),
        Prop("isHoliday", "bool", attrgetter("is_holiday")),
        Prop("isWeeklyRest", "bool", attrgetter("is_weekly_rest")),
        default=halves,
    )


def _half(company: Company, row: UserDay, half: int) -> UserHalf:
    planned = HALF_DAY if company.works(row.person, (row.day, half)) else NOTHING
    leave = company.leave_on(row.person.id, (row.day, half))
    is_absent = leave is not None and leave.period.is_confirmed and not leave.is_rest
    holiday = is_holiday(company.holidays_of(row.person), row.day)
    source = PUBLIC_HOLIDAY if holiday else LEAVE if is_absent else WORK_CYCLE
    return UserHalf(source, planned, planned if is_absent else NOTHING, holiday, is_weekend(row.day))
