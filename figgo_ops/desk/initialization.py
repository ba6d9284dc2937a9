"""The first load of a customer's calendars, seen before it is written: the verbs of its notebook."""

import re

from figgo_ops import planfile, sync, words
from figgo_ops.console import Cell
from figgo_ops.desk import kernel, reports
from figgo_ops.desk.charts import ACTIONS
from figgo_ops.desk.verdict import Verdict
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from figgo_ops.plan import Plan
from figgo_ops.result import Result
from figgo_ops.session import Session


def look(tenant: str, start: str = "", legal_entities: str = "") -> Plan:
    """Plan what the calendars need from `start` on; nothing is written to any of them.

    Args:
        tenant: name of the tenant file.
        start: YYYY-MM-DD; empty for the tenant's own start.
        legal_entities: ids with commas between; empty for all.

    Raises:
        FiggoOpsError: as `sync.plan`.
    """
    kernel.guard()
    ask = sync.Ask(legal_entities=ids(legal_entities), since=start.strip() or "start")
    with Session(Home.open(), tenant, console=Cell()) as session:
        return sync.plan(session, ask)


def act(plan: Plan, confirm: str = "") -> Verdict:
    """Write the plan whose checksum was confirmed or, without one, say how to confirm this one.

    Args:
        plan: as `look` just made it.
        confirm: checksum of a plan that somebody saw, this one or an earlier one of the last 24 hours.

    Raises:
        FiggoOpsError: as `sync.apply`.
    """
    kernel.guard()
    if not confirm.strip():
        return _waiting(plan)
    home = Home.open()
    path = planfile.find(home.plans, confirm.strip())
    with Session(home, plan.tenant, console=Cell()) as session:
        return _written(sync.apply(session, path, confirm.strip()), plan)


def ids(text: str) -> tuple[int, ...]:
    """The ids in a parameter, with commas between.

    Raises:
        UsageError: one of them is none.
    """
    found = [part for part in re.split(r"[,;\s]+", text) if part]
    wrong = [part for part in found if not part.isdecimal()]
    if wrong:
        raise UsageError(
            f'legal_entities has "{wrong[0]}", which is no id.',
            "Write the ids with commas between, such as 1,4.",
        )
    return tuple(int(part) for part in found)


def _waiting(plan: Plan) -> Verdict:
    step = reports.next_step(plan)
    changes = ", ".join(f"{plan.count(action)} to {action}" for action in ACTIONS)
    message = f"Nothing was written. The plan has {changes}; {plan.unchanged} events are as they should be."
    remedy = f"Read the plan; if it is right, run again with confirm={plan.checksum}." if plan.changes else ""
    return Verdict(sync.exit_of_plan(plan), message, remedy, words.plan_document(plan), (step,))


def _written(result: Result, plan: Plan) -> Verdict:
    exit_code = sync.exit_of(result)
    message = f"{result.created} events created, {result.updated} updated, {result.deleted} removed."
    left = sum(len(rows) for rows in (result.failed, result.stale, result.unknown, result.held))
    remedy = f"{left} changes were not written; each says why below." if left else ""
    return Verdict(exit_code, message, remedy, result.document(), tuple(reports.outcome(result, plan)))
