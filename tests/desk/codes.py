"""Every code that a check can carry, collected from the modules that make checks and errors."""

import ast
import dataclasses
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import figgo_ops
from figgo_ops import calendars, errors

ROOT = Path(figgo_ops.__file__).parent

ANSWERED = {"act", "audit", "desk.endings", "gate", "move", "planfile", "planning", "sync"}
"""Modules whose codes answer whoever plans, applies or runs a notebook; no check carries them."""

ELSEWHERE = ("sandbox", "recall", "demo", "explaining", "commands", "migrations", "__main__")
"""Stand-ins, and what is done beside diagnostics."""

POSITIONS = {"Check": 5, "Deadline": 4, "Case": 4, "Cause": 2, "whose": 1, "_unreachable": 2}
"""Where the code stands in what is made without keywords."""

SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

ANYWHERE = ""
"""The kind of whatever belongs to no provider in particular."""

Found = tuple[str, str]
"""Kind and code."""


def all_codes() -> set[Found]:
    """Every code there is, with the kind of calendar that it is about."""
    found = {(ANYWHERE, one.code) for one in _kinds_of_errors(errors.FiggoOpsError)}
    for name, module in sorted(_modules().items()):
        found |= {(kind_of(name), code) for code in (*_tabled(module), *_written(name, module))}
    return found


def kind_of(module: str) -> str:
    """The provider that a module is about, as a tenant file spells it; "" for none."""
    package, _, name = module.partition(".")
    provider = name.strip("_").partition("_")[0] if package == "calendars" else ""
    return provider if provider in calendars.kinds() else ANYWHERE


def written(source: str, names: Mapping[str, object]) -> set[str]:
    """The codes that stand in a source text.

    Args:
        names: what the names in it stand for.
    """
    found = (one for node in ast.walk(ast.parse(source)) for one in _code_in(node))
    return {text for one in found for text in _texts(one, names)}


def _modules() -> dict[str, ModuleType]:
    """Everything that can end in a check, by its name inside the package."""
    walked = pkgutil.walk_packages(figgo_ops.__path__, "figgo_ops.")
    names = (module.name.removeprefix("figgo_ops.") for module in walked)
    return {
        name: import_module(f"figgo_ops.{name}")
        for name in names
        if name not in ANSWERED and name.partition(".")[0] not in ELSEWHERE
    }


def _kinds_of_errors(kind: type[errors.FiggoOpsError]) -> Iterator[type[errors.FiggoOpsError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds_of_errors(narrower)


def _tabled(module: ModuleType) -> Iterator[str]:
    """The codes in tables of refusals: rows with the kind of an error and, maybe, a name of their own."""
    for value in list(vars(module).values()):
        yield from _codes_of(value)


def _codes_of(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _codes_of(tuple(value.values()))
    elif isinstance(value, tuple | list):
        yield from _ending_with(value)
        for one in value:
            yield from _codes_of(one)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        if isinstance(code := getattr(value, "code", None), str) and code:
            yield code
        kind, name = getattr(value, "kind", None), getattr(value, "name", None)
        if isinstance(kind, type) and issubclass(kind, errors.FiggoOpsError):
            yield str(name or kind.code)


def _ending_with(row: Sequence[object]) -> Iterator[str]:
    """The code at the end of a row of a table that also has a sentence: cause, remedy, code."""
    kinds = [one for one in row if isinstance(one, type) and issubclass(one, errors.FiggoOpsError)]
    sentences = [one for one in row if isinstance(one, str) and " " in one]
    last = row[-1] if row else None
    if sentences and isinstance(last, str) and SLUG.fullmatch(last):
        yield last
    elif sentences and kinds and last == "":
        yield kinds[0].code


def _written(name: str, module: ModuleType) -> Iterable[str]:
    file = Path(str(module.__file__))
    return written(file.read_text(encoding="utf-8"), vars(module)) if file.is_relative_to(ROOT) else ()


def _code_in(node: ast.AST) -> Iterator[ast.AST]:
    """The expressions that give a code: in a call, in a name that is called so, out of such a function."""
    if isinstance(node, ast.Call):
        yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        yield from node.args[POSITIONS.get(called, len(node.args)) :][:1]
    elif isinstance(node, ast.Dict):
        named = zip(node.keys, node.values, strict=True)
        yield from (value for key, value in named if isinstance(key, ast.Constant) and key.value == "code")
    elif isinstance(node, ast.Assign):
        yield from _assigned(node.targets[0], node.value)
    elif isinstance(node, ast.AnnAssign) and node.value:
        yield from _assigned(node.target, node.value)
    elif isinstance(node, ast.FunctionDef) and node.name.strip("_") == "code":
        yield from (one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value)


def _assigned(target: ast.AST, value: ast.AST) -> Iterator[ast.AST]:
    """What a name called code is given, alone or together with others."""
    if isinstance(value, ast.IfExp):
        yield from (*_assigned(target, value.body), *_assigned(target, value.orelse))
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for name, given in zip(target.elts, value.elts, strict=False):
            yield from _assigned(name, given)
    elif isinstance(target, ast.Name) and target.id == "code":
        yield value


def _texts(node: ast.AST, names: Mapping[str, object]) -> Iterator[str]:
    """What an expression can be, as far as it is written there."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and SLUG.fullmatch(node.value):
        yield node.value
    elif isinstance(node, ast.Name) and isinstance(names.get(node.id), str):
        yield str(names[node.id])
    elif isinstance(node, ast.IfExp):
        yield from (*_texts(node.body, names), *_texts(node.orelse, names))
    elif isinstance(node, ast.BoolOp):
        for one in node.values:
            yield from _texts(one, names)
