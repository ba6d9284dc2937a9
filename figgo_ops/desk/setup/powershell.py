"""PowerShell for an administrator to paste: sections of fixed text, with names put in as literals.

PowerShell takes four typographic marks for its single quote, and whatever follows a closed literal for a
command. So a name goes in by `literal` or `opath` only, and everything around it is ours.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from figgo_ops.errors import UsageError

_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
_PLACE = re.compile(r"<([a-z]+)>")
_TITLE = re.compile(r"^# ==== (.+) ====\n\n", re.MULTILINE)
_TURNS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of writing: whoever reads the script would not see what runs."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part that is pasted in one go.

    Attributes:
        title: what it is about, without a name in it.
        text: its statements.
    """

    title: str
    text: str


def literal(text: str) -> str:
    """The text as a PowerShell literal, in which nothing is expanded and which nothing in it can end."""
    return "'" + _QUOTES.sub(lambda quote: quote[0] * 2, text) + "'"


def opath(text: str) -> str:
    """The text as a value inside a recipient filter (OPATH); the filter as a whole becomes a `literal`.

    Microsoft documents that the plain quote is doubled, and names no other mark.
    """
    return "'" + text.replace("'", "''") + "'"


def split(template: str) -> tuple[str, tuple[Section, ...]]:
    """The head of a script and its sections, places still empty."""
    head, *rest = _TITLE.split(template)
    titled = zip(rest[::2], rest[1::2], strict=True)
    return head.rstrip("\n") + "\n", tuple(Section(title, text.rstrip("\n") + "\n") for title, text in titled)


def filled(section: Section, values: Mapping[str, str]) -> Section:
    """The section with each `<place>` replaced once: a name that looks like a place is left as it is."""
    return Section(section.title, _PLACE.sub(lambda place: values[place[1]], section.text))


def joined(head: str, sections: Iterable[Section]) -> str:
    """The whole script, its sections numbered."""
    parts = (f"# ==== {number}. {one.title} ====\n\n{one.text}" for number, one in enumerate(sections, 1))
    return "\n".join((head, *parts))


def check_name(field: str, name: str, longest: int) -> None:
    """Refuse a name that no directory holds, or that would not show as what it is.

    Raises:
        UsageError: it is blank, too long, or has a character that ends a line or cannot be seen.
    """
    if not name.strip():
        raise UsageError(f"{field}: must not be blank.", f"Give the {field}.")
    if len(name) > longest:
        raise UsageError(f"{field}: {len(name)} characters, where {longest} may be.", f"Shorten the {field}.")
    for place, character in enumerate(name, 1):
        if character in _TURNS or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise UsageError(
                f"{field}: character {place} is U+{ord(character):04X}, which ends a line or cannot be seen.",
                f"Type the {field} again instead of pasting it.",
            )
