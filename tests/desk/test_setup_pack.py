"""The set-up pack: a page and scripts that whoever gets them can trust, whatever the names in them say."""

import json
import re
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given

from figgo_ops import calendars, tenants
from figgo_ops.desk.setup import exchange as setup_exchange
from figgo_ops.desk.setup import google as setup_google
from figgo_ops.desk.setup import microsoft365 as setup_microsoft365
from figgo_ops.desk.setup.exchange import Below, ExchangeSetup, MembersOf
from figgo_ops.desk.setup.google import CONSOLE, GoogleSetup
from figgo_ops.desk.setup.guides import google
from figgo_ops.desk.setup.microsoft365 import Microsoft365Setup
from figgo_ops.desk.setup.pack import PAGE, Given, Need, needed, write
from figgo_ops.errors import UsageError
from figgo_ops.home import Home
from figgo_ops.tenants import Tenant
from tests.desk import shell_text
from tests.desk.test_setup_exchange import named
from tests.rehearsal import Corail

GROUP = "Congés synchronisés"
KINDS = {
    "google": 'service_account = "file:canary-google.json"',
    "exchange": (
        'url = "https://mail.acme.example"\nuser = \'CORP\\svc-figgo\'\npassword = "keyring:canary/exchange"'
    ),
    "microsoft365": (
        'tenant_id = "acme.onmicrosoft.com"\nclient_id = "66666666-7777-4888-9999-aaaaaaaaaaaa"\n'
        'certificate = "file:canary-365.pem"'
    ),
}
ONLINE = (
    'online = true\ntenant_id = "acme.onmicrosoft.com"\nclient_id = "66666666-7777-4888-9999-aaaaaaaaaaaa"\n'
    'client_secret = "env:CANARY_365"'
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(str(tmp_path / "home"))


def tenant_of(home: Home, *tables: str, more: str = "") -> Tenant:
    """A tenant with these calendars, `kind` and keys of the kind each."""
    listed = "".join(f"\n[[calendar]]\n{table}\n" for table in tables)
    text = (
        'name = "acme"\ntimezone = "Europe/Paris"\nstart = 2026-01-01\n[figgo]\nhost = "acme.ilucca.net"\n'
        f'url = "https://acme.ilucca.net"\napi_key = "env:CANARY_FIGGO"\n{listed}\n{more}'
    )
    return tenants.parsed(home, "acme", text)


def calendar(kind: str, name: str = "", own: str = "", more: str = "") -> str:
    """One table of the tenant file."""
    return f"name = {_quoted(name or kind)}\nkind = {_quoted(kind)}\n{more}\n{own or KINDS[kind]}"


def three(home: Home) -> Tenant:
    """One calendar of each kind."""
    return tenant_of(
        home,
        calendar("google", "head office", more="legal_entities = [1, 4]"),
        calendar("exchange", "Siège d'été", more='domains = ["acme.example"]'),
        calendar("microsoft365", "rest"),
    )


def told(page: Path) -> str:
    """What a person reads on the page, in one line."""
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    return " ".join("".join(reader.text).split())


def scripts(page: Path) -> list[Path]:
    """The files beside the page."""
    return sorted(path for path in page.parent.iterdir() if path.name != PAGE)


class TestFiles:
    def test_each_calendar_has_its_script_as_the_generator_makes_it(self, home: Home) -> None:
        page = write(home, three(home), {"": Given(group=GROUP)})
        assert [path.name for path in scripts(page)] == [
            *("set-up-1-head-office.sh", "set-up-2-siege-d-ete.ps1", "set-up-3-rest.ps1")
        ]
        first, second, third = (path.read_bytes() for path in scripts(page))
        exchange = ExchangeSetup("svc-figgo", "CORP", MembersOf(GROUP), "mail.acme.example")
        microsoft365 = Microsoft365Setup("acme.onmicrosoft.com", GROUP)
        assert first.decode() == setup_google.script(GoogleSetup("figgo-ops-acme"))
        for found, text in (
            (second, setup_exchange.script(exchange)),
            (third, setup_microsoft365.script(microsoft365)),
        ):
            assert found.startswith(b"\xef\xbb\xbf")
            assert found.decode("utf-8-sig").split("\r\n") == text.split("\n")

    def test_only_their_owner_reads_what_lies_in_the_home(self, home: Home) -> None:
        page = write(home, three(home), {"": Given(group=GROUP)})
        assert page == home.path / "packs" / "acme" / PAGE
        for path in (page.parent.parent, page.parent, page, *scripts(page)):
            assert path.stat().st_mode & 0o077 == 0, path

    def test_the_pack_of_a_calendar_that_is_renamed_or_gone_is_not_left_behind(self, home: Home) -> None:
        page = write(home, three(home), {"": Given(group=GROUP)})
        (page.parent / "notes.txt").write_text("mine")
        write(home, tenant_of(home, calendar("google", "Siège")))
        assert {path.name for path in scripts(page)} == {"notes.txt", "set-up-1-siege.sh"}

    def test_in_a_folder_that_was_asked_for_nothing_is_removed(self, home: Home, tmp_path: Path) -> None:
        folder = tmp_path / "for the customer"
        write(home, three(home), {"": Given(group=GROUP)}, folder)
        page = write(home, tenant_of(home, calendar("google", "Siège")), folder=folder)
        assert page == folder / PAGE
        assert len(scripts(page)) == 4
        assert not (home.path / "packs").exists()

    def test_written_again_it_is_the_same_to_the_byte(self, home: Home) -> None:
        page = write(home, three(home), {"": Given(group=GROUP)})
        before = {path: path.read_bytes() for path in page.parent.iterdir()}
        write(home, three(home), {"": Given(group=GROUP)})
        assert {path: path.read_bytes() for path in page.parent.iterdir()} == before

    def test_names_that_no_file_can_have_become_some_that_can(self, home: Home) -> None:
        names = ["日本", "..", "a" * 80, "Ünïcode  — œuvre"]
        tables = [calendar("google", name, more=f"legal_entities = [{n}]") for n, name in enumerate(names, 1)]
        page = write(home, tenant_of(home, *tables))
        assert [path.name for path in scripts(page)] == [
            "set-up-1-calendar.sh",
            "set-up-2-calendar.sh",
            f"set-up-3-{'a' * 40}.sh",
            "set-up-4-unicode-uvre.sh",
        ]

    def test_a_folder_that_cannot_be_used_is_named(self, home: Home) -> None:
        (home.path / "packs").write_text("in the way")
        with pytest.raises(UsageError, match=re.escape(str(home.path / "packs"))):
            write(home, tenant_of(home, calendar("google")))


class TestAsking:
    def test_what_the_tenant_file_does_not_say_is_asked_calendar_by_calendar(self, home: Home) -> None:
        tenant = three(home)
        assert [(need.calendar, need.field) for need in needed(tenant)] == [
            ("Siège d'été", "group"),
            ("rest", "group"),
        ]
        with pytest.raises(UsageError) as refused:
            write(home, tenant)
        assert "Siège d'été: group (name of the group" in refused.value.message
        assert "rest: group" in refused.value.message
        assert refused.value.remedy
        assert not (home.path / "packs").exists()

    def test_one_answer_is_for_all_or_for_the_calendar_that_it_names(self, home: Home) -> None:
        tenant = three(home)
        some = {"rest": Given(group="Tous")}
        assert [need.calendar for need in needed(tenant, some)] == ["Siège d'été"]
        page = write(home, tenant, {"": Given(group=GROUP), **some})
        assert GROUP in scripts(page)[1].read_text(encoding="utf-8-sig")
        assert "''Tous''" in scripts(page)[2].read_text(encoding="utf-8-sig")
        assert GROUP not in scripts(page)[2].read_text(encoding="utf-8-sig")

    def test_a_unit_given_to_one_calendar_stands_before_a_group_given_to_all(self, home: Home) -> None:
        page = write(home, three(home), {"": Given(group=GROUP), "Siège d'été": Given(unit="corp/Été")})
        expected = ExchangeSetup("svc-figgo", "CORP", Below("corp/Été"), "mail.acme.example")
        text = scripts(page)[1].read_text(encoding="utf-8-sig").replace("\r\n", "\n")
        assert text == setup_exchange.script(expected)
        assert "the people below corp/Été" in told(page)

    @pytest.mark.parametrize(
        ("user", "given", "account"),
        [
            ("CORP\\svc", Given(group=GROUP), "CORP\\svc"),
            ("svc@corp.example", Given(group=GROUP), "corp.example\\svc"),
            ("svc@corp.example", Given(group=GROUP, domain="CORP", account="svc-figgo"), "CORP\\svc-figgo"),
            ("svc", Given(group=GROUP, domain="CORP"), "CORP\\svc"),
        ],
    )
    def test_the_account_is_named_as_the_shell_of_exchange_wants_it(
        self, home: Home, user: str, given: Given, account: str
    ) -> None:
        own = KINDS["exchange"].replace("CORP\\svc-figgo", user)
        page = write(home, tenant_of(home, calendar("exchange", own=own)), {"": given})
        assert account in shell_text.literals(scripts(page)[0].read_text(encoding="utf-8-sig"))

    def test_an_account_without_a_domain_has_it_asked_for(self, home: Home) -> None:
        own = KINDS["exchange"].replace("CORP\\", "")
        tenant = tenant_of(home, calendar("exchange", own=own))
        asked = Need("exchange", "domain", "domain of the service account, such as CORP")
        assert needed(tenant, {"": Given(group=GROUP)}) == (asked,)

    def test_project_account_and_certificate_may_be_others_than_the_usual_ones(self, home: Home) -> None:
        tenant = tenant_of(home, calendar("google"), calendar("microsoft365", more="legal_entities = [2]"))
        given = {
            "google": Given(project="acme-agendas", account="conges-figgo"),
            "microsoft365": Given(group=GROUP, certificate="acme.cer"),
        }
        first, second = scripts(write(home, tenant, given))
        assert "'conges-figgo@acme-agendas.iam.gserviceaccount.com'" in first.read_text(encoding="utf-8")
        assert "-LiteralPath 'acme.cer'" in second.read_text(encoding="utf-8-sig")

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({"Siege": Given(group=GROUP)}, "no calendar named Siege"),
            ({"": Given(group=GROUP, unit="corp/x")}, "calendar Siège d'été: group, unit: both are given"),
            ({"": Given(group="L\u00e9a\u202eB")}, "calendar Siège d'été: group: character 4 is U+202E"),
            ({"": Given(group=GROUP, project="Acme")}, "calendar head office: project: 'Acme' is none"),
        ],
    )
    def test_a_wrong_answer_is_refused_by_calendar_and_field_and_nothing_is_written(
        self, home: Home, given: dict[str, Given], says: str
    ) -> None:
        with pytest.raises(UsageError, match=re.escape(says)) as refused:
            write(home, three(home), given)
        assert refused.value.remedy
        assert not (home.path / "packs").exists()

    def test_the_usual_project_is_one_that_google_takes_however_long_the_tenants_name(
        self, home: Home
    ) -> None:
        text = tenant_of(home, calendar("google"))
        for name in ("a", "acme-de-la-montagne-et-du-lac-sud", "9-" * 20 + "9", "acme-des-montagnes-x"):
            long = Tenant(**{field: getattr(text, field) for field in Tenant.__slots__} | {"name": name})
            page = write(home, long)
            (project,) = {*re.findall(r"--project=('[^']*')", scripts(page)[0].read_text(encoding="utf-8"))}
            assert project.startswith("'figgo-ops-")


class TestPage:
    def test_nothing_on_it_asks_a_network_and_nothing_runs(self, home: Home) -> None:
        page = write(home, three(home), {"": Given(group=GROUP)})
        text = page.read_text(encoding="utf-8")
        reader = _Reader()
        reader.feed(text)
        assert "default-src 'none'" in text
        assert {tag for tag, _ in reader.tags} & {
            "script",
            "img",
            "link",
            "iframe",
            "object",
            "form",
        } == set()
        targets = {value for _, attributes in reader.tags for key, value in attributes if key in _FETCHING}
        assert targets == {path.name for path in scripts(page)}

    @pytest.mark.parametrize(
        "heading",
        [
            *("What it is for", "What we can reach", "What we cannot reach", "Before you begin", "Steps"),
            *("What you send us", "How to verify", "How long it takes to act", "How to withdraw it"),
        ],
    )
    def test_every_calendar_has_every_part(self, home: Home, heading: str) -> None:
        page = write(home, three(home), {"": Given(group=GROUP)})
        assert page.read_text(encoding="utf-8").count(f"<h3>{heading}</h3><") == 3

    def test_the_customers_own_names_are_on_it(self, home: Home) -> None:
        page = write(home, three(home), {"": Given(group=GROUP)}, entities={1: "Acme Siège", 4: "Acme Lab"})
        for words in (
            *(
                "acme.ilucca.net",
                "For Acme Siège, Acme Lab",
                "figgo-ops-acme",
                "For addresses of acme.example",
            ),
            *("CORP\\svc-figgo", GROUP, "mail.acme.example", "UsersWithFiggoSync", "acme.onmicrosoft.com"),
            "For everybody whom no calendar before is for",
        ):
            assert words in told(page)

    def test_a_legal_entity_without_a_name_is_called_by_its_number(self, home: Home) -> None:
        assert "For legal entity 1, legal entity 4" in told(
            write(home, three(home), {"": Given(group=GROUP)})
        )

    def test_a_single_calendar_is_for_everybody_and_a_pilot_group_is_counted(self, home: Home) -> None:
        tenant = tenant_of(home, calendar("google"), more='[scope]\nonly = [12, "lea@acme.example"]')
        assert "For everybody; at first a pilot group of 2 Project" in told(write(home, tenant))

    def test_it_says_whether_the_vendors_own_sync_was_confirmed_to_be_off(self, home: Home) -> None:
        open_yet = told(write(home, tenant_of(home, calendar("google"))))
        assert "Lucca's own calendar synchronisation" in open_yet
        assert "Please tell us since when" in open_yet
        more = "[checklist]\nvendor_sync_off = 2026-11-20"
        confirmed = told(write(home, tenant_of(home, calendar("google"), more=more)))
        assert "since 2026-11-20" in confirmed
        assert "Please tell us since when" not in confirmed

    def test_it_says_what_is_written_into_calendars(self, home: Home) -> None:
        usual = told(write(home, tenant_of(home, calendar("google"))))
        assert "from 2026-01-01 on, with the title “Absent”." in usual
        more = '[events]\ntitle = "Congé"\nprivate = true'
        other = told(write(home, tenant_of(home, calendar("google"), more=more)))
        assert "“Congé”. All events are private." in other
        typed = told(write(home, tenant_of(home, calendar("google"), more="[events]\nshow_type = true")))
        assert "with the absence type" in typed

    def test_the_whole_script_can_be_read_on_it(self, home: Home) -> None:
        page = write(home, three(home), {"": Given(group=GROUP)})
        for path in scripts(page):
            text = path.read_text(encoding="utf-8-sig")
            assert " ".join(text.split()) in told(page), path.name

    def test_the_steps_in_googles_admin_console_are_numbered_on_it(self, home: Home) -> None:
        text = write(home, tenant_of(home, calendar("google"))).read_text(encoding="utf-8")
        listed = text.partition("<h3>In the Admin console</h3><ol>")[2].partition("</ol>")[0]
        assert listed.count("<li>") == len(CONSOLE)

    def test_exchange_online_by_ews_is_told_as_the_bridge_that_it_is(self, home: Home) -> None:
        tenant = tenant_of(home, calendar("exchange", own=ONLINE))
        assert [need.field for need in needed(tenant)] == ["group"]
        page = write(home, tenant, {"": Given(group=GROUP)})
        text = scripts(page)[0].read_text(encoding="utf-8-sig").replace("\r\n", "\n")
        assert text == setup_microsoft365.script(Microsoft365Setup("acme.onmicrosoft.com", GROUP))
        for words in ("Exchange Online by EWS", "2026-10-01", "2027-04-01", "Section 14", "24 hours"):
            assert words in told(page)

    def test_a_calendar_that_is_retired_needs_no_set_up(self, home: Home) -> None:
        tenant = tenant_of(
            home,
            calendar("exchange", more="retired = true"),
            calendar("google"),
        )
        assert needed(tenant) == ()
        assert [path.name for path in scripts(write(home, tenant))] == ["set-up-1-google.sh"]

    def test_every_kind_of_calendar_has_a_pack(self, home: Home) -> None:
        for kind in calendars.kinds():
            page = write(home, tenant_of(home, calendar(kind)), {"": Given(group=GROUP)})
            assert len(scripts(page)) == 1

    def test_the_rehearsal_company_has_a_pack_that_says_so(self, tmp_path: Path) -> None:
        with Corail(tmp_path) as corail:
            page = write(corail.home, tenants.load(corail.home, "corail"), {"": Given(group=GROUP)})
        assert "REHEARSAL" in told(page)
        assert {path.suffix for path in scripts(page)} == {".sh", ".ps1"}


class TestSections:
    """A person on the telephone says numbers: the page and the script must mean the same."""

    @pytest.mark.parametrize(
        ("kind", "own", "expected"),
        [
            (
                "google",
                "",
                {
                    1: "Look",
                    3: "The programming",
                    4: "The service account",
                    5: "An exception",
                    6: "The key",
                    7: "For the Admin",
                    8: "The end",
                    9: "Verify",
                    11: "Withdraw",
                },
            ),
            (
                "exchange",
                "",
                {
                    2: "The password",
                    3: "The service account",
                    4: "The scope",
                    5: "The role",
                    6: "The log-on",
                    7: "The certificate",
                    8: "Verify",
                    10: "Withdraw",
                },
            ),
            (
                "microsoft365",
                "",
                {
                    2: "Sign in",
                    4: "The application",
                    5: "The application, made",
                    6: "The group",
                    8: "The role, within",
                    9: "The role for mailbox",
                    10: "The user agent",
                    11: "Verify",
                    12: "From an application",
                    13: "The certificates",
                    15: "Withdraw",
                },
            ),
            (
                "exchange",
                ONLINE,
                {
                    2: "Sign in",
                    4: "The application",
                    6: "The group",
                    8: "The role, within",
                    11: "Verify",
                    14: "EWS",
                    15: "Withdraw",
                },
            ),
        ],
    )
    def test_the_numbers_that_are_told_are_those_of_the_script(
        self, home: Home, kind: str, own: str, expected: dict[int, str]
    ) -> None:
        page = write(home, tenant_of(home, calendar(kind, own=own)), {"": Given(group=GROUP)})
        text = page.read_text(encoding="utf-8")
        prose = re.sub(r"<details>.*?</details>|<table>.*?</table>", "", text, flags=re.DOTALL)
        spans = re.findall(r"[Ss]ections? (\d+)(?: (?:to|and) (\d+))?", prose)
        assert {int(number) for span in spans for number in span if number} == {*expected}
        titles = dict(re.findall(r'<th scope="row">(\d+)</th><td>(.*?)</td>', text))
        for number, title in expected.items():
            assert titles[str(number)].startswith(title), (number, titles[str(number)])


class TestHostileNames:
    @given(
        group=named(40),
        name=named(40, "/"),
        title=named(40),
        entity=named(40),
    )
    @example(group="</code><img src=x>", name="<b>", title="</p><i>&lt;", entity="</li>")
    def test_no_name_changes_what_the_page_is_made_of(
        self, group: str, name: str, title: str, entity: str
    ) -> None:
        """The tags, their attributes and the policy are those of a page with harmless names."""
        made, usual = (
            _parts(*names) for names in ((group, name, title, entity), ("Group", "Name", "Title", "Entity"))
        )
        assert made == usual

    def test_a_name_is_read_as_it_was_given(self, home: Home) -> None:
        name, group = '<script>alert(1) & "x" \'', "</code><img src=x onerror=alert(1)> {group}"
        more = '[events]\ntitle = "<b>{title}</b>"'
        tenant = tenant_of(home, calendar("exchange", name), more=more)
        page = write(home, tenant, {"": Given(group=group)})
        assert f"{name}: Exchange on your own servers" in told(page)
        assert f"the direct members of {group}." in told(page)
        assert "“<b>{title}</b>”" in told(page)
        (script,) = (path.read_text(encoding="utf-8-sig").replace("\r\n", "\n") for path in scripts(page))
        harmless = ExchangeSetup("svc-figgo", "CORP", MembersOf(GROUP), "mail.acme.example")
        assert shell_text.skeleton(script) == shell_text.skeleton(setup_exchange.script(harmless))

    def test_marks_that_would_hide_what_is_said_are_spelt_out(self, home: Home) -> None:
        tenant = tenant_of(home, calendar("google", "Siège\u202egro.live"))
        assert "Siège[U+202E]gro.live" in told(write(home, tenant))


class TestSecrets:
    def test_neither_a_secret_nor_a_reference_to_one_is_in_the_pack(self, home: Home) -> None:
        tenant = tenant_of(
            home,
            *(calendar(kind, more=f"legal_entities = [{n}]") for n, kind in enumerate(KINDS, 1)),
            calendar("exchange", "online", own=ONLINE),
        )
        references = re.findall(
            r"(?:env|file|keyring):[\w./-]+", json.dumps(dict(tenant.content), default=str)
        )
        assert len(references) == 5
        page = write(home, tenant, {"": Given(group=GROUP)})
        whole = "".join(path.read_text(encoding="utf-8-sig") for path in (page, *scripts(page)))
        assert [one for one in ("anary", "CANARY", *references) if one in whole] == []

    def test_what_is_sent_back_and_is_secret_is_asked_for_by_a_way_made_for_secrets(self, home: Home) -> None:
        for kind, own in (("google", ""), ("exchange", ""), ("exchange", ONLINE)):
            page = write(home, tenant_of(home, calendar(kind, own=own)), {"": Given(group=GROUP)})
            back = told(page).partition("What you send us")[2].partition("How to verify")[0]
            assert "by a way made for secrets" in back, kind


def test_the_guide_of_google_admits_that_the_domain_is_open() -> None:
    """What a scope cannot narrow must be said before somebody agrees to it."""
    guide = google(GoogleSetup("acme-figgo"))
    assert any("every user of the domain" in sentence for sentence in guide.reach)
    assert any("24 hours" in sentence for sentence in guide.takes)


_FETCHING = ("href", "src", "srcset", "action", "data", "poster", "formaction", "background")


class _Reader(HTMLParser):
    """Notes every tag with its attributes, and what a person would read."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text: list[str] = []
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))
        self._style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", []))
        self._style = False
        if tag in ("h1", "h2", "h3", "p", "li", "dt", "dd", "td", "th", "summary"):
            self.text.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.text.append(data)


def _parts(group: str, name: str, title: str, entity: str) -> list[tuple[str, tuple[str, ...]]]:
    """What a page with these names is made of; a mark that is spelt out may have a tag of its own."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home.open(folder)
        more = f"[events]\ntitle = {_quoted(title)}"
        table = calendar("exchange", name, more="legal_entities = [1]")
        page = write(home, tenant_of(home, table, more=more), {"": Given(group=group)}, entities={1: entity})
        reader = _Reader()
        reader.feed(page.read_text(encoding="utf-8"))
    return [*_without_odd(iter(reader.tags))]


def _without_odd(
    tags: Iterator[tuple[str, list[tuple[str, str | None]]]],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for tag, attributes in tags:
        if tag == "span" and ("class", "odd") in attributes:
            next(tags)
        else:
            kept = (f"{key}={value}" for key, value in attributes if key not in ("href", "aria-label"))
            yield tag, tuple(kept)


def _quoted(text: str) -> str:
    """The text as TOML has it, which is as JSON has it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
