"""A new customer in JupyterLab, without a mouse: the form filled, tested, saved; the first load applied."""

import importlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from figgo_ops import tenants
from figgo_ops.desk import lab
from figgo_ops.home import Home
from figgo_ops.sandbox import Rehearsal
from figgo_ops.sandbox.home import CLIENT_ID, SERVICE_ACCOUNT, TENANT_ID, first_day
from tests.browser.keyboard import Keyboard
from tests.browser.watching import CONTRASTS, Served, Watched, free_port, run_all, save, serving

pytestmark = [pytest.mark.browser, pytest.mark.notebook]

NAME = "corail-neuf"
SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
KEPT = {"figgo": "figgo.key", "google": "google.json", "exchange": "exchange.password"}
KEPT |= {"microsoft365": "microsoft365.secret"}
EDIT = """([old, fresh]) => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets.map(one => one.model.sharedModel);
  const cell = cells.find(one => one.getSource().startsWith("tenant: str"));
  cell.setSource(cell.getSource().replace(old, fresh));
}"""


@dataclass
class Journey:
    """What came of it.

    Attributes:
        canaries: every secret that was typed or sent.
        violations: what axe found in the form: rule and element.
        contrasts: text in the form that is hard to read.
    """

    home: Path
    canaries: list[str]
    content: str
    exported: str
    said: str
    complaints: list[str]
    requests: list[str]
    violations: list[tuple[str, str]]
    contrasts: list[Any]
    keys: list[str]
    state: str = ""


class Engineer:
    """A support engineer, with the customer on the phone."""

    def __init__(self, page: Page, stage: Rehearsal, secrets: dict[str, str], folder: Path) -> None:
        self.page, self.stage, self.secrets = page, stage, secrets
        self.keys = Keyboard(page)
        self.form = page.locator(".figgo-form")
        self.key_file = folder / "account.json"
        self.key_file.write_text(secrets["google"])

    def shoot(self, name: str, words: str | re.Pattern[str], block: str = "start") -> None:
        """Keep what the screen shows, these words at its start or in its middle."""
        anchor = self.page.get_by_text(words, exact=True).first
        anchor.evaluate("(node, block) => node.scrollIntoView({block})", block)
        self.page.screenshot(path=SHOTS / f"{name}.png")

    def customer(self) -> None:
        keys, urls = self.keys, self.stage.urls
        self.form.get_by_label("Show what is rarely needed").focus()
        self.page.keyboard.press("Space")
        keys.fill("Tenant", "Corail neuf")
        expect(self.form.get_by_text("must consist of a-z, 0-9 and inner hyphens").first).to_be_visible()
        self.shoot("onboarding-mistake", "Customer")
        self.page.keyboard.press("Shift+Tab")
        keys.fill("Tenant", NAME)
        keys.fill("Time zone", "Europe/Paris")
        keys.fill("Figgo address", urls["figgo"])
        keys.fill("API key: value", self.secrets["figgo"])
        expect(self.form.get_by_text(f"Stored as file:{NAME}-figgo.key")).to_be_visible()
        expect(self.form.get_by_label("API key: value")).to_have_value("")
        keys.fill("Host in keys", "corail.ilucca.net")
        keys.fill("Authority file", str(self.stage.ca_file))
        keys.press("Test Figgo")
        expect(self.form.get_by_text("Figgo: everything works")).to_be_visible()
        self.shoot("onboarding-figgo", "Customer")
        keys.day("Start", first_day(self.stage.company.today))
        expect(self.form.get_by_text("half-days of leave of everyone")).to_be_visible()

    def google(self) -> None:
        keys, urls = self.keys, self.stage.urls
        keys.fill("Calendar", "google")
        keys.choose("Provider", "Goo")
        expect(self.form.get_by_label("Service account", exact=True)).to_be_visible()
        keys.send("Store a file", self.key_file)
        expect(self.form.get_by_text(f"Stored as file:{NAME}-google.service-account")).to_be_visible()
        keys.fill("API root", urls["google"])
        keys.fill("Token URL", f"{urls['google']}/token")
        self._whom("1 Corail Paris")
        self._works("google")

    def exchange(self) -> None:
        keys, urls = self.keys, self.stage.urls
        self._another("exchange", "Exch", "User")
        keys.fill("URL", urls["exchange"])
        keys.fill("User", SERVICE_ACCOUNT)
        keys.fill("Password: value", self.secrets["exchange"])
        self._whom("2 Corail Genève")
        usual = self.stage.exchange.switches["impersonation"]
        self.stage.exchange.switch("impersonation", "nobody")
        keys.press("Test this calendar")
        expect(self.form.get_by_text("exchange: 1 of 9 checks need somebody")).to_be_visible()
        self.shoot("onboarding-permission", "exchange: 1 of 9 checks need somebody", "center")
        self.stage.exchange.switch("impersonation", usual)
        self.page.keyboard.press("Space")
        expect(self.form.get_by_text("exchange: everything works")).to_be_visible()

    def microsoft365(self) -> None:
        keys, urls = self.keys, self.stage.urls
        self._another("microsoft 365", "Micro", "Certificate")
        keys.fill("Tenant id", TENANT_ID)
        keys.fill("Client id", CLIENT_ID)
        keys.fill("Certificate", "")
        keys.fill("Client secret", f"file:{NAME}-microsoft365.secret")
        keys.fill("Client secret: value", self.secrets["microsoft365"])
        keys.fill("API root", urls["microsoft365"])
        keys.fill("Authority", urls["microsoft365"])
        self._whom("3 Corail Antilles")
        self._works("microsoft 365")

    def policy(self) -> None:
        keys = self.keys
        keys.press("The title is the absence type")
        expect(self.form.get_by_text("This gives something away:")).to_be_visible()
        self.shoot("onboarding-preview", "Events")
        self.page.keyboard.press("Space")

    def saved(self) -> None:
        keys = self.keys
        keys.to("Save as a draft")
        self.page.keyboard.press("Space")
        expect(self.form.get_by_text("Nothing was saved")).to_be_visible()
        self.shoot("onboarding-checklist", "Checklist")
        keys.to("Lucca's own sync off", back=True)
        # Shift+Tab enters a date at its end; a date is four stops long
        for _ in range(4):
            self.page.keyboard.press("Shift+Tab")
        keys.day("Lucca's own sync off", first_day(self.stage.company.today))
        keys.choose("Look-alikes", "ignore")
        keys.press("Save as a draft")
        expect(self.form.get_by_text("is saved, as a draft")).to_be_visible()
        self.shoot("onboarding-saved", "Save")

    def first_load(self, served: Served, watched: Watched) -> None:
        served.open(watched, lab.FIRST)
        self.page.evaluate(EDIT, ['tenant: str = "corail"', f'tenant: str = "{NAME}"'])
        run_all(self.page)
        self.page.get_by_text("To apply exactly this").first.wait_for()
        self.shoot("initialization-plan", "What would change")
        checksum = re.search(r"--confirm (plan-[0-9a-f]+)", self.page.locator("body").inner_text())
        assert checksum
        self.page.evaluate(EDIT, ['confirm: str = ""', f'confirm: str = "{checksum[1]}"'])
        run_all(self.page)
        written = re.compile("What was written in run")
        self.page.get_by_text(written).first.wait_for()
        self.shoot("initialization-applied", written, "center")

    def _another(self, name: str, kind: str, own: str) -> None:
        """Ask for one more calendar, of a kind that has a field of its own."""
        names = self.form.get_by_label("Calendar", exact=True)
        there = names.count()
        self.keys.press("Add a calendar")
        expect(names).to_have_count(there + 1)
        self.keys.to("Remove this calendar", back=True)
        self.keys.to("Calendar", back=True)
        self.page.keyboard.press("Shift+Tab")
        self.keys.fill("Calendar", name)
        self.keys.choose("Provider", kind)
        expect(self.form.get_by_label(own, exact=True).last).to_be_visible()

    def _whom(self, entity: str) -> None:
        self.keys.fill("CA file", str(self.stage.ca_file))
        self.keys.choose("For", "legal")
        # Every calendar so far offers the same
        offered = self.form.get_by_label("Calendar", exact=True).count()
        expect(self.form.get_by_label(entity)).to_have_count(offered)
        self.keys.press(entity)

    def _works(self, name: str) -> None:
        self.keys.press("Test this calendar")
        expect(self.form.get_by_text(f"{name}: everything works")).to_be_visible()


@pytest.fixture(scope="module")
def axe() -> ModuleType:
    """The checker of accessibility, which finds what it finds without any network."""
    name = "axe_playwright_python.sync_playwright"
    if os.environ.get("FIGGO_OPS_CI"):
        return importlib.import_module(name)
    found: ModuleType = pytest.importorskip(name, reason="axe-playwright-python is not installed")
    return found


@pytest.fixture(scope="module")
def journey(browser: Browser, axe: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    pytest.importorskip("jupyterlab", reason="JupyterLab is an extra")
    folder = tmp_path_factory.mktemp("onboarding")
    home, port = folder / "home", free_port()
    SHOTS.mkdir(parents=True, exist_ok=True)
    with Rehearsal(home) as stage:
        secrets = _taken(home)
        ready = lab.prepared(home, port)
        # The strictest case: an engineer who keeps the state of widgets in notebooks
        manager = home / "jupyter" / "settings" / "@jupyter-widgets" / "jupyterlab-manager"
        (manager / "plugin.jupyterlab-settings").write_text('{"saveState": true}')
        with serving(ready.command, ready.environment, port) as served:
            found = _travelled(browser, axe, stage, served, secrets, folder)
        found.said = "".join(served.said)
        found.state = tenants.load(Home(home), NAME).state
        yield found


def _taken(home: Path) -> dict[str, str]:
    """The customer's secrets, which only the customer has; and no tenant."""
    (home / "tenants" / "corail.toml").unlink()
    files = {service: home / "secrets" / f"corail-{name}" for service, name in KEPT.items()}
    found = {service: file.read_text() for service, file in files.items()}
    for file in files.values():
        file.unlink()
    return found


def _travelled(
    browser: Browser,
    axe: ModuleType,
    stage: Rehearsal,
    served: Served,
    secrets: dict[str, str],
    folder: Path,
) -> Journey:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    watched = Watched(context, served.url)
    page = watched.page
    page.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    engineer = Engineer(page, stage, secrets, folder)
    served.open(watched, "onboarding.ipynb")
    run_all(page)
    engineer.form.get_by_label("Tenant", exact=True).wait_for()
    for step in (engineer.customer, engineer.google, engineer.exchange, engineer.microsoft365):
        step()
    engineer.policy()
    engineer.saved()
    results = axe.Axe().run(page, context=".figgo-form")
    contrasts = page.evaluate(CONTRASTS.replace('"body *"', '".figgo-form *"'))
    save(page)
    content = page.content()
    address = f"{served.url}/nbconvert/html/onboarding.ipynb?token={served.token}"
    exported = context.request.get(address).text()
    engineer.first_load(served, watched)
    save(page)
    complaints, requests = watched.complaints, watched.requests
    context.close()
    return Journey(
        home=stage.home,
        canaries=_canaries(secrets),
        content=content,
        exported=exported,
        said="",
        complaints=complaints,
        requests=requests,
        violations=[(one["id"], one["nodes"][0]["html"]) for one in results.response["violations"]],
        contrasts=contrasts,
        keys=engineer.keys.passed,
    )


def _canaries(secrets: dict[str, str]) -> list[str]:
    account = json.loads(secrets["google"])
    lines = account["private_key"].splitlines()
    return [
        *(secrets[name] for name in KEPT if name != "google"),
        account["private_key_id"],
        lines[1],
        lines[9],
    ]


def test_a_tenant_is_set_up_by_keyboard_alone_and_its_first_load_is_applied(journey: Journey) -> None:
    tenant = tenants.load(Home(journey.home), NAME)
    assert journey.state == "active"
    assert [one.kind for one in tenant.calendars] == ["google", "exchange", "microsoft365"]
    assert [one.legal_entities for one in tenant.calendars] == [(1,), (2,), (3,)]
    assert (tenant.events.look_alikes, tenant.events.show_type) == ("ignore", False)


def test_no_secret_is_in_notebooks_pages_logs_or_anything_else_of_the_home(journey: Journey) -> None:
    kept = [file for file in journey.home.rglob("*") if file.is_file() and "secrets" not in file.parts]
    texts = {str(file): file.read_bytes() for file in kept}
    texts |= {"page": journey.content.encode(), "export": journey.exported.encode()}
    texts |= {"log": journey.said.encode()}
    notebook = texts[str(journey.home / "notebooks" / "onboarding.ipynb")]
    assert b"widget-state" in notebook, "the state was kept, so it is worth looking into"
    assert NAME.encode() in notebook
    assert "figgo_ops.desk.forms" in journey.exported
    found = [name for name, text in texts.items() for one in journey.canaries if one.encode() in text]
    assert found == []
    stored = [(journey.home / "secrets" / f"{NAME}-{name}") for name in ("figgo.key", "exchange.password")]
    assert [file.read_text() for file in stored] == [journey.canaries[0], journey.canaries[1]]


def test_nothing_beyond_this_machine_is_asked_and_nothing_complained(journey: Journey) -> None:
    assert (journey.requests, journey.complaints) == ([], [])


def test_the_form_is_clean_for_an_automated_check_of_accessibility(journey: Journey) -> None:
    assert journey.violations == []
    assert journey.contrasts == []


def test_screenshots_are_kept(journey: Journey) -> None:
    names = {file.stem for file in SHOTS.glob("*.png") if file.stat().st_size > 20_000}
    assert {
        *("onboarding-mistake", "onboarding-figgo", "onboarding-permission", "onboarding-preview"),
        *("onboarding-checklist", "onboarding-saved", "initialization-plan", "initialization-applied"),
    } <= names
