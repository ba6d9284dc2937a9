"""Set-ups in which somebody's mailbox is not as the first load needs it, found before it."""

from collections.abc import Mapping

from figgo_ops.sandbox.people import Person
from tests.broken.exchange import into_the_cloud
from tests.broken.microsoft365 import OLD_TEXT, on_premises
from tests.broken.scene import Scene, Setup, both, mistyped, renamed, state


def colleague(scene: Scene, kind: str = "google") -> Person:
    """Somebody else there; the hero's own mailbox is tried by the checks of the calendar."""
    hero, people = scene.hero(kind), scene.corail.stage.company.people.values()
    return next(one for one in people if one.legal_entity_id == hero.legal_entity_id and one is not hero)


def colleague_suspended(scene: Scene) -> None:
    """An account is suspended."""
    scene.corail.stage.google.set_state(colleague(scene).mail or "", "suspended")


def one_mailbox_for_two(scene: Scene) -> None:
    """A colleague has the hero's address in Figgo."""
    mail = scene.mail("google")
    scene.corail.stage.change_mail(colleague(scene).id, mail, move_mailbox=False)


def shares_by_alias(scene: Scene) -> None:
    """A colleague has the new address of the hero's mailbox, the hero still the old one."""
    mail = scene.mail("exchange")
    scene.corail.stage.change_mail(colleague(scene, "exchange").id, f"mariee.{mail}", move_mailbox=False)


def without_mail(scene: Scene) -> None:
    """Figgo knows no address of the hero."""
    scene.corail.stage.change_mail(scene.hero("google").id, None)


def another_zone(scene: Scene) -> None:
    """The hero lives on an island far away."""
    scene.corail.stage.google.mailbox(scene.mail("google")).zone = "Pacific/Noumea"


MATRIX: Mapping[str, Setup] = {
    "two people with one mailbox": Setup(
        one_mailbox_for_two, "mailboxes: shared", "shared-mailbox", "2 of them", status="warning", matrix=True
    ),
    "person without mail": Setup(
        without_mail, "mailboxes: no mail", "no-mail", "mail address", status="warning", matrix=True
    ),
    "mailbox in another zone": Setup(
        another_zone,
        "mailboxes: zone differs",
        "zone-differs",
        "pacific/noumea",
        status="warning",
        matrix=True,
    ),
    "somebody's address is an alias": Setup(
        renamed("exchange"), "mailboxes: alias", "alias", "alias of mariee.", status="warning", matrix=True
    ),
    "two people with one mailbox, one by an alias": Setup(
        both(renamed("exchange"), shares_by_alias),
        "mailboxes: shared",
        "shared-mailbox",
        "one of them by an alias",
        status="warning",
        matrix=True,
        like="two people with one mailbox",
    ),
    "somebody suspended at Google": Setup(
        colleague_suspended, "mailboxes: suspended", "suspended", "suspended", status="warning", matrix=True
    ),
    "somebody mistyped": Setup(
        mistyped("exchange"),
        "mailboxes: does not exist",
        "absent",
        "no such mailbox",
        status="warning",
        matrix=True,
    ),
    "somebody unlicensed": Setup(
        both(OLD_TEXT, state("microsoft365", "unlicensed")),
        "mailboxes: on premises, no licence, or a guest",
        "elsewhere",
        "no licence",
        status="warning",
        matrix=True,
    ),
    "somebody on premises": Setup(
        on_premises, "mailboxes: migrated", "migrated", "exchange", status="warning", matrix=True
    ),
    "somebody in the cloud": Setup(
        into_the_cloud,
        "mailboxes: migrated",
        "migrated",
        "microsoft 365",
        status="warning",
        matrix=True,
        like="somebody on premises",
    ),
}
