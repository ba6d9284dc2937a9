"""What one command holds open for one tenant: its file, the ledger, Figgo and the calendars."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from types import TracebackType
from typing import Protocol, Self
from uuid import uuid4
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from figgo_ops import calendars, tenants
from figgo_ops.calendars import Calendar
from figgo_ops.errors import CredentialRefused, FiggoOpsError, RightsMissing
from figgo_ops.figgo import Figgo, Progress
from figgo_ops.home import Home
from figgo_ops.lease import LEASE, Lease
from figgo_ops.leaves import Person
from figgo_ops.ledger import Ledger
from figgo_ops.secrets import Secret
from figgo_ops.tenants import Tenant
from figgo_ops.transport import Clock, SystemClock

FOR_HINTS = 0.2
"""Share of the tenant's requests per minute that scheduled work leaves to hints."""

ASK_AGAIN = 0.2

_FIGGO = "/Figgo"
"""Stands among the names of calendars, none of which has a slash."""

Step = Callable[[], None]


class Console(Protocol):
    """Where a session tells how far it is."""

    def say(self, line: str) -> None:
        """Show one line."""

    def bar(self, what: str, total: int) -> AbstractContextManager[Step]:
        """Count `total` things called `what`; gives the function that counts one."""

    def reading(self, progress: Progress) -> None:
        """Show how far the reading of Figgo is."""


class Quiet:
    """Shows nothing."""

    def say(self, line: str) -> None:
        """Show nothing."""

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Step]:
        """Count in silence."""
        yield lambda: None

    def reading(self, progress: Progress) -> None:
        """Show nothing."""


class Session:
    """One tenant, opened. Connections are made when first used.

    Args:
        home: where everything lives.
        tenant: its name; or a tenant that is being set up and has no file yet.
        retry_credential: try a credential that was refused before.
        console: shows progress to whoever waits.

    Raises:
        UsageError: there is no such tenant, or its file is wrong.
    """

    def __init__(
        self,
        home: Home,
        tenant: str | Tenant,
        *,
        clock: Clock | None = None,
        retry_credential: bool = False,
        console: Console | None = None,
    ) -> None:
        self.home = home
        self.clock = clock or SystemClock()
        self.console = console or Quiet()
        self.tenant = tenants.load(home, tenant) if isinstance(tenant, str) else tenant
        self.ledger = Ledger.open(home.ledger)
        self._retry = retry_credential
        self._figgo: Figgo | None = None
        self._calendars: dict[str, Calendar] = {}
        self._failed: dict[str, FiggoOpsError] = {}
        self._families: dict[str, str] = {}
        self._used: dict[str, list[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for calendar in self._calendars.values():
            calendar.close()
        if self._figgo is not None:
            self.ledger.remember(self.tenant.name, "page", self._figgo.page)
            self._figgo.close()
        self.ledger.close()

    @property
    def today(self) -> date:
        """The present day where the tenant is."""
        return self.clock.now().astimezone(ZoneInfo(self.tenant.timezone)).date()

    @property
    def figgo(self) -> Figgo:
        """The tenant's Figgo.

        Raises:
            CredentialRefused: its key was refused before and nobody said to try again.
        """
        if _FIGGO in self._failed:
            raise self._failed[_FIGGO]
        if self._figgo is None:
            settings = self.tenant.figgo
            key = self._secret(_FIGGO, settings.api_key)
            self._used[_FIGGO] = [key.value]
            self._check(_FIGGO)
            self._figgo = Figgo(
                settings.url,
                key,
                self.clock,
                ca_file=settings.ca_file,
                per_minute=settings.per_minute * (1 - FOR_HINTS),
                page=self.ledger.recall(self.tenant.name, "page"),
                listen=self.console.reading,
            )
        return self._figgo

    @contextmanager
    def asking_figgo(self) -> Iterator[None]:
        """Around every question to Figgo: a refused key is remembered."""
        try:
            yield
        except CredentialRefused as error:
            self.note_refusal(_FIGGO, error)
            raise

    def calendar(self, name: str) -> Calendar:
        """The connection to one of the tenant's calendars.

        Raises:
            CredentialRefused: its credential was refused, in this run or before.
            UsageError: it cannot be opened as the tenant file says.
        """
        if name in self._failed:
            raise self._failed[name]
        if name not in self._calendars:
            settings = self.tenant.calendar(name)
            self._calendars[name] = self._open(name, settings.kind, settings.own)
        return self._calendars[name]

    def _open(self, name: str, kind: str, settings: BaseModel) -> Calendar:
        calendar = calendars.open_calendar(
            kind,
            name,
            settings,
            lambda reference: self._secret(name, reference),
            self.clock,
            _Memory(self, name),
        )
        self._families[name] = calendar.family
        try:
            self._check(name)
        except CredentialRefused as error:
            calendar.close()
            self._failed[name] = error
            raise
        return calendar

    def opened(self, name: str) -> Calendar | None:
        """The calendar, or None where it could not be opened; nothing is planned there then."""
        try:
            return self.calendar(name)
        except FiggoOpsError:
            return None

    def family(self, name: str) -> str:
        """This calendar's family, whether its credential is good or not; "" where it cannot be opened."""
        self.opened(name)
        return self._families.get(name, "")

    def hour_ranges(self, name: str) -> bool:
        """Whether this calendar shows whole days as a range of hours when asked."""
        calendar = self.opened(name)
        return calendar is None or calendar.hour_ranges

    def notices(self) -> list[str]:
        """What a reader of a plan should know about the calendars, such as the end of one."""
        opened = ((calendar.name, self.opened(calendar.name)) for calendar in self.tenant.calendars)
        return [f"Calendar {name}: {found.notice}" for name, found in opened if found and found.notice]

    def route(self, person: Person) -> str | None:
        """The name of this person's calendar; None when the tenant file excludes them."""
        calendar = self.tenant.calendar_for(person) if self.tenant.in_scope(person) else None
        return calendar.name if calendar else None

    def note_refusal(self, name: str, error: FiggoOpsError) -> None:
        """Stop a calendar (or Figgo) for this run when it refused us, and remember a refused credential."""
        if not isinstance(error, CredentialRefused):
            return
        self._failed.setdefault(name, error)
        if not isinstance(error, RightsMissing) and name in self._used:
            self.ledger.refuse(self.tenant.name, self._digest(name), self.clock.now())

    def _secret(self, user: str, reference: str) -> Secret:
        secret = self.home.secret(reference)
        self._used.setdefault(user, []).append(secret.value)
        return secret

    def _digest(self, user: str) -> str:
        """Of a credential, whom it is for and where it is shown; names that we give do not count."""
        return self.home.digest(*self._account(user), *self._used.get(user, []))

    def _account(self, user: str) -> tuple[str, ...]:
        if user == _FIGGO:
            return (user, self.tenant.figgo.url)
        calendar = self.tenant.calendar(user)
        known = calendar.own.model_dump()
        accounts = (str(known.get(name) or "") for name in ("user", "tenant_id", "client_id"))
        return (calendar.kind, *calendars.services(calendar.own), *accounts)

    def _check(self, user: str) -> None:
        if self._retry:
            self.ledger.forget_refusal(self._digest(user))
        else:
            self._check_refused(user)

    def _check_refused(self, user: str) -> None:
        if self.ledger.is_refused(self._digest(user)):
            whom = f"{self.tenant.name}: {user.lstrip('/')}"
            raise CredentialRefused(
                f"{whom} refused this credential before; it was not tried again.",
                "Store the new one (figgo-ops secret set REF), or try the same once more: --retry-credential",
                code="credential-remembered",
            )

    @contextmanager
    def logging_on(self, name: str, sleep: Callable[[float], None]) -> Iterator[None]:
        """Around the first log-on with a calendar's credential; see `calendars.Memory`."""
        turn, holder = {f"log-on:{self._digest(name)}"}, f"log-on/{uuid4()}"
        while not self.ledger.take(turn, holder, LEASE, self.clock.now()):
            sleep(ASK_AGAIN)
        lease = Lease(self.ledger, turn, holder, self.clock)
        lease.start()
        try:
            self._check_refused(name)
            yield
        except CredentialRefused as error:
            self.note_refusal(name, error)
            raise
        finally:
            lease.end()


class _Memory:
    """What the ledger keeps for one calendar."""

    def __init__(self, session: Session, name: str) -> None:
        self._session, self._name = session, name

    def recall(self, what: str) -> str:
        """What was remembered under this name; "" when nothing was."""
        session = self._session
        return str(session.ledger.recall(session.tenant.name, f"{self._name}: {what}") or "")

    def remember(self, what: str, text: str) -> None:
        """Keep something for later runs."""
        session = self._session
        session.ledger.remember(session.tenant.name, f"{self._name}: {what}", text)

    def logging_on(self, sleep: Callable[[float], None]) -> AbstractContextManager[None]:
        """One process at a time, and none once it was refused."""
        return self._session.logging_on(self._name, sleep)
