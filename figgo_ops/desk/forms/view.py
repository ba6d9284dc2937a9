"""The onboarding form as a whole: what its parts answer together, what is still wrong, and saving it."""

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from figgo_ops import calendars, tenants
from figgo_ops.desk import onboarding, pages
from figgo_ops.desk.forms import controls
from figgo_ops.desk.forms import tries as form_tries
from figgo_ops.desk.forms.calendar import CalendarPart, CalendarsPart
from figgo_ops.desk.forms.controls import Field
from figgo_ops.desk.forms.pack import PackPart
from figgo_ops.desk.forms.parts import ChecklistPart, CustomerPart, FiggoPart, ScopePart, Shared
from figgo_ops.desk.forms.policy import PolicyPart
from figgo_ops.desk.forms.tries import Results, Tries
from figgo_ops.desk.onboarding import Mistake, flags, preview
from figgo_ops.desk.onboarding.answers import Answers, host_of
from figgo_ops.desk.tables import visible
from figgo_ops.errors import FiggoOpsError
from figgo_ops.events import Policy
from figgo_ops.home import Home
from figgo_ops.tenants import Tenant
from figgo_ops.transport import Clock


class Form:
    """The form of one tenant.

    Args:
        answers: what is known already.

    Attributes:
        saved: the draft as it was last saved by this form; None before.
    """

    def __init__(self, home: Home, answers: Answers, clock: Clock) -> None:
        self._home, self._clock, self._kept = home, clock, answers
        self.saved: Tenant | None = None
        self.tries = Tries(home, clock)
        self._results = Results()
        self._stored: Counter[str] = Counter()
        self._own = {answers.name} & set(tenants.names(home))
        self._shown = ""
        self._wrong: list[Field] = []
        self._counted: object = None
        self._previewed: tuple[Policy, int, bool] | None = None
        self._ready = False
        self._make(answers)
        self._ready = True
        self.customer.name.control.observe(self._renamed, "value")
        self._show_rare({"new": False})
        self._changed()

    def _make(self, answers: Answers) -> None:
        store = onboarding.secret_stores(self._home)[0]
        shared = Shared(self._store, self._changed, store.door)
        self.customer = CustomerPart(shared, answers.name, answers.timezone, answers.zones)
        shared.name = lambda: str(self.customer.name.value)
        self.figgo = FiggoPart(shared, answers.figgo, self._test_figgo)
        self.scope = ScopePart(shared, answers.start, answers.only, answers.excluded, self._look_up)
        self.calendars = CalendarsPart(shared, answers.calendars, self._test_calendar)
        self.policy = PolicyPart(shared, answers.events)
        self.checklist = ChecklistPart(shared, answers.vendor_sync_off, answers.events.look_alikes)
        self.pack = PackPart(self._home)
        self.rare = controls.tick(label="Show what is rarely needed", heard=self._show_rare)
        self.whose, self.missing, self.difference = (controls.html() for _ in range(3))
        self.command, self.outcome = controls.html(), controls.html()
        self.save = controls.button("Save as a draft", self._save, "primary")
        where = f"Secrets are kept in {store.why}. Only references to them are in the tenant file."
        self.box = controls.column(
            controls.html(controls.STYLE),
            self.whose,
            controls.html(f"<p class='help'>{visible(where)}</p>"),
            controls.row(self.rare),
            *(one.box for one in (self.customer, self.figgo, self.scope, self.calendars)),
            *(one.box for one in (self.policy, self.checklist)),
            controls.heading("Save", "Exactly this would be written:"),
            self.difference,
            controls.html("<p class='help'>The same without this form:</p>"),
            self.command,
            self.missing,
            controls.row(self.save),
            self.outcome,
            self.pack.box,
        )
        self.box.add_class("figgo-form")

    @property
    def answers(self) -> Answers:
        """What was answered so far."""
        return Answers(
            name=self.customer.name.value,
            timezone=self.customer.timezone.value,
            start=self.scope.start.value,
            figgo=self.figgo.answers,
            calendars=self.calendars.answers,
            events=self.policy.answers(self.checklist.look_alikes.value),
            zones=self.customer.zones,
            only=self.scope.chosen,
            excluded=self.scope.excluded,
            vendor_sync_off=self.checklist.off.value,
        )

    @property
    def today(self) -> date:
        """The present day where the tenant is."""
        try:
            zone = ZoneInfo(self.customer.timezone.value or "UTC")
        except (ValueError, OSError, ZoneInfoNotFoundError):  # half a name is not one yet
            zone = ZoneInfo("UTC")
        return self._clock.now().astimezone(zone).date()

    def mistakes(self) -> list[Mistake]:
        """What keeps the answers from being saved."""
        company = self.tries.company
        entities = {one.id for one in company.legal_entities} if company else None
        found = onboarding.mistakes(self._home, self.answers, today=self.today, entities=entities)
        return [*self._taken(found), *found, *self.calendars.mistakes()]

    def _taken(self, found: list[Mistake]) -> Iterator[Mistake]:
        """The name of a draft that this form neither opened nor saved: somebody else's, perhaps."""
        name = self.customer.name.value
        if name in {*tenants.names(self._home)} - self._own and not any(one.field == "name" for one in found):
            yield Mistake(
                "name", f'is that of a draft; to go on with it, open the form with tenant = "{name}"'
            )

    # What is heard

    def _changed(self) -> None:
        if self._ready:
            with controls.told_in(self.outcome):
                self._show()

    def _show(self) -> None:
        if self.figgo.tested in self._results.outdated():
            self.tries.forget()
        answers, wrong = self.answers, self.mistakes()
        self._tell(wrong)
        controls.show(self.whose, self._whose(answers, whole=not wrong))
        self._shown = onboarding.difference(self._home, answers)
        controls.show(self.difference, _diff(self._shown))
        controls.show(self.command, f"<pre>{visible(_in_lines(flags.command(answers)))}</pre>")
        self._preview(answers)
        self._count(answers, wrong)

    def _renamed(self, _change: Any) -> None:
        self.figgo.follow()
        self.calendars.follow()
        self._changed()

    def _show_rare(self, change: Any) -> None:
        display = "flex" if change["new"] else "none"
        for part in (self.figgo.rare, self.policy.rare):
            part.layout.display = display
        self.calendars.show_rare(display)

    def _store(self, reference: str, value: str) -> None:
        onboarding.store_secret(self._home, reference, value)
        self._stored[reference] += 1

    # What is shown

    def _whose(self, answers: Answers, *, whole: bool) -> str:
        """Whose form it is, rehearsal or live, in which home."""
        if whole:
            rehearsal = tenants.parsed(self._home, answers.name, onboarding.text(answers)).rehearsal
        else:
            rehearsal = host_of(answers.figgo.url) in ("localhost", "127.0.0.1", "::1")
        mode = pages.REHEARSAL if rehearsal else pages.LIVE
        words = f"{mode} · {answers.name or 'a new tenant'} · home {pages.shown_path(self._home.path)}"
        return f"<p><b>{visible(words)}</b></p>"

    def _place(self, path: str) -> Field | None:
        parts = (self.checklist, self.customer, self.figgo, self.scope, self.calendars, self.policy)
        return next((field for part in parts if (field := part.place(path))), None)

    def _tell(self, wrong: list[Mistake], *, all_of_it: bool = False) -> None:
        """Say beside each field what is wrong with it, and everything at once above the button."""
        for field in self._wrong:
            field.say("")
        self._wrong = []
        lines = []
        for one in wrong:
            place = self._place(one.field)
            label = place.control.description if place else one.field
            lines.append(f"<li>{visible(label)}: {visible(one.message)}</li>")
            if place is None or place in self._wrong:
                continue
            place.touched = place.touched or all_of_it
            if place.touched:
                place.say(one.message)
            self._wrong.append(place)
        count = "One answer is" if len(wrong) == 1 else f"{len(wrong)} answers are"
        told = f"<p class='note' role='status'>{count} missing or wrong:</p><ul>{''.join(lines)}</ul>"
        controls.show(self.missing, told if wrong else "")

    def _preview(self, answers: Answers) -> None:
        tries = self.tries
        if not tries.leaves:
            self._previewed = None
            self.policy.show(None, "Test Figgo to see how this customer's own leaves would look.")
            return
        ranges = all(calendars.hour_ranges(one.kind) for one in answers.calendars)
        people = {one.id: one for one in tries.company.people} if tries.company else {}
        try:
            policy = preview.policy(answers)
            wanted = policy, len(tries.leaves), ranges
            if wanted != self._previewed:
                self.policy.show(preview.preview(policy, tries.leaves, people, hour_ranges=ranges))
            self._previewed = wanted
        except FiggoOpsError as error:
            self._previewed = None
            self.policy.show(None, error.message)

    def _count(self, answers: Answers, wrong: list[Mistake]) -> None:
        """Ask how many leaves there are, when the start or the group became another one."""
        asked = answers.start, answers.only
        ready = self.tries.company and answers.start and not any(one.field == "start" for one in wrong)
        if not ready or answers.start is None:
            self._counted = None
            controls.show(self.scope.count, "")
            return
        if asked == self._counted:
            return
        self._counted = asked
        with controls.told_in(self.scope.count):
            found = self.tries.count(answers, answers.start)
            whose = "the pilot group" if answers.only else "everyone the key shows"
            half_days = f"{found:,} half-days of leave of {whose} from {answers.start} on."
            controls.show(self.scope.count, controls.sentence(half_days, "help", "status"))

    # What is done

    def _test_figgo(self) -> None:
        controls.show(self.figgo.tested, controls.sentence("Testing…", "help", "status"))
        with controls.told_in(self.figgo.tested):
            found = self.tries.figgo(self.answers, again=self.figgo.again.value)
            controls.show(self.figgo.tested, form_tries.drawn(found, "Figgo"))
            self._results.keep(self.figgo.tested, self._of_figgo)
        self.figgo.again.value = False
        if company := self.tries.company:
            entities = {one.id: _entity(one) for one in company.legal_entities}
            self.customer.offer(entities)
            self.calendars.offer(entities)
            self.policy.offer(sorted({leave.type_name for leave in self.tries.leaves}))
            self._counted = self._previewed = None
        self._changed()

    def _test_calendar(self, part: CalendarPart) -> None:
        controls.show(part.tested, controls.sentence("Testing…", "help", "status"))
        with controls.told_in(part.tested):
            number = self.calendars.all.index(part)
            again = self.figgo.again.value
            found = self.tries.calendar(self.answers, number, part.inside.value, again=again)
            controls.show(part.tested, form_tries.drawn(found, part.name.value))
            self._results.keep(part.tested, lambda: self._of_calendar(part))
        self.figgo.again.value = False
        self._changed()

    def _of_figgo(self) -> object:
        """The answers that a test of Figgo is about."""
        said = replace(self.figgo.answers, host="", webhook_secret="")
        return said, self._stored[said.api_key]

    def _of_calendar(self, part: CalendarPart) -> object:
        """The answers that a test of this calendar is about."""
        said = replace(part.answers, credential_until=None)
        stored = [self._stored[one] for one in said.fields.values() if isinstance(one, str)]
        return self._of_figgo(), said, part.inside.value, stored

    def _look_up(self) -> None:
        company = self.tries.company
        if company is None:
            controls.show(self.scope.people, controls.sentence("Test Figgo first.", "note", "status"))
            return
        found = company.pilot(self.scope.only.value)
        named = ", ".join(f"{one.name} ({one.id})" for one in found.people) or "nobody"
        lines = [controls.sentence(f"The pilot group is {named}.", "help", "status")]
        lines += [controls.sentence(line, "wrong", "status") for line in found.unknown]
        controls.show(self.scope.people, "<br>".join(lines))
        if found.people and not found.unknown:
            self.scope.only.control.value = ", ".join(map(str, found.ids))
        self._results.keep(self.scope.people, lambda: self.scope.chosen)

    def _save(self) -> None:
        with controls.told_in(self.outcome):
            wrong = self.mistakes()
            self._tell(wrong, all_of_it=True)
            if wrong:
                said = "Nothing was saved; what is missing or wrong is listed above the button."
                controls.show(self.outcome, controls.sentence(said, "wrong", "alert"))
                return
            if onboarding.difference(self._home, self.answers) != self._shown:
                self._show()
                said = "Nothing was saved: the file changed meanwhile. See above what would be written now."
                controls.show(self.outcome, controls.sentence(said, "wrong", "alert"))
                return
            self.saved = onboarding.save(self._home, self.answers, today=self.today)
            self._own.add(self.saved.name)
            controls.show(self.outcome, next_steps(self.saved))
            self.pack.offer(self.saved, self.tries.company)
            self._changed()


def next_steps(tenant: Tenant) -> str:
    """What to do with a draft, as HTML."""
    name, file = visible(tenant.name), visible(pages.shown_path(tenant.file))
    return (
        f'<p class="good" role="status"><b>{file} is saved, as a draft.</b></p>'
        "<p>Next: see everything tried at once, then look at the first load. Its first confirmed apply makes"
        " the tenant active.</p>"
        f"<pre>figgo-ops diagnose {name}</pre>"
        f'<p>Then open the notebook <i>initialization</i> with <code>tenant: str = "{name}"</code>.</p>'
    )


def _entity(one: Any) -> str:
    former = f", {one.former} former" if one.former else ""
    return f"{one.id} {one.name}: {one.people} people{former}"


def _diff(text: str) -> str:
    """A difference as HTML; the signs tell without colour."""
    if not text:
        return controls.sentence("Nothing: the file says so already, or it cannot be written.", "help")
    lines = (f'<span class="{_kind(line)}">{visible(line)}</span>' for line in text.splitlines())
    return f"<pre>{'<br>'.join(lines)}</pre>"


def _in_lines(command: str) -> str:
    """A command line with each flag on a line of its own; a shell takes it as it is."""
    lines: list[list[str]] = [[]]
    for word in shlex.split(command):
        if word.startswith("--"):
            lines.append([])
        lines[-1].append(shlex.quote(word))
    return " \\\n  ".join(" ".join(words) for words in lines)


def _kind(line: str) -> str:
    if line.startswith(("+++", "---", "@@")):
        return "help"
    return {"+": "good", "-": "wrong"}.get(line[:1], "")
