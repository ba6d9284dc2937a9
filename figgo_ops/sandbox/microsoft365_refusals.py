"""How Graph spells what it answers: errors in its own form, and the ids by which support finds them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from figgo_ops.sandbox.messages import Request, Response
from figgo_ops.sandbox.microsoft365_batch import headers_of
from figgo_ops.sandbox.microsoft365_call import Answer, GraphError

_CHALLENGE = (
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
    'client_id="00000003-0000-0000-c000-000000000000"'
)
_CODES: Mapping[int, str] = {
    400: "BadRequest",
    401: "InvalidAuthenticationToken",
    403: "ErrorAccessDenied",
    404: "ResourceNotFound",
    409: "ErrorIrresolvableConflict",
    412: "ErrorIrresolvableConflict",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


def unauthorized(text: str) -> GraphError:
    """Refuse a token."""
    return GraphError(401, _CODES[401], text, {"WWW-Authenticate": _CHALLENGE})


def ordered(order: Mapping[str, Any], headers: Mapping[str, str]) -> GraphError:
    """The error that a fault or a switch asks for: `status`, and `code` and `message` where they are said."""
    status = order["status"]
    code = order.get("code") or _CODES.get(status, "UnknownError")
    challenge = {"WWW-Authenticate": _CHALLENGE} if status == 401 else {}
    return GraphError(status, code, order.get("message", code), {**challenge, **headers})


def ids_of(request: Request | None) -> dict[str, str]:
    """A fresh id for an answer, beside the one that the client gave."""
    made = str(uuid.uuid4())
    asked = request.headers.get("client-request-id", "") if request else ""
    return {"request-id": made, "client-request-id": asked or made}


def refused(error: GraphError, ids: Mapping[str, str], now: float) -> Answer:
    """Spell a refusal, alone or in a batch."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    said = {"code": error.code, "message": error.message, **error.more}
    return Answer(error.status, {"error": {**said, "innerError": {"date": stamp, **ids}}}, error.headers)


def respond(answer: Answer, ids: Mapping[str, str]) -> Response:
    """Put an answer on the wire."""
    headers = {**headers_of(answer), **ids}
    if answer.content is None:
        return Response.empty(answer.status, headers)
    return Response.json(answer.status, answer.content, headers)
