"""Whom each calendar of a tenant file is for once people move, and how the file is written for it."""

import random
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from figgo_ops import tenants
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from figgo_ops.leaves import Person
from figgo_ops.tenants import Tenant
from figgo_ops.tenants.file import ScopeSection
from figgo_ops.tenants.routing import CalendarSettings, moved

HEAD = """\
# Corail, cliente depuis 2019
name = "corail"
timezone = "Europe/Paris"
start = 2026-01-01

[figgo]
host = "corail.ilucca.net"
url = "https://corail.ilucca.net"
api_key = "env:CORAIL_KEY"

"""
CALENDARS = """\
[[calendar]]
name = "siège"
kind = "google"
legal_entities = [1, 3]  # Paris et Fort-de-France
service_account = "file:corail-google.json"

[[calendar]]
name = "Genève"  # chez l'hébergeur
kind = "google"
legal_entities = [
    2,  # Genève
    5,  # Zurich
]
service_account = "file:suisse-google.json"

# la même vue pour tous
[events]
title = "Absent"
"""
Rule = tuple[str, tuple[int, ...], tuple[str, ...], bool]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(str(tmp_path / "home"))


def loaded(home: Home, calendars: str = CALENDARS) -> Tenant:
    (home.tenants / "corail.toml").write_text(HEAD + calendars, "utf-8")
    return tenants.load(home, "corail")


def table(name: str, *rules: str) -> str:
    lines = (f'name = "{name}"', 'kind = "google"', 'service_account = "file:a.json"', *rules)
    return "[[calendar]]\n" + "\n".join(lines) + "\n\n"


def rules(calendars: Iterable[CalendarSettings]) -> list[Rule]:
    return [(one.name, one.legal_entities, one.domains, one.retired) for one in calendars]


def after(home: Home, calendars: str, to: str, *legal_entities: int) -> list[Rule]:
    """The rules once written, as the file says them; written twice it stays as it is."""
    tenant = loaded(home, calendars)
    wanted = moved(tenant.calendars, to, legal_entities)
    assert moved(wanted, to, legal_entities) == wanted
    now = tenants.write_routing(tenant, wanted)
    text = tenant.file.read_text("utf-8")
    assert rules(tenants.load(home, "corail").calendars) == rules(now.calendars) == rules(wanted)
    tenants.write_routing(now, moved(now.calendars, to, legal_entities))
    assert tenant.file.read_text("utf-8") == text
    return rules(wanted)


def test_a_legal_entity_goes_from_one_list_to_the_other(home: Home) -> None:
    assert after(home, CALENDARS, "siège", 2) == [
        ("siège", (1, 3, 2), (), False),
        ("Genève", (5,), (), False),
    ]


def test_a_calendar_without_any_rule_left_is_retired_and_not_everyones(home: Home) -> None:
    assert after(home, CALENDARS, "siège", 2, 5) == [
        ("siège", (1, 3, 2, 5), (), False),
        ("Genève", (), (), True),
    ]
    tenant = tenants.load(home, "corail")
    for entity in (2, 5, 9):
        found = tenant.calendar_for(Person(1, "Anne", "anne@corail.example", None, entity))
        assert (found.name if found else None) == {2: "siège", 5: "siège"}.get(entity)


def test_everyone_of_the_others_moves_when_no_legal_entity_is_named(home: Home) -> None:
    assert after(home, CALENDARS, "Genève") == [("siège", (), (), True), ("Genève", (2, 5, 1, 3), (), False)]


def test_a_retired_calendar_takes_only_what_it_is_given_back(home: Home) -> None:
    text = table("a", "legal_entities = [1, 2]") + table("b", "legal_entities = [2, 7]", "retired = true")
    assert after(home, text, "b", 2) == [("a", (1,), (), False), ("b", (2,), (), False)]


def test_a_calendar_for_everyone_stays_so_when_it_is_given_somebody(home: Home) -> None:
    text = table("a", "legal_entities = [1, 2]") + table("b")
    assert after(home, text, "b", 2) == [("a", (1,), (), False), ("b", (), (), False)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("legal_entities = [1]", ""),
        ("", "legal_entities = [2]"),
        ('domains = ["corail.example"]', ""),
        ('domains = ["corail.example"]', "legal_entities = [2]"),
        ("", "retired = true"),
    ],
)
def test_where_rules_differ_in_kind_the_target_becomes_everyones_and_the_others_retire(
    home: Home, first: str, second: str
) -> None:
    (_, entities, domains, _), target = after(home, table("a", first) + table("b", second), "b")
    assert target == ("b", (), (), False)
    assert (f"legal_entities = {list(entities)}" == first) == bool(entities), "kept as it was"
    assert bool(domains) == first.startswith("domains")
    tenant = tenants.load(home, "corail")
    for mail in ("a@corail.example", "a@b.example", None):
        assert tenant.calendar_for(Person(1, "Anne", mail, None, 1)) is tenant.calendars[1]


def test_mail_domains_are_joined(home: Home) -> None:
    text = table("a", 'domains = ["Corail.example", "x.example"]') + table("b", 'domains = ["b.example"]')
    assert after(home, text, "b")[1] == ("b", (), ("b.example", "corail.example", "x.example"), False)


def test_the_only_calendar_is_everyones_already(home: Home) -> None:
    assert after(home, table("a", "legal_entities = [1]"), "a") == [("a", (1,), (), False)]


def test_a_calendar_for_mail_domains_takes_no_single_legal_entity(home: Home) -> None:
    tenant = loaded(home, table("a", "legal_entities = [1]") + table("b", 'domains = ["b.example"]'))
    with pytest.raises(UsageError, match="is for mail domains"):
        moved(tenant.calendars, "b", (1,))


def test_an_earlier_calendar_for_everyone_keeps_everyone(home: Home) -> None:
    tenant = loaded(home, table("a") + table("b", "legal_entities = [1]"))
    with pytest.raises(UsageError, match="stands before b and is for everyone") as caught:
        moved(tenant.calendars, "b", (2,))
    assert "put the [[calendar]] table of b before it" in caught.value.remedy


def test_comments_stay_where_they_are(home: Home) -> None:
    tenant = loaded(home)
    tenants.write_routing(tenant, moved(tenant.calendars, "siège", (5,)))
    text = tenant.file.read_text("utf-8")
    for comment in ("# Corail, cliente", "# Paris et Fort-de-France", "# chez l'hébergeur", "2,  # Genève"):
        assert comment in text
    tenants.write_routing(tenants.load(home, "corail"), moved(tenant.calendars, "siège"))
    lines = tenant.file.read_text("utf-8").splitlines()
    retired = next(n for n, line in enumerate(lines) if line.startswith("retired = true"))
    assert lines[retired + 1 : retired + 4] == ["", "# la même vue pour tous", "[events]"]


def test_tables_written_inline_are_written_too(home: Home) -> None:
    inline = (
        'calendar = [{name = "a", kind = "google", service_account = "file:a.json", legal_entities = [1]}, '
        '{name = "b", kind = "google", service_account = "file:a.json"}]\n'
    )
    text = HEAD.replace("[figgo]", inline + "\n[figgo]")
    (home.tenants / "corail.toml").write_text(text, "utf-8")
    tenant = tenants.load(home, "corail")
    tenants.write_routing(tenant, moved(tenant.calendars, "a"))
    now = tomllib.loads(tenant.file.read_text("utf-8"))["calendar"]
    assert [one.get("retired", False) for one in now] == [False, True]


def test_whoever_is_asked_for_belongs_to_the_target_and_nobody_else_changes(home: Home) -> None:
    """For any calendars by legal entity, in any order, some of them retired."""
    seed = 20261122
    chance = random.Random(seed)
    for _ in range(200):
        entities = list(range(1, 8))
        chance.shuffle(entities)
        cut = sorted(chance.sample(range(8), 2))
        shares = (entities[: cut[0]], entities[cut[0] : cut[1]], entities[cut[1] :])
        before = [
            CalendarSettings(name, "google", tuple(share), (), ScopeSection(), not share)
            for name, share in zip("abc", shares, strict=True)
        ]
        moving = chance.sample(range(1, 8), chance.randint(1, 4))
        to = chance.choice("abc")
        now = moved(before, to, moving)
        for entity in range(1, 9):
            person = Person(entity, "Zoé", "zoe@corail.example", None, entity)
            old, new = (next((one.name for one in c if one.reaches(person)), None) for c in (before, now))
            assert new == (to if entity in moving else old), (seed, before, moving, to)


def test_a_retired_calendar_changes_what_plans_depend_on(home: Home) -> None:
    digests = [
        loaded(home, table("a") + table("b", rule)).policy_digest()
        for rule in ("", "retired = false", "retired = true")
    ]
    assert digests[0] == digests[1] != digests[2]


def test_retired_must_be_true_or_false(home: Home) -> None:
    with pytest.raises(UsageError, match=r"calendar\[0\]\.retired: must be true or false without quotes"):
        loaded(home, table("a", 'retired = "yes"'))
