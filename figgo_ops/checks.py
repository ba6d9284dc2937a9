"""What diagnostics tried, one check at a time, and what will end one day.

Pure: no input or output, no clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from figgo_ops.errors import CredentialRefused, FiggoOpsError, Incomplete, Unreachable, UsageError

Status = Literal["ok", "warning", "failed", "skipped", "pending"]

SUPPORT = "support engineer"
CUSTOMER = "customer's administrator"
NETWORK = "network"
NOBODY = "nobody: wait"

WARN_DAYS = 60
"""How long before its end a secret or a certificate is worth a word: a change at a customer takes weeks."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that diagnostics tried.

    Attributes:
        name: the same in every run, such as "head office: rights".
        status: pending says that the customer's change may need more time until it acts.
        cause: in plain words; of a good check, what was found.
        remedy: the next step.
        who: who must act on it.
        code: short stable name of the cause, for programs; "" of a good check.
        tried: what was done.
        seen: what came back, in the other side's own words; never a secret.
        page: name of the runbook page that says more.
    """

    name: str
    status: Status
    cause: str = ""
    remedy: str = ""
    who: str = ""
    code: str = ""
    tried: str = ""
    seen: str = ""
    page: str = ""

    @property
    def clean(self) -> bool:
        """Whether nobody has to do anything about it."""
        return self.status in ("ok", "skipped")


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something that ends on a day: a certificate, a secret, an interface of the vendor.

    Attributes:
        what: such as "the certificate of application 3f0d6f8b".
        day: the last day on which it surely works.
        remedy: what renews it.
        code: short stable name, as of a check.
    """

    what: str
    day: date
    remedy: str
    who: str = CUSTOMER
    code: str = "deadline"


def of(name: str, error: FiggoOpsError | None, good: str = "", *, tried: str = "", seen: str = "") -> Check:
    """The check of a step that succeeded, or failed with this error.

    Args:
        good: what was found where nothing is wrong.
    """
    if error is None:
        return Check(name, "ok", good, tried=tried, seen=seen)
    return Check(name, "failed", error.message, error.remedy, who(error), error.code, tried, seen)


def skipped(names: Iterable[str], why: str) -> list[Check]:
    """Checks that were not made because of another one."""
    return [Check(name, "skipped", why) for name in names]


def who(error: FiggoOpsError) -> str:
    """Who must act on an error of this kind."""
    if isinstance(error, CredentialRefused):
        return CUSTOMER
    if isinstance(error, UsageError):
        return SUPPORT
    if isinstance(error, Unreachable):
        return NETWORK
    return NOBODY if isinstance(error, Incomplete) else CUSTOMER


def until(deadline: Deadline, today: date, name: str) -> Check:
    """The check of a deadline: good, near, or passed."""
    left = (deadline.day - today).days
    if left > WARN_DAYS:
        return Check(name, "ok", f"good until {deadline.day}")
    when = f"ends on {deadline.day}, in {left} days" if left >= 0 else f"ended on {deadline.day}"
    status: Status = "warning" if left >= 0 else "failed"
    return Check(name, status, f"{deadline.what} {when}", deadline.remedy, deadline.who, deadline.code)


def exit_of(checks: Iterable[Check]) -> int:
    """The exit code of a diagnosis: 6 when a check failed; what only warns or waits is information."""
    return 6 if any(check.status == "failed" for check in checks) else 0
