"""What a diagnosis must say of a set-up that is wrong, and what it may take."""

import json
from collections import Counter

from figgo_ops.checks import Check
from figgo_ops.desk.diagnostics import Ask, Diagnosis, diagnose
from figgo_ops.desk.diagnostics.remedies import OTHERWISE
from figgo_ops.sandbox.exchange import PATH
from figgo_ops.sandbox.messages import Entry
from tests.broken.files import KEY, PASSWORD
from tests.broken.microsoft365 import SECRET
from tests.broken.scene import Scene, Setup

PEOPLE = 12
WAY = ("DNS", "proxy", "connection", "certificate", "clock")
PROBE = ("log-on", "rights", "outside", "calendar", "time zone")
LISTS = ("key", "rate", "people", "legal entities", "leaves", "working time")
CALENDARS = ("google", "exchange", "microsoft 365")
SKIPPED_WHEN_HEALTHY = {"google: outside", "Figgo: working time"}
SECRETS = {
    f"secret file:{name}": whose
    for name, whose in ((KEY, "Figgo"), (PASSWORD, "exchange"), (SECRET, "microsoft 365"))
}
"""Whose steps stand on each secret."""

STANDS_ALONE = {"outside", "time zone", "clock", "legal entities", "leaves", "working time"}
"""Steps on which nothing else stands."""


def judge(scene: Scene, setup: Setup) -> None:
    """Break it, diagnose, and see that it is told by its own cause, by one check, with one log-on."""
    ask = setup.ask(scene)
    if setup.before:
        setup.before(scene)
    setup.breaks(scene)
    found = diagnosis(scene, ask)
    said = only(setup, found, scene)
    assert (said.status, said.code, said.who) == (setup.status, setup.code, setup.who), said
    assert setup.words in said.cause.casefold(), said.cause
    assert said.remedy
    assert said.page not in ("", OTHERWISE), f"no runbook page explains {said.code}"
    assert leaked(scene, found) == []
    assert found.exit == (6 if setup.status == "failed" else 0)
    refused = log_ons(scene, refused=True)
    assert max(refused.values(), default=0) <= 1, f"a refused credential was shown again: {refused}"
    if setup.remembered or setup.check.endswith((": log-on", ": rights")):
        again_once(setup, scene, ask)


def leaked(scene: Scene, found: Diagnosis) -> list[str]:
    """The secrets whose value, or a line of it, a diagnosis repeats."""
    text = json.dumps(found.document())
    files = [one for one in scene.corail.home.secrets.iterdir() if one.is_file()]
    lines = {one.name: [line for line in one.read_text().splitlines() if len(line) > 12] for one in files}
    return [name for name, told in lines.items() if any(line in text for line in told)]


def again_once(setup: Setup, scene: Scene, ask: Ask) -> None:
    """Once a credential was refused it is not shown again, unless a person says so."""
    again = diagnosis(scene, ask)
    told = next(check for check in again.checks if check.name == setup.check)
    refused = log_ons(scene, refused=True)
    if not setup.remembered:
        assert (told.status, told.code) == (setup.status, setup.code), "a second look sees the same"
        assert max(refused.values(), default=0) <= 1
        return
    assert sum(refused.values()) == 0
    assert (told.status, told.code) == ("failed", "credential-remembered")
    assert "--retry-credential" in told.remedy
    assert only_code(setup, diagnosis(scene, ask, retry_credential=True)) == setup.code
    assert sum(log_ons(scene, refused=True).values()) == 1


def only_code(setup: Setup, found: Diagnosis) -> str:
    """The code of the check that this set-up is about."""
    return next(check.code for check in found.checks if check.name == setup.check)


def diagnosis(scene: Scene, ask: Ask, *, retry_credential: bool = False) -> Diagnosis:
    """What a diagnosis says; the log holds what it took."""
    scene.corail.forget_calls()
    corail = scene.corail
    return diagnose(corail.home, "corail", ask, clock=corail.clock, retry_credential=retry_credential)


def log_ons(scene: Scene, *, refused: bool = False) -> Counter[str]:
    """How often each service was shown a credential in order to log on, or how often it refused one.

    With NTLM two requests go before the one that shows it, and those behind it on the same connection need
    none; Figgo's key goes with every request. So of these two only what was refused is counted.
    """
    entries = scene.corail.stage.log.entries()
    tokens = Counter(
        entry.service for entry in entries if is_token(entry) and not (refused and entry.status == 200)
    )
    return tokens + Counter(entry.service for entry in entries if is_refused(entry))


def is_token(entry: Entry) -> bool:
    """Whether a token was asked for."""
    return entry.method == "POST" and entry.path.endswith("/token")


def is_refused(entry: Entry) -> bool:
    """Whether a key or a password was refused; Exchange may say in SOAP that one has expired."""
    figgo, exchange = entry.path.startswith("/api/"), entry.path.startswith(f"{PATH}/")
    return (figgo and entry.status == 401) or (exchange and entry.status in (401, 500))


def on_it(setup: Setup, names: list[str]) -> set[str]:
    """The checks that stand on the one that fails, so that they cannot be made."""
    whose, _, step = setup.check.rpartition(": ")
    if setup.check in SECRETS:
        whose, step = SECRETS[setup.check], ""
    elif setup.status == "warning" or step in STANDS_ALONE or whose in ("", "mailboxes", "deadline"):
        return set()
    order = [*WAY, *LISTS] if whose == "Figgo" else [*WAY, *PROBE]
    after = order[order.index(step) + 1 :] if step else order[len(WAY) :]
    if step in WAY:
        after = [one for one in after if one != "clock"]
    found = {f"{whose}: {one}" for one in after}
    if whose == "Figgo":
        found |= {f"{calendar}: {one}" for calendar in CALENDARS for one in PROBE}
    return found & set(names)


def only(setup: Setup, found: Diagnosis, scene: Scene) -> Check:
    """The check that is not as it should be, once everything else was seen to be; see `Setup`."""
    names = [check.name for check in found.checks]
    assert len(names) == len(set(names)), "every check is made once"
    wrong = {check.name: check for check in found.checks if not check.clean}
    also = {name.format_map(doors(scene)) for name in setup.also}
    assert set(wrong) == {setup.check, *also}, "\n".join(map(str, wrong.values()))
    stood = on_it(setup, names)
    left_out = {f"{one}: {step}" for one in (CALENDARS if setup.kind else setup.skips) for step in PROBE}
    for check in found.checks:
        if check.name in stood:
            assert check.status == "skipped", check
            assert check.cause, f"{check.name} does not say why it is skipped"
        elif check.name not in wrong and check.name not in SKIPPED_WHEN_HEALTHY | left_out | untold(setup):
            assert check.status == "ok", check
    assert {wrong[name].code for name in also} <= {setup.code}
    return wrong[setup.check]


def untold(setup: Setup) -> set[str]:
    """What may be seen or not where the way is blocked: the clock behind it, and the name before a proxy.

    Who asks too often is not told whether the key is good, and somebody in between tells nothing of rights.
    """
    checks = (setup.check, *setup.also)
    services = {one.rpartition(": ")[0] for one in checks if one.rpartition(": ")[2] in WAY}
    unasked = {"Figgo: key"} if setup.check == "Figgo: rate" else set()
    if setup.code == "strange-answer":
        unasked = {setup.check.replace("calendar", step) for step in ("rights", "outside")}
    return unasked | {f"{one}: {step}" for one in services for step in ("clock", "DNS")} - set(checks)


def doors(scene: Scene) -> dict[str, str]:
    """Host and port of every service."""
    return {name: url.removeprefix("https://") for name, url in scene.corail.stage.urls.items()}
