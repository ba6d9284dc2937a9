"""What is wrong on the way to a service is told by its own cause, and nobody is asked to log on there."""

import pytest

from figgo_ops.checks import Check, Status
from figgo_ops.network import Looked, timed
from tests.broken.judge import judge
from tests.broken.scene import Scene
from tests.broken.ways import WAYS


@pytest.mark.parametrize("name", WAYS)
def test_it_is_told_by_its_own_cause_and_by_one_check(scene: Scene, name: str) -> None:
    judge(scene, WAYS[name])


def looked(service: str, status: Status = "ok") -> Looked:
    """A way on which nothing but the clock may be wrong."""
    ours = Check(
        f"{service}: clock", status, "this machine's clock is ahead", code="" if status == "ok" else "clock"
    )
    theirs = (
        None if status == "ok" else Check(ours.name, status, "the clock there is behind", code="server-clock")
    )
    return Looked([Check(f"{service}: certificate", "ok"), ours], theirs=theirs)


@pytest.mark.parametrize(
    ("off", "agreeing", "code"),
    [(1, 3, "server-clock"), (1, 2, "server-clock"), (1, 1, "clock"), (2, 3, "clock")],
)
def test_a_clock_is_theirs_only_when_it_alone_differs(off: int, agreeing: int, code: str) -> None:
    """One service against one other tells nothing, and two that differ make ours the suspect."""
    found = timed(
        {f"off {one}": looked(f"off {one}", "failed") for one in range(off)}
        | {f"good {one}": looked(f"good {one}") for one in range(agreeing)}
    )
    codes = {check.code for name, one in found.items() if name.startswith("off") for check in one.checks}
    assert codes == {"", code}
    assert all(
        check.status == "ok" for name, one in found.items() if name.startswith("good") for check in one.checks
    )
