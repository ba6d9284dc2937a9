"""What a form asks about a calendar, taken from its provider's own settings, whichever there are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from inspect import getdoc
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from figgo_ops import calendars
from figgo_ops.secrets import SecretRef

Sort = Literal["text", "secret", "choice", "flag", "number"]

_REFERENCE = get_args(SecretRef)[1]
_ENTRY = re.compile(r"^    (\w+(?:, \w+)*): (.*(?:\n      .*)*)", re.MULTILINE)
_BEHIND = ("threads", "api_root", "token_url", "authority", "ca_file")


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a calendar of some kind.

    Attributes:
        help: one sentence for whoever fills it in.
        required: whether a calendar of this kind always needs it.
        default: what holds where it is left out; None for nothing.
        choices: of a choice, the words there are.
        common: whether most customers need it; the others are for pace and for what stands in for a vendor.
    """

    name: str
    sort: Sort
    help: str = ""
    required: bool = False
    default: str | int | bool | None = None
    choices: tuple[str, ...] = ()
    common: bool = True

    @property
    def secret(self) -> bool:
        """Whether it takes a reference to a secret."""
        return self.sort == "secret"

    def value(self, text: str) -> str | int | bool:
        """What somebody typed as a value of its sort; what is none stays text, and is told as a mistake."""
        if self.sort == "number" and re.fullmatch(r"[0-9]{1,9}", text):
            return int(text)
        if self.sort == "flag" and text in ("true", "false"):
            return text == "true"
        return text


def kinds() -> list[str]:
    """The kinds of calendar there are."""
    return calendars.kinds()


@cache
def fields(kind: str) -> tuple[Field, ...]:
    """What a calendar of this kind is asked for, beside name and whom it is for; the common ones first.

    Raises:
        ModuleNotFoundError: there is no such kind, or a library that it needs is not installed.
    """
    model = calendars.settings_of(kind)
    helps = _helps(getdoc(model) or "")
    found = [_field(name, info, helps) for name, info in model.model_fields.items()]
    return tuple(sorted(found, key=lambda one: not one.common))


def fields_or_none(kind: str) -> tuple[Field, ...] | None:
    """The same; None where there is no such kind, or it cannot be used here."""
    try:
        return fields(kind) if kind in calendars.kinds() else None
    except ModuleNotFoundError:
        return None


def _field(name: str, info: Any, helps: Mapping[str, str]) -> Field:
    inner = _without_none(info.annotation)
    choices = tuple(map(str, get_args(inner))) if get_origin(inner) is Literal else ()
    default = None if info.is_required() else info.default
    sort = _sort(inner, (*info.metadata, *getattr(inner, "__metadata__", ())))
    required = bool(info.is_required())
    return Field(name, sort, helps.get(name, ""), required, default, choices, name not in _BEHIND)


def _sort(inner: Any, metadata: tuple[Any, ...]) -> Sort:
    if _REFERENCE in metadata:
        return "secret"
    if get_origin(inner) is Literal:
        return "choice"
    return "flag" if inner is bool else "number" if inner is int else "text"


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    (inner,) = (one for one in get_args(annotation) if one is not type(None))
    return inner


def _helps(text: str) -> dict[str, str]:
    """What a model's docstring says of each attribute; several may share a sentence."""
    found: dict[str, str] = {}
    for names, said in _ENTRY.findall(text):
        sentence = " ".join(said.split())
        found |= dict.fromkeys(names.split(", "), sentence[:1].upper() + sentence[1:])
    return found
