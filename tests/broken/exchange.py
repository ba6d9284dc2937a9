"""Set-ups at Exchange that are wrong: the service account, its right to act for others, the server."""

from collections.abc import Mapping

from figgo_ops.checks import NOBODY, SUPPORT
from figgo_ops.sandbox.exchange import PATH
from figgo_ops.sandbox.home import CLIENT_ID, SERVICE_ACCOUNT, TENANT_ID
from tests.broken.files import PASSWORD
from tests.broken.google import diagnosed
from tests.broken.scene import EXCHANGE as KIND
from tests.broken.scene import Scene, Setup, Trouble, both, mistyped, secret, slept, state, switch, written

RIGHTS, LOG_ON = "exchange: rights", "exchange: log-on"
HOUR = 3600.0
TOLD = switch("exchange", "reasons", "told")


def into_the_cloud(scene: Scene) -> None:
    """The mailbox was moved to Microsoft 365."""
    scene.corail.stage.migrate(scene.mail("exchange"))


def outside(scene: Scene) -> None:
    """The hero is not in the scope of the role; the service works for others."""
    scene.corail.stage.exchange.set_state(scene.mail("exchange"), "outside")


def online(policy: str) -> Trouble:
    """The calendar is Exchange Online, through EWS."""

    def arrange(scene: Scene) -> None:
        corail = scene.corail
        password = (corail.home.secrets / PASSWORD).read_text()
        corail.stage.exchange.switch("online", True)
        corail.stage.exchange.gate.tokens.client_id = CLIENT_ID
        corail.stage.exchange.gate.tokens.secret = password
        corail.rewrite(
            f"user = '{SERVICE_ACCOUNT}'\npassword = \"file:{PASSWORD}\"",
            f'online = true\ntenant_id = "{TENANT_ID}"\nclient_id = "{CLIENT_ID}"\n'
            f'client_secret = "file:{PASSWORD}"\n'
            f'token_url = "{corail.stage.urls["exchange"]}/{TENANT_ID}/oauth2/v2.0/token"',
        )
        corail.stage.exchange.switch("policy", policy)

    return arrange


EXCHANGE: Mapping[str, Setup] = {
    "password wrong": Setup(
        secret(PASSWORD, "Fausse-piste-1"), LOG_ON, "log-on-refused", "password", remembered=True
    ),
    "password expired, untold": Setup(
        switch("exchange", "account", "expired"),
        LOG_ON,
        "log-on-refused",
        "expired",
        remembered=True,
        like="password wrong",
    ),
    "account disabled": Setup(
        switch("exchange", "account", "disabled"),
        LOG_ON,
        "log-on-refused",
        "disabled",
        remembered=True,
        like="password wrong",
    ),
    "password expired": Setup(
        both(TOLD, switch("exchange", "account", "expired")),
        LOG_ON,
        "password-expired",
        "expired",
        remembered=True,
    ),
    "account locked": Setup(
        both(TOLD, switch("exchange", "account", "locked")),
        LOG_ON,
        "account-locked",
        "locked",
        remembered=True,
    ),
    "method not offered": Setup(
        both(switch("exchange", "auth", "ntlm"), written(KIND, f'{KIND}\nauth = "basic"')),
        LOG_ON,
        "method-not-offered",
        "does not offer",
        SUPPORT,
    ),
    "impersonation just given": Setup(
        switch("exchange", "impersonation", "nobody"),
        RIGHTS,
        "outside-scope",
        "applicationimpersonation",
        NOBODY,
        status="pending",
    ),
    "impersonation missing": Setup(
        both(switch("exchange", "impersonation", "nobody"), diagnosed, slept(HOUR + 1)),
        RIGHTS,
        "outside-scope",
        "applicationimpersonation",
    ),
    "impersonation withdrawn": Setup(
        switch("exchange", "impersonation", "nobody"), RIGHTS, "withdrawn", "taken it back", before=diagnosed
    ),
    "impersonation denied by the server": Setup(
        both(switch("exchange", "impersonation", "denied"), diagnosed, slept(HOUR + 1)),
        RIGHTS,
        "impersonation-denied",
        "act for others",
    ),
    "impersonation of everybody": Setup(
        switch("exchange", "impersonation", "everyone"), "exchange: outside", "scope-too-wide", "direction@"
    ),
    "mailbox outside the scope": Setup(
        both(outside, diagnosed, slept(HOUR + 1)),
        RIGHTS,
        "outside-scope",
        "scope",
        kind="exchange",
        like="impersonation missing",
    ),
    "EWS switched off": Setup(
        both(switch("exchange", "ews", "off"), diagnosed, slept(HOUR + 1)), RIGHTS, "ews-blocked", "disabled"
    ),
    "figgo-ops on the block list": Setup(
        both(switch("exchange", "agents", "blocked"), diagnosed, slept(HOUR + 1)),
        RIGHTS,
        "ews-blocked",
        "user agent",
        like="EWS switched off",
    ),
    "address refused by IIS": Setup(
        switch("exchange", "address", "refused"), LOG_ON, "address-blocked", "address"
    ),
    "address unknown to Exchange": Setup(
        mistyped("exchange"), "exchange: calendar", "absent", "no such mailbox", kind="exchange"
    ),
    "mailbox moved to the cloud": Setup(
        into_the_cloud,
        "exchange: calendar",
        "absent",
        "cloud",
        kind="exchange",
        like="address unknown to Exchange",
    ),
    "account of the mailbox disabled": Setup(
        state("exchange", "disabled"), "exchange: calendar", "account-disabled", "disabled", kind="exchange"
    ),
    "mailbox being moved": Setup(
        state("exchange", "moving"), "exchange: calendar", "mailbox-moving", "moved", kind="exchange"
    ),
    "address of EWS wrong": Setup(written(PATH, "/ews/wrong.asmx"), LOG_ON, "wrong-url", "no ews", SUPPORT),
    "server too old": Setup(switch("exchange", "version", "2010"), LOG_ON, "old-server", "older", SUPPORT),
    "EWS Online switched off": Setup(
        both(online("BlockedBySwitch"), diagnosed, slept(HOUR + 1)), RIGHTS, "ews-disabled", "ewsenabled"
    ),
    "application not on the list of EWS Online": Setup(
        both(online("BlockedByAllowList"), diagnosed, slept(HOUR + 1)),
        RIGHTS,
        "ews-not-listed",
        "ewsallowedappids",
    ),
}
