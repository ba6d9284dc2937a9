"""From a customer's answers to a draft: what is wrong is said beside it, what is written was seen before."""

import shlex
import stat
from collections.abc import Iterator
from dataclasses import fields as attributes
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import keyring
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from figgo_ops import calendars, sync, tenants
from figgo_ops.__main__ import parser
from figgo_ops.commands.onboarding import said
from figgo_ops.desk import onboarding
from figgo_ops.desk.onboarding import (
    Answers,
    CalendarAnswers,
    EventAnswers,
    FiggoAnswers,
    TypeAnswers,
    ZoneAnswers,
    answers_of,
    flags,
    live,
)
from figgo_ops.errors import CredentialRefused, Incomplete, UsageError
from figgo_ops.home import Home
from figgo_ops.session import Session
from tests.desk.answered import ACME, ANSWERS, EXCHANGE, GOOGLE, HARD, MICROSOFT365, TODAY
from tests.rehearsal import Corail

CANARY = "c4nary-4f9d1a77b0"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(str(tmp_path / "home"))


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    with Corail(tmp_path) as company:
        yield company


def wrong(home: Home, answers: Answers) -> dict[str, str]:
    """Every mistake by its field."""
    found: dict[str, str] = {}
    for one in onboarding.mistakes(home, answers, today=TODAY):
        found[one.field] = f"{found.get(one.field, '')} {one.message}".strip()
    return found


# The file


@given(answers=ANSWERS)
@example(answers=ACME)
def test_the_file_says_exactly_what_was_answered(
    answers: Answers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Home.at(str(tmp_path_factory.getbasetemp() / "nowhere"))
    assert onboarding.mistakes(home, answers) == []
    tenant = tenants.parsed(home, answers.name, onboarding.text(answers))
    assert answers_of(tenant) == answers
    assert tenant.state == "draft"


def test_a_saved_tenant_is_a_draft_in_a_file_that_only_we_read(home: Home) -> None:
    tenant = onboarding.save(home, ACME, today=TODAY)
    assert tenant == tenants.load(home, "acme")
    assert (tenant.state, answers_of(tenant)) == ("draft", ACME)
    assert stat.S_IMODE(tenant.file.stat().st_mode) == 0o600
    text = tenant.file.read_text()
    assert 'host = "acme.ilucca.net"  # what keys carry' in text
    assert r"user = 'ACME\svc-figgo'" in text


def test_the_host_of_keys_is_that_of_the_url_unless_somebody_says_otherwise(home: Home) -> None:
    figgo = replace(ACME.figgo, host="")
    assert onboarding.save(home, replace(ACME, figgo=figgo)).figgo.host == "acme.ilucca.net"
    url = "https://acme-copy.ilucca-test.net"
    other = onboarding.save(home, replace(ACME, name="copy", figgo=replace(ACME.figgo, url=url)))
    assert (other.figgo.host, other.figgo.url) == ("acme.ilucca.net", url)


COMMENTS = """\
# Customer 4711, ask for Inès before changing anything.
name = "acme"   # the old one
timezone = "Europe/Paris"
start = 2026-01-01 # agreed on the phone

[figgo]
# the test copy is another tenant
url = "https://acme.ilucca.net"
host = "acme.ilucca.net"
api_key = "env:ACME_FIGGO_KEY"

[[calendar]]
# moved here in 2025
name = "siège"
kind = "google"
legal_entities = [
  1, # Paris
  4, # Fort-de-France
]
service_account = "file:acme-sa.json" # renewed each spring

[limits]
delete_min = 3 # on their wish
"""


def kept(home: Home, text: str = COMMENTS) -> Answers:
    """A draft that somebody wrote by hand; its answers."""
    (home.tenants / "acme.toml").write_text(text)
    return answers_of(tenants.load(home, "acme"))


def finished(answers: Answers) -> Answers:
    """The same with what the checklist asks."""
    events = replace(answers.events, look_alikes="ask")
    return replace(answers, events=events, vendor_sync_off=date(2026, 11, 20))


def test_a_draft_written_by_hand_keeps_every_comment_and_what_the_form_does_not_know(home: Home) -> None:
    answers = finished(kept(home))
    first, lyon = replace(answers.calendars[0], legal_entities=(1, 5)), EXCHANGE
    more = replace(answers, start=date(2026, 2, 1), calendars=(first, lyon), only=(61,))
    onboarding.save(home, more, today=TODAY)
    text = (home.tenants / "acme.toml").read_text()
    lost = [part for part in comments(COMMENTS) if part not in text]
    assert lost == ["# Fort-de-France"], "it stood beside what was taken out"
    tenant = tenants.load(home, "acme")
    assert answers_of(tenant) == more
    assert tenant.limits.delete_min == 3


def test_a_table_that_is_added_stands_apart_from_what_was_there(home: Home) -> None:
    answers = finished(kept(home))
    onboarding.save(home, replace(answers, calendars=(EXCHANGE, *answers.calendars)))
    lines = (home.tenants / "acme.toml").read_text().splitlines()
    tables = [number for number, line in enumerate(lines) if line.startswith("[")]
    assert [lines[number - 1] for number in tables] == [""] * len(tables)
    assert len(tables) == 6


def comments(text: str) -> list[str]:
    return [f"#{line.partition('#')[2]}" for line in text.splitlines() if "#" in line]


def test_what_stays_as_it_is_does_not_show_in_the_difference(home: Home) -> None:
    answers = finished(kept(home))
    changed = [
        line
        for line in onboarding.difference(home, replace(answers, timezone="Europe/Zurich")).splitlines()
        if line[0] in "+-" and line[:3] not in ("+++", "---")
    ]
    assert changed == [
        '-timezone = "Europe/Paris"',
        '+timezone = "Europe/Zurich"',
        "+",
        "+[events]",
        '+look_alikes = "ask"',
        "+",
        "+[checklist]",
        "+vendor_sync_off = 2026-11-20",
    ]


@example(before=replace(ACME, only=(1, 2)), after=replace(ACME, only=(2, 1)), remark="")
@given(before=ANSWERS, after=ANSWERS, remark=st.lists(HARD, max_size=3).map("".join))
def test_any_draft_can_become_any_other_and_the_difference_says_exactly_how(
    before: Answers, after: Answers, remark: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Home.open(str(tmp_path_factory.mktemp("home")))
    onboarding.save(home, before)
    file = home.tenants / f"{before.name}.toml"
    file.write_text(f"# {remark}\n{file.read_text()}")
    after = replace(after, name=before.name)
    old, seen = file.read_text(), onboarding.difference(home, after)
    assert answers_of(onboarding.save(home, after)) == after
    assert file.read_text().startswith(f"# {remark}\n")
    assert patched(old, seen) == file.read_text().splitlines()
    assert onboarding.difference(home, after) == ""


def patched(text: str, difference: str) -> list[str]:
    """The lines of a text after a unified diff."""
    old, new, place = text.splitlines(), list[str](), 0
    for line in difference.splitlines()[2:]:
        if line.startswith("@@"):
            begin = line.split()[1][1:].split(",")
            first = int(begin[0]) - (begin[-1] != "0" or len(begin) == 1)
            new += old[place:first]
            place = first
            continue
        if line[0] in " -":
            assert old[place] == line[1:]
            place += 1
        if line[0] in " +":
            new.append(line[1:])
    return new + old[place:]


def test_the_difference_of_a_new_tenant_is_the_whole_file(home: Home) -> None:
    seen = onboarding.difference(home, ACME).splitlines()
    assert seen[:2] == ["--- /dev/null", "+++ tenants/acme.toml"]
    onboarding.save(home, ACME)
    assert [line[1:] for line in seen[3:]] == (home.tenants / "acme.toml").read_text().splitlines()


def test_line_ends_of_another_system_stay_as_they_are(home: Home) -> None:
    kept(home)
    file = home.tenants / "acme.toml"
    file.write_bytes(b"\xef\xbb\xbf" + COMMENTS.replace("\n", "\r\n").encode())
    answers = finished(answers_of(tenants.load(home, "acme")))
    onboarding.save(home, replace(answers, timezone="Europe/Zurich"))
    written = file.read_bytes().decode()
    old = COMMENTS.replace('"Europe/Paris"', '"Europe/Zurich"').replace("\n", "\r\n")
    assert written.startswith(old), written


def test_a_tenant_file_that_is_a_link_stays_one(home: Home, tmp_path: Path) -> None:
    kept(home)
    real = tmp_path / "repository.toml"
    (home.tenants / "acme.toml").rename(real)
    (home.tenants / "acme.toml").symlink_to(real)
    onboarding.save(home, ACME)
    assert (home.tenants / "acme.toml").is_symlink()
    assert "ask for Inès" in real.read_text()
    assert answers_of(tenants.load(home, "acme")) == ACME


# What is wrong


def test_a_form_that_nobody_filled_in_yet_says_of_each_field_what_belongs_there(home: Home) -> None:
    found = onboarding.mistakes(home, Answers())
    assert [one.field for one in found] == [
        *("name", "timezone", "start", "figgo.host", "figgo.url", "figgo.api_key", "calendar"),
        *("events.look_alikes", "checklist.vendor_sync_off"),
    ]
    assert str(found[0]) == "name: is missing"


def calendar(one: CalendarAnswers, **changed: str) -> tuple[CalendarAnswers, ...]:
    return (replace(one, fields={**one.fields, **changed}),)


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"name": "../acme"}, "name", "a-z, 0-9"),
        ({"name": "Acme SA"}, "name", "a-z, 0-9"),
        ({"timezone": "Europe/Pari"}, "timezone", "Did you mean Europe/Paris?"),
        ({"start": date(1815, 6, 18)}, "start", "between 1900 and 2100"),
        ({"figgo": replace(ACME.figgo, url="http://acme.ilucca.net")}, "figgo.url", "https://"),
        ({"figgo": replace(ACME.figgo, host="https://acme")}, "figgo.host", "host name in lower case"),
        ({"figgo": replace(ACME.figgo, working_time="days")}, "figgo.working_time", "must be"),
        ({"calendars": ()}, "calendar", "is missing"),
        ({"calendars": (replace(GOOGLE, kind="googel"),)}, "calendar[0].kind", "Did you mean google?"),
        ({"calendars": (replace(GOOGLE, name=""),)}, "calendar[0].name", "is missing"),
        ({"calendars": (GOOGLE, replace(EXCHANGE, name="siège"))}, "calendar[1].name", "another calendar"),
        ({"calendars": (replace(GOOGLE, domains=("a.example",)),)}, "calendar[0]", "cannot both be given"),
        ({"calendars": (replace(EXCHANGE, fields={}),)}, "calendar[0].url", "is missing"),
        ({"calendars": calendar(EXCHANGE, password="")}, "calendar[0].password", "is missing"),
        ({"calendars": calendar(EXCHANGE, threads="many")}, "calendar[0].threads", "integer"),
        ({"calendars": calendar(EXCHANGE, deletion="maybe")}, "calendar[0].deletion", "'soft' or 'hard'"),
        ({"calendars": calendar(MICROSOFT365, certificate="")}, "calendar[0]", "exactly one of"),
        ({"calendars": (replace(GOOGLE, outside="nobody"),)}, "calendar[0].outside", "must"),
        (
            {"calendars": (replace(GOOGLE, legal_entities=()), replace(EXCHANGE, legal_entities=()))},
            "calendar[1].legal_entities",
            "siège stands before it and is for everyone",
        ),
        (
            {"calendars": (replace(GOOGLE, legal_entities=()), EXCHANGE)},
            "calendar[1].legal_entities",
            "siège",
        ),
        ({"calendars": (replace(GOOGLE, name="a/b"),)}, "calendar[0].name", "must not hold a slash"),
        ({"calendars": (replace(GOOGLE, name="a" * 81),)}, "calendar[0].name", "must have at most 80"),
        ({"events": replace(ACME.events, title="é" * 256)}, "events.title", "at most 255 characters"),
        ({"events": replace(ACME.events, title=" ")}, "events.title", "blank"),
        ({"events": replace(ACME.events, show_as="sad")}, "events.show_as", "must be"),
        ({"events": replace(ACME.events, morning=("9h", "12h"))}, "events.hours.morning", "two times"),
        ({"events": replace(ACME.events, morning=("09:00", "15:00"))}, "events.hours", "morning must end"),
        ({"events": replace(ACME.events, future_days=-1)}, "events.horizon.future_days", "0"),
        ({"events": replace(ACME.events, types=(TypeAnswers(),))}, "events.type[0].match", "is missing"),
        ({"events": replace(ACME.events, look_alikes="")}, "events.look_alikes", "must be answered"),
        ({"events": replace(ACME.events, look_alikes="yes")}, "events.look_alikes", "'ask', 'adopt'"),
        ({"zones": (ZoneAnswers("Europe/Paris"),)}, "zone[0]", "needs legal_entities or employees"),
        ({"only": ("Inès",)}, "scope.only[0]", "Figgo id"),
        ({"excluded": (0,)}, "scope.except[0]", "Figgo id"),
        ({"vendor_sync_off": None}, "checklist.vendor_sync_off", "two syncs write everything twice"),
        ({"vendor_sync_off": TODAY + timedelta(1)}, "checklist.vendor_sync_off", "future"),
        ({"timezone": "Europe/Paris\ud800"}, "timezone", "IANA"),
        ({"events": replace(ACME.events, title="Ab\udc9dsent")}, "events.title", "half a character"),
    ],
)
def test_each_mistake_stands_at_its_own_field_and_none_is_saved(
    home: Home, changed: dict[str, object], field: str, says: str
) -> None:
    answers = replace(ACME, **changed)  # type: ignore[arg-type]
    found = wrong(home, answers)
    assert says in found[field], found
    with pytest.raises(UsageError, match="was not saved") as refused:
        onboarding.save(home, answers, today=TODAY)
    assert f"{field}: " in refused.value.message
    assert tenants.names(home) == []
    onboarding.difference(home, answers).encode()  # as any page or terminal will have it


def test_nothing_is_wrong_with_a_customer_who_answered_everything(home: Home) -> None:
    assert onboarding.mistakes(home, ACME, today=TODAY, entities={1, 2, 3, 4}) == []


def test_a_retired_calendar_is_for_nobody_and_so_in_nobodys_way(home: Home) -> None:
    old = replace(GOOGLE, name="old", legal_entities=(), retired=True)
    assert onboarding.mistakes(home, replace(ACME, calendars=(old, *ACME.calendars))) == []


def test_a_legal_entity_that_figgo_does_not_list_is_told_wherever_it_stands(home: Home) -> None:
    found = onboarding.mistakes(home, ACME, entities={2, 3, 4})
    assert [(one.field, one.message) for one in found] == [
        ("calendar[0].legal_entities", "Figgo lists no legal entity 1 to this key")
    ]
    found = onboarding.mistakes(home, ACME, entities={1, 2, 3})
    assert [one.field for one in found] == ["calendar[0].legal_entities", "zone[0].legal_entities"]


@pytest.mark.parametrize("state", ["active", "paused", "closed"])
def test_a_tenant_that_is_no_draft_is_never_touched(home: Home, state: str) -> None:
    kept(home)
    file = home.tenants / "acme.toml"
    file.write_text(f'state = "{state}"\n{COMMENTS}')
    before = file.read_bytes()
    assert f"There is a tenant acme already, and it is {state}" in wrong(home, ACME)["name"]
    assert onboarding.difference(home, ACME) == ""
    with pytest.raises(UsageError, match=state):
        onboarding.save(home, ACME)
    assert file.read_bytes() == before


def test_a_file_with_mistakes_is_not_written_over_either(home: Home) -> None:
    (home.tenants / "acme.toml").write_text("not = toml = at all")
    assert "has mistakes" in wrong(home, ACME)["name"]
    with pytest.raises(UsageError, match="has mistakes"):
        onboarding.save(home, ACME)
    assert (home.tenants / "acme.toml").read_text() == "not = toml = at all"


def test_the_host_stays_once_events_carry_it(corail: Corail) -> None:
    """After the undo of a first load a tenant is a draft again, but its places are known."""
    result = corail.load()
    with corail.session() as session:
        tenants.write_state(session.tenant, "draft")
    answers = finished(answers_of(tenants.load(corail.home, "corail")))
    assert result.created > 50
    assert wrong(corail.home, answers) == {}
    other = replace(answers, figgo=replace(answers.figgo, host="other.ilucca.net"))
    assert "must stay corail.ilucca.net" in wrong(corail.home, other)["figgo.host"]
    with pytest.raises(UsageError, match=r"must stay corail\.ilucca\.net"):
        onboarding.save(corail.home, other)


def test_the_host_of_a_draft_that_never_wrote_may_change(corail: Corail) -> None:
    answers = finished(answers_of(tenants.load(corail.home, "corail")))
    other = replace(answers, figgo=replace(answers.figgo, host="other.ilucca.net"))
    assert onboarding.save(corail.home, other, today=TODAY).figgo.host == "other.ilucca.net"


# Secrets


def places_of_secrets() -> Iterator[Answers]:
    """The canary at each place where a reference belongs, and where nobody knows what belongs."""
    yield replace(ACME, figgo=replace(ACME.figgo, api_key=CANARY))
    yield replace(ACME, figgo=replace(ACME.figgo, webhook_secret=CANARY))
    yield replace(ACME, figgo=replace(ACME.figgo, url=f"https://inès:{CANARY}@acme.ilucca.net"))
    yield replace(ACME, calendars=calendar(EXCHANGE, url=f"https://svc:{CANARY}@mail.acme.example/EWS"))
    for kind in onboarding.kinds():
        names = [one.name for one in onboarding.fields(kind) if one.secret]
        assert names, f"{kind} has no credential"
        for name in [*names, "pasword"]:
            yield replace(ACME, calendars=(CalendarAnswers("c", kind, fields={name: CANARY}),))
    yield replace(ACME, calendars=(CalendarAnswers("c", "zimbra", fields={"password": CANARY}),))
    yield replace(ACME, calendars=(CalendarAnswers("c", "", fields={"password": CANARY}),))


@pytest.mark.parametrize("answers", list(places_of_secrets()), ids=str)
def test_a_secret_where_a_reference_belongs_is_refused_and_repeated_nowhere(
    home: Home, answers: Answers
) -> None:
    found = onboarding.mistakes(home, answers)
    assert found
    shown = [*map(str, found), onboarding.text(answers), onboarding.command(answers)]
    shown.append(onboarding.difference(home, answers))
    with pytest.raises(UsageError) as refused:
        onboarding.save(home, answers)
    shown += [refused.value.message, refused.value.remedy]
    with pytest.raises(UsageError) as untried:
        onboarding.trial(home, answers, 0)
    shown += [untried.value.message, untried.value.remedy]
    onboarding.save(home, ACME)
    shown.append(onboarding.difference(home, answers))
    assert not [text for text in shown if CANARY in text]
    assert "[hidden]" in onboarding.text(answers)


def test_a_stored_secret_is_in_its_own_file_only(home: Home) -> None:
    onboarding.save(home, ACME)
    onboarding.store_secret(home, "file:acme-sa.json", CANARY)
    holding = [
        path for path in home.path.rglob("*") if path.is_file() and CANARY in path.read_text("latin-1")
    ]
    assert holding == [home.secrets / "acme-sa.json"]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600


@pytest.fixture
def another_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


class Drawer(KeyringBackend):
    """A keyring that works."""

    priority = 5

    def get_password(self, service: str, username: str) -> str | None:
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep nothing."""


def test_a_keyring_is_preferred_where_one_works_and_the_reason_is_said_where_none_does(
    home: Home, another_keyring: None
) -> None:
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    file, none = onboarding.secret_stores(home)
    assert (file.door, file.usable, none.door, none.usable) == ("file:", True, "keyring:", False)
    assert str(home.secrets) in file.why
    assert "no keyring is running" in none.why
    keyring.set_keyring(Drawer())  # type: ignore[no-untyped-call]
    first, second = onboarding.secret_stores(home)
    assert (first.door, first.usable, second.door, second.usable) == ("keyring:", True, "file:", True)
    assert "Drawer" in first.why


# Forms and command lines


@pytest.mark.parametrize("kind", calendars.kinds())
def test_what_a_form_asks_is_what_the_provider_takes(kind: str) -> None:
    found = onboarding.fields(kind)
    model = calendars.settings_of(kind)
    assert {one.name for one in found} == set(model.model_fields)
    assert {one.name for one in found if one.required} == {
        name for name, info in model.model_fields.items() if info.is_required()
    }
    for one in found:
        assert one.help, f"{kind}.{one.name} needs a sentence in the docstring of its Settings"
        assert one.sort != "choice" or len(one.choices) > 1
    ranks = [one.common for one in found]
    assert ranks == sorted(ranks, reverse=True), "what most customers need comes first"
    assert "ca_file" in {one.name for one in found if not one.common}


def test_a_field_knows_secrets_choices_flags_and_numbers_apart() -> None:
    exchange = {one.name: one for one in onboarding.fields("exchange")}
    assert exchange["password"].secret
    assert exchange["client_secret"].secret
    assert not exchange["user"].secret
    assert (exchange["auth"].sort, exchange["auth"].choices) == ("choice", ("ntlm", "basic"))
    assert (exchange["online"].sort, exchange["online"].default) == ("flag", False)
    assert (exchange["threads"].value("8"), exchange["threads"].value("8x")) == (8, "8x")
    assert (exchange["online"].value("true"), exchange["online"].value("maybe")) == (True, "maybe")
    assert exchange["user"].value("true") == "true"
    assert [one.name for one in onboarding.fields("google") if one.required] == ["service_account"]


def typed(line: str) -> Answers:
    """The answers of a command line as a shell would split it."""
    program, *words = shlex.split(line)
    assert program == "figgo-ops"
    options = parser().parse_args(words)
    assert options.save
    return flags.answers(said(options))


@given(answers=ANSWERS)
@example(answers=ACME)
@example(answers=replace(Answers(), name="acme"))
@example(answers=replace(ACME, zones=(ZoneAnswers(),)))
@example(answers=replace(ACME, excluded=("-x@acme.example",)))
def test_the_command_line_says_the_same_as_the_form(answers: Answers) -> None:
    assert typed(onboarding.command(answers)) == answers


def test_the_command_line_reads_like_one() -> None:
    one = Answers(
        "acme", "Europe/Paris", date(2026, 1, 1), FiggoAnswers("https://acme.ilucca.net", "", "env:KEY")
    )
    one = replace(one, calendars=(EXCHANGE,), events=EventAnswers(pending="hidden"), only=(61,))
    assert onboarding.command(one) == (
        "figgo-ops onboard acme --timezone Europe/Paris --start 2026-01-01"
        " --figgo url=https://acme.ilucca.net --figgo api_key=env:KEY"
        r" --calendar 'name=Lyon,kind=exchange,legal_entities=2,url=https://mail.acme.example,"
        r"user=ACME\svc-figgo,password=keyring:acme/ews'"
        " --event pending=hidden --only 61 --save"
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"start": "01/01/2026"}, "--start: must be a date such as 2026-01-01."),
        ({"start": "20260101"}, "--start: must be a date"),
        ({"vendor_sync_off": "yes"}, "--vendor-sync-off: must be a date"),
        ({"figgo": (CANARY,)}, "--figgo: something in it is not KEY=VALUE."),
        ({"figgo": (f"apikey={CANARY}",)}, "--figgo: a key that is not known. Did you mean api_key?"),
        ({"events": ("show_type=yes",)}, "--event show_type: must be true or false."),
        ({"events": ("past_days=-3",)}, "--event past_days: must be a whole number."),
        ({"figgo": ("per_minute=fast",)}, "--figgo per_minute: must be a number."),
        ({"zones": ("legal_entities=1+2",)}, "--zone legal_entities: must be ids with spaces between."),
        ({"calendars": (f"name=x,password={CANARY}",)}, "--calendar: kind must be one of exchange, google"),
        ({"calendars": (f"kind=exchange,{CANARY}",)}, "--calendar: something in it is not KEY=VALUE."),
        ({"calendars": (f"kind=exchange,{CANARY}=1",)}, "--calendar: a key that is not known."),
        ({"calendars": ('kind=exchange,"name',)}, "--calendar: not a line of KEY=VALUE"),
    ],
)
def test_a_flag_that_cannot_be_understood_is_named_and_its_value_is_not(
    given: dict[str, object], says: str
) -> None:
    with pytest.raises(UsageError) as refused:
        flags.answers(replace(flags.Flags("acme"), **given))  # type: ignore[arg-type]
    assert refused.value.message.startswith(says)
    assert refused.value.remedy
    assert CANARY not in refused.value.message + refused.value.remedy


def test_every_answer_has_its_flag() -> None:
    """Whoever adds a question also makes it askable without a form."""
    for kind, sorts in (
        (FiggoAnswers, flags.FIGGO),
        (EventAnswers, {**flags.EVENT, "types": None, "look_alikes": None}),
        (CalendarAnswers, {**flags.CALENDAR, "fields": None}),
        (TypeAnswers, flags.TYPE),
        (ZoneAnswers, flags.ZONE),
    ):
        assert {one.name for one in attributes(kind)} == set(sorts), kind


# What Figgo says meanwhile


def test_figgo_can_be_tried_while_everything_else_is_still_open(corail: Corail) -> None:
    known = answers_of(tenants.load(corail.home, "corail"))
    barely = Answers("neuf", figgo=known.figgo, calendars=(CalendarAnswers(),))
    tenant = onboarding.trial(corail.home, barely)
    assert (tenant.calendars, tenant.state, tenant.timezone) == ((), "draft", "UTC")
    corail.stage.log.clear()
    with Session(corail.home, tenant, clock=corail.clock) as session:
        found = live.legal_entities(session)
    assert len(corail.stage.log.entries("figgo")) == 2
    with corail.session() as session:
        truth = session.figgo.people()
    for one in found:
        left = [person.left(TODAY) for person in truth if person.legal_entity == one.id]
        assert (one.people, one.former) == (left.count(False), left.count(True))
    assert [one.name for one in found] == ["Corail Paris", "Corail Genève", "Corail Antilles"]
    assert sum(one.former for one in found) > 0
    assert tenants.names(corail.home) == ["corail"], "trying leaves no file"


def test_one_calendar_can_be_tried_while_another_is_still_wrong(corail: Corail) -> None:
    known = answers_of(tenants.load(corail.home, "corail"))
    google = known.calendars[0]
    answers = replace(known, name="neuf", calendars=(CalendarAnswers("x", "exchange"), google))
    tenant = onboarding.trial(corail.home, answers, 1)
    assert [one.name for one in tenant.calendars] == ["google"]
    with Session(corail.home, tenant, clock=corail.clock) as session:
        checks = list(session.calendar("google").probe(corail.mail(64)))
    assert [check.status for check in checks if check.name in ("log-on", "rights")] == ["ok", "ok"]
    with pytest.raises(UsageError, match=r"calendar\[0\]: url is missing"):
        onboarding.trial(corail.home, answers, 0)


def test_a_wrong_key_is_told_by_the_trial_as_by_any_run(corail: Corail) -> None:
    known = answers_of(tenants.load(corail.home, "corail"))
    answers = replace(known, figgo=replace(known.figgo, api_key="file:corail-figgo-revoked.key"))
    for _ in range(2):
        with Session(corail.home, onboarding.trial(corail.home, answers), clock=corail.clock) as session:
            with pytest.raises(CredentialRefused):
                live.leave_count(session, TODAY)
            with pytest.raises(CredentialRefused):
                live.legal_entities(session)
    assert len(corail.stage.log.entries("figgo")) == 1, "the refused key was tried once"


def test_leaves_are_counted_without_reading_one(corail: Corail) -> None:
    with corail.session() as session:
        start = session.tenant.start
        everyone = live.company(session)
        corail.stage.log.clear()
        counted = live.leave_count(session, start)
        one = live.leave_count(session, start, [64])
        assert len(corail.stage.log.entries("figgo")) == 2
        assert session.figgo.requests == 4
        owners = [person.id for person in everyone.people]
    periods = corail.stage.company.periods.values()
    truth = [
        leave for period in periods for leave in period.active() if leave.day >= start and not leave.is_rest
    ]
    assert counted == sum(leave.period.owner.id in owners for leave in truth)
    assert one == sum(leave.period.owner.id == 64 for leave in truth)


def test_leaves_that_were_cancelled_are_not_counted_where_figgo_lists_them(corail: Corail) -> None:
    with corail.session() as session:
        counted = live.leave_count(session, session.tenant.start)
        corail.stage.figgo.switch("default_leaves", "all")
        assert live.leave_count(session, session.tenant.start) == counted


def test_leaves_are_counted_where_figgo_does_not_filter_by_activity(corail: Corail) -> None:
    with corail.session() as session:
        counted = live.leave_count(session, TODAY)
        corail.fault("figgo", "status", path="/api/v3/leaves", query="*isActive*", times=None, value=400)
        assert live.leave_count(session, TODAY) >= counted > 0


@pytest.mark.parametrize("body", [{"data": {"items": []}}, {"data": {"count": True}}, [], {"data": None}])
def test_an_answer_without_a_count_is_no_count_of_nothing(corail: Corail, body: object) -> None:
    corail.fault("figgo", "status", path="/api/v3/leaves", times=None, value={"status": 200, "body": body})
    with corail.session() as session, pytest.raises(Incomplete, match="without a count"):
        live.leave_count(session, TODAY)


def test_a_pilot_group_is_named_by_id_mail_or_number_and_kept_by_id(corail: Corail) -> None:
    with corail.session() as session:
        found = live.pilot(session, f"61; {corail.mail(64).upper()},\n00062 nobody@nowhere 61")
    assert found.ids == (61, 62, 64)
    (unknown,) = found.unknown
    assert "'nobody@nowhere'" in unknown


def test_a_sample_for_the_preview_costs_a_handful_of_requests(corail: Corail) -> None:
    with corail.session() as session:
        company = live.company(session)
        before = session.figgo.requests
        leaves = live.sample(session, company.sampled())
        geneva = live.sample(session, company.sampled([2]))
        assert session.figgo.requests - before <= 6
    assert len({leave.type_name for leave in leaves}) > 5
    assert {leave.owner for leave in geneva} < {leave.owner for leave in leaves}
    assert company.pilot("").people == ()


def test_a_saved_draft_is_loaded_like_any_other(corail: Corail) -> None:
    """From the answers to events in calendars."""
    known = finished(answers_of(tenants.load(corail.home, "corail")))
    corail.file.unlink()
    onboarding.save(corail.home, known, today=TODAY)
    with corail.session() as session:
        plan = sync.plan(session, sync.Ask(since="start"))
        assert plan.file is not None
        result = sync.apply(session, plan.file, plan.checksum)
    assert result.created == plan.count("create") == len(corail.marked()) > 50
    assert tenants.load(corail.home, "corail").state == "active"
