"""`figgo-ops diagnose`: what works, what does not, and what to do about it."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from figgo_ops.commands import log_without_secrets, show

if TYPE_CHECKING:
    from figgo_ops.checks import Check
    from figgo_ops.desk.diagnostics import Diagnosis

MARKS = {"ok": "ok", "warning": "WARNING", "failed": "FAILED", "skipped": "skipped", "pending": "PENDING"}

WIDEST = 40
"""Characters of a check's name that all lines leave room for."""


def diagnose(options: argparse.Namespace) -> int:
    """Look at everything a tenant needs, in order."""
    from figgo_ops import tenants
    from figgo_ops.console import Terminal
    from figgo_ops.desk import diagnostics
    from figgo_ops.desk.diagnostics import bundle
    from figgo_ops.errors import UsageError
    from figgo_ops.home import Home
    from figgo_ops.session import Session
    from figgo_ops.words import headline, plain

    log_without_secrets()
    home = Home.open(options.home)
    home.learn_secrets()
    try:
        tenant = tenants.load(home, options.tenant)
    except UsageError as error:
        return _shown(options, diagnostics.unreadable(home, options.tenant, error))
    console = Terminal()
    first_line = headline(tenant, home.path)
    console.say(first_line) if options.json else print(plain(first_line), flush=True)
    ask = diagnostics.Ask(options.employee, options.outside, options.write_probe, options.mailboxes)
    with Session(home, tenant, console=console, retry_credential=options.retry_credential) as session:
        found = diagnostics.examine(session, ask)
        if options.bundle:
            kept = bundle.write(session, found, Path(options.bundle), found.people)
            console.say(f"Support bundle without personal data: {kept}")
    return _shown(options, found)


def _shown(options: argparse.Namespace, found: "Diagnosis") -> int:
    show(options, found.document(), "\n".join(_lines(found)))
    return found.exit


def _lines(found: "Diagnosis") -> Iterator[str]:
    width = min(max((len(check.name) for check in found.checks), default=0), WIDEST)
    for check in found.checks:
        cause = check.cause if check.clean else "see below"
        yield f"{MARKS[check.status]:8} {check.name:{width}}  {cause}".rstrip()
    yield ""
    yield from _todo(check for check in found.checks if not check.clean)
    counts = ", ".join(f"{number} {status}" for status in MARKS if (number := found.count(status)))
    yield f"{len(found.checks)} checks: {counts}."


def _todo(wrong: Iterable["Check"]) -> Iterator[str]:
    """What to do about each, with who acts and the page that says more."""
    for check in wrong:
        yield f"{MARKS[check.status]} {check.name}: {check.cause}"
        if check.tried or check.seen:
            yield f"  tried: {check.tried}{'; seen: ' if check.seen else ''}{check.seen}"
        yield f"  {check.who}: {check.remedy}"
        if check.page:
            yield f"  More: runbook page {check.page}"
        yield ""
