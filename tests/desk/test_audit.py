"""The audit's report: what it says in words, in tables and in hashes, and its notebook."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from figgo_ops import sync
from figgo_ops.desk import audit, notebooks, reports
from figgo_ops.desk.masks import Mask
from figgo_ops.desk.tables import Table
from figgo_ops.errors import UsageError
from figgo_ops.home import VARIABLE
from tests.desk import audits, plans
from tests.rehearsal import Corail


@pytest.fixture
def corail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Corail]:
    """Loaded; then one event is renamed, one gone and one taken over."""
    with Corail(tmp_path) as made:
        made.activate()
        made.load()
        renamed, gone, taken = people(made)
        made.owner(renamed).rename(made.event_id(renamed), "Ski à Chamonix")
        made.owner(gone).delete(made.event_id(gone))
        made.owner(taken).invite(made.event_id(taken), ["invitée@ailleurs.example"])
        monkeypatch.setenv(VARIABLE, str(made.home.path))
        monkeypatch.setattr("figgo_ops.session.SystemClock", lambda: made.clock)
        yield made


def people(corail: Corail) -> list[int]:
    return [corail.case(name).person for name in ("whole-day", "half-day-am", "half-day-pm")]


def test_the_summary_says_in_words_how_it_came_out(corail: Corail) -> None:
    found = audit.look("corail")
    said = repr(audit.summary(found))
    assert "REHEARSAL audit of corail" in said
    assert "65 events in 57 mailboxes were compared with Figgo; 2 need action." in said
    assert "A repair would change 2 events: 1 written, 1 put right." in said
    assert "clean" not in said


def test_each_verdict_is_explained_and_counted(corail: Corail) -> None:
    rows = {row["Verdict"]: row for _, row in audit.counts(audit.look("corail")).frame.iterrows()}
    assert {name: row["Events"] for name, row in rows.items()} == {
        "in-order": 62,
        "missing": 1,
        "edited": 1,
        "taken-over": 1,
        "absent": 1,
    }
    assert {name for name, row in rows.items() if row["To do"]} == {"missing", "edited"}
    assert all(row["What it means"].endswith(".") for row in rows.values())


def test_every_event_is_in_exactly_one_table(corail: Corail) -> None:
    found = audit.look("corail")
    tables = audit.to_act_on(found), audit.information(found), audit.in_order(found)
    assert [len(table) for table in tables] == [2, 1, 62]
    assert list(audit.to_act_on(found).frame["Event shown"]) == ["absent", "present"]
    assert list(audit.absent(found).frame["Mailbox"]) == ["come.absil@corail-suisse.example (exchange)"]


def test_the_owners_own_words_are_in_no_table(corail: Corail) -> None:
    found = audit.look("corail")
    assert "Chamonix" not in "".join(part.html() for part in audit.parts(found))
    (row,) = audit.edited(found).frame.to_dict("records")
    assert row["What happens"] == "put back as Figgo says"
    assert list(audit.before_and_after(found).frame["Before: title"])[-1] == "(changed by its owner)"


def test_edits_that_are_respected_are_listed_as_such_in_an_initialization_too(corail: Corail) -> None:
    corail.rewrite('hand_edits = "restore"', 'hand_edits = "respect"')
    plan = corail.plan(people(corail)[0])
    (row,) = reports.edited(plan).frame.to_dict("records")
    assert (row["Dates"], row["What happens"]) == ("Wed 2 Dec 2026", "respected: left as it is")
    assert len(reports.findings(plan)) == 0
    assert "edited" in [getattr(part, "name", "") for part in reports.plan_parts(plan)]


def test_what_could_not_be_read_stands_before_all_else_and_takes_the_word_clean_away(corail: Corail) -> None:
    for number in people(corail):
        corail.stage.google.set_state(corail.mail(number), "suspended")
    found = audit.look("corail")
    said = repr(audit.summary(found))
    assert "not complete: 3 people or mailboxes could not be read" in said
    assert "clean" not in said
    assert [getattr(part, "name", "") for part in audit.parts(found)][3] == "unreadable"
    verdict = audit.mend(found)
    assert (verdict.exit, verdict.document["complete"]) == (1, False)


def test_a_clean_audit_says_so_and_names_no_next_step(corail: Corail) -> None:
    corail.sync()
    found = audit.look("corail")
    assert "The calendars are clean" in repr(audit.summary(found))
    assert (audit.mend(found).exit, audit.mend(found).remedy) == (0, "")


def test_a_repair_is_a_plan_like_any_other(corail: Corail) -> None:
    found = audit.look("corail", verdicts="missing")
    verdict = audit.mend(found, "plans/repair.json", " missing ")
    assert (verdict.exit, verdict.document["repair"]["created"], verdict.document["repair"]["updated"]) == (
        *(6, 1),
        0,
    )
    file = corail.home.plans / "repair.json"
    assert f"figgo-ops apply {file}" in repr(verdict)
    with corail.session() as session:
        assert sync.apply(session, file, verdict.document["repair"]["checksum"]).created == 1


def test_former_mailboxes_come_from_a_file_in_the_home(corail: Corail) -> None:
    (corail.home.path / "former.txt").write_text("ancienne@corail.example,google\n", encoding="utf-8")
    assert len(audit.absent(audit.look("corail", mailboxes="former.txt"))) == 2


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"names": "nobody"}, "neither"),
        ({"verdicts": "missing,clean"}, "'clean' is no verdict"),
        ({"legal_entities": "Paris"}, "which is no id"),
        ({"mailboxes": "nowhere.txt"}, "cannot be read"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_is_read(
    corail: Corail, values: dict[str, str], says: str
) -> None:
    corail.forget_calls()
    with pytest.raises(UsageError, match=says):
        audit.look("corail", **values)
    assert corail.calls("google") == []


class TestHashes:
    def text(self, names: str, folder: Path) -> str:
        """The report, its pages and its CSV files, read as one."""
        found = audit.told(audits.big(2_000, 200), names)
        page = reports.page("Audit", "corail", audit.parts(found), home=folder, folder=folder)
        return "\n".join([page, *(path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()))])

    def test_with_hashes_no_name_mail_or_title_is_anywhere(self, tmp_path: Path) -> None:
        shown = self.text("names", tmp_path)
        assert "Congés payés" in shown
        assert "maelle.legoff-7@corail.example" in shown
        hidden = self.text("hashes", tmp_path)
        for word in ("Maëlle", "Goff", "maelle", "@", "Congés", "script", "calc", "Chlo", "côme"):
            assert word not in _without_policy(hidden), word

    def test_one_person_has_one_hash_in_one_report_and_another_in_the_next(self) -> None:
        made = audits.big(800, 40)
        hidden, again, open_ = (audit.told(made, names) for names in ("hashes", "hashes", "names"))
        pairs = set(
            zip(audit.in_order(hidden).frame["Person"], audit.in_order(open_).frame["Person"], strict=True)
        )
        assert len(pairs) == len({name for name, _ in pairs}) == len({name for _, name in pairs}) > 30
        changed = set(audit.before_and_after(hidden).frame["Person"])
        assert changed <= {name for name, _ in pairs} | set(audit.to_act_on(hidden).frame["Person"])
        assert not set(audit.in_order(again).frame["Person"]) & {name for name, _ in pairs}

    def test_a_sentence_that_names_somebody_names_them_no_more(self) -> None:
        mask = Mask([plans.ZOE, plans.HOSTILE])
        said = mask.text(
            "Zoé Lefèvre: zoe.lefevre@corail.example (head office) is suspended; ask Zoé Lefèvre."
        )
        assert not [word for word in ("Zoé", "Lefèvre", "zoe", "@") if word in said]
        one, two = re.findall(r"person [0-9a-f]{10}", said)
        assert one == two
        assert "(head office) is suspended" in said

    def test_what_the_notebook_keeps_names_nobody(self, corail: Corail) -> None:
        corail.stage.google.set_state(corail.mail(people(corail)[0]), "suspended")
        found = audit.look("corail", names="hashes")
        kept = json.dumps([part._repr_html_() for part in audit.parts(found)])
        kept += json.dumps(audit.mend(found, "plans/repair.json")._repr_mimebundle_()) + repr(
            audit.parts(found)
        )
        names = {one.first_name for one in corail.stage.company.people.values()}
        assert not [name for name in names if re.search(rf"\b{name}\b", kept)]
        assert "@" not in kept
        assert "mailbox " in kept


def _without_policy(text: str) -> str:
    """The pages without their style, their one script and the rule that names its digest."""
    return re.sub(r"<(style|script)>.*?</\1>|<meta[^>]*>", "", text, flags=re.DOTALL)


def test_all_pages_of_ten_thousand_events_are_small_and_every_row_is_on_them(tmp_path: Path) -> None:
    found = audit.told(audits.big())
    page = reports.page("Audit", "corail", audit.parts(found), home=tmp_path, folder=tmp_path)
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    print(f"{size / 1e6:.2f} MB in {len(list(tmp_path.iterdir()))} files")
    assert size < 6_000_000
    whole = (tmp_path / "report-in-order.html").read_text(encoding="utf-8")
    assert whole.count("<tr>") == len(audit.in_order(found)) + 1
    csv = pd.read_csv(io.BytesIO((tmp_path / "report-in-order.csv").read_bytes()))
    assert len(csv) == len(audit.in_order(found))


def test_a_short_table_can_be_looked_through_on_a_page_too(tmp_path: Path) -> None:
    table: Table = audit.to_act_on(audit.told(audits.big(100, 10)))
    assert 'href="report-to-act-on.html"' in table.html(tmp_path)
    assert 'id="filter"' in (tmp_path / "report-to-act-on.html").read_text(encoding="utf-8")


@pytest.mark.notebook
def test_the_notebook_reports_and_ends_with_the_audits_exit_code(tmp_path: Path) -> None:
    """On the real clock, because a kernel has no other."""
    with Corail(tmp_path, today=None) as corail:
        corail.activate()
        corail.sync(corail.case("pending").person)
        result = notebooks.run("audit", {"names": "hashes", "repair": "plans/repair.json"}, corail.home.path)
        told = json.loads(result.result.read_text())
        page, kept = result.report.read_text(), result.notebook.read_text()
        names = {one.last_name for one in corail.stage.company.people.values()}
        files = {path.name for path in result.folder.iterdir()}
        written = "".join(path.read_text() for path in result.folder.iterdir())
    assert (result.exit, result.status, told["verdict"]["complete"]) == (6, "findings", True)
    assert told["verdict"]["repair"]["created"] > 50
    assert "How this was made" in page
    assert "events" not in told["verdict"]
    assert {"report-to-act-on.html", "report-to-act-on.csv"} <= files
    assert not [name for name in names if name in page + kept + written], "with hashes nobody is named"
    assert "@corail" not in page + kept + written
