"""The report of ten thousand events in a browser, and every report read the way a screen reader does."""

import importlib
import os
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import Browser, expect

from figgo_ops.desk import audit, reports
from tests.browser.watching import CONTRASTS, Watched
from tests.desk import audits, plans

pytestmark = pytest.mark.browser

PAGES = ("report", "report-in-order", "report-to-act-on", "report-information", "plan")
OPENED = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"
A4 = {"width": 1017, "height": 688}
"""A4 landscape less its margins, at 96 dots per inch."""


@pytest.fixture(scope="module")
def axe() -> ModuleType:
    """The checker of accessibility, which finds what it finds without any network."""
    name = "axe_playwright_python.sync_playwright"
    if os.environ.get("FIGGO_OPS_CI"):
        return importlib.import_module(name)
    found: ModuleType = pytest.importorskip(name, reason="axe-playwright-python is not installed")
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a large audit with its pages, and the one of an initialization."""
    folder = tmp_path_factory.mktemp("audit")
    found = audit.told(audits.big())
    page = reports.page("Audit", "corail", audit.parts(found), home=folder, folder=folder)
    (folder / "report.html").write_text(page, encoding="utf-8")
    shown = reports.plan_parts(plans.plan(), folder)
    (folder / "plan.html").write_text(
        reports.page("Initialization", "corail", shown, home=folder), encoding="utf-8"
    )
    return folder


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_without_network_script_from_data_or_complaint(
    watched: Watched, made: Path, name: str
) -> None:
    watched.page.goto((made / f"{name}.html").as_uri())
    assert (watched.requests, watched.complaints) == ([], [])
    print(f"{name} opened after {watched.page.evaluate(OPENED):.0f} ms")
    scripts = watched.page.locator("script").count()
    assert scripts == (name.startswith("report-")), "the one that filters, and none from data"
    assert watched.page.locator("main h1").count() == 1
    wide = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert watched.page.evaluate(wide)


def test_the_rows_of_ten_thousand_events_can_be_filtered(watched: Watched, made: Path) -> None:
    watched.page.goto((made / "report.html").as_uri())
    watched.page.get_by_role("link", name="In order: All 9,300 rows").click()
    page = watched.page
    page.get_by_label("Show rows with").fill("legoff-7@ 2026")
    expect(page.get_by_role("status")).to_have_text("25 of 9,300 rows")
    mails = page.locator("tbody tr:visible").all_inner_texts()
    assert len(mails) == 25
    assert all("maelle.legoff-7@corail.example" in text for text in mails)
    assert watched.complaints == []


@pytest.mark.parametrize("name", ["report", "report-information", "plan"])
def test_an_automated_check_of_accessibility_finds_nothing(
    watched: Watched, made: Path, axe: ModuleType, name: str
) -> None:
    watched.page.goto((made / f"{name}.html").as_uri())
    results = axe.Axe().run(watched.page)
    assert [(one["id"], one["nodes"][0]["html"]) for one in results.response["violations"]] == []
    assert len(results.response["passes"]) > 10


def test_the_colours_of_the_report_can_be_read(watched: Watched, made: Path) -> None:
    watched.page.goto((made / "report.html").as_uri())
    assert watched.page.evaluate(CONTRASTS) == []


def test_the_report_fits_on_paper(browser: Browser, made: Path, tmp_path: Path) -> None:
    context = browser.new_context(viewport={"width": A4["width"], "height": A4["height"]})
    page = context.new_page()
    page.emulate_media(media="print", color_scheme="dark")
    page.goto((made / "report.html").as_uri())
    too_wide = """width => [...document.querySelectorAll("body *")]
      .filter(node => node.checkVisibility() && node.getBoundingClientRect().right > width + 1)
      .map(node => node.outerHTML.slice(0, 80))"""
    assert page.evaluate(too_wide, A4["width"]) == []
    assert not page.locator("a.csv").first.is_visible(), "what can only be clicked is not printed"
    assert page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True).startswith(b"%PDF")
    context.close()
