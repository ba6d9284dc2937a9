"""Look, then act: the verbs `plan`, `resume`, `apply` and `sync` for one tenant."""

import getpass
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import figgo_ops
from figgo_ops import elsewhere, move, planfile, tenants
from figgo_ops.act import Act
from figgo_ops.errors import FiggoOpsError, Refused, Stopped, TenantBusy, Unreachable, worst_exit
from figgo_ops.gate import listed, over_limits, still_good, writable
from figgo_ops.lease import leased
from figgo_ops.limits import held_by, wordless
from figgo_ops.look import Look, Request
from figgo_ops.plan import Mailbox, Plan
from figgo_ops.planfile import Confirmed, Row
from figgo_ops.planning import Ask, options, plan, planned, resume, window
from figgo_ops.recall import offboard, undo
from figgo_ops.result import Result, row_of
from figgo_ops.session import Session
from figgo_ops.view import Afresh, Kind

KEPT = timedelta(days=90)
ADDRESSES = frozenset({"places", "homes"})
"""Options with mail addresses: they are not kept with the run, where `--hard` would not find them."""
HELD = 10_000
"""So many held rows are kept with their run; more than that would only repeat the cause."""
ABOVE = "above the limits; look with `plan`, then `apply` with the number it names"
WORDLESS = "a removal by policy or scope needs a confirmed plan: `plan`, then `apply`"

__all__ = ["Ask", "apply", "exit_of", "exit_of_plan", "plan", "resume", "sync", "window"]


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
    KINDS[confirmed.kind].closed(session, confirmed, result)
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
        made, sight = planned(session, ask)
        confirmed = Confirmed.of(made, options(ask, session, made.listed) | elsewhere.kept(sight.homes))
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
        "kind": confirmed.kind,
        "today": confirmed.today.isoformat(),
        "window": [confirmed.window.first.isoformat(), confirmed.window.last.isoformat()],
        "selection": None if confirmed.selection is None else sorted(confirmed.selection),
        **{name: value for name, value in confirmed.options.items() if name not in ADDRESSES},
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
        session.ledger.end_run(result.run, exit_code, counts | _held(result), session.clock.now())
        line = {"run": result.run, "exit": exit_code} | counts
        session.ledger.note_health(session.tenant.name, session.today, line)


def _held(result: Result) -> dict[str, object]:
    """The rows that wait for a person's word, for whoever asks later why nothing was written."""
    rows = [{"key": row.key, "action": row.action, "error": row.error} for row in result.held[:HELD]]
    return {"held": rows} if rows else {}


def _act(session: Session, confirmed: Confirmed, rows: list[Row], result: Result) -> None:
    kind = KINDS[confirmed.kind]
    kind.before(session, confirmed)
    also = confirmed.selection if confirmed.options.get("accept_empty") else None
    if rows or also:
        for part in kind.passes(kind.view(session, confirmed), rows):
            act = Act(session, part.view, result, lambda: kind.first_write(session), part.no_longer)
            act.write(part.rows, also)
    kind.after(session, confirmed, result)


def _afresh(session: Session, confirmed: Confirmed) -> Afresh:
    request = Request(
        confirmed.today,
        confirmed.window,
        bool(confirmed.options["accept_empty"]),
        str(confirmed.options["look_alikes"]),
    )
    look = Look(session)
    named = {
        int(number): [Mailbox(*place) for place in places]
        for number, places in confirmed.options.get("places", {}).items()
    }
    everyone = look.roster(confirmed.today).with_places(named)
    homes = confirmed.options.get("homes", {})
    return Afresh(look, elsewhere.rehomed(session, everyone, homes), request)


def _answer(session: Session, confirmed: Confirmed) -> None:
    """Keep the answer about look-alikes, where it was given for everyone."""
    answer = confirmed.options["look_alikes"]
    if confirmed.options["answered"] and confirmed.selection is None:
        session.tenant = tenants.write_look_alikes(session.tenant, answer)


def _activate(session: Session) -> None:
    session.ledger.remember(session.tenant.name, "host", session.tenant.figgo.host)
    if session.tenant.state == "draft":
        session.tenant = tenants.load(session.home, session.tenant.name)  # somebody may have edited it
        if session.tenant.state == "draft":
            session.tenant = tenants.write_state(session.tenant, "active")


def _resumed(session: Session, _confirmed: Confirmed, result: Result) -> None:
    session.tenant = tenants.write_state(session.tenant, "active")
    result.notes.append(f"{session.tenant.name} is active again.")


KINDS = {
    "plan": Kind(_afresh, _answer, _activate),
    "audit": Kind(_afresh, first_write=_activate),
    "resume": Kind(_afresh, first_write=_activate, after=_resumed),
    "move": Kind(
        lambda session, confirmed: move.arriving(_afresh(session, confirmed)),
        before=move.before,
        first_write=_activate,
        after=move.after,
        passes=move.passes,
    ),
    "undo": undo.KIND,
    "offboard": offboard.KIND,
}
"""How plans are applied, by the command that made them."""


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
