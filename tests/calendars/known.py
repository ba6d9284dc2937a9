"""What runs know about a calendar, kept in memory."""

from collections.abc import Iterator
from contextlib import contextmanager


class Known:
    """What runs remember about a calendar, and how many began a log-on."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.begun = 0

    def recall(self, what: str) -> str:
        return self.kept.get(what, "")

    def remember(self, what: str, text: str) -> None:
        self.kept[what] = text

    @contextmanager
    def logging_on(self) -> Iterator[None]:
        self.begun += 1
        yield
