"""Where leaves come from: Figgo's v3 and v4 interfaces, read with an API key.

A list is read completely or it is an error. Pages are ordered by id and overlap by one row; a seam that
does not match, a row that comes twice or a wrong total means that something moved under us, and the list
is read again from its beginning.
"""

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self
from urllib.parse import quote

from figgo_ops.errors import FiggoOpsError, Incomplete, UsageError
from figgo_ops.figgo import rows
from figgo_ops.figgo.pages import LARGEST_PAGE, SURE_PAGE, Lists, Progress, Question
from figgo_ops.leaves import Leave, Person, Slot, Span
from figgo_ops.secrets import Secret
from figgo_ops.transport import Clock, Http, Pace

OWNERS = 200
"""People asked about in one list, so that the address stays far below 8 KB."""
REST_OWNERS = 10
"""The documentation of userdates asks for at most about ten people and a month."""
HALF_DAYS_A_YEAR = 200
"""For estimates: forty working days of leave and sixty of remote work."""

_AGAIN = "Run again in a few minutes."

__all__ = ["Batch", "Figgo", "Progress", "Rest"]


@dataclass(frozen=True, slots=True)
class Batch:
    """The leaves of some owners, all of them; or the error that kept us from reading them all."""

    owners: frozenset[int]
    leaves: list[Leave] | None
    error: FiggoOpsError | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """The half-days an owner does not work, out of all days asked for; or why they are not known."""

    owner: int
    slots: frozenset[Slot] | None
    error: FiggoOpsError | None = None


class Figgo:
    """One tenant's Figgo, for one reader at a time.

    Args:
        url: the tenant's own address, such as https://acme.ilucca.net.
        ca_file: PEM file of the authority to trust instead of the usual ones.
        per_minute: how many of the tenant's 50 requests a minute are ours.
        page: the largest page this tenant took last time; None to find out.
        listen: called after every answer.

    Raises:
        UsageError: the URL, the key or the authority's file cannot be used.
    """

    def __init__(
        self,
        url: str,
        api_key: Secret,
        clock: Clock,
        *,
        ca_file: str | None = None,
        per_minute: float = 20,
        page: int | None = None,
        listen: Callable[[Progress], None] | None = None,
    ) -> None:
        headers = {"Authorization": f"lucca application={_header_text(api_key)}"}
        pace = Pace(per_minute / 60, clock, burst=max(1, int(per_minute)))
        self._http = Http("Figgo", url, clock, pace, headers=headers, ca_file=ca_file)
        self._lists = Lists(self._http, page, listen)
        self._per_minute = per_minute

    @property
    def page(self) -> int:
        """The largest page this tenant takes, in rows, as far as known."""
        return self._lists.page

    @property
    def notes(self) -> list[str]:
        """What a reader should know though nothing is wrong."""
        return self._lists.notes

    @property
    def requests(self) -> int:
        """How many requests were sent, tries that failed included."""
        return self._http.requests

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def people(self) -> list[Person]:
        """Everybody the key may see, former employees included; nobody when its role shows nobody.

        Raises:
            CredentialRefused, RightsMissing, Unreachable, UsageError: see `rows.meaning`.
            Incomplete: the list could not be read completely.
        """
        question = Question(
            "people",
            "/api/v3/users",
            rows.PERSON_FIELDS,
            {"formerEmployees": "true"},
            SURE_PAGE,
            lambda row: str(row.get("id")),
        )
        self._lists.later = 0
        listed = self._lists.read(question)
        found = [(row.get("id"), rows.person_of(row)) for row in listed]
        for number, person in found:
            if person is None:
                self._lists.note(f"Person {number} belongs to no legal entity in Figgo and is left out.")
        return [person for _, person in found if person]

    def legal_entities(self) -> dict[int, str]:
        """Names of the legal entities by id, archived ones included.

        Raises:
            CredentialRefused, RightsMissing, Unreachable, UsageError, Incomplete: as in `people`.
        """
        self._lists.later = 0
        return self._lists.steady(self._establishments, "legal entities")

    def leaves(self, owners: Collection[int], days: Span) -> Iterator[Batch]:
        """All leaves of these owners on these days, inactive rows too where the tenant lists them.

        A list that cannot be read completely is an error of its owners; the others go on.

        Raises:
            CredentialRefused, RightsMissing, Unreachable, UsageError: as in `people`; no list after
                this one is worth trying.
        """
        lists = _chunks(sorted(set(owners)), OWNERS)
        started = self.requests
        for number, ids in enumerate(lists):
            average = (self.requests - started) / number if number else 1
            self._lists.later = average * (len(lists) - number - 1)
            yield self._batch(ids, days)

    def ended(self, owner: int, days: Span) -> list[Leave]:
        """Leaves of this owner on these days that were cancelled, denied or removed; lists leave them out.

        Raises:
            Incomplete: this Figgo does not tell them; and as in `people`.
        """
        self._lists.later = 0
        return [leave for leave in self._leaves_of([owner], days, isActive="false") if not leave.active]

    def find_leave(self, leave: str) -> Leave | None:
        """The leave of this id; None when Figgo has none, or does not show it to the key.

        What a tenant may not tell of a leave is not asked for: whose it is and when is told by all.

        Raises:
            CredentialRefused, RightsMissing, Unreachable, Incomplete: as in `people`.
        """
        self._lists.later = 0
        fields = ",".join(name for name in rows.LEAVE_FIELDS if name not in rows.OPTIONAL)
        try:
            content = self._lists.ask(f"/api/v3/leaves/{quote(leave, safe='')}", {"fields": fields})
        except UsageError as error:
            # Figgo knows its own address, or the list of people would not have been there.
            if error.code == "wrong-url":
                return None
            raise
        self._lists.tell("leave", 0)
        return rows.leave_of(rows.row_of(content, self._lists.where), rows.OPTIONAL)

    def count_leaves(self, since: date, owners: Collection[int] = ()) -> int:
        """How many leaves there are from this day on, of these owners or of everyone, without reading them.

        Raises:
            CredentialRefused, RightsMissing, Unreachable, UsageError, Incomplete: as in `people`.
        """
        self._lists.later = 0
        # "Everyone" is no word of Figgo's; its own recipes ask for every id above zero.
        lists = [",".join(map(str, ids)) for ids in _chunks(sorted(set(owners)), OWNERS)]
        return sum(self._count(whose, since) for whose in lists or ["greaterthan,0"])

    def _count(self, whose: str, since: date) -> int:
        asked = {
            "leavePeriod.ownerId": whose,
            "date": f"since,{since}",
            "fields": "collection.count",
            "paging": "0,1",
        }
        try:
            content = self._lists.ask("/api/v3/leaves", {**asked, "isActive": "true"})
        except Incomplete as error:
            if error.code != "bad-query":
                raise
            # Not every tenant can filter by it; then cancelled ones may be among those counted.
            content = self._lists.ask("/api/v3/leaves", asked)
        self._lists.tell("leaves", 0)
        return rows.count_of(content, self._lists.where)

    def rest_slots(self, days: Mapping[int, list[Span]]) -> Iterator[Rest]:
        """For each owner the half-days not worked, out of the days asked for.

        Raises:
            CredentialRefused, RightsMissing, Unreachable, UsageError: as in `leaves`.
        """
        asked = {owner: spans for owner, spans in days.items() if spans}
        # Owners asked about at the same time of the year share months, and so requests.
        order = sorted(asked, key=lambda owner: (min(span.first for span in asked[owner]), owner))
        groups = _chunks(order, REST_OWNERS)
        for number, group in enumerate(groups):
            self._lists.later = len(groups) - number - 1
            yield from self._rest_of({owner: asked[owner] for owner in group})

    def estimate(self, people: int, days: Span) -> tuple[int, float]:
        """Requests and minutes that reading everything takes at most, as far as can be told beforehand."""
        page = min(self._lists.page, self._lists.proven)
        years = ((days.last - days.first).days + 1) / 365
        leaves = math.ceil(people * HALF_DAYS_A_YEAR * years / (page - 1)) + math.ceil(people / OWNERS)
        requests = 2 + people // (min(page, SURE_PAGE) - 1) + leaves
        return requests, requests / self._per_minute

    def _batch(self, ids: Sequence[int], days: Span) -> Batch:
        try:
            return Batch(frozenset(ids), self._leaves_of(ids, days))
        except Incomplete as error:
            return Batch(frozenset(ids), None, error)

    def _leaves_of(self, ids: Sequence[int], days: Span, **more: str) -> list[Leave]:
        filters = {
            "leavePeriod.ownerId": ",".join(map(str, ids)),
            "date": f"between,{days.first},{days.last}",
            **more,
        }
        question = Question(
            "leaves", "/api/v3/leaves", rows.LEAVE_FIELDS, filters, LARGEST_PAGE, rows.mark_of_leave
        )
        listed = self._lists.read(question)
        found = [rows.leave_of(row, self._lists.dropped) for row in listed]
        asked = frozenset(ids)
        for leave in found:
            self._expected(leave.owner in asked and leave.day in days, f"leave {leave.id}")
        return found

    def _establishments(self) -> dict[int, str] | None:
        names: dict[int, str] = {}
        page, total = 1, None
        while True:
            params = {"isArchived": "true,false", "page": str(page), "limit": "100", "fields.root": "count"}
            content = self._lists.ask("/organization/structure/api/establishments", params)
            items, count = rows.page_of(content, self._lists.where)
            fresh = dict(map(rows.establishment_of, items))
            # Pages do not overlap here: one that left an earlier page shows in the count alone.
            if names.keys() & fresh.keys() or total not in (None, count):
                return None
            total = count
            names |= fresh
            self._lists.tell("legal entities", math.ceil((count - len(names)) / 100))
            if len(names) >= count or not items:
                return names if len(names) == count else None
            page += 1

    def _rest_of(self, asked: Mapping[int, list[Span]]) -> Iterator[Rest]:
        found: dict[tuple[int, date], frozenset[Slot]] = {}
        failed: dict[int, Incomplete] = {}
        spans = [span for of_owner in asked.values() for span in of_owner]
        for first, last in rows.months(min(s.first for s in spans), max(s.last for s in spans)):
            touched = [s for s in spans if s.touches(first, last)]
            owners = [o for o, of_owner in asked.items() if any(s.touches(first, last) for s in of_owner)]
            if not owners:
                continue
            part = Span(max(first, min(s.first for s in touched)), min(last, max(s.last for s in touched)))
            try:
                found |= self._userdates(owners, part)
            except Incomplete as error:
                failed |= dict.fromkeys(owners, error)
        for owner, of_owner in asked.items():
            yield _rest(owner, of_owner, found, failed.get(owner))

    def _userdates(self, owners: list[int], days: Span) -> dict[tuple[int, date], frozenset[Slot]]:
        params = {
            "ownerId": ",".join(map(str, owners)),
            "date": f"between,{days.first},{days.last}",
            "fields": ",".join([*rows.DAY_FIELDS, "collection.count"]),
            "paging": f"0,{SURE_PAGE}",
        }
        try:
            items, count = rows.page_of(self._lists.ask("/api/v3/userdates", params), self._lists.where)
        except Incomplete as error:
            if error.code != "too-slow" or len(owners) == 1:
                raise
            middle = len(owners) // 2
            return self._userdates(owners[:middle], days) | self._userdates(owners[middle:], days)
        self._lists.tell("working time", 0)
        found: dict[tuple[int, date], frozenset[Slot]] = {}
        for owner, day, slots in map(rows.rest_of, items):
            self._expected(owner in owners and day in days, f"working time of {owner} on {day}")
            found[owner, day] = slots
        if not len(found) == len(items) == count:
            raise Incomplete(
                f"{self._lists.where} lists days of working time twice, or not all it counts.", _AGAIN
            )
        return found

    def _expected(self, asked: bool, what: str) -> None:
        if not asked:
            raise Incomplete(f"{self._lists.where} answered with {what}, which was not asked for.", _AGAIN)


def _rest(
    owner: int,
    spans: list[Span],
    found: Mapping[tuple[int, date], frozenset[Slot]],
    error: Incomplete | None,
) -> Rest:
    days = {day for span in spans for day in _days(span)}
    missing = min((day for day in days if (owner, day) not in found), default=None)
    if missing and not error:
        error = Incomplete(f"Figgo does not say whether person {owner} works on {missing}.", _AGAIN)
    if error:
        return Rest(owner, None, error)
    return Rest(owner, frozenset().union(*(found[owner, day] for day in days)))


def _days(span: Span) -> Iterator[date]:
    for number in range((span.last - span.first).days + 1):
        yield span.first + timedelta(days=number)


def _chunks(values: Sequence[int], size: int) -> list[Sequence[int]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def _header_text(api_key: Secret) -> str:
    text = api_key.value.strip()
    if not re.fullmatch(r"[!-~]+", text):
        raise UsageError(
            f"{api_key.reference} does not hold an API key: it is empty, or has letters that no key has.",
            "Store the key again, the key alone.",
            code="key-malformed",
        )
    return text
