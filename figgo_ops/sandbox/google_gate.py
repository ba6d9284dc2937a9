"""Who may call Google's API, and how often; and the form in which it says no."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

from figgo_ops.sandbox.discovery import Method
from figgo_ops.sandbox.google_rules import RefusedError
from figgo_ops.sandbox.google_tokens import Grant
from figgo_ops.sandbox.messages import Request, Response

# Everything costs one unit but a patch, which is documented at three.
_UNITS = {"calendar.events.patch": 3}


class Quota:
    """The units used in the sliding minute, per user and for the project; its limits are switches."""

    def __init__(self, switches: Mapping[str, Any], account: str, clock: Callable[[], float]) -> None:
        self._switches, self._account, self._clock = switches, account, clock
        self._used: dict[str, deque[float]] = {}

    def charge(self, request: Request, method: Method) -> None:
        """Count one call; RefusedError 403 or 429 when a limit is reached."""
        named = request.query.get("quotaUser", [request.headers.get("X-Goog-Quota-User", "")])[0]
        if len(named) > 40:
            raise RefusedError(400, "invalidParameter", "quotaUser must not exceed 40 characters.")
        # Without quotaUser, delegated calls all count against the service account.
        limits = (
            (f"user {named or self._account}", self._switches["per_user_quota"], "userRateLimitExceeded"),
            ("project", self._switches["per_project_quota"], "rateLimitExceeded"),
        )
        for key, limit, reason in limits:
            wait = self._wait(key, limit)
            if wait:
                raise self._too_fast(reason, wait)
        for key, limit, _ in limits:
            if limit:
                self._used[key].extend([self._clock()] * _UNITS.get(method.id, 1))

    def _wait(self, key: str, limit: int) -> float:
        used, now = self._used.setdefault(key, deque()), self._clock()
        while used and used[0] <= now - 60:
            used.popleft()
        return used[len(used) - limit] + 60 - now if 0 < limit <= len(used) else 0.0

    def _too_fast(self, reason: str, wait: float) -> RefusedError:
        style = self._switches["retry_after"] if self._switches["quota_status"] == 429 else "none"
        seconds = math.ceil(wait)
        texts = {"seconds": str(seconds), "date": formatdate(self._clock() + seconds, usegmt=True)}
        headers = {"Retry-After": texts[style]} if style in texts else {}
        reason = "rateLimitExceeded" if self._switches["quota_status"] == 429 else reason
        message, more = "Rate Limit Exceeded", {"domain": "usageLimits", "headers": headers}
        return RefusedError(self._switches["quota_status"], reason, message, **more)


def scope_too_small(grant: Grant) -> RefusedError:
    """Say that a token's scopes do not cover the method."""
    challenge = (
        'Bearer realm="https://accounts.google.com/", error="insufficient_scope", '
        f'scope="{" ".join(sorted(grant.scopes))}"'
    )
    return RefusedError(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        headers={"WWW-Authenticate": challenge},
        detail="ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    )


def refusal(refused: RefusedError) -> Response:
    """Spell a refusal as the API does."""
    one = {"message": refused.message, "domain": refused.domain, "reason": refused.reason}
    error: dict[str, Any] = {"code": refused.status, "message": refused.message, "errors": [one]}
    if refused.detail:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        error["status"] = "PERMISSION_DENIED"
        error["details"] = [{"@type": kind, "reason": refused.detail, "domain": "googleapis.com"}]
    return Response.json(refused.status, {"error": error}, refused.headers)
