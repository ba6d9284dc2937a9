"""The way to a service, step by step: name, proxy, port, certificate, clock.

Nothing secret is sent: beyond TCP and TLS one HEAD without credential, and to a proxy the log-on that its
own address holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from figgo_ops.checks import CUSTOMER, Check, Deadline, skipped
from figgo_ops.errors import UsageError
from figgo_ops.network.trouble import Trouble
from figgo_ops.network.way import STEPS, Way
from figgo_ops.pacing import Clock

__all__ = ["Looked", "look", "restricted", "timed"]

_SHUT = frozenset({"port-silent", "tls-silent", "cut"})
"""What a filter does to an address that it does not know."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found out about the way to one service.

    Attributes:
        seen_as: our address as far as it can be seen from here; "" when nothing was sent.
        deadline: when the service's certificate ends.
        theirs: the check of a clock that differs, as it is told where it is not ours that is wrong.
    """

    checks: list[Check] = field(default_factory=list)
    deadline: Deadline | None = None
    seen_as: str = ""
    theirs: Check | None = None

    @property
    def open(self) -> bool:
        """Whether no step failed."""
        return all(check.status != "failed" for check in self.checks)


def look(
    service: str,
    url: str,
    *,
    clock: Clock,
    ca_file: str | None = None,
    timeout: float = 5.0,
    machine: bool = False,
    runs: str = CUSTOMER,
) -> Looked:
    """Walk the way to a service; what stands on a step that failed is skipped.

    Args:
        service: what its checks are called after.
        ca_file: PEM file of the authority to trust instead of the usual ones.
        timeout: seconds that each step may take.
        machine: whether the authorities that this machine trusts count as usual ones too.
        runs: who runs the server, and must act on its certificate.
    """
    way = Way(service, url, clock, ca_file, timeout, machine, runs)
    checks: list[Check] = []
    why = ""
    try:
        for check in way.walk():
            checks.append(check)  # noqa: PERF402 - what was found before a step fails is kept
    except Trouble as trouble:
        checks.append(way.failed(trouble))
    except UsageError as error:
        checks.append(way.unusable(error))
    if checks[-1].status == "failed":
        why = f"see {checks[-1].name}"
        checks += way.timed()
    done = {check.name for check in checks}
    checks += skipped((name for step in STEPS if (name := f"{service}: {step}") not in done), why)
    return Looked(checks, way.deadline, way.seen_as, way.theirs)


def restricted(looked: Mapping[str, Looked]) -> dict[str, Looked]:
    """The same, with one that shuts only our address out told as such.

    It is told by comparison: silence or a cut at one service, while another one lets us in.
    """
    shut = {name for name, one in looked.items() if any(map(_is_shut, one.checks))}
    if not any(one.open for name, one in looked.items() if name not in shut):
        return dict(looked)
    return {name: _turned_away(one) if name in shut else one for name, one in looked.items()}


def timed(looked: Mapping[str, Looked]) -> dict[str, Looked]:
    """The same, with one service's clock told as wrong in place of ours.

    It is told by comparison: it alone differs, and at least two others agree with us.
    """
    off = [name for name, one in looked.items() if one.theirs]
    agreeing = sum(any(_agrees(check) for check in one.checks) for one in looked.values())
    if len(off) != 1 or agreeing < 2:
        return dict(looked)
    return {name: _corrected(one) if name in off else one for name, one in looked.items()}


def _agrees(check: Check) -> bool:
    return check.status == "ok" and check.name.endswith(": clock")


def _corrected(looked: Looked) -> Looked:
    theirs = looked.theirs
    checks = [theirs if theirs and check.name == theirs.name else check for check in looked.checks]
    return replace(looked, checks=checks)


def _is_shut(check: Check) -> bool:
    return check.status == "failed" and check.code in _SHUT


def _turned_away(looked: Looked) -> Looked:
    at = next(n for n, check in enumerate(looked.checks) if _is_shut(check))
    return replace(looked, checks=[*looked.checks[:at], _told(looked, at), *looked.checks[at + 1 :]])


def _told(looked: Looked, at: int) -> Check:
    """The check that was shut to us, by its true cause."""
    shut = looked.checks[at]
    address = looked.seen_as or "not visible from here"
    why = f"{shut.cause}, while other services let us in"
    return replace(
        shut,
        cause=f"It most likely turns our address away ({address}): {why}.",
        remedy="Have the customer let this address in, or give the port in the url if it is another one.",
        who=CUSTOMER,
        code="address-refused",
    )
