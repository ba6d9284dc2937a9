"""What a customer's administrator is told beside a script: what for, how far it reaches, how it ends.

The words are in a file of their own, one table per kind of set-up; names are put into them here.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from figgo_ops.desk.setup import exchange as setup_exchange
from figgo_ops.desk.setup import google as setup_google
from figgo_ops.desk.setup import microsoft365 as setup_microsoft365
from figgo_ops.desk.setup.exchange import ExchangeSetup, MembersOf
from figgo_ops.desk.setup.google import CONSOLE, GoogleSetup
from figgo_ops.desk.setup.microsoft365 import Microsoft365Setup
from figgo_ops.desk.setup.powershell import Section

Kind = Literal["google", "exchange", "microsoft365", "bridge"]

_WORDS = Path(__file__).parent.parent / "templates" / "set-up.toml"


@dataclass(frozen=True, slots=True)
class Guide:
    """Everything about one calendar's set-up but for whom it is.

    Attributes:
        what: the provider, as its administrators call it.
        names: that the script uses, and what each is.
        purpose, reach, beyond, before, steps, back, verify, takes, withdraw: sentences, in order.
        console: steps after the others that no script can do.
        sections: of the script.
        script: the whole of it.
        suffix: of the file that keeps the script.
    """

    what: str
    names: tuple[tuple[str, str], ...]
    purpose: tuple[str, ...]
    reach: tuple[str, ...]
    beyond: tuple[str, ...]
    before: tuple[str, ...]
    steps: tuple[str, ...]
    back: tuple[str, ...]
    verify: tuple[str, ...]
    takes: tuple[str, ...]
    withdraw: tuple[str, ...]
    console: tuple[str, ...]
    sections: tuple[Section, ...]
    script: str
    suffix: Literal["sh", "ps1"]


def google(setup: GoogleSetup) -> Guide:
    """For a calendar of kind google."""
    names = {"Project": setup.project, "Service account": setup.email, "Key file": setup.key}
    values = {"project": setup.project, "account": setup.account, "key": setup.key}
    text = setup_google.script(setup)
    return _guide("google", names, values, setup_google.sections(setup), text, CONSOLE)


def exchange(setup: ExchangeSetup) -> Guide:
    """For a calendar of kind exchange on the customer's own servers."""
    account = f"{setup.domain}\\{setup.account}"
    group = isinstance(setup.whom, MembersOf)
    name = setup.whom.group if isinstance(setup.whom, MembersOf) else setup.whom.unit
    names = {
        "Service account": account,
        "Group" if group else "Organizational unit": name,
        "Management scope": setup.scope,
        "Host": setup.host,
    }
    whom = f"the direct members of {name}" if group else f"the people below {name}"
    values = {"account": account, "whom": whom, "scope": setup.scope, "host": setup.host}
    return _guide("exchange", names, values, setup_exchange.sections(setup), setup_exchange.script(setup))


def microsoft365(setup: Microsoft365Setup, *, bridge: bool = False) -> Guide:
    """For a calendar in Exchange Online.

    Args:
        bridge: it is of kind exchange, and goes on with EWS for a while.
    """
    names = {
        "Organization": setup.organization,
        "Application": setup.application,
        "Group": setup.group,
        "Management scope": setup.scope,
        "Certificate": setup.certificate,
    }
    values = {key: getattr(setup, key) for key in ("application", "group", "scope", "certificate")}
    parts, text = setup_microsoft365.sections(setup), setup_microsoft365.script(setup)
    return _guide("bridge" if bridge else "microsoft365", names, values, parts, text)


def _guide(
    kind: Kind,
    names: dict[str, str],
    values: dict[str, str],
    sections: tuple[Section, ...],
    script: str,
    console: tuple[str, ...] = (),
) -> Guide:
    words = _words()[kind]

    def told(part: str) -> tuple[str, ...]:
        # A value is put in once: braces in a name are no places.
        return tuple(sentence.format_map(values) for sentence in words[part])

    return Guide(
        what=str(words["what"]),
        names=tuple(names.items()),
        purpose=told("purpose"),
        reach=told("reach"),
        beyond=told("beyond"),
        before=told("before"),
        steps=told("steps"),
        back=told("back"),
        verify=told("verify"),
        takes=told("takes"),
        withdraw=told("withdraw"),
        console=console,
        sections=sections,
        script=script,
        suffix="sh" if kind == "google" else "ps1",
    )


@cache
def _words() -> dict[str, dict[str, str | list[str]]]:
    return tomllib.loads(_WORDS.read_text(encoding="utf-8"))
