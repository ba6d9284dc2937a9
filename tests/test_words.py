"""What people and programs read: plain lines, nothing that steers a terminal, fixed JSON shapes."""

import json
import shlex
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from figgo_ops import tenants, words
from figgo_ops.errors import Refused, RowFailed, Unreachable
from figgo_ops.events import Event, Fingerprint, Key
from figgo_ops.home import Home
from figgo_ops.leaves import Span
from figgo_ops.plan import Action, Change, Existing, Finding, Mailbox, Plan, Reason, Skip, Unreadable
from figgo_ops.result import Result, ResultRow
from tests.builders import HOST, TODAY, WINDOW, person
from tests.shell import PLAN, RESULT, ROW, shaped

ANNE = person(7, name="Anne Lefèvre")
BOX = Mailbox("siège", "anne.lefevre@corail.example")
DAY = timedelta(days=1)
REASONS: dict[Action, Reason] = {"create": "new", "update": "changed in Figgo", "remove": "cancelled"}


def event(first: str, days: int = 1, **fields: Any) -> Event:
    start = date.fromisoformat(first)
    return Event(start, start + days * DAY, **{"state": "confirmed", "title": "Absent"} | fields)


def change(action: Action = "create", period: int = 1, **fields: Any) -> Change:
    """A change of Anne's calendar; what is removed or updated stood on 14 December."""
    given = None if action == "remove" else event("2026-12-07", 5)
    listed = Existing(
        BOX, f"id{period}", "1", "uid", "", str(Fingerprint.of(event("2026-12-14"))), event("2026-12-14")
    )
    made = Change(
        action,
        REASONS[action],
        Key(HOST, 7, period, "20261207A"),
        7,
        1,
        BOX,
        given,
        Fingerprint.of(given) if given else None,
        existing=None if action == "create" else listed,
        counted=action == "remove",
    )
    return replace(made, **fields)


def plan(*changes: Change, **fields: Any) -> Plan:
    made = Plan(
        tenant="corail",
        host=HOST,
        kind="plan",
        made=datetime(2026, 11, 22, 9, tzinfo=UTC),
        today=TODAY,
        window=WINDOW,
        selection=None,
        policy="",
        changes=changes,
        people={7: ANNE},
        legal_entities={1: "Corail Paris"},
        checksum="plan-0123456789ab",
        file=Path("/home/anne/figgo ops/plans/corail-plan-0123456789ab.json"),
    )
    return replace(made, **fields)


def lines(made: Plan) -> list[str]:
    return words.plan_text(made, words.apply_line(made, None)).splitlines()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Congés payés, été, œuf, 日本", "Congés payés, été, œuf, 日本"),
        ("\x1b[2Jgone\x07", "\\u001b[2Jgone\\u0007"),
        ("a\rb\tc\x00", "a\\u000db\\u0009c\\u0000"),
        ("one\ntwo", "one\ntwo"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth\u2028line\ufeff", "zero\\u200bwidth\\u2028line\\ufeff"),
        ("\x9b31m\x85", "\\u009b31m\\u0085"),
    ],
)
def test_nothing_in_a_text_can_steer_a_terminal(raw: str, shown: str) -> None:
    assert words.plain(raw) == shown
    assert words.plain(shown) == shown


def test_a_table_puts_text_to_the_left_and_numbers_to_the_right() -> None:
    rows = [("Corail Paris", 9, "x"), ("Genève", 10, "")]
    assert words.table(rows, ("legal entity", "people", "note")).splitlines() == [
        "legal entity  people  note",
        "------------  ------  ----",
        "Corail Paris       9  x",
        "Genève            10",
    ]


def test_a_table_of_nothing_is_its_head() -> None:
    assert words.table([], ("tenant", "state")).splitlines() == ["tenant  state", "------  -----"]


def test_no_cell_breaks_its_line() -> None:
    (_, _, line) = words.table([("two\nlines", "\x1b[31m")], ("title", "more")).splitlines()
    assert line == "two lines  \\u001b[31m"


def test_a_document_is_one_that_the_strictest_reader_takes() -> None:
    text = words.document({"who": "caf\udce9 œuf \U0001f600 \x7f"})
    assert text.isascii()
    assert json.loads(text) == {"who": "caf\ufffd œuf \U0001f600 \x7f"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        words.document({"share": float("nan")})


def test_a_long_name_does_not_widen_every_row() -> None:
    made = plan(change(event=event("2026-12-07", title="x" * 255)))
    (row,) = [row for row in lines(made) if "xxx" in row]
    assert row.endswith("x" * (words.WIDEST - 3) + "...")


def test_a_note_cannot_pass_for_a_line_of_ours() -> None:
    made = plan(notes=("Corail\nTo write this: rm -rf /",))
    assert "Note: Corail To write this: rm -rf /" in lines(made)


def test_a_plan_says_days_counts_who_and_how_to_write_it() -> None:
    made = plan(change(), change("update", 2), change("remove", 3), unchanged=4)
    shown = lines(made)
    assert shown[0] == "Days 2026-10-23 to 2028-05-15: 1 to create, 1 to update, 1 to remove, 4 unchanged."
    assert "Corail Paris  create  new                    1" in shown
    assert "Anne Lefèvre (7)  create  new               2026-12-07  2026-12-11  Absent" in shown
    assert "Anne Lefèvre (7)  remove  cancelled         2026-12-14  2026-12-14  Absent" in shown
    assert shown[-1].startswith("To write this: figgo-ops apply ")


def test_a_plan_without_changes_is_said_in_two_lines_and_can_be_confirmed() -> None:
    made = plan(unchanged=65)
    first, last = lines(made)
    assert first.endswith("0 to create, 0 to update, 0 to remove, 65 unchanged.")
    assert last == f"Nothing to write. To confirm that: {words.apply_line(made, None)}"


def test_a_tentative_event_carries_a_question_mark() -> None:
    made = plan(change(event=event("2026-12-07", state="tentative", title="RTT")))
    assert any(line.endswith("RTT ?") for line in lines(made))


def test_a_long_plan_shows_its_beginning_and_says_where_the_rest_is() -> None:
    made = plan(*(change(period=number) for number in range(words.ROWS + 5)))
    shown = lines(made)
    assert sum(line.startswith("Anne") for line in shown) == words.ROWS
    assert "... and 5 more, all in the plan file and the notebook." in shown
    shown = lines(plan(*(change(period=number) for number in range(words.ROWS))))
    assert not any("more, all in" in line for line in shown)


def test_somebody_who_is_not_visible_any_more_is_named_by_id() -> None:
    made = plan(change("remove"), people={}, legal_entities={})
    assert any(line.split()[:3] == ["7", "remove", "cancelled"] for line in lines(made))
    assert any(line.split()[:3] == ["1", "remove", "cancelled"] for line in lines(made))


def test_what_is_left_out_is_counted_by_reason() -> None:
    why = "It has our title on our dates, but no marker of ours."
    alike = Finding("look-alike", "", 7, BOX, TODAY, TODAY, why)
    made = plan(
        skipped=(Skip(7, "1-A", "remote work"), Skip(8, "2-A", "remote work"), Skip(9, "", "no mail")),
        findings=(alike, alike),
        notes=("Whole days stay all-day.",),
        refused=("Look-alikes: figgo-ops plan corail --look-alikes ignore",),
    )
    shown = lines(made)
    assert shown[1:-1] == [
        "Note: Whole days stay all-day.",
        "Not shown: no mail (1)",
        "Not shown: remote work (2)",
        f"Left alone: look-alike (2): {why}",
        "Refused: Look-alikes: figgo-ops plan corail --look-alikes ignore",
    ]


def refused_by(mailbox: str, cause: str) -> Unreadable:
    return Unreadable(7, mailbox, Unreachable(f"{mailbox}: {cause}" if mailbox else cause, "Run again."))


def test_one_cause_is_told_once_however_many_mailboxes_it_closes() -> None:
    rows = [refused_by(f"p{number}@corail.example (siège)", "no token.") for number in range(50)]
    told = [line for line in lines(plan(unreadable=tuple(rows))) if line.startswith("Not readable")]
    boxes = ", ".join(f"p{number}@corail.example (siège)" for number in range(3))
    assert told == [f"Not readable: {boxes} and 47 more: no token. Run again."]
    result = Result("run", "corail", unreadable=rows)
    assert words.result_text(result).splitlines()[1:] == [
        f"not readable: {boxes} and 47 more: no token. Run again."
    ]


def test_a_person_without_a_mailbox_is_named_by_id_where_reading_failed() -> None:
    (told,) = [
        line
        for line in lines(plan(unreadable=(refused_by("", "Rows are missing."),)))
        if line.startswith("Not readable")
    ]
    assert told == "Not readable: employee 7: Rows are missing. Run again."


def test_many_causes_are_cut_where_they_would_fill_the_screen() -> None:
    rows = tuple(refused_by(f"p{number}@x (siège)", f"cause {number}") for number in range(words.ROWS + 3))
    told = [line for line in lines(plan(unreadable=rows)) if line.startswith("Not readable")]
    assert len(told) == words.ROWS + 1
    assert told[-1] == "Not readable: ... and 3 more causes"


def test_a_hostile_title_reaches_the_terminal_as_text() -> None:
    made = plan(change(event=event("2026-12-07", title="\x1b]0;pwned\x07=cmd|'!A0")))
    (line,) = [line for line in lines(made) if "pwned" in line]
    assert line.endswith("\\u001b]0;pwned\\u0007=cmd|'!A0")


def test_nothing_that_figgo_or_a_provider_said_steers_the_terminal() -> None:
    bad, shown = "\x1b[31m\x9b2J", "\\u001b[31m\\u009b2J"
    made = plan(skipped=(Skip(7, "1-A", bad),), notes=(bad,), unreadable=(refused_by("p@x (siège)", bad),))
    told = words.plan_text(made, "figgo-ops apply p")
    assert (told.count(shown), "\x1b" in told, "\x9b" in told) == (3, False, False)
    failed = replace(row(1), error=bad)
    assert shown in words.result_text(result(failed=[failed]))
    assert "\x1b" not in words.result_text(result(failed=[failed]))


def test_the_line_to_apply_survives_a_shell() -> None:
    made = plan(change())
    assert shlex.split(words.apply_line(made, "/tmp/it's mine")) == [
        "figgo-ops",
        "apply",
        str(made.file),
        "--confirm",
        "plan-0123456789ab",
        "--home",
        "/tmp/it's mine",
    ]


def test_the_line_to_apply_names_the_number_of_removals_only_where_it_is_needed() -> None:
    removals = [change("remove", number) for number in range(3)]
    twins = [*removals, removals[0], change("remove", 9, counted=False)]
    assert "--removals" not in words.apply_line(plan(*twins), None)
    held = plan(*twins, refused=("Too many. They are held until: apply ... --removals N",))
    assert words.apply_line(held, None).endswith(" --removals 3")


def test_the_plan_for_programs_has_its_shape_and_is_json() -> None:
    made = plan(
        change(),
        change("update", 2),
        unchanged=3,
        refused=("Held.",),
        notes=("Noted.",),
        skipped=(Skip(7, "1-A", "remote work"),),
        unreadable=(refused_by("p@x (siège)", "no token."),),
    )
    document = json.loads(json.dumps(words.plan_document(made)))
    shaped(document, PLAN)
    assert [document[name] for name in ("created", "updated", "deleted", "unchanged")] == [1, 1, 0, 3]
    assert (document["file"], document["checksum"]) == (str(made.file), "plan-0123456789ab")
    assert document["refused"] == ["Held."]
    assert document["skipped"] == [{"employee": 7, "leave": "1-A", "reason": "remote work"}]
    assert document["unreadable"] == [
        {
            "employee": 7,
            "mailbox": "p@x (siège)",
            "error": "p@x (siège): no token.",
            "remedy": "Run again.",
        }
    ]


def result(**fields: Any) -> Result:
    return Result("20261122T090000-sync-corail-3f2a", "corail", 1, 2, 3, 4, **fields)


def row(number: int) -> ResultRow:
    return ResultRow(f"{HOST}/7/{number}/20261207A", 7, BOX.address, "create", "it no longer holds")


def test_a_result_names_its_run_and_every_change_that_was_not_simply_done() -> None:
    told = words.result_text(
        result(failed=[row(1)], unknown=[row(2)], stale=[row(3)], held=[row(4)])
    ).splitlines()
    assert told[0] == "Run 20261122T090000-sync-corail-3f2a: 1 created, 2 updated, 3 removed, 4 unchanged."
    assert [line.partition(":")[0] for line in told[1:]] == ["failed", "unknown", "stale", "held"]
    assert told[1] == f"failed: create {HOST}/7/1/20261207A in {BOX.address}: it no longer holds"


def test_a_long_result_shows_the_first_rows_of_each_kind_and_counts_the_rest() -> None:
    told = words.result_text(result(held=[row(number) for number in range(words.ROWS + 2)])).splitlines()
    assert sum(line.startswith("held: create") for line in told) == words.ROWS
    assert told[-1] == "held: ... and 2 more"


def test_the_result_for_programs_has_its_shape_and_is_json() -> None:
    done = result(failed=[row(1)], unreadable=[Unreadable(7, "p@x (siège)", RowFailed("p@x: no.", "Ask."))])
    document = json.loads(json.dumps(done.document()))
    shaped(document, RESULT)
    assert set(document["failed"][0]) == ROW
    assert document["unreadable"] == [
        {"employee": 7, "mailbox": "p@x (siège)", "error": "p@x: no.", "remedy": "Ask."}
    ]


TENANT = """\
name = "{name}"
state = "active"
timezone = "Europe/Paris"
start = 2026-01-01
[figgo]
host = "acme.ilucca.net"
url = "{url}"
api_key = "env:KEY"
[[calendar]]
name = "siège"
kind = "google"
service_account = "file:sa.json"
api_root = "{api}"
token_url = "{api}/token"
"""


@pytest.mark.parametrize(
    ("url", "api", "kind"),
    [
        ("https://acme.ilucca.net", "https://www.googleapis.com/", "LIVE"),
        ("https://localhost:8443", "https://localhost:8444", "REHEARSAL"),
        ("https://localhost:8443", "https://www.googleapis.com/", "LIVE"),
        ("https://localhost.ilucca.net", "https://localhost:8444", "LIVE"),
    ],
)
def test_a_tenant_is_live_unless_every_service_is_on_this_machine(
    tmp_path: Path, url: str, api: str, kind: str
) -> None:
    home = Home.open(str(tmp_path / "home"))
    file = home.tenants / "acme.toml"
    file.write_text(TENANT.format(name="acme", url=url, api=api), encoding="utf-8")
    tenant = tenants.load(home, "acme")
    assert words.headline(tenant, home.path) == f"{kind}  tenant acme (active)  home {home.path}"
    assert words.tenant_row(home, "acme") == {
        "tenant": "acme",
        "state": "active",
        "kind": kind,
        "file": str(file),
    }


ONLINE = 'online = true\ntenant_id = "t"\nclient_id = "c"\nclient_secret = "file:s"'


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ('url = "https://localhost:8445/EWS/Exchange.asmx"\nuser = "x"\npassword = "file:p"', "REHEARSAL"),
        ('url = "https://mail.acme.example"\nuser = "x"\npassword = "file:p"', "LIVE"),
        (ONLINE, "LIVE"),
        (f'{ONLINE}\nurl = "https://localhost:8445"', "LIVE"),
        (f'{ONLINE}\nurl = "https://localhost:8445"\ntoken_url = "https://localhost:8445/t"', "REHEARSAL"),
    ],
)
def test_one_exchange_elsewhere_makes_a_tenant_live(tmp_path: Path, keys: str, kind: str) -> None:
    home = Home.open(str(tmp_path / "home"))
    here = TENANT.format(name="acme", url="https://localhost:8443", api="https://localhost:8444")
    text = f'{here}legal_entities = [1]\n[[calendar]]\nname = "Genève"\nkind = "exchange"\n{keys}\n'
    (home.tenants / "acme.toml").write_text(text, encoding="utf-8")
    assert words.headline(tenants.load(home, "acme"), home.path).startswith(kind)


def test_a_tenant_file_that_is_wrong_is_one_line_too(tmp_path: Path) -> None:
    home = Home.open(str(tmp_path / "home"))
    text = TENANT.format(name="other", url="http://x", api="https://x")
    (home.tenants / "acme.toml").write_text(text, encoding="utf-8")
    found = words.tenant_row(home, "acme")
    assert (found["tenant"], found["state"], found["kind"]) == ("acme", "unreadable", "")
    assert found["file"] == (
        f"{home.tenants / 'acme.toml'} has one mistake: figgo.url: must be an https:// URL"
    )


def test_refusals_of_a_whole_run_end_up_in_the_words_too() -> None:
    held = Refused("anne@x lists none of our events where its last listing had 5.", "Look into the calendar.")
    (told,) = [
        line
        for line in lines(plan(unreadable=(Unreadable(7, "anne@x (siège)", held),)))
        if "lists none" in line
    ]
    assert told == f"Not readable: anne@x (siège): {held.message} {held.remedy}"
    assert lines(plan(window=Span(TODAY, TODAY)))[0].startswith("Days 2026-11-22 to 2026-11-22: ")
