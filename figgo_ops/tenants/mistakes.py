"""What is wrong with a file, in words that the person who wrote it can act on.

A message names the key as it is written in the file, never the value: it may be a secret in the wrong place.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, as a question; "" when none is near."""
    by_fold = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return f" Did you mean {by_fold[found[0]]}?" if found else ""


Checked = TypeVar("Checked", bound=BaseModel)


def check(
    model: type[Checked], content: object, at: str = "", also: Sequence[str] = ()
) -> tuple[Checked | None, list[str]]:
    """The content as this model, or what is wrong with it: one line per mistake, keys as written in the file.

    Args:
        at: the key under which the content stands, such as `calendar[0]`.
        also: keys known there besides the model's.
    """
    try:
        return model.model_validate(content), []
    except ValidationError as error:
        return None, [_mistake(found, model, at, also) for found in error.errors(include_url=False)]


_WORDS = {
    "missing": "is missing",
    "date_type": "must be a date without quotes, such as 2026-01-01",
    "tuple_type": "must be a list in [ ]",
    "list_type": "must be a list in [ ]",
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number without quotes",
    "float_type": "must be a number without quotes",
    "bool_type": "must be true or false without quotes",
    "model_type": "must be a table",
    "dict_type": "must be a table, written [[calendar]]",
}


def _mistake(found: Any, model: type[BaseModel], at: str, also: Sequence[str]) -> str:
    where, kind = _written(at, found["loc"]), found["type"]
    if kind == "extra_forbidden":
        known = _keys(model, found["loc"][:-1]) + (list(also) if len(found["loc"]) == 1 else [])
        return f"{where}: unknown key.{nearest(str(found['loc'][-1]), known)} Known are {', '.join(known)}."
    if kind == "literal_error":
        expected, given = found["ctx"]["expected"], found["input"]
        near = nearest(given, re.findall(r"'([^']+)'", expected)) if isinstance(given, str) else ""
        return f"{where}: must be {expected}.{near}"
    if kind == "string_pattern_mismatch" and "https://" in found["ctx"]["pattern"]:
        return f"{where}: must be an https:// URL"
    if kind == "value_error":
        return f"{where}: {found['ctx']['error']}"
    return f"{where}: {_WORDS.get(kind) or re.sub('^(Input|String) should', 'must', found['msg'])}"


def _written(at: str, location: Iterable[int | str]) -> str:
    for step in location:
        at += f"[{step}]" if isinstance(step, int) else f".{step}" if at else step
    return at


def _keys(model: type[BaseModel], location: Iterable[int | str]) -> list[str]:
    """The keys known in the table at this place."""
    inner: type[BaseModel] | None = model
    for step in location:
        if isinstance(step, str) and inner is not None:
            inner = next((_section(f.annotation) for key, f in _fields(inner) if key == step), None)
    return [key for key, _ in _fields(inner)] if inner is not None else []


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def _section(annotation: Any) -> type[BaseModel] | None:
    """The table that a field holds, itself or as a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _section(inner))), None)
