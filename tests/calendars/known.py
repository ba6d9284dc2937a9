"""What runs know about a calendar, kept in memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from figgo_ops.errors import CredentialRefused


class Known:
    """What runs remember about a calendar, and how many began a log-on.

    Attributes:
        refuse: another process was refused with the same credential.
    """

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.begun = 0
        self.refuse = False

    def recall(self, what: str) -> str:
        return self.kept.get(what, "")

    def remember(self, what: str, text: str) -> None:
        self.kept[what] = text

    @contextmanager
    def logging_on(self, _sleep: Callable[[float], None]) -> Iterator[None]:
        self.begun += 1
        if self.refuse:
            raise CredentialRefused("It was refused before.", code="credential-remembered")
        yield
