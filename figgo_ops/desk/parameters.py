"""What a notebook asks to be told, and whether what a person typed is that."""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from figgo_ops.desk import copies, kernel
from figgo_ops.errors import UsageError

_SENT_AROUND = "parameters are stored in files that are sent around."
_STORE = "Store it with `figgo-ops secret set` and give its reference."


@dataclass(frozen=True, slots=True)
class Parameter:
    """One line of a notebook's parameters cell.

    Attributes:
        type: "str" or "int"; nothing else survives the way from a command line into a notebook.
        help: the comment beside it.
    """

    name: str
    type: str
    default: str | int
    help: str


def parameters(notebook: Path) -> list[Parameter]:
    """The parameters a notebook takes, in its own order.

    Raises:
        UsageError: its parameters cell is not made of typed lines such as `tenant: str = ""  # what it is`.
    """
    cells = [cell for cell in copies.read(notebook).cells if "parameters" in cell.metadata.get("tags", ())]
    lines = [line for cell in cells for line in cell.source.splitlines() if line.strip()]
    return [_parameter(line, notebook.name) for line in lines]


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """Names and values from texts such as `tenant=acme`.

    Raises:
        UsageError: one has no value, or is a secret.
    """
    found = {}
    for text in texts:
        if kernel.clean_text(text) != text:  # looked at whole: half a secret is not known as one
            raise UsageError("A value given with -p is a secret; " + _SENT_AROUND, _STORE)
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"-p {name} has no value.", "Write -p name=value.")
        found[name.strip()] = value
    return found


def checked(known: Sequence[Parameter], values: Mapping[str, str], notebook: str) -> dict[str, str | int]:
    """The values in the types the notebook expects.

    Raises:
        UsageError: no such parameter, a wrong type, or a value that nobody may read.
    """
    types = {parameter.name: parameter.type for parameter in known}
    for name in values:
        if name not in types:
            raise UsageError(f'{notebook} has no parameter "{name}".', nearest(name, list(types)))
    return {name: _value(name, types[name], value) for name, value in values.items()}


def nearest(name: str, known: Sequence[str]) -> str:
    """The known name that was probably meant, else all of them."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f'Did you mean "{close[0]}"?' if close else f"Known are: {', '.join(known) or 'none'}."


def _value(name: str, kind: str, value: str) -> str | int:
    if kernel.clean_text(value) != value:
        raise UsageError(
            f'The value given for "{name}" is a secret; {_SENT_AROUND}',
            _STORE,
        )
    if not value.isprintable():
        raise UsageError(f'The value given for "{name}" has characters that nobody sees.', "Type it again.")
    if kind == "str":
        return value
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise UsageError(f'"{name}" is a whole number, not "{value}".', f"Write {name}=12, for example.")
    return int(value)


def _parameter(line: str, notebook: str) -> Parameter:
    code, _, comment = line.partition("  #")
    try:
        name, kind, default = _assignment(code)
    except (ValueError, SyntaxError) as error:
        raise UsageError(
            f"{notebook}: this is no parameter: {line.strip()}",
            'Write one per line, typed str or int, such as `tenant: str = ""  # what it is`.',
        ) from error
    return Parameter(name, kind, default, comment.strip())


def _assignment(code: str) -> tuple[str, str, str | int]:
    (node,) = ast.parse(code.strip()).body
    if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value):
        raise ValueError("not a typed assignment")
    kind, default = ast.unparse(node.annotation), ast.literal_eval(node.value)
    if (kind, type(default)) not in (("str", str), ("int", int)):
        raise ValueError("neither str nor int")
    return node.target.id, kind, default
