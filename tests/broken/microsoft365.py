"""Set-ups at Microsoft 365 that are wrong: the application, its credential, consent, scope, mailboxes."""

import time
from collections.abc import Mapping

from figgo_ops.checks import NOBODY, SUPPORT
from figgo_ops.sandbox.home import CLIENT_ID, TENANT_ID
from tests.broken.google import diagnosed
from tests.broken.scene import Scene, Setup, both, mistyped, secret, slept, state, switch, written

RIGHTS, LOG_ON, CALENDAR = "microsoft 365: rights", "microsoft 365: log-on", "microsoft 365: calendar"
SECRET, PEM = "corail-microsoft365.secret", "corail-microsoft365.pem"
HOURS = 3600.0
KIND = "microsoft365"
BY_CERTIFICATE = written(f'client_secret = "file:{SECRET}"', f'certificate = "file:{PEM}"')
OLD_TEXT = switch(KIND, "rest_text", "old")
OTHER = "00000000-1111-4222-8333-444444444444"


def removed(scene: Scene) -> None:
    """The certificate's public part is not among the application's any more."""
    scene.corail.stage.microsoft365.tokens.certificates.clear()


def day_ahead(scene: Scene) -> None:
    """Microsoft finds that what we sign is not of this day."""
    scene.corail.stage.microsoft365.tokens.wall = lambda: time.time() + 86400


def on_premises(scene: Scene) -> None:
    """The mailbox has not been moved to Microsoft 365."""
    scene.corail.stage.migrate(scene.mail(KIND), online=False)


MICROSOFT365: Mapping[str, Setup] = {
    "secret wrong": Setup(
        secret(SECRET, "Id-instead-of-value"), LOG_ON, "secret-wrong", "secret id", remembered=True
    ),
    "secret expired": Setup(
        switch(KIND, "secret", "expired"), LOG_ON, "secret-expired", "expired", remembered=True
    ),
    "certificate not registered": Setup(
        both(BY_CERTIFICATE, removed), LOG_ON, "certificate-refused", "not registered", remembered=True
    ),
    "application unknown": Setup(
        written(CLIENT_ID, OTHER), LOG_ON, "unknown-client", "no application", remembered=True
    ),
    "organization unknown": Setup(
        written(TENANT_ID, OTHER), LOG_ON, "unknown-tenant", "no organization", SUPPORT
    ),
    "application disabled": Setup(
        switch(KIND, "application", "disabled"), LOG_ON, "application-disabled", "disabled"
    ),
    "consent missing": Setup(
        switch(KIND, "application", "no-consent"), LOG_ON, "consent-missing", "consented"
    ),
    "service principal missing": Setup(
        switch(KIND, "application", "no-principal"), LOG_ON, "no-service-principal", "service principal"
    ),
    "conditional access": Setup(
        switch(KIND, "application", "conditional-access"), LOG_ON, "conditional-access", "conditional access"
    ),
    "clock wrong for Microsoft": Setup(both(BY_CERTIFICATE, day_ahead), LOG_ON, "clock", "clock", SUPPORT),
    "role just given": Setup(
        switch(KIND, "scope", "nobody"), RIGHTS, "outside-scope", "2 hours", NOBODY, status="pending"
    ),
    "role missing": Setup(
        both(switch(KIND, "scope", "nobody"), diagnosed, slept(2 * HOURS + 1)),
        RIGHTS,
        "outside-scope",
        "no role",
    ),
    "role withdrawn": Setup(
        switch(KIND, "scope", "nobody"), RIGHTS, "withdrawn", "taken it back", before=diagnosed
    ),
    "role for everybody": Setup(
        switch(KIND, "scope", "everyone"), "microsoft 365: outside", "scope-too-wide", "direction@"
    ),
    "person outside the group": Setup(
        both(state(KIND, "outside"), diagnosed, slept(2 * HOURS + 1)),
        RIGHTS,
        "outside-scope",
        "outside the scope",
        kind=KIND,
        like="role missing",
    ),
    "access policy": Setup(
        both(switch(KIND, "access_policy", "denies"), diagnosed, slept(2 * HOURS + 1)),
        RIGHTS,
        "access-policy",
        "access policy",
    ),
    "figgo-ops on the block list of the organization": Setup(
        both(switch(KIND, "agents", "blocked"), diagnosed, slept(2 * HOURS + 1)),
        RIGHTS,
        "agent-blocked",
        "user agent",
    ),
    "unlicensed": Setup(
        both(OLD_TEXT, state(KIND, "unlicensed")), CALENDAR, "elsewhere", "no licence", kind=KIND
    ),
    "guest": Setup(
        both(OLD_TEXT, state(KIND, "guest")), CALENDAR, "elsewhere", "guest", kind=KIND, like="unlicensed"
    ),
    "mailbox on premises": Setup(
        on_premises, CALENDAR, "elsewhere", "on premises", kind=KIND, like="unlicensed"
    ),
    "mailbox not to be located": Setup(
        both(switch(KIND, "unlicensed", "not-found"), state(KIND, "unlicensed")),
        CALENDAR,
        "elsewhere",
        "person is known",
        kind=KIND,
        like="unlicensed",
    ),
    "address unknown to Microsoft": Setup(mistyped(KIND), CALENDAR, "absent", "no such user", kind=KIND),
    "mailbox on its way": Setup(state(KIND, "moving"), CALENDAR, "mailbox-moving", "moved", kind=KIND),
}
