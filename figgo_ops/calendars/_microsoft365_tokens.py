"""Tokens for Microsoft Graph: an application that acts for itself, through Microsoft's own library."""

import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode

import msal
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from figgo_ops.calendars._lost import Lost, lost
from figgo_ops.calendars._microsoft365_errors import Denied, meaning
from figgo_ops.calendars._microsoft365_refusal import Refusal, token_refusal
from figgo_ops.errors import Unreachable, UsageError
from figgo_ops.secrets import Secret
from figgo_ops.transport import Answer, Unanswered, retry_after

SCOPE = "https://graph.microsoft.com/.default"
ENDS_SOON = timedelta(days=30)

Credential = str | dict[str, str]
"""A secret, or a certificate with its private key, as the library takes it."""


class Door(Protocol):
    """The sign-in service, as far as it is needed here."""

    def once(
        self, method: str, path: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to one sending; raises `Unanswered`."""


def certificate(name: str, secret: Secret) -> tuple[Credential, datetime]:
    """What the library signs with, and when the certificate ends, in UTC.

    Raises:
        UsageError: the text holds no private key, or no certificate.
    """
    pem = secret.value
    try:
        made = x509.load_pem_x509_certificate(pem.encode())
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # What the library says may quote the key, so neither its words nor its traceback go on.
        raise UsageError(
            f"calendar {name}: {secret.reference} does not hold a private key without a passphrase and its "
            "certificate, both as PEM.",
            "Put key and certificate into one file and store it with `figgo-ops secret set`.",
        ) from None
    if not isinstance(key, RSAPrivateKey) or key.public_key() != made.public_key():
        raise UsageError(
            f"calendar {name}: {secret.reference} holds a private key and a certificate that are not a pair "
            "of RSA, the only kind that Microsoft takes.",
            "Make both anew as the set-up page says, register the certificate, then `figgo-ops secret set`.",
        )
    return {"private_key": pem, "public_certificate": pem}, made.not_valid_after_utc


def ending(until: datetime, now: datetime) -> str:
    """What a reader should know about the certificate's end; "" while it is far."""
    if now + ENDS_SOON < until:
        return ""
    word = "has ended" if until <= now else "ends"
    return (
        f"the certificate of its application {word} on {until:%Y-%m-%d}: register a new one in Microsoft "
        "Entra, then store it with `figgo-ops secret set`."
    )


class Tokens:
    """Tokens of one application, from any thread.

    Args:
        url: of the sign-in service.
        door: leads there.
        now: the present, in UTC.
    """

    def __init__(
        self,
        url: str,
        tenant_id: str,
        client_id: str,
        credential: Credential,
        door: Door,
        now: Callable[[], datetime],
    ) -> None:
        self._url, self._tenant, self._client, self._credential = (
            url.rstrip("/"),
            tenant_id,
            client_id,
            credential,
        )
        self._line = _Line(self._url, door, now)
        self._turn = threading.Lock()
        self._application: Any = None
        self._present = ""

    def token(self, whom: str) -> str:
        """A token, asked for when there is none or the one there is ends soon.

        Raises:
            Denied: Microsoft gives none.
            Lost: nobody answered; nothing was sent to a calendar.
        """
        with self._turn:
            try:
                answer = self._made().acquire_token_for_client(scopes=[SCOPE])
            except Unanswered as unanswered:
                raise self._lost(whom, unanswered) from unanswered
            except _GarbledError as garbled:
                raise self._strange(whom, garbled.asked) from None
            except KeyError:
                raise self._strange(whom) from None  # what describes the organization lacks its addresses
            except ValueError:
                # All that the library says is that it found no organization; its text is a guess.
                refusal = self._line.refused()
                if refusal is None:
                    raise self._strange(whom) from None
                raise self._denied(refusal, whom) from None
            if "access_token" in answer:
                self._present = str(answer["access_token"])
                return self._present
            # The library repeats a refusal for a minute without asking; the next run is to ask.
            self._application = None
            raise self._denied(token_refusal(answer), whom)

    def forget(self, token: str) -> None:
        """This token is not taken any more; the next question asks for a new one, if nobody did yet."""
        with self._turn:
            if self._application is not None and token == self._present:
                self._application.remove_tokens_for_client()

    def _made(self) -> Any:
        # The library looks the organization up at once, so it is made only when it is needed.
        if self._application is None:
            self._application = msal.ConfidentialClientApplication(
                self._client,
                authority=f"{self._url}/{self._tenant}",
                client_credential=self._credential,
                http_client=self._line,
                instance_discovery=False,
            )
        return self._application

    def _denied(self, refusal: Refusal, whom: str) -> Denied:
        return Denied(refusal, meaning(refusal, whom, client=self._client, tenant=self._tenant))

    def _lost(self, whom: str, unanswered: Unanswered) -> Lost:
        return lost(whom, "Microsoft's sign-in service", unanswered, sent=False)

    def _strange(self, whom: str, asked: float | None = None) -> Lost:
        what = f"{whom}: something other than Microsoft's sign-in service answered, or it is out of order."
        remedy = "Run again later; look for a proxy or a login page if it stays."
        return Lost(Unreachable(what, remedy, code="sign-in-down"), sent=False, asked=asked)


class _GarbledError(Exception):
    """The sign-in service sent us elsewhere or wants to be left alone, or something else answered."""

    def __init__(self, asked: float | None = None) -> None:
        super().__init__()
        self.asked = asked


class _Said:
    """An answer as the library reads it."""

    def __init__(self, answer: Answer) -> None:
        self.status_code, self.headers = answer.status, dict(answer.headers)
        self.text = answer.body.decode("utf-8", "replace")

    def raise_for_status(self) -> None:
        """The library asks for this where it wants a good answer."""
        if self.status_code >= 400:
            raise _GarbledError


class _Line:
    """What the library sends through: our own door, where certificates are checked and silence ends."""

    def __init__(self, url: str, door: Door, now: Callable[[], datetime]) -> None:
        self._url, self._door, self._now = url, door, now
        self._last: Answer | None = None

    def get(self, url: str, params: Mapping[str, str] | None = None, **more: Any) -> _Said:
        """Ask for something."""
        query = f"?{urlencode(params)}" if params else ""
        return self._said("GET", url + query, b"", more)

    def post(self, url: str, data: object = None, **more: Any) -> _Said:
        """Send a form."""
        # Assertions come as bytes; spelt with repr() they would be refused.
        content = urlencode(data).encode() if isinstance(data, Mapping) else str(data or "").encode()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._said("POST", url, content, {**more, "headers": {**form, **(more.get("headers") or {})}})

    def close(self) -> None:
        """The door is somebody else's."""

    def refused(self) -> Refusal | None:
        """What Microsoft said last, if it refused."""
        answer = self._last
        if answer is None or answer.status != 400:
            return None
        try:
            return token_refusal(answer.json())
        except (Unreachable, AttributeError, TypeError):
            return None

    def _said(self, method: str, url: str, content: bytes, more: Mapping[str, Any]) -> _Said:
        base, path = url[: len(self._url)], url[len(self._url) :]
        if base != self._url or not path.startswith("/"):
            raise _GarbledError
        answer = self._door.once(method, path, content, more.get("headers"))
        self._last = answer
        told = answer.status == 200 or 400 <= answer.status < 500
        if answer.status == 429 or not told or not _is_object(answer.body):
            raise _GarbledError(retry_after(answer.headers.get("retry-after"), self._now()))
        return _Said(answer)


def _is_object(body: bytes) -> bool:
    """Whether it is JSON; the library writes any other answer into its log, half a token too."""
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False
