"""What a probe says of each step, whichever provider it is about."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from figgo_ops.calendars._lost import Denial, Lost
from figgo_ops.checks import SUPPORT, Check, of, skipped, who
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    Incomplete,
    RightsMissing,
    Unreachable,
    UsageError,
)
from figgo_ops.plan import Listing
from figgo_ops.transport import chain

NAMES = ("log-on", "rights", "outside", "calendar", "time zone")
TOO_WIDE, UNTOLD = "scope-too-wide", "outside-untold"

_KEPT_OUT = frozenset({"outside-scope", "access-policy"})
"""Only these say that our rights end before a mailbox; others say the same of every mailbox."""

_OF_ONE_MAILBOX = frozenset({"client-blocked", "access-denied"})
"""Rights that are missing for one mailbox, and so stop no other."""

Step = Literal["log-on", "rights", "calendar"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a provider, in words, by the check that it belongs to."""

    log_on: str
    rights: str
    calendar: str


@dataclass(frozen=True, slots=True)
class Met:
    """What the reading of one mailbox met.

    Attributes:
        step: how far it came; the calendar where nothing went wrong.
        seen: what came back instead of an answer.
        admitted: whether the rights to the mailbox are proven.
    """

    listing: Listing | None = None
    error: FiggoOpsError | None = None
    step: Step = "calendar"
    seen: str = ""
    admitted: bool = True


def met(trouble: BaseException, *, logged_on: bool, admitted: bool = False) -> Met:
    """What a reading met that failed.

    Args:
        trouble: a denial, a lost answer, or the error that a person should read.
        logged_on: whether whoever answered, or would have, knows us by then.
        admitted: whether the rights are proven all the same.
    """
    error = trouble.error if isinstance(trouble, Denial | Lost) else trouble
    if not isinstance(error, FiggoOpsError):
        raise trouble
    reached = admitted or isinstance(error, Incomplete)
    return Met(None, error, _step(error, logged_on=logged_on), seen_in(trouble), reached)


def _step(error: FiggoOpsError, *, logged_on: bool) -> Step:
    if not logged_on or isinstance(error, UsageError):
        return "log-on"
    if isinstance(error, RightsMissing) or error.code in _OF_ONE_MAILBOX:
        return "rights"
    return "log-on" if isinstance(error, CredentialRefused) else "calendar"


def seen_in(trouble: BaseException) -> str:
    """What came back, in the provider's own words or in those of this machine; "" where nobody said any."""
    behind = list(chain(trouble))
    for link in behind:
        if isinstance(link, Denial):
            return link.seen
    # Other errors of the network may quote what was sent.
    for link in reversed(behind):
        if isinstance(link, OSError) and link.strerror:
            return f"{type(link).__name__}: {link.strerror}"
    return "no answer, or nobody's we know" if isinstance(trouble, Lost) else ""


def checks(
    found: Met, asked: Asked, version: str, outside: Callable[[], Check], zone: Callable[[Listing], Check]
) -> Iterator[Check]:
    """The five checks of a probe in their order.

    Args:
        found: what the reading of the mailbox met.
        version: what is known of whoever answered.
        outside, zone: make these checks where they are worth making.
    """
    if found.error and found.step == "log-on":
        yield of("log-on", found.error, tried=asked.log_on, seen=found.seen)
        yield from skipped(NAMES[1:], "nobody is logged on")
        return
    yield of("log-on", None, version, tried=asked.log_on)
    if found.error and found.step == "rights":
        yield of("rights", found.error, tried=asked.rights, seen=found.seen)
        yield from skipped(NAMES[2:], "there is no right to the mailbox")
        return
    if found.admitted:
        yield of("rights", None, "the mailbox lets us in", tried=asked.rights)
    else:
        yield from skipped(["rights"], "nothing can be told while the mailbox does not answer")
    if isinstance(found.error, Unreachable):
        # Whoever stands in between would be taken for a refusal, or for none.
        yield from skipped(["outside"], "nothing can be told while the mailbox does not answer")
    else:
        yield outside()
    if found.error or found.listing is None:
        yield of("calendar", found.error, tried=asked.calendar, seen=found.seen)
        yield from skipped(NAMES[4:], "the calendar could not be read")
        return
    alias = f", and the address is an alias of {found.listing.primary}" if found.listing.primary else ""
    good = f"{len(found.listing.events)} of our events{alias}"
    yield of("calendar", None, good, tried=asked.calendar)
    yield zone(found.listing)


def outside_unnamed() -> Check:
    """The check of a mailbox outside the scope where nobody named one."""
    return Check("outside", "skipped", "no mailbox outside the scope was named")


def outside(found: Met, mailbox: str, remedy: str, *, who: str) -> Check:
    """The check of a mailbox that must be out of reach.

    Args:
        found: what its reading met.
        remedy: how the provider's rights are narrowed.
        who: has to narrow them.
    """
    tried = f"asked for the calendar of {mailbox}, which must be out of reach"
    error = found.error
    if error is None or (found.step == "calendar" and found.admitted):
        why = f"{mailbox} can be reached though it is outside the scope: our rights are too wide"
        return Check("outside", "failed", why, remedy, who, TOO_WIDE, tried, "the calendar was shown")
    if error.code in _KEPT_OUT:
        return Check("outside", "ok", f"{mailbox} is refused, as it should be", tried=tried, seen=found.seen)
    why = f"whether {mailbox} is out of reach cannot be told: {error.message}"
    instead = "Name another mailbox that exists and is outside the scope."
    return Check("outside", "warning", why, instead, SUPPORT, UNTOLD, tried, found.seen)


def zone_unread(trouble: Denial | Lost, tried: str) -> Check:
    """The check of a time zone that could not be asked for."""
    error = trouble.error
    return Check(
        "time zone",
        "warning",
        error.message,
        error.remedy,
        who(error),
        error.code,
        tried,
        seen_in(trouble),
    )
