"""What each command does, given its arguments: one call of the toolkit, words to show, an exit code."""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figgo_ops.errors import UsageError

if TYPE_CHECKING:
    from figgo_ops.plan import Plan
    from figgo_ops.session import Session
    from figgo_ops.sync import Ask


def log_without_secrets() -> None:
    """What libraries have to warn of goes to stderr, cleaned."""
    import logging

    from figgo_ops.secrets import Redact

    handler = logging.StreamHandler()
    handler.addFilter(Redact())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def _session(options: argparse.Namespace, tenant: str) -> "Session":
    from figgo_ops.console import Terminal
    from figgo_ops.home import Home
    from figgo_ops.session import Session
    from figgo_ops.words import headline, plain

    log_without_secrets()
    home = Home.open(options.home)
    home.learn_secrets()  # somebody may have put one where something else belongs, and messages repeat that
    console = Terminal()
    session = Session(home, tenant, retry_credential=options.retry_credential, console=console)
    first_line = headline(session.tenant, home.path)
    if options.json:
        console.say(first_line)
    else:
        print(plain(first_line), flush=True)
    return session


def _ask(options: argparse.Namespace) -> "Ask":
    from figgo_ops.sync import Ask

    return Ask(
        tuple(options.employee),
        tuple(options.legal_entity),
        options.since,
        getattr(options, "look_alikes", None),
        getattr(options, "accept_empty", False),
    )


def plan(options: argparse.Namespace) -> int:
    """Look, and show the plan with the line that applies it."""
    from figgo_ops import sync

    if options.accept_empty and not options.employee:
        raise UsageError("--accept-empty believes one mailbox at a time.", "Say which with --employee E.")
    return _planned(options, options.tenant, lambda session: sync.plan(session, _ask(options)))


def _planned(options: argparse.Namespace, tenant: str, verb: Callable[["Session"], "Plan"]) -> int:
    """Make a plan and show it, with the line that applies it."""
    from figgo_ops import sync, words

    with _session(options, tenant) as session:
        made = verb(session)
        line = words.apply_line(made, options.home)
    show(options, words.plan_document(made), words.plan_text(made, line))
    return sync.exit_of_plan(made)


def audit(options: argparse.Namespace) -> int:
    """Show what the mailboxes hold against Figgo; keep a repair plan where one was asked for."""
    from figgo_ops import audit, planfile, words

    if options.verdict and options.repair is None:
        raise UsageError("--verdict chooses what --repair mends.", "Say where the plan goes: --repair FILE.")
    audit.check_verdicts(options.verdict)
    if options.repair is not None:
        planfile.check_named(options.repair)
    with _session(options, options.tenant) as session:
        found = audit.audit(session, _ask(options), options.mailboxes)
        document, text = found.document(), words.audit_text(found)
        if options.repair is not None:
            made = audit.repair(session, found, options.repair, options.verdict)
            document["repair"] = words.plan_document(made)
            text += "\n\n" + words.plan_text(made, words.apply_line(made, options.home))
    show(options, document, text)
    return found.exit


def explain(options: argparse.Namespace) -> int:
    """Show why a leave is in a calendar, or is not."""
    from figgo_ops import words
    from figgo_ops.explaining.explain import explain
    from figgo_ops.explaining.trace import Ask

    with _session(options, options.tenant) as session:
        found = explain(session, Ask(options.employee, options.date, options.leave))
    document = found.document()
    document["next"] = words.with_home(found.reason.next, options.home) if found.reason.next else ""
    show(options, document, words.explanation_text(found, options.home))
    return found.exit


def undo(options: argparse.Namespace) -> int:
    """Pause the tenant and show the plan that takes one run back."""
    from figgo_ops.home import Home
    from figgo_ops.ledger import Ledger
    from figgo_ops.recall import undo

    ledger = Ledger.open(Home.open(options.home).ledger)
    try:
        tenant = ledger.run(options.run).tenant
    finally:
        ledger.close()
    return _planned(options, tenant, lambda session: undo.plan(session, options.run))


def resume(options: argparse.Namespace) -> int:
    """Show the plan whose application makes a paused tenant active again."""
    from figgo_ops import sync

    return _planned(options, options.tenant, sync.resume)


def move(options: argparse.Namespace) -> int:
    """Show the plan that moves people to another calendar of the tenant."""
    from figgo_ops import move

    ask = move.Ask(options.to, tuple(options.legal_entity), options.look_alikes)
    return _planned(options, options.tenant, lambda session: move.plan(session, ask))


def offboard(options: argparse.Namespace) -> int:
    """Pause the tenant and show the plan that removes every event of ours."""
    from figgo_ops.recall import offboard

    ask = offboard.Ask(options.employee, options.hard, options.give_up)
    return _planned(options, options.tenant, lambda session: offboard.plan(session, ask))


def apply(options: argparse.Namespace) -> int:
    """Write a plan that was seen, and show what became of it."""
    from figgo_ops import planfile, sync, words

    tenant = planfile.load(options.file).tenant
    with _session(options, tenant) as session:
        result = sync.apply(session, options.file, options.confirm, options.removals)
        if result.certificate is not None:
            result.notes.append(f"The same to read: {_certificate_page(session, result.run)}")
    show(options, result.document(), words.result_text(result))
    return sync.exit_of(result)


def _certificate_page(session: "Session", run: str) -> Path:
    from figgo_ops.desk import certificates
    from figgo_ops.recall import certificate

    return certificates.beside(session.home.runs / run / certificate.FILE, session.home.path)


def sync(options: argparse.Namespace) -> int:
    """Plan and write what needs nobody's word."""
    from figgo_ops import sync, words

    with _session(options, options.tenant) as session:
        result = sync.sync(session, _ask(options))
    show(options, result.document(), words.result_text(result))
    return sync.exit_of(result)


def show(options: argparse.Namespace, content: Any, text: str) -> None:
    """One document or one text on stdout, without secrets."""
    from figgo_ops.secrets import REDACTOR
    from figgo_ops.words import document, plain

    print(document(REDACTOR.cleaned(content)) if options.json else plain(REDACTOR.clean(text)))


def tenants(options: argparse.Namespace) -> int:
    """List the tenants, or show one's file."""
    from figgo_ops import tenants, words
    from figgo_ops.home import Home

    home = Home.open(options.home)
    if options.verb == "show":
        if not options.name:
            raise UsageError("Which tenant?", f"One of {', '.join(tenants.names(home)) or 'none yet'}.")
        shown = tenants.shown(tenants.load(home, options.name))
        home.learn_secrets()
        show(options, shown, json.dumps(shown, indent=2, ensure_ascii=False))
        return 0
    found = [words.tenant_row(home, name) for name in tenants.names(home)]
    home.learn_secrets()
    text = words.table((list(row.values()) for row in found), ("tenant", "state", "kind", "file"))
    show(
        options, {"home": str(home.path), "tenants": found}, text if found else f"No tenants in {home.path}."
    )
    return max((UsageError.exit for row in found if row["state"] == "unreadable"), default=0)


def secret(options: argparse.Namespace) -> int:
    """Store a secret that is typed without echo or piped in."""
    import getpass

    from figgo_ops.home import Home
    from figgo_ops.secrets import is_reference

    home = Home.open(options.home)
    if not is_reference(options.reference) or options.reference.startswith("env:"):
        home.store(options.reference, "")  # refuses it, and before anybody typed a secret
    value = getpass.getpass(f"Value of {options.reference}: ") if sys.stdin.isatty() else _piped()
    home.store(options.reference, value)
    show(options, {"stored": options.reference}, f"Stored {options.reference}.")
    return 0


def _piped() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise UsageError("What was given is not UTF-8 text.", "Give the secret as text.") from None


def run(options: argparse.Namespace) -> int:
    """Run a notebook, and show where its report is."""
    from figgo_ops.desk.notebooks import run
    from figgo_ops.desk.parameters import pairs
    from figgo_ops.home import Home

    home = Home.open(options.home)
    home.learn_secrets()
    done = run(options.notebook, pairs(options.p), home.path, deadline=options.timeout)
    document = {"run": done.run, "exit": done.exit, "status": done.status, "message": done.message}
    files = {"notebook": str(done.notebook), "report": str(done.report), "result": str(done.result)}
    show(options, document | files, f"{done.status}: {done.message}\nReport: {done.report}")
    return done.exit


def demo(options: argparse.Namespace) -> int:
    """Tell the whole journey on the rehearsal company."""
    from figgo_ops.demo import tell

    with redirect_stdout(sys.stderr if options.json else sys.stdout):
        reports = tell(Path(options.out))
    if options.json:
        from figgo_ops.words import document

        print(document({"home": str(reports[0].parents[2]), "reports": [str(one) for one in reports]}))
    return 0


def sandbox(options: argparse.Namespace) -> int:
    """Keep the rehearsal company running."""
    from figgo_ops.demo import stand

    return stand(options.home)


def lab(options: argparse.Namespace) -> int:
    """Open JupyterLab."""
    from figgo_ops.demo import lab

    return lab(options.home, options.port, rehearsal=options.rehearsal)
