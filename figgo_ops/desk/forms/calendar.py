"""The part of the onboarding form about calendars: its fields are those that each provider asks for."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import ipywidgets

from figgo_ops.desk.forms import controls
from figgo_ops.desk.forms.controls import Changed, Field
from figgo_ops.desk.forms.parts import Entities, Reference, Shared, found, reference
from figgo_ops.desk.onboarding import Mistake, settings
from figgo_ops.desk.onboarding.answers import CalendarAnswers, Value

_NAMES = {"google": "Google Calendar", "exchange": "Exchange", "microsoft365": "Microsoft 365"}
_FILES = frozenset({"service_account", "certificate"})
EVERYONE, ENTITIES, DOMAINS = "everyone", "legal entities", "domains"


class EntityPicker:
    """Legal entities: ticks once Figgo listed them, their ids as text before."""

    def __init__(self, chosen: Iterable[int], changed: Changed) -> None:
        self._changed = changed
        self._chosen = tuple(chosen)
        self._ticks: dict[int, Any] = {}
        hint = "ids, commas between; test Figgo to choose from the list"
        self.ids = Field(controls.text(", ".join(map(str, self._chosen))), "Legal entities", changed, hint)
        self.box = controls.column(self.ids.box)

    @property
    def value(self) -> tuple[int, ...]:
        """The ids chosen; 0 stands for what is no id, and is told as a mistake."""
        if self._ticks:
            return tuple(entity for entity, tick in self._ticks.items() if tick.value)
        parts = [part for part in re.split(r"[,;\s]+", self.ids.value) if part]
        return tuple(int(part) if re.fullmatch(r"[0-9]{1,9}", part) else 0 for part in parts)

    def offer(self, entities: Entities) -> None:
        """Let legal entities be chosen from this list; those chosen before stay, listed or not."""
        chosen = self.value
        missing = {one: f"{one}, which Figgo does not list" for one in chosen if one not in entities}
        self._ticks = {}
        for entity, words in [*entities.items(), *missing.items()]:
            self._ticks[entity] = controls.tick(entity in chosen, words, self._ticked)
        self.ids.hint("")
        title = controls.html("<b>Legal entities</b>")
        self.box.children = (title, *self._ticks.values(), controls.row(self.ids.beside))

    def _ticked(self, _change: Any) -> None:
        self.ids.touched = True
        self._changed()


class CalendarPart:
    """One calendar of the tenant.

    Args:
        test: tries it; called with this part.
        remove: takes it out of the form; called with this part.
    """

    def __init__(
        self,
        shared: Shared,
        answers: CalendarAnswers,
        entities: Entities,
        test: Callable[["CalendarPart"], None],
        remove: Callable[["CalendarPart"], None],
    ) -> None:
        self._shared, self._kept = shared, answers
        self.fields: dict[str, Field] = {}
        self.references: list[Reference] = []
        self._own, self.rare, self._whom = (controls.column() for _ in range(3))
        self.test = controls.button("Test this calendar", lambda: test(self))
        self.remove = controls.button("Remove this calendar", lambda: remove(self))
        self.tested = controls.html()
        self._ask_which(answers)
        self._ask_whom(answers, entities)
        self._ask_test(answers)
        self._fill(answers.fields)
        self._show_rule()
        self.box = controls.column(
            *(one.box for one in (self.name, self.kind)),
            self._own,
            self.rare,
            self.rule.box,
            self._whom,
            *(one.box for one in (self.until, self.outside, self.inside)),
            controls.row(self.test, self.remove),
            self.tested,
        )
        self.box.add_class("figgo-calendar")

    def _ask_which(self, answers: CalendarAnswers) -> None:
        kinds = [(_NAMES.get(kind, kind), kind) for kind in settings.kinds()]
        kind = answers.kind or kinds[0][1]
        name = controls.text(answers.name, "head office")
        self.name = Field(name, "Calendar", self._shared.changed, "a name for it")
        self.kind = Field(controls.one_of(kinds, kind), "Provider", self._other_kind)

    def _ask_whom(self, answers: CalendarAnswers, entities: Entities) -> None:
        changed = self._shared.changed
        rule = DOMAINS if answers.domains else ENTITIES if answers.legal_entities else EVERYONE
        whom = [(word, word) for word in (EVERYONE, ENTITIES, DOMAINS)]
        self.rule = Field(controls.one_of(whom, rule), "For", self._other_rule)
        domains = controls.text(", ".join(answers.domains), "acme.example")
        self.domains = Field(domains, "Mail domains", changed)
        self.entities = EntityPicker(answers.legal_entities, changed)
        if entities:
            self.entities.offer(entities)

    def _ask_test(self, answers: CalendarAnswers) -> None:
        changed = self._shared.changed
        until = ipywidgets.DatePicker(value=answers.credential_until)
        hint = "the last day of its password or secret, if known"
        self.until = Field(until, "Credential until", changed, hint)
        hint = "one that must stay closed to us: the test sees whether it is"
        self.outside = Field(controls.text(answers.outside), "Mailbox outside", changed, hint)
        hint = "id, mail or employee number; empty: the first person"
        self.inside = Field(controls.text(), "Whose to try", changed, hint)

    @property
    def answers(self) -> CalendarAnswers:
        """What was answered."""
        rule = self.rule.value
        known = {one.name: one for one in settings.fields(self.kind.value)}
        said = {name: _said(known[name], one.value) for name, one in self.fields.items()}
        return CalendarAnswers(
            name=self.name.value,
            kind=self.kind.value,
            legal_entities=self.entities.value if rule == ENTITIES else (),
            domains=tuple(re.split(r"[,;\s]+", self.domains.value.strip(" ,;"))) if rule == DOMAINS else (),
            fields={name: value for name, value in said.items() if value is not None},
            credential_until=self.until.value,
            outside=self.outside.value,
            retired=self._kept.retired,
        )

    def offer(self, entities: Entities) -> None:
        """Let legal entities be chosen from this list."""
        self.entities.offer(entities)

    def follow(self) -> None:
        """Let references follow the tenant's name."""
        for one in self.references:
            one.follow()

    def place(self, key: str) -> Field | None:
        """The field where this key of the calendar is asked for."""
        whom = self.entities.ids if self.rule.value == ENTITIES else self.rule
        fields = {
            "name": self.name,
            "kind": self.kind,
            "legal_entities": whom,
            "domains": self.domains,
            "credential_until": self.until,
            "outside": self.outside,
            **self.fields,
        }
        return found(key, fields) or self.name

    def _other_kind(self) -> None:
        self._fill({})
        controls.show(self.tested, "")
        self._shared.changed()

    def _other_rule(self) -> None:
        self._show_rule()
        self._shared.changed()

    def _show_rule(self) -> None:
        shown = {EVERYONE: (), ENTITIES: (self.entities.box,), DOMAINS: (self.domains.box,)}
        self._whom.children = shown[self.rule.value]

    def _fill(self, values: Any) -> None:
        """Ask for what this kind of calendar needs."""
        self.fields, self.references = {}, []
        boxes: dict[bool, list[Any]] = {True: [], False: []}
        needed = settings.fields(self.kind.value)
        secrets = [one.name for one in needed if one.secret]
        # Some kinds take one of two secrets: where one is named already, the other is not proposed
        first = "" if any(values.get(name) for name in secrets) else secrets[0] if secrets else ""
        for one in needed:
            boxes[one.common].append(self._box(one, values.get(one.name), proposed=one.name == first))
        self._own.children, self.rare.children = tuple(boxes[True]), tuple(boxes[False])

    def _box(self, one: settings.Field, value: Value | None, *, proposed: bool) -> Any:
        label = _label(one.name)
        if not one.secret:
            self.fields[one.name] = Field(_control(one, value), label, self._shared.changed, one.help)
            return self.fields[one.name].box
        what = f"{self.kind.value}.{one.name.replace('_', '-')}"
        made = reference(self._shared, label, what, str(value or ""), one.help, is_file=one.name in _FILES)
        self.fields[one.name] = made.field
        if proposed or value:
            self.references.append(made)
        else:
            made.own = True
            made.field.put("")
        return made.box


def _label(name: str) -> str:
    """The name of a key as people write it."""
    words = (word.upper() if word in ("ca", "url", "api") else word for word in name.split("_"))
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _control(one: settings.Field, value: Value | None) -> Any:
    if one.sort == "flag":
        return controls.tick(bool(one.default if value is None else value))
    if one.sort == "choice":
        usual = f"as usual: {one.default}" if one.default else "(not said)"
        return controls.one_of([(usual, ""), *((word, word) for word in one.choices)], value or "")
    return controls.text("" if value is None else str(value), "" if one.default is None else str(one.default))


def _said(one: settings.Field, value: Any) -> Value | None:
    """What the file shall say; None for nothing."""
    if one.sort == "flag":
        return bool(value) if value != one.default else None
    return one.value(value) if value != "" else None


class CalendarsPart:
    """All calendars of the tenant; the first one that reaches a person is theirs."""

    def __init__(
        self, shared: Shared, answers: Sequence[CalendarAnswers], test: Callable[[CalendarPart], None]
    ) -> None:
        self._shared, self._test = shared, test
        self._entities: Entities = {}
        self._display = "none"
        self._room = controls.column()
        self.all: list[CalendarPart] = [self._made(one) for one in answers or [CalendarAnswers()]]
        self.more = controls.button("Add a calendar", self.add)
        self.box = controls.column(
            controls.heading("Calendars", "The first one that reaches a person is theirs."),
            self._room,
            controls.row(self.more),
        )
        self._arrange()

    @property
    def answers(self) -> tuple[CalendarAnswers, ...]:
        """What was answered."""
        return tuple(one.answers for one in self.all)

    def add(self) -> None:
        """Ask for one more calendar."""
        self.all.append(self._made(CalendarAnswers()))
        self._arrange()
        self._shared.changed()

    def offer(self, entities: Entities) -> None:
        """Let legal entities be chosen from this list."""
        self._entities = entities
        for one in self.all:
            one.offer(entities)

    def follow(self) -> None:
        """Let references follow the tenant's name."""
        for one in self.all:
            one.follow()

    def show_rare(self, display: str) -> None:
        """Show or hide what is rarely needed."""
        self._display = display
        for one in self.all:
            one.rare.layout.display = display

    def mistakes(self) -> Iterator[Mistake]:
        """What the file cannot tell from something else: a list with no legal entity means everyone."""
        for number, one in enumerate(self.all):
            if one.rule.value == ENTITIES and not one.entities.value:
                yield Mistake(f"calendar[{number}].legal_entities", "choose at least one, or say everyone")

    def place(self, path: str) -> Field | None:
        """The field where this key of the tenant file is asked for."""
        numbered = re.match(r"calendar\[(\d+)\]\.?(.*)", path)
        if not numbered or int(numbered[1]) >= len(self.all):
            return None
        return self.all[int(numbered[1])].place(numbered[2])

    def _made(self, answers: CalendarAnswers) -> CalendarPart:
        return CalendarPart(self._shared, answers, self._entities, self._test, self._remove)

    def _remove(self, part: CalendarPart) -> None:
        if len(self.all) > 1:
            self.all.remove(part)
            self._arrange()
            self._shared.changed()

    def _arrange(self) -> None:
        self._room.children = tuple(one.box for one in self.all)
        for one in self.all:
            one.remove.disabled = len(self.all) == 1
            one.rare.layout.display = self._display
