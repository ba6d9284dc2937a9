"""What an audit of a large customer costs, and how soon its report opens."""

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from figgo_ops import audit, sync
from figgo_ops.desk import audit as desk
from figgo_ops.desk import reports
from figgo_ops.home import Home
from figgo_ops.sandbox import Rehearsal
from figgo_ops.sandbox.people import RefusedAct
from figgo_ops.session import Session
from tests.benchmarks.figures import Figure
from tests.desk import audits

MAILBOXES, EVENTS = 400, 10_000
TENANT = "corail"
LISTINGS = ("/events", "/FindItem", "/$batch/GET")
OPENED = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"


def large(*, quick: bool) -> Iterator[Figure]:
    """Listings per mailbox and requests to Figgo, for an audit of calendars that were loaded."""
    mailboxes = MAILBOXES // 10 if quick else MAILBOXES
    with (
        tempfile.TemporaryDirectory() as folder,
        Rehearsal(Path(folder) / "home", people=mailboxes) as company,
    ):
        fill(company, EVENTS // MAILBOXES)
        company.figgo.switch("rate_limit", 100_000)
        home = Home.open(str(company.home))
        with Session(home, TENANT) as session:
            made = sync.plan(session, sync.Ask(since="start"))
        with Session(home, TENANT) as session:
            sync.apply(session, made.file or Path(), made.checksum)
        company.log.clear()
        begun = time.monotonic()
        with Session(home, TENANT) as session:
            found = audit.audit(session, sync.Ask())
        spent = time.monotonic() - begun
        assert (found.exit, set(found.counts)) == (0, {"in-order"}), found.counts
        asked = [one for one in company.log.entries() if one.path.endswith(LISTINGS)]
        listings = Counter(mailbox for one in asked for mailbox in one.principal.split())
        assert len(listings) == found.read, listings
        size = f"{len(found.findings)} events in {found.read} mailboxes"
        yield Figure("audit, listings per mailbox", max(listings.values()), 1, "calls", size)
        yield Figure("  requests to Figgo", len(company.log.entries("figgo")), None, "calls")
        yield Figure("  time, stand-ins in the same process", spent, None, "s")


def report(*, quick: bool) -> Iterator[Figure]:
    """The report of ten thousand events: its size, and how soon Chromium has opened each page."""
    from playwright.sync_api import sync_playwright

    from tests.browser.watching import CHROMIUM, QUIET

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        parts = desk.parts(desk.told(audits.big(EVENTS // 10 if quick else EVENTS)))
        page = reports.page("Audit", TENANT, parts, home=folder, folder=folder)
        (folder / "report.html").write_text(page, encoding="utf-8")
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        yield Figure("audit report of 10,000 events, all files", size, 6, "MB")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for path in sorted(folder.glob("report*.html")):
            opened = browser.new_page()
            opened.goto(path.as_uri())
            yield Figure(f"  {path.name} opens in Chromium", opened.evaluate(OPENED) / 1000, 3, "s")
            opened.close()
        browser.close()


def fill(company: Rehearsal, events: int) -> None:
    """Every person gets single Wednesdays off, until they have about so many events."""
    today = company.company.today
    first = today + timedelta(days=9 - today.weekday())
    for person in company.company.people.values():
        for week in range(events - 2):  # the crowd has a few of its own
            try:
                company.enter_by_hr(person.id, first + timedelta(days=7 * week), account="RTT")
            except RefusedAct:
                continue
