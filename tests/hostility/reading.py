"""How the strictest reader takes what we write, and how a name has to look where people read it."""

import json
import re
import unicodedata
from html.parser import HTMLParser
from typing import Any

INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
LONGEST_NAME = 255


def strict(raw: bytes) -> Any:
    """The one JSON document in these bytes; ValueError for anything that some reader would refuse."""
    found = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refused)
    for text in _texts(found):
        text.encode()  # a half of a surrogate pair has no bytes
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return dict(pairs)


def _refused(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for one in inner for text in _texts(one)]


def steering(text: str) -> list[str]:
    """Characters that a terminal would obey instead of show; a line end ends a line, as it should."""
    return sorted({f"U+{ord(c):04X}" for c in text if c != "\n" and unicodedata.category(c) in INVISIBLE})


def on_a_page(name: str) -> str:
    """How a person's name has to look on a page."""
    whole = re.sub("[\ud800-\udfff]", "\ufffd", name)[:LONGEST_NAME]
    line = " ".join(whole.splitlines())
    shown = line if line.strip() else "(no name)"
    return settled("".join(f"[U+{ord(c):04X}]" if unicodedata.category(c) in INVISIBLE else c for c in shown))


def settled(text: str) -> str:
    """The text with white space as a browser leaves it."""
    return " ".join(text.split())


class Seen(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, and the text of each cell."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.cells[-1] += data

    @property
    def active(self) -> list[tuple[str, dict[str, str | None]]]:
        """Elements that could run, fetch or lead away."""
        return [(tag, attrs) for tag, attrs in self.elements if tag in ACTIVE or _acts(attrs)]


ACTIVE = {
    "script",
    "img",
    "iframe",
    "object",
    "embed",
    "link",
    "base",
    "form",
    "textarea",
    "template",
    "math",
}


def _acts(attributes: dict[str, str | None]) -> bool:
    leads = [
        value or "" for name, value in attributes.items() if name in ("href", "src", "action", "xlink:href")
    ]
    return any(name.startswith("on") for name in attributes) or any(
        not re.fullmatch(r"(?:report-[a-z-]+\.(?:csv|html)|#[\w-]+)", value) for value in leads
    )
