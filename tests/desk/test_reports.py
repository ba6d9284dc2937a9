"""What a plan and an apply look like to a person: complete, escaped, and readable by everybody."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from figgo_ops.desk import reports, runs
from figgo_ops.desk.tables import INLINE_ROWS, Table, visible
from figgo_ops.errors import RightsMissing
from figgo_ops.events import Event, Fingerprint
from figgo_ops.plan import Unreadable
from figgo_ops.result import Result, ResultRow
from tests.desk import plans


class Cells(HTMLParser):
    """The text of every cell, row by row, as a browser would show it; and every element met."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._open = True
            self.rows[-1].append("")
        if tag == "br" and self._open:
            self.rows[-1][-1] += "\n"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.rows[-1][-1] += data


def test_before_and_after_stand_side_by_side() -> None:
    rows = Cells(reports.before_and_after(plans.plan()).html()).rows
    assert rows[0] == ["Person", "Mailbox", "Change", "Reason", "Before", "After"]
    assert rows[1] == ["dates", "title", "state", "dates", "title", "state"]
    assert rows[2][0] == "Zoé Lefèvre (1)"
    assert rows[2][3:8] == ["new", "", "", "", "Mon 7 Dec 2026 \N{EN DASH}\nFri 11 Dec 2026"]
    update = rows[4]
    assert update[2:4] == ["~update", "changed in Figgo"]
    assert update[4:7] == ["Mon 23 Nov 2026", "(private)", "tentative, away, private"]
    assert update[8:] == ["Absent", "confirmed"]
    assert rows[5][2:5] == ["\N{MINUS SIGN}remove", "cancelled", "Mon 23 Nov 2026"]


def test_a_first_load_shows_no_empty_columns_for_what_was_before() -> None:
    rows = Cells(reports.before_and_after(plans.many(3)).html()).rows
    assert "Before" not in rows[0]
    assert "After" in rows[0]


def test_half_days_are_times_with_their_zone() -> None:
    assert reports.dates(plans.MORNING) == "Mon 4 Jan 2027\n09:00 \N{EN DASH} 12:00\nEurope/Paris"


def test_a_timed_event_over_days_names_both_days_and_uses_the_wanted_zone_where_none_was_kept() -> None:
    start, end = datetime(2026, 11, 30, 13, tzinfo=UTC), datetime(2026, 12, 4, 17, tzinfo=UTC)
    text = reports.dates(Event(start, end, "confirmed", "Absent"), "Europe/Paris")
    assert text == "Mon 30 Nov 2026, 14:00 \N{EN DASH}\nFri 4 Dec 2026, 18:00\nEurope/Paris"


def test_counts_are_by_legal_entity_change_and_reason() -> None:
    frame = reports.counts(plans.plan()).frame
    assert frame.to_numpy().tolist() == [
        ["Corail Paris", "create", "new", 2],
        ["Corail Paris", "update", "changed in Figgo", 1],
        ["Corail Antilles", "remove", "cancelled", 1],
    ]
    assert "12 unchanged" in reports.counts(plans.plan()).html()


def test_who_and_what_is_left_out_has_tables_of_its_own() -> None:
    plan = plans.plan()
    assert reports.without_mailbox(plan).frame["Why"].tolist() == ["Figgo holds no usable mail address"]
    assert reports.not_shown(plan).frame["Leave"].tolist() == ["51216-20261215-AM"]
    assert reports.unreadable(plan).frame["Next"].tolist() == ["Ask the administrator to grant it."]
    assert reports.look_alikes(plan).frame["Verdict"].tolist() == ["look-alike"]
    assert reports.findings(plan).frame["Verdict"].tolist() == ["taken-over"]


def test_nothing_a_customer_wrote_becomes_markup() -> None:
    for part in reports.plan_parts(plans.plan(), Path("/srv/figgo")):
        page = part.html()
        assert "<script" not in page
        assert "<b>repos" not in page


def test_what_nobody_would_see_is_spelled_out() -> None:
    shown = reports.without_mailbox(plans.plan()).html()
    assert "[U+202E]" in shown
    assert "[U+0007]" in shown
    assert not set(shown) & {"\u202e", "\u202c", "\x07"}
    assert visible("Zoé Łukasz 李") == "Zoé Łukasz 李"


def test_a_spreadsheet_finds_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(reports.before_and_after(plans.plan()).csv())))
    assert rows[3][0] == "'=cmd|' /C calc'!A0 (2)"
    starts = {cell.lstrip()[:1] for row in rows for cell in row}
    assert not starts & set("=+-@\t\r")


@pytest.mark.parametrize(
    "text", ["=1+1", "+33 1", "-2", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n=1", "\uff1d1"]
)
def test_every_beginning_of_a_formula_is_disarmed(text: str) -> None:
    table = Table("t", "T", pd.DataFrame({"a": [text]}))
    (_, (cell,)) = csv.reader(io.StringIO(table.csv()))
    assert cell.startswith("'")


def test_numbers_stay_numbers_in_a_spreadsheet() -> None:
    assert Table("t", "T", pd.DataFrame({"a": [-3]})).csv() == "a\r\n-3\r\n"


def test_a_long_table_shows_its_first_rows_and_links_to_all_of_them(tmp_path: Path) -> None:
    table = reports.before_and_after(plans.many(INLINE_ROWS + 250))
    page = table.html(tmp_path)
    assert len(Cells(page).rows) == INLINE_ROWS + 2
    assert "250 more rows" in page
    assert 'href="report-changes.html"' in page
    whole = (tmp_path / "report-changes.html").read_text()
    assert len(Cells(whole).rows) == INLINE_ROWS + 250 + 2
    with (tmp_path / "report-changes.csv").open(encoding="utf-8-sig") as file:
        assert len(list(csv.reader(file))) == INLINE_ROWS + 250 + 1
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_long_table_without_a_folder_says_that_rows_are_missing() -> None:
    assert "1 more rows are not shown here." in reports.before_and_after(plans.many(INLINE_ROWS + 1)).html()


def test_in_a_run_tables_put_their_files_into_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(runs.VARIABLE, str(tmp_path))
    assert 'href="report-counts.csv"' in reports.counts(plans.plan())._repr_html_()
    assert (tmp_path / "report-counts.csv").exists()


def test_the_page_of_a_long_table_allows_its_one_script_and_nothing_else(tmp_path: Path) -> None:
    reports.before_and_after(plans.many(INLINE_ROWS + 1)).html(tmp_path)
    page = (tmp_path / "report-changes.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert re.search(r"default-src 'none';.* script-src 'sha256-[\w+/=]+';", policy[1])
    assert page.count("<script>") == 1


def test_every_table_has_a_caption_headed_columns_and_can_be_scrolled_by_keyboard() -> None:
    tables = [part for part in reports.plan_parts(plans.plan()) if isinstance(part, Table)]
    assert len(tables) == 7
    for table in tables:
        met = Cells(table.html()).elements
        tags = [tag for tag, _ in met]
        assert "caption" in tags
        assert all(attributes.get("scope") for tag, attributes in met if tag == "th")
        region = next(attributes for tag, attributes in met if tag == "div")
        assert (region["tabindex"], region["role"]) == ("0", "region")
        assert region["aria-label"]


def test_an_empty_table_says_so_in_a_line() -> None:
    empty = Table("none", "Left alone", pd.DataFrame({"a": []}))
    assert empty.html() == "<p><strong>Left alone:</strong> none</p>"
    assert repr(empty) == "Left alone: none"


def test_the_chart_is_drawn_without_ids_of_the_moment_and_told_in_words() -> None:
    chart = reports.chart_by_month(plans.plan())
    assert chart.words == (
        "Events per month. Nov 2026: 1 to remove; Dec 2026: 1 to create, 1 to update; Jan 2027: 1 to create."
    )
    assert f'role="img" aria-label="{chart.words}"' in chart.svg
    assert "currentColor" in chart.svg
    assert "<?xml" not in chart.svg
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", chart.svg)
    assert chart.svg == reports.chart_by_month(plans.plan()).svg


def test_a_plan_without_changes_has_a_sentence_instead_of_a_chart() -> None:
    chart = reports.chart_by_month(plans.plan(()))
    assert chart._repr_html_() == "<p>Events per month: none would change.</p>"
    assert reports.next_step(plans.plan(())).title == "Nothing to apply"


def test_the_next_step_is_the_exact_line_that_applies_this_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIGGO_OPS_HOME", raising=False)
    line = "figgo-ops apply /srv/figgo/plans/corail-plan-0123456789ab.json --confirm plan-0123456789ab"
    assert line in reports.next_step(plans.plan()).lines
    monkeypatch.setenv("FIGGO_OPS_HOME", "/srv/figgo")
    assert f"{line} --home /srv/figgo" in reports.next_step(plans.plan()).lines


def test_what_holds_a_plan_comes_before_the_line_that_applies_it() -> None:
    held = "Corail Paris: 40 removals here, of 50 events. They are held: apply ... --removals N"
    step = reports.next_step(plans.plan(refused=(held,)))
    assert step.title == "To be answered first"
    assert step.lines[0] == held
    assert "--removals 1" in step.lines[1]


def test_the_outcome_counts_what_was_done_and_says_why_the_rest_was_not() -> None:
    row = ResultRow("corail.ilucca.net/3/100/20261123A", 3, "script@corail.example", "remove", "412 changed")
    unread = Unreadable(1, "zoe.lefevre@corail.example (head office)", RightsMissing("No.", "Ask."))
    result = Result("run-1", "corail", 2, 1, 0, 12, [row], [], [], [], [unread])
    tables = {table.name: table for table in reports.outcome(result, plans.plan())}
    counted = dict(tables["outcome"].frame.to_numpy().tolist())
    assert (counted["created"], counted["updated"], counted["deleted"], counted["failed"]) == (2, 1, 0, 1)
    assert tables["failed"].frame.to_numpy().tolist()[0][-1] == "412 changed"
    assert tables["unread"].frame["What happened"].tolist() == ["No."]
    assert set(tables) == {"outcome", "failed", "unread"}


def test_a_page_of_a_plan_says_whose_it_is_and_fetches_nothing(tmp_path: Path) -> None:
    plan = plans.plan()
    parts = reports.plan_parts(plan, tmp_path)
    page = reports.page("Plan of Corail", "corail", parts, home=tmp_path, folder=tmp_path)
    assert "<title>Plan of Corail</title>" in page
    assert '<html lang="en">' in page
    assert "default-src 'none'" in page
    assert "script-src" not in page
    assert str(tmp_path) in page
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)


def test_days_are_written_as_people_write_them() -> None:
    assert reports.day(date(2026, 11, 23)) == "Mon 23 Nov 2026"


def test_a_report_shows_no_title_of_a_private_event_and_no_words_of_an_owner() -> None:
    hidden = replace(plans.WEEK, title="Maladie", private=True)
    wrote = replace(plans.DAY, title="Absent", private=False)
    theirs = replace(wrote, title="Chimio, ne pas déranger")
    edited = plans.change(plans.SCRIPT, "update", "edited by hand", theirs, wrote)
    assert edited.existing is not None
    edited = replace(edited, existing=replace(edited.existing, print_text=str(Fingerprint.of(wrote))))
    made = plans.plan((plans.change(plans.ZOE, "create", "new", None, hidden), edited))
    shown = "".join(part.html() for part in reports.plan_parts(made)) + reports.before_and_after(made).csv()
    assert "Maladie" not in shown
    assert "Chimio" not in shown
    assert "(private)" in shown
    assert "(changed by its owner)" in shown
