"""What Figgo's answers and rows mean: functions from values to values, no network.

Rows are read strictly. A key that was asked for and did not come is an error, never a default: a leave
whose "remote work" is unknown must not become an absence in somebody's calendar.
"""

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    Incomplete,
    RightsMissing,
    Unreachable,
    UsageError,
)
from figgo_ops.leaves import Half, Leave, Person, Slot, slot
from figgo_ops.secrets import REDACTOR
from figgo_ops.transport import Answer

Row = Mapping[str, Any]

PERSON_FIELDS = ("id", "name", "mail", "employeeNumber", "legalEntityId", "dtContractStart", "dtContractEnd")
LEAVE_FIELDS = (
    "id",
    "date",
    "isAM",
    "isActive",
    "value",
    "cancellationDate",
    "isRemoteWork",
    "isRealLeave",
    "leaveAccount[id,name]",
    "leavePeriod[id,ownerId,isConfirmed]",
)
DAY_FIELDS = ("ownerId", "date", "am[dtt,isHoliday,isWeeklyRest]", "pm[dtt,isHoliday,isWeeklyRest]")

OPTIONAL: Mapping[str, tuple[Any, str]] = {
    "value": (None, "leaves counted in hours are shown as whole half-days"),
    "cancellationDate": (None, "only isActive tells which leaves are cancelled"),
    "isRemoteWork": (False, "remote work can be told from absence by the name of its type only"),
    "isRealLeave": (True, "rows that are no real absence can be told by the name of their type only"),
}
"""Fields a tenant may not know: what is assumed without them, and what that means to a reader."""

_AGAIN = "Run again; if it stays, compare with /api/v3/leaves/help of this tenant and tell the makers."
_DURATION = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?")
_HALF_PAIRS = re.compile("[\ud800-\udfff]")
LONGEST_NAME, NO_NAME = 255, "(no name)"
_ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+@[^@\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")

_STATUS: Mapping[int, tuple[type[FiggoOpsError], str, str, str]] = {
    401: (
        CredentialRefused,
        "does not know the API key",
        "Ask the customer's administrator whether the key was deleted at Lucca, then store the new one.",
        "key-refused",
    ),
    403: (
        RightsMissing,
        "does not let the API key read this",
        "Ask the customer's administrator to let the key's role at Lucca read people and absences.",
        "role-too-narrow",
    ),
    404: (
        UsageError,
        "does not know this address",
        "Check [figgo] url in the tenant file: it must be the customer's own Lucca host.",
        "wrong-url",
    ),
    408: (
        Incomplete,
        "gave up after five seconds",
        "Run again at a quieter hour, or for fewer people.",
        "too-slow",
    ),
    410: (
        UsageError,
        "says that this interface was switched off",
        "Update figgo_ops; if it is up to date, tell the makers.",
        "gone",
    ),
}

_LET_IN = "Have the customer let in the address from which this machine reaches the internet, then run again."


def meaning(answer: Answer, where: str) -> Any:
    """The JSON of a good answer.

    Args:
        answer: what came back, its status below 500 and not 429.
        where: who answered, for the message.

    Raises:
        CredentialRefused, RightsMissing: 401, 403; a page with 403 is not Figgo's (code address-refused).
        UsageError: the address is wrong.
        Incomplete: 408 (code too-slow), or any other refusal (code bad-query) with Figgo's own words.
        Unreachable: a page, or JSON that breaks off.
    """
    if answer.status == 403 and answer.body.lstrip()[:1] == b"<":
        what = f"{where} is kept from us by a page that something before it sends (403{_said(answer)})."
        raise RightsMissing(what, _LET_IN, code="address-refused")
    if answer.status in _STATUS:
        kind, what, remedy, code = _STATUS[answer.status]
        raise kind(f"{where} {what} ({answer.status}{_said(answer)}).", remedy, code=code)
    if answer.status >= 300:
        what = f"{where} refused the question ({answer.status}{_said(answer)})."
        raise Incomplete(what, _AGAIN, code="bad-query")
    try:
        return answer.json()
    except Unreachable as error:
        raise Unreachable(f"{where} {error.message}.", error.remedy, code="strange-answer") from None


def detail(answer: Answer) -> str:
    """What an error answer says, in any shape seen: problem JSON, other JSON, text, a page, nothing."""
    try:
        content = answer.json()
    except Unreachable:
        content = answer.body.decode("utf-8", "replace")
    if isinstance(content, dict):
        found = (content.get(key) for key in ("detail", "message", "Message", "error", "title"))
        content = next((text for text in found if isinstance(text, str) and text), "")
    # Cut only what is clean: half a key would not be recognised as one any more.
    text = re.sub(r"<[^>]*>", " ", REDACTOR.clean(str(content or "")))
    return REDACTOR.clean(" ".join(text.split()))[:300]


def unknown_field(error: FiggoOpsError, asked: Iterable[str]) -> str | None:
    """The optional field whose name a refusal gives as an unknown property; None when it gives none."""
    for name in asked:
        named = rf"(?:property|field|member|propriété|champ)\W+{name}\b|['\"«]\s?{name}\s?['\"»]"
        if name in OPTIONAL and re.search(named, error.message, re.IGNORECASE):
            return name
    return None


def page_of(content: Any, where: str) -> tuple[list[Row], int]:
    """Rows and the total over all pages; v3 wraps both in `data`, v4 does not.

    Raises:
        Incomplete: no items, or no count though it was asked for.
    """
    data = content.get("data", content) if isinstance(content, dict) else None
    items, count = (data.get("items"), data.get("count")) if isinstance(data, dict) else (None, None)
    if not isinstance(items, list) or not all(isinstance(row, dict) for row in items):
        raise Incomplete(f"{where} answered without items.", _AGAIN, code="no-items")
    if isinstance(count, bool) or not isinstance(count, int):
        what = f"{where} answered without a count, so nobody knows what is missing."
        raise Incomplete(what, _AGAIN, code="no-count")
    return items, count


def count_of(content: Any, where: str) -> int:
    """The total of a v3 list that was asked for nothing else; its items may be left out then.

    Raises:
        Incomplete: there is none.
    """
    data = content.get("data") if isinstance(content, dict) else None
    count = data.get("count") if isinstance(data, dict) else None
    if isinstance(count, bool) or not isinstance(count, int):
        raise Incomplete(f"{where} answered without a count.", _AGAIN, code="no-count")
    return count


def row_of(content: Any, where: str) -> Row:
    """The one row of a v3 answer that is no list.

    Raises:
        Incomplete: there is none.
    """
    row = content.get("data") if isinstance(content, dict) else None
    if not isinstance(row, dict):
        raise Incomplete(f"{where} answered without a row.", _AGAIN, code="no-row")
    return row


def establishment_of(row: Row) -> tuple[int, str]:
    """Id and name of a legal entity, from a row of v4's establishments.

    Raises:
        Incomplete: a key is missing or not readable.
    """
    what = f"legal entity {row.get('id')}"
    return _number(row, "id", what), _name(row, what)


def person_of(row: Row) -> Person | None:
    """A row of /users; None when the person belongs to no legal entity and so to no calendar.

    Raises:
        Incomplete: a key is missing or not readable.
    """
    who = f"person {row.get('id')}"
    if _need(row, "legalEntityId", who) is None:
        return None
    number = _need(row, "employeeNumber", who)
    return Person(
        id=_number(row, "id", who),
        name=_name(row, who),
        mail=address(_need(row, "mail", who)),
        number=str(number) if number not in (None, "") else None,
        legal_entity=_number(row, "legalEntityId", who),
        starts=_day_or_none(row, "dtContractStart", who),
        ends=_day_or_none(row, "dtContractEnd", who),
    )


def leave_of(row: Row, dropped: Collection[str] = ()) -> Leave:
    """A row of /leaves.

    Args:
        row: as answered; either spelling of isAM, dates with or without a time.
        dropped: optional fields this tenant does not know.

    Raises:
        Incomplete: a key is missing or not readable.
    """
    what = f"leave {row.get('id')}"
    if dropped:
        row = {**{name: OPTIONAL[name][0] for name in dropped}, **row}
    period, account = _part(row, "leavePeriod", what), _part(row, "leaveAccount", what)
    morning = "isAM" if "isAM" in row else "isAm"
    half: Half = "A" if _flag(row, morning, what) else "P"
    cancelled = _need(row, "cancellationDate", what)
    return Leave(
        id=_text(row, "id", what),
        owner=_number(period if "ownerId" in period else row, "ownerId", what),
        period=_number(period, "id", what),
        day=_day(row, "date", what),
        half=half,
        type_id=_number(account, "id", what),
        type_name=_words(account, "name", what),
        active=_flag(row, "isActive", what) and not cancelled,
        confirmed=_flag(period, "isConfirmed", what),
        hours=_duration_or_none(row, "value", what),
        remote=_flag(row, "isRemoteWork", what),
        real=_flag(row, "isRealLeave", what),
    )


def mark_of_leave(row: Row) -> Hashable:
    """What tells one row of /leaves from another.

    Where ids are made of owner and half-day, a leave that was cancelled and taken again repeats its id.
    """
    return str(row.get("id")), str(row.get("leavePeriod")), row.get("isActive"), row.get("cancellationDate")


def rest_of(row: Row) -> tuple[int, date, frozenset[Slot]]:
    """Owner, day, and the half-days nobody expects the owner to work, from a row of /userdates.

    Raises:
        Incomplete: a key is missing or not readable.
    """
    what = f"working time of {row.get('ownerId')} on {str(row.get('date'))[:10]}"
    day = _day(row, "date", what)
    rest = {slot(day, half) for half, key in _HALVES if _is_rest(_part(row, key, what), what)}
    return _number(row, "ownerId", what), day, frozenset(rest)


_HALVES: tuple[tuple[Half, str], ...] = (("A", "am"), ("P", "pm"))


def address(value: object) -> str | None:
    """A mail address in lower case; None for anything that cannot be one."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return text if _ADDRESS.fullmatch(text) else None


def months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The calendar months from `first` to `last`, each as its first and last day inside."""
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(last, following - timedelta(days=1))
        first = following


def _said(answer: Answer) -> str:
    text = detail(answer)
    return f": {text}" if text else ""


def _is_rest(half: Row, what: str) -> bool:
    planned = _duration_or_none(half, "dtt", what)
    return _flag(half, "isHoliday", what) or _flag(half, "isWeeklyRest", what) or planned == timedelta(0)


def _need(row: Row, name: str, what: str) -> Any:
    if name not in row:
        raise Incomplete(f"Figgo's answer lacks {name} in {what}.", _AGAIN, code="field-missing")
    return row[name]


def _odd(name: str, value: object, what: str) -> Incomplete:
    # The value itself may be an absence type or a comment, and messages go everywhere.
    return Incomplete(
        f"Figgo's answer has {type(value).__name__} of an unexpected form as {name} in {what}.",
        _AGAIN,
        code="field-unreadable",
    )


def _part(row: Row, name: str, what: str) -> Row:
    value = _need(row, name, what)
    if not isinstance(value, dict):
        raise _odd(name, value, what)
    return value


def _flag(row: Row, name: str, what: str) -> bool:
    value = _need(row, name, what)
    if not isinstance(value, bool):
        raise _odd(name, value, what)
    return value


def _number(row: Row, name: str, what: str) -> int:
    value = _need(row, name, what)
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _odd(name, value, what)
    return value


def _text(row: Row, name: str, what: str) -> str:
    value = _need(row, name, what)
    if not isinstance(value, str) or not value:
        raise _odd(name, value, what)
    return value


def _words(row: Row, name: str, what: str) -> str:
    """Text that somebody typed and nothing hangs on: it may be empty, and always has bytes in UTF-8."""
    value = _need(row, name, what)
    if not isinstance(value, str):
        raise _odd(name, value, what)
    return _HALF_PAIRS.sub("\ufffd", value)


def _name(row: Row, what: str) -> str:
    """The name of a person or legal entity, on one line of bearable length."""
    text = " ".join(_words(row, "name", what)[:LONGEST_NAME].splitlines())
    return text if text.strip() else NO_NAME


def _day(row: Row, name: str, what: str) -> date:
    value = _need(row, name, what)
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise _odd(name, value, what) from None


def _day_or_none(row: Row, name: str, what: str) -> date | None:
    return None if _need(row, name, what) is None else _day(row, name, what)


def _duration_or_none(row: Row, name: str, what: str) -> timedelta | None:
    value = _need(row, name, what)
    if value is None:
        return None
    found = _DURATION.fullmatch(str(value))
    if not found:
        raise _odd(name, value, what)
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
