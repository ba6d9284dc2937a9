"""The command line: arguments in, one call, exit code out."""

import argparse
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from figgo_ops import __version__
from figgo_ops.errors import FiggoOpsError, Stopped, UsageError

if TYPE_CHECKING:
    from figgo_ops.session import Session
    from figgo_ops.sync import Ask

INTERRUPTED, INTERNAL = 130, 70


class Parser(argparse.ArgumentParser):
    """A parser whose complaints become errors like all others."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting, so that `--json` gets its document."""
        if message.startswith("unrecognized arguments"):  # one that is no option may be a secret
            unknown = [word for word in message.split() if word.startswith("--")]
            message = f"Not understood: {' '.join(unknown) or 'more words than the command takes'}."
        raise UsageError(message, f"See {self.prog} --help.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json, options = "--json" in given, argparse.Namespace(home=None)
    signal.signal(signal.SIGTERM, _stop)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # Latin-1 has no oe ligature, and names have
    try:
        _parse(given, options)
        command: Callable[[argparse.Namespace], int] = options.command
        exit_code = command(options)
        sys.stdout.flush()
        return exit_code
    except FiggoOpsError as error:
        _learn_secrets(options.home or _home_in(given))
        return _failed(error, as_json)
    except Stopped:
        return _failed(FiggoOpsError("Terminated.", _GO_ON, code="terminated"), as_json, Stopped.exit)
    except KeyboardInterrupt:
        return _failed(FiggoOpsError("Interrupted.", _GO_ON, code="interrupted"), as_json, INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the process edge: no person should meet a bare traceback
        return _failed(_internal(error, options.home), as_json)


_GO_ON = "What was written is recorded; run it again to go on."


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped


def _parse(given: list[str], options: argparse.Namespace) -> None:
    for word in given:
        if word.startswith("--") and word.endswith("=--"):  # argparse would take it for no value at all
            raise UsageError(f"{word} names no value.", "See figgo-ops --help.")
    parser().parse_args(given, options)


def _learn_secrets(home: str | None) -> None:
    """Know what must not be shown: somebody may have put a secret where something else belongs."""
    from figgo_ops.home import Home

    Home.at(home).learn_secrets()


def _home_in(given: list[str]) -> str | None:
    """The home named in words that could not be parsed to their end."""
    found = [after for word, after in pairwise(given) if word == "--home"]
    found += [word.removeprefix("--home=") for word in given if word.startswith("--home=")]
    return found[-1] if found else None


def _failed(error: FiggoOpsError, as_json: bool, exit_code: int | None = None) -> int:
    from figgo_ops.secrets import REDACTOR

    exit_code = error.exit if exit_code is None else exit_code
    message, remedy = REDACTOR.clean(error.message), REDACTOR.clean(error.remedy)
    if as_json:
        from figgo_ops.words import document

        told = {"code": error.code, "message": message, "remedy": remedy, "exit": exit_code}
        print(document({"error": told}))
    else:
        from figgo_ops.words import plain

        print(f"{plain(message)}\n  {plain(remedy)}" if remedy else plain(message), file=sys.stderr)
    return exit_code


def _internal(error: Exception, home: str | None) -> FiggoOpsError:
    """An error nobody foresaw: its traceback goes to a private file, without secrets."""
    from figgo_ops.home import Home
    from figgo_ops.secrets import REDACTOR, write_private

    _learn_secrets(home)
    text = "".join(traceback.format_exception(error))
    try:
        path = Home.open(home).path / "last-internal-error.txt"
        write_private(path, REDACTOR.clean(text).encode())
        remedy = f"Send {path} to the makers of figgo_ops."
    except FiggoOpsError:
        remedy = "Run it again with a home that can be written to, and send what it leaves to the makers."
    return FiggoOpsError(f"Internal error: {type(error).__name__}.", remedy)


def parser() -> Parser:
    """Every command and its options."""
    top = Parser(prog="figgo-ops", description="From leaves in Figgo to events in calendars: look, then act.")
    top.add_argument("--version", action="version", version=f"figgo-ops {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        one.add_argument("--home", help="the folder of tenants, plans and ledger (else FIGGO_OPS_HOME)")
        one.add_argument("--json", action="store_true", help="one JSON document on stdout")
        one.set_defaults(command=command)
        return one

    demo = add("demo", _demo, "the whole journey on the rehearsal company")
    demo.add_argument("--out", default="figgo-ops-demo", metavar="DIR", help="where home and reports go")
    add("sandbox", _sandbox, "the rehearsal company in the foreground, until SIGTERM")
    lab = add("lab", _lab, "JupyterLab on the notebooks in the home")
    lab.add_argument("--rehearsal", action="store_true", help="with the rehearsal company running")
    lab.add_argument(
        "--port",
        type=int,
        help="where JupyterLab listens on this machine (else the first free one from 8888 on)",
    )
    _tenant_commands(add)
    _work_commands(add)
    run = add("run", _run, "run a notebook with checked parameters; executed copy, HTML, exit code")
    run.add_argument("notebook", help="a shipped notebook's name, or a path")
    run.add_argument("-p", action="append", default=[], metavar="NAME=VALUE", help="a parameter")
    run.add_argument("--timeout", type=int, default=3600, help="seconds for the whole run")
    return top


def _tenant_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    tenants = add("tenants", _tenants, "list the tenants, or show one's file")
    tenants.add_argument("verb", nargs="?", choices=["show"])
    tenants.add_argument("name", nargs="?")
    secret = add("secret", _secret, "store a secret, asked for without echo or read from a pipe")
    secret.add_argument("verb", choices=["set"])
    secret.add_argument("reference", metavar="REF", help="file:NAME or keyring:SERVICE/USER")


def _work_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    plan = add("plan", _plan, "look: what would change, a plan file and its checksum; writes to no calendar")
    sync = add("sync", _sync, "plan and apply what needs nobody's word")
    for one in (plan, sync):
        one.add_argument("tenant")
        one.add_argument("--employee", action="append", default=[], metavar="E", help="id, mail or number")
        one.add_argument("--legal-entity", action="append", type=int, default=[], metavar="N")
        one.add_argument("--from", dest="since", metavar="DATE", help='first day, or "start"')
    plan.add_argument("--look-alikes", choices=["ignore"], help="write ours beside unmarked look-alikes")
    plan.add_argument(
        "--accept-empty", action="store_true", help="believe a mailbox that lost all our events"
    )
    apply = add("apply", _apply, "write a plan that was seen")
    apply.add_argument("file", type=Path)
    apply.add_argument("--confirm", required=True, metavar="plan-...", help="the checksum the plan printed")
    apply.add_argument("--removals", type=int, metavar="N", help="the exact number, to pass the limits")
    for one in (plan, sync, apply):
        one.add_argument("--retry-credential", action="store_true", help="try a refused credential again")


def _log_without_secrets() -> None:
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

    _log_without_secrets()
    home = Home.open(options.home)
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


def _plan(options: argparse.Namespace) -> int:
    from figgo_ops import sync, words

    if options.accept_empty and not options.employee:
        raise UsageError("--accept-empty believes one mailbox at a time.", "Say which with --employee E.")
    with _session(options, options.tenant) as session:
        made = sync.plan(session, _ask(options))
        line = words.apply_line(made, options.home)
    _show(options, words.plan_document(made), words.plan_text(made, line))
    return sync.exit_of_plan(made)


def _apply(options: argparse.Namespace) -> int:
    from figgo_ops import planfile, sync, words

    tenant = planfile.load(options.file).tenant
    with _session(options, tenant) as session:
        result = sync.apply(session, options.file, options.confirm, options.removals)
    _show(options, result.document(), words.result_text(result))
    return sync.exit_of(result)


def _sync(options: argparse.Namespace) -> int:
    from figgo_ops import sync, words

    with _session(options, options.tenant) as session:
        result = sync.sync(session, _ask(options))
    _show(options, result.document(), words.result_text(result))
    return sync.exit_of(result)


def _show(options: argparse.Namespace, content: Any, text: str) -> None:
    from figgo_ops.secrets import REDACTOR
    from figgo_ops.words import document, plain

    print(document(REDACTOR.cleaned(content)) if options.json else plain(REDACTOR.clean(text)))


def _tenants(options: argparse.Namespace) -> int:
    from figgo_ops import tenants, words
    from figgo_ops.home import Home

    home = Home.open(options.home)
    if options.verb == "show":
        if not options.name:
            raise UsageError("Which tenant?", f"One of {', '.join(tenants.names(home)) or 'none yet'}.")
        shown = tenants.shown(tenants.load(home, options.name))
        home.learn_secrets()
        _show(options, shown, json.dumps(shown, indent=2, ensure_ascii=False))
        return 0
    found = [words.tenant_row(home, name) for name in tenants.names(home)]
    home.learn_secrets()
    text = words.table((list(row.values()) for row in found), ("tenant", "state", "kind", "file"))
    _show(
        options, {"home": str(home.path), "tenants": found}, text if found else f"No tenants in {home.path}."
    )
    return max((UsageError.exit for row in found if row["state"] == "unreadable"), default=0)


def _secret(options: argparse.Namespace) -> int:
    import getpass

    from figgo_ops.home import Home
    from figgo_ops.secrets import is_reference

    home = Home.open(options.home)
    if not is_reference(options.reference) or options.reference.startswith("env:"):
        home.store(options.reference, "")  # refuses it, and before anybody typed a secret
    value = getpass.getpass(f"Value of {options.reference}: ") if sys.stdin.isatty() else _piped()
    home.store(options.reference, value)
    _show(options, {"stored": options.reference}, f"Stored {options.reference}.")
    return 0


def _piped() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise UsageError("What was given is not UTF-8 text.", "Give the secret as text.") from None


def _run(options: argparse.Namespace) -> int:
    from figgo_ops.desk.notebooks import run
    from figgo_ops.desk.parameters import pairs
    from figgo_ops.home import Home

    home = Home.open(options.home)
    home.learn_secrets()
    done = run(options.notebook, pairs(options.p), home.path, deadline=options.timeout)
    document = {"run": done.run, "exit": done.exit, "status": done.status, "message": done.message}
    files = {"notebook": str(done.notebook), "report": str(done.report), "result": str(done.result)}
    _show(options, document | files, f"{done.status}: {done.message}\nReport: {done.report}")
    return done.exit


def _demo(options: argparse.Namespace) -> int:
    from figgo_ops.demo import tell

    with redirect_stdout(sys.stderr if options.json else sys.stdout):
        reports = tell(Path(options.out))
    if options.json:
        from figgo_ops.words import document

        print(document({"home": str(reports[0].parents[2]), "reports": [str(one) for one in reports]}))
    return 0


def _sandbox(options: argparse.Namespace) -> int:
    from figgo_ops.demo import stand

    return stand(options.home)


def _lab(options: argparse.Namespace) -> int:
    from figgo_ops.demo import lab

    return lab(options.home, options.port, rehearsal=options.rehearsal)


if __name__ == "__main__":
    sys.exit(main())
