"""`figgo-ops onboard`: a customer's tenant file, seen before it is written, and the set-up pack beside it."""

import argparse
import re
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from figgo_ops.commands import log_without_secrets, show
from figgo_ops.errors import UsageError

if TYPE_CHECKING:
    from figgo_ops.desk.onboarding.answers import Answers
    from figgo_ops.desk.onboarding.flags import Flags
    from figgo_ops.desk.setup.pack import Given
    from figgo_ops.home import Home
    from figgo_ops.tenants import Tenant

_AHEAD = timedelta(hours=14)
"""So far are the clocks of Kiribati ahead of UTC: what is the future there is the future everywhere."""


_REPEATED = (
    ("--figgo", "KEY=VALUE", "url, api_key (a reference), host, working_time and others"),
    ("--calendar", "A=B,C=D", "name, kind, legal_entities or domains, and the keys of its kind"),
    ("--event", "KEY=VALUE", "title, show_type, pending, private and others, as in the tenant file"),
    ("--type", "A=B,C=D", "a rule for absence types: match, title, show_as, private, skip"),
    ("--zone", "A=B,C=D", "another zone: timezone, legal_entities, employees"),
    ("--only", "E", "one of a pilot group: Figgo id or mail"),
    ("--except", "E", "somebody to leave out: Figgo id or mail"),
    ("--pack", "[CALENDAR: ]KEY=VALUE", "what the set-up pack has to know: group, unit, domain and others"),
)


def add_options(one: argparse.ArgumentParser) -> None:
    """Everything the form asks for."""
    one.add_argument("tenant", help="a-z, 0-9 and inner hyphens; with nothing else the draft that is there")
    one.add_argument("--timezone", default="", metavar="ZONE", help="such as Europe/Paris")
    one.add_argument("--start", default="", metavar="DATE", help="nothing that ended before is created")
    for flag, shape, text in _REPEATED:
        one.add_argument(flag, action="append", default=[], metavar=shape, help=text)
    one.add_argument(
        "--vendor-sync-off", default="", metavar="DATE", help="since when Lucca's own calendar sync is off"
    )
    one.add_argument(
        "--look-alikes",
        default="",
        choices=["ask", "adopt", "ignore"],
        help="unmarked events with our titles: hold the mailbox, make them ours, or write beside them",
    )
    one.add_argument("--save", action="store_true", help="write the draft and its set-up pack")


def onboard(options: argparse.Namespace) -> int:
    """Show what the answers would change; with --save write it, as a draft."""
    from figgo_ops.desk import onboarding
    from figgo_ops.desk.onboarding import flags
    from figgo_ops.home import Home
    from figgo_ops.tenants.file import SLUG
    from figgo_ops.transport import SystemClock
    from figgo_ops.words import with_home

    log_without_secrets()
    home = Home.open(options.home)
    home.learn_secrets()
    answers, given = _answers(home, options), _given(options.pack)
    today = (SystemClock().now() + _AHEAD).date()
    document: dict[str, Any] = {
        "tenant": answers.name,
        "file": str(home.tenants / f"{answers.name}.toml") if SLUG.fullmatch(answers.name) else "",
        "saved": False,
        "difference": onboarding.difference(home, answers),
        "command": with_home(flags.command(answers), options.home),
    }
    act = _saved if options.save else _looked
    return act(options, home, answers, today, given, document)


def _answers(home: "Home", options: argparse.Namespace) -> "Answers":
    """What was given; or, where only a name was, the draft that is there."""
    from figgo_ops.desk import onboarding
    from figgo_ops.desk.onboarding import flags

    given = said(options)
    draft = onboarding.draft_of(home, given.name) if given.empty else None
    return onboarding.answers_of(draft) if draft else flags.answers(given)


def said(options: argparse.Namespace) -> "Flags":
    """The flags as they were given."""
    from figgo_ops.desk.onboarding.flags import Flags

    return Flags(
        name=options.tenant,
        timezone=options.timezone,
        start=options.start,
        figgo=tuple(options.figgo),
        calendars=tuple(options.calendar),
        events=tuple(options.event),
        types=tuple(options.type),
        zones=tuple(options.zone),
        only=tuple(options.only),
        excluded=tuple(vars(options)["except"]),
        vendor_sync_off=options.vendor_sync_off,
        look_alikes=options.look_alikes,
    )


def _looked(
    options: argparse.Namespace,
    home: "Home",
    answers: "Answers",
    today: date,
    _given: object,
    document: dict[str, Any],
) -> int:
    from figgo_ops.desk import onboarding

    wrong = onboarding.mistakes(home, answers, today=today)
    document["mistakes"] = [{"field": one.field, "message": one.message} for one in wrong]
    lines = [_first_line(home, answers, wrong=bool(wrong)), "", document["difference"] or "Nothing changes."]
    lines += ["", *(f"Missing or wrong: {one}" for one in wrong)]
    lines.append(f"{'When that is right' if wrong else 'To save this'}: {document['command']}")
    show(options, document, "\n".join(lines))
    return UsageError.exit if wrong else 0


def _first_line(home: "Home", answers: "Answers", *, wrong: bool) -> str:
    from figgo_ops import tenants
    from figgo_ops.desk import onboarding
    from figgo_ops.words import headline, line

    if wrong:
        return f"tenant {line(answers.name)} (not saved)  home {home.path}"
    return headline(tenants.parsed(home, answers.name, onboarding.text(answers)), home.path)


def _saved(
    options: argparse.Namespace,
    home: "Home",
    answers: "Answers",
    today: date,
    given: dict[str, "Given"],
    document: dict[str, Any],
) -> int:
    from figgo_ops.desk import onboarding
    from figgo_ops.words import headline, with_home

    tenant = onboarding.save(home, answers, today=today)
    page, missing = _packed(home, tenant, given)
    following = [f"figgo-ops diagnose {tenant.name}", f"figgo-ops plan {tenant.name} --from start"]
    document |= {
        "saved": True,
        "mistakes": [],
        "pack": page,
        "pack_missing": missing,
        "next": [with_home(line, options.home) for line in following],
    }
    lines = [headline(tenant, home.path), "", document["difference"] or "Nothing changed.", ""]
    lines.append(f"Saved: {tenant.file}")
    lines.append(f"For the customer's administrator: {page}" if page else f"No set-up pack yet. {missing}")
    lines += [f"Next: {line}" for line in document["next"]]
    show(options, document, "\n".join(lines))
    return UsageError.exit if missing and given else 0


def _packed(home: "Home", tenant: "Tenant", given: dict[str, "Given"]) -> tuple[str, str]:
    """The page of the set-up pack, or why there is none yet: the tenant is saved in any case."""
    from figgo_ops.desk.setup import pack as setup_pack

    try:
        return str(setup_pack.write(home, tenant, given)), ""
    except UsageError as error:
        return "", f"{error.message}\n  {error.remedy} Then: --pack KEY=VALUE."


def _given(words: Iterable[str]) -> dict[str, "Given"]:
    """What the set-up pack is told, by calendar; "" for all."""
    from figgo_ops.desk.setup.pack import Given

    known = [one.name for one in fields(Given)]
    found: dict[str, Given] = {}
    for word in words:
        parts = re.fullmatch(r"(?:(.+?): )?(\w+)=(.*)", word, re.DOTALL)
        if parts is None or parts[2] not in known:
            raise UsageError(
                "--pack: not [CALENDAR: ]KEY=VALUE with a known key.", f"Known keys are {', '.join(known)}."
            )
        calendar = parts[1] or ""
        found[calendar] = replace(found.get(calendar, Given()), **{parts[2]: parts[3]})
    return found
