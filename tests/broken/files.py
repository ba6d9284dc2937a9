"""Set-ups that are wrong on this machine: the tenant file, its secrets, and what a person wrote down."""

from collections.abc import Mapping
from datetime import timedelta

from figgo_ops.checks import SUPPORT
from tests.broken.scene import EXCHANGE, Scene, Setup, Trouble, written

ENDS = "deadline: the credential of calendar exchange"
KEY, PASSWORD = "corail-figgo.key", "corail-exchange.password"


def gone(name: str) -> Trouble:
    """A secret's file is not there any more."""
    return lambda scene: (scene.corail.home.secrets / name).unlink()


def open_to_others(name: str) -> Trouble:
    """Everybody on this machine may read a secret."""
    return lambda scene: (scene.corail.home.secrets / name).chmod(0o644)


def emptied(name: str) -> Trouble:
    """A secret's file holds nothing."""
    return lambda scene: (scene.corail.home.secrets / name).write_text("")


def known_until(days: int) -> Trouble:
    """Somebody wrote down when the password ends."""

    def arrange(scene: Scene) -> None:
        day = scene.corail.clock.now().date() + timedelta(days=days)
        scene.corail.rewrite(EXCHANGE, f"{EXCHANGE}\ncredential_until = {day}")

    return arrange


FILES: Mapping[str, Setup] = {
    "tenant file with an unknown key": Setup(
        written("working_time =", "worked_time ="), "tenant file", "usage", "worked_time", SUPPORT
    ),
    "secret of Figgo gone": Setup(
        gone(KEY), f"secret file:{KEY}", "secret-unavailable", "does not exist", SUPPORT
    ),
    "secret of Exchange gone": Setup(
        gone(PASSWORD),
        f"secret file:{PASSWORD}",
        "secret-unavailable",
        "does not exist",
        SUPPORT,
    ),
    "secret open to others": Setup(
        open_to_others(PASSWORD), f"secret file:{PASSWORD}", "secret-open", "others", SUPPORT
    ),
    "secret empty": Setup(
        emptied("corail-microsoft365.secret"),
        "secret file:corail-microsoft365.secret",
        "secret-unavailable",
        "empty",
        SUPPORT,
    ),
    "password about to end": Setup(known_until(20), ENDS, "credential-until", "in 20 days", status="warning"),
    "password ended": Setup(
        known_until(-3), ENDS, "credential-until", "ended on", like="password about to end"
    ),
}
