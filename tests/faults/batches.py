"""What only batches suffer: the outer answer is fine, but not what it holds, or not all of it was asked."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from figgo_ops.sandbox.messages import Request, Response

Handle = Callable[[Request], Response]
Part = dict[str, Any]

_PAGE = "<html><h1>Portail captif</h1></html>"


@dataclass(frozen=True, slots=True)
class Spoiler:
    """Somebody between the client and Microsoft Graph, who dislikes one mailbox.

    Attributes:
        way: one of `WAYS`.
    """

    way: str
    mailbox: str

    def answer(self, handle: Handle, request: Request) -> Response:
        """What the client gets to see."""
        return WAYS[self.way](self, handle, request)

    def hers(self, request: Request) -> str:
        """The id of this mailbox's item."""
        (own,) = [one["id"] for one in _asked(request) if f"/users/{self.mailbox}/" in one["url"]]
        return str(own)

    def _not_hers(self, request: Request, parts: Sequence[Part]) -> list[Part]:
        return [one for one in parts if one["id"] != self.hers(request)]

    def _half(self, request: Request, parts: Sequence[Part]) -> list[Part]:
        return self._not_hers(request, parts)[::2]

    def unasked(self, handle: Handle, request: Request) -> Response:
        """Her item does not arrive."""
        return handle(_asking(request, self._not_hers(request, _asked(request))))

    def unanswered(self, handle: Handle, request: Request) -> Response:
        """Her answer is lost on its way."""
        answer = handle(request)
        return _answering(answer, self._not_hers(request, _answered(answer)))

    def half_asked(self, handle: Handle, request: Request) -> Response:
        """Half of the items do not arrive, hers among them."""
        return handle(_asking(request, self._half(request, _asked(request))))

    def half_answered(self, handle: Handle, request: Request) -> Response:
        """Half of the answers are lost on their way, hers among them."""
        answer = handle(request)
        return _answering(answer, self._half(request, _answered(answer)))

    def garbled(self, handle: Handle, request: Request) -> Response:
        """Her item does not arrive, and something else stands in place of its answer, under a good status."""
        answer = self.unasked(handle, request)
        page: Part = {"id": self.hers(request), "status": 200, "headers": {}, "body": _PAGE}
        return _answering(answer, [*self._not_hers(request, _answered(answer)), page])

    def shapeless(self, handle: Handle, request: Request) -> Response:
        """Her answer has no status that could be read."""
        answer = handle(request)
        strange: Part = {"id": self.hers(request), "status": None, "body": []}
        return _answering(answer, [*self._not_hers(request, _answered(answer)), strange])

    def told_twice(self, handle: Handle, request: Request) -> Response:
        """Somebody else's answer comes under the id of hers, behind it."""
        answer = handle(request)
        parts, hers = _answered(answer), self.hers(request)
        other = next((one for one in parts if one["id"] != hers), {"status": 200, "body": {"value": []}})
        rest = [one for one in parts if one is not other]
        return _answering(answer, [*rest, {**other, "id": hers}])

    def arriving_twice(self, handle: Handle, request: Request) -> Response:
        """All arrives twice, and the second answer is the one that comes back."""
        handle(request)
        return handle(request)


WAYS: Mapping[str, Callable[[Spoiler, Handle, Request], Response]] = {
    "unasked": Spoiler.unasked,
    "unanswered": Spoiler.unanswered,
    "half asked": Spoiler.half_asked,
    "half answered": Spoiler.half_answered,
    "garbled": Spoiler.garbled,
    "shapeless": Spoiler.shapeless,
    "told twice": Spoiler.told_twice,
    "arriving twice": Spoiler.arriving_twice,
}


def _asked(request: Request) -> list[Part]:
    parts: list[Part] = request.json()["requests"]
    return parts


def _answered(answer: Response) -> list[Part]:
    parts: list[Part] = json.loads(answer.body).get("responses", [])
    return parts


def _asking(request: Request, parts: Sequence[Part]) -> Request:
    # A batch of nothing is refused, so whoever asks alone is asked for in vain by a directory look-up.
    kept = parts or [{"id": "nobody", "method": "GET", "url": "/users/nobody@corail.example"}]
    return replace(request, body=json.dumps({"requests": list(kept)}).encode())


def _answering(answer: Response, parts: Sequence[Part]) -> Response:
    return replace(answer, body=json.dumps({"responses": list(parts)}).encode())
