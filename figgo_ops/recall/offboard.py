"""Off-board a tenant or a person: every event of ours goes, and a certificate says so."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from figgo_ops import planfile, tenants
from figgo_ops.diff import Difference
from figgo_ops.errors import FiggoOpsError, Refused, UsageError
from figgo_ops.gate import freeze, refusals
from figgo_ops.look import Sight
from figgo_ops.plan import Finding, Listing, Mailbox, Plan
from figgo_ops.planfile import Confirmed
from figgo_ops.planning import WHOLE
from figgo_ops.recall import certificate
from figgo_ops.recall.forget import forget
from figgo_ops.recall.takeback import cleared
from figgo_ops.recall.view import Recall, listed_option, recalled
from figgo_ops.result import Result
from figgo_ops.secrets import write_private
from figgo_ops.session import Session
from figgo_ops.view import Kind


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person asked to be cleared.

    Attributes:
        employee: Figgo id or mail of one person; "" for the whole tenant.
        hard: also forget what we know: ledger rows, plans and runs.
        give_up: the exact number of places that cannot be reached and shall not be tried again.
    """

    employee: str = ""
    hard: bool = False
    give_up: int | None = None


def plan(session: Session, ask: Ask) -> Plan:
    """Pause the tenant, unless it is about one person, and plan the removal of every event of ours.

    Asks no Figgo: the places are those the ledger knows.

    Raises:
        UsageError: the ledger knows nobody of that id or mail.
        Refused: the ledger does not know every place, or another number of places cannot be reached than was
            given up.
    """
    places = _places(session)
    chosen = _named(session, places, ask.employee) if ask.employee else None
    if chosen is None:
        _check_whole(session)
        freeze(session)
    view = _view(session, places, chosen)
    sight = view.compare(frozenset(view.where))
    made = recalled(session, "offboard", sight, view.where)
    options = {"employee": chosen, "hard": ask.hard, "give_up": ask.give_up, "listed": listed_option(made)}
    _check_given_up(session, sight, Confirmed.of(made, options))
    return planfile.kept(made, options, session.home.plans, refusals(session, made))


def _places(session: Session) -> dict[int, frozenset[Mailbox]]:
    name = session.tenant.name
    found = {number: frozenset(places) for number, places in session.ledger.places(name).items()}
    if not found:
        raise Refused(
            f"The ledger knows no place where an event of {name} could be.",
            _find_again(name),
            code="no-places",
        )
    return found


def _find_again(tenant: str) -> str:
    return f"If the ledger was lost, this finds the events again: figgo-ops plan {tenant} --from start"


def _check_whole(session: Session) -> None:
    """Refuse to certify anything about a tenant of whom the ledger has only seen a part."""
    name = session.tenant.name
    if session.ledger.recall(name, WHOLE) is None:
        raise Refused(
            f"The ledger has never seen everyone of {name}, so it may not know every place of an event.",
            _find_again(name),
            code="no-places",
        )


def _named(session: Session, places: Mapping[int, frozenset[Mailbox]], text: str) -> int:
    wanted = text.strip().lower()
    fits = [
        number
        for number, found in places.items()
        if wanted in (str(number), *(mailbox.address for mailbox in found))
    ]
    if len(fits) != 1:
        raise UsageError(
            f"{len(fits) or 'No'} people of the id or mail {text!r} are in the ledger.",
            f"Give the Figgo id; it stands in every key and report. {_find_again(session.tenant.name)}",
        )
    return fits[0]


def _view(session: Session, places: Mapping[int, frozenset[Mailbox]], chosen: int | None) -> Recall:
    ledger, tenant = session.ledger, session.tenant
    entities = ledger.legal_entities(tenant.name)
    where = places if chosen is None else {chosen: places[chosen]}
    owners: dict[Mailbox, set[int]] = defaultdict(set)
    for number, found in places.items():
        for mailbox in found:
            owners[mailbox].add(number)

    def decide(ids: frozenset[int], listings: list[Listing]) -> Difference:
        return cleared(owners, ids, entities, listings, tenant.figgo.host)

    return Recall(session, where, decide)


def _check_given_up(session: Session, sight: Sight, asked: Confirmed) -> None:
    unread, number = len({row.mailbox for row in sight.unreadable}), asked.options["give_up"]
    if number is not None and number != unread:
        raise Refused(
            f"{session.tenant.name}: {unread} places cannot be reached, not {number}; nothing was written.",
            _giving_up(asked, unread) if unread else f"Nothing is left to give up: {_asked(asked, None)}",
            code="wrong-number",
        )


def _giving_up(asked: Confirmed, unread: int) -> str:
    return f"If they may be given up: {_asked(asked, unread)}"


def _asked(asked: Confirmed, give_up: int | None) -> str:
    """The command of this plan with another number."""
    return replace(asked, options=asked.options | {"give_up": give_up}).again


def _before(session: Session, confirmed: Confirmed) -> None:
    """Nothing is written for this person, or for this tenant, again."""
    employee = confirmed.options["employee"]
    if employee is None:
        freeze(session)
    else:
        session.tenant = tenants.write_exception(session.tenant, int(employee))


def _after(session: Session, confirmed: Confirmed, result: Result) -> None:
    """Look again, and certify what was reached; close the tenant when everything was."""
    view, employee = _viewed(session, confirmed), confirmed.options["employee"]
    sight = view.compare(frozenset(view.where))
    result.certificate = _certificate(session, confirmed, result, sight)
    known = {(row.employee, row.mailbox) for row in result.unreadable}
    result.unreadable += [row for row in sight.unreadable if (row.employee, row.mailbox) not in known]
    given_up = confirmed.options["give_up"]
    if given_up is not None and given_up == result.certificate["unreached"]:
        result.unreadable.clear()
    if result.certificate["complete"] and employee is None:
        session.tenant = tenants.write_state(session.tenant, "closed")


def _certificate(session: Session, confirmed: Confirmed, result: Result, sight: Sight) -> dict[str, Any]:
    unread = sorted({row.mailbox: row.error.message for row in sight.unreadable}.items())
    left = [change for change in sight.difference.changes if change.action == "remove"]
    given_up = confirmed.options["give_up"]
    reached = not unread or given_up == len(unread)
    found: dict[str, Any] = {
        "tenant": session.tenant.name,
        "figgo": session.tenant.figgo.host,
        "employee": confirmed.options["employee"],
        "run": result.run,
        "verified": session.clock.now().isoformat(timespec="seconds"),
        "complete": reached and not left,
        "removed": result.deleted,
        "left": len(left),
        "read": len(sight.difference.read),
        "absent": sorted(str(mailbox) for mailbox in sight.absent),
        "unreached": len(unread),
        "given_up": given_up,
        "not_reached": [{"mailbox": mailbox, "why": why} for mailbox, why in unread],
        "left_alone": dict(sorted(Counter(one.verdict for one in sight.difference.findings).items())),
        "stays": [_staying(one) for one in sight.difference.findings if one.verdict != "foreign"],
        "bins": _bins(session, sight),
    }
    return certificate.sealed(found)


def _staying(finding: Finding) -> dict[str, str]:
    return {
        "key": finding.key,
        "mailbox": str(finding.mailbox),
        "start": finding.start.isoformat(),
        "end": finding.end.isoformat(),
        "why": finding.reason,
    }


def _bins(session: Session, sight: Sight) -> list[dict[str, Any]]:
    """How long each provider still keeps what was deleted."""
    found = []
    for name in sorted({mailbox.calendar for mailbox in sight.difference.read}):
        try:
            calendar = session.calendar(name)
        except FiggoOpsError:
            continue
        until = (session.today + calendar.bin).isoformat() if calendar.bin else ""
        found.append({"calendar": name, "until": until, "owner_empties": calendar.owner_empties_bin})
    return found


def _closed(session: Session, confirmed: Confirmed, result: Result) -> None:
    """Keep the certificate; forget the rest where that was asked for and everything was reached."""
    made = result.certificate
    assert made is not None  # noqa: S101 - made by `_after`
    folder = session.home.runs / result.run
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / certificate.FILE
    write_private(path, json.dumps(made, indent=1, ensure_ascii=False).encode() + b"\n")
    result.notes.append(f"Certificate: {path}")
    if not made["complete"]:
        result.notes.append(f"Not complete. To try again: {_asked(confirmed, None)}")
    if made["unreached"] and not made["complete"]:
        result.notes.append(_giving_up(confirmed, made["unreached"]))
    if confirmed.options["hard"] and made["complete"]:
        forget(session, confirmed.options["employee"])


def _viewed(session: Session, confirmed: Confirmed) -> Recall:
    places, employee = _places(session), confirmed.options["employee"]
    return _view(session, places, None if employee is None else _named(session, places, str(employee)))


KIND = Kind(_viewed, before=_before, after=_after, closed=_closed)
"""An off-board plan; accepted while the tenant is paused, and once it is closed."""
