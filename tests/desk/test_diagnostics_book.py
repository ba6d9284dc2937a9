"""The report of a diagnosis: what needs somebody first, every check after it, and nobody named on request."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.checks import CUSTOMER, NETWORK, Check, Deadline
from figgo_ops.desk import notebooks
from figgo_ops.desk.diagnostics import Diagnosis
from figgo_ops.desk.diagnostics import book as diagnostics_book
from figgo_ops.desk.diagnostics.book import Seen
from figgo_ops.desk.diagnostics.mailboxes import Row
from figgo_ops.errors import UsageError
from figgo_ops.home import VARIABLE
from figgo_ops.leaves import Person
from tests.desk.fleets import TODAY
from tests.rehearsal import Corail

ZOE = Person(7, "Zoé Lefèvre", "zoe.lefevre@acme.example", "M7", 1)
NO_RIGHT = Check(
    *("calendar 1: rights", "failed", "zoe.lefevre@acme.example: no delegation.", "Grant it.", CUSTOMER),
    *("delegation-missing", "asked for a token for Zoé Lefèvre", "unauthorized_client", "google-delegation"),
)
WAITS = Check("calendar 2: rights", "pending", "not yet", "Wait.", NETWORK, "delegation-missing")


def seen(*checks: Check, names: str = "names") -> Seen:
    found = Diagnosis("acme")
    found.checks += [Check("tenant file", "ok", "active"), *checks, Check("calendar 2: calendar", "skipped")]
    found.deadlines.append(Deadline("the certificate of Figgo", TODAY, "Renew it."))
    found.mailboxes.append(Row(7, ZOE.name, ZOE.mail or "", "calendar 1", "suspended", "suspended", "No."))
    found.people.append(ZOE)
    return diagnostics_book.told(found, names)


def parts(one: Seen) -> str:
    verbs = ("summary", "to_do", "checks", "mailboxes", "deadlines")
    shown = [getattr(diagnostics_book, verb)(one)._repr_html_() for verb in verbs]
    return "\n".join([*shown, json.dumps(diagnostics_book.verdict(one)._repr_mimebundle_())])


def test_the_summary_counts_and_names_where_to_begin() -> None:
    said = repr(diagnostics_book.summary(seen(NO_RIGHT, WAITS)))
    assert "1 failed, 1 pending, 1 ok, 1 skipped. Begin with calendar 1: rights" in said
    assert "Nothing failed." in repr(diagnostics_book.summary(seen(WAITS)))


def test_what_needs_somebody_has_cause_next_step_who_and_page() -> None:
    rows = diagnostics_book.to_do(seen(NO_RIGHT, WAITS)).frame.to_dict("records")
    assert [row["Check"] for row in rows] == ["calendar 1: rights", "calendar 2: rights"]
    assert (rows[0]["Next step"], rows[0]["Who"], rows[0]["Runbook page"]) == (
        *("Grant it.", CUSTOMER),
        "google-delegation",
    )


def test_every_check_is_told_in_its_order_with_what_came_back() -> None:
    rows = diagnostics_book.checks(seen(NO_RIGHT)).frame.to_dict("records")
    assert [row["Status"] for row in rows] == ["ok", "failed", "skipped"]
    assert (rows[1]["Seen"], rows[1]["Code"]) == ("unauthorized_client", "delegation-missing")


def test_the_verdict_is_6_when_a_check_failed_and_else_0() -> None:
    failed, good = (diagnostics_book.verdict(seen(*checks)) for checks in ((NO_RIGHT,), (WAITS,)))
    assert (failed.exit, failed.remedy, good.exit, good.remedy) == (6, "Grant it.", 0, "")
    assert {"tenant", "checks"} <= set(failed.document)


def test_mailboxes_that_were_not_looked_at_say_how_they_are() -> None:
    one = seen()
    one.found.mailboxes.clear()
    assert "--mailboxes" in diagnostics_book.mailboxes(one)._repr_html_()


def test_with_hashes_nobody_is_named_and_with_names_everybody_is() -> None:
    named, hidden = (parts(seen(NO_RIGHT, names=names)) for names in ("names", "hashes"))
    for word in ("Zoé Lefèvre", "zoe.lefevre@acme.example", "employee 7"):
        assert word in named
        assert word not in hidden
    assert "delegation-missing" in hidden


@pytest.mark.parametrize(("name", "value"), [("write_probe", "true"), ("names", "nobody")])
def test_a_wrong_parameter_is_refused_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "home"))
    with pytest.raises(UsageError, match=f"{name} says neither"):
        diagnostics_book.look("acme", **{name: value})
    assert not (tmp_path / "home").exists()


@pytest.fixture
def corail(tmp_path: Path) -> Iterator[Corail]:
    """On the real clock, because a kernel has no other."""
    with Corail(tmp_path, today=None) as made:
        made.activate()
        yield made


@pytest.mark.notebook
def test_the_notebook_of_a_healthy_tenant_ends_with_0_and_names_every_check(corail: Corail) -> None:
    result = notebooks.run("diagnostics", {}, corail.home.path)
    told, page = json.loads(result.result.read_text()), result.report.read_text()
    assert (result.exit, result.status) == (0, "done"), told
    names = [check["name"] for check in told["verdict"]["checks"]]
    assert names[0] == "tenant file"
    assert {"google: rights", "exchange: log-on", "microsoft 365: calendar"} <= set(names)
    assert all(name in page for name in names)
    assert "mailboxes" not in told["verdict"]


@pytest.mark.notebook
def test_the_notebook_of_a_broken_tenant_ends_with_6_and_names_nobody_when_asked(corail: Corail) -> None:
    hero = corail.case("whole-day").person
    corail.stage.google.set_state(corail.mail(hero), "suspended")
    result = notebooks.run("diagnostics", {"employee": str(hero), "names": "hashes"}, corail.home.path)
    kept = "".join(path.read_text() for path in result.folder.iterdir())
    people = corail.stage.company.people.values()
    assert (result.exit, result.status) == (6, "findings")
    assert re.search(r"mailbox [0-9a-f]{10}", kept)
    assert not [one.mail for one in people if one.mail and one.mail in kept]
    assert not [one for one in people if f"{one.first_name} {one.last_name}" in kept]
