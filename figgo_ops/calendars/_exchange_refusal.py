"""What Exchange said, or something before it did, and what a program may conclude from that."""

import re
from dataclasses import dataclass
from typing import Literal

TOO_FAST = frozenset(
    {"ErrorServerBusy", "ErrorExceededConnectionCount", "ErrorTooManyObjectsOpened", "HTTP 429"}
)
_STORE = {"ErrorMailboxStoreUnavailable", "ErrorMailboxFailover", "ErrorConnectionFailed"}
_INTERNAL = {"ErrorInternalServerTransientError", "ErrorInternalServerError", "ErrorServiceUnavailable"}
_TIMEOUT = {"ErrorTimeoutExpired", "ErrorRequestAborted", "ErrorClientDisconnected", "HTTP 408"}

PASSING = TOO_FAST | _STORE | _INTERNAL | _TIMEOUT | {
    *("ErrorADUnavailable", "ErrorADOperation", "ErrorInsufficientResources", "ErrorNotEnoughMemory"),
    "ErrorBatchProcessingStopped",
}  # fmt: skip

UNSURE = _STORE | _INTERNAL | _TIMEOUT | {
    *("ErrorProxyCallFailed", "ErrorProxyRequestProcessingFailed", "ErrorProxySoapException"),
    *("ErrorResponseSchemaValidation", "ErrorParsingXMLResponse", "ErrorWin32InteropError"),
}  # fmt: skip
"""After these a request may have been carried out, whole or in part."""

BEFORE = frozenset(
    f"HTTP {status}" for status in (400, 401, 403, 404, 405, 407, 411, 413, 414, 415, 429, 431, 456)
)
"""Said before anything of a request is carried out; any other status without SOAP may come after it."""

GONE = frozenset({"ErrorItemNotFound", "ErrorCalendarCannotUpdateDeletedItem"})

STALE = frozenset(
    {
        "ErrorIrresolvableConflict",
        "ErrorStaleObject",
        "ErrorInvalidChangeKey",
        "ErrorChangeKeyRequired",
        "ErrorChangeKeyRequiredForWriteOperations",
    }
)

TOO_LARGE = frozenset({"ErrorRequestStreamTooBig", "HTTP 413"})
TOO_LARGE_IF_WHOLE = frozenset({"ErrorMessageSizeExceeded", "ErrorDataSizeLimitExceeded"})
"""Said of one item they are about that item, and smaller requests would not help."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Exchange said no, or something before it did.

    Attributes:
        code: Exchange's word for it, "HTTP 403", "redirect", or "".
        text: Exchange's sentence.
        status: of HTTP.
        level: whether it is said of one item, of the whole request, or without SOAP.
        back_off: seconds that Exchange wants us to wait.
        primary: the address that an alias stands for.
        offered: log-on methods in lower case.
        policy: the header X-EWS-Policy-Reason.
        location: host that a redirect leads to.
        server: which server answered, for support.
        stranger: it was said to somebody who did not log on.
    """

    code: str
    text: str = ""
    status: int = 200
    level: Literal["item", "fault", "http"] = "item"
    back_off: float | None = None
    primary: str = ""
    offered: tuple[str, ...] = ()
    policy: str = ""
    location: str = ""
    server: str = ""
    stranger: bool = False

    @property
    def word(self) -> str:
        """The code; for an answer of HTTP that has none, its status."""
        if self.level == "http" and not self.code:
            return f"HTTP {self.status}"
        return self.code

    @property
    def too_fast(self) -> bool:
        """Whether it is only about the pace."""
        return self.word in TOO_FAST

    @property
    def not_reached(self) -> bool:
        """Whether an item was not looked at: Exchange was too busy, or stopped at an earlier one."""
        return self.too_fast or self.word == "ErrorBatchProcessingStopped"

    @property
    def not_done(self) -> bool:
        """Whether surely nothing was carried out; else a write is settled by reading."""
        if self.level == "http":
            return self.word in BEFORE or (self.word == "redirect" and not self.error_page)
        return self.word not in ("", *UNSURE)

    @property
    def passing(self) -> bool:
        """Whether it is worth asking again within this run."""
        return self.word in PASSING or self.word.startswith("HTTP 5") or self.error_page

    @property
    def error_page(self) -> bool:
        """Whether it is the redirect with which a front end reports a passing fault of its own."""
        return self.code == "redirect" and "genericerrorpage" in f"{self.location} {self.text}".casefold()

    @property
    def gone(self) -> bool:
        """Whether the event is not there any more."""
        return self.code in GONE

    @property
    def stale(self) -> bool:
        """Whether the event was changed after it was read."""
        return self.code in STALE

    @property
    def too_large(self) -> bool:
        """Whether the same in smaller requests may pass."""
        return self.word in TOO_LARGE or (self.level != "item" and self.word in TOO_LARGE_IF_WHOLE)


def code_in(text: str) -> str:
    """The first response code in a text, "" if there is none: exchangelib has no class for 139 of them."""
    found = re.search(r"\bError[A-Z][A-Za-z]*", text)
    return found.group() if found else ""
