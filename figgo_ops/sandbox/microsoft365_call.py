"""One request to the stand-in of Microsoft Graph, its token judged and its mailbox open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from figgo_ops.sandbox.exchange_store import Mailbox
from figgo_ops.sandbox.messages import Headers


class GraphError(Exception):
    """Graph says no: a status, its word for it, and a sentence; `more` stands beside the two in the body."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.headers, self.more = dict(headers or {}), dict(more or {})


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request is answered, alone or inside a batch; no content for 204."""

    status: int
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, alone or an item of a batch.

    Attributes:
        path: what follows the mailbox, such as ("events", "AAMk..."), decoded.
        user: the mailbox as the request named it, for links.
        query: decoded, one value each; a repeated parameter was refused already.
        headers: of this request or of this item of the batch.
        content: the JSON body, None without one.
        root: address of the service with its version, such as https://localhost:1/v1.0, for links.
        actor: the application.
    """

    method: str
    path: tuple[str, ...]
    user: str
    query: Mapping[str, str]
    headers: Headers
    content: Any
    root: str
    mailbox: Mailbox
    switches: Mapping[str, Any]
    now: datetime
    actor: str
