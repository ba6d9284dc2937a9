"""Setting up a tenant: the verbs of the onboarding notebook.

Where nobody can fill in a form, as in a scheduled run, the notebook tells in words what is still missing.
"""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from figgo_ops.desk import kernel, onboarding, pages, runs
from figgo_ops.desk.onboarding import Mistake, flags
from figgo_ops.desk.onboarding.answers import Answers, answers_of
from figgo_ops.desk.reports import Note
from figgo_ops.desk.verdict import Verdict
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from figgo_ops.transport import Clock, SystemClock

if TYPE_CHECKING:
    from figgo_ops.desk.forms.view import Form


@dataclass(frozen=True, slots=True)
class Onboarding:
    """The set-up of one tenant.

    Attributes:
        answers: as they were when it was opened.
        form: what a person fills in; None where nobody can.
    """

    home: Home
    answers: Answers
    clock: Clock
    form: "Form | None" = None

    def __repr__(self) -> str:
        return repr(told(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        if self.form is None:
            note = _note(self)
            return {"text/plain": repr(note), "text/html": note.html()}
        shown: dict[str, Any] = self.form.box._repr_mimebundle_()
        # The widgets' own words would be all that their fields hold
        return {**shown, "text/plain": f"Onboarding of {self.answers.name or 'a new tenant'}"}


def form(tenant: str = "", *, home: Home | None = None, clock: Clock | None = None) -> Onboarding:
    """The form of a new tenant, or of a draft that is there already.

    Args:
        tenant: its name; "" to choose one in the form.

    Raises:
        UsageError: the tenant is no draft any more; in a scheduled run also, there is no such draft.
    """
    kernel.guard()
    home, clock, name = home or Home.open(), clock or SystemClock(), tenant.strip()
    draft = onboarding.draft_of(home, name) if name else None
    answers = answers_of(draft) if draft else Answers(name=name)
    if runs.VARIABLE in os.environ:
        if draft is None:
            raise UsageError(
                f"There is no draft named {name}." if name else "No draft was named.",
                "Name one with -p tenant=NAME; a new one is made in JupyterLab or by figgo-ops onboard.",
            )
        return Onboarding(home, answers, clock)
    if find_spec("ipywidgets") is None:
        raise UsageError("ipywidgets is not installed.", "Install it: pip install 'figgo_ops[lab]'")
    # An extra: scheduled runs do without it
    from figgo_ops.desk.forms.view import Form

    return Onboarding(home, answers, clock, Form(home, answers, clock))


def told(opened: Onboarding) -> Verdict:
    """What is saved and what is missing; run it again once the form was saved."""
    answers = opened.form.answers if opened.form else opened.answers
    missing = _missing(opened, answers)
    draft = onboarding.draft_of(opened.home, answers.name) if answers.name else None
    saved = draft is not None and answers_of(draft) == answers
    document = {
        "tenant": answers.name,
        "file": str(draft.file) if draft else "",
        "saved": saved,
        "mistakes": [{"field": one.field, "message": one.message} for one in missing],
    }
    note = _note(opened)
    if missing:
        count = "One answer is" if len(missing) == 1 else f"{len(missing)} answers are"
        return Verdict(6, f"{count} missing or wrong.", "Fill in the form.", document, (note,))
    if not saved:
        return Verdict(6, "Nothing is missing; it is not saved yet.", "Save it.", document, (note,))
    remedy = f"Look at the first load: notebook initialization, tenant={answers.name}."
    return Verdict(0, f"{answers.name} is saved as a draft; nothing is missing.", remedy, document, (note,))


def _missing(opened: Onboarding, answers: Answers) -> list[Mistake]:
    if opened.form:
        return opened.form.mistakes()
    today = opened.clock.now().astimezone(ZoneInfo(answers.timezone)).date()
    return onboarding.mistakes(opened.home, answers, today=today)


def _note(opened: Onboarding) -> Note:
    """The answers in a few lines, and what is missing."""
    answers = opened.form.answers if opened.form else opened.answers
    calendars = ", ".join(f"{one.name or '(no name)'} ({one.kind})" for one in answers.calendars)
    whose = pages.whose(answers.name, opened.home.path)
    facts = (
        ("Home", whose["home"]),
        ("Tenant", answers.name or "(no name yet)"),
        ("Figgo", answers.figgo.url or "(no address yet)"),
        ("Start", str(answers.start or "(not chosen yet)")),
        ("Calendars", calendars or "none yet"),
        ("Pilot group", f"{len(answers.only)} people" if answers.only else "everyone"),
    )
    lines = (f"Missing or wrong: {one}" for one in _missing(opened, answers))
    title = " ".join(filter(None, [whose["mode"], "onboarding of", answers.name or "a new tenant"]))
    return Note(title, facts, (*lines, flags.command(answers)))
