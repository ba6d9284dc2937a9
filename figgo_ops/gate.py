"""When a plan must not be written: limits, states of a tenant, a plan that is not the one that was seen."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from figgo_ops import tenants
from figgo_ops.errors import Refused, UsageError
from figgo_ops.limits import Countable, Excess, Limits, excesses
from figgo_ops.plan import Plan
from figgo_ops.planfile import GOOD_FOR, Confirmed
from figgo_ops.session import Session

DAY = timedelta(hours=24)


def over_limits(session: Session, rows: Iterable[Countable], listed: Mapping[int, int]) -> list[Excess]:
    """The slices in which these rows and the last 24 hours remove more than the limits allow.

    Args:
        listed: our events by legal entity, as the plan found them.
    """
    ledger, name = session.ledger, session.tenant.name
    recent = ledger.removals_since(name, session.clock.now() - DAY)
    limits = Limits(session.tenant.limits.delete_ratio, session.tenant.limits.delete_min)
    slices = ledger.slices(name)
    # The last full listing may be older than what a run wrote since, the first load above all.
    events = {number: max(slices.get(number, 0), listed.get(number, 0)) for number in {*slices, *listed}}
    return excesses(rows, recent, events, limits)


def told(made: Plan, excess: Excess, session: Session) -> str:
    """An excess in words, with what resolves it."""
    limits = session.tenant.limits
    name = made.legal_entities.get(excess.legal_entity or 0, f"legal entity {excess.legal_entity}")
    where = name if excess.legal_entity is not None else made.tenant
    found = (
        f"{excess.planned} removals here and {excess.recent} in the last 24 hours, of {excess.events} events"
    )
    bars = f"more than {limits.delete_min} and more than {limits.delete_ratio:.0%}"
    return f"{where}: {found}, are {bars}. Held until the exact number is given: apply ... --removals N"


def refusals(session: Session, made: Plan) -> tuple[str, ...]:
    """What keeps the plan from being applied as it is, with what resolves it: state and limits."""
    found = []
    try:
        writable(session, made.kind)
    except Refused as refused:
        found.append(f"{refused.message} {refused.remedy}")
    return (
        *found,
        *(told(made, excess, session) for excess in over_limits(session, made.changes, made.listed)),
    )


def listed(confirmed: Confirmed) -> dict[int, int]:
    """Our events by legal entity, as the plan found them."""
    return {int(entity): number for entity, number in confirmed.options["listed"].items()}


def still_good(session: Session, confirmed: Confirmed, confirm: str) -> None:
    """Refuse a plan that is not the one that was seen, or not of today's world.

    Raises:
        Refused, UsageError: with the next step.
    """
    name, again = session.tenant.name, f"Make it again: {confirmed.again}"
    if confirm != confirmed.checksum:
        raise Refused(
            f"The confirmed checksum {confirm} is not this plan's: {confirmed.checksum}.",
            "Confirm the checksum of the plan that was seen.",
            code="wrong-checksum",
        )
    if confirmed.tenant != name:
        raise UsageError(f"The plan is {confirmed.tenant}'s, not {name}'s.", again)
    writable(session, confirmed.kind)
    if session.clock.now() - confirmed.made > GOOD_FOR:
        raise Refused(
            f"The plan was made {confirmed.made:%d %b %H:%M} UTC, over 24 hours ago.", again, code="plan-old"
        )
    # A move writes the routing before anything else: cut short, its plan goes on under the new one.
    policies = (confirmed.policy, confirmed.options.get("policy_after", confirmed.policy))
    same_host = confirmed.host == session.tenant.figgo.host
    if not same_host or session.tenant.policy_digest() not in policies:
        raise Refused(
            "The tenant file has changed since the plan was made: "
            "its events, zones, working time, calendars or scope.",
            again,
            code="policy-changed",
        )


def freeze(session: Session) -> None:
    """Pause the tenant if it is active: no other run shall write what is being taken back."""
    if session.tenant.state == "active":
        session.tenant = tenants.write_state(session.tenant, "paused")


WHILE_PAUSED = frozenset({"undo", "offboard", "resume"})
"""Kinds of plans that a paused tenant takes."""


def writable(session: Session, kind: str) -> None:
    """Refuse to write for a tenant that is not active; a draft takes confirmed plans only.

    Raises:
        Refused: with the next step.
    """
    name, state = session.tenant.name, session.tenant.state
    if state == "draft" and kind == "sync":
        raise Refused(
            f"{name} is a draft: its first load must be seen and confirmed.",
            f"figgo-ops plan {name} --from start, then apply what it prints.",
            code="tenant-draft",
        )
    if state == "paused" and kind not in WHILE_PAUSED:
        raise Refused(
            f"{name} is paused; nothing is written.",
            f"To go on: figgo-ops resume {name}, then apply what it prints.",
            code="tenant-paused",
        )
    if state == "closed" and kind != "offboard":
        raise Refused(
            f"{name} is closed; nothing is written.",
            f"It left us. What could not be reached then: figgo-ops offboard {name}",
            code="tenant-closed",
        )
