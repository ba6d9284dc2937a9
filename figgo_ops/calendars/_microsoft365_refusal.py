"""What Microsoft Graph or its sign-in service said, and what a program may conclude from that. Pure."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from figgo_ops.transport import retry_after

Level = Literal["item", "http", "token"]

_PACE = frozenset(
    {
        *("ApplicationThrottled", "TooManyRequests", "activityLimitReached", "ErrorServerBusy"),
        *("AADSTS50196", "AADSTS90055"),
    }
)
MOVING = frozenset({"ErrorMailboxMoveInProgress", "MailboxInfoStale"})
STORE = frozenset(
    {
        *("MailboxStoreUnavailable", "ErrorMailboxStoreUnavailable", "ErrorMailboxFailover"),
        "ErrorConnectionFailed",
    }
)
SIGN_IN_DOWN = frozenset(
    {
        *("temporarily_unavailable", "server_error"),
        *("AADSTS50033", "AADSTS90006", "AADSTS90012", "AADSTS90024", "AADSTS90033"),
    }
)
_UNSURE = (
    STORE | MOVING | {"ErrorTimeoutExpired", "ErrorInternalServerError", "ErrorInternalServerTransientError"}
)
"""After these a request may have been carried out, whatever the status."""

_PASSING = _PACE | _UNSURE | SIGN_IN_DOWN
_PASSING_STATUSES = frozenset({408, 429, 499, 500, 502, 503, 504})
_OPEN_ENDED = frozenset({408, 499})

GONE = frozenset({"ErrorItemNotFound", "ErrorCalendarCannotUpdateDeletedItem"})
STALE = frozenset(
    {
        *("ErrorIrresolvableConflict", "ErrorStaleObject", "ErrorInvalidChangeKey"),
        *("ErrorChangeKeyRequired", "ErrorChangeKeyRequiredForWriteOperations"),
    }
)
UNREACHED = frozenset({"MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI", "ResourceNotFound"})
NOBODY = frozenset(
    {"ErrorInvalidUser", "Request_ResourceNotFound", "ErrorNonExistentMailbox", "ErrorMailboxNotFound"}
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Microsoft said no, or something before it did.

    Attributes:
        status: of HTTP; 400 where the sign-in library does not tell it.
        code: Graph's word, a number of the sign-in service such as "AADSTS700016", or "".
        text: Microsoft's sentence.
        level: whether it is said of one mailbox's request, of a whole batch, or instead of a token.
        retry_after: seconds that Microsoft wants us to wait.
        request_id: what its support asks for.
        existing: id of the event that an earlier sending of the same creation made.
        policy: the header X-EWS-Policy-Reason.
    """

    status: int
    code: str = ""
    text: str = field(default="", repr=False)
    level: Level = "item"
    retry_after: float | None = None
    request_id: str = ""
    existing: str = ""
    policy: str = ""

    @property
    def too_fast(self) -> bool:
        """Whether it is only about the pace."""
        return self.status == 429 or self.code in _PACE

    @property
    def passing(self) -> bool:
        """Whether it is worth asking again within this run."""
        return self.status in _PASSING_STATUSES or self.code in _PASSING

    @property
    def not_done(self) -> bool:
        """Whether surely nothing was carried out; else a write is settled by reading."""
        if self.level == "token":
            return True
        return 400 <= self.status < 500 and self.status not in _OPEN_ENDED and self.code not in _UNSURE

    @property
    def gone(self) -> bool:
        """Whether the event is not there any more."""
        # A 404 alone is not enough: unknown mailboxes and wrong addresses have it too.
        return self.code in GONE or (self.status == 410 and self.level == "item")

    @property
    def stale(self) -> bool:
        """Whether the event was changed after it was read."""
        return self.status == 412 or self.code in STALE

    @property
    def duplicate(self) -> bool:
        """Whether an earlier sending of the same creation was carried out; seen with 409 and with 400."""
        return self.code == "ErrorDuplicateTransactionId"

    @property
    def no_mailbox(self) -> bool:
        """Whether the mailbox may live elsewhere: Exchange Online does not have it, or not the address."""
        return self.code in UNREACHED or self.code in NOBODY

    @property
    def token_worn(self) -> bool:
        """Whether a new token may help; one for another audience would be as wrong when new."""
        worn = self.status == 401 and self.code == "InvalidAuthenticationToken"
        return worn and "audience" not in self.text.casefold()


def refusal_of(
    status: int, headers: Mapping[str, str], body: object, level: Level = "item", *, now: datetime
) -> Refusal:
    """The refusal in an answer, whatever it holds: Graph's JSON, a page, half of something, nothing.

    Args:
        body: as it arrived, or read from JSON where it was an item of a batch.
        now: the present, in UTC.
    """
    content = _read(body)
    error = _part(content, "error")
    inner = {**_part(error, "innererror"), **_part(error, "innerError")}
    fields = {str(name).casefold(): str(value) for name, value in headers.items()}
    ids = (fields.get("request-id"), inner.get("request-id"), inner.get("client-request-id"))
    return Refusal(
        status,
        _word(error.get("code")),
        _text(error.get("message")) if error else _raw(body),
        level,
        retry_after(fields.get("retry-after"), now),
        next((name for name in map(_word, ids) if name), ""),
        _text(error.get(_EXISTING) or inner.get(_EXISTING)),
        fields.get("x-ews-policy-reason", "")[:_LONGEST],
    )


def token_refusal(answer: Mapping[str, Any]) -> Refusal:
    """The refusal in an answer of the sign-in service, as the library hands it on."""
    text = _text(answer.get("error_description"))
    numbers = answer.get("error_codes")
    listed = f"AADSTS{numbers[0]}" if isinstance(numbers, list) and numbers else ""
    found = re.search(r"\bAADSTS\d+", text)
    code = found.group() if found else _word(listed) or _word(answer.get("error"))
    trace = _word(answer.get("trace_id")) or _word(answer.get("correlation_id"))
    # The number stands before the sentence; trace, correlation and time in lines below it.
    sentence = re.sub(r"^AADSTS\d+: *", "", text.lstrip()).partition("\n")[0]
    return Refusal(400, code, sentence, "token", request_id=trace)


_EXISTING = "@event.existingEventId"
_LONGEST = 2000
"""Characters of a text that are kept; errors show far fewer."""


def _read(body: object) -> object:
    if not isinstance(body, bytes | str):
        return body
    try:
        return json.loads(body)
    # Brackets nested without end are not JSON either.
    except (ValueError, RecursionError):
        return _unpacked(body) if isinstance(body, str) else None


def _unpacked(body: str) -> object:
    """What a batch holds as base64, as it does with answers that do not say that they are JSON."""
    try:
        return json.loads(base64.b64decode(body, validate=True))
    except (ValueError, RecursionError):
        return None


def _part(content: object, name: str) -> Mapping[str, Any]:
    part = content.get(name) if isinstance(content, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _word(value: object) -> str:
    text = str(value) if isinstance(value, str | int) else ""
    return text if re.fullmatch(r"[A-Za-z0-9][\w.-]{0,79}", text, re.ASCII) else ""


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _raw(body: object) -> str:
    return body[:_LONGEST].decode("utf-8", "replace") if isinstance(body, bytes) else ""
