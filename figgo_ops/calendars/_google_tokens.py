"""Tokens: the service account acting as one user after the other."""

import http.client
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import google_auth_httplib2
import httplib2
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.oauth2 import service_account

from figgo_ops.calendars._google_errors import PASSING, SCOPE, Denied, Refusal, meaning
from figgo_ops.calendars._lost import Lost, lost
from figgo_ops.errors import Unreachable
from figgo_ops.plan import Mailbox
from figgo_ops.transport import Clock


class DelegatedCredentials(service_account.Credentials):
    """The service account acting as one user."""

    def _is_regional_access_boundary_lookup_required(self) -> bool:
        """Spare a thread per user: with a subject the look-up asks nothing anyway."""
        return False


class Tokens:
    """The tokens of all users, each asked for when it is first needed.

    Args:
        info: content of the service account's key file.
        token_url: where to ask instead of where the key file says.

    Attributes:
        client: numeric id of the service account, as the Admin console wants it.

    Raises:
        ValueError: it is not the content of such a file.
    """

    def __init__(self, info: Mapping[str, Any], token_url: str | None, clock: Clock) -> None:
        if info.get("type") != "service_account":
            raise ValueError("not a service account")
        self.client = str(info.get("client_id"))
        placed = {**info, "token_uri": token_url or info.get("token_uri")}
        # Parsed once: that costs more than everything else about a user.
        self._key = DelegatedCredentials.from_service_account_info(  # type: ignore[no-untyped-call]
            placed, scopes=[SCOPE]
        )
        self._try_key()
        self._users: dict[str, DelegatedCredentials] = {}
        self._clock = clock
        self._skew: timedelta | None = None

    def _try_key(self) -> None:
        """Google takes RSA only; the library reads a key of another kind and fails when it has to sign."""
        try:
            self._key.sign_bytes(b"")
        except TypeError as error:
            raise ValueError("not an RSA key") from error

    def bearer(self, mailbox: Mailbox, connection: httplib2.Http) -> str:
        """A token that acts as this mailbox's owner.

        Raises:
            Denied: Google gives none.
            Lost: there was no answer; nothing reached the calendar.
        """
        user = self._user(mailbox)
        if not user.valid:
            self._refresh(user, mailbox, connection)
        return str(user.token)

    def forget(self, mailbox: Mailbox) -> None:
        """Ask anew next time: Google does not accept the token any more."""
        self._user(mailbox).token = None

    def denied(self, mailbox: Mailbox, refusal: Refusal) -> Denied:
        """The refusal with its meaning."""
        return Denied(refusal, meaning(refusal, str(mailbox), self.client, self._skew))

    def _refresh(self, user: DelegatedCredentials, mailbox: Mailbox, connection: httplib2.Http) -> None:
        try:
            user.refresh(_TokenRequest(connection, self._note_time))  # type: ignore[no-untyped-call]
        except _TokenTroubleError as error:
            what = f"{mailbox}: Google's token service gives no proper answer ({error})."
            raise Lost(
                Unreachable(what, "Run again later; check token_url and proxies.", code="sign-in-down"),
                sent=False,
            ) from error
        except RefreshError as error:
            words = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
            reason, text = str(words.get("error", "")), str(words.get("error_description", ""))
            raise self.denied(mailbox, Refusal(400, reason, text, token=True)) from error
        except (GoogleAuthError, OSError, http.client.HTTPException) as error:
            raise lost(mailbox, "Google", error, sent=False) from error

    def _note_time(self, date: str | None) -> None:
        theirs = parsedate_to_datetime(date) if date else None
        if isinstance(theirs, datetime) and theirs.tzinfo:
            self._skew = theirs - self._clock.now()

    def _user(self, mailbox: Mailbox) -> DelegatedCredentials:
        user = self._users.get(mailbox.address)
        if user is None:
            # One step for all threads: whoever comes second gets the first one's.
            user = self._users.setdefault(mailbox.address, self._key.with_subject(mailbox.address))
        return user


class _TokenTroubleError(Exception):
    """The token endpoint gave no proper answer; whether it would later is worth trying."""


class _TokenRequest(google_auth_httplib2.Request):  # type: ignore[misc]
    """How google-auth asks for a token; keeps what passes away from its retries, which sleep on their own."""

    def __init__(self, connection: httplib2.Http, note_time: Callable[[str | None], None]) -> None:
        super().__init__(connection)
        self._note_time = note_time

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        answer = super().__call__(*args, **kwargs)
        self._note_time(answer.headers.get("date"))
        try:
            words = json.loads(answer.data)
        except ValueError:
            words = None
        if not isinstance(words, dict) or answer.status >= 500 or answer.status in (408, 429):
            raise _TokenTroubleError(f"HTTP {answer.status}")
        if str(words.get("error")) in PASSING:
            raise _TokenTroubleError(str(words["error"]))
        return answer
