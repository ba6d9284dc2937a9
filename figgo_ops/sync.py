"""Look, then act: the verbs `plan`, `apply` and `sync` for one tenant."""

import getpass
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import figgo_ops
from figgo_ops import planfile, tenants
from figgo_ops.act import Act, Result, row_of
from figgo_ops.errors import FiggoOpsError, Refused, Stopped, TenantBusy, Unreachable, UsageError, worst_exit
from figgo_ops.gate import listed, over_limits, still_good, told, writable
from figgo_ops.lease import leased
from figgo_ops.leaves import Span
from figgo_ops.limits import held_by, wordless
from figgo_ops.look import Look, Request, Sight
from figgo_ops.mailboxes import GUARDED
from figgo_ops.plan import Plan, Skip
from figgo_ops.planfile import Confirmed, Row
from figgo_ops.roster import Roster, chosen
from figgo_ops.session import Session

KEPT = timedelta(days=90)
ABOVE = "above the limits; look with `plan`, then `apply` with the number it names"
WORDLESS = "a removal by policy or scope needs a confirmed plan: `plan`, then `apply`"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person asked to be planned.

    Attributes:
        employees: ids, mails or employee numbers; empty for everyone.
        legal_entities: ids; empty for all.
        since: first day of the window instead of the horizon's; "start" for the tenant's.
        look_alikes: the answer to look-alikes; None leaves it to the tenant file.
        accept_empty: believe mailboxes that suddenly list nothing.
    """

    employees: tuple[str, ...] = ()
    legal_entities: tuple[int, ...] = ()
    since: date | str | None = None
    look_alikes: str | None = None
    accept_empty: bool = False


def today(session: Session) -> date:
    """The present day where the tenant is."""
    return session.clock.now().astimezone(ZoneInfo(session.tenant.timezone)).date()


def window(session: Session, since: date | str | None) -> Span:
    """The days a plan may change: the horizon, or from `since` on, never before the tenant's start."""
    tenant, now = session.tenant, today(session)
    horizon = tenant.events.horizon
    first = now - timedelta(days=horizon.past_days)
    if since is not None:
        first = tenant.start if since == "start" else _day(since)
    first = max(first, tenant.start)
    return Span(first, max(first, now + timedelta(days=horizon.future_days)))


def _day(since: date | str) -> date:
    try:
        day = since if isinstance(since, date) else date.fromisoformat(since)
    except ValueError as error:
        raise UsageError(f"{since!r} is not a date.", 'Write it as 2026-01-31, or "start".') from error
    if not 1900 <= day.year < 2100:
        raise UsageError(f"{day} is not a day of anybody's leave.", "Give one between 1900 and 2100.")
    return day


def plan(session: Session, ask: Ask) -> Plan:
    """Look, compare, and keep the plan in a file. Writes to no calendar.

    Raises:
        Refused: Figgo shows nobody.
        CredentialRefused, Unreachable: Figgo cannot be read.
        UsageError: somebody asked for does not exist.
    """
    made, _ = _planned(session, ask)
    confirmed = Confirmed.of(made, _options(ask, session, made.listed))
    path = planfile.save(confirmed, session.home.plans)
    return replace(made, checksum=confirmed.checksum, file=path)


def _options(ask: Ask, session: Session, found: Mapping[int, int]) -> dict[str, Any]:
    return {
        "look_alikes": ask.look_alikes or session.tenant.events.look_alikes,
        "answered": ask.look_alikes is not None,
        "accept_empty": ask.accept_empty,
        "listed": {str(entity): number for entity, number in sorted(found.items())},
    }


def _planned(session: Session, ask: Ask) -> tuple[Plan, Sight]:
    look, now = Look(session), today(session)
    request = Request(
        now,
        window(session, ask.since),
        ask.accept_empty,
        ask.look_alikes or session.tenant.events.look_alikes,
    )
    everyone = look.roster(now)
    picked = chosen(everyone, ask.employees, ask.legal_entities)
    ids = look.concerned(everyone, request.window, now) if picked is None else everyone.closure(picked)
    requests, minutes = session.figgo.estimate(len(ids), request.window)
    time = f"{minutes:.0f} min" if minutes >= 1 else "under a minute"
    session.console.say(f"Reading the leaves of {len(ids)} people: at most {requests} requests, {time}")
    sight = look.compare(everyone, look.reader.read(ids, request.window), request)
    made = Plan(
        session.tenant.name,
        session.tenant.figgo.host,
        "plan",
        session.clock.now(),
        now,
        request.window,
        picked,
        session.tenant.policy_digest(),
        tuple(sight.difference.changes),
        len(sight.difference.unchanged),
        tuple(sight.skipped) + _unserved(everyone, picked),
        tuple(sight.unreadable),
        tuple(sight.difference.findings),
        notes=tuple(sight.notes + session.figgo.notes),
        listed=sight.listed,
        people=everyone.people,
        legal_entities=everyone.legal_entities,
    )
    _remember(session, sight, everyone=picked is None)
    return replace(made, refused=_refusals(session, made, sight)), sight


def _unserved(everyone: Roster, picked: frozenset[int] | None) -> tuple[Skip, ...]:
    """People of the plan who get no events: all who cannot be served; who is excluded only when asked for."""
    excluded = sorted((picked or frozenset()) & everyone.out_of_scope)
    reason = "out of scope: excluded by [scope], or no [[calendar]] reaches this person"
    return tuple(skip for skip in everyone.skipped if picked is None or skip.employee in picked) + tuple(
        Skip(number, "", reason) for number in excluded
    )


def _refusals(session: Session, made: Plan, sight: Sight) -> tuple[str, ...]:
    """Everything that keeps the plan, or a part of it, from being applied, with what resolves it."""
    found = list(sight.refused)
    state = session.tenant.state
    if state in ("paused", "closed"):
        found.append(
            f"{made.tenant} is {state}: nothing is written. "
            + (
                f'To go on: set state = "active" in {session.tenant.file}'
                if state == "paused"
                else "It left."
            )
        )
    over = over_limits(session, made.changes, made.listed)
    found += [told(made, excess, session) for excess in over]
    return tuple(found)


def _remember(session: Session, sight: Sight, *, everyone: bool) -> None:
    """Note what was listed; a mailbox that is suddenly empty is believed only once the plan is applied."""
    name, now = session.tenant.name, session.clock.now()
    before = session.ledger.last_listing(name)
    believed = {
        mailbox: seen
        for mailbox, seen in sight.seen.items()
        if seen[0] or mailbox not in before or before[mailbox].events < GUARDED
    }
    session.ledger.note_listing(name, believed, now)
    if everyone and not sight.unreadable:
        session.ledger.note_slices(name, sight.listed, now)


def apply(session: Session, path: Path, confirm: str, removals: int | None = None) -> Result:
    """Write a plan that somebody saw.

    Args:
        path: the plan file.
        confirm: its checksum, as the plan printed it.
        removals: the exact number of counted removals, to let them pass above the limits.

    Raises:
        Refused: wrong checksum, plan too old, made under another policy, tenant paused, wrong number.
        TenantBusy: another apply or sync holds the tenant.
    """
    confirmed = planfile.load(path)
    with _tenant_held(session):
        return _applied(session, confirmed, path, confirm, removals)


def _applied(
    session: Session, confirmed: Confirmed, path: Path, confirm: str, removals: int | None
) -> Result:
    still_good(session, confirmed, confirm)
    if removals is not None and removals != confirmed.removals:
        raise Refused(
            f"The plan has {confirmed.removals} removals that count, not {removals}; nothing was written.",
            f"Look again, then: apply {path} --confirm {confirmed.checksum} --removals {confirmed.removals}",
            code="wrong-number",
        )
    over = [] if removals is not None else over_limits(session, confirmed.rows, listed(confirmed))
    held = dict.fromkeys(held_by(confirmed.rows, over), ABOVE)
    result = _run(session, "apply", confirmed)
    _write(session, confirmed, held, result)
    return result


def sync(session: Session, ask: Ask) -> Result:
    """Plan and write what needs nobody's word; the rest is held and reported.

    Raises:
        Refused: the tenant is not active, or Figgo shows nobody.
        TenantBusy: another apply or sync holds the tenant.
        CredentialRefused, Unreachable: Figgo cannot be read.
    """
    writable(session, "sync")
    with _tenant_held(session):
        made, sight = _planned(session, ask)
        confirmed = Confirmed.of(made, _options(ask, session, made.listed))
        held = dict.fromkeys(wordless(made.changes), WORDLESS)
        over = over_limits(session, made.changes, made.listed)
        held |= dict.fromkeys(held_by(made.changes, over), ABOVE)
        result = _run(session, "sync", confirmed)
        result.unchanged = made.unchanged
        result.unreadable = list(made.unreadable)
        result.notes = [*made.notes, *made.refused]
        result.held += [row_of(change, reason) for change, reason in sight.held]
        result.exits += [Refused.exit] if made.refused else []
        _write(session, confirmed, held, result)
    return result


@contextmanager
def _tenant_held(session: Session) -> Iterator[None]:
    """Hold the tenant against other applies and syncs."""
    name = f"tenant:{session.tenant.name}"
    holder = uuid.uuid4().hex
    with leased(session.ledger, [name], holder, session.clock) as (_, taken):
        if not taken:
            raise TenantBusy(
                f"Another apply or sync is working for {session.tenant.name}.",
                "Wait for it to end, then run again; after a crash it is free within two minutes.",
            )
        yield


def _run(session: Session, command: str, confirmed: Confirmed) -> Result:
    parameters = {
        "today": confirmed.today.isoformat(),
        "window": [confirmed.window.first.isoformat(), confirmed.window.last.isoformat()],
        "selection": None if confirmed.selection is None else sorted(confirmed.selection),
        **confirmed.options,
    }
    _expire(session)
    run = session.ledger.start_run(
        session.tenant.name,
        command,
        who(),
        parameters,
        confirmed.checksum,
        figgo_ops.__version__,
        session.clock.now(),
    )
    return Result(run, session.tenant.name)


def _expire(session: Session) -> None:
    """Let go of what is older than anyone may undo."""
    now = session.clock.now()
    session.ledger.expire(now, KEPT.days)
    for path in session.home.plans.glob("*.json"):
        if now.timestamp() - path.stat().st_mtime > KEPT.total_seconds():
            path.unlink(missing_ok=True)


def who() -> str:
    """The person or service this process runs as."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return f"uid {os.getuid()}"


def _write(session: Session, confirmed: Confirmed, held: dict[int, str], result: Result) -> None:
    """Write the rows that are not held, and close the run whatever happens."""
    rows: list[Row] = []
    for row in confirmed.rows:
        if row.unit in held:
            result.held.append(row_of(row, held[row.unit]))
        else:
            rows.append(row)
    exit_code = FiggoOpsError.exit
    try:
        _act(session, confirmed, rows, result)
        exit_code = exit_of(result)
    except KeyboardInterrupt as stop:
        exit_code = Stopped.exit if isinstance(stop, Stopped) else 130
        raise
    except FiggoOpsError as error:
        exit_code = error.exit
        raise
    finally:
        counts = {name: getattr(result, name) for name in ("created", "updated", "deleted", "unchanged")}
        session.ledger.end_run(result.run, exit_code, counts, session.clock.now())
        line = {"run": result.run, "exit": exit_code} | counts
        session.ledger.note_health(session.tenant.name, today(session), line)


def _act(session: Session, confirmed: Confirmed, rows: list[Row], result: Result) -> None:
    request = Request(
        confirmed.today,
        confirmed.window,
        bool(confirmed.options["accept_empty"]),
        str(confirmed.options["look_alikes"]),
    )
    if confirmed.options["answered"] and confirmed.selection is None:
        session.tenant = tenants.write_look_alikes(session.tenant, "ignore")
    look = Look(session)
    if rows or request.accept_empty:
        everyone = look.roster(confirmed.today)
        act = Act(session, look, result, lambda: _activate(session))
        act.write(rows, everyone, request, confirmed.selection if request.accept_empty else None)


def _activate(session: Session) -> None:
    session.ledger.remember(session.tenant.name, "host", session.tenant.figgo.host)
    if session.tenant.state == "draft":
        session.tenant = tenants.load(session.home, session.tenant.name)  # somebody may have edited it
        if session.tenant.state == "draft":
            session.tenant = tenants.write_state(session.tenant, "active")


def exit_of(result: Result) -> int:
    """The exit code that tells what became of a run."""
    exits = [1 if code == Unreachable.exit and result.written else code for code in result.exits]
    if result.held:
        exits.append(3)
    if result.failed or result.stale or result.unknown:
        exits.append(1)
    unread = [1 if row.exit == Unreachable.exit and result.written else row.exit for row in result.unreadable]
    return worst_exit(exits + unread)


def exit_of_plan(made: Plan) -> int:
    """The exit code that tells how a plan came out."""
    refused = [Refused.exit] if made.refused else []
    return worst_exit(refused + [row.exit for row in made.unreadable])
