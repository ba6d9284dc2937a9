"""What may go wrong between a command and its end, with services that repeat what they were sent."""

import json
import socket
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from figgo_ops.calendars._exchange_wire import Wire as ExchangeWire
from figgo_ops.calendars._google_tokens import Tokens
from figgo_ops.calendars._google_wire import Wire
from figgo_ops.ledger import Ledger
from figgo_ops.sandbox.exchange import PATH
from figgo_ops.sandbox.exchange_soap import RefusedError, fault_response
from figgo_ops.sandbox.messages import Request, Response
from figgo_ops.transport import Http
from tests.privacy.canaries import spellings
from tests.rehearsal import TENANT, Corail

KEY_FILE, ACCOUNT_FILE = f"{TENANT}-figgo.key", f"{TENANT}-google.json"
PASSWORD_FILE = f"{TENANT}-exchange.password"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where trouble is made."""

    corail: Corail
    patch: pytest.MonkeyPatch

    @property
    def key(self) -> str:
        """The tenant's Figgo key."""
        return (self.corail.home.secrets / KEY_FILE).read_text().strip()

    @property
    def password(self) -> str:
        """The password of the service account at Exchange."""
        return (self.corail.home.secrets / PASSWORD_FILE).read_text().strip()

    def account(self) -> dict[str, str]:
        """The content of the service account's key file."""
        found: dict[str, str] = json.loads((self.corail.home.secrets / ACCOUNT_FILE).read_text())
        return found

    def store(self, name: str, content: str | bytes, mode: int = 0o600) -> None:
        """Put this into a secret file, as somebody would by hand."""
        path = self.corail.home.secrets / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)

    def answers(self, service: str, make: Callable[[Request], Response | None]) -> None:
        """The service answers with what this makes of a whole request; as ever where that is None."""
        stand_in: Any = getattr(self.corail.stage, service)
        handle = stand_in.handle
        self.patch.setattr(stand_in, "handle", lambda request: make(request) or handle(request))


Trouble = Callable[[Scene], object]


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


def _fault(service: str, kind: str, **more: Any) -> Trouble:
    return lambda scene: scene.corail.fault(service, kind, **{"times": None, **more})


def _written(old: str, new: str) -> Trouble:
    """Somebody edits the tenant file; {key} and {line} are the Figgo key and a line of the private key."""

    def edit(scene: Scene) -> None:
        quoted, password = json.dumps(scene.key)[1:-1], json.dumps(scene.password)[1:-1]
        line = scene.account()["private_key"].split("\n")[3]
        text = new.replace("{key}", quoted).replace("{line}", line).replace("{password}", password)
        scene.corail.rewrite(old, text)

    return edit


def _secret(name: str, change: Callable[[Scene], str | bytes], mode: int = 0o600) -> Trouble:
    return lambda scene: scene.store(name, change(scene), mode)


def _mangled(scene: Scene) -> str:
    account = scene.account()
    lines = account["private_key"].split("\n")
    return json.dumps({**account, "private_key": "\n".join([*lines[:5], *lines[9:]])})


def _raises(owner: object, name: str, words: Callable[[Scene, tuple[Any, ...]], str]) -> Trouble:
    """An error that nobody foresaw, with secrets in its words and in the frame it comes from."""

    def arrange(scene: Scene) -> None:
        def broken(*given: Any, **_named: Any) -> Any:
            secret = words(scene, given)
            raise RuntimeError(f"boom: {secret}") from ValueError(secret)

        scene.patch.setattr(owner, name, broken)

    return arrange


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
    "wrong Figgo key": _secret(KEY_FILE, lambda _scene: "Kanari-wrong-key-4711"),
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
    "Figgo cut": _fault("figgo", "cut-json"),
    "Figgo cut in the body": _fault("figgo", "cut-body"),
    "Figgo drops": _fault("figgo", "drop-before"),
    "Figgo certificate expired": _fault("figgo", "certificate", value="expired"),
    "Figgo certificate of another": _fault("figgo", "certificate", value="wrong-name"),
    "Figgo certificate self-signed": _fault("figgo", "certificate", value="self-signed"),
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
    "token cut": _fault("google", "cut-json", path="/token"),
    "token dropped": _fault("google", "drop-after", path="/token"),
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
    "Google cut": _fault("google", "cut-json", path="/calendar/*"),
    "Google certificate expired": _fault("google", "certificate", value="expired"),
    "Google certificate self-signed": _fault("google", "certificate", value="self-signed"),
    "writes are dropped": _fault("google", "drop-after", method="POST", path="*/events"),
    "writes are refused": _fault("google", "status", method="POST", path="*/events", value=403),
}

_EXCHANGE: Mapping[str, Trouble] = {
    "fault": _exchange_says("ErrorAccessDenied"),
    "fault that asks for patience": _exchange_says("ErrorInternalServerTransientError", "x" * 150),
    "401 page": _exchange_page(401, **{"WWW-Authenticate": "Basic realm={}"}),
    "broken challenge": _exchange_page(401, **{"WWW-Authenticate": "NTLM {}"}),
    "page": _exchange_page(200),
    "500": _exchange_page(500),
    "redirect": _exchange_page(302, Location="https://{}.example/"),
    "cut": _fault("exchange", "cut-json", path="*/FindItem"),
    "writes are dropped": _fault("exchange", "drop-after", path="*/CreateItem"),
    "certificate self-signed": _fault("exchange", "certificate", value="self-signed"),
    "another password": _secret(PASSWORD_FILE, lambda scene: f"{scene.password} of old"),
    "internal error with the password": _raises(
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
    "value as password": _written(f'"file:{PASSWORD_FILE}"', '"{password}"'),
    "value as Exchange user": _written("user = 'CORAIL\\svc-figgo'", 'user = "{password}"\nport = 1'),
    "value as Exchange url": _written(f'{PATH}"', f'{PATH}?{{password}}"'),
    "value as api_key": _written(f'"file:{KEY_FILE}"', '"{key}"'),
    "value as webhook_secret": _written("working_time =", 'webhook_secret = "{key}"\nworking_time ='),
    "value as service_account": _written(f'"file:{ACCOUNT_FILE}"', '"{line}"'),
    "service account pasted whole": lambda scene: scene.corail.rewrite(
        f'"file:{ACCOUNT_FILE}"', "'''" + json.dumps(scene.account()) + "'''"
    ),
    "value without quotes": _written(f'"file:{KEY_FILE}"', "{line}"),
    "value cut off": _written(f'"file:{KEY_FILE}"', '"{line}'),
    "value as a key": _written("working_time =", '"{key}" = 1\nworking_time ='),
    "value as url": _written('url = "https://', 'url = "https://{line}@'),
    "value as timezone": _written('timezone = "Europe/Paris"', 'timezone = "{key}"'),
    "value as host": _written('host = "corail.ilucca.net"', 'host = "{key}"'),
    "value as state": _written('state = "active"', 'state = "{key}"'),
    "value as name": _written('name = "corail"', 'name = "{key}"'),
    "value as working time": _written('working_time = "weekdays"', 'working_time = "{key}"'),
    "value as calendar kind": _written('kind = "google"', 'kind = "{key}"'),
    "value as ca_file": _written('ca_file = "', 'ca_file = "{line}'),
    "value as number": _written("delete_min = 10", 'delete_min = "{key}"'),
    "value as employee": _written("[limits]", '[scope]\nonly = ["{key}"]\n\n[limits]'),
    "secret file open to others": _secret(KEY_FILE, lambda scene: scene.key, 0o644),
    "secret file not UTF-8": _secret(KEY_FILE, lambda scene: scene.key.encode() + b"\xff"),
    "secret file with letters no key has": _secret(KEY_FILE, lambda scene: f"{scene.key}\n{scene.key} é"),
    "secret file empty": _secret(KEY_FILE, lambda _scene: ""),
    "service account cut": _secret(ACCOUNT_FILE, lambda scene: json.dumps(scene.account())[:900]),
    "service account mangled": _secret(ACCOUNT_FILE, _mangled),
    "service account a list": _secret(ACCOUNT_FILE, lambda scene: json.dumps([scene.account()])),
    "service account a key alone": _secret(ACCOUNT_FILE, lambda scene: scene.account()["private_key"]),
    "service account without client": _secret(
        ACCOUNT_FILE,
        lambda scene: json.dumps({k: v for k, v in scene.account().items() if k != "client_email"}),
    ),
    "secret file gone": lambda scene: (scene.corail.home.secrets / KEY_FILE).unlink(),
    "ledger is no database": lambda scene: (scene.corail.home.path / "ledger.db").write_bytes(
        b"no database" * 99
    ),
    "ledger of nobody": _ledger(f"postgresql://figgo:{LEDGER_PASSWORD}@127.0.0.1:1/none"),
    "ledger of another kind": _ledger(f"oracle://figgo:{LEDGER_PASSWORD}@127.0.0.1:1/none"),
    "ledger that is no address": _ledger(f"postgresql://figgo:{LEDGER_PASSWORD}@[:none"),
}

INTERNAL: Mapping[str, Trouble] = {
    "internal error with the key": _raises(Http, "read", lambda scene, _given: scene.key),
    "internal error with the key spelt as URL": _raises(
        Http, "_send", lambda scene, _given: next(iter(spellings(scene.key)["URL"])).decode()
    ),
    "internal error with the private key": _raises(
        Tokens, "bearer", lambda scene, _given: repr(scene.account())
    ),
    "internal error with a token": _raises(Wire, "call", _bearer),
    "internal error in the ledger": _raises(Ledger, "note_listing", lambda scene, _given: scene.key),
    "Ctrl-C": lambda scene: setattr(scene.corail.clock, "interrupt", "monotonic"),
}

TROUBLES: Mapping[str, Trouble] = {
    "nothing": lambda _scene: None,
    **FIGGO,
    **GOOGLE,
    **EXCHANGE,
    **FILES,
    **INTERNAL,
}
