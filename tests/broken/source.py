"""Set-ups in which Figgo does not let us read, or not everything."""

from collections.abc import Mapping

from figgo_ops.checks import CUSTOMER, NETWORK, NOBODY, SUPPORT
from tests.broken.files import KEY
from tests.broken.scene import FIGGO_URL, Setup, Trouble, both, fault, secret, switch, written


def role(name: str) -> Trouble:
    """The key is another one of the customer's."""
    return lambda scene: scene.corail.key_of_figgo(name)


def unreadable(what: str, answer: str = "refused") -> Trouble:
    """The role of the key may not read something."""
    return both(switch("figgo", "unreadable", what), switch("figgo", "unreadable_answer", answer))


HOURS = {"status": 429, "headers": {"Retry-After": "7200"}}


SOURCE: Mapping[str, Setup] = {
    "key of Figgo wrong": Setup(
        secret(KEY, "0f6b2c1e-0000-4000-8000-1234567890ab"),
        "Figgo: key",
        "key-refused",
        "api key",
        remembered=True,
    ),
    "key of Figgo revoked": Setup(
        role("revoked"), "Figgo: key", "key-refused", "api key", remembered=True, like="key of Figgo wrong"
    ),
    "role sees nobody": Setup(role("nobody"), "Figgo: people", "empty-source", "shows nobody"),
    "role sees one legal entity": Setup(
        role("narrow"),
        "Figgo: legal entities",
        "unknown-legal-entity",
        "legal entity 2",
        SUPPORT,
        skips=("exchange", "microsoft 365"),
    ),
    "role may not read people": Setup(unreadable("people"), "Figgo: people", "role-too-narrow", "read"),
    "role shows no people": Setup(
        unreadable("people", "empty"),
        "Figgo: people",
        "empty-source",
        "shows nobody",
        like="role sees nobody",
    ),
    "role may not read leaves": Setup(unreadable("leaves"), "Figgo: leaves", "role-too-narrow", "read"),
    "role shows no leaves": Setup(
        unreadable("leaves", "empty"), "Figgo: leaves", "no-leaves", "no leave", status="warning"
    ),
    "role may not read legal entities": Setup(
        unreadable("legal entities"), "Figgo: legal entities", "role-too-narrow", "read"
    ),
    "role may not read working days": Setup(
        both(written('"weekdays"', '"userdates"'), unreadable("userdates")),
        "Figgo: working time",
        "role-too-narrow",
        "read",
    ),
    "role shows no working days": Setup(
        both(written('"weekdays"', '"userdates"'), unreadable("userdates", "empty")),
        "Figgo: working time",
        "incomplete",
        "",
        NOBODY,
    ),
    "host of Figgo wrong": Setup(
        written(FIGGO_URL, 'url = "{google}"'), "Figgo: key", "wrong-url", "address", SUPPORT
    ),
    "address refused by Figgo": Setup(
        switch("figgo", "address", "refused"), "Figgo: key", "address-refused", "address", CUSTOMER
    ),
    "rate of Figgo used up": Setup(
        fault("figgo", "status", path="/api/*", value=HOURS), "Figgo: rate", "wait", "hour", NETWORK
    ),
    "too many requests to Figgo": Setup(
        fault("figgo", "status", path="/api/*", value=429), "Figgo: rate", "too-many", "too many", NETWORK
    ),
    "Figgo in maintenance": Setup(
        fault("figgo", "status", path="/api/*", value=503),
        "Figgo: key",
        "server-error",
        "maintenance",
        NETWORK,
    ),
    "interface of Figgo switched off": Setup(
        fault("figgo", "status", path="/api/v3/*", value=410), "Figgo: key", "gone", "switched off", SUPPORT
    ),
}
