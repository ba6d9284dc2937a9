"""What may go wrong between a command and its end, with services that repeat what they were sent."""

import json
import socket
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from figgo_ops.calendars._exchange_wire import Wire as ExchangeWire
from figgo_ops.calendars._google_tokens import Tokens
from figgo_ops.calendars._google_wire import Wire
from figgo_ops.ledger import Ledger
from figgo_ops.sandbox.exchange import PATH
from figgo_ops.sandbox.exchange_soap import RefusedError, fault_response
from figgo_ops.sandbox.messages import Request, Response
from figgo_ops.transport import Http
from tests.privacy.canaries import spellings
from tests.privacy.microsoft365 import MICROSOFT365, MICROSOFT365_FILES
from tests.privacy.scene import (
    ACCOUNT_FILE,
    KEY_FILE,
    PASSWORD_FILE,
    Scene,
    Trouble,
    fault,
    raises,
    secret,
    written,
)


def _sent(request: Request) -> str:
    """What a request carried that nobody may repeat: its authorization, or the assertion in its body."""
    token = request.headers.get("Authorization", "").rpartition(" ")[2].removeprefix("application=")
    return token or request.body.decode("latin-1")


def _figgo_says(status: int, **more: Any) -> Trouble:
    """Every question is answered so, with the key in the words."""

    def says(request: Request) -> Response:
        key = _sent(request)
        content = {"detail": f"Header was: Authorization: lucca application={key} !", "message": key}
        return Response.json(status, content, {"WWW-Authenticate": key, **more})

    return lambda scene: scene.answers("figgo", says)


def _figgo_spells(way: str) -> Trouble:
    def says(request: Request) -> Response:
        words = b" ".join(sorted(spellings(_sent(request))[way]))
        return Response.json(400, {"detail": f"You sent {words.decode('latin-1')} to us"})

    return lambda scene: scene.answers("figgo", says)


def _figgo_page(form: str, status: int = 200) -> Trouble:
    """A page in place of an answer; {} is the key."""
    return lambda scene: scene.answers(
        "figgo", lambda request: Response.text(status, form.format(_sent(request)), "text/html")
    )


def _token_says(status: int, error: str, words: str) -> Trouble:
    """The token endpoint refuses, and repeats what it was sent."""

    def says(request: Request) -> Response | None:
        if request.path != "/token":
            return None
        text = f"{words} {_sent(request)}"
        return Response.json(status, {"error": error, "error_description": text}, {"X-Sent": "1"})

    return lambda scene: scene.answers("google", says)


def _token_page(status: int, form: str) -> Trouble:
    def says(request: Request) -> Response | None:
        return (
            Response.text(status, form.format(_sent(request)), "text/html")
            if request.path == "/token"
            else None
        )

    return lambda scene: scene.answers("google", says)


def _google_says(status: int, reason: str, lead: str = "Refused") -> Trouble:
    """The calendar refuses, and repeats the token."""

    def says(request: Request) -> Response | None:
        if request.path == "/token":
            return None
        words = f"{lead}: Authorization: Bearer {_sent(request)} and {_sent(request)}"
        error = {"code": status, "message": words, "errors": [{"reason": reason, "message": words}]}
        return Response.json(status, {"error": error})

    return lambda scene: scene.answers("google", says)


def _google_page(status: int) -> Trouble:
    def says(request: Request) -> Response | None:
        page = f"<html><title>{_sent(request)}</title>{_sent(request)}</html>"
        return None if request.path == "/token" else Response.text(status, page, "text/html")

    return lambda scene: scene.answers("google", says)


def _told_to_exchange(request: Request) -> str:
    """What a request to Exchange showed of the password, as it was sent and, where it can be, in clear."""
    word, _, token = request.headers.get("Authorization", "").partition(" ")
    return f"{token} {b64decode(token).decode()}" if word == "Basic" else token


def _exchange_says(code: str, lead: str = "Refused") -> Trouble:
    """Whoever is logged on is refused, in words that repeat what was sent."""

    def says(request: Request) -> Response | None:
        told = _told_to_exchange(request)
        if not request.place.endswith("Item"):
            return None
        return fault_response(RefusedError(code, f"{lead}: Authorization: Basic {told} !"))

    return lambda scene: scene.answers("exchange", says)


def _exchange_page(status: int, form: str = "<title>{0}</title>{0}", **headers: str) -> Trouble:
    """A page in place of an answer; {0} is what was sent."""

    def says(request: Request) -> Response:
        told = _told_to_exchange(request)
        page = Response.text(status, form.format(told), "text/html")
        page.headers.update({name: value.format(told.split(" ")[0]) for name, value in headers.items()})
        return page

    return lambda scene: scene.answers("exchange", says)


def _basic(trouble: Trouble) -> Trouble:
    """The same where Exchange takes the password itself."""

    def arrange(scene: Scene) -> None:
        scene.corail.stage.exchange.switch("auth", "basic")
        scene.corail.rewrite('kind = "exchange"', 'kind = "exchange"\nauth = "basic"')
        trouble(scene)

    return arrange


def _mangled(scene: Scene) -> str:
    account = scene.account()
    lines = account["private_key"].split("\n")
    return json.dumps({**account, "private_key": "\n".join([*lines[:5], *lines[9:]])})


def _bearer(scene: Scene, given: tuple[Any, ...]) -> str:
    wire, mailbox = given[0], given[1]
    with wire._connection() as connection:
        return f"Bearer {wire._tokens.bearer(mailbox, connection)}"


def _nobody_listens(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    scene.corail.rewrite(f'url = "{scene.corail.stage.urls["figgo"]}"', f'url = "https://localhost:{port}"')


def _ledger(url: str) -> Trouble:
    return lambda scene: scene.patch.setenv("FIGGO_OPS_LEDGER", url)


LEDGER_PASSWORD = "Kanari-of-the-ledger-0815"

WAYS = [way for way in spellings("any word") if way != "UTF-16"]
"""Half a key or one in UTF-16 is nothing that a service would repeat; files may still hold it."""

FIGGO: Mapping[str, Trouble] = {
    "wrong Figgo key": secret(KEY_FILE, lambda _scene: "Kanari-wrong-key-4711"),
    "revoked Figgo key": lambda scene: scene.corail.key_of_figgo("revoked"),
    "key that sees nobody": lambda scene: scene.corail.key_of_figgo("nobody"),
    **{f"Figgo {status}": _figgo_says(status) for status in (400, 401, 403, 404, 408, 410, 500, 503)},
    "Figgo 429": _figgo_says(429, **{"Retry-After": "7200"}),
    "Figgo repeats the key far back": _figgo_page("x" * 285 + " {} y", 400),
    **{
        f"Figgo spells the key as {way}": _figgo_spells(way)
        for way in spellings("x" * 28)
        if way not in ("half", "UTF-16")
    },
    "Figgo HTML": _figgo_page("<html><title>{0}</title>{0}</html>"),
    "Figgo HTML with the key at its title's end": _figgo_page("<title>" + "x" * 62 + " {}</title>"),
    "Figgo redirect": lambda scene: scene.answers(
        "figgo",
        lambda request: Response.empty(
            302, {"Location": f"https://{_sent(request).encode().hex()}.example/"}
        ),
    ),
    "Figgo JSON of another form": lambda scene: scene.answers(
        "figgo", lambda request: Response.json(200, {"data": {"items": [{"id": _sent(request)}], "count": 1}})
    ),
    "Figgo cut": fault("figgo", "cut-json"),
    "Figgo cut in the body": fault("figgo", "cut-body"),
    "Figgo drops": fault("figgo", "drop-before"),
    "Figgo certificate expired": fault("figgo", "certificate", value="expired"),
    "Figgo certificate of another": fault("figgo", "certificate", value="wrong-name"),
    "Figgo certificate self-signed": fault("figgo", "certificate", value="self-signed"),
    "Figgo not in DNS": lambda scene: scene.corail.rewrite(
        f'url = "{scene.corail.stage.urls["figgo"]}"', 'url = "https://nobody.invalid"'
    ),
    "Figgo refuses connections": _nobody_listens,
}

GOOGLE: Mapping[str, Trouble] = {
    **{
        f"token refused: {error}, {words or 'no words'}": _token_says(status, error, words)
        for status, error, words in (
            (400, "invalid_grant", "Invalid JWT Signature."),
            (400, "invalid_grant", "No valid verifier found for issuer"),
            (400, "invalid_grant", "Invalid email or User ID"),
            (400, "invalid_grant", "Token must be a short-lived token"),
            (400, "invalid_grant", "x" * 180),
            (401, "invalid_client", ""),
            (401, "unauthorized_client", ""),
            (400, "invalid_request", ""),
            (403, "access_denied", "Account restricted"),
            (400, "never_heard_of", ""),
            (503, "temporarily_unavailable", ""),
        )
    },
    "token page": _token_page(200, "<title>{}</title>"),
    "token 500": _token_page(500, "{}"),
    "token list": _token_page(200, '["{}"]'),
    "token cut": fault("google", "cut-json", path="/token"),
    "token dropped": fault("google", "drop-after", path="/token"),
    **{
        f"Google {status} {reason}": _google_says(status, reason)
        for status, reason in (
            (400, "invalid"),
            (401, "authError"),
            (403, "insufficientPermissions"),
            (403, "accessNotConfigured"),
            (403, "forbidden"),
            (403, "quotaExceeded"),
            (404, "notFound"),
            (412, "conditionNotMet"),
        )
    },
    "Google repeats the token far back": _google_says(400, "invalid", "x" * 150),
    "Google 500": _google_page(500),
    "Google page": _google_page(200),
    "Google cut": fault("google", "cut-json", path="/calendar/*"),
    "Google certificate expired": fault("google", "certificate", value="expired"),
    "Google certificate self-signed": fault("google", "certificate", value="self-signed"),
    "writes are dropped": fault("google", "drop-after", method="POST", path="*/events"),
    "writes are refused": fault("google", "status", method="POST", path="*/events", value=403),
}

_EXCHANGE: Mapping[str, Trouble] = {
    "fault": _exchange_says("ErrorAccessDenied"),
    "fault that asks for patience": _exchange_says("ErrorInternalServerTransientError", "x" * 150),
    "401 page": _exchange_page(401, **{"WWW-Authenticate": "Basic realm={}"}),
    "broken challenge": _exchange_page(401, **{"WWW-Authenticate": "NTLM {}"}),
    "page": _exchange_page(200),
    "500": _exchange_page(500),
    "redirect": _exchange_page(302, Location="https://{}.example/"),
    "cut": fault("exchange", "cut-json", path="*/FindItem"),
    "writes are dropped": fault("exchange", "drop-after", path="*/CreateItem"),
    "certificate self-signed": fault("exchange", "certificate", value="self-signed"),
    "another password": secret(PASSWORD_FILE, lambda scene: f"{scene.password} of old"),
    "internal error with the password": raises(
        ExchangeWire,
        "_said",
        lambda scene, _given: f"{scene.password} {b64encode(scene.password.encode())!r}",
    ),
}
EXCHANGE: Mapping[str, Trouble] = {
    **{f"Exchange by NTLM: {name}": trouble for name, trouble in _EXCHANGE.items()},
    **{f"Exchange by Basic: {name}": _basic(trouble) for name, trouble in _EXCHANGE.items()},
}

FILES: Mapping[str, Trouble] = {
    "value as password": written(f'"file:{PASSWORD_FILE}"', '"{password}"'),
    "value as Exchange user": written("user = 'CORAIL\\svc-figgo'", 'user = "{password}"\nport = 1'),
    "value as Exchange url": written(f'{PATH}"', f'{PATH}?{{password}}"'),
    "value as api_key": written(f'"file:{KEY_FILE}"', '"{key}"'),
    "value as webhook_secret": written("working_time =", 'webhook_secret = "{key}"\nworking_time ='),
    "value as service_account": written(f'"file:{ACCOUNT_FILE}"', '"{line}"'),
    "service account pasted whole": lambda scene: scene.corail.rewrite(
        f'"file:{ACCOUNT_FILE}"', "'''" + json.dumps(scene.account()) + "'''"
    ),
    "value without quotes": written(f'"file:{KEY_FILE}"', "{line}"),
    "value cut off": written(f'"file:{KEY_FILE}"', '"{line}'),
    "value as a key": written("working_time =", '"{key}" = 1\nworking_time ='),
    "value as url": written('url = "https://', 'url = "https://{line}@'),
    "value as timezone": written('timezone = "Europe/Paris"', 'timezone = "{key}"'),
    "value as host": written('host = "corail.ilucca.net"', 'host = "{key}"'),
    "value as state": written('state = "active"', 'state = "{key}"'),
    "value as name": written('name = "corail"', 'name = "{key}"'),
    "value as working time": written('working_time = "weekdays"', 'working_time = "{key}"'),
    "value as calendar kind": written('kind = "google"', 'kind = "{key}"'),
    "value as ca_file": written('ca_file = "', 'ca_file = "{line}'),
    "value as number": written("delete_min = 10", 'delete_min = "{key}"'),
    "value as employee": written("[limits]", '[scope]\nonly = ["{key}"]\n\n[limits]'),
    "secret file open to others": secret(KEY_FILE, lambda scene: scene.key, 0o644),
    "secret file not UTF-8": secret(KEY_FILE, lambda scene: scene.key.encode() + b"\xff"),
    "secret file with letters no key has": secret(KEY_FILE, lambda scene: f"{scene.key}\n{scene.key} é"),
    "secret file empty": secret(KEY_FILE, lambda _scene: ""),
    "service account cut": secret(ACCOUNT_FILE, lambda scene: json.dumps(scene.account())[:900]),
    "service account mangled": secret(ACCOUNT_FILE, _mangled),
    "service account a list": secret(ACCOUNT_FILE, lambda scene: json.dumps([scene.account()])),
    "service account a key alone": secret(ACCOUNT_FILE, lambda scene: scene.account()["private_key"]),
    "service account without client": secret(
        ACCOUNT_FILE,
        lambda scene: json.dumps({k: v for k, v in scene.account().items() if k != "client_email"}),
    ),
    "secret file gone": lambda scene: (scene.corail.home.secrets / KEY_FILE).unlink(),
    **MICROSOFT365_FILES,
    "ledger is no database": lambda scene: (scene.corail.home.path / "ledger.db").write_bytes(
        b"no database" * 99
    ),
    "ledger of nobody": _ledger(f"postgresql://figgo:{LEDGER_PASSWORD}@127.0.0.1:1/none"),
    "ledger of another kind": _ledger(f"oracle://figgo:{LEDGER_PASSWORD}@127.0.0.1:1/none"),
    "ledger that is no address": _ledger(f"postgresql://figgo:{LEDGER_PASSWORD}@[:none"),
}

INTERNAL: Mapping[str, Trouble] = {
    "internal error with the key": raises(Http, "read", lambda scene, _given: scene.key),
    "internal error with the key spelt as URL": raises(
        Http, "_send", lambda scene, _given: next(iter(spellings(scene.key)["URL"])).decode()
    ),
    "internal error with the private key": raises(
        Tokens, "bearer", lambda scene, _given: repr(scene.account())
    ),
    "internal error with a token": raises(Wire, "call", _bearer),
    "internal error in the ledger": raises(Ledger, "note_listing", lambda scene, _given: scene.key),
    "Ctrl-C": lambda scene: setattr(scene.corail.clock, "interrupt", "monotonic"),
}

TROUBLES: Mapping[str, Trouble] = {
    "nothing": lambda _scene: None,
    **FIGGO,
    **GOOGLE,
    **EXCHANGE,
    **MICROSOFT365,
    **FILES,
    **INTERNAL,
}
