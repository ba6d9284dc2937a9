"""The kinds of values that the fields of an item hold: how each is read, shown and compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from figgo_ops.sandbox import exchange_times as times
from figgo_ops.sandbox.exchange_recurrence import read_recurrence, show_recurrence
from figgo_ops.sandbox.exchange_soap import Element, RefusedError, add, child, choice, only, schema_fault, t

Reader = Callable[[Element], Any]
Shower = Callable[[Element, str, Any, str], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: read from an element, shown as one, and read from a restriction's constant."""

    read: Reader
    show: Shower
    constant: Callable[[str], Any] | None = None


def _text(element: Element) -> str:
    if len(element):
        raise schema_fault(f"{element.tag} holds more than text")
    return element.text or ""


def _flag(element: Element) -> bool:
    return read_flag(_text(element).strip())


def read_flag(text: str) -> bool:
    """Read an xs:boolean; a fault for anything else."""
    if text not in ("true", "false", "1", "0"):
        raise schema_fault(f"{text!r} is no boolean")
    return text in ("true", "1")


def _number(element: Element) -> int:
    text = _text(element).strip()
    if not re.fullmatch(r"[+-]?\d{1,10}", text):
        raise schema_fault(f"{text!r} is no number")
    return int(text)


def _moment(element: Element) -> datetime:
    try:
        return times.read_date_time(_text(element).strip())
    except ValueError as problem:
        raise schema_fault(str(problem)) from None


def moment_constant(text: str) -> datetime:
    """Read the instant that a restriction compares with; without an offset it is UTC."""
    try:
        return times.instant(times.read_date_time(text), "UTC")
    except ValueError:
        raise RefusedError("ErrorInvalidValueForProperty", "The value is no date and time.") from None


def flag_constant(text: str) -> bool:
    """Read the boolean that a restriction compares with."""
    if text.lower() not in ("true", "false", "1", "0"):
        raise RefusedError("ErrorInvalidValueForProperty", "The value is no boolean.")
    return text.lower() in ("true", "1")


def number_constant(text: str) -> int:
    """Read the number that a restriction compares with."""
    if not re.fullmatch(r"[+-]?\d{1,19}", text):
        raise RefusedError("ErrorInvalidValueForProperty", "The value is no number.")
    return int(text)


def one_of(*allowed: str) -> Kind:
    """Make the kind of a value that is one of a few words."""

    def read(element: Element) -> str:
        text = _text(element).strip()
        if text not in allowed:
            raise schema_fault(f"{text!r} is none of {', '.join(allowed)}")
        return text

    return Kind(read, _show_text, str.casefold)


def _body(element: Element) -> tuple[str, str]:
    return choice(element, "BodyType", ("HTML", "Text")), _text(element)


def _strings(element: Element) -> tuple[str, ...]:
    only(element, t("String"))
    return tuple(_text(one) for one in element)


def _people(element: Element) -> tuple[str, ...]:
    only(element, t("Attendee"))
    if not len(element):
        raise schema_fault(f"{element.tag} is empty")
    found = [child(one, t("Mailbox")).findtext(t("EmailAddress")) or "" for one in element]
    if not all(found):
        raise RefusedError("ErrorInvalidRecipients", "An attendee has no address.")
    return tuple(found)


def _zone(element: Element) -> str:
    # A definition may stand without an id; Exchange would make a zone of its own of it.
    return str(element.get("Id", ""))


def _show_text(parent: Element, tag: str, value: Any, style: str) -> None:
    del style
    add(parent, tag, str(value))


def _show_flag(parent: Element, tag: str, value: Any, style: str) -> None:
    del style
    add(parent, tag, "true" if value else "false")


def _show_moment(parent: Element, tag: str, value: Any, style: str) -> None:
    moment, item = value
    add(parent, tag, times.spelt(moment, item.start_zone, style))


def _show_body(parent: Element, tag: str, value: Any, style: str) -> None:
    del style
    add(parent, tag, value[1], BodyType=value[0])


def _show_strings(parent: Element, tag: str, value: Any, style: str) -> None:
    del style
    made = add(parent, tag)
    for text in value:
        add(made, t("String"), text)


def _show_people(parent: Element, tag: str, value: Any, style: str) -> None:
    del style
    made = add(parent, tag)
    for mail in value:
        person = add(made, t("Attendee"))
        _show_mailbox(person, mail)
        add(person, t("ResponseType"), "Unknown")


def _show_mailbox(parent: Element, mail: str) -> None:
    made = add(parent, t("Mailbox"))
    for name, text in (("Name", mail.partition("@")[0]), ("EmailAddress", mail), ("RoutingType", "SMTP")):
        add(made, t(name), text)


def _show_person(parent: Element, tag: str, value: Any, style: str) -> None:
    del style
    _show_mailbox(add(parent, tag), value)


def _show_zone(parent: Element, tag: str, value: Any, style: str) -> None:
    del style
    add(parent, tag, Id=value, Name=value)


def _show_files(parent: Element, tag: str, value: Any, style: str) -> None:
    del style
    made = add(parent, tag)
    for name in value:
        file = add(made, t("FileAttachment"))
        add(file, t("Name"), name)
        add(file, t("ContentType"), "application/octet-stream")


def _show_recurrence(parent: Element, tag: str, value: Any, style: str) -> None:
    del style
    show_recurrence(parent, tag, value)


def _never(element: Element) -> Any:
    raise RefusedError("ErrorInvalidPropertySet", f"{element.tag.rpartition('}')[2]} is read-only.")


TEXT = Kind(_text, _show_text, str.casefold)
FLAG = Kind(_flag, _show_flag, flag_constant)
NUMBER = Kind(_number, _show_text, number_constant)
TIME = Kind(_moment, _show_moment, moment_constant)
PEOPLE = Kind(_people, _show_people)
ZONE = Kind(_zone, _show_zone)
STATUS = one_of("Free", "Tentative", "Busy", "OOF", "WorkingElsewhere", "NoData")
BODY = Kind(_body, _show_body)
FILES = Kind(_never, _show_files)
PERSON = Kind(_never, _show_person)
STRINGS = Kind(_strings, _show_strings)
RECURRENCE = Kind(read_recurrence, _show_recurrence)
