"""Set-ups at Google that are wrong: the service account, its delegation, its project, the users."""

import time
from collections.abc import Mapping

from figgo_ops.checks import NOBODY, SUPPORT
from figgo_ops.desk.diagnostics import diagnose
from tests.broken.scene import Scene, Setup, both, fault, mistyped, renamed, secret, slept, state, switch

DAY = 86400.0
RIGHTS = "google: rights"
SMALL = {"status": 403, "reason": "insufficientPermissions"}


def diagnosed(scene: Scene) -> None:
    """Somebody looked before."""
    diagnose(scene.corail.home, "corail", clock=scene.corail.clock)


def hour_ahead(scene: Scene) -> None:
    """Google finds that what we sign is not of this hour."""
    scene.corail.stage.google.clock = lambda: time.time() + 3600


GOOGLE: Mapping[str, Setup] = {
    "key of the service account deleted": Setup(
        switch("google", "service_account", "key-deleted"),
        "google: log-on",
        "key-unknown",
        "key",
        remembered=True,
    ),
    "service account deleted": Setup(
        switch("google", "service_account", "deleted"),
        "google: log-on",
        "account-unknown",
        "not exist",
        remembered=True,
    ),
    "key file is no key file": Setup(
        secret("corail-google.json", '{"installed": {}}'), "google: log-on", "usage", "key file", SUPPORT
    ),
    "delegation not there yet": Setup(
        switch("google", "delegation", "missing"),
        RIGHTS,
        "delegation-missing",
        "24 hours",
        NOBODY,
        status="pending",
    ),
    "delegation missing for a day": Setup(
        both(switch("google", "delegation", "missing"), diagnosed, slept(DAY + 1)),
        RIGHTS,
        "delegation-missing",
        "delegation does not cover",
    ),
    "delegation withdrawn": Setup(
        switch("google", "delegation", "missing"), RIGHTS, "withdrawn", "taken it back", before=diagnosed
    ),
    "delegation for another scope": Setup(
        both(switch("google", "delegation", "another-scope"), diagnosed, slept(DAY + 1)),
        RIGHTS,
        "delegation-missing",
        "delegation does not cover",
        like="delegation missing for a day",
    ),
    "scope of the token too small": Setup(
        both(fault("google", "status", path="/calendar/*", value=SMALL), diagnosed, slept(DAY + 1)),
        RIGHTS,
        "scope-too-small",
        "scope",
    ),
    "Calendar API not enabled": Setup(
        both(switch("google", "calendar_api", "disabled"), diagnosed, slept(DAY + 1)),
        RIGHTS,
        "api-disabled",
        "not enabled",
    ),
    "calendar service off": Setup(
        state("google", "no-calendar"), "google: calendar", "calendar-off", "switched off", kind="google"
    ),
    "user suspended": Setup(
        state("google", "suspended"), "google: calendar", "suspended", "suspended", kind="google"
    ),
    "user deleted": Setup(
        state("google", "deleted"), "google: calendar", "user-deleted", "deleted", kind="google"
    ),
    "user unknown to Google": Setup(
        mistyped("google"), "google: calendar", "user-unknown", "no such user", kind="google"
    ),
    "alias where Google takes primary addresses": Setup(
        both(switch("google", "alias_subjects", "refused"), renamed("google")),
        "google: calendar",
        "user-unknown",
        "no such user",
        kind="google",
        like="user unknown to Google",
    ),
    "client blocked for a user": Setup(
        both(state("google", "restricted"), diagnosed, slept(DAY + 1)),
        RIGHTS,
        "client-blocked",
        "blocked",
        kind="google",
    ),
    "clock wrong for Google": Setup(hour_ahead, "google: log-on", "clock", "clock", SUPPORT),
}
