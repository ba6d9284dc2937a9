"""What can happen to our events behind our back: by owners, another client, Figgo, the customer.

Every victim has a week off and a single day off; the damage happens to the week, and the day stays in order.
"""

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from figgo_ops.sandbox.absences import Request
from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.worktime import calm_mondays
from tests.rehearsal import Corail
from tests.taking import new_mailbox
from tests.victims import ABSENT, HOST, PRESENT, UNSURE, Program, Seen, Victim, fingerprint

FOUR_DAYS = timedelta(days=4)
DAY = timedelta(days=1)

TYPES = {"type_is_skipped_since": "Formation", "type_has_a_title_since": "Déménagement"}
"""Absence types that nobody else has."""

Damage = Callable[[Victim], list[Seen]]
DAMAGE: dict[str, Damage] = {}


def damage(what: Damage) -> Damage:
    """Register a damage under its name; it gives what an audit must say of the week."""
    DAMAGE[what.__name__.strip("_")] = what
    return what


def takes(corail: Corail, person: Person, first: date, last: date, kind: str = "Congés payés") -> Request:
    """A leave, approved."""
    request = corail.stage.request_leave(person.id, first, last, kind)
    while request.awaited:
        corail.stage.approve(request.id)
    return request


def victims(corail: Corail, client: Program, seed: int, legal_entity: int) -> Iterator[tuple[str, Victim]]:
    """Somebody new for every kind of damage, on days that the seed draws."""
    chance = random.Random(seed)
    mondays = [monday for monday, _ in zip(calm_mondays(corail.stage.company.today), range(30), strict=False)]
    others = [
        one
        for one in corail.stage.company.people.values()
        if one.legal_entity_id == legal_entity and one.mail in corail.stage.keeper(one).mails()
    ]
    for number, name in enumerate(DAMAGE):
        mail = f"victime.{number}@corail.example"
        person = corail.stage.hire("Éloïse", f"Victime {number}", legal_entity, mail)
        first, second, third = chance.sample(mondays, 3)
        kind = TYPES.get(name, "Congés payés")
        week = takes(corail, person, first, first + FOUR_DAYS, kind)
        single = takes(corail, person, second, second)
        yield name, Victim(corail, client, person, first, third, week, single, others)


@damage
def deleted_by_its_owner(v: Victim) -> list[Seen]:
    v.owner.delete(v.id)
    return [v.says("missing", PRESENT, ABSENT)]


@damage
def dragged(v: Victim) -> list[Seen]:
    v.owner.move(v.id, v.monday + DAY, v.monday + FOUR_DAYS)
    return [v.says("edited", PRESENT, PRESENT)]


@damage
def dragged_out_of_the_window(v: Victim) -> list[Seen]:
    v.owner.move(v.id, "2024-03-04", "2024-03-05")
    return [v.says("edited", PRESENT, PRESENT)]


@damage
def renamed(v: Victim) -> list[Seen]:
    v.owner.rename(v.id, "Ski à Chamonix")
    return [v.says("edited", PRESENT, PRESENT)]


@damage
def made_private(v: Victim) -> list[Seen]:
    v.owner.set_visibility(v.id, "private")
    return [v.says("edited", PRESENT, PRESENT)]


@damage
def cut_to_an_afternoon(v: Victim) -> list[Seen]:
    v.owner.move(v.id, f"{v.monday}T14:00", f"{v.monday}T18:00")
    return [v.says("edited", PRESENT, PRESENT)]


@damage
def guests_invited(v: Victim) -> list[Seen]:
    v.owner.invite(v.id, ["invitée@ailleurs.example"])
    return [v.says("taken-over", PRESENT, PRESENT)]


@damage
def made_to_recur(v: Victim) -> list[Seen]:
    v.owner.repeat(v.id)
    return [v.says("taken-over", PRESENT, PRESENT)]


@damage
def copied_as_it_is(v: Victim) -> list[Seen]:
    v.owner.copy(v.id)
    return [v.says("in-order", PRESENT, PRESENT), v.says("duplicate", PRESENT, PRESENT)]


@damage
def copied_to_other_days(v: Victim) -> list[Seen]:
    v.owner.copy(v.id, v.monday + 7 * DAY, v.monday + 8 * DAY)
    return [v.says("in-order", PRESENT, PRESENT), v.says("copied", PRESENT, PRESENT)]


@damage
def copied_twice_and_one_renamed(v: Victim) -> list[Seen]:
    original = v.id
    v.owner.rename(v.owner.copy(original)["id"], "À rattraper")
    v.owner.copy(original)
    return [
        v.says("in-order", PRESENT, PRESENT),
        v.says("duplicate", PRESENT, PRESENT),
        v.says("copied", PRESENT, PRESENT),
    ]


@damage
def only_a_dragged_copy_is_left(v: Victim) -> list[Seen]:
    original = v.id
    v.owner.copy(original, v.monday + DAY, v.monday + 2 * DAY)
    v.owner.delete(original)
    return [v.says("edited", PRESENT, PRESENT)]


@damage
def a_note_and_a_colour_are_no_damage(v: Victim) -> list[Seen]:
    v.owner.annotate(v.id, "Rendre le badge")
    v.colour()
    return [v.says("in-order", PRESENT, PRESENT)]


@damage
def deleted_by_another_client(v: Victim) -> list[Seen]:
    v.client.delete(v.mail, v.id)
    return [v.says("missing", PRESENT, ABSENT)]


@damage
def marker_taken_off(v: Victim) -> list[Seen]:
    v.mark(key=None, print=None)
    return [v.says("missing", PRESENT, ABSENT)]


@damage
def marker_of_another_company(v: Victim) -> list[Seen]:
    other = v.key().replace("corail.", "madrepore.")
    v.mark(key=other)
    return [v.says("missing", PRESENT, ABSENT), v.says("foreign", UNSURE, PRESENT, other)]


@damage
def marker_made_unreadable(v: Victim) -> list[Seen]:
    v.mark(key="<script>alert(1)</script>")
    return [
        v.says("missing", PRESENT, ABSENT),
        v.says("foreign", UNSURE, PRESENT, "<script>alert(1)</script>"),
    ]


@damage
def fingerprint_lost_and_renamed(v: Victim) -> list[Seen]:
    v.mark(print="" if v.provider == "google" else None)
    v.owner.rename(v.id, "Ski")
    return [v.says("stale-policy", PRESENT, PRESENT)]


@damage
def moved_with_its_fingerprint(v: Victim) -> list[Seen]:
    """Whoever forges the fingerprint as well makes it look as if Figgo had changed."""
    own, single = v.id, v.other
    v.client.place(v.mail, own, single)
    v.client.mark(v.mail, own, print=fingerprint(single))
    return [v.says("missing", PRESENT, PRESENT)]


@damage
def made_tentative(v: Victim) -> list[Seen]:
    v.show("tentative")
    return [v.says("edited", PRESENT, PRESENT)]


@damage
def made_free(v: Victim) -> list[Seen]:
    v.show("free")
    return [v.says("edited", PRESENT, PRESENT)]


@damage
def written_twice_by_another_client(v: Victim) -> list[Seen]:
    v.insert()
    return [v.says("in-order", PRESENT, PRESENT), v.says("duplicate", PRESENT, PRESENT)]


@damage
def written_into_a_colleagues_mailbox(v: Victim) -> list[Seen]:
    colleague = v.others[0].mail or ""
    v.insert(mail=colleague)
    return [v.says("in-order", PRESENT, PRESENT), v.says("wrong-mailbox", UNSURE, PRESENT, mail=colleague)]


@damage
def an_event_of_no_leave(v: Victim) -> list[Seen]:
    key = f"{HOST}/{v.person.id}/999999/{v.monday + 7 * DAY:%Y%m%d}A"
    v.insert(key)
    return [v.says("in-order", PRESENT, PRESENT), v.says("orphaned", ABSENT, PRESENT, key)]


@damage
def an_event_of_somebody_figgo_does_not_show(v: Victim) -> list[Seen]:
    key = f"{HOST}/424242/1/{v.monday:%Y%m%d}A"
    v.insert(key)
    return [v.says("in-order", PRESENT, PRESENT), v.says("not-visible", UNSURE, PRESENT, key)]


@damage
def cancelled_in_figgo(v: Victim) -> list[Seen]:
    v.corail.stage.ask_cancellation(v.week.id)
    v.corail.stage.settle_cancellation(v.week.id, True)
    return [v.says("orphaned", ABSENT, PRESENT)]


@damage
def last_day_taken_out_in_figgo(v: Victim) -> list[Seen]:
    friday = v.monday + FOUR_DAYS
    v.corail.stage.remove_half_days(v.week.period.id, [(friday, "AM"), (friday, "PM")])
    return [v.says("missing", PRESENT, PRESENT)]


@damage
def first_day_taken_out_in_figgo(v: Victim) -> list[Seen]:
    v.corail.stage.remove_half_days(v.week.period.id, [(v.monday, "AM"), (v.monday, "PM")])
    return [v.says("missing", PRESENT, ABSENT, v.key(v.monday + DAY)), v.says("orphaned", ABSENT, PRESENT)]


@damage
def middle_day_taken_out_in_figgo(v: Victim) -> list[Seen]:
    wednesday = v.monday + 2 * DAY
    v.corail.stage.remove_half_days(v.week.period.id, [(wednesday, "AM"), (wednesday, "PM")])
    return [v.says("missing", PRESENT, PRESENT), v.says("missing", PRESENT, ABSENT, v.key(wednesday + DAY))]


@damage
def another_leave_approved(v: Victim) -> list[Seen]:
    more = takes(v.corail, v.person, v.later, v.later)
    return [v.says("in-order", PRESENT, PRESENT), v.says("missing", PRESENT, ABSENT, v.key(v.later, more))]


@damage
def contract_ended(v: Victim) -> list[Seen]:
    v.corail.stage.end_contract(v.person.id, v.corail.stage.company.today - DAY)
    return [v.says("orphaned", PRESENT, PRESENT), v.says("orphaned", PRESENT, PRESENT, v.single_key)]


@damage
def excluded_since(v: Victim) -> list[Seen]:
    v.corail.rewrite("[limits]", f"[scope]\nexcept = [{v.person.id}]\n\n[limits]")
    return [v.says("stale-policy", PRESENT, PRESENT), v.says("stale-policy", PRESENT, PRESENT, v.single_key)]


@damage
def type_is_skipped_since(v: Victim) -> list[Seen]:
    v.corail.rewrite("[limits]", '[[events.type]]\nmatch = "Form*"\nskip = true\n\n[limits]')
    return [v.says("stale-policy", PRESENT, PRESENT)]


@damage
def type_has_a_title_since(v: Victim) -> list[Seen]:
    v.corail.rewrite("[limits]", '[[events.type]]\nmatch = "Démén*"\ntitle = "Congé long"\n\n[limits]')
    return [v.says("stale-policy", PRESENT, PRESENT)]


@damage
def mail_changed_and_mailbox_renamed_without_an_alias(v: Victim) -> list[Seen]:
    v.corail.stage.change_mail(v.person.id, f"nouvelle.{v.person.id}@corail.example", keep_alias=False)
    return [v.says("in-order", PRESENT, PRESENT)]


@damage
def mail_changed_and_a_new_mailbox_given(v: Victim) -> list[Seen]:
    old = v.mail
    new_mailbox(v.corail, v.person.id, f"autre.{v.person.id}@corail.example")
    keys = (v.key(), v.single_key)
    return [v.says("missing", PRESENT, ABSENT, key) for key in keys] + [
        v.says("wrong-mailbox", PRESENT, PRESENT, key, old) for key in keys
    ]
