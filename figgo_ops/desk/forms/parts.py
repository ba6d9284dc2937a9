"""The parts of the onboarding form about the customer, Figgo, who is served, and what was confirmed."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from zoneinfo import available_timezones

import ipywidgets

from figgo_ops.desk.forms import controls
from figgo_ops.desk.forms.controls import Changed, Field, ReferenceField, SecretField
from figgo_ops.desk.onboarding.answers import FiggoAnswers, ZoneAnswers
from figgo_ops.tenants.file import SLUG

Entities = dict[int, str]
"""What is to be read beside the tick of each legal entity, by its id."""

_FEW = 20
"""Of so many lists of all zones a browser can hold."""

_BEGINNINGS = re.compile(r"\[\d+\]$|\.\w+$")


class Part(Protocol):
    """One part of the form."""

    box: Any

    def place(self, path: str) -> Field | None:
        """The field where this key of the tenant file is asked for."""


@dataclass(slots=True)
class Shared:
    """What the parts of one form have in common.

    Attributes:
        store: puts a secret's value where a reference leads.
        changed: hears of every answer that changed.
        door: how references to secrets begin where nothing else was typed.
    """

    store: Callable[[str, str], None]
    changed: Changed
    door: str = "file:"
    name: Callable[[], str] = str


def found(path: str, fields: dict[str, Field]) -> Field | None:
    """The field of this key, or of the nearest table or list around it."""
    while path and path not in fields:
        shorter = _BEGINNINGS.sub("", path)
        path = shorter if shorter != path else ""
    return fields.get(path)


@dataclass(slots=True)
class Reference:
    """A reference to a secret with the field that takes its value.

    The reference follows the tenant's name until somebody types another, or stores the secret.
    """

    shared: Shared
    what: str
    field: ReferenceField
    secret: SecretField
    own: bool = False
    box: Any = None

    def follow(self) -> None:
        """Let the reference follow the tenant's name."""
        if not self.own and not self.field.stored:
            self.field.put(suggested(self.shared, self.what))


def reference(
    shared: Shared, label: str, what: str, value: str, hint: str, *, is_file: bool = False
) -> Reference:
    """A reference and its secret.

    Args:
        what: the end of the reference that is proposed, such as figgo.
        value: the reference that is there already.
    """
    kept = ReferenceField(value, label, shared.changed, hint)
    secret = SecretField(kept, f"{label}: value", shared.store, is_file=is_file)
    made = Reference(shared, what, kept, secret, own=bool(value))
    made.box = controls.column(kept.box, secret.box)

    def typed(change: Any) -> None:
        made.own = bool(change["new"]) and change["new"] != suggested(shared, what)

    kept.control.observe(typed, "value")
    made.follow()
    return made


def suggested(shared: Shared, what: str) -> str:
    """The reference that is proposed for a secret of this tenant; "" while its name is none."""
    name = shared.name()
    if not SLUG.fullmatch(name):  # a path may not be led elsewhere by a name
        return ""
    return f"{shared.door}{name}/{what}" if shared.door == "keyring:" else f"{shared.door}{name}-{what}"


class CustomerPart:
    """Whose tenant it is, and where its people are."""

    def __init__(self, shared: Shared, name: str, timezone: str, zones: tuple[ZoneAnswers, ...]) -> None:
        self._shared = shared
        self._kept = zones
        hint = "short, names the file: a-z, 0-9, hyphens"
        self.name = Field(controls.text(name, "acme"), "Tenant", shared.changed, hint)
        offered = sorted(available_timezones())
        hint = "where most of its people are"
        self.timezone = Field(
            controls.near(offered, timezone, "Europe/Paris"), "Time zone", shared.changed, hint
        )
        self._offered = offered
        self._zones: dict[int, Field] = {}
        self._rows = controls.column()
        self.box = controls.column(controls.heading("Customer"), self.name.box, self.timezone.box, self._rows)
        self.offer({entity: f"legal entity {entity}" for one in zones for entity in one.legal_entities})

    def offer(self, entities: Entities) -> None:
        """Ask for the zone of each of these legal entities."""
        before = {entity: one.value for entity, one in self._zones.items()}
        before |= {
            entity: one.timezone
            for one in reversed(self._kept)
            for entity in one.legal_entities
            if entity not in before
        }
        few = len(entities) <= _FEW
        self._zones = {
            entity: self._zone(words, before.get(entity, ""), few=few) for entity, words in entities.items()
        }
        self._rows.children = tuple(one.box for one in self._zones.values())

    def _zone(self, words: str, value: str, *, few: bool) -> Field:
        control = controls.near(self._offered if few else (), value, "as above")
        return Field(control, "Time zone", self._shared.changed, f"of {words}, if it differs")

    @property
    def zones(self) -> tuple[ZoneAnswers, ...]:
        """The zones that differ; what the file says of single employees goes on as it is."""
        groups: dict[str, list[int]] = {
            one.timezone: [] for one in self._kept if one.employees or one.legal_entities
        }
        for entity, one in self._zones.items():
            if one.value:
                groups.setdefault(one.value, []).append(entity)
        employees = {zone: tuple(_employees(self._kept, zone)) for zone in groups}
        return tuple(
            ZoneAnswers(zone, tuple(entities), employees[zone])
            for zone, entities in groups.items()
            if entities or employees[zone]
        )

    def place(self, path: str) -> Field | None:
        """The field where this key of the tenant file is asked for."""
        numbered = re.match(r"zone\[(\d+)\]", path)
        if numbered and int(numbered[1]) < len(self.zones):
            wrong = self.zones[int(numbered[1])].timezone
            return next((one for one in self._zones.values() if one.value == wrong), None)
        return found(path, {"name": self.name, "timezone": self.timezone})


def _employees(zones: tuple[ZoneAnswers, ...], timezone: str) -> Iterator[int]:
    return (employee for one in zones if one.timezone == timezone for employee in one.employees)


class FiggoPart:
    """Where the leaves are, and the key to them."""

    def __init__(self, shared: Shared, answers: FiggoAnswers, test: Callable[[], None]) -> None:
        self._kept = answers
        changed = shared.changed
        self.url = Field(controls.text(answers.url, "https://acme.ilucca.net"), "Figgo address", changed)
        self.key = reference(
            shared,
            "API key",
            "figgo.key",
            answers.api_key,
            "where the key is kept, never the key itself",
        )
        days = [("weekdays", "weekdays"), ("Figgo's working days (userdates)", "userdates")]
        self.working = Field(controls.one_of(days, answers.working_time), "Worked days", changed)
        self.host = Field(
            controls.text(answers.host), "Host in keys", changed, "empty: the host of the address"
        )
        self.authority = Field(
            controls.text(answers.ca_file), "Authority file", changed, "only for what stands in for Figgo"
        )
        self.webhook = reference(
            shared, "Webhook secret", "webhook.key", answers.webhook_secret, "empty: no webhooks yet"
        )
        if not answers.webhook_secret:
            self.webhook.own = True
            self.webhook.field.put("")
        self.rare = controls.column(self.host.box, self.authority.box, self.webhook.box)
        self.again = controls.tick(label="Try once more what was refused before")
        self.tested = controls.html()
        self.box = controls.column(
            controls.heading(
                "Figgo", "Where the leaves are read. The key is stored when you leave its field."
            ),
            self.url.box,
            self.key.box,
            self.working.box,
            self.rare,
            controls.row(controls.button("Test Figgo", test), self.again),
            self.tested,
        )

    def follow(self) -> None:
        """Let references follow the tenant's name."""
        self.key.follow()
        self.webhook.follow()

    @property
    def answers(self) -> FiggoAnswers:
        """What was answered."""
        kept = self._kept
        return FiggoAnswers(
            url=self.url.value,
            host=self.host.value,
            api_key=self.key.field.value,
            webhook_secret=self.webhook.field.value,
            working_time=self.working.value,
            weekend=kept.weekend,
            rest_rows=kept.rest_rows,
            ca_file=self.authority.value,
            per_minute=kept.per_minute,
        )

    def place(self, path: str) -> Field | None:
        """The field where this key of the tenant file is asked for."""
        fields = {
            "figgo.url": self.url,
            "figgo.host": self.host if self.host.value else self.url,
            "figgo.api_key": self.key.field,
            "figgo.webhook_secret": self.webhook.field,
            "figgo.working_time": self.working,
            "figgo.ca_file": self.authority,
        }
        return found(path, fields)


class ScopePart:
    """From when on, and for whom."""

    def __init__(
        self,
        shared: Shared,
        start: date | None,
        only: tuple[int | str, ...],
        excluded: tuple[int | str, ...],
        look_up: Callable[[], None],
    ) -> None:
        changed = shared.changed
        hint = "leaves that ended before it are not written"
        self.start = Field(ipywidgets.DatePicker(value=start), "Start", changed, hint)
        self.count = controls.html()
        hint = "Figgo ids or mails, commas between; empty: everyone"
        # Each change is a question to Figgo: not one per letter.
        group = ipywidgets.Text(value=_listed(only), placeholder="all", continuous_update=False)
        self.only = Field(group, "Pilot group", changed, hint)
        self.except_ = Field(
            controls.text(_listed(excluded), "nobody"), "Left out", changed, "Figgo ids or mails as well"
        )
        self.people = controls.html()
        self.box = controls.column(
            controls.heading("Who and from when"),
            self.start.box,
            self.count,
            self.only.box,
            self.except_.box,
            controls.row(controls.button("Look up the pilot group", look_up)),
            self.people,
        )

    @property
    def chosen(self) -> tuple[int | str, ...]:
        """The pilot group."""
        return people(self.only.value)

    @property
    def excluded(self) -> tuple[int | str, ...]:
        """Who is left out all the same."""
        return people(self.except_.value)

    def place(self, path: str) -> Field | None:
        """The field where this key of the tenant file is asked for."""
        return found(path, {"start": self.start, "scope.only": self.only, "scope.except": self.except_})


class ChecklistPart:
    """What must be settled with the customer before the first load."""

    def __init__(self, shared: Shared, off: date | None, look_alikes: str) -> None:
        hint = "the day it was switched off for these legal entities; two syncs write everything twice"
        self.off = Field(ipywidgets.DatePicker(value=off), "Lucca's own sync off", shared.changed, hint)
        answers = [
            ("(not answered yet)", ""),
            ("ask when some are found", "ask"),
            ("adopt them as ours", "adopt"),
            ("ignore them, write ours beside", "ignore"),
        ]
        hint = "events that look like ours and are in the calendars already"
        self.look_alikes = Field(controls.one_of(answers, look_alikes), "Look-alikes", shared.changed, hint)
        self.box = controls.column(
            controls.heading("Checklist", "Nothing is saved before both are answered."),
            self.off.box,
            self.look_alikes.box,
        )

    def place(self, path: str) -> Field | None:
        """The field where this key of the tenant file is asked for."""
        return found(path, {"checklist.vendor_sync_off": self.off, "events.look_alikes": self.look_alikes})


def people(text: str) -> tuple[int | str, ...]:
    """Figgo ids and mails from what was typed; what is neither stays, and is told as a mistake."""
    parts = [part for part in re.split(r"[,;\s]+", text) if part]
    return tuple(int(part) if re.fullmatch(r"[0-9]{1,18}", part) else part for part in parts)


def _listed(values: tuple[int | str, ...]) -> str:
    return ", ".join(map(str, values))
