"""The Figgo stand-in: its v3 reads of leaves, leave requests, users and userdates, and the v4 structure.

Where the documentation leaves a rule open, the rule is a switch of `figgo_switches`.
"""

from __future__ import annotations

import random
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from figgo_ops.sandbox import figgo_v4
from figgo_ops.sandbox.absences import Leave
from figgo_ops.sandbox.company import Company
from figgo_ops.sandbox.figgo_gate import FORBIDDEN, ApiKey, Problem, Turnstile, retry_after, token
from figgo_ops.sandbox.figgo_query import (
    RESERVED,
    BadQueryError,
    Dialect,
    Filter,
    Row,
    follow,
    parse_fields,
    parse_filter,
    parse_paging,
    project,
    sort,
)
from figgo_ops.sandbox.figgo_switches import CHOICES, DEFAULTS
from figgo_ops.sandbox.figgo_types import UserDay, kinds, leave_id
from figgo_ops.sandbox.messages import Request, Response, Service
from figgo_ops.sandbox.worktime import days

USERS_PAGE = 1000
KEPT_ANSWERS = 4
DATE_FILTERS = ("date",)
POPULATION_FILTERS = (
    "leaveperiod.ownerid",
    "leaveperiod.owner.departmentid",
    "leaveperiod.owner.legalentityid",
)
SINCE_FILTERS = ("creationdate", "cancellationdate", "leaveperiod.confirmationdate")


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted request: its key and its query, names in lower case, values in the order sent."""

    request: Request
    key: ApiKey
    query: Mapping[str, tuple[str, ...]]

    def last(self, name: str) -> str | None:
        """The last value of a parameter, or None."""
        return self.query[name][-1] if name in self.query else None

    def filters(self, but: Iterable[str] = ()) -> list[tuple[str, str]]:
        """Every (path, text) that is a filter."""
        skipped = RESERVED | set(but)
        return [(name, text) for name, texts in self.query.items() if name not in skipped for text in texts]


class FiggoService(Service):
    """Figgo for one tenant, over a company that may change between any two requests."""

    choices: ClassVar[Mapping[str, tuple[Any, ...]]] = CHOICES
    defaults: ClassVar[Mapping[str, Any]] = DEFAULTS

    def __init__(
        self, company: Company, keys: Iterable[ApiKey], host: str = "corail.ilucca.net", seed: int = 1
    ) -> None:
        """`keys` are all the keys there are; `seed` shuffles what nobody ordered."""
        super().__init__("figgo")
        self.company, self.host, self.seed = company, host, seed
        self.keys = {key.token: key for key in keys}
        # Verbs of the company and answers of Figgo take turns.
        self.lock = company.lock
        self._turnstile = Turnstile()
        self._answers: OrderedDict[object, list[Row]] = OrderedDict()
        self._types = kinds(company, self.switches, host)
        self._routes = self._make_routes()

    def identify(self, request: Request) -> str:
        """The name of the key that is asking, or nothing."""
        key = self.keys.get(token(request))
        return key.name if key else ""

    def handle(self, request: Request) -> Response:
        """Authenticate, count, answer."""
        if self.switches["address"] == "refused":
            return Response.text(403, FORBIDDEN, "text/html")
        try:
            key = self._admit(request)
            query = {name.lower(): tuple(values) for name, values in request.query.items()}
            return self._answer(Call(request, key, query))
        except BadQueryError as error:
            return Problem(400, str(error)).response(self.switches["error_body"])
        except Problem as problem:
            return problem.response(self.switches["error_body"])

    def refusal(self, answer: Mapping[str, Any]) -> Response:
        """A fault's answer in the shape of Figgo's own errors, unless the fault brings a body."""
        if "body" in answer:
            return super().refusal(answer)
        problem = Problem(answer["status"], str(answer.get("message", "Fault")), answer.get("headers"))
        return problem.response(self.switches["error_body"])

    def _make_routes(self) -> list[tuple[re.Pattern[str], Callable[..., Response]]]:
        table: dict[str, Callable[..., Response]] = {
            "/api/v3/(leaves|leaverequests|users|userdates)/help": self._help,
            "/api/v3/leaves": self._leaves,
            "/api/v3/leaves/([^/]+)": self._leave,
            "/api/v3/leaverequests": self._requests,
            r"/api/v3/leaverequests/(\d+)": self._request,
            "/api/v3/users": self._users,
            "/api/v3/users/me": self._me,
            r"/api/v3/users/(\d+)": self._user,
            "/api/v3/userdates": self._userdates,
            "/api/v3/(legalentities|departments)(?:/.*)?": self._structure,
            "/organization/structure/api/(establishments|legal-units|departments)": self._v4,
            "/api/leaves(?:/.*)?": self._gone,
        }
        return [(re.compile(path, re.IGNORECASE), answer) for path, answer in table.items()]

    def _admit(self, request: Request) -> ApiKey:
        key = self.keys.get(token(request))
        if key is None or key.is_revoked:
            raise Problem(401, "Unauthorized")
        now = self.clock()
        wait = self._turnstile.wait(now, self.switches["rate_limit"], self.switches["rate_seconds"])
        if wait:
            headers = retry_after(wait, self.switches["retry_after"], now)
            raise Problem(429, "Too many requests", headers)
        return key

    def _answer(self, call: Call) -> Response:
        path = call.request.path.rstrip("/")
        for pattern, answer in self._routes:
            if found := pattern.fullmatch(path):
                if call.request.method != "GET":
                    raise Problem(405, f"The resource does not support {call.request.method}")
                return answer(call, *found.groups())
        raise Problem(404, f"No resource at {call.request.path}")

    def _leaves(self, call: Call) -> Response:
        names = [path for path, _text in call.filters()]
        if not (set(names) & set(DATE_FILTERS) and set(names) & set(POPULATION_FILTERS)):
            if self.switches["missing_filter"] == "refused":
                raise BadQueryError("A filter on 'date' and a filter on the population are required")
            return self._collection(call, "FiggoLeave", [], self.switches["max_page"])
        if not self.switches["since_filters"] and set(names) & set(SINCE_FILTERS):
            raise BadQueryError("Type 'FiggoLeave' cannot be filtered by its moments")
        if self._hides("leaves"):
            return self._collection(call, "FiggoLeave", [], self.switches["max_page"])
        rows = self._kept(call, "FiggoLeave", lambda filters: self._leave_rows(call.key, names, filters))
        return self._collection(call, "FiggoLeave", rows, self.switches["max_page"])

    def _leave_rows(self, key: ApiKey, names: list[str], filters: list[Filter]) -> Iterable[Leave]:
        named = [one.among for one in filters if one.path == POPULATION_FILTERS[0] and one.among is not None]
        owners = named[0] if named else self.company.leaves_of.keys()
        rest, said = self.switches["rest_rows"], set(names) & {"isactive", "cancellationdate"}
        default = "all" if said else self.switches["default_leaves"]
        for leave in chain.from_iterable(self.company.leaves_of.get(owner, ()) for owner in owners):
            if (leave.is_rest and not rest) or not key.sees(leave.period.owner):
                continue
            if default == "all" or (leave.is_active and (default == "active" or leave.period.is_confirmed)):
                yield leave

    def _leave(self, call: Call, identity: str) -> Response:
        number = identity.split("-", maxsplit=1)[0]
        period = self.company.periods.get(int(number)) if number.isdecimal() else None
        rows = self.company.leaves_of.get(int(number), []) if number.isdecimal() else []
        if self.switches["leave_id"] == "period":
            rows = period.leaves if period else []
        found = [
            leave for leave in rows if leave_id(leave, self.switches) == identity and self._shows(call, leave)
        ]
        found.sort(key=lambda leave: leave.is_active)
        return self._single(call, "FiggoLeave", found[-1] if found else None)

    def _shows(self, call: Call, leave: Leave) -> bool:
        visible = call.key.sees(leave.period.owner) and not self._hides("leaves")
        return visible and (self.switches["rest_rows"] or not leave.is_rest)

    def _hides(self, what: str) -> bool:
        """Whether the keys' role shows nothing of this kind; Problem where asking is already refused."""
        if self.switches["unreadable"] != what:
            return False
        if self.switches["unreadable_answer"] == "refused":
            raise Problem(403, "Forbidden")
        return True

    def _requests(self, call: Call) -> Response:
        everyone = () if self._hides("leaves") else self.company.requests.values()
        visible = [one for one in everyone if call.key.sees(one.period.owner)]
        rows = self._kept(call, "FiggoLeaveRequest", lambda _filters: visible)
        return self._collection(call, "FiggoLeaveRequest", rows, self.switches["max_page"], counted=True)

    def _request(self, call: Call, identity: str) -> Response:
        request = self.company.requests.get(int(identity))
        shown = request if request and call.key.sees(request.period.owner) else None
        return self._single(call, "FiggoLeaveRequest", shown)

    def _users(self, call: Call) -> Response:
        people = () if self._hides("people") else self.company.people.values()
        everybody = (call.last("formeremployees") or "").lower() == "true" or "dtcontractend" in call.query
        visible = [
            person
            for person in people
            if call.key.sees(person) and (everybody or not person.is_former(self.company.today))
        ]
        rows = self._kept(call, "User", lambda _filters: visible, but=("formeremployees",))
        return self._collection(call, "User", rows, USERS_PAGE)

    def _user(self, call: Call, identity: str) -> Response:
        person = self.company.people.get(int(identity))
        if person is None or not call.key.sees(person) or self._hides("people"):
            raise Problem(self.switches["unknown_user"], "User Not Found")
        return self._single(call, "User", person)

    def _me(self, call: Call) -> Response:
        return self._envelope(
            call, {"id": 0, "name": call.key.name, "url": f"https://{self.host}/api/v3/users/0"}
        )

    def _userdates(self, call: Call) -> Response:
        filters = self._filters("UserDate", call)
        owners = next((one.among for one in filters if one.path == "ownerid" and one.among), None)
        spans = [one.bounds or _one_day(one) for one in filters if one.path == "date"]
        if owners is None or not spans or spans[0] is None:
            raise BadQueryError("A filter on 'ownerId' and a filter on 'date' are required")
        hidden = self._hides("userdates")
        people = [self.company.people[one] for one in owners if one in self.company.people and not hidden]
        dates = list(days(*spans[0]))
        if len(people) * len(dates) > self.switches["slow_days"]:
            raise Problem(408, "The request took too long: simplify it")
        visible = [UserDay(person, day) for person in people if call.key.sees(person) for day in dates]
        rows = self._kept(call, "UserDate", lambda _filters: visible)
        return self._collection(call, "UserDate", rows, self.switches["max_page"])

    def _help(self, call: Call, resource: str) -> Response:
        named = {
            "leaves": "FiggoLeave",
            "leaverequests": "FiggoLeaveRequest",
            "users": "User",
            "userdates": "UserDate",
        }
        props = self._types[named[resource.lower()]].props.values()
        return self._envelope(call, {"fields": sorted(prop.name for prop in props)})

    def _structure(self, call: Call, resource: str) -> Response:
        if self.switches["structure_v3"] != "working":
            raise Problem(self.switches["structure_v3"], "This resource is not available any more")
        name = {"legalentities": "LegalEntity", "departments": "Department"}[resource.lower()]
        found = self.company.legal_entities if name == "LegalEntity" else self.company.departments
        rows = self._kept(call, name, lambda _filters: found.values())
        return self._collection(call, name, rows, USERS_PAGE)

    def _v4(self, call: Call, resource: str) -> Response:
        hidden = resource.lower() == "establishments" and self._hides("legal entities")
        visible = frozenset[int]() if hidden else call.key.legal_entities
        return Response.json(200, figgo_v4.answer(self.company, visible, resource.lower(), call.query))

    def _gone(self, call: Call) -> Response:
        raise Problem(410, "This version of the interface was switched off")

    def switch(self, name: str, value: Any) -> None:
        """Set a switch; ValueError names the known switches or the values this one takes."""
        super().switch(name, value)
        self._types = kinds(self.company, self.switches, self.host)

    def _dialect(self) -> Dialect:
        return Dialect(self.switches["date_text"], ZoneInfo(self.switches["timestamps"]), self.company.today)

    def _filters(self, name: str, call: Call, but: Iterable[str] = ()) -> list[Filter]:
        dialect = self._dialect()
        return [
            parse_filter(follow(self._types, name, path), text, dialect) for path, text in call.filters(but)
        ]

    def _kept(
        self,
        call: Call,
        name: str,
        candidates: Callable[[list[Filter]], Iterable[Row]],
        but: Iterable[str] = (),
    ) -> list[Row]:
        """Rows filtered and ordered; kept for the next pages of the same question while nothing changes."""
        asked = tuple(
            sorted((key, texts) for key, texts in call.query.items() if key not in ("paging", "fields"))
        )
        question = (name, call.key, asked, self.company.revision, tuple(self.switches.values()))
        if question not in self._answers:
            filters = self._filters(name, call, but)
            rows = [row for row in candidates(filters) if all(one.test(row) for one in filters)]
            order = call.last("orderby")
            self._answers[question] = sort(rows, self._types, name, order) if order else rows
            if len(self._answers) > KEPT_ANSWERS:
                self._answers.popitem(last=False)
        rows = self._answers[question]
        # Nothing promises an order nobody asked for, so two pages of one question may well overlap.
        return rows if "orderby" in call.query or not self.switches["shuffle"] else self._shuffled(call, rows)

    def _shuffled(self, call: Call, rows: list[Row]) -> list[Row]:
        return random.Random(f"{self.seed} {call.request.number}").sample(rows, len(rows))

    def _collection(
        self, call: Call, name: str, rows: list[Row], largest: int, *, counted: bool = False
    ) -> Response:
        offset, limit = parse_paging(call.last("paging"), self.switches["default_page"], largest)
        tree = parse_fields(call.last("fields") or "")
        count = next((tree.pop(key) for key in list(tree) if key.lower() == "collection"), None)
        if count is not None and [key.lower() for key in count] != ["count"]:
            raise BadQueryError(f"Unknown property '{next(iter(count), '')}' on type 'Collection'")
        page = rows[offset : offset + limit]
        if len(page) > self.switches["slow_rows"]:
            raise Problem(408, "The request took too long: simplify it")
        data: dict[str, Any] = {}
        if tree or count is None:
            render = project(self._types, name, tree, self._dialect())
            data["items"] = [render(row) for row in page]
        if counted or count is not None:
            data["count"] = len(rows)
        return self._envelope(call, data)

    def _single(self, call: Call, name: str, row: Row | None) -> Response:
        if row is None:
            raise Problem(404, f"No {name} of this id")
        if call.filters():
            raise BadQueryError(f"Unknown parameter '{call.filters()[0][0]}'")
        tree = parse_fields(call.last("fields") or "")
        return self._envelope(call, project(self._types, name, tree, self._dialect())(row))

    def _envelope(self, call: Call, data: dict[str, Any]) -> Response:
        if not self.switches["header"]:
            return Response.json(200, {"data": data})
        made = self._dialect().moment(self.company.clock())
        return Response.json(200, {"header": {"generated": made, "principal": call.key.name}, "data": data})


def _one_day(one: Filter) -> tuple[date, date] | None:
    day = next(iter(one.among), None) if one.among and len(one.among) == 1 else None
    return (day, day) if day is not None else None
