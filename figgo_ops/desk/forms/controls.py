"""The controls that forms are made of: each has a label, and room beside it for what is wrong.

Nothing secret stays in one: a secret is stored and its field emptied at once, and what turns out to be a
secret is taken out of every other field as well.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets
from traitlets import Unicode

from figgo_ops.desk import kernel
from figgo_ops.desk.tables import visible
from figgo_ops.errors import FiggoOpsError
from figgo_ops.secrets import is_reference

Changed = Callable[[], None]

WIDE = "33em"
_LABEL = "13em"
_WITH_PASSWORD = re.compile(r"\w+://[^/\s]*:[^/\s]*@")
_PEM = re.compile(r"\s*(-----BEGIN [A-Z ]+-----)([^-]*)(-----END [A-Z ]+-----)")

STYLE = """<style>
.figgo-form { max-width: 76em; }
.figgo-form h3 { margin: 1.2em 0 .2em; font-size: 1.15em; }
.figgo-form p, .figgo-form li { line-height: 1.45; margin: .2em 0; }
.figgo-form .widget-html > .widget-html-content { line-height: 1.45; }
.figgo-form .widget-label { color: var(--jp-ui-font-color0); }
.figgo-form .help { color: var(--jp-ui-font-color1); }
.figgo-form .wrong { color: #a11212; }
.figgo-form .note { color: #8a4500; }
.figgo-form .good { color: #14602a; }
[data-jp-theme-light="false"] .figgo-form .wrong { color: #ff9c94; }
[data-jp-theme-light="false"] .figgo-form .note { color: #ffc26b; }
[data-jp-theme-light="false"] .figgo-form .good { color: #8fdc9f; }
.figgo-form pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .5em .7em; margin: .2em 0;
  background: var(--jp-layout-color2); color: var(--jp-content-font-color0); line-height: 1.4; }
.figgo-form .scroll { overflow-x: auto; }
.figgo-form table { border-collapse: collapse; }
.figgo-form th, .figgo-form td { text-align: left; vertical-align: top; padding: .25em .8em .25em 0;
  border-bottom: 1px solid var(--jp-border-color2); line-height: 1.4; }
.figgo-form .figgo-calendar { border: 1px solid var(--jp-border-color1); padding: .4em .8em; margin: .4em 0; }
</style>"""


class _Password(ipywidgets.Password):  # type: ignore[misc]
    """A password field whose value is not sent back to every browser that looks on."""

    value = Unicode("").tag(sync=True, echo_update=False)


class Field:
    """One control with its label and, beside it, what is wrong with what it holds.

    Args:
        control: a widget with a value, of text for the most part.
        changed: called after the value changed.

    Attributes:
        touched: whether a person has been here; before, nobody is told what is missing.
    """

    def __init__(self, control: Any, label: str, changed: Changed, hint: str = "") -> None:
        self.control, self._changed, self._hint = control, changed, hint
        self._taken_out = ""
        self.touched = False
        control.description = label
        if not isinstance(control, ipywidgets.Checkbox):
            control.style.description_width, control.layout.width = _LABEL, WIDE
        self.beside = beside()
        self.box = row(control, self.beside)
        self.say("")
        control.observe(self._edited, "value")

    @property
    def value(self) -> Any:
        """What the control holds; text without the spaces around it."""
        value = self.control.value
        return value.strip() if isinstance(value, str) else value

    def put(self, value: Any) -> None:
        """Let the control hold a value that nobody typed."""
        before, self._changed = self._changed, _nothing
        touched = self.touched
        try:
            self.control.value = value
        finally:
            self._changed, self.touched = before, touched

    def hint(self, words: str) -> None:
        """Say something else where nothing is wrong."""
        self._hint = words
        self.say("")

    def say(self, wrong: str) -> None:
        """Show what is wrong beside the control, above all what was taken out; the hint when nothing is."""
        wrong = self._taken_out or wrong
        kind = "wrong" if wrong else "help"
        show(self.beside, sentence(wrong or self._hint, kind, "status" if wrong else ""))

    def _edited(self, change: Any) -> None:
        self.touched = True
        value = change["new"]
        why = self._refused(value) if isinstance(value, str) else ""
        if why:
            self.control.value = ""
        self._taken_out = why
        self.say("")
        if not why:
            self._changed()

    def _refused(self, value: str) -> str:
        """Why this text must not stay here; "" when it may."""
        if kernel.clean_text(value) != value or _WITH_PASSWORD.match(value):
            return "This had a secret in it, so it was taken out; a secret belongs in its own field."
        return ""


class ReferenceField(Field):
    """A field for the reference to a secret; what is no reference may be the secret, so it does not stay.

    Attributes:
        stored: whether a value was stored under the present reference by this form.
    """

    def __init__(self, value: str, label: str, changed: Changed, hint: str) -> None:
        # While somebody types, a reference is none yet
        control = ipywidgets.Text(value=value, continuous_update=False)
        super().__init__(control, label, changed, hint)
        self.stored = False

    def keep(self) -> None:
        """A value was stored under this reference."""
        self.stored = self.touched = True
        self._changed()

    def _refused(self, value: str) -> str:
        if value and not is_reference(value.strip()):
            return (
                "This was no reference and may be the secret itself, so it was taken out; its field is below."
            )
        return super()._refused(value)


class SecretField:
    """Where a secret is given: its reference stays, its value is stored and gone from the form at once.

    Args:
        reference: the field that holds the reference.
        store: puts a value where a reference leads.
        is_file: offers to send a file, which keys of several lines come in.
    """

    def __init__(
        self,
        reference: ReferenceField,
        label: str,
        store: Callable[[str, str], None],
        *,
        is_file: bool = False,
    ) -> None:
        self.reference, self._store = reference, store
        self.typed = _Password(placeholder="stored when you leave the field", continuous_update=False)
        self.typed.description = label
        self.typed.style.description_width = _LABEL
        self.typed.layout.width = WIDE
        self.sent = ipywidgets.FileUpload(description="Store a file", accept="", multiple=False)
        self.sent.layout.width = "auto"
        self.said = beside()
        self.box = row(self.typed, *([self.sent] if is_file else []), self.said)
        self.typed.observe(self._was_typed, "value")
        self.sent.observe(self._was_sent, "value")

    def _was_typed(self, change: Any) -> None:
        value = change["new"]
        if value:
            self.typed.value = ""  # before anything else can go wrong
            self._keep(value)

    def _was_sent(self, change: Any) -> None:
        files = change["new"]
        if not files:
            return
        content = bytes(files[0]["content"])
        self.sent.value = ()
        try:
            self._keep(content.decode())
        except UnicodeDecodeError:
            show(self.said, sentence("This file is not text; nothing was stored.", "wrong", "alert"))

    def _keep(self, value: str) -> None:
        where = self.reference.value
        try:
            self._store(where, mended(value))
        except FiggoOpsError as error:
            show(self.said, problem(error))
        else:
            show(self.said, sentence(f"Stored as {where}; this field was emptied.", "good", "status"))
            self.reference.keep()


def mended(value: str) -> str:
    """A secret as it was before a field of one line took its line ends away: PEM needs them."""
    found = _PEM.findall(value)
    if not found or "\n" in value.strip():
        return value
    return "\n".join(f"{head}\n{_lines(body)}\n{foot}" for head, body, foot in found) + "\n"


def _lines(body: str) -> str:
    packed = "".join(body.split())
    return "\n".join(packed[at : at + 64] for at in range(0, len(packed), 64))


def text(value: str = "", placeholder: str = "") -> Any:
    """A control for text."""
    return ipywidgets.Text(value=value, placeholder=placeholder)


def one_of(options: Sequence[tuple[str, Any]], value: Any) -> Any:
    """A control for one out of a few, each with the words it is shown by."""
    return ipywidgets.Dropdown(options=list(options), value=value)


def near(options: Iterable[str], value: str = "", placeholder: str = "") -> Any:
    """A control for text that proposes some."""
    return ipywidgets.Combobox(options=tuple(options), value=value, placeholder=placeholder)


def tick(value: bool = False, label: str = "", heard: Callable[[Any], None] | None = None) -> Any:
    """A control for yes or no.

    Args:
        heard: called with each change.
    """
    made = ipywidgets.Checkbox(value=value, description=label, indent=False)
    made.style.description_width, made.layout.width = "initial", "auto"
    if heard:
        made.observe(heard, "value")
    return made


def button(label: str, clicked: Callable[[], None], style: str = "") -> Any:
    """A button wide enough for its label."""
    made = ipywidgets.Button(description=label, button_style=style, tooltip=label)
    made.layout.width = "auto"
    made.on_click(lambda _button: clicked())
    return made


def html(content: str = "") -> Any:
    """Room for text; fill it with `show`."""
    return ipywidgets.HTML(value=content)


def beside() -> Any:
    """Room for text that takes what a control leaves of the line."""
    made = html()
    made.layout.flex, made.layout.min_width = "1 1 15em", "0"
    return made


def show(room: Any, content: str) -> None:
    """Fill the room with finished HTML, nothing secret in it; sent only when it differs."""
    cleaned = kernel.clean_text(content)
    if room.value != cleaned:
        room.value = cleaned


def sentence(words: str, kind: str = "", role: str = "") -> str:
    """A sentence as HTML.

    Args:
        kind: help, wrong, note or good.
        role: how a screen reader takes it: status or alert; "" for plain text.
    """
    if not words:
        return ""
    spoken = f' role="{role}"' if role else ""
    return f'<span class="{kind}"{spoken}>{visible(words)}</span>'


def problem(error: FiggoOpsError) -> str:
    """An error as HTML: what happened and the next step."""
    remedy = f" {error.remedy}" if error.remedy else ""
    return sentence(f"{error.message}{remedy}", "wrong", "alert")


def table(label: str, columns: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as HTML, which can be reached and scrolled without a mouse.

    Args:
        label: what a screen reader calls it; the words above it say more.
        rows: cells of finished HTML.
    """
    head = "".join(f'<th scope="col">{visible(name)}</th>' for name in columns)
    body = "".join(_row(*cells) for cells in rows)
    return (
        f'<div class="scroll" role="region" aria-label="{visible(label)}" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(first: str, *others: str) -> str:
    cells = "".join(f"<td>{cell}</td>" for cell in others)
    return f'<tr><th scope="row">{first}</th>{cells}</tr>'


@contextmanager
def told_in(room: Any) -> Iterator[None]:
    """Around what may fail: its error is shown in this room, with the next step."""
    try:
        yield
    except FiggoOpsError as error:
        show(room, problem(error))


def row(*widgets: Any) -> Any:
    """Controls side by side, below each other where there is no room."""
    made = ipywidgets.HBox(list(widgets))
    made.layout.flex_flow, made.layout.grid_gap = "row wrap", "0 .8em"
    made.layout.align_items = "center"
    return made


def column(*widgets: Any) -> Any:
    """Controls below each other."""
    return ipywidgets.VBox(list(widgets))


def heading(words: str, help_text: str = "") -> Any:
    """The heading of a part of the form."""
    more = f"<p class='help'>{visible(help_text)}</p>" if help_text else ""
    return html(f"<h3>{visible(words)}</h3>{more}")


def _nothing() -> None:
    """Hear of a change and do nothing."""
