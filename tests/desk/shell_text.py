"""Reads PowerShell as far as a script for pasting needs: what is a literal, what is a comment, what runs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

SINGLE = "'\u2018\u2019\u201a\u201b"
"""Each of these opens a literal and ends one that another opened; two in a row stand for the second."""

DOUBLE = '"\u201c\u201d\u201e'

_OPENING = re.compile(f"[#{SINGLE}{DOUBLE}]")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a script; a literal's text is what it means, any other's what stands there."""

    kind: Literal["literal", "expanded", "comment", "code"]
    text: str


def tokens(script: str) -> list[Token]:
    """The whole script, in order."""
    return list(_pieces(script))


def literals(script: str) -> list[str]:
    """What its literals mean."""
    return [token.text for token in tokens(script) if token.kind == "literal"]


def skeleton(script: str) -> str:
    """The script with a mark in place of each literal: what runs, whatever the literals say."""
    return "".join("\0" if token.kind == "literal" else token.text for token in tokens(script))


def bare(script: str) -> str:
    """What runs: neither comments nor what is quoted, lines kept."""
    shown = {"comment": "", "literal": "''", "expanded": '""'}
    return "".join(shown.get(token.kind, token.text) for token in tokens(script))


def values(filter_text: str) -> list[str]:
    """What the quoted values of a recipient filter (OPATH) mean."""
    return [found.replace("''", "'") for found in re.findall(r"'((?:[^']|'')*)'", filter_text)]


def _pieces(script: str) -> Iterator[Token]:
    here = 0
    while found := _OPENING.search(script, here):
        if here < found.start():
            yield Token("code", script[here : found.start()])
        kind, text, here = _quoted(script, found.start())
        yield Token(kind, text)
    if here < len(script):
        yield Token("code", script[here:])


def _quoted(script: str, here: int) -> tuple[Literal["literal", "expanded", "comment"], str, int]:
    """What begins here, and where it has ended."""
    if script[here] in SINGLE:
        text, after = _literal(script, here + 1)
        return "literal", text, after
    if script[here] in DOUBLE:
        after = script.index('"', here + 1) + 1
        return "expanded", script[here:after], after
    after = (script + "\n").index("\n", here)
    return "comment", script[here:after], after


def _literal(script: str, here: int) -> tuple[str, int]:
    meant: list[str] = []
    while here < len(script):
        if script[here] in SINGLE:
            if script[here + 1 : here + 2] not in [*SINGLE]:
                return "".join(meant), here + 1
            here += 1
        meant.append(script[here])
        here += 1
    raise AssertionError("a literal that never ends")
