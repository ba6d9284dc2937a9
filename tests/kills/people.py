"""The people of a campaign: they ask, approve, cancel, correct, over the wire and in the company's twin."""

import http.client
import json
import random
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from figgo_ops.sandbox import RefusedAct
from figgo_ops.sandbox.absences import Period, Request, Status
from figgo_ops.sandbox.control import PREFIX, shown
from figgo_ops.sandbox.home import KINDS
from tests.kills.company import begins_online, generated

TRIES = 20
"""How often somebody looks for an act that the company's rules allow."""


class Control:
    """The second client: plain HTTPS to the control server, without a line of figgo_ops in between."""

    def __init__(self, url: str, ca_file: str) -> None:
        self._at = url.removeprefix("https://")
        self._context = ssl.create_default_context(cafile=ca_file)

    def ask(self, method: str, path: str, order: Any = None) -> Any:
        """The answer; one connection per question."""
        connection = http.client.HTTPSConnection(self._at, context=self._context, timeout=60)
        try:
            connection.request(method, PREFIX + path, None if order is None else json.dumps(order))
            answer = connection.getresponse()
            found = json.loads(answer.read())
        finally:
            connection.close()
        assert answer.status == 200, found
        return found


class People:
    """Seeded people. What the company answers must be what the twin answers: so the twin knows its rows.

    Attributes:
        kinds: at which service the tenant file looks for the calendars of each legal entity.
        online: whose Outlook mailboxes are in the cloud.
    """

    def __init__(self, control: Control, people: int, seed: int, today: date) -> None:
        self.twin = generated(people, seed, today)
        self._control, self._chance = control, random.Random(seed)
        self.kinds = dict(KINDS)
        self.online = {person.id for person in self.twin.people.values() if begins_online(person)}
        self._verbs: dict[Callable[[int], bool], int] = {
            self._ask: 3,
            self._settle: 3,
            self._cancel: 3,
            self._shorten: 5,
            self._fall_ill: 1,
        }

    @property
    def ids(self) -> list[int]:
        """Everyone."""
        return sorted(self.twin.people)

    def members(self, entity: int) -> list[int]:
        """Everyone who belongs to a legal entity."""
        return [number for number in self.ids if self.twin.person(number).legal_entity_id == entity]

    def at(self, service: str, whom: Iterable[int]) -> list[int]:
        """Those of them whose calendars this service keeps."""
        return [number for number in whom if self._keeper(number) == service]

    def _keeper(self, number: int) -> str:
        kind = self.kinds[self.twin.person(number).legal_entity_id]
        if kind == "google":
            return kind
        return "microsoft365" if number in self.online else "exchange"

    def migrate(self, number: int) -> None:
        """The company moves somebody's Outlook mailbox into the cloud, or back."""
        self.online ^= {number}
        order = {"mail": self.twin.person(number).mail, "online": number in self.online}
        assert self._control.ask("POST", "/migrate", order) == order

    def leaves(self) -> int:
        """How many leaves stand, remote work included."""
        return sum(leave.is_active and not leave.is_rest for leave in self.twin.all_leaves())

    def move(self, whom: Iterable[int]) -> int:
        """Each of them does something; how many did."""
        return sum(self._moves(number) for number in whom)

    def _moves(self, number: int) -> bool:
        verbs, weights = list(self._verbs), list(self._verbs.values())
        for verb in self._chance.choices(verbs, weights, k=TRIES):
            with suppress(RefusedAct):
                if verb(number):
                    return True
        return False

    def act(self, verb: str, **order: Any) -> Period | Request:
        """Do it in the twin, then in the company, which must answer the same."""
        made: Period | Request = getattr(self.twin, verb)(**order)
        said = self._control.ask("POST", "/people", {"verb": verb, **_plain(order)})
        assert said == shown(made), f"the company and its twin went apart: {said}, {shown(made)}"
        return made

    def _days(self) -> dict[str, Any]:
        first = self.twin.today + timedelta(days=self._chance.randint(-25, 500))
        last = first + timedelta(days=self._chance.choice((0, 0, 1, 2, 4, 6, 11)))
        from_half, to_half = (
            self._chance.choice(("AM", "AM", "PM")),
            self._chance.choice(("PM", "PM", "AM")),
        )
        if first == last and from_half > to_half:
            to_half = "PM"
        return {"first": first, "last": last, "from_half": from_half, "to_half": to_half}

    def _ask(self, number: int) -> bool:
        kind = self._chance.choice(("Congés payés", "Congés payés", "RTT", "Télétravail"))
        asked = self.act("request_leave", owner_id=number, account=kind, **self._days())
        if self._chance.random() < 0.6:
            assert isinstance(asked, Request)
            self.act("approve", request_id=asked.id)
        return True

    def _fall_ill(self, number: int) -> bool:
        self.act("enter_by_hr", owner_id=number, **self._days())
        return True

    def _requests(self, number: int, status: Status) -> list[Request]:
        requests = self.twin.requests.values()
        return [one for one in requests if one.period.owner.id == number and one.status is status]

    def _settle(self, number: int) -> bool:
        pending = self._requests(number, Status.PENDING)
        if not pending:
            return False
        request = self._chance.choice(pending).id
        verb = self._chance.choice(("approve", "approve", "cancel", "deny"))
        self.act(verb, request_id=request, **({"comment": "Non, désolé."} if verb == "deny" else {}))
        return True

    def _cancel(self, number: int) -> bool:
        approved = self._requests(number, Status.APPROVED)
        if not approved:
            return False
        request = self._chance.choice(approved).id
        self.act("ask_cancellation", request_id=request)
        self.act("settle_cancellation", request_id=request, accepted=self._chance.random() < 0.7)
        return True

    def _shorten(self, number: int) -> bool:
        periods = [one for one in self.twin.periods.values() if one.owner.id == number and one.active()]
        if not periods:
            return False
        period = self._chance.choice(periods)
        slots = [(leave.day, "PM" if leave.half else "AM") for leave in period.active()]
        begin = self._chance.choice((0, 0, len(slots) // 2, len(slots) - 1))
        taken = slots[begin : begin + self._chance.choice((1, 1, 2, 3))]
        self.act("remove_half_days", period_id=period.id, half_days=taken)
        return True


def _plain(order: dict[str, Any]) -> dict[str, Any]:
    """The order as JSON can say it."""
    return json.loads(json.dumps(order, default=date.isoformat))  # type: ignore[no-any-return]
