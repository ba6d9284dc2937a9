"""Pages as a browser shows them, and the notebook as an engineer runs it in JupyterLab."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from figgo_ops.desk import lab, notebooks, reports
from figgo_ops.desk.tables import INLINE_ROWS
from figgo_ops.sandbox import Rehearsal
from tests.browser.watching import CONTRASTS, Served, Watched, free_port, run_all, save, serving
from tests.desk import plans
from tests.desk.books import notebook

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each kind: a plan, a long table of its own, a failed run, a run that ended well."""
    base = tmp_path_factory.mktemp("pages")
    parts = reports.plan_parts(plans.plan(), base)
    (base / "plan.html").write_text(reports.page("Plan", "corail", parts, home=base, folder=base))
    long = base / "long"
    long.mkdir()
    reports.before_and_after(plans.many(INLINE_ROWS + 20)).html(long)
    failed = notebooks.run(notebook(base / "failed.ipynb", "print('so far')", "1 / 0"), {}, base)
    widget = "import ipywidgets\nipywidgets.Text(description='Hidden')"
    frame = "import pandas as pd\npd.DataFrame({'Name': ['Zoé'], 'Days': [3]}).style.hide(axis='index')"
    fine = notebooks.run(notebook(base / "fine.ipynb", frame, widget), {}, base)
    return {
        "plan": base / "plan.html",
        "long": long / "report-changes.html",
        "failed": failed.report,
        "fine": fine.report,
    }


@pytest.mark.notebook
@pytest.mark.parametrize("name", ["plan", "long", "failed", "fine"])
def test_a_page_opens_without_network_or_complaint_and_is_readable(
    watched: Watched, pages: dict[str, Path], name: str
) -> None:
    watched.page.goto(pages[name].as_uri())
    assert (watched.requests, watched.complaints) == ([], [])
    assert watched.page.locator("html").get_attribute("lang") == "en"
    assert watched.page.title()
    assert watched.page.locator("main h1").count() == 1
    assert watched.page.evaluate(CONTRASTS) == []
    wide = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert watched.page.evaluate(wide)


def test_tables_and_charts_can_be_reached_and_named(watched: Watched, pages: dict[str, Path]) -> None:
    watched.page.goto(pages["plan"].as_uri())
    page = watched.page
    assert page.locator("table").count() == page.locator("table > caption").count() == 7
    regions = page.get_by_role("region", name="Event by event")
    regions.focus()
    assert regions.evaluate("node => node === document.activeElement")
    assert page.get_by_role("img").get_attribute("aria-label").startswith("Events per month.")  # type: ignore[union-attr]
    assert page.locator("text=<script>alert(1)</script>").count() > 0


def test_a_failed_run_says_so_on_top_and_folds_its_stack(watched: Watched, pages: dict[str, Path]) -> None:
    watched.page.goto(pages["failed"].as_uri())
    page = watched.page
    assert "ZeroDivisionError" in page.get_by_role("alert").first.inner_text()
    stack = page.locator("details pre", has_text="Traceback")
    assert not stack.is_visible()
    page.get_by_text("Where it happened", exact=True).click()
    assert stack.is_visible()


def test_widgets_do_not_leave_holes_in_a_page(watched: Watched, pages: dict[str, Path]) -> None:
    watched.page.goto(pages["fine"].as_uri())
    assert watched.page.locator(".output", has_text="Hidden").count() == 0
    assert watched.page.get_by_role("cell", name="Zoé").is_visible()


def test_the_one_script_of_a_long_page_filters_its_rows(watched: Watched, pages: dict[str, Path]) -> None:
    watched.page.goto(pages["long"].as_uri())
    page = watched.page
    page.get_by_label("Show rows with").fill("7 dec 2026")
    shown = page.locator("tbody tr:visible").count()
    assert 0 < shown < 10
    assert page.get_by_role("status").inner_text() == f"{shown} of {INLINE_ROWS + 20} rows"


def test_paper_shows_every_column(watched: Watched, pages: dict[str, Path]) -> None:
    watched.page.emulate_media(media="print", color_scheme="dark")
    watched.page.goto(pages["plan"].as_uri())
    assert (
        watched.page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    )
    assert (
        watched.page.locator(".scroll").first.evaluate("node => getComputedStyle(node).overflowX")
        == "visible"
    )


@pytest.mark.notebook
def test_an_engineer_opens_the_lab_runs_all_cells_and_sees_the_plan(browser: Browser, tmp_path: Path) -> None:
    pytest.importorskip("jupyterlab", reason="JupyterLab is an extra")
    home, port = tmp_path / "home", free_port()
    with Rehearsal(home):
        ready = lab.prepared(home, port)
        with serving(ready.command, ready.environment, port) as served:
            _run_all(browser, served)
    stored = json.loads((home / "notebooks" / lab.FIRST).read_text())
    assert any("plan-" in json.dumps(cell.get("outputs", "")) for cell in stored["cells"])
    assert "widgets" not in stored["metadata"]


def _run_all(browser: Browser, served: Served) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    watched = Watched(context, served.url)
    page = watched.page
    page.set_default_timeout(120_000)
    served.open(watched, lab.FIRST)
    run_all(page)
    page.get_by_text("To apply exactly this").wait_for()
    assert page.get_by_text("REHEARSAL plan for corail").count() == 1
    assert page.get_by_text("Inès Carrel").count() > 0
    save(page)
    assert watched.requests == []
    context.close()
