"""Take back one run: a plan made from the ledger and the calendars, and what becomes of the tenant."""

from collections import defaultdict

from figgo_ops import planfile, tenants
from figgo_ops.diff import Difference
from figgo_ops.errors import Refused
from figgo_ops.gate import freeze, refusals
from figgo_ops.ledger import Recorded
from figgo_ops.plan import Listing, Mailbox, Plan
from figgo_ops.planfile import Confirmed
from figgo_ops.recall.takeback import Written, undone
from figgo_ops.recall.view import Recall, listed_option, recalled
from figgo_ops.result import Result
from figgo_ops.session import Session
from figgo_ops.view import Kind


def plan(session: Session, run: str) -> Plan:
    """Pause the tenant, and plan what takes back exactly this run. Writes to no calendar, asks no Figgo.

    Raises:
        UsageError: the ledger knows no such run of this tenant.
        Refused: the run wrote nothing, or the tenant is closed.
    """
    view = _view(session, run)
    if session.tenant.state == "closed":
        raise Refused(
            f"{session.tenant.name} is closed; nothing is written.",
            f"It left us. What could not be reached then: figgo-ops offboard {session.tenant.name}",
            code="tenant-closed",
        )
    freeze(session)
    sight = view.compare(frozenset(view.where))
    sight.notes += _routing(session, run)
    made = recalled(session, "undo", sight, view.where)
    options = {"run": run, "left": len(sight.difference.skipped), "listed": listed_option(made)}
    return planfile.kept(made, options, session.home.plans, refusals(session, made))


def _routing(session: Session, run: str) -> list[str]:
    """What to do about the tenant file, which an undo never changes back."""
    parameters = session.ledger.run(run).parameters
    if parameters.get("kind") != "move" or not parameters["before"]:
        return []
    sends = f"The run was a move, and {session.tenant.file} keeps sending its people to {parameters['to']}"
    return [f"{sends}: `resume` would write there again. Let it say as before first: {parameters['before']}"]


def _view(session: Session, run: str) -> Recall:
    recorded = [one for one in session.ledger.changes(run) if one.status != "failed"]
    name = session.tenant.name
    if session.ledger.run(run).tenant != name or not recorded:
        last = session.ledger.last_writing_run(name)
        raise Refused(
            f"The run {run} wrote nothing for {name}: there is nothing to take back.",
            f"The last run that wrote: figgo-ops undo {last}" if last else "No run wrote anything yet.",
            code="nothing-written",
        )
    where: dict[int, set[Mailbox]] = defaultdict(set)
    for one in recorded:
        where[one.change.employee].add(one.change.mailbox)
    written = _written(session, run, recorded)

    def decide(ids: frozenset[int], listings: list[Listing]) -> Difference:
        return undone([one for one in written if one.change.employee in ids], listings)

    return Recall(session, {number: frozenset(found) for number, found in where.items()}, decide)


def _written(session: Session, run: str, recorded: list[Recorded]) -> list[Written]:
    later = session.ledger.touched_later(run)
    return [
        Written(one.change, one.event_id, *later.get((one.change.mailbox, str(one.change.key)), ("", True)))
        for one in recorded
    ]


def _after(session: Session, confirmed: Confirmed, result: Result) -> None:
    """A tenant in whose calendars nothing of ours is left is a draft again."""
    left = result.failed or result.unknown or result.stale or result.held or result.unreadable
    stay = confirmed.options["left"]
    result.notes += _routing(session, str(confirmed.options["run"]))
    if stay:
        result.notes.append(f"{stay} events of the run were left as they are; the plan says why for each.")
    name = session.tenant.name
    listed = session.ledger.last_listing(name).values()
    if not (left or stay) and not any(seen.events for seen in listed) and session.tenant.state == "paused":
        session.tenant = tenants.write_state(session.tenant, "draft")
        result.notes.append(f"{name} is a draft again: no event of it is left.")
    elif session.tenant.state == "paused":
        result.notes.append(f"{name} stays paused. To go on: figgo-ops resume {name}")


def _before(session: Session, _confirmed: Confirmed) -> None:
    freeze(session)


KIND = Kind(
    lambda session, confirmed: _view(session, str(confirmed.options["run"])), before=_before, after=_after
)
"""An undo plan; the only other plans a paused tenant takes are those of `offboard` and `resume`."""
