"""The story of Corail: about sixty people, and every case of an absence once, around whatever day today is.

Each case has people of its own, so that a test or a demonstration can say `cases["half-day-am"].person`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

from figgo_ops.sandbox.absences import Period, Request
from figgo_ops.sandbox.company import Company
from figgo_ops.sandbox.narrator import ANTILLES, GENEVA, PARIS, ROSTER, Case, Narrator, worked_day
from figgo_ops.sandbox.people import Person
from figgo_ops.sandbox.worktime import ONE_DAY, holiday_inside_week, monday_after, next_clock_change

PAID = "Congés payés"
WEDNESDAY_OFF = ((2, 0), (2, 1))

#: Mailboxes that have a second address, and addresses behind which there is no mailbox.
ALIASES = {
    "melanie.sauve@corail.example": ("melanie.petit@corail.example",),
    "philippe.garnier@corail-suisse.example": ("ph.garnier@corail-suisse.example",),
}
NO_MAILBOX = ("come.absil@corail-suisse.example",)

Telling = Callable[[Narrator], Case]
TELLINGS: dict[str, Telling] = {}


def case(name: str) -> Callable[[Telling], Telling]:
    """Register a case under its name."""

    def register(telling: Telling) -> Telling:
        TELLINGS[name] = telling
        return telling

    return register


def of(*requests: Request, people: tuple[Person, ...] = ()) -> Case:
    """The case of these requests."""
    periods = [request.period for request in requests]
    return of_periods(*periods, people=people, requests=requests)


def of_periods(*periods: Period, people: tuple[Person, ...] = (), requests: tuple[Request, ...] = ()) -> Case:
    """The case of these leave periods."""
    heroes = people or tuple(period.owner for period in periods[:1])
    return Case(
        tuple(one.id for one in heroes),
        tuple(one.id for one in periods),
        tuple(one.id for one in requests),
    )


@case("half-day-am")
def _half_day_am(tale: Narrator) -> Case:
    return of(tale.takes(tale.hire("Inès", "Carrel"), tale.week(1), account="RTT", to_half="AM"))


@case("half-day-pm")
def _half_day_pm(tale: Narrator) -> Case:
    hero, day = tale.hire("Loïc", "Guéguen"), tale.week(1) + ONE_DAY
    return of(tale.takes(hero, day, account="RTT", from_half="PM"))


@case("whole-day")
def _whole_day(tale: Narrator) -> Case:
    return of(tale.takes(tale.hire("Maëlle", "Le Goff"), tale.week(0) + 2 * ONE_DAY))


@case("monday-pm-to-friday")
def _monday_pm_to_friday(tale: Narrator) -> Case:
    monday = tale.week(1)
    return of(tale.takes(tale.hire("Zoé", "Lefèvre"), monday, monday + 4 * ONE_DAY, from_half="PM"))


@case("across-weekend")
def _across_weekend(tale: Narrator) -> Case:
    thursday = tale.fortnight(2) + 3 * ONE_DAY
    return of(tale.takes(tale.hire("Jean-François", "D'Aubigné"), thursday, thursday + 5 * ONE_DAY))


@case("across-holiday")
def _across_holiday(tale: Narrator) -> Case:
    holiday = holiday_inside_week("France", tale.today + timedelta(days=3))
    before, after = worked_day(holiday, -1), worked_day(holiday, 1)
    return of(tale.takes(tale.hire("Anaïs", "Bœuf"), before, after))


@case("two-periods-one-day")
def _two_periods_one_day(tale: Narrator) -> Case:
    hero, day = tale.hire("Aurélie", "Château", GENEVA), tale.week(2) + 2 * ONE_DAY
    return of(tale.takes(hero, day, to_half="AM"), tale.takes(hero, day, account="RTT", from_half="PM"))


@case("two-accounts")
def _two_accounts(tale: Narrator) -> Case:
    monday = tale.week(3)
    shares = ((PAID, 4), ("RTT", 2))
    return of(tale.takes(tale.hire("Noël", "Fauché"), monday, monday + 2 * ONE_DAY, account=shares))


@case("telework-inside")
def _telework_inside(tale: Narrator) -> Case:
    monday = tale.week(3)
    shares = ((PAID, 2), ("Télétravail", 2), (PAID, 2))
    return of(tale.takes(tale.hire("Océane", "Ruiz"), monday, monday + 2 * ONE_DAY, account=shares))


@case("hour-based")
def _hour_based(tale: Narrator) -> Case:
    hero, day = tale.hire("Théo", "Maréchal"), tale.week(1) + 3 * ONE_DAY
    return of(tale.takes(hero, day, account="Récupération", to_half="AM", hours=2))


@case("telework")
def _telework(tale: Narrator) -> Case:
    return of(tale.takes(tale.hire("Chloé", "Besançon"), tale.week(1) + ONE_DAY, account="Télétravail"))


@case("sickness-by-hr")
def _sickness_by_hr(tale: Narrator) -> Case:
    monday = tale.week(-1)
    return of_periods(tale.gets(tale.hire("Gaël", "Kerguélen"), monday, monday + 2 * ONE_DAY))


@case("retroactive-sickness")
def _retroactive_sickness(tale: Narrator) -> Case:
    monday = tale.week(-9)
    return of_periods(tale.gets(tale.hire("Hélène", "Vasseur"), monday, monday + ONE_DAY))


@case("child-sick")
def _child_sick(tale: Narrator) -> Case:
    hero, day = tale.hire("Éloïse", "Nuñez", GENEVA), tale.week(-1) + 3 * ONE_DAY
    return of_periods(tale.gets(hero, day, account="Enfant malade"))


@case("maternity")
def _maternity(tale: Narrator) -> Case:
    hero, monday = tale.hire("Béatrice", "Fournier"), monday_after(tale.today) - timedelta(days=63)
    return of_periods(tale.gets(hero, monday, monday + timedelta(days=16 * 7 - 3), account="Maternité"))


@case("unpaid")
def _unpaid(tale: Narrator) -> Case:
    hero, monday = tale.hire("Sébastien", "Hügli", GENEVA), tale.week(12)
    return of(tale.takes(hero, monday, monday + timedelta(days=25), account="Congé sans solde"))


@case("pending")
def _pending(tale: Narrator) -> Case:
    return of(tale.asks(tale.hire("Mathéo", "Prévost"), tale.week(4), tale.week(4) + ONE_DAY))


@case("pending-two-approvers")
def _pending_two_approvers(tale: Narrator) -> Case:
    hero, boss = tale.hire("Solène", "Garçon", GENEVA), tale.managers[PARIS]
    approvers = (boss.id, tale.managers[GENEVA].id)
    monday = tale.week(4)
    request = tale.company.request_leave(hero.id, monday, monday + 4 * ONE_DAY, approvers=approvers)
    return of(tale.company.approve(request.id))


@case("denied")
def _denied(tale: Narrator) -> Case:
    hero, monday = tale.hire("Raphaël", "Tissot", GENEVA), tale.week(5)
    request = tale.asks(hero, monday, monday + 4 * ONE_DAY)
    return of(tale.company.deny(request.id, "Salon professionnel cette semaine-là"))


@case("cancelled-pending")
def _cancelled_pending(tale: Narrator) -> Case:
    request = tale.asks(tale.hire("Noémie", "Lévêque"), tale.week(5), tale.week(5) + ONE_DAY)
    return of(tale.company.cancel(request.id))


@case("cancellation-pending")
def _cancellation_pending(tale: Narrator) -> Case:
    request = tale.takes(tale.hire("Grégoire", "Saint-Évremond"), tale.week(5), tale.week(5) + 2 * ONE_DAY)
    return of(tale.company.ask_cancellation(request.id, "Projet décalé"))


@case("cancellation-accepted")
def _cancellation_accepted(tale: Narrator) -> Case:
    request = tale.takes(tale.hire("Clémence", "Rivière", GENEVA), tale.week(6))
    tale.company.ask_cancellation(request.id)
    return of(tale.company.settle_cancellation(request.id, accepted=True))


@case("cancellation-refused")
def _cancellation_refused(tale: Narrator) -> Case:
    request = tale.takes(tale.hire("Aimé", "Zéphirin", ANTILLES), tale.week(6), tale.week(6) + 2 * ONE_DAY)
    tale.company.ask_cancellation(request.id)
    return of(tale.company.settle_cancellation(request.id, accepted=False))


@case("middle-day-removed")
def _middle_day_removed(tale: Narrator) -> Case:
    monday = tale.week(2)
    request = tale.takes(tale.hire("Cécile", "Dubois-Müller"), monday, monday + 4 * ONE_DAY)
    wednesday = monday + 2 * ONE_DAY
    tale.company.remove_half_days(request.period.id, [(wednesday, "AM"), (wednesday, "PM")])
    return of(request)


@case("recreated-half-day")
def _recreated_half_day(tale: Narrator) -> Case:
    hero, day = tale.hire("Yaël", "Benoît"), tale.week(3) + 4 * ONE_DAY
    first = tale.asks(hero, day, from_half="PM")
    tale.company.cancel(first.id)
    return of(tale.takes(hero, day, account="RTT", from_half="PM"), first)


@case("two-years")
def _two_years(tale: Narrator) -> Case:
    new_year = date(tale.today.year + 1, 1, 1)
    first = worked_day(new_year - timedelta(days=11), -1)
    last = worked_day(new_year + timedelta(days=8), 1)
    return of(tale.takes(tale.hire("Léa", "Deschênes"), first, last))


@case("transferred")
def _transferred(tale: Narrator) -> Case:
    hero, monday = tale.hire("Émile", "Rousseau", PARIS), monday_after(tale.today) - timedelta(days=7)
    request = tale.takes(hero, monday - timedelta(days=7), monday + timedelta(days=11))
    tale.company.transfer(hero.id, GENEVA)
    return of(request)


@case("leaver")
def _leaver(tale: Narrator) -> Case:
    hero = tale.hire("Gwenaëlle", "Jézéquel", GENEVA)
    requests = [tale.takes(hero, tale.week(-2), tale.week(-2) + ONE_DAY), tale.takes(hero, tale.week(2))]
    tale.company.end_contract(hero.id, tale.today - timedelta(days=5))
    return of(*requests)


@case("leaving-soon")
def _leaving_soon(tale: Narrator) -> Case:
    hero = tale.hire("Rémi", "Piñon", ANTILLES)
    requests = [tale.takes(hero, tale.week(1)), tale.takes(hero, tale.week(8), tale.week(8) + 4 * ONE_DAY)]
    tale.company.end_contract(hero.id, tale.week(5) - 3 * ONE_DAY)
    return of(*requests)


@case("rehired")
def _rehired(tale: Narrator) -> Case:
    former = tale.hire("Ségolène", "Traoré", contract_end=tale.today - timedelta(days=40))
    again = tale.hire("Ségolène", "Traoré", contract_start=tale.today - timedelta(days=12))
    return of(tale.takes(again, tale.week(4)), tale.takes(former, tale.week(-7)), people=(again, former))


@case("no-mail")
def _no_mail(tale: Narrator) -> Case:
    return of(tale.takes(tale.hire("Aïssata", "Diop", mail=None), tale.week(2)))


@case("changed-mail")
def _changed_mail(tale: Narrator) -> Case:
    hero = tale.hire("Mélanie", "Sauvé", mail="melanie.petit@corail.example")
    request = tale.takes(hero, tale.week(3), tale.week(3) + ONE_DAY)
    tale.company.change_mail(hero.id, "melanie.sauve@corail.example")
    return of(request)


@case("alias-mail")
def _alias_mail(tale: Narrator) -> Case:
    hero = tale.hire("Philippe", "Garnier", GENEVA, "ph.garnier@corail-suisse.example")
    return of(tale.takes(hero, tale.week(3) + 2 * ONE_DAY))


@case("shared-mail")
def _shared_mail(tale: Narrator) -> Case:
    pair = [tale.hire(first, "Atelier", mail="atelier@corail.example") for first in ("Paul", "Virginie")]
    return of(*(tale.takes(one, tale.week(number)) for number, one in enumerate(pair, 1)), people=tuple(pair))


@case("mailbox-unknown")
def _mailbox_unknown(tale: Narrator) -> Case:
    return of(tale.takes(tale.hire("Côme", "Absil", GENEVA), tale.week(2)))


@case("hostile-type")
def _hostile_type(tale: Narrator) -> Case:
    hero = tale.hire("Renée", "N'Guessan")
    names = ("=cmd|' /C calc'!A0", "<script>alert('congé')</script>")
    return of(*(tale.takes(hero, tale.week(number), account=name) for number, name in enumerate(names, 4)))


@case("dst-week")
def _dst_week(tale: Narrator) -> Case:
    sunday = next_clock_change(tale.today + timedelta(days=4))
    hero, friday = tale.hire("Éric", "Sørensen"), worked_day(sunday, -1)
    return of(tale.takes(hero, friday, worked_day(sunday, 1), from_half="PM", to_half="AM"))


@case("part-time-wednesday")
def _part_time_wednesday(tale: Narrator) -> Case:
    hero = tale.hire("Agnès", "Lemaître", GENEVA, rest=WEDNESDAY_OFF)
    return of(tale.takes(hero, tale.week(3) + ONE_DAY, tale.week(3) + 3 * ONE_DAY))


@case("time-zone")
def _time_zone(tale: Narrator) -> Case:
    hero, monday = tale.hire("Joséphine", "Césaire", ANTILLES), tale.week(2)
    return of(tale.takes(hero, monday, to_half="AM"), tale.takes(hero, monday + ONE_DAY, from_half="PM"))


def tell(company: Company) -> dict[str, Case]:
    """Live through every case in `company`, then give the quiet colleagues a week off each."""
    narrator = Narrator(company)
    cases = {name: telling(narrator) for name, telling in TELLINGS.items()}
    for number, entity in enumerate(_entities_of_the_quiet()):
        colleague, monday = narrator.colleague(entity), narrator.week(1 + number)
        narrator.takes(colleague, monday, monday + 4 * ONE_DAY)
    return cases


def _entities_of_the_quiet() -> Iterator[int]:
    for number in range(len(ROSTER) - 3):
        yield (PARIS, ANTILLES, GENEVA)[number % 3]
