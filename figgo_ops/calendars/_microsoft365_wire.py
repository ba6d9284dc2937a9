"""Calls to Microsoft Graph: log-on, batches, and what each answer means."""

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from figgo_ops.calendars import Memory
from figgo_ops.calendars._hurry import Hurry
from figgo_ops.calendars._lost import Lost, lost
from figgo_ops.calendars._microsoft365_errors import Denied, meaning
from figgo_ops.calendars._microsoft365_refusal import Refusal, refusal_of
from figgo_ops.calendars._microsoft365_settings import Settings
from figgo_ops.calendars._microsoft365_tokens import Credential, Tokens
from figgo_ops.calendars._reach import Reach
from figgo_ops.errors import CredentialRefused, FiggoOpsError, Unreachable, UsageError
from figgo_ops.plan import Mailbox
from figgo_ops.transport import Answer, Clock, Http, Pace, Unanswered

VERSION = "/v1.0"
AGENT = "figgo-ops"
"""Always the same: a customer may allow clients by this name."""

SILENCE = 60.0
"""Seconds without a sign of life before a batch counts as lost."""

_PREFER = 'IdType="ImmutableId", outlook.timezone="UTC"'
"""Graph takes it from each request in a batch, not from the batch."""

_PER_SECOND = 1000.0

_PAUSE = 5.0
"""Seconds after which a silent sign-in service is asked again."""

_TOO_LARGE = frozenset({400, 413})
"""Of a whole batch they may be one item's fault, or that of all together."""


_GRAPH = "Microsoft Graph"


class _GarbledError(Exception):
    """Something other than Graph answered, or its answer broke off."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request about one mailbox.

    Attributes:
        path: with its query, below the version.
        etag: the version of the event that it is about; "" where there is none yet.
    """

    mailbox: Mailbox
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    etag: str = ""


Reply = dict[str, Any] | Denied | Lost
"""What one request came to: what Graph answered, a refusal, or no answer."""


class Wire:
    """One application at Microsoft Graph, for any mailbox, from any thread."""

    def __init__(
        self, name: str, settings: Settings, credential: Credential, memory: Memory, clock: Clock
    ) -> None:
        self.name, self._settings, self._memory = name, settings, memory
        self._hurry, self._reach = Hurry(clock), Reach(name)
        self.root = settings.api_root.rstrip("/") + VERSION
        self._http = self._door(settings.api_root, settings.threads)
        self._sign_in = self._door(settings.authority, 1)
        self._tokens = Tokens(
            settings.authority,
            settings.tenant_id,
            settings.client_id,
            credential,
            self._sign_in,
            self._hurry.now,
        )
        self._asking = threading.Lock()
        self._open = False
        self._shut: Lost | None = None
        self._shuts_until = 0.0
        self.heard = False

    def _door(self, url: str, lines: int) -> Http:
        pace = Pace(_PER_SECOND, self._hurry, int(_PER_SECOND))
        agent = {"User-Agent": AGENT}
        ca_file = self._settings.ca_file
        return Http(
            f"calendar {self.name}",
            url,
            self._hurry,
            pace,
            headers=agent,
            ca_file=ca_file,
            timeout=SILENCE,
            lines=lines,
        )

    @property
    def client(self) -> str:
        """Id of the application."""
        return self._settings.client_id

    @property
    def application(self) -> str:
        """As whom and where we log on."""
        settings = self._settings
        return f"application {settings.client_id} in {settings.tenant_id} at {settings.authority}"

    @property
    def signed_in(self) -> bool:
        """Whether the sign-in service gave a token last."""
        return self._open

    def begin(self) -> None:
        """Forget what stopped the calls so far: missing rights and a broken network deserve another try."""
        self._hurry.begin()
        self._reach.begin()

    def leave(self) -> None:
        """Ask nothing more and wait for nothing; a write that is cut off is settled by a later run."""
        self._hurry.leave()
        self._http.cut()
        self._sign_in.cut()

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()
        self._sign_in.close()

    def monotonic(self) -> float:
        """As the clock has it."""
        return self._hurry.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let so much time pass; raises `Lost` as soon as the run is left."""
        self._hurry.sleep(seconds)

    def missed(self, mailbox: Mailbox, failure: Lost) -> None:
        """Nobody answered about this mailbox, however often we asked."""
        self._reach.missed(mailbox, failure)

    def send(self, asks: Sequence[Ask]) -> list[Reply]:
        """What each request came to, in their order; all go in one batch.

        Raises:
            CredentialRefused, UsageError: nothing more is worth trying, for any mailbox.
        """
        replies = self._sent(asks)
        worn = [n for n, one in enumerate(replies) if isinstance(one, Denied) and one.refusal.token_worn]
        if worn:  # behind Graph's own door Exchange judges the token once more
            for number, reply in zip(worn, self._left([asks[n] for n in worn]), strict=True):
                replies[number] = reply
        return replies

    def _left(self, asks: Sequence[Ask]) -> list[Reply]:
        """The same for the rest of a batch: whatever stops it, what the others came to must be told."""
        try:
            return self._sent(asks)
        except (CredentialRefused, UsageError) as error:
            return [Lost(error, sent=False, network=False, final=True)] * len(asks)

    def _sent(self, asks: Sequence[Ask]) -> list[Reply]:
        content = json.dumps({"requests": [_item(number, ask) for number, ask in enumerate(asks)]}).encode()
        own = str(uuid4())
        try:
            token = self._token()
            told = self._posted(content, token, own)
        except Lost as failure:
            return [failure] * len(asks)
        except Unanswered as silence:
            provider = f"{_GRAPH} (client-request-id {own})"
            return [lost(ask.mailbox, provider, silence, sent=silence.sent) for ask in asks]
        except _GarbledError:
            return [_garbled(ask.mailbox) for ask in asks]
        except Denied as denied:
            if denied.refusal.status in _TOO_LARGE and len(asks) > 1:
                half = len(asks) // 2
                return self._sent(asks[:half]) + self._left(asks[half:])
            return [Denied(denied.refusal, self._meaning(denied.refusal, ask.mailbox)) for ask in asks]
        replies = [self._reply(ask, told.get(str(number))) for number, ask in enumerate(asks)]
        if any(isinstance(one, Denied) and one.refusal.token_worn for one in replies):
            self._tokens.forget(token)
        return replies

    def _posted(self, content: bytes, token: str, own: str) -> dict[str, Mapping[str, Any]]:
        """What a batch was answered, by the id of each item.

        Args:
            own: our name for this batch, which Microsoft's support can look up.

        Raises:
            Denied: Graph refused the batch as a whole.
            Lost: there is no token, or the network was given up before.
            Unanswered, _GarbledError: there was no answer, or not Graph's.
            CredentialRefused, UsageError: see `send`.
        """
        answer = self._once(content, token, own)
        refusal = self._refusal(answer)
        if refusal and refusal.token_worn:
            self._tokens.forget(token)
            answer = self._once(content, self._token(), own)
            refusal = self._refusal(answer)
        if refusal is None:
            return self._heard(_by_id(answer))
        if refusal.code:
            self._heard({})
        denied = Denied(refusal, self._meaning(refusal, self._whole))
        if isinstance(denied.error, CredentialRefused | UsageError):
            self._reach.stop(denied.error)
            raise denied.error from denied
        raise denied

    def _heard(self, told: dict[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        self._reach.answered()
        self.heard = True
        return told

    def _refusal(self, answer: Answer) -> Refusal | None:
        if answer.status == 200:
            return None
        if 300 <= answer.status < 400:
            raise _GarbledError
        return refusal_of(answer.status, answer.headers, answer.body, level="http", now=self._hurry.now())

    def _once(self, content: bytes, token: str, own: str) -> Answer:
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "client-request-id": own,
        }
        self._check()
        return self._http.once("POST", f"{VERSION}/$batch", content, headers)

    def _check(self) -> None:
        self._hurry.check()
        self._reach.check()

    def _token(self) -> str:
        """A token; one thread asks at a time, and none once another one was refused."""
        with self._asking:
            self._check()
            if not self._open:
                self._log_on()
            return self._given()

    def _log_on(self) -> None:
        """The first time no other process asks meanwhile either."""
        try:
            with self._memory.logging_on(self._hurry.sleep):
                self._given()
        except CredentialRefused as error:
            self._reach.stop(error)
            raise
        self._open = True

    def _given(self) -> str:
        if self._shut and (left := self._shuts_until - self.monotonic()) > 0:
            raise Lost(self._shut.error, sent=False, asked=left)
        try:
            return self._tokens.token(self._whole)
        except Lost as failure:
            self._rest(failure)
            raise
        except Denied as denied:
            error = denied.error
            if isinstance(error, CredentialRefused | UsageError):
                self._open = False  # by the next time another process may know more
                self._reach.stop(error)
                raise error from None
            # Out of order, or too many questions: no calendar was asked yet.
            what = Unreachable(error.message, error.remedy, code=error.code)
            down = Lost(what, sent=False, asked=denied.refusal.retry_after)
            self._rest(down)
            raise down from None

    def _rest(self, failure: Lost) -> None:
        """Nobody asks for a token while the sign-in service wants to be left alone."""
        self._shut, self._shuts_until = failure, self.monotonic() + (failure.asked or _PAUSE)

    @property
    def _whole(self) -> str:
        return f"calendar {self.name}"

    def _reply(self, ask: Ask, told: Mapping[str, Any] | None) -> Reply:
        if told is None:
            return _garbled(ask.mailbox)
        body = told.get("body")
        if 200 <= told["status"] < 300:
            if isinstance(body, dict):
                return body
            return {} if told["status"] == 204 else _garbled(ask.mailbox)
        refusal = refusal_of(told["status"], _headers(told), body, level="item", now=self._hurry.now())
        return Denied(refusal, self._meaning(refusal, ask.mailbox))

    def _meaning(self, refusal: Refusal, whom: object) -> FiggoOpsError:
        settings = self._settings
        return meaning(refusal, str(whom), client=settings.client_id, tenant=settings.tenant_id)


def _item(number: int, ask: Ask) -> dict[str, Any]:
    headers = {"Prefer": _PREFER}
    if ask.etag:
        headers["If-Match"] = ask.etag
    item: dict[str, Any] = {"id": str(number), "method": ask.method, "url": ask.path, "headers": headers}
    if ask.body is not None:
        headers["Content-Type"] = "application/json"
        item["body"] = ask.body
    return item


def _headers(told: Mapping[str, Any]) -> dict[str, str]:
    headers = told.get("headers")
    return {str(k).lower(): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {}


def _by_id(answer: Answer) -> dict[str, Mapping[str, Any]]:
    """What each item was answered; one that is garbled alone, or told of twice, has no answer."""
    try:
        told = json.loads(answer.body)["responses"]
        items = [one for one in told if isinstance(one, dict) and isinstance(one.get("status"), int)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _GarbledError from None
    times = Counter(str(one.get("id")) for one in items)
    return {name: one for one in items if times[name := str(one.get("id"))] == 1}


def _garbled(mailbox: Mailbox) -> Lost:
    what = f"{mailbox}: something other than Microsoft Graph answered, or its answer broke off."
    remedy = "Look for a proxy or a login page between this machine and Microsoft, and check api_root."
    return Lost(Unreachable(what, remedy, code="strange-answer"), sent=True)
