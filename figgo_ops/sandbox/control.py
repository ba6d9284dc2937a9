"""The control server: the rehearsal company's verbs over HTTPS, for whoever runs in another process."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar, cast

from figgo_ops.sandbox import exchange_owner, google_owner
from figgo_ops.sandbox.absences import Period
from figgo_ops.sandbox.absences import Request as LeaveRequest
from figgo_ops.sandbox.faults import Fault
from figgo_ops.sandbox.google import GoogleService
from figgo_ops.sandbox.messages import Request, Response, Service
from figgo_ops.sandbox.people import Person, RefusedAct

if TYPE_CHECKING:
    from figgo_ops.sandbox.rehearsal import Keeper, Rehearsal

PREFIX = "/__control"
T = TypeVar("T")
S = TypeVar("S", bound=Service)


class BadOrderError(Exception):
    """An order the company cannot follow, for the reason in its text."""


class ControlService(Service):
    """Verbs that move the rehearsal company; every answer and every order is JSON."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        super().__init__("control")
        self.rehearsal = rehearsal
        self._verbs = people_verbs(rehearsal)
        self._routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "/people"): self._people,
            ("POST", "/people"): self._move_people,
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._clear_faults,
            ("GET", "/log"): self._log,
            ("DELETE", "/log"): self._clear_log,
            ("POST", "/switch"): self._switch,
            ("POST", "/door"): self._door,
            ("POST", "/calendar"): self._calendar,
            ("POST", "/mailbox"): self._mailbox,
            ("POST", "/migrate"): self._migrate,
            ("GET", "/calendars"): self._calendars,
            ("POST", "/settle"): self._settle,
        }

    def handle(self, request: Request) -> Response:
        """Follow one order; 404 for an unknown path, 400 with the reason for an order that makes no sense."""
        route = self._routes.get((request.method, request.path.removeprefix(PREFIX)))
        if route is None or not request.path.startswith(PREFIX):
            known = ", ".join(f"{method} {PREFIX}{path}" for method, path in self._routes)
            return Response.json(404, {"error": f"no {request.method} {request.path}; known: {known}"})
        try:
            return Response.json(200, route(request))
        except (BadOrderError, RefusedAct, ValueError) as error:
            return Response.json(400, {"error": str(error)})

    def _people(self, request: Request) -> Any:
        _query(request, ())
        company = self.rehearsal.company
        return {
            "today": company.today.isoformat(),
            "people": [shown(person) | {"name": person.name} for person in company.people.values()],
            "cases": {name: dataclasses.asdict(case) for name, case in self.rehearsal.cases.items()},
        }

    def _move_people(self, request: Request) -> Any:
        order = _order(request)
        verb = self._verbs.get(order.pop("verb", ""))
        if verb is None:
            raise BadOrderError(f"verb is one of {', '.join(self._verbs)}")
        signature = inspect.signature(verb)
        unknown = sorted(set(order) - set(signature.parameters))
        if unknown:
            raise BadOrderError(f"unknown field {unknown[0]!r}; known: {', '.join(signature.parameters)}")
        try:
            bound = signature.bind(**{name: _read(name, value) for name, value in order.items()})
        except TypeError as error:
            raise BadOrderError(str(error)) from error
        return shown(verb(*bound.args, **bound.kwargs))

    def _add_fault(self, request: Request) -> Any:
        return {"fault": self.rehearsal.faults.add(Fault.from_json(_order(request)))}

    def _clear_faults(self, request: Request) -> Any:
        _query(request, ())
        self.rehearsal.faults.clear()
        return {}

    def _log(self, request: Request) -> Any:
        named = _query(request, ("service", "path_prefix"))
        entries = self.rehearsal.log.entries(**named)
        return {"entries": [dataclasses.asdict(entry) | {"query": dict(entry.query)} for entry in entries]}

    def _clear_log(self, request: Request) -> Any:
        _query(request, ())
        self.rehearsal.log.clear()
        return {}

    def _switch(self, request: Request) -> Any:
        order = _fields(_order(request), ("service", "name", "value"))
        company = self.rehearsal
        known = (company.figgo, company.google, company.exchange, company.microsoft365)
        _one_of(known, order["service"]).switch(order["name"], order["value"])
        return {}

    def _door(self, request: Request) -> Any:
        order = _fields(_order(request), ("service", "how"))
        if order["service"] not in self.rehearsal.urls:
            raise BadOrderError(f"service is one of {', '.join(self.rehearsal.urls)}")
        self.rehearsal.server(order["service"]).door(str(order["how"]))
        return {}

    def _calendar(self, request: Request) -> Any:
        order = _order(request)
        keeper = self._keeper(order)
        mail, verb = (str(order.pop(name, "")) for name in ("mail", "verb"))
        if isinstance(keeper, GoogleService):
            return {"event": google_owner.act(keeper.owner(mail), verb, order)}
        return {"event": exchange_owner.act(keeper.owner(mail), verb, order)}

    def _mailbox(self, request: Request) -> Any:
        order = _order(request)
        keeper = self._keeper(order)
        order = _fields(order, ("mail", "state"))
        keeper.set_state(order["mail"], order["state"])
        return {}

    def _migrate(self, request: Request) -> Any:
        order = {"online": True, "how": "whole"} | _order(request)
        order = _fields(order, ("mail", "online", "how"))
        if self.rehearsal.organization.find(str(order["mail"])) is None:
            raise BadOrderError(f"there is no mailbox {order['mail']!r} at Exchange or Microsoft 365")
        online = _read("online", order["online"])
        moved = self.rehearsal.migrate(str(order["mail"]), online=online, how=str(order["how"]))
        return {"mail": moved.mail, "online": moved.online}

    def _keeper(self, order: dict[str, Any]) -> Keeper:
        """Who keeps the mailbox that an order is about: the service it names, if it names one."""
        mail = str(order.get("mail", ""))
        keepers = self.rehearsal.keepers(mail)
        if not keepers:
            raise BadOrderError(f"there is no mailbox {mail!r}")
        return _one_of(keepers, order.pop("service")) if "service" in order else keepers[0]

    def _calendars(self, request: Request) -> Any:
        _query(request, ())
        return {"calendars": exchange_owner.spelt(self.rehearsal.calendars())}

    def _settle(self, request: Request) -> Any:
        _query(request, ())
        return {"settled": self.rehearsal.faults.settle()}


def people_verbs(rehearsal: Rehearsal) -> dict[str, Callable[..., Any]]:
    """The verbs of `POST /people`, by name."""
    verbs = (
        rehearsal.hire,
        rehearsal.change_mail,
        rehearsal.transfer,
        rehearsal.end_contract,
        rehearsal.request_leave,
        rehearsal.enter_by_hr,
        rehearsal.approve,
        rehearsal.deny,
        rehearsal.cancel,
        rehearsal.ask_cancellation,
        rehearsal.settle_cancellation,
        rehearsal.remove_half_days,
    )
    return {verb.__name__: verb for verb in verbs}


def shown(result: Person | Period | LeaveRequest) -> dict[str, Any]:
    """What a verb made or changed, as ids."""
    if isinstance(result, Person):
        return {"person": result.id, "mail": result.mail}
    if isinstance(result, Period):
        return {"period": result.id}
    return {"request": result.id, "period": result.period.id, "status": int(result.status)}


def _order(request: Request) -> dict[str, Any]:
    order = request.json()
    if not isinstance(order, dict):
        raise BadOrderError("an order is a JSON object")
    return order


def _fields(order: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    if set(order) != set(names):
        raise BadOrderError(f"an order here has the fields {', '.join(names)} and no other")
    return order


def _one_of(services: Iterable[S], name: object) -> S:
    known = {service.name: service for service in services}
    if name not in known:
        raise BadOrderError(f"service is one of {', '.join(known)}")
    return known[str(name)]


def _query(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    if request.body not in (b"", b"{}") or set(request.query) - set(known):
        raise BadOrderError(f"nothing but {', '.join(known) or 'the path'} can be said here")
    return {name: values[-1] for name, values in request.query.items()}


def _read(name: str, value: Any) -> Any:
    """A field of a verb from its JSON value; `BadOrderError` when it is of the wrong type."""
    reader = _READERS.get(name) or (_id if name.endswith("_id") else _text)
    try:
        return None if value is None else reader(value)
    except (TypeError, ValueError) as error:
        raise BadOrderError(f"{value!r} is no value for {name}") from error


def _id(value: Any) -> int:
    return _typed(value, int)


def _text(value: Any) -> str:
    return _typed(value, str)


def _flag(value: Any) -> bool:
    return _typed(value, bool)


def _typed(value: Any, *wanted: type[T]) -> T:
    # Not isinstance: JSON's true would pass for the number 1.
    if type(value) not in wanted:
        raise TypeError(value)
    return cast("T", value)


def _hours(value: Any) -> float:
    return float(_typed(value, int, float))


def _types(value: Any) -> Any:
    return value if isinstance(value, str) else [(_text(name), _id(number)) for name, number in value]


def _half_days(value: Any) -> list[tuple[date, str]]:
    return [(date.fromisoformat(day), _half(half)) for day, half in value]


def _half(value: Any) -> str:
    if not re.fullmatch("AM|PM", _text(value)):
        raise ValueError(value)
    return _text(value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("first", "last", "on", "contract_start", "contract_end"), date.fromisoformat),
    **dict.fromkeys(("from_half", "to_half"), _half),
    **dict.fromkeys(("accepted", "keep_alias", "move_mailbox", "online"), _flag),
    "account": _types,
    "hours": _hours,
    "half_days": _half_days,
    "approvers": lambda value: [_id(one) for one in value],
    "rest": lambda value: [(_id(day), _id(half)) for day, half in value],
}
