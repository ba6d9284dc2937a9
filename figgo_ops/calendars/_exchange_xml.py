"""The words of Exchange's XML, read and written without regard to prefixes and order.

Pure: no input or output, no clock.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
_PREFIXES = {"m": MESSAGES, "t": TYPES}

Element = Any
"""An element of lxml, which ships no types."""


def element(name: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    """An element such as `t:Subject`, with what is inside."""
    prefix, _, local = name.partition(":")
    made = etree.Element(f"{{{_PREFIXES[prefix]}}}{local}", attributes, nsmap=_PREFIXES)
    made.text = text
    made.extend(children)
    return made


def name_of(found: Element) -> str:
    """The element's name without its namespace; "" for a comment or an instruction."""
    return etree.QName(found).localname if isinstance(found.tag, str) else ""


def child(parent: Element | None, *path: str) -> Element | None:
    """The first element of that name inside, and inside that; None where there is none."""
    found = parent
    for name in path:
        found = next((one for one in children(found) if name_of(one) == name), None)
    return found


def children(parent: Element | None) -> Iterable[Element]:
    """All elements directly inside; none of nothing."""
    return () if parent is None else parent


def inside(parent: Element, name: str) -> Iterator[Element]:
    """All elements of that name, however deep."""
    return (one for one in parent.iter() if name_of(one) == name)


def text_of(parent: Element | None, *path: str) -> str:
    """The text of `child`, without spaces around it; "" where there is none."""
    found = child(parent, *path)
    return "" if found is None else (found.text or "").strip()


def is_true(text: str) -> bool:
    """Exchange's booleans are spelt in two ways."""
    return text in ("true", "1")
