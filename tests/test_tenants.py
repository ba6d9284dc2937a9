"""A tenant file says everything about a customer, and its mistakes are told in words."""

import os
import stat
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path

import pytest

from figgo_ops import tenants
from figgo_ops.errors import SecretUnavailable, UsageError
from figgo_ops.home import Home
from figgo_ops.leaves import Person
from figgo_ops.tenants import Tenant

SMALL = """\
name = "corail"
timezone = "Europe/Paris"
start = 2026-01-01

[figgo]
host = "corail.ilucca.net"
url = "https://corail.ilucca.net"
api_key = "env:CORAIL_KEY"

[[calendar]]
name = "siège"
kind = "google"
service_account = "file:corail-google.json"
"""

FULL = """\
# Corail, cliente depuis 2019
name = "corail"
state = "active"          # draft | active | paused | closed
timezone = "Europe/Paris"
start = 2026-01-01

[figgo]
host = "corail.ilucca.net"
url = "https://127.0.0.1:8443/corail"
api_key = "file:corail-figgo.key"
webhook_secret = "keyring:corail/webhook"
working_time = "userdates"
weekend = ["friday", "saturday"]
rest_rows = true
ca_file = "/home/corail/ca.pem"
per_minute = 20

[[calendar]]
name = "siège"
kind = "google"
legal_entities = [1, 4]
service_account = "file:corail-google.json"

[[calendar]]
name = "filiale"
kind = "google"
domains = ["Filiale.example"]
service_account = "file:corail-google.json"

[events]
title = "Absente"
show_type = true
whole_days = "hours"
hours = { morning = ["08:30", "12:15"], afternoon = ["13:45", "17:30"] }
pending = "hidden"
private = true
show_as = "away"
hand_edits = "respect"
horizon = { past_days = 0, future_days = 90 }

[[events.type]]
match = "Maladie*"
title = "Absent"
private = true

[[events.type]]
match = "Télétravail"
skip = false
show_as = "elsewhere"

[[zone]]
legal_entities = [7]
employees = [12]
timezone = "America/Martinique"

[[zone]]
legal_entities = [7, 8]
timezone = "Indian/Reunion"

[scope]
only = [11, "Zoé@corail.example", 13]
except = [13]

[limits]
delete_ratio = 0.5
delete_min = 3
"""

URL = "https://corail.ilucca.net"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(str(tmp_path / "home"))


def written(home: Home, text: str, name: str = "corail") -> Path:
    path = home.tenants / f"{name}.toml"
    path.write_text(text, "utf-8")
    return path


def loaded(home: Home, text: str) -> Tenant:
    written(home, text)
    return tenants.load(home, "corail")


def refusal(home: Home, text: str) -> str:
    written(home, text)
    with pytest.raises(UsageError) as caught:
        tenants.load(home, "corail")
    return caught.value.message


def person(number: int = 11, mail: str | None = "anne@corail.example", legal_entity: int = 1) -> Person:
    return Person(number, "Anne Durand", mail, None, legal_entity)


def test_what_a_small_file_leaves_out_has_defaults(home: Home) -> None:
    tenant = loaded(home, SMALL)
    assert (tenant.state, tenant.start, tenant.figgo.per_minute) == ("draft", date(2026, 1, 1), 25)
    assert (tenant.events.hand_edits, tenant.events.look_alikes) == ("restore", "ask")
    assert (tenant.events.horizon.past_days, tenant.events.horizon.future_days) == (30, 540)
    assert (tenant.limits.delete_ratio, tenant.limits.delete_min) == (0.3, 10)
    assert tenant.working().weekend == {5, 6}
    policy = tenant.policy()
    assert (policy.timezone, policy.title, policy.show_as, policy.pending) == (
        "Europe/Paris",
        "Absent",
        "busy",
        "tentative",
    )
    assert tenant.in_scope(person())


def test_every_word_of_a_full_file_arrives(home: Home) -> None:
    tenant = loaded(home, FULL)
    assert (tenant.state, tenant.figgo.url) == ("active", "https://127.0.0.1:8443/corail")
    assert (tenant.figgo.webhook_secret, tenant.figgo.ca_file) == (
        "keyring:corail/webhook",
        "/home/corail/ca.pem",
    )
    working = tenant.working({11: frozenset({1})})
    assert working.weekend == {4, 5}
    assert working.rest == {11: frozenset({1})}
    assert working.rest_rows
    policy = tenant.policy()
    assert (policy.hours.morning, policy.hours.afternoon) == (
        (time(8, 30), time(12, 15)),
        (time(13, 45), time(17, 30)),
    )
    assert (policy.title, policy.show_type, policy.whole_days) == ("Absente", True, "hours")
    assert (policy.pending, policy.private, policy.show_as) == ("hidden", True, "away")
    assert [(rule.match, rule.title, rule.skip) for rule in policy.rules] == [
        ("Maladie*", "Absent", None),
        ("Télétravail", None, False),
    ]
    assert (tenant.limits.delete_ratio, tenant.limits.delete_min) == (0.5, 3)


def test_the_zone_of_an_employee_comes_before_that_of_the_legal_entity_and_the_first_zone_wins(
    home: Home,
) -> None:
    policy = loaded(home, FULL).policy()
    assert policy.zone(person(12, legal_entity=8)) == "America/Martinique"
    assert policy.zone(person(11, legal_entity=7)) == "America/Martinique"
    assert policy.zone(person(11, legal_entity=8)) == "Indian/Reunion"
    assert policy.zone(person(11, legal_entity=1)) == "Europe/Paris"


def test_the_first_calendar_that_reaches_a_person_is_theirs(home: Home) -> None:
    tenant = loaded(home, FULL)

    def name(who: Person) -> str | None:
        found = tenant.calendar_for(who)
        return found.name if found else None

    assert name(person(legal_entity=4)) == "siège"
    assert name(person(mail="a@filiale.example", legal_entity=1)) == "siège"
    assert name(person(mail="a@FILIALE.example", legal_entity=2)) == "filiale"
    assert name(person(mail="a@sub.filiale.example", legal_entity=2)) is None
    assert name(person(mail=None, legal_entity=2)) is None


def test_a_calendar_is_found_by_name_or_the_known_ones_are_listed(home: Home) -> None:
    tenant = loaded(home, FULL)
    assert tenant.calendar("filiale").domains == ("filiale.example",)
    with pytest.raises(UsageError, match=r"Did you mean siège\?") as caught:
        tenant.calendar("siege")
    assert "siège, filiale" in caught.value.remedy


@pytest.mark.parametrize(
    ("who", "inside"),
    [
        (person(11), True),
        (person(99, "zoé@corail.example"), True),
        (person(99, "ZOÉ@corail.example"), True),
        (person(99), False),
        (person(99, None), False),
        (person(13), False),
        (person(11, None, legal_entity=2), False),
    ],
)
def test_scope_is_who_is_chosen_not_excepted_and_reached(who: Person, inside: bool, home: Home) -> None:
    assert loaded(home, FULL).in_scope(who) is inside


MISTAKES = [
    ('state = "activ"', "", "state: must be 'draft', 'active', 'paused' or 'closed'. Did you mean active?"),
    (
        '"Europe/Paris"',
        '"europe/pari"',
        "timezone: not an IANA zone such as Europe/Paris. Did you mean Europe/Paris?",
    ),
    ("2026-01-01", '"2026-01-01"', "start: must be a date without quotes, such as 2026-01-01"),
    ("2026-01-01", "2026-01-01T00:00:00Z", "start: must be a date without quotes, such as 2026-01-01"),
    ("start = 2026-01-01", "", "start: is missing"),
    ('name = "corail"', 'name = "lagon"', "name: must be the file's name, corail"),
    ('"https://corail', '"http://corail', "figgo.url: must be an https:// URL"),
    ('"https://corail', '"https://moi:hunter2@corail', "figgo.url: must not hold a user or password"),
    ('"corail.ilucca.net"', '"https://corail.ilucca.net"', "figgo.host: must be a host name in lower case"),
    ('"env:CORAIL_KEY"', '"hunter2-0f9c"', "figgo.api_key: a reference belongs here (env:NAME"),
    (
        '"file:corail-google.json"',
        '\'{"k": "hunter2"}\'',
        "calendar[0].service_account: a reference belongs here",
    ),
    (
        "service_account",
        "service_acount",
        "calendar[0].service_acount: unknown key. Did you mean service_account?",
    ),
    ('kind = "google"', 'kind = "gogle"', "calendar[0].kind: no such kind of calendar. Did you mean google?"),
    ('kind = "google"', "", "calendar[0].kind: is missing"),
    (
        'kind = "google"',
        'kind = "google"\napi_root = "http://x/"',
        "calendar[0].api_root: must be an https:// URL",
    ),
    ('kind = "google"', 'kind = "google"\nlegal_entity = [1]', "Did you mean legal_entities?"),
    (
        'kind = "google"',
        'kind = "google"\nlegal_entities = ["1"]',
        "legal_entities[0]: must be a whole number",
    ),
    (
        'kind = "google"',
        'kind = "google"\ndomains = ["@a.example"]',
        "domains[0]: must be a mail domain such as",
    ),
    ('kind = "google"', 'kind = "google"\ndomains = ["a.b"]\nlegal_entities = [1]', "cannot both be given"),
    ("[[calendar]]", "[calendar]", "calendar: must be a list in [ ]"),
    ("[figgo]", "[figgo]\nper_minute = 51", "figgo.per_minute: must be less than or equal to 50"),
    ("[figgo]", "[figgo]\nper_minute = true", "figgo.per_minute: must be a number without quotes"),
    ("[figgo]", '[figgo]\nweekend = ["samedi"]', "figgo.weekend[0]: must be 'monday', 'tuesday'"),
    ("[figgo]", "[figgo]\nrest_rows = 1", "figgo.rest_rows: must be true or false without quotes"),
    ("", "[events]\ntitel = 'x'", "events.titel: unknown key. Did you mean title?"),
    ("", "[events]\ntitle = ' '", "events.title: must not be blank"),
    (
        "",
        "[events]\nlook_alikes = 'ignor'",
        "events.look_alikes: must be 'ask', 'adopt' or 'ignore'. Did you mean ignore?",
    ),
    (
        "",
        "[events]\nhours = { morning = ['9:00', '12:00'] }",
        "events.hours.morning: must be two times such as",
    ),
    (
        "",
        "[events]\nhours = { morning = ['12:00', '09:00'] }",
        "events.hours.morning: must begin before it ends",
    ),
    (
        "",
        "[events]\nhours = { morning = ['09:00', '15:00'] }",
        "events.hours: the morning must end before the after",
    ),
    (
        "",
        "[events]\nhorizon = { past_days = -1 }",
        "events.horizon.past_days: must be greater than or equal to 0",
    ),
    (
        "",
        "[[events.type]]\nmatch = 'RTT'\nskipp = true",
        "events.type[0].skipp: unknown key. Did you mean skip?",
    ),
    ("", "[[zone]]\ntimezone = 'UTC'", "zone[0]: needs legal_entities or employees"),
    ("", "[scope]\nonly = ['x']", "scope.only[0]: must be an employee's Figgo id (a number) or mail"),
    ("", "[scope]\nexept = [1]", "scope.exept: unknown key. Did you mean except?"),
    ("", "[limits]\ndelete_ratio = 1.1", "limits.delete_ratio: must be less than or equal to 1"),
    ("", "[limits]\ndelete_ratio = nan", "limits.delete_ratio: must be"),
    ("", "figo = 1", "unknown key"),
]


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES)
def test_a_mistake_is_told_by_file_key_and_what_is_allowed(old: str, new: str, said: str, home: Home) -> None:
    text = SMALL.replace(old, new, 1) if old in SMALL and old else f"{SMALL}\n{new}\n"
    if old.startswith("state"):
        text = f"{old}\n{SMALL}"
    message = refusal(home, text)
    assert (
        message.startswith(f"{home.tenants / 'corail.toml'} has one mistake:\n  ") or "service_acount" in new
    )
    assert said in message
    assert "hunter2" not in message


def test_all_mistakes_are_told_at_once_one_per_line(home: Home) -> None:
    text = SMALL.replace("Europe/Paris", "Paris").replace("api_key", "apikey").replace('"google"', '"gogle"')
    lines = refusal(home, text).splitlines()
    assert lines[0].endswith("has 4 mistakes:")
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "timezone",
        "figgo.api_key",
        "figgo.apikey",
        "calendar[0].kind",
    ]


def test_two_calendars_of_one_name_are_refused(home: Home) -> None:
    second = SMALL[SMALL.index("[[calendar]]") :]
    assert "calendar[1].name: another calendar has this name" in refusal(home, SMALL + second)


def test_broken_toml_is_told_by_its_line_and_not_repeated(home: Home) -> None:
    message = refusal(home, SMALL.replace('api_key = "env:CORAIL_KEY"', "api_key = hunter2"))
    assert "is not TOML" in message
    assert "line 8" in message
    assert "hunter2" not in message


def test_toml_that_ends_too_early_names_its_last_line(home: Home) -> None:
    assert "line 14" in refusal(home, SMALL + "title = '''")


def test_a_file_in_another_encoding_is_refused_with_its_line(home: Home) -> None:
    path = written(home, "")
    path.write_bytes(SMALL.encode("latin-1"))
    with pytest.raises(UsageError, match=r"not UTF-8 text \(line 11\)"):
        tenants.load(home, "corail")


def test_a_file_saved_by_notepad_is_understood(home: Home) -> None:
    written(home, "").write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert tenants.load(home, "corail").calendars[0].name == "siège"


def test_names_are_the_files_there_are(home: Home) -> None:
    assert tenants.names(home) == []
    written(home, SMALL)
    written(home, "broken", "lagon")
    (home.tenants / ".corail.toml.x1").write_text("left by a crash")
    (home.tenants / "notes.txt").write_text("x")
    assert tenants.names(home) == ["corail", "lagon"]


def test_a_missing_tenant_is_told_with_the_nearest_and_the_known_ones(home: Home) -> None:
    with pytest.raises(UsageError, match="no tenant corai ") as caught:
        tenants.load(home, "corai")
    assert f"{home.tenants}/corai.toml" in caught.value.remedy
    written(home, SMALL)
    with pytest.raises(UsageError, match=r"Did you mean corail\?") as caught:
        tenants.load(home, "corai")
    assert caught.value.remedy == "Known tenants: corail."


def test_a_name_cannot_lead_out_of_the_folder(home: Home) -> None:
    (home.path / "corail.toml").write_text(SMALL)
    with pytest.raises(UsageError, match="no tenant"):
        tenants.load(home, "../corail")


def test_what_is_shown_is_the_file_with_references_unresolved(home: Home) -> None:
    shown = tenants.shown(loaded(home, FULL))
    assert shown["start"] == "2026-01-01"
    assert shown["figgo"]["api_key"] == "file:corail-figgo.key"
    assert [calendar["name"] for calendar in shown["calendar"]] == ["siège", "filiale"]
    assert shown["scope"] == {"only": [11, "Zoé@corail.example", 13], "except": [13]}


def test_changing_the_state_changes_that_word_alone(home: Home) -> None:
    tenant = loaded(home, FULL)
    changed = tenants.write_state(tenant, "paused")
    assert changed.state == "paused"
    assert tenant.file.read_text("utf-8") == FULL.replace('state = "active" ', 'state = "paused" ')
    assert tenant.file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_was_not_there_is_added_where_it_belongs(home: Home) -> None:
    tenant = tenants.write_look_alikes(tenants.write_state(loaded(home, SMALL), "active"), "ignore")
    assert (tenant.state, tenant.events.look_alikes) == ("active", "ignore")
    assert tenants.load(home, "corail") == tenant


def test_an_edit_made_meanwhile_by_hand_is_kept(home: Home) -> None:
    tenant = loaded(home, FULL)
    written(home, FULL.replace('"Absente"', '"Partie"'))
    assert tenants.write_look_alikes(tenant, "ignore").events.title == "Partie"


def test_a_file_that_became_wrong_meanwhile_is_left_as_it_is(home: Home) -> None:
    tenant = loaded(home, SMALL)
    broken = SMALL.replace("api_key", "apikey")
    written(home, broken)
    with pytest.raises(UsageError, match="apikey"):
        tenants.write_state(tenant, "paused")
    assert tenant.file.read_text("utf-8") == broken


def test_a_tenant_file_that_is_a_link_stays_one(home: Home, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.toml"
    real.write_text(SMALL, "utf-8")
    (home.tenants / "corail.toml").symlink_to(real)
    tenants.write_state(tenants.load(home, "corail"), "active")
    assert (home.tenants / "corail.toml").is_symlink()
    assert 'state = "active"' in real.read_text("utf-8")


SAME_POLICY = [
    ('"active" ', '"paused" '),
    ("2026-01-01", "2025-06-01"),
    ("https://127.0.0.1:8443/corail", URL),
    ("file:corail-figgo.key", "env:OTHER"),
    ("file:corail-google.json", "env:OTHER"),
    ("/home/corail/ca.pem", "/etc/ca.pem"),
    ("per_minute = 20", "per_minute = 10"),
    ("delete_min = 3", "delete_min = 4"),
    ('hand_edits = "respect"', 'hand_edits = "respect"\nlook_alikes = "ignore"'),
    ("[1, 4]", "[4, 1]"),
    ('[11, "Zoé@corail.example", 13]', '[13, 11, "zoé@corail.example"]'),
    ("# Corail, cliente depuis 2019", ""),
]
OTHER_POLICY = [
    ('timezone = "Europe/Paris"', 'timezone = "Europe/Rome"'),
    ('"Absente"', '"Partie"'),
    ('"08:30"', '"08:00"'),
    ("[7, 8]", "[8]"),
    ('"userdates"', '"weekdays"'),
    ('"friday", "saturday"', '"saturday", "sunday"'),
    ("rest_rows = true", "rest_rows = false"),
    ("[1, 4]", "[1]"),
    ('"Filiale.example"', '"autre.example"'),
    ('name = "filiale"', 'name = "succursale"'),
    ("except = [13]", "except = [14]"),
    ("skip = false", "skip = true"),
    ('host = "corail.ilucca.net"', 'host = "lagon.ilucca.net"'),
]


@pytest.mark.parametrize(("old", "new"), SAME_POLICY)
def test_a_plan_stays_good_when_only_the_way_there_changes(old: str, new: str, home: Home) -> None:
    assert old in FULL
    assert loaded(home, FULL.replace(old, new)).policy_digest() == loaded(home, FULL).policy_digest()


@pytest.mark.parametrize(("old", "new"), OTHER_POLICY)
def test_a_plan_is_stale_when_what_is_shown_or_to_whom_changes(old: str, new: str, home: Home) -> None:
    assert old in FULL
    assert loaded(home, FULL.replace(old, new)).policy_digest() != loaded(home, FULL).policy_digest()


@pytest.fixture
def wide_open() -> Iterator[None]:
    """A process whose new files are open to everyone, unless it takes care."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("wide_open")
def test_a_new_home_is_ours_alone(tmp_path: Path) -> None:
    home = Home.open(str(tmp_path / "new" / "home"))
    folders = (home.path, home.tenants, home.secrets, home.plans, home.runs, home.notebooks)
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    assert (len(home.digest_key), (home.path / "digest.key").stat().st_mode & 0o777) == (32, 0o600)


def test_the_home_is_what_is_said_else_the_variable_else_in_ones_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "zoé"))
    monkeypatch.delenv("FIGGO_OPS_HOME", raising=False)
    assert Home.open().path == tmp_path / "zoé" / "figgo-ops"
    monkeypatch.setenv("FIGGO_OPS_HOME", "relative")
    assert Home.open().path == tmp_path / "relative"
    assert Home.open("said").path == tmp_path / "said"


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
@pytest.mark.parametrize("folder", ["", "tenants", "secrets"])
def test_a_home_that_others_can_write_to_is_refused(folder: str, mode: int, home: Home) -> None:
    (home.path / folder).chmod(mode)
    with pytest.raises(UsageError, match="may write to") as caught:
        Home.open(str(home.path))
    assert "chmod 700" in caught.value.remedy


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        Home.open(str(tmp_path / "home"))


def test_children_work_in_the_same_home_and_ledger(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIGGO_OPS_LEDGER", raising=False)
    assert home.ledger == f"sqlite:///{home.path}/ledger.db"
    assert home.environment() == {"FIGGO_OPS_HOME": str(home.path)}
    monkeypatch.setenv("FIGGO_OPS_LEDGER", "postgresql://db/figgo_ops")
    assert home.ledger == "postgresql://db/figgo_ops"
    assert home.environment()["FIGGO_OPS_LEDGER"] == "postgresql://db/figgo_ops"


def test_a_digest_is_the_same_in_one_home_and_says_nothing_in_another(home: Home, tmp_path: Path) -> None:
    other = Home.open(str(tmp_path / "other"))
    assert home.digest("corail", "clé") == Home.open(str(home.path)).digest("corail", "clé")
    assert home.digest("corail", "clé") != other.digest("corail", "clé")
    assert home.digest("corail", "clé") != home.digest("corailclé")


def test_a_damaged_or_open_digest_key_is_refused(home: Home) -> None:
    key = home.path / "digest.key"
    key.write_bytes(home.digest_key[:7])
    with pytest.raises(UsageError, match="7 bytes where 32 belong"):
        home.digest("x")
    key.chmod(0o644)
    with pytest.raises(SecretUnavailable, match="read by others"):
        home.digest("x")


def test_a_secret_is_stored_and_found_in_the_home(home: Home) -> None:
    home.store("file:corail.key", "clé secrète")
    assert home.secret("file:corail.key").value == "clé secrète"
    assert (home.secrets / "corail.key").exists()


@pytest.mark.parametrize(("key", "value"), [("tenant_id", "M" * 64), ("client_id", "M" * 64)])
def test_what_may_be_a_line_of_a_private_key_is_no_id_of_microsoft(key: str, value: str, home: Home) -> None:
    """Messages repeat both ids, and a line of a key may be letters and digits alone."""
    ids = {"tenant_id": "acme.onmicrosoft.com", "client_id": "3f0d6f8b-2b1a-4a0e-9c7d-5e8a41b6d2f9"}
    lines = [f'{name} = "{given}"' for name, given in (ids | {key: value}).items()]
    text = SMALL.replace('kind = "google"', 'kind = "microsoft365"')
    text = text.replace(
        'service_account = "file:corail-google.json"', "\n".join([*lines, 'certificate = "env:X"'])
    )
    told = refusal(home, text)
    assert f"calendar[0].{key}: must be the " in told
    assert value not in told


def test_what_the_customer_confirmed_and_when_a_password_ends_are_dates(home: Home) -> None:
    text = SMALL + "credential_until = 2027-03-01\n\n[checklist]\nvendor_sync_off = 2026-11-20\n"
    tenant = loaded(home, text)
    assert tenant.calendars[0].credential_until == date(2027, 3, 1)
    assert tenant.checklist.vendor_sync_off == date(2026, 11, 20)
    assert tenant.policy_digest() == loaded(home, SMALL).policy_digest()


def test_a_tenant_that_has_no_file_yet_is_checked_without_writing_one(home: Home) -> None:
    assert tenants.parsed(home, "corail", SMALL).calendars[0].name == "siège"
    assert not list(home.tenants.iterdir())
    with pytest.raises(UsageError, match=r"lagon\.toml has one mistake"):
        tenants.parsed(home, "lagon", SMALL)
