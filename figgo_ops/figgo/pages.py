"""Lists of Figgo's, page by page, until one was read in which nothing moved."""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from figgo_ops.errors import FiggoOpsError, Incomplete, Unreachable
from figgo_ops.figgo import rows
from figgo_ops.figgo.rows import Row
from figgo_ops.transport import Http

LARGEST_PAGE = 10_000
"""Rows; the sync guide names it for leaves, but not every tenant takes it."""
SURE_PAGE = 1_000
"""Rows; every source agrees on this one."""
SMALLEST_PAGE = 50
"""Rows; when even these take longer than five seconds, smaller pages will not help."""
RESTARTS = 3
"""How often a list that moved is begun again."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reading is: requests sent, requests expected in all as far as known, and what is read."""

    done_requests: int
    expected_requests: int
    what: str


@dataclass(frozen=True, slots=True)
class Question:
    """One v3 list to read.

    Attributes:
        what: its name in messages.
        largest: the largest page documented for it, in rows.
        mark: what tells one of its rows from another.
    """

    what: str
    path: str
    fields: tuple[str, ...]
    filters: Mapping[str, str]
    largest: int
    mark: Callable[[Row], Hashable]


class Lists:
    """Reads lists through one door and learns how this tenant likes to be asked.

    Attributes:
        page: the largest page this tenant takes, in rows, as far as known.
        proven: the largest page that is known to work.
        dropped: optional fields this tenant does not know.
        later: requests expected after the list that is being read.
        notes: what a reader should know though nothing is wrong.
    """

    def __init__(self, http: Http, page: int | None, listen: Callable[[Progress], None] | None) -> None:
        self.page = max(page or LARGEST_PAGE, SMALLEST_PAGE)
        self.proven = page or SURE_PAGE
        self.dropped: set[str] = set()
        self.later = 0.0
        self.notes: list[str] = []
        self.where = f"{http.name} ({http.host})"
        self._http, self._listen = http, listen
        self._taken = 0  # unlike `proven`, by this Figgo and since we began

    def ask(self, path: str, params: Mapping[str, str]) -> Any:
        """The JSON of one answer.

        Raises:
            CredentialRefused, RightsMissing, UsageError, Incomplete, Unreachable: see `rows.meaning`.
        """
        return self._http.read(path, params, partial(rows.meaning, where=self.where))

    def read(self, question: Question) -> list[Row]:
        """All rows, read in one go in which nothing moved.

        Raises:
            Incomplete: the list moved each time, or the tenant will not answer this question.
            CredentialRefused, RightsMissing, UsageError, Unreachable: see `rows.meaning`.
        """
        return self.steady(partial(self._sweep, question), question.what)

    def steady(self, sweep: Callable[[], T | None], what: str) -> T:
        """What `sweep` finds; it says None for a list that moved, and is begun again.

        Raises:
            Incomplete: it moved each time.
        """
        for _ in range(1 + RESTARTS):
            found = sweep()
            if found is not None:
                return found
        raise Incomplete(
            f"{self.where}: the list of {what} moved each of the {1 + RESTARTS} times it was read.",
            "Run again when nobody is entering leaves in bulk.",
            code="moved-while-read",
        )

    def _sweep(self, question: Question) -> list[Row] | None:
        """All pages once; None when they do not fit together."""
        found: list[Row] = []
        while True:
            items, count = self._page(question, max(len(found) - 1, 0))
            if found and (not items or question.mark(items[0]) != question.mark(found[-1])):
                return None
            fresh = items[1:] if found else items
            found.extend(fresh)
            self.tell(question.what, math.ceil((count - len(found)) / (self._limit(question) - 1)))
            if len(found) >= count or not fresh:
                break
        different = len(set(map(question.mark, found))) == len(found)
        return found if len(found) == count and different else None

    def _page(self, question: Question, offset: int) -> tuple[list[Row], int]:
        """One page; what the tenant does not like is asked for in another way as long as there is one."""
        while True:
            limit = self._limit(question)
            names = [name for name in question.fields if name not in self.dropped]
            params = {
                **question.filters,
                "fields": ",".join([*names, "collection.count"]),
                "orderBy": "id,asc",
                "paging": f"{offset},{limit}",
            }
            try:
                content = self.ask(question.path, params)
            except (Incomplete, Unreachable) as error:
                if not self._adapt(error, names, limit):
                    raise
                continue
            self._taken = max(self._taken, limit)
            self.proven = max(self.proven, limit)
            return rows.page_of(content, self.where)

    def _limit(self, question: Question) -> int:
        return min(self.page, question.largest)

    def _adapt(self, error: FiggoOpsError, names: list[str], limit: int) -> bool:
        """Change how we ask; False when nothing is left to change."""
        unknown = rows.unknown_field(error, names) if error.code == "bad-query" else None
        if unknown:
            self.dropped.add(unknown)
            self.note(f"This Figgo does not know the field {unknown}: {rows.OPTIONAL[unknown][1]}.")
            return True
        if error.code == "too-slow" and limit > SMALLEST_PAGE:
            self.page = max(SMALLEST_PAGE, limit // 2)
            return True
        # Some tenants stand behind a gateway that turns every refusal into its own page with 502.
        refused = error.code == "bad-query" or (error.code == "server-error" and limit > self._taken)
        if refused and limit > SURE_PAGE:
            self.page = SURE_PAGE
            return True
        return False

    def tell(self, what: str, left: int) -> None:
        """Report progress, `left` requests before the end of the list that is being read."""
        if self._listen:
            expected = self._http.requests + max(left, 0) + math.ceil(self.later)
            self._listen(Progress(self._http.requests, expected, what))

    def note(self, text: str) -> None:
        """Keep a sentence for the reader, once."""
        if text not in self.notes:
            self.notes.append(text)
