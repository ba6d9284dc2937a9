"""The part of the onboarding form about how leaves look, with a preview that follows every answer."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_args

from figgo_ops.desk.forms import controls
from figgo_ops.desk.forms.controls import Field
from figgo_ops.desk.forms.parts import Shared, found
from figgo_ops.desk.onboarding.answers import EventAnswers, TypeAnswers
from figgo_ops.desk.onboarding.preview import Preview
from figgo_ops.desk.tables import visible
from figgo_ops.events import ShowAs

_SHOW_AS = [(word, word) for word in get_args(ShowAs)]
_YES_NO = [("as the others", None), ("yes", True), ("no", False)]
_COLUMNS = ("Leave", "Its owner reads", "A colleague reads", "Time", "Why")


class RulePart:
    """What is different for the absence types whose name matches."""

    def __init__(
        self, shared: Shared, answers: TypeAnswers, types: Iterable[str], remove: Callable[["RulePart"], None]
    ) -> None:
        changed = shared.changed
        self.match = Field(
            controls.near(types, answers.match, "Maladie*"), "Absence type", changed, "* stands for anything"
        )
        self.title = Field(controls.text(answers.title, "as the others"), "Its title", changed)
        show_as = [("as the others", ""), *_SHOW_AS]
        self.show_as = Field(controls.one_of(show_as, answers.show_as), "Shown as", changed)
        self.private = Field(controls.one_of(_YES_NO, answers.private), "Private", changed)
        self.skip = Field(controls.one_of(_YES_NO, answers.skip), "No event at all", changed)
        self.remove = controls.button("Remove this rule", lambda: remove(self))
        fields = (self.match, self.title, self.show_as, self.private, self.skip)
        self.box = controls.column(*(one.box for one in fields), controls.row(self.remove))
        self.box.add_class("figgo-calendar")

    @property
    def answers(self) -> TypeAnswers:
        """What was answered."""
        return TypeAnswers(
            self.match.value, self.title.value, self.show_as.value, self.private.value, self.skip.value
        )

    def place(self, key: str) -> Field:
        """The field where this key of the rule is asked for."""
        fields = {"match": self.match, "title": self.title, "show_as": self.show_as}
        return found(key, fields) or self.match


class PolicyPart:
    """How leaves look in a calendar."""

    def __init__(self, shared: Shared, answers: EventAnswers) -> None:
        self._shared = shared
        self._types: tuple[str, ...] = ()
        self._fill(answers)
        self.rules: list[RulePart] = [self._made(one) for one in answers.types]
        self._room = controls.column()
        self.more = controls.button("Add a rule for an absence type", self.add)
        self.shown = controls.html()
        self.rare = controls.column(*(one.box for one in (self.hand_edits, self.past, self.future)))
        looks = (self.title, self.show_type, self.private, self.show_as, self.pending, self.whole_days)
        self.box = controls.column(
            controls.heading(
                "Events", "The preview below shows this customer's own leaves once Figgo was tested."
            ),
            *(one.box for one in (*looks, self.morning, self.afternoon)),
            self.rare,
            self._room,
            controls.row(self.more),
            self.shown,
        )
        self._arrange()

    def _fill(self, answers: EventAnswers) -> None:
        changed = self._shared.changed
        self.title = Field(controls.text(answers.title), "Title", changed)
        self.show_type = Field(
            controls.tick(answers.show_type), "The title is the absence type", changed, "colleagues read it"
        )
        self.private = Field(controls.tick(answers.private), "Every event is private", changed)
        self.show_as = Field(controls.one_of(_SHOW_AS, answers.show_as), "Shown as", changed)
        pending = [("tentative", "tentative"), ("hidden until approved", "hidden")]
        self.pending = Field(controls.one_of(pending, answers.pending), "Pending leaves", changed)
        whole = [("all-day", "all-day"), ("a range of hours (Outlook only)", "hours")]
        self.whole_days = Field(controls.one_of(whole, answers.whole_days), "Whole days", changed)
        self.morning = Field(controls.text("-".join(answers.morning)), "Morning", changed, "09:00-12:00")
        self.afternoon = Field(
            controls.text("-".join(answers.afternoon)), "Afternoon", changed, "14:00-18:00"
        )
        edits = [("restored by the next sync", "restore"), ("respected", "respect")]
        self.hand_edits = Field(controls.one_of(edits, answers.hand_edits), "Edits by hand", changed)
        self.past = Field(
            controls.text(str(answers.past_days)), "Past days", changed, "that a sync may change"
        )
        self.future = Field(controls.text(str(answers.future_days)), "Future days", changed)

    def answers(self, look_alikes: str) -> EventAnswers:
        """What was answered.

        Args:
            look_alikes: the answer of the checklist, which stands in the same table of the file.
        """
        return EventAnswers(
            title=self.title.value,
            show_type=self.show_type.value,
            whole_days=self.whole_days.value,
            morning=_hours(self.morning.value),
            afternoon=_hours(self.afternoon.value),
            pending=self.pending.value,
            private=self.private.value,
            show_as=self.show_as.value,
            hand_edits=self.hand_edits.value,
            look_alikes=look_alikes,
            past_days=_days(self.past.value),
            future_days=_days(self.future.value),
            types=tuple(rule.answers for rule in self.rules),
        )

    def add(self) -> None:
        """Ask for one more rule."""
        self.rules.append(self._made(TypeAnswers()))
        self._arrange()
        self._shared.changed()

    def offer(self, types: Sequence[str]) -> None:
        """Propose these absence types where a rule asks for one."""
        self._types = tuple(types)
        for rule in self.rules:
            rule.match.control.options = self._types

    def show(self, found: Preview | None, why_not: str = "") -> None:
        """Show how the sample looks."""
        controls.show(self.shown, drawn(found) if found else controls.sentence(why_not, "help"))

    def place(self, path: str) -> Field | None:
        """The field where this key of the tenant file is asked for."""
        numbered = re.match(r"events\.type\[(\d+)\]\.?(.*)", path)
        if numbered and int(numbered[1]) < len(self.rules):
            return self.rules[int(numbered[1])].place(numbered[2])
        fields = {
            "events": self.title,
            "events.hours": self.afternoon,
            "events.hours.morning": self.morning,
            "events.hours.afternoon": self.afternoon,
            "events.horizon.past_days": self.past,
            "events.horizon.future_days": self.future,
            "events.whole_days": self.whole_days,
            "events.hand_edits": self.hand_edits,
        }
        return found(path, fields)

    def _made(self, answers: TypeAnswers) -> RulePart:
        return RulePart(self._shared, answers, self._types, self._remove)

    def _remove(self, rule: RulePart) -> None:
        self.rules.remove(rule)
        self._arrange()
        self._shared.changed()

    def _arrange(self) -> None:
        self._room.children = tuple(rule.box for rule in self.rules)


def drawn(found: Preview) -> str:
    """A preview as HTML: what may give something away first."""
    warnings = "".join(f'<li class="note">{visible(line)}</li>' for line in found.warnings)
    rows = [
        [
            f"<bdi>{visible(value)}</bdi>"
            for value in (one.leave, one.owner, one.colleague, one.shape, one.note)
        ]
        for one in found.rows
    ]
    table = controls.table("Preview", _COLUMNS, rows)
    notes = "".join(f'<p class="help">{visible(line)}</p>' for line in found.notes)
    given = f'<p class="note"><b>This gives something away:</b></p><ul>{warnings}</ul>' if warnings else ""
    return given + "<p><b>How a sample of this customer's leaves will look</b></p>" + table + notes


def _hours(text: str) -> tuple[str, ...]:
    """Begin and end from what was typed; what is none stays, and is told as a mistake."""
    return tuple(part for part in re.split(r"\s*[-\N{EN DASH}\s]\s*", text.strip()) if part)


def _days(text: str) -> Any:
    """A number of days; what is none stays, and is told as a mistake."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text
