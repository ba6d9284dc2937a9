"""What the machine must know of Microsoft 365: where its calls are, and how it differs from Exchange.

Behind both doors is one store, so events are seen and touched alike.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from figgo_ops.sandbox.microsoft365_batch import PATH
from tests.machine.exchange import ExchangeHands
from tests.machine.hands import Calls

# A batch of one method has it in its place; "$batch" alone ends in neither ET nor anything like it.
_NO_GET = f"{PATH[:-2]}*[!E]?"


def _said(status: int, code: str, **headers: str) -> dict[str, Any]:
    return {"status": status, "code": code, "headers": headers}


class Microsoft365Hands(ExchangeHands):
    """Mailboxes at the rehearsal company's Microsoft 365."""

    service = "microsoft365"
    all = Calls(service, "POST", f"{PATH}*")
    reads = Calls(service, "POST", f"{PATH}/GET")
    writes = Calls(service, "POST", _NO_GET)
    creations = Calls(service, "POST", f"{PATH}/POST")
    said: ClassVar[Mapping[int, Any]] = {
        503: _said(503, "ServiceUnavailable"),
        429: _said(429, "TooManyRequests", **{"Retry-After": "30"}),
        403: _said(403, "ErrorAccessDenied"),
    }
    renews, knows_again = False, False

    def strike(
        self, calls: Calls, kind: str, value: Any = None, after: int = 0, times: int | None = None
    ) -> None:
        """Let such calls go wrong; too many writes are so many items of a batch, among others."""
        if (calls, kind, value) != (self.writes, "status", 429):
            super().strike(calls, kind, value, after, times)
            return
        struck: dict[str, Any] = {"method": ("POST", "PATCH", "DELETE")[after], "every": 2, "times": times}
        if times:
            struck |= {"status": 429, "code": "ApplicationThrottled", "retry_after": 30}
        else:
            struck |= {"status": 503, "code": "MailboxStoreUnavailable", "commit": True}
        self.keeper.switch("item_errors", struck)
