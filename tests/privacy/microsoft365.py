"""What may go wrong at Microsoft: a sign-in service and a Graph that repeat what they were sent."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from figgo_ops.calendars._microsoft365_tokens import Tokens
from figgo_ops.calendars._microsoft365_wire import Wire
from figgo_ops.sandbox.messages import Request, Response
from figgo_ops.sandbox.microsoft365_batch import PATH, read_batch
from tests.privacy.scene import CERTIFICATE_FILE, SECRET_FILE, Scene, Trouble, fault, raises, secret, written

SIGN_IN = "*/oauth2/v2.0/token"
BY_SECRET, BY_CERTIFICATE = (
    f'client_secret = "file:{SECRET_FILE}"',
    f'certificate = "file:{CERTIFICATE_FILE}"',
)


def _sent(request: Request) -> str:
    """What a request carried that nobody may repeat: a token, or the secret or assertion in a form."""
    return request.headers.get("Authorization", "").rpartition(" ")[2] or request.body.decode()


def _signs_in(request: Request) -> bool:
    return not request.path.startswith("/v1.0/")


def _asks_token(request: Request) -> bool:
    return request.path.endswith("/oauth2/v2.0/token")


def _when(asked: Callable[[Request], bool], says: Callable[[Request], Response]) -> Trouble:
    return lambda scene: scene.answers(
        "microsoft365", lambda request: says(request) if asked(request) else None
    )


def _token_says(status: int, code: int, lead: str = "") -> Trouble:
    """No token, in words that repeat what was sent."""

    def says(request: Request) -> Response:
        words = f"AADSTS{code}: {lead}{_sent(request)} for {_sent(request)}\r\nTrace ID: {_sent(request)}"
        content = {
            "error": "invalid_client",
            "error_description": words,
            "error_codes": [code],
            "trace_id": _sent(request),
        }
        return Response.json(status, content, {"X-Sent": "1"})

    return _when(_asks_token, says)


def _page(asked: Callable[[Request], bool], status: int, form: str = "<title>{0}</title>{0}") -> Trouble:
    def says(request: Request) -> Response:
        return Response.text(status, form.format(_sent(request)), "text/html")

    return _when(asked, says)


def _is_batch(request: Request) -> bool:
    return request.path == PATH


def _writes(request: Request) -> bool:
    return _is_batch(request) and any(item.method != "GET" for item in read_batch(request.body))


def _error(request: Request, code: str, lead: str) -> dict[str, Any]:
    token = _sent(request)
    inner = {"request-id": token, "client-request-id": token, "date": token}
    words = f"{lead}Authorization: Bearer {token} and {token}"
    return {"error": {"code": code, "message": words, "innerError": inner, "@event.existingEventId": token}}


def _graph_says(status: int, code: str, lead: str = "Refused: ") -> Trouble:
    """Every batch is refused, and its token repeated."""
    return _when(_is_batch, lambda request: Response.json(status, _error(request, code, lead)))


def _items_say(
    status: int, code: str, lead: str = "Refused: ", asked: Callable[[Request], bool] = _is_batch
) -> Trouble:
    """Every item of a batch is refused, with the token in its body and header fields."""

    def says(request: Request) -> Response:
        answer = {
            "status": status,
            "headers": {"X-EWS-Policy-Reason": _sent(request), "WWW-Authenticate": _sent(request)},
            "body": _error(request, code, lead),
        }
        items = [{"id": item.id, **answer} for item in read_batch(request.body)]
        return Response.json(200, {"responses": items})

    return _when(asked, says)


def _items_hold(change: Callable[[dict[str, Any]], object]) -> Trouble:
    """Graph's own answers, with each event in them changed."""

    def arrange(scene: Scene) -> None:
        handle = scene.corail.stage.microsoft365.handle

        def changed(request: Request) -> Response | None:
            if not _is_batch(request):
                return None
            content = json.loads(handle(request).body)
            for item in content["responses"]:
                for event in item["body"].get("value", ()) if isinstance(item.get("body"), dict) else ():
                    change(event)
            return Response.json(200, content)

        scene.answers("microsoft365", changed)

    return arrange


def _times_are_text(event: dict[str, Any]) -> None:
    event["start"] = {"dateTime": event["subject"], "timeZone": event["subject"]}


def _redirected(request: Request) -> Response:
    return Response.empty(302, {"Location": f"https://proxy.example/?sent={quote(_sent(request))}"})


def _bearer(_scene: Scene, given: tuple[Any, ...]) -> str:
    """The token that a batch was about to be sent with."""
    return f"Bearer {given[2]}"


def _credentials(scene: Scene, _given: tuple[Any, ...]) -> str:
    return f"{scene.client_secret} {scene.certificate!r}"


def _certified(trouble: Trouble) -> Trouble:
    """The same where the application signs in with its certificate."""

    def arrange(scene: Scene) -> None:
        scene.corail.rewrite(BY_SECRET, BY_CERTIFICATE)
        trouble(scene)

    return arrange


_CODES = (7000215, 700027, 90002, 65001, 90033, 999999)
"""One of each meaning."""

_SIGN_IN: Mapping[str, Trouble] = {
    **{f"token refused with AADSTS{code}": _token_says(400, code) for code in _CODES},
    "token refused far back": _token_says(401, 7000215, "x" * 150),
    "token 503": _token_says(503, 90033),
    "token page": _page(_asks_token, 200),
    "token page with 400": _page(_asks_token, 400),
    "token list": _page(_asks_token, 200, '["{0}"]'),
    "organization page": _page(_signs_in, 200),
    "token redirect": _when(_asks_token, _redirected),
    "token cut": fault("microsoft365", "cut-json", path=SIGN_IN),
    "token dropped": fault("microsoft365", "drop-after", path=SIGN_IN),
    "internal error with the credential": raises(Tokens, "token", _credentials),
}
_OF_ASSERTIONS = (
    "token refused with AADSTS700027",
    "token refused with AADSTS999999",
    "token refused far back",
    "token page",
    "token redirect",
    "internal error with the credential",
)
_GRAPH: Mapping[str, Trouble] = {
    **{
        f"Graph {status} {code}": _graph_says(status, code)
        for status, code in (
            (400, "BadRequest"),
            (401, "InvalidAuthenticationToken"),
            (403, "ErrorAccessDenied"),
            (404, "ResourceNotFound"),
            (429, "TooManyRequests"),
            (503, "ServiceUnavailable"),
            (418, "NeverHeardOf"),
        )
    },
    **{
        f"item {status} {code}": _items_say(status, code)
        for status, code in (
            (400, "ErrorInvalidRequest"),
            (401, "InvalidAuthenticationToken"),
            (403, "ErrorAccessDenied"),
            (404, "MailboxNotEnabledForRESTAPI"),
            (404, "ErrorItemNotFound"),
            (503, "MailboxStoreUnavailable"),
            (418, "NeverHeardOf"),
        )
    },
    "item refused far back": _items_say(418, "NeverHeardOf", "x" * 150 + " "),
    "writes are refused": _items_say(400, "ErrorInvalidRequest", asked=_writes),
    "writes are refused as repeated": _items_say(409, "ErrorDuplicateTransactionId", asked=_writes),
    "writes are unsure": _items_say(503, "ErrorInternalServerError", asked=_writes),
    "writes are dropped": fault("microsoft365", "drop-after", path=f"{PATH}/POST"),
    "Graph page": _page(_is_batch, 200),
    "Graph 500": _page(_is_batch, 500),
    "Graph redirect": _when(_is_batch, _redirected),
    "Graph cut": fault("microsoft365", "cut-json", path=f"{PATH}*"),
    "Graph certificate self-signed": fault("microsoft365", "certificate", value="self-signed"),
    "Graph tells times that are text": _items_hold(_times_are_text),
    "Graph tells events without an id": _items_hold(lambda event: event.pop("id")),
    "internal error with a token at Graph": raises(Wire, "_once", _bearer),
}

MICROSOFT365: Mapping[str, Trouble] = {
    **{f"Microsoft 365 by secret: {name}": trouble for name, trouble in _SIGN_IN.items()},
    **{f"Microsoft 365 by certificate: {name}": _certified(_SIGN_IN[name]) for name in _OF_ASSERTIONS},
    **{f"Microsoft 365: {name}": trouble for name, trouble in _GRAPH.items()},
    "Microsoft 365 by certificate: nothing": _certified(lambda _scene: None),
    "another client secret": secret(SECRET_FILE, lambda scene: f"{scene.client_secret} of old"),
}


def _unfit(change: Callable[[str], str]) -> Trouble:
    return _certified(secret(CERTIFICATE_FILE, lambda scene: change(scene.certificate)))


def _mangled(pem: str) -> str:
    lines = pem.split("\n")
    return "\n".join([*lines[:5], *lines[9:]])


MICROSOFT365_FILES: Mapping[str, Trouble] = {
    "value as client_secret": written(f'"file:{SECRET_FILE}"', '"{secret}"'),
    "value as certificate": written(BY_SECRET, 'certificate = "{pem}"'),
    "certificate pasted whole": lambda scene: scene.corail.rewrite(
        BY_SECRET, f'certificate = """{scene.certificate}"""'
    ),
    "value as client_id": written('client_id = "', 'client_id = "{secret}'),
    "value as tenant_id": written('tenant_id = "', 'tenant_id = "{pem}'),
    "value as Graph's api_root": written(
        'antilles.example"\napi_root = "https://', 'antilles.example"\napi_root = "https://{pem}@'
    ),
    "value as authority": written('authority = "https://', 'authority = "https://{pem}@'),
    "value as a key of Microsoft 365": written(
        'kind = "microsoft365"', 'kind = "microsoft365"\n"{secret}" = 1'
    ),
    "certificate mangled": _unfit(_mangled),
    "certificate without its key": _unfit(lambda pem: pem[pem.index("-----BEGIN CERT") :]),
    "key without its certificate": _unfit(lambda pem: pem[: pem.index("-----BEGIN CERT")]),
    "certificate in one line": _unfit(lambda pem: pem.replace("\n", " ")),
    "certificate cut": _unfit(lambda pem: pem[:900]),
    "certificate of somebody else": _unfit(lambda pem: pem + pem),
    "client secret of letters no header takes": secret(
        SECRET_FILE, lambda scene: f"{scene.client_secret}\n\0é"
    ),
}
