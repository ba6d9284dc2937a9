"""A report about people with hostile names, as a browser shows it: all of it text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from figgo_ops.desk import notebooks, reports
from tests.hostility.names import NAMES
from tests.hostility.reading import on_a_page, settled
from tests.hostility.world import World
from tests.rehearsal import TENANT

pytestmark = pytest.mark.browser

ACTIVE = """() => {
  const kinds = "script, img, iframe, object, embed, link, base, form, textarea, template, math, mglyph";
  const harmless = /^(report-[a-z-]+\\.(csv|html)|#[\\w-]+)$/;
  const links = ["href", "src", "action", "xlink:href"];
  const leads = one => links.includes(one.name) && !harmless.test(one.value);
  const acts = node => [...node.attributes].some(one => one.name.startsWith("on") || leads(one));
  const found = [...document.querySelectorAll("*")].filter(node => node.matches(kinds) || acts(node));
  return found.map(node => node.outerHTML.slice(0, 200));
}"""

CELLS = """() => [...document.querySelectorAll("th, td")].map(cell => cell.innerText)"""

SHIFTED = """() => [...document.querySelectorAll("table")].flatMap(table => {
  const widths = [...table.querySelectorAll("tbody tr")].map(row => row.cells.length);
  return widths.filter(width => width !== widths[0]);
})"""

OUTSIDE = """() => [...document.querySelectorAll("td, th")].filter(cell => {
  const inner = (cell.querySelector("bdi") ?? cell).getBoundingClientRect();
  const outer = cell.closest(".scroll").getBoundingClientRect();
  return inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
}).map(cell => cell.innerText.slice(0, 60))"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("hostile"), today=None) as made:
        yield made


@pytest.fixture(scope="module")
def pages(browser: Browser, world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of a plan, and that of the notebook which makes the same plan."""
    folder = tmp_path_factory.mktemp("pages")
    parts = reports.plan_parts(world.corail.plan(), world.corail.home.path)
    text = reports.page("Hostile", TENANT, parts, home=world.corail.home.path, folder=folder)
    (folder / "plan.html").write_text(text, encoding="utf-8")
    done = notebooks.run("initialization", {"tenant": TENANT}, world.corail.home.path)
    assert (done.exit, done.verdict["created"]) == (0, len(NAMES)), done.message
    return {"plan": folder / "plan.html", "notebook": done.report}


class Opened:
    """A page, and everything it tried."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page, self.tried, self.said = page, list[str](), list[str]()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: self.said.append(dialog.message))
        page.on("popup", lambda popup: self.tried.append(popup.url))
        page.on("request", self._asked)
        self._file = file.as_uri()
        page.goto(self._file)

    def _asked(self, request: Request) -> None:
        if request.url != self._file:
            self.tried.append(request.url)


@pytest.fixture(params=["plan", pytest.param("notebook", marks=pytest.mark.notebook)])
def opened(browser: Browser, pages: dict[str, Path], request: pytest.FixtureRequest) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield Opened(context.new_page(), pages[request.param])
    context.close()


def test_no_name_runs_fetches_or_leads_anywhere(opened: Opened) -> None:
    opened.page.wait_for_load_state("load")
    assert (opened.tried, opened.said) == ([], [])
    assert opened.page.evaluate("() => window.pwned") is None
    assert opened.page.evaluate(ACTIVE) == []


def test_every_name_is_to_be_read_where_it_belongs(opened: Opened, world: World) -> None:
    cells = {settled(text) for text in opened.page.evaluate(CELLS)}
    expected = {label: settled(f"{on_a_page(NAMES[label])} ({n})") for label, n in world.people.items()}
    assert {label: text for label, text in expected.items() if text not in cells} == {}
    assert [label for label, name in NAMES.items() if on_a_page(name) not in cells] == []


def test_no_name_moves_a_cell_or_widens_the_page(opened: Opened) -> None:
    found: Any = opened.page.evaluate(SHIFTED)
    assert found == []
    assert opened.page.evaluate(OUTSIDE) == []
    wide = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert opened.page.evaluate(wide)
