"""Diagnosis, onboarding and fleet bring no secret to light either, whatever goes wrong."""

import csv
import io
import json
import random
import re
from collections.abc import Mapping
from functools import partial

import pytest

from figgo_ops.desk import diagnostics, fleet
from figgo_ops.ledger import Ledger
from tests.privacy import canaries
from tests.privacy.scene import Scene, Trouble
from tests.privacy.troubles import FILES, INTERNAL, TROUBLES
from tests.privacy.watch import PASSWORD, Watch
from tests.rehearsal import TENANT

SEED = 20261123

LOOKS: Mapping[str, tuple[str, ...]] = {
    "diagnose": ("diagnose", TENANT),
    "diagnose as JSON": ("diagnose", TENANT, "--json"),
    "diagnose and write": (
        "diagnose",
        TENANT,
        "--employee",
        "francoise.berenger@corail.example",
        "--write-probe",
        "--json",
    ),
    "diagnose every mailbox": ("diagnose", TENANT, "--mailboxes"),
    "diagnose into a bundle": ("diagnose", TENANT, "--mailboxes", "--bundle", "{home}/support.zip"),
    "diagnose again": ("diagnose", TENANT, "--retry-credential", "--bundle", "{home}/support.zip"),
    "fleet": ("fleet", "--check"),
    "fleet as JSON": ("fleet", "--check", "--json"),
    "fleet for a manager": ("fleet", "--check", "--report", "{home}/fleet.html"),
    "fleet for a customer": ("fleet", "--check", "--message", TENANT, "--json"),
}
DRAFTED: Mapping[str, tuple[str, ...]] = {
    "onboard": ("onboard", TENANT),
    "onboard as JSON": ("onboard", TENANT, "--json"),
    "onboard and save": ("onboard", TENANT, "--save", "--pack", "group=Congés"),
    "onboard and save as JSON": ("onboard", TENANT, "--save", "--json"),
}
ENDS = {0, 2, 4, 6, 70, 130}


def share(
    troubles: Mapping[str, Trouble], commands: Mapping[str, object], one_in: int
) -> list[tuple[str, str]]:
    """Some troubles, each once, and every command with several, drawn alike each time."""
    drawn = random.Random(SEED)
    print(f"seed {SEED}")
    some, shuffled = list(troubles), list(commands)
    drawn.shuffle(some)
    drawn.shuffle(shuffled)
    return [(trouble, shuffled[n % len(shuffled)]) for n, trouble in enumerate(some[::one_in])]


def nothing_is_found(
    watch: Watch, trouble: Trouble, command: tuple[str, ...], patch: pytest.MonkeyPatch, draft: bool = False
) -> int:
    home = str(watch.corail.home.path)
    with patch.context() as patched:
        trouble(Scene(watch.corail, patched))
        if draft:
            text = watch.corail.file.read_text(encoding="utf-8")
            watch.corail.file.write_text(
                text.replace('state = "active"', 'state = "draft"'), encoding="utf-8"
            )
        with watch.corail.upon(lambda _: True, watch.glance):
            code = watch.run(*(word.replace("{home}", home) for word in command))
    # What is kept of it is told again by whoever looks at all tenants.
    told = watch.run("fleet", "--report", f"{home}/kept.html", "--json")
    assert watch.finds() == []
    assert {code, told} <= ENDS
    return code


@pytest.mark.parametrize(("trouble", "command"), share(TROUBLES, LOOKS, 4))
def test_no_trouble_brings_a_secret_to_light(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, trouble: str, command: str
) -> None:
    nothing_is_found(watch, TROUBLES[trouble], LOOKS[command], monkeypatch)


@pytest.mark.proof
@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_trouble_brings_a_secret_to_light_with_any_look(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    for command in LOOKS.values():
        before = watch.corail.file.read_bytes()
        nothing_is_found(watch, TROUBLES[trouble], command, monkeypatch)
        watch.corail.file.write_bytes(before)


@pytest.mark.parametrize(
    "trouble",
    ["value as a key", "value as ca_file", "Google 401 authError", "Google repeats the token far back"],
)
def test_what_forms_and_pages_are_given_holds_no_secret_to_begin_with(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """They show it as it is."""
    home, clock = watch.corail.home, watch.corail.clock
    with monkeypatch.context() as patched:
        TROUBLES[trouble](Scene(watch.corail, patched))
        home.learn_secrets()
        found = diagnostics.diagnose(home, TENANT, clock=clock, retry_credential=True)
        (row,) = fleet.look(home, clock=clock, check=True).rows
    assert not all(check.clean for check in found.checks)
    given = {"checks": repr(found.document()).encode(), "row": repr(row).encode()}
    assert canaries.Searcher(watch.secrets()).found(given) == []


DRAFTS = {**FILES, **INTERNAL}


@pytest.mark.parametrize(("trouble", "command"), share(DRAFTS, DRAFTED, 3))
def test_no_draft_brings_a_secret_to_light(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, trouble: str, command: str
) -> None:
    nothing_is_found(watch, DRAFTS[trouble], DRAFTED[command], monkeypatch, draft=True)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("trouble", "command"), [(trouble, command) for trouble in DRAFTS for command in DRAFTED]
)
def test_no_draft_brings_a_secret_to_light_with_any_command(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, trouble: str, command: str
) -> None:
    nothing_is_found(watch, DRAFTS[trouble], DRAFTED[command], monkeypatch, draft=True)


def test_a_search_looks_at_everything_that_a_diagnosis_leaves(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And even without our filter no library logs what it was given to send."""
    monkeypatch.setattr(canaries, "everything_logged", partial(canaries.everything_logged, filtered=False))
    assert nothing_is_found(watch, TROUBLES["nothing"], LOOKS["diagnose into a bundle"], monkeypatch) == 0
    assert nothing_is_found(watch, TROUBLES["nothing"], LOOKS["diagnose and write"], monkeypatch) == 0
    left = [*watch.seen, *watch.left()]
    parts = (
        "stdout of diagnose",
        "log of fleet",
        "support.zip/checks.json",
        "kept.html",
        "ledger.db meanwhile",
    )
    for part in parts:
        assert any(name.startswith(part) for name in left), part
    for kind in ("token", "assertion", "signature", "log-on"):
        assert any(name.startswith(f"{kind} ") for name in watch.secrets()), kind


ANSWERED = (
    *("--timezone", "Europe/Paris", "--start", "2026-01-01", "--look-alikes", "ask"),
    *("--vendor-sync-off", "2026-11-01", "--figgo", "url=https://acme.ilucca.net"),
    *("--figgo", "api_key=env:ACME_FIGGO_KEY"),
)
GOOGLE = "name=Siège,kind=google,legal_entities=1,service_account=file:acme.json"
EXCHANGE = "name=Lyon,kind=exchange,legal_entities=2,url=https://mail.acme.example,password=file:acme.pw"
GRAPH = "name=Genève,kind=microsoft365,legal_entities=3,client_secret=file:acme.secret"

MISPLACED: Mapping[str, tuple[str, ...]] = {
    "tenant": ("{key}",),
    **{
        flag: ("acme", f"--{flag}", "{key}")
        for flag in ("timezone", "start", "vendor-sync-off", "look-alikes")
    },
    **{f"figgo {name}": ("acme", "--figgo", f"{name}={{key}}") for name in ("url", "host", "working_time")},
    "figgo url's path": ("acme", "--figgo", "url=https://acme.ilucca.net/{key}"),
    "figgo url's user": ("acme", "--figgo", "url=https://{key}@acme.ilucca.net"),
    "figgo ca_file": ("acme", "--figgo", "ca_file={key}"),
    "figgo api_key": ("acme", "--figgo", "api_key={key}"),
    "figgo reference": ("acme", "--figgo", "api_key=file:{key}"),
    "key of figgo": ("acme", "--figgo", "{key}=1"),
    "nothing of figgo": ("acme", "--figgo", "{key}"),
    "calendar name": ("acme", "--calendar", GOOGLE.replace("Siège", "{key}")),
    "calendar kind": ("acme", "--calendar", "name=x,kind={key}"),
    "calendar key": ("acme", "--calendar", GOOGLE + ",{key}=1"),
    "calendar outside": ("acme", "--calendar", GOOGLE + ",outside={key}"),
    "calendar domains": ("acme", "--calendar", "name=x,kind=google,domains={key}"),
    "legal entity": ("acme", "--calendar", "name=x,kind=google,legal_entities={key}"),
    "service_account": ("acme", "--calendar", "name=x,kind=google,service_account={key}"),
    "token_url": ("acme", "--calendar", GOOGLE + ",token_url=https://x.example/{key}"),
    "user": ("acme", "--calendar", EXCHANGE + ",user={key}"),
    "user of a domain": ("acme", "--calendar", EXCHANGE + ",user=ACME\\{key}"),
    "tenant_id": ("acme", "--calendar", GRAPH + ",client_id=1,tenant_id={key}"),
    "client_id": ("acme", "--calendar", GRAPH + ",tenant_id=acme.example,client_id={key}"),
    **{f"event {name}": ("acme", "--event", f"{name}={{key}}") for name in ("title", "show_as", "private")},
    **{f"type {name}": ("acme", "--type", f"match=RTT,{name}={{key}}") for name in ("title", "skip")},
    "type match": ("acme", "--type", "match={key}"),
    "zone": ("acme", "--zone", "timezone={key},legal_entities=2"),
    "only": ("acme", "--only", "{key}"),
    "except": ("acme", "--except", "{key}"),
    "pack": ("acme", "--pack", "{key}"),
    **{
        f"pack {name}": ("acme", "--pack", f"{name}={{key}}")
        for name in ("group", "unit", "project", "account")
    },
    "pack of a calendar": ("acme", "--pack", "{key}: group=Congés"),
}


@pytest.mark.parametrize("where", MISPLACED)
def test_a_secret_typed_in_the_wrong_place_is_not_repeated_nor_saved(watch: Watch, where: str) -> None:
    """Neither in the tenant file nor in the pack for the customer's administrator."""
    watch.unread = ("secrets", "ca")
    words = MISPLACED[where]
    more = () if "--calendar" in words else ("--calendar", GOOGLE)
    for key in (watch.kept["corail-google.json line 2"], PASSWORD):
        name, *given = (_with(word, key) for word in words)
        for ends in (("--json",), ("--save",)):
            code = watch.run("onboard", name, *ANSWERED, *more, *given, *ends)
            assert code == 2 or (code == 0 and "--save" not in ends), "it was saved"
    assert watch.finds() == []


def _with(word: str, key: str) -> str:
    """A word with the key in it; a table is a line of CSV."""
    if not re.match(r"\w+=.*,", word):
        return word.replace("{key}", key)
    line = io.StringIO()
    csv.writer(line).writerow([part.replace("{key}", key) for part in word.split(",")])
    return line.getvalue().removesuffix("\r\n")


SENT = ("support.zip/", "one.zip/", "manager-", "stdout of fleet")


def test_what_leaves_this_house_names_nobody(watch: Watch) -> None:
    """Bundle, manager's page, message and what is remembered, with every kind of mailbox trouble."""
    corail, home = watch.corail, watch.corail.home.path
    hero, first = corail.case("whole-day").person, corail.members(1)[0]
    corail.stage.google.set_state(corail.mail(hero), "suspended")
    corail.rewrite("[limits]", f'[scope]\nexcept = ["{corail.mail(hero)}"]\n\n[limits]')
    some = [word for number in corail.members(1)[2:5] for word in ("--employee", str(number))]
    assert watch.run("sync", TENANT, *some) == 0
    assert watch.run("diagnose", TENANT, "--mailboxes", "--bundle", f"{home}/support.zip") == 0
    assert watch.run("diagnose", TENANT, "--employee", corail.mail(hero), "--bundle", f"{home}/one.zip") in (
        0,
        6,
    )
    for state in ("active", "draft"):  # of a draft every mailbox is looked at
        corail.rewrite('state = "active"', f'state = "{state}"')
        corail.stage.google.set_state(corail.mail(first), "suspended" if state == "draft" else "ok")
        assert watch.run("fleet", "--check", "--report", f"{home}/manager-{state}.html") == 0
        assert watch.run("fleet", "--check", "--json") == 0
        assert watch.run("fleet", "--check", "--message", TENANT) == 0
    left = {**watch.seen, **watch.left()}
    told = {name: text for name, text in left.items() if name.startswith(SENT)}
    told["health"] = json.dumps(_remembered(watch), ensure_ascii=False, default=str).encode()
    assert len(told) > 15
    assert canaries.Searcher(_people(watch)).found(told) == []
    assert {
        name: found for name, text in told.items() if (found := re.findall(rb"[\w.-]+@[\w.-]+", text))
    } == {}


def _people(watch: Watch) -> dict[str, str]:
    """Names, mails, titles and comments of everybody, and every absence type."""
    company = watch.corail.stage.company
    names = {
        f"{one.id} {what}": text
        for one in company.people.values()
        for what, text in (("name", f"{one.first_name} {one.last_name}"), ("mail", one.mail or ""))
    }
    types = {f"type {one.id}": one.name for one in company.accounts.values()}
    return {name: text for name, text in {**names, **types}.items() if len(text) >= canaries.SHORTEST}


def _remembered(watch: Watch) -> list[object]:
    ledger = Ledger.open(watch.corail.home.ledger)
    try:
        facts = ledger.facts(TENANT, "")
        return [*ledger.health(TENANT).values(), *facts, *facts.values()]
    finally:
        ledger.close()
