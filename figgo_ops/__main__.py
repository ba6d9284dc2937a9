"""The command line: arguments in, one call, exit code out."""

import argparse
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import NoReturn

from figgo_ops import __version__, commands
from figgo_ops.commands import diagnostics, fleet, onboarding
from figgo_ops.errors import FiggoOpsError, Stopped, UsageError

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
    known = top.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        one = known.add_parser(name, help=text, description=text, allow_abbrev=False)
        one.add_argument("--home", help="the folder of tenants, plans and ledger (else FIGGO_OPS_HOME)")
        one.add_argument("--json", action="store_true", help="one JSON document on stdout")
        one.set_defaults(command=command)
        return one

    demo = add("demo", commands.demo, "the whole journey on the rehearsal company")
    demo.add_argument("--out", default="figgo-ops-demo", metavar="DIR", help="where home and reports go")
    add("sandbox", commands.sandbox, "the rehearsal company in the foreground, until SIGTERM")
    lab = add("lab", commands.lab, "JupyterLab on the notebooks in the home")
    lab.add_argument("--rehearsal", action="store_true", help="with the rehearsal company running")
    lab.add_argument(
        "--port",
        type=int,
        help="where JupyterLab listens on this machine (else the first free one from 8888 on)",
    )
    _tenant_commands(add)
    _work_commands(add)
    _answer_commands(add)
    run = add("run", commands.run, "run a notebook with checked parameters; executed copy, HTML, exit code")
    run.add_argument("notebook", help="a shipped notebook's name, or a path")
    run.add_argument("-p", action="append", default=[], metavar="NAME=VALUE", help="a parameter")
    run.add_argument("--timeout", type=int, default=3600, help="seconds for the whole run")
    return top


def _tenant_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    tenants = add("tenants", commands.tenants, "list the tenants, or show one's file")
    tenants.add_argument("verb", nargs="?", choices=["show"])
    tenants.add_argument("name", nargs="?")
    secret = add("secret", commands.secret, "store a secret, asked for without echo or read from a pipe")
    secret.add_argument("verb", choices=["set"])
    secret.add_argument("reference", metavar="REF", help="file:NAME or keyring:SERVICE/USER")
    onboarding.add_options(
        add("onboard", onboarding.onboard, "a customer's tenant file, seen first; with --save the draft")
    )
    _fleet_command(add)


def _fleet_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    one = add("fleet", fleet.fleet, "all tenants: how they are, what drifts, what ends, who must do what")
    one.add_argument("--check", action="store_true", help="diagnose each tenant now")
    one.add_argument("--since", default="7d", metavar="TIME", help="count failures so far back: 12h, 7d, 4w")
    one.add_argument("--report", type=Path, metavar="FILE", help="one page for a manager")
    one.add_argument("--message", metavar="TENANT", help="the message for this customer, ready to be sent")


def _work_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    plan = add(
        "plan", commands.plan, "look: what would change, a plan file, its checksum; writes to no calendar"
    )
    sync = add("sync", commands.sync, "plan and apply what needs nobody's word")
    for one in (plan, sync):
        _whom(one)
    _look_alikes(plan)
    plan.add_argument(
        "--accept-empty", action="store_true", help="believe a mailbox that lost all our events"
    )
    apply = add("apply", commands.apply, "write a plan that was seen")
    apply.add_argument("file", type=Path)
    apply.add_argument("--confirm", required=True, metavar="plan-...", help="the checksum the plan printed")
    apply.add_argument("--removals", type=int, metavar="N", help="the exact number, to pass the limits")
    audit = add(
        "audit",
        commands.audit,
        "hold the mailboxes against Figgo from the start on; writes nothing",
    )
    _whom(audit)
    audit.add_argument("--mailboxes", type=Path, metavar="FILE", help="former mailboxes, one address a line")
    audit.add_argument("--repair", type=Path, metavar="FILE", help="write the plan that mends what was found")
    audit.add_argument(
        "--verdict", action="append", default=[], metavar="V", help="mend only this verdict (with --repair)"
    )
    for one in (plan, sync, apply, audit, _diagnose_command(add)):
        _retried(one)


def _answer_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    explain = add("explain", commands.explain, "why a calendar shows one leave, or does not; writes nothing")
    explain.add_argument("tenant")
    explain.add_argument("--employee", default="", metavar="E", help="id, mail or number")
    explain.add_argument("--date", default="", metavar="D", help="YYYY-MM-DD (else today)")
    explain.add_argument("--leave", default="", metavar="ID", help="Figgo's id of one half-day")
    undo = add("undo", commands.undo, "pause the tenant, and plan what takes back exactly one run")
    undo.add_argument("run", help="its name stands in its report and in what apply printed")
    resume = add("resume", commands.resume, "plan what a paused tenant needs; applied, it is active again")
    resume.add_argument("tenant")
    offboard = add(
        "offboard", commands.offboard, "pause the tenant, and plan the removal of all events of ours"
    )
    offboard.add_argument("tenant")
    offboard.add_argument("--employee", default="", metavar="E", help="one person only: Figgo id or mail")
    offboard.add_argument("--hard", action="store_true", help="also forget: ledger rows, plans and runs")
    offboard.add_argument("--give-up", type=int, metavar="N", help="places that cannot be reached, in number")
    for one in (explain, undo, resume, offboard, _move_command(add)):
        _retried(one)


def _move_command(add: Callable[..., argparse.ArgumentParser]) -> argparse.ArgumentParser:
    move = add("move", commands.move, "plan the move of people to another calendar of the tenant file")
    move.add_argument("tenant")
    move.add_argument("--to", required=True, metavar="CALENDAR", help="its name in the tenant file")
    move.add_argument("--legal-entity", action="append", type=int, default=[], metavar="N")
    _look_alikes(move)
    return move


def _diagnose_command(add: Callable[..., argparse.ArgumentParser]) -> argparse.ArgumentParser:
    one = add("diagnose", diagnostics.diagnose, "what works, what does not, and what to do about each")
    one.add_argument("tenant")
    one.add_argument("--employee", default="", metavar="E", help="whose mailbox is tried: id, mail or number")
    one.add_argument("--outside", default="", metavar="MAIL", help="a mailbox that must stay closed to us")
    one.add_argument("--write-probe", action="store_true", help="write one event, and take it away again")
    one.add_argument("--mailboxes", action="store_true", help="look at every mailbox, as for a draft")
    one.add_argument("--bundle", metavar="FILE", help="a zip for support, without personal data")
    return one


def _look_alikes(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--look-alikes",
        choices=["adopt", "ignore"],
        help="make unmarked look-alikes on the very days ours, or write ours beside them",
    )


def _retried(one: argparse.ArgumentParser) -> None:
    one.add_argument("--retry-credential", action="store_true", help="try a refused credential again")


def _whom(one: argparse.ArgumentParser) -> None:
    one.add_argument("tenant")
    one.add_argument("--employee", action="append", default=[], metavar="E", help="id, mail or number")
    one.add_argument("--legal-entity", action="append", type=int, default=[], metavar="N")
    one.add_argument("--from", dest="since", metavar="DATE", help='first day, or "start"')


if __name__ == "__main__":
    sys.exit(main())
