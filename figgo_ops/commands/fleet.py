"""`figgo-ops fleet`: all tenants at once, remembered or looked at now."""

import argparse
from typing import TYPE_CHECKING

from figgo_ops.commands import log_without_secrets, show

if TYPE_CHECKING:
    from figgo_ops.desk.fleet import Fleet
    from figgo_ops.session import Console


def fleet(options: argparse.Namespace) -> int:
    """Show how all tenants are, what will end, and who must do what."""
    from figgo_ops.console import Terminal
    from figgo_ops.desk import fleet
    from figgo_ops.desk.fleet import overview
    from figgo_ops.home import Home

    since = fleet.time_of(options.since)
    log_without_secrets()
    home = Home.open(options.home)
    home.learn_secrets()
    console, only = Terminal(), [options.message] if options.message else []
    found = fleet.look(home, check=options.check, since=since, console=console, only=only)
    if options.message:
        message = overview.message(found.row(options.message))
        show(options, overview.document(found) | {"message": message}, message)
        return 0
    _report(options, found, console)
    show(options, overview.document(found), overview.text(found))
    return found.exit


def _report(options: argparse.Namespace, found: "Fleet", console: "Console") -> None:
    if options.report:
        from figgo_ops.desk.fleet import book as fleet_book

        console.say(f"Report: {fleet_book.page(found, options.report)}")
