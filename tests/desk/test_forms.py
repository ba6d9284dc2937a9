"""The onboarding form, filled in by somebody in this process against the rehearsal company."""

import html
import json
import re
import shlex
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import ipywidgets
import pytest

from figgo_ops import tenants
from figgo_ops.desk import forms, notebooks, onboarding, runs
from figgo_ops.desk.forms import controls as form_controls
from figgo_ops.desk.forms.view import Form
from figgo_ops.desk.onboarding import flags
from figgo_ops.desk.onboarding.answers import answers_of
from figgo_ops.errors import UsageError
from figgo_ops.sandbox.exchange import PATH
from tests.desk.hands import Hands, key_of, plain, secret_of
from tests.rehearsal import TENANT, Corail

CANARY = "canari-7731-jaune"
CANARY_URL = "https://svc:canari-7731-jaune@acme.ilucca.net"
FAILED = "\N{MULTIPLICATION SIGN} failed"
PEM = "-----BEGIN PRIVATE KEY-----\n" + "A" * 64 + "\n" + "B" * 10 + "==\n-----END PRIVATE KEY-----\n"


@pytest.fixture(scope="module")
def corail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corail]:
    with Corail(tmp_path_factory.mktemp("forms")) as made:
        yield made


def opened(corail: Corail, tenant: str = "") -> Form:
    form = forms.form(tenant, home=corail.home, clock=corail.clock).form
    assert form is not None
    return form


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """No widget of one test is there in the next one."""
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def hands(corail: Corail) -> Hands:
    """Hands on the form of a new tenant."""
    return Hands(opened(corail))


def state() -> str:
    """Everything that a notebook would hold if it kept the state of its widgets."""
    return json.dumps(ipywidgets.Widget.get_manager_state(), default=str)


def stored(corail: Corail, name: str) -> str:
    file = corail.home.secrets / name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return file.read_text()


class TestFilling:
    def test_a_new_tenant_is_saved_as_the_draft_that_the_form_showed(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "neuf")
        hands.press("Test Figgo")
        hands.exchange(corail)
        hands.fill("For", "legal entities")
        hands.fill("2 Corail Genève: 17 people, 1 former", True)
        hands.fill("Time zone", "Europe/Zurich", 2)
        hands.checklist()
        before = hands.page()
        assert "missing or wrong" not in before
        hands.press("Save as a draft")
        tenant = tenants.load(corail.home, "neuf")
        text = tenant.file.read_text()
        assert all(f"+{line}" in before for line in map(plain, text.splitlines()) if line)
        assert (tenant.state, tenant.calendars[0].legal_entities) == ("draft", (2,))
        assert tenant.zones[0].timezone == "Europe/Zurich"
        assert stat.S_IMODE(tenant.file.stat().st_mode) == 0o600
        assert "neuf.toml is saved, as a draft" in hands.page()
        assert "figgo-ops diagnose neuf" in hands.page()

    def test_nothing_is_asked_of_figgo_or_a_calendar_before_somebody_tests(
        self, corail: Corail, hands: Hands
    ) -> None:
        corail.forget_calls()
        hands.customer(corail, "untested")
        hands.exchange(corail)
        hands.checklist()
        hands.press("Save as a draft")
        assert corail.stage.log.entries() == []

    @pytest.mark.parametrize("kind", onboarding.kinds())
    def test_the_fields_are_those_that_the_provider_asks_for(self, hands: Hands, kind: str) -> None:
        hands.fill("Show what is rarely needed", True)
        hands.fill("Provider", kind)
        folded = {label.lower() for label in hands.labels()}
        assert {one.name.replace("_", " ") for one in onboarding.fields(kind)} <= folded
        secrets = {one.name for one in onboarding.fields(kind) if one.secret}
        assert {f"{name.replace('_', ' ')}: value" for name in secrets} <= folded
        others = {one.name for other in onboarding.kinds() for one in onboarding.fields(other)}
        mine = {one.name for one in onboarding.fields(kind)}
        assert not folded & {name.replace("_", " ") for name in others - mine - {"url", "user"}}

    def test_the_form_says_on_top_whether_it_is_a_rehearsal_and_in_which_home(
        self, corail: Corail, hands: Hands
    ) -> None:
        assert f"LIVE · a new tenant · home {corail.home.path}" in hands.page()
        hands.customer(corail, "top")
        assert "REHEARSAL · top · home" in hands.page()
        hands.google(corail)
        hands.checklist()
        assert "REHEARSAL · top · home" in hands.page()
        hands.fill("API root", "")
        assert "LIVE · top · home" in hands.page(), "without it Google itself is called"

    def test_the_command_line_can_be_pasted_into_a_shell(self, corail: Corail, hands: Hands) -> None:
        hands.customer(corail, "pasted")
        hands.fill("Title", "Congé --save 'x'")
        shown = html.unescape(hands.form.command.value).replace("<br>", "\n")
        words = shlex.split(re.sub("</?pre>", "", shown).replace("\\\n", ""))
        assert words == shlex.split(flags.command(hands.form.answers))
        assert "title=Congé --save 'x'" in words

    def test_calendars_and_rules_come_and_go(self, hands: Hands) -> None:
        hands.press("Add a calendar")
        hands.fill("Calendar", "second", 1)
        hands.press("Remove this calendar", 0)
        assert [one.name for one in hands.form.answers.calendars] == ["second"]
        assert hands.control("Remove this calendar").disabled
        hands.press("Add a rule for an absence type")
        hands.fill("Absence type", "Maladie*")
        hands.fill("No event at all", True)
        (rule,) = hands.form.answers.events.types
        assert (rule.match, rule.skip, rule.private) == ("Maladie*", True, None)
        hands.press("Remove this rule")
        assert hands.form.answers.events.types == ()

    def test_a_draft_is_opened_with_all_its_answers_and_saving_it_changes_nothing_else(
        self, corail: Corail
    ) -> None:
        text = corail.file.read_text()
        draft = tenants.load(corail.home, TENANT)
        hands = Hands(opened(corail, TENANT))
        assert hands.form.answers == answers_of(draft)
        hands.fill("Look-alikes", "adopt")
        hands.fill("Title", "Absente ou absent")
        hands.press("Save as a draft")
        assert "is saved, as a draft" in hands.page()
        lines = corail.file.read_text().splitlines()
        changed = set(lines) ^ set(text.splitlines())
        assert changed == {
            'title = "Absent"',
            'title = "Absente ou absent"',
            'look_alikes = "adopt"',
        }
        corail.file.write_text(text)

    def test_a_tenant_that_is_no_draft_is_not_opened(self, corail: Corail) -> None:
        text = corail.file.read_text()
        corail.activate()
        with pytest.raises(UsageError, match="and it is active"):
            opened(corail, TENANT)
        corail.file.write_text(text)


class TestMistakes:
    @pytest.mark.parametrize(
        ("label", "typed", "said"),
        [
            ("Tenant", "Acmé", "must consist of a-z, 0-9 and inner hyphens"),
            ("Time zone", "Europe/Pari", "Did you mean Europe/Paris?"),
            ("Figgo address", "http://acme.ilucca.net", "must be an https:// URL"),
            ("Morning", "12:00-09:00", "must begin before it ends"),
            ("Morning", "matin", 'must be two times such as ["09:00", "12:00"]'),
            ("Past days", "many", "must be a whole number"),
            ("Pilot group", "personne", "must be an employee's Figgo id (a number) or mail"),
            ("Left out", "0", "must be an employee's Figgo id (a number) or mail"),
            ("Host in keys", "ACME.ilucca.net", "must be a host name in lower case"),
            ("Calendar", "a/b", "must not hold a slash"),
            ("Mailbox outside", "personne", "must be a mail address"),
            ("Threads", "beaucoup", "must be a valid integer"),
            ("URL", "ftp://mail.acme.example", "must be an https:// URL"),
            ("Start", date(1789, 7, 14), "must lie between 1900 and 2100"),
            ("Lucca's own sync off", date(2027, 1, 1), "lies in the future"),
        ],
    )
    def test_what_is_wrong_stands_beside_its_field_as_one_types_and_goes_when_it_is_right(
        self, hands: Hands, label: str, typed: str | date, said: str
    ) -> None:
        hands.fill("Show what is rarely needed", True)
        right = {"Tenant": "acme", "Time zone": "Europe/Paris", "Start": date(2026, 1, 1)}
        hint = hands.beside(label)
        assert said not in hint
        if isinstance(typed, str) and typed:
            hands.type(label, typed)
        else:
            hands.fill(label, typed)
        assert said in hands.beside(label)
        others = [one for one in hands.labels() if one != label and hands.labels().count(one) == 1]
        hands.fill(label, right.get(label) or RIGHT.get(label, ""))
        assert hands.beside(label) == hint
        assert not any("must" in hands.beside(one) for one in others if one in ("Title", "Provider"))

    def test_a_mistake_in_a_calendar_a_zone_or_a_rule_stands_beside_that_one(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.press("Add a calendar")
        hands.fill("For", "domains", 1)
        hands.fill("Mail domains", "acme")
        assert "must be a mail domain" in hands.beside("Mail domains")
        hands.customer(corail, "acme")
        hands.press("Test Figgo")
        hands.fill("Time zone", "Europe/Genève", 2)
        assert "not an IANA zone" in hands.beside("Time zone", 2)
        assert "not an IANA zone" not in hands.beside("Time zone", 1)
        hands.press("Add a rule for an absence type")
        hands.fill("Absence type", " ")
        assert hands.beside("Absence type") in ("must not be blank", "is missing")

    def test_nobody_is_told_what_is_missing_before_having_been_there_but_saving_tells_all(
        self, corail: Corail, hands: Hands
    ) -> None:
        assert "missing" not in hands.beside("Tenant") + hands.beside("URL")
        hands.press("Save as a draft")
        assert "Nothing was saved" in hands.page()
        assert "missing" in hands.beside("Tenant")
        assert "missing" in hands.beside("URL")
        assert "must be answered" in hands.beside("Look-alikes")

    @pytest.mark.parametrize("open_question", ["Lucca's own sync off", "Look-alikes"])
    def test_the_checklist_is_not_skipped(self, corail: Corail, hands: Hands, open_question: str) -> None:
        hands.customer(corail, "pressed")
        hands.exchange(corail)
        hands.checklist()
        hands.fill(open_question, "" if open_question == "Look-alikes" else None)
        hands.press("Save as a draft")
        assert "pressed" not in tenants.names(corail.home)
        assert "must be" in hands.beside(open_question)

    def test_a_list_of_legal_entities_without_any_is_not_taken_for_everyone(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "nobody")
        hands.exchange(corail)
        hands.checklist()
        hands.fill("For", "legal entities")
        hands.press("Save as a draft")
        assert "choose at least one, or say everyone" in hands.beside("Legal entities")
        assert "nobody" not in tenants.names(corail.home)


RIGHT = {
    "Figgo address": "https://acme.ilucca.net",
    "Morning": "09:00-12:00",
    "Past days": "30",
    "Calendar": "head office",
    "URL": "https://mail.acme.example",
    "Lucca's own sync off": date(2026, 11, 1),
}


class TestSecrets:
    def test_a_secret_is_stored_for_its_owner_alone_and_gone_from_the_form_at_once(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.fill("Tenant", "secretive")
        hands.fill("API key: value", CANARY)
        assert stored(corail, "secretive-figgo.key") == CANARY
        assert hands.control("API key: value").value == ""
        assert "Stored as file:secretive-figgo.key" in hands.beside("API key: value")
        hands.fill("Password: value", f"{CANARY}-2")
        assert stored(corail, "secretive-exchange.password") == f"{CANARY}-2"
        hands.customer(corail, "secretive-2")
        hands.press("Save as a draft")
        assert CANARY not in state()

    def test_a_secret_is_not_sent_back_to_the_browsers_that_look_on(
        self, hands: Hands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        monkeypatch.setattr(
            ipywidgets.Widget,
            "_send",
            lambda _widget, message, buffers=None: sent.append(f"{message}{buffers}"),
        )
        hands.fill("Tenant", "echoed")
        hands.fill("API key: value", CANARY)
        hands.fill("Provider", "google")
        hands.send(CANARY.encode())
        assert any("echoed" in message for message in sent)
        assert not any(CANARY in message for message in sent)

    @pytest.mark.parametrize(
        ("reference", "said"),
        [
            ("env:ACME_KEY", "it can only be set where figgo-ops is started"),
            ("", "Not a secret reference"),
            ("file:../tenants", "cannot be written"),
            ("keyring:acme/figgo", "keyring"),
        ],
    )
    def test_a_secret_that_cannot_be_stored_is_gone_from_the_form_as_well(
        self, hands: Hands, reference: str, said: str
    ) -> None:
        hands.fill("API key", reference)
        hands.fill("API key: value", f"{CANARY}-unstored")
        assert said in hands.beside("API key: value")
        assert hands.control("API key: value").value == ""
        assert CANARY not in state()

    def test_a_secret_in_place_of_its_reference_is_taken_out(self, hands: Hands) -> None:
        hands.fill("API key", CANARY)
        hands.fill("Password", CANARY)
        assert "may be the secret itself" in hands.beside("API key")
        assert (hands.control("API key").value, hands.control("Password").value) == ("", "")
        assert CANARY not in state()

    def test_a_secret_that_is_known_or_stands_in_an_address_is_taken_out_of_any_field(
        self, corail: Corail, hands: Hands
    ) -> None:
        corail.home.store("file:known.key", f"{CANARY}-known")
        hands.type("Title", f"{CANARY}-known")
        hands.type("Figgo address", CANARY_URL)
        hands.type("URL", CANARY_URL)
        for label in ("Title", "Figgo address", "URL"):
            assert "had a secret in it" in hands.beside(label), label
        assert f"{CANARY}-known" not in state()
        assert f":{CANARY}@" not in state()
        hands.type("Figgo address", "https://acme.ilucca.net")
        assert "secret" not in hands.beside("Figgo address")

    def test_a_key_of_several_lines_is_whole_again_after_a_field_of_one_line(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.fill("Tenant", "lines")
        hands.fill("Provider", "microsoft365")
        hands.fill("Certificate", "file:lines.pem")
        hands.fill("Certificate: value", PEM.replace("\n", ""))
        assert stored(corail, "lines.pem") == PEM
        assert form_controls.mended(PEM) == PEM
        assert form_controls.mended("A-Z secret -----") == "A-Z secret -----"

    def test_a_key_file_is_sent_and_let_go(self, corail: Corail, hands: Hands) -> None:
        hands.fill("Tenant", "sent")
        hands.fill("Provider", "google")
        content = json.dumps({"private_key": CANARY})
        hands.send(content.encode())
        assert stored(corail, "sent-google.service-account") == content
        (upload,) = (one for one in hands.controls() if isinstance(one, ipywidgets.FileUpload))
        assert upload.value == ()
        hands.send(b"\xff\xfe")
        assert "not text; nothing was stored" in hands.beside("Service account: value")
        assert upload.value == ()
        assert CANARY not in state()

    def test_a_reference_follows_the_name_until_its_secret_is_stored(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.type("Tenant", "../elsewhere")
        assert hands.control("API key").value == "", "no path is made of what is no name"
        hands.type("Tenant", "acme")
        assert hands.control("API key").value == "file:acme-figgo.key"
        assert hands.control("Password").value == "file:acme-exchange.password"
        hands.fill("Password", "env:ACME")
        hands.fill("API key: value", CANARY)
        hands.fill("Tenant", "zenith")
        assert hands.control("API key").value == "file:acme-figgo.key"
        assert hands.control("Password").value == "env:ACME"

    def test_the_notebook_keeps_no_words_of_the_fields(self, corail: Corail) -> None:
        """The text beside a widget is stored with the notebook whatever the settings say."""
        made = forms.form("quiet", home=corail.home, clock=corail.clock)
        assert made._repr_mimebundle_()["text/plain"] == "Onboarding of quiet"
        assert "application/vnd.jupyter.widget-view+json" in made._repr_mimebundle_()


class TestTrying:
    @pytest.mark.parametrize(
        ("role", "said"),
        [
            ("", "Figgo: everything works"),
            ("revoked", f"Figgo: key {FAILED}"),
            ("nobody", "shows nobody to this key"),
        ],
    )
    def test_testing_figgo_says_what_the_key_may_not(
        self, corail: Corail, hands: Hands, role: str, said: str
    ) -> None:
        hands.customer(corail, f"key-{role or 'full'}")
        hands.fill("API key: value", key_of(corail, role))
        hands.press("Test Figgo")
        assert said in hands.page()

    def test_leaves_are_seen_before_any_calendar_is_set_up(self, corail: Corail, hands: Hands) -> None:
        hands.customer(corail, "leaves-seen")
        hands.press("Test Figgo")
        assert re.search(r"Figgo: leaves \S ok [1-9]\d* half-days", hands.page())

    def test_legal_entities_are_chosen_from_figgo_s_own_list_with_counts(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "listed")
        hands.fill("For", "legal entities")
        hands.fill("Legal entities", "2, 9")
        hands.press("Test Figgo")
        ticks = [one for one in hands.controls() if isinstance(one, ipywidgets.Checkbox)]
        listed = {one.description: one.value for one in ticks if one.description[:1].isdigit()}
        assert listed == {
            "1 Corail Paris: 33 people, 1 former": False,
            "2 Corail Genève: 17 people, 1 former": True,
            "3 Corail Antilles: 10 people": False,
            "9, which Figgo does not list": True,
        }
        assert "Figgo lists no legal entity 9" in hands.page()

    def test_leaves_are_counted_from_the_start_on_once_for_each_start(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "counted")
        hands.press("Test Figgo")
        corail.forget_calls()
        hands.fill("Start", date(202, 6, 1))  # as a browser tells a year that is being typed
        assert corail.calls("figgo") == []
        hands.fill("Start", date(2026, 12, 15))
        hands.fill("Title", "Congé")
        assert len(corail.calls("figgo")) == 1
        later = _counted(hands)
        hands.fill("Start", date(2026, 6, 1))
        assert _counted(hands) > later > 0
        hands.fill("Pilot group", str(corail.case("whole-day").person))
        assert 0 < _counted(hands) < later
        assert "of the pilot group from 2026-06-01 on" in hands.page()

    def test_a_pilot_group_is_looked_up_and_kept_by_id(self, corail: Corail, hands: Hands) -> None:
        number = corail.case("whole-day").person
        hands.press("Look up the pilot group")
        assert "Test Figgo first" in hands.page()
        hands.customer(corail, "pilot")
        hands.press("Test Figgo")
        hands.fill("Pilot group", f"{corail.mail(number)} inconnue@corail.example")
        hands.press("Look up the pilot group")
        assert corail.person(number).name in hands.page()
        assert "inconnue@corail.example" in hands.page()
        assert "@" in hands.control("Pilot group").value, "nothing is replaced while a word is wrong"
        hands.fill("Pilot group", corail.mail(number))
        hands.press("Look up the pilot group")
        assert hands.form.answers.only == (number,)

    def test_the_preview_follows_each_answer_and_warns_of_what_it_gives_away(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "seen")
        assert "Test Figgo to see" in hands.page()
        hands.press("Test Figgo")
        assert "3 days, Maladie, approved Absent Absent (busy)" in hands.page()
        hands.fill("The title is the absence type", True)
        assert "3 days, Maladie, approved Maladie Maladie (busy)" in hands.page()
        assert "Colleagues read the absence type" in hands.page()
        hands.press("Add a rule for an absence type")
        assert "Maladie" in hands.control("Absence type").options
        hands.fill("Absence type", "Maladie")
        hands.fill("Private", True)
        assert "3 days, Maladie, approved Maladie (private)" in hands.page()
        assert "Maladie Maladie" not in hands.page()
        hands.fill("Morning", "matin")
        assert "No preview yet" in hands.page()
        hands.fill("Morning", "08:30-12:30")
        assert "08:30 to 12:30" in hands.page()

    @pytest.mark.parametrize(
        ("kind", "switch", "value", "said"),
        [
            ("google", "delegation", "missing", "google: rights ! pending"),
            ("exchange", "impersonation", "denied", "exchange: rights ! pending"),
            ("microsoft365", "application", "no-consent", f"microsoft 365: log-on {FAILED}"),
        ],
    )
    def test_testing_a_calendar_says_which_permission_is_missing(
        self, corail: Corail, hands: Hands, kind: str, switch: str, value: str, said: str
    ) -> None:
        hands.customer(corail, f"{kind}-tried")
        getattr(hands, kind)(corail)
        service = getattr(corail.stage, kind)
        usual = service.switches[switch]
        service.switch(switch, value)
        hands.press("Test this calendar")
        service.switch(switch, usual)
        assert said in hands.page()
        assert "customer's administrator" in hands.page() or "nobody: wait" in hands.page()
        hands.press("Test this calendar")
        name = {"microsoft365": "microsoft 365"}.get(kind, kind)
        assert f"{name}: everything works" in hands.page()

    def test_a_refused_password_is_not_tried_again_before_somebody_says_so(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "refused")
        hands.exchange(corail)
        hands.fill("Password: value", "Fausse-piste-1")
        hands.press("Test this calendar")
        assert f"exchange: log-on {FAILED}" in hands.page()
        corail.forget_calls()
        hands.press("Test this calendar")
        assert corail.stage.log.entries("exchange", PATH) == []
        assert "it was not tried again" in hands.page()
        hands.fill("Try once more what was refused before", True)
        hands.press("Test this calendar")
        assert corail.stage.log.entries("exchange", PATH) != []
        assert hands.control("Try once more what was refused before").value is False
        hands.fill("Password: value", secret_of(corail, "exchange.password"))
        corail.stage.exchange.gate.unlock()
        hands.press("Test this calendar")
        assert "exchange: everything works" in hands.page()

    def test_figgo_is_not_read_again_for_each_calendar(self, corail: Corail, hands: Hands) -> None:
        hands.customer(corail, "frugal")
        hands.press("Test Figgo")
        hands.exchange(corail)
        corail.forget_calls()
        hands.press("Test this calendar")
        assert corail.calls("figgo") == []

    def test_testing_with_answers_missing_says_which(self, hands: Hands) -> None:
        hands.press("Test Figgo")
        assert "Nothing was tried yet" in hands.page()
        assert "figgo.url: is missing" in hands.page()
        hands.press("Test this calendar")
        assert "calendar[0]" in hands.page()

    def test_a_secret_that_was_not_given_yet_is_the_first_thing_a_test_tells(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.fill("Show what is rarely needed", True)
        hands.fill("Tenant", "keyless")
        hands.fill("Figgo address", corail.stage.urls["figgo"])
        hands.fill("Authority file", str(corail.stage.ca_file))
        hands.press("Test Figgo")
        assert f"secret file:keyless-figgo.key {FAILED}" in hands.page()

    def test_testing_writes_nothing(self, corail: Corail, hands: Hands) -> None:
        corail.forget_calls()
        hands.customer(corail, "looked-at")
        hands.press("Test Figgo")
        hands.exchange(corail)
        hands.press("Test this calendar")
        assert corail.writes() == []
        assert "looked-at" not in tenants.names(corail.home)


class TestKeyboard:
    def test_everything_can_be_reached_is_named_and_fits_its_words(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "keys")
        hands.press("Test Figgo")
        for one in hands.controls():
            assert one.description.strip(), one
            assert one.tabbable is not False, one.description
            if isinstance(one, ipywidgets.Button | ipywidgets.FileUpload | ipywidgets.Checkbox):
                assert one.layout.width == "auto", one.description
        kinds = {type(one).__mro__[0].__name__.lstrip("_") for one in hands.controls()}
        native = {
            "Text",
            "Password",
            "Combobox",
            "Dropdown",
            "Checkbox",
            "Button",
            "DatePicker",
            "FileUpload",
        }
        assert kinds <= native, "a mouse would be needed for others"

    def test_fields_follow_each_other_as_one_talks(self, hands: Hands) -> None:
        wanted = ["Tenant", "Time zone", "Figgo address", "API key", "API key: value", "Test Figgo", "Start"]
        wanted += ["Pilot group", "Calendar", "Provider", "URL", "Password: value", "Test this calendar"]
        wanted += ["Title", "Lucca's own sync off", "Look-alikes", "Save as a draft"]
        labels = hands.labels()
        places = [labels.index(label) for label in wanted]
        assert places == sorted(places)
        assert "Host in keys" not in labels, "what is rarely needed is out of the way"
        hands.fill("Show what is rarely needed", True)
        assert "Host in keys" in hands.labels()


class TestPack:
    def test_the_set_up_pack_asks_what_the_draft_does_not_say_and_holds_no_secret(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "packed")
        hands.exchange(corail)
        hands.checklist()
        assert "Write the set-up pack" not in hands.labels()
        hands.press("Save as a draft")
        (asked,) = (label for label in hands.labels() if label.startswith("Group"))
        hands.fill(asked, "")
        hands.press("Write the set-up pack")
        assert "Ask the customer's administrator" in hands.page()
        hands.fill(asked, "Congés")
        hands.press("Write the set-up pack")
        written = [Path(word) for word in hands.page().split() if word.endswith("set-up.html")]
        texts = [one.read_text() for one in written[-1].parent.iterdir()]
        assert len(texts) == 2
        for secret in (key_of(corail), secret_of(corail, "exchange.password")):
            assert not any(secret in text for text in texts)


class TestScheduled:
    def test_a_run_without_anybody_tells_what_is_missing_and_does_not_wait(
        self, corail: Corail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(runs.VARIABLE, str(tmp_path))
        made = forms.form(TENANT, home=corail.home, clock=corail.clock)
        assert made.form is None
        bundle = made._repr_mimebundle_()
        assert set(bundle) == {"text/plain", "text/html"}
        assert "google (google), exchange (exchange)" in bundle["text/plain"]
        verdict = forms.told(made)
        assert verdict.exit == 6
        assert [one["field"] for one in verdict.document["mistakes"]] == ["events.look_alikes"]

    @pytest.mark.parametrize(
        ("name", "said"), [("", "No draft was named"), ("acmee", "no draft named acmee")]
    )
    def test_a_run_without_a_draft_says_how_to_make_one(
        self, corail: Corail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
    ) -> None:
        monkeypatch.setenv(runs.VARIABLE, str(tmp_path))
        with pytest.raises(UsageError, match=said) as error:
            forms.form(name, home=corail.home, clock=corail.clock)
        assert "figgo-ops onboard" in error.value.remedy

    @pytest.mark.notebook
    @pytest.mark.parametrize(
        ("name", "exit_code", "said"),
        [(TENANT, 6, "One answer is missing or wrong."), ("acmee", 2, "There is no draft named acmee.")],
    )
    def test_the_notebook_runs_without_anybody_and_leaves_no_secret(
        self, corail: Corail, name: str, exit_code: int, said: str
    ) -> None:
        result = notebooks.run("onboarding", {"tenant": name}, corail.home)
        assert (result.exit, result.message) == (exit_code, said)
        written = [file.read_text() for file in result.folder.iterdir()]
        assert "widget" not in written[0]
        for secret in ("figgo.key", "exchange.password"):
            assert not any(secret_of(corail, secret) in text for text in written)

    def test_what_is_saved_is_told_step_by_step(self, corail: Corail) -> None:
        made = forms.form("told", home=corail.home, clock=corail.clock)
        assert made.form is not None
        hands = Hands(made.form)
        assert (forms.told(made).exit, forms.told(made).remedy) == (6, "Fill in the form.")
        hands.customer(corail, "told")
        hands.exchange(corail)
        hands.checklist()
        assert forms.told(made).message == "Nothing is missing; it is not saved yet."
        hands.press("Save as a draft")
        verdict = forms.told(made)
        assert (verdict.exit, verdict.document["saved"], verdict.document["mistakes"]) == (0, True, [])
        assert "tenant=told" in verdict.remedy
        assert "figgo-ops onboard told" in repr(verdict)


def _counted(hands: Hands) -> int:
    words = hands.page().split()
    return int(words[words.index("half-days") - 1].replace(",", ""))


class TestWhatIsShownIsAboutWhatIsAnswered:
    """A result, a count or a difference that stands beside other answers would be believed of them."""

    def test_what_figgo_said_goes_with_the_answers_that_it_was_asked_with(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "ailleurs")
        hands.press("Test Figgo")
        assert "Figgo: everything works" in hands.page()
        hands.fill("Figgo address", "https://ailleurs.ilucca.net")
        page = hands.page()
        assert "everything works" not in page
        assert "try it again" in page
        assert "Test Figgo to see how" in page, "no preview of somebody else's leaves"
        assert "half-days of leave" not in page
        assert hands.form.tries.company is None

    @pytest.mark.parametrize("what", ["User", "Password: value", "Calendar", "Figgo address"])
    def test_what_a_calendar_said_goes_likewise(self, corail: Corail, hands: Hands, what: str) -> None:
        hands.customer(corail, "ailleurs")
        hands.exchange(corail)
        hands.press("Test this calendar")
        assert "exchange: everything works" in hands.page()
        hands.fill("Title", "Absente")
        assert "exchange: everything works" in hands.page(), "a title has nothing to do with it"
        hands.fill(what, "un autre")
        assert "exchange: everything works" not in hands.page()

    def test_leaves_that_the_role_may_not_read_hide_no_other_check(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "sans-conges")
        corail.stage.figgo.switch("unreadable", "leaves")
        try:
            hands.press("Test Figgo")
        finally:
            corail.stage.figgo.switch("unreadable", "")
        page = hands.page()
        assert f"Figgo: leaves {FAILED}" in page
        assert "Figgo: key \N{CHECK MARK} ok" in page

    def test_a_pilot_group_named_by_mail_is_counted_alone_and_not_letter_by_letter(
        self, corail: Corail, hands: Hands
    ) -> None:
        person = corail.person(corail.case("whole-day").person)
        hands.customer(corail, "pilote")
        hands.press("Test Figgo")
        hands.fill("Pilot group", str(person.id))
        alone = plain(hands.form.scope.count.value)
        hands.fill("Pilot group", str(person.mail))
        assert plain(hands.form.scope.count.value) == alone
        hands.fill("Pilot group", "")
        assert plain(hands.form.scope.count.value) != alone.replace(
            "the pilot group", "everyone the key shows"
        )
        assert not hands.control("Pilot group").continuous_update

    def test_half_a_year_typed_is_no_start_to_ask_figgo_about(self, corail: Corail, hands: Hands) -> None:
        hands.customer(corail, "debut")
        hands.press("Test Figgo")
        corail.forget_calls()
        hands.fill("Start", date(202, 6, 1))
        assert corail.calls("figgo") == []
        assert "half-days of leave" not in hands.page()

    def test_a_file_that_was_edited_by_hand_meanwhile_is_shown_before_it_is_written(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "a-la-main")
        hands.exchange(corail)
        hands.checklist()
        hands.press("Save as a draft")
        file = corail.home.tenants / "a-la-main.toml"
        hands.fill("Title", "Absente")
        edited = file.read_text().replace('hand_edits = "restore"', 'hand_edits = "respect"')
        file.write_text(edited)
        hands.press("Save as a draft")
        assert file.read_text() == edited
        assert "the file changed meanwhile" in hands.page()
        assert '-hand_edits = "respect"' in hands.page()
        hands.press("Save as a draft")
        assert 'title = "Absente"' in file.read_text()

    def test_the_draft_of_somebody_else_is_not_written_over_by_a_form_that_never_showed_it(
        self, corail: Corail, hands: Hands
    ) -> None:
        hands.customer(corail, "collegue")
        hands.exchange(corail)
        hands.checklist()
        other = Hands(opened(corail))
        other.customer(corail, "collegue")
        other.exchange(corail)
        other.checklist()
        hands.press("Save as a draft")
        before = (corail.home.tenants / "collegue.toml").read_text()
        other.fill("Title", "Absente")
        other.press("Save as a draft")
        assert 'open the form with tenant = "collegue"' in other.page()
        assert (corail.home.tenants / "collegue.toml").read_text() == before
        hands.fill("Title", "Absente")
        hands.press("Save as a draft")
        assert "is saved, as a draft" in hands.page(), "one's own draft is saved as often as one likes"

    def test_the_preview_shows_hours_only_where_the_provider_can(self, corail: Corail, hands: Hands) -> None:
        hands.customer(corail, "heures")
        hands.press("Test Figgo")
        hands.fill("Whole days", "hours")
        hands.fill("Provider", "google")
        assert "whole days stay all-day" in hands.page(), "nobody has to test the calendar for that"
        hands.fill("Provider", "exchange")
        assert "whole days stay all-day" not in hands.page()

    @pytest.mark.parametrize("address", ["https://xn--/", "https://xn--a/", "https://[", "https://-"])
    def test_an_address_that_is_none_is_told_however_it_is_wrong(self, hands: Hands, address: str) -> None:
        hands.fill("Tenant", "adresse")
        hands.fill("API key: value", "0f6b2c1e-0000-4000-8000-1234567890ab")
        hands.fill("Figgo address", address)
        hands.press("Test Figgo")
        told = plain(hands.form.figgo.tested.value)
        assert told
        assert "Testing" not in told
