"""The support engineer's hands for what takes back: undo, resume, off-board."""

from typing import Any

from figgo_ops import sync
from figgo_ops.limits import counted
from figgo_ops.plan import Plan
from figgo_ops.recall import offboard, undo
from figgo_ops.result import Result
from tests.rehearsal import Corail, Event


def planned_undo(corail: Corail, run: str) -> Plan:
    """Plan what takes back a run."""
    with corail.session() as session:
        return undo.plan(session, run)


def undone(corail: Corail, run: str) -> Result:
    """Take back a run, with the number of removals that the plan names."""
    return confirmed(corail, planned_undo(corail, run))


def planned_resume(corail: Corail) -> Plan:
    """Plan what a paused tenant's calendars need."""
    with corail.session() as session:
        return sync.resume(session)


def planned_offboard(corail: Corail, **asked: Any) -> Plan:
    """Plan the removal of every event of ours."""
    with corail.session() as session:
        return offboard.plan(session, offboard.Ask(**asked))


def offboarded(corail: Corail, **asked: Any) -> Result:
    """Off-board, with the number of removals that the plan names."""
    return confirmed(corail, planned_offboard(corail, **asked))


def confirmed(corail: Corail, seen: Plan) -> Result:
    """Apply a plan with the exact number of its counted removals."""
    return corail.apply(seen, removals=counted(seen.changes))


def state(corail: Corail) -> str:
    """What the tenant file says now."""
    with corail.session() as session:
        return session.tenant.state


def without_traces(corail: Corail) -> dict[str, list[Event]]:
    """Every calendar as its owner sees it, without what each write changes anyway."""
    traces = ("etag", "updated", "sequence", "created")
    return {
        mail: sorted(
            ({name: value for name, value in event.items() if name not in traces} for event in events),
            key=lambda event: str(event["id"]),
        )
        for mail, events in corail.stage.calendars().items()
        if events
    }
