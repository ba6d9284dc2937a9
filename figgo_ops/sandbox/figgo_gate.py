"""Who may ask the Figgo stand-in, how often, and how it says no."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

from figgo_ops.sandbox.messages import Request, Response
from figgo_ops.sandbox.people import Person

FORBIDDEN = (
    "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1>"
    "<p>Your IP address is not allowed to access this site.</p></body></html>"
)
BAD_GATEWAY = "<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key with its role: the legal entities it sees (None: all), or revoked."""

    name: str
    token: str
    legal_entities: frozenset[int] | None = None
    is_revoked: bool = False

    def sees(self, person: Person) -> bool:
        """Whether the role shows this person, by the legal entity of today."""
        return self.legal_entities is None or person.legal_entity_id in self.legal_entities


class Problem(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers

    def response(self, style: str) -> Response:
        """The answer in one of the shapes that Figgo's errors may have; `html` is a proxy's, always 502."""
        if style == "html":
            return Response.text(502, BAD_GATEWAY, "text/html")
        if style == "text":
            return Response.text(self.status, self.detail, "application/json", self.headers)
        if style == "empty":
            return Response.empty(self.status, self.headers)
        body = {"type": "about:blank", "title": "Error", "status": self.status, "detail": self.detail}
        headers = {"Content-Type": "application/problem+json", **(self.headers or {})}
        return Response.json(self.status, body, headers)


class Turnstile:
    """Counts a tenant's requests over a sliding window, whatever key they carry."""

    def __init__(self) -> None:
        self._passed: deque[float] = deque()

    def wait(self, now: float, limit: int, seconds: float) -> float:
        """Let a request pass (0), or say in how many seconds one may."""
        while self._passed and self._passed[0] <= now - seconds:
            self._passed.popleft()
        if len(self._passed) >= limit:
            return self._passed[len(self._passed) - limit] + seconds - now
        self._passed.append(now)
        return 0.0


def token(request: Request) -> str:
    """The API key of a request; the scheme word may have any case, the rest is exact."""
    sent = request.headers.get("Authorization", "")
    found = re.fullmatch(r"lucca +application=(\S+)", sent, re.IGNORECASE)
    return found[1] if found else ""


def retry_after(seconds: float, style: str, now: float) -> dict[str, str]:
    """The header that says when to come back, in one of its two spellings or not at all."""
    wait = max(1, math.ceil(seconds))
    texts = {"seconds": str(wait), "date": formatdate(now + wait, usegmt=True)}
    return {"Retry-After": texts[style]} if style in texts else {}
