"""A question to a provider without an answer: whether it may have been carried out, and what follows."""

from typing import TypeVar

from figgo_ops.errors import FiggoOpsError, Unreachable
from figgo_ops.plan import Mailbox
from figgo_ops.transport import network_cause, tls_cause

E = TypeVar("E", bound=FiggoOpsError)

CERTIFICATE = "certificate"


class Denial(Exception):
    """A provider said no, and what that means for a person."""

    def __init__(self, error: FiggoOpsError) -> None:
        super().__init__(error.message)
        self.error = error

    @property
    def seen(self) -> str:
        """What it said, in its own words as far as they may be repeated."""
        return ""


class Lost(Exception):
    """No answer, or none of the provider's.

    Attributes:
        sent: whether the request may have arrived and been carried out.
        network: whether this says something about the way to the provider, not about one mailbox.
        final: whether trying again is pointless.
        asked: seconds that the provider wants us to wait.
    """

    def __init__(
        self,
        error: FiggoOpsError,
        *,
        sent: bool,
        network: bool = True,
        final: bool = False,
        asked: float | None = None,
    ) -> None:
        super().__init__(error.message)
        self.error, self.sent, self.network = error, sent, network
        self.final, self.asked = final, asked


def lost(whom: object, provider: str, error: BaseException, *, sent: bool) -> Lost:
    """What a broken connection means."""
    cause, remedy = network_cause(error)
    code = CERTIFICATE if tls_cause(error) else ""
    unreachable = Unreachable(f"{whom}: {provider} could not be asked: {cause}.", remedy, code=code)
    return Lost(unreachable, sent=sent, final=code == CERTIFICATE)


def about(error: E, mailbox: Mailbox) -> E:
    """The same error about another mailbox of the same calendar."""
    whom, colon, said = error.message.partition(": ")
    told = f"{mailbox}: {said}" if colon and whom.endswith(f"({mailbox.calendar})") else error.message
    return type(error)(told, error.remedy, code=error.code)
