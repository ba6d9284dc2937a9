"""Google Calendar: a service account that acts for each user, and what Google can hold."""

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from figgo_ops.calendars import Memory, Resolve
from figgo_ops.calendars._google_errors import SCOPE, Denied
from figgo_ops.calendars._google_events import MARK, existing, is_live, is_ours, quota_user
from figgo_ops.calendars._lost import Lost
from figgo_ops.calendars._probing import Asked, Met, checks, met
from figgo_ops.calendars._told import cut, held_back
from figgo_ops.checks import Check, Deadline, of
from figgo_ops.errors import FiggoOpsError, Incomplete, UsageError
from figgo_ops.events import Event, ShowAs, clean_title
from figgo_ops.leaves import Span
from figgo_ops.plan import Change, Existing, Listing, Mailbox, Outcome
from figgo_ops.secrets import Secret, SecretRef
from figgo_ops.transport import Clock
from figgo_ops.workers import side_by_side

if TYPE_CHECKING:
    from figgo_ops.calendars._google_wire import Wire

TOKENS = "https://oauth2.googleapis.com/token"
PAGE = 2500
"""Events per page; Google gives no more at once."""

Wanted = Callable[[Mapping[str, Any]], bool]
Near = Callable[[Existing], bool]


HOUR_RANGES = False
"""Whether whole days can be shown as a range of hours."""


class Settings(BaseModel):
    """What a `[[calendar]]` of Google says beside name, kind and whom it is for.

    Attributes:
        service_account: reference to the key file's content.
        api_root, token_url, ca_file: only for what stands in for Google.
        threads: mailboxes at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    service_account: SecretRef
    api_root: str = Field("https://www.googleapis.com/", pattern="^https://")
    token_url: str | None = Field(None, pattern="^https://")
    ca_file: str | None = None
    # Answers take some 0.2 seconds, so 32 at once use up what Google allows a project; mailboxes end
    # unevenly, and with fewer than 52 a hundred of them wait for a third round.
    threads: int = Field(52, ge=1, le=64)

    @property
    def services(self) -> tuple[str, ...]:
        """Where it calls; tokens come from Google's own place, unless told otherwise."""
        return self.api_root, self.token_url or TOKENS


def open_calendar(
    name: str, settings: Settings, secret: Resolve, clock: Clock, _memory: Memory
) -> "GoogleCalendar":
    """Connect to Google; asks nothing of the network yet, and needs no memory: Google locks no account.

    Raises:
        SecretUnavailable: the reference leads nowhere.
        UsageError: it does not lead to the key file of a service account.
    """
    # Google's libraries take long to load, and tenant files are read far more often than calendars.
    from figgo_ops.calendars._google_tokens import Tokens
    from figgo_ops.calendars._google_wire import Wire

    info = _key_file(name, secret(settings.service_account))
    try:
        tokens = Tokens(info, settings.token_url, clock)
    except ValueError:
        # What the library says may quote the key, so neither its words nor its traceback go on.
        raise _no_key(name, settings.service_account) from None
    wire = Wire(name, tokens, settings.api_root, settings.ca_file, clock)
    return GoogleCalendar(name, wire, settings.threads)


def deadlines(_name: str, _settings: Settings, _secret: Resolve) -> tuple[Deadline, ...]:
    """Nothing that is known here: keys of service accounts end when somebody deletes them."""
    return ()


def _key_file(name: str, secret: Secret) -> Mapping[str, Any]:
    try:
        info = json.loads(secret.value)
    except ValueError:
        raise _no_key(name, secret.reference) from None
    if not isinstance(info, dict):
        raise _no_key(name, secret.reference)
    return info


def _no_key(name: str, reference: str) -> UsageError:
    return UsageError(
        f"calendar {name}: {reference} does not hold the key file of a service account.",
        "Download the JSON key of the service account and store it with `figgo-ops secret set`.",
    )


class GoogleCalendar:
    """The port over one service account with domain-wide delegation."""

    family = ""
    hour_ranges = HOUR_RANGES
    deduplicates = True
    bin: timedelta | None = timedelta(days=30)
    owner_empties_bin = False
    purges = False
    notice = ""
    settles = timedelta(hours=24)

    def __init__(self, name: str, wire: "Wire", threads: int) -> None:
        self.name, self._wire, self._threads = name, wire, threads

    def project(self, event: Event) -> Event:
        """Busy or free, and no zone on a day: Google knows no more."""
        return projected(event)

    def read(self, mailboxes: Iterable[str]) -> Iterator[Listing]:
        """All marked events of each mailbox, or the error; see the port."""
        return self._listings(mailboxes, _OURS, is_ours, _anywhere)

    def look_alikes(
        self, mailboxes: Iterable[str], window: Span, titles: frozenset[str]
    ) -> Iterator[Listing]:
        """Unmarked events with one of these titles that touch the window; see the port."""
        folded = {clean_title(title).casefold() for title in titles}
        # A day begins up to 14 hours before and 12 after it does in UTC; the exact days are compared here.
        query = {
            "timeMin": f"{window.first - timedelta(days=1)}T00:00:00Z",
            "timeMax": f"{window.last + timedelta(days=2)}T00:00:00Z",
            "singleEvents": True,
        }

        def alike(item: Mapping[str, Any]) -> bool:
            return not is_ours(item) and clean_title(item.get("summary", "")).casefold() in folded

        def near(found: Existing) -> bool:
            return window.touches(found.event.first_day, found.event.last_day)

        return self._listings(mailboxes, query, alike, near)

    def write(
        self, changes: Iterable[Change], may_write: Callable[[], bool] = lambda: True
    ) -> Generator[Outcome, None, None]:
        """One outcome per change; see the port.

        All changes of one mailbox must come one after the other. They are taken together when a thread is
        free for the mailbox, and the first change of the next mailbox with them.
        """
        from figgo_ops.calendars._google_write import Writer

        self._wire.begin()
        writer = Writer(self._wire, may_write)
        doubtful: set[str] = set()

        def work(change: Change) -> Outcome:
            if change.action == "create" and change.mailbox.address in doubtful:
                return held_back(change)
            outcome = writer.write(change)
            if outcome.status == "unknown":
                doubtful.add(change.mailbox.address)
            return outcome

        groups = (list(group) for _, group in groupby(changes, key=lambda change: change.mailbox.address))
        yield from side_by_side(groups, work, self._threads, self._wire.leave)

    def probe(self, mailbox: str, outside: str = "") -> Iterator[Check]:
        """What diagnostics show; see the port. Delegation has no outside: a scope limits what, not whom."""
        self._wire.begin([mailbox])
        asked = Asked(
            f"asked Google for a token of client id {self._wire.client}, once",
            f"asked for one that acts as {mailbox} with the scope {SCOPE}",
            f"listed our events in the calendar of {mailbox}",
        )

        def outside_check() -> Check:
            return Check("outside", "skipped", "domain-wide delegation reaches every user of the domain")

        def zone(listing: Listing) -> Check:
            return of("time zone", None, listing.zone, tried="read with the calendar")

        yield from checks(self._met(Mailbox(self.name, mailbox)), asked, "", outside_check, zone)

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()

    def _met(self, mailbox: Mailbox) -> Met:
        try:
            self._wire.token(mailbox)
        except (Denied, Lost) as trouble:
            return met(trouble, logged_on=isinstance(trouble, Denied) and trouble.refusal.of_user)
        except FiggoOpsError as error:
            return met(error, logged_on=False)
        try:
            return Met(self._found(mailbox, _OURS, is_ours, _anywhere))
        except (Denied, Lost, FiggoOpsError) as trouble:
            return met(trouble, logged_on=True, admitted=True)

    def _listings(
        self, addresses: Iterable[str], query: Mapping[str, Any], wanted: Wanted, near: Near
    ) -> Iterator[Listing]:
        groups = ([Mailbox(self.name, address)] for address in self._wire.begin(addresses))
        return side_by_side(
            groups,
            lambda mailbox: self._listing(mailbox, query, wanted, near),
            self._threads,
            self._wire.leave,
        )

    def _listing(self, mailbox: Mailbox, query: Mapping[str, Any], wanted: Wanted, near: Near) -> Listing:
        try:
            return self._found(mailbox, query, wanted, near)
        except (Denied, Lost) as failure:
            return Listing(mailbox, error=failure.error)
        except Incomplete as error:
            return Listing(mailbox, error=error)

    def _found(self, mailbox: Mailbox, query: Mapping[str, Any], wanted: Wanted, near: Near) -> Listing:
        items, zone = self._pages(mailbox, query)
        found = [existing(mailbox, item, zone) for item in items if is_live(item) and wanted(item)]
        return Listing(mailbox, tuple(one for one in found if near(one)), zone=zone)

    def _pages(self, mailbox: Mailbox, query: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
        """Every item of a list, and the calendar's zone.

        Pages are turned by hand: the library's own way breaks on repeated parameters. A page may be empty
        and still not be the last one.
        """
        items: dict[str, dict[str, Any]] = {}
        turned: set[str] = set()
        more = dict(query)
        while True:
            page = self._wire.call(mailbox, partial(_list_request, mailbox, more))
            # Without Google's own word for a list even {} would count as an empty calendar.
            if page.get("kind") != "calendar#events" or not isinstance(page.get("items", []), list):
                raise cut(mailbox, "an answer is not a list of events")
            items.update((str(item["id"]), item) for item in page.get("items", []))
            token = page.get("nextPageToken")
            if not token:
                return list(items.values()), str(page.get("timeZone", ""))
            if token in turned:
                raise cut(mailbox, "the pages go round in circles")
            turned.add(token)
            more["pageToken"] = token


def projected(event: Event) -> Event:
    """The event as Google can hold it; see `GoogleCalendar.project`."""
    show_as: ShowAs = "free" if event.show_as == "free" else "busy"
    zone = "" if event.all_day else event.zone
    if (show_as, zone) == (event.show_as, event.zone):
        return event
    return Event(event.start, event.end, event.state, event.title, show_as, event.private, zone)


_OURS = {"privateExtendedProperty": f"{MARK}=1"}
"""One filter only: whether several mean and or or, Google's own texts contradict each other."""


def _anywhere(_found: Existing) -> bool:
    return True


def _list_request(mailbox: Mailbox, query: Mapping[str, Any], events: Any) -> Any:
    return events.list(calendarId="primary", maxResults=PAGE, quotaUser=quota_user(mailbox.address), **query)
