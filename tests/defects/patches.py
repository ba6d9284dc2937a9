"""Patch files: what a defect is, and putting it into a tree.

A unified diff as `patch` takes it, except that line numbers mean nothing here: the lines of a hunk are looked
for in the whole file and must be there exactly once, so that neighbours may change and mistakes may not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.defects import RULES

FOLDER = Path(__file__).parent
MOST_LINES = 3


class PatchError(Exception):
    """A patch file that cannot be used as it is; says which and why."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines of one file to be found, and what stands there afterwards."""

    file: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    size: int

    def applied(self, text: str) -> str:
        """The text with the defect in it.

        Raises:
            PatchError: the lines are not there, or more than once.
        """
        lines, length = text.split("\n"), len(self.before)
        found = [n for n in range(len(lines)) if tuple(lines[n : n + length]) == self.before]
        if len(found) != 1:
            times = "no more" if not found else f"{len(found)} times"
            raise PatchError(f"is out of date: {self.file} has its lines {times}")
        (at,) = found
        return "\n".join([*lines[:at], *self.after, *lines[at + length :]])


@dataclass(frozen=True, slots=True)
class Defect:
    """One mistake, planted on purpose.

    Attributes:
        name: what goes wrong, in words; names the file.
        sentence: the same as a sentence.
        rule: which of the rules it breaks.
        tests: files to try first, relative to the root.
    """

    name: str
    sentence: str
    rule: str
    tests: tuple[str, ...]
    hunks: tuple[Hunk, ...]

    @property
    def size(self) -> int:
        """How many lines it changes."""
        return sum(hunk.size for hunk in self.hunks)

    def applied(self, root: Path) -> dict[str, str]:
        """The changed files, by path relative to the root; nothing is written.

        Raises:
            PatchError: it does not fit this tree, or leaves no Python behind.
        """
        texts: dict[str, str] = {}
        for hunk in self.hunks:
            if not (root / hunk.file).is_file():
                raise PatchError(f"{self.name} is out of date: there is no {hunk.file}")
            text = texts.get(hunk.file) or (root / hunk.file).read_text(encoding="utf-8")
            try:
                texts[hunk.file] = hunk.applied(text)
            except PatchError as error:
                raise PatchError(f"{self.name} {error}") from error
        for file, text in texts.items():
            try:
                compile(text, file, "exec", dont_inherit=True)
            except SyntaxError as error:
                raise PatchError(f"{self.name} leaves {file} without meaning: {error}") from error
        return texts


def names() -> list[str]:
    """The defects there are, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.patch"))


def load(name: str) -> Defect:
    """The defect of this name.

    Raises:
        PatchError: there is none, or its file is not as it should be.
    """
    path = FOLDER / f"{name.removesuffix('.patch')}.patch"
    if not path.is_file():
        raise PatchError(f"{name}: there is no such defect")
    return parsed(path.stem, path.read_text(encoding="utf-8"))


def parsed(name: str, text: str) -> Defect:
    """The defect that a patch file describes.

    Raises:
        PatchError: the header lacks something, the rule is none, or the diff is none.
    """
    header, marker, diff = text.partition("\n--- ")
    said = dict(re.findall(r"^(Rule|Tests): *(.+)$", header, re.MULTILINE))
    sentence = " ".join(header.split("\n\n", 1)[0].split())
    rule, tests = said.get("Rule", ""), tuple(said.get("Tests", "").split())
    hunks = tuple(_hunks(name, f"--- {diff}")) if marker else ()
    if not (sentence.endswith(".") and tests and hunks):
        raise PatchError(f"{name} lacks its sentence, Rule:, Tests: or the diff itself")
    if rule not in RULES:
        raise PatchError(f"{name} names no rule: {rule!r}")
    return Defect(name, sentence, rule, tests, hunks)


def _hunks(name: str, diff: str) -> Iterator[Hunk]:
    file, lines = "", list[str]()
    for line in [*diff.rstrip("\n").split("\n"), "@@"]:
        if line.startswith(("@@", "--- ")) and lines:
            yield _hunk(name, file, lines)
            lines = []
        if line.startswith("+++ "):
            file = line.removeprefix("+++ ").removeprefix("b/").strip()
        elif not line.startswith(("@@", "--- ")):
            lines.append(line or " ")  # editors cut the blank that stands for an empty line


def _hunk(name: str, file: str, lines: list[str]) -> Hunk:
    strange = [line for line in lines if line[0] not in " +-"]
    if strange or not file:
        raise PatchError(f"{name} is no unified diff: {strange[0] if strange else 'no file is named'}")
    less, more = (sum(line[0] == sign for line in lines) for sign in "-+")
    before = tuple(line[1:] for line in lines if line[0] in " -")
    after = tuple(line[1:] for line in lines if line[0] in " +")
    return Hunk(file, before, after, max(less, more))
