"""The runbook pages as a whole: every cause has its line, and every link leads somewhere."""

import re
import shlex
from functools import cache

import pytest

from figgo_ops import calendars
from figgo_ops.__main__ import parser
from figgo_ops.desk import shipped
from figgo_ops.desk.diagnostics import remedies
from tests.desk.codes import ANYWHERE, Found, all_codes, kind_of, written

PAGES = sorted(path.stem for path in shipped("runbooks").glob("*.md"))
NOTEBOOKS = {path.stem for path in shipped("notebooks").glob("*.ipynb")}
PARTS = ["Symptom", "Look", "What it means", "Repair", "Verify", "Escalate"]

EXAMPLES = {"REMOVALS": "1", "PLACES": "1", "ENTITY": "1", "START": "2026-01-01", "TODAY": "2026-11-23"}
"""What stands for a name where the command line wants more than a word."""


def text_of(page: str) -> str:
    """A page as it stands there."""
    return (shipped("runbooks") / f"{page}.md").read_text(encoding="utf-8")


def commands(page: str) -> list[str]:
    """Every line of `figgo-ops` that a page shows for typing."""
    blocks = re.findall(r"```sh\n(.*?)```", text_of(page), re.DOTALL)
    lines = [line.rpartition(" | ")[2] for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("figgo-ops ")]


@cache
def codes() -> frozenset[Found]:
    """Every code there is, with its kind."""
    return frozenset(all_codes())


def where_told(found: Found) -> set[str]:
    """The pages that a code may lead to: of its own kind, or of any where it belongs to none."""
    kind, code = found
    return {remedies.page(code, one) for one in (kind, *([] if kind else calendars.kinds()))}


def test_every_code_has_its_line_on_every_page_it_leads_to() -> None:
    missing = {
        (kind, code, page)
        for kind, code in codes()
        for page in where_told((kind, code))
        if f"`{code}`" not in text_of(page)
    }
    assert missing == set()


def test_enough_codes_of_every_kind_are_found_to_trust_the_test_above() -> None:
    counted = {kind: sum(one == kind for one, _ in codes()) for kind in (*calendars.kinds(), ANYWHERE)}
    assert counted["google"] > 15
    assert counted["exchange"] > 40
    assert counted["microsoft365"] > 40
    assert counted[ANYWHERE] > 40


@pytest.mark.parametrize(
    "source",
    [
        'Check(name, "failed", cause, remedy, who, "the-code", tried)',
        'Check(name, "failed", code="the-code")',
        'Deadline(what, day, remedy, who, "the-code")',
        'RowFailed(what, remedy, code="first" if some else "the-code")',
        "replace(check, status='pending', code=THE_CODE)",
        'Case((), RowFailed, what, remedy, "the-code")',
        'raise self._unreachable(what, remedy, "the-code")',
        'status, code = ("a word", "first") if some else ("another", "the-code")',
        '{"status": "failed", "code": "the-code"}',
        'code: str = "the-code"',
        'def _code(error):\n    return "the-code" if some else error.code',
    ],
)
def test_a_code_is_found_in_whatever_way_it_is_written(source: str) -> None:
    assert "the-code" in written(source, {"THE_CODE": "the-code"})


def test_a_module_is_about_the_provider_whose_name_it_bears() -> None:
    assert kind_of("calendars._exchange_codes") == kind_of("calendars.exchange") == "exchange"
    assert kind_of("calendars._microsoft365_sign_in") == "microsoft365"
    assert kind_of("calendars._told") == kind_of("figgo.rows") == kind_of("session") == ANYWHERE


def test_every_code_in_the_table_of_pages_is_one_that_there_is() -> None:
    known = {code for _, code in codes()}
    assert set(remedies.PAGES) - known == set()


@pytest.mark.parametrize("page", sorted({*remedies.PAGES.values(), remedies.OTHERWISE}))
def test_a_page_explains_no_code_that_there_is_not(page: str) -> None:
    known = {code for _, code in codes()}
    tables = re.findall(r"^\| Code \|.*\n\|[ -|]*\n((?:\|.*\n)+)", text_of(page), re.MULTILINE)
    first = [row.split("|")[1] for table in tables for row in table.splitlines()]
    told = [code for cell in first for code in re.findall(r"`([^`]+)`", cell)]
    assert told, "the page has a table of codes"
    assert set(told) - known == set()


@pytest.mark.parametrize("page", sorted({*remedies.PAGES.values(), remedies.OTHERWISE}))
def test_no_code_has_two_lines_on_one_page(page: str) -> None:
    cells = re.findall(r"^\| (`[^|]*`) \|", text_of(page), re.MULTILINE)
    told = [code for cell in cells for code in re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)*)`", cell)]
    assert sorted(told) == sorted(set(told))


def test_every_page_that_a_check_names_is_there() -> None:
    named = {remedies.page(code, kind) for kind, code in codes()} | {remedies.OTHERWISE}
    assert named - set(PAGES) == set()


def test_a_good_check_has_no_page_and_an_unknown_code_has_the_page_about_checks() -> None:
    assert remedies.page("") == ""
    assert remedies.page("never-heard-of") == remedies.OTHERWISE == "diagnostics"


def test_what_means_another_thing_at_another_provider_has_another_page() -> None:
    told = {remedies.page("outside-scope", kind) for kind in ("exchange", "microsoft365")}
    assert told == {"exchange-impersonation", "microsoft-365-scope"}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_six_parts_in_their_order(page: str) -> None:
    headings = re.findall(r"^## (.*)$", text_of(page), re.MULTILINE)
    assert [heading for heading in headings if heading in PARTS] == PARTS
    assert headings[-1] == PARTS[-1]


@pytest.mark.parametrize("page", PAGES)
def test_a_link_leads_to_a_page_that_is_there_and_is_called_so(page: str) -> None:
    links = re.findall(r"\[([^]]+)\]\(([^)]+)\)", text_of(page))
    assert {target for _, target in links} <= {f"{one}.md" for one in PAGES}
    assert {(name, target) for name, target in links if target != f"{name}.md"} == set()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_is_named_in_passing_is_there(page: str) -> None:
    """Such as: see *after a mail migration*; the page *Initialization*."""
    named = re.findall(r"\b(?:pages?|see) \*([^*.]+)\*", text_of(page))
    headings = {one.casefold() for one in re.findall(r"^## (.*)$", text_of(page), re.MULTILINE)}
    slugs = {name.casefold().replace(" ", "-") for name in named} - headings - {"consent"}
    # "Events are doubled" is called events doubled, too.
    assert {slug for slug in slugs if slug not in PAGES} == set()


@pytest.mark.parametrize("page", PAGES)
def test_a_notebook_that_a_page_names_is_there(page: str) -> None:
    named = re.findall(r"\b[Nn]otebook:? `([^`]+)`|figgo-ops run ([\w-]+)", text_of(page))
    assert {one or other for one, other in named} <= NOTEBOOKS


def test_every_page_is_reached_by_a_link_a_check_or_the_person_who_looks_for_a_task() -> None:
    tasks = {"onboarding", "diagnostics", "fleet", "initialization", "audit"}
    linked = {target for page in PAGES for target in re.findall(r"\]\(([\w-]+)\.md\)", text_of(page))}
    about_checks = {*remedies.PAGES.values(), *tasks, *(page for page in PAGES if page.endswith("set-up"))}
    assert about_checks - linked - tasks == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_name_in_a_command_is_explained_on_its_page(page: str) -> None:
    introduced = text_of(page).partition("## Symptom")[0]
    used = {name for line in commands(page) for name in re.findall(r"\$[A-Z]+\b", line)}
    assert {name for name in used if name not in introduced} == set()


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_every_command_on_a_page_is_one_that_the_command_line_takes(page: str) -> None:
    for line in commands(page):
        words = [
            re.sub(r"\$([A-Z]+)", lambda name: EXAMPLES.get(name[1], "word"), one)
            for one in shlex.split(line)
        ]
        taken = parser().parse_args(words[1:])
        assert callable(taken.command), line
