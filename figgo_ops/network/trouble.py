"""What a step of the way to a service found wrong, and who must act on it."""

from figgo_ops.causes import Cause
from figgo_ops.checks import NETWORK

LONGEST = 200
"""Characters of the other side's own words that are worth showing."""


class Trouble(Exception):
    """A step that did not succeed.

    Attributes:
        cause: in plain words, with remedy and code.
        who: must act on it.
        seen: what came back, in the other side's own words.
    """

    def __init__(self, cause: Cause, who: str = NETWORK, seen: str = "") -> None:
        super().__init__(cause.said)
        self.cause, self.who, self.seen = cause, who, seen


def shown(raw: bytes | str) -> str:
    """What somebody sent, as one short line that steers no terminal."""
    text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
    return "".join(c if c.isprintable() else " " for c in text[:LONGEST]).strip()
