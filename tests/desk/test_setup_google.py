"""What a super administrator of Google pastes: right for any name, harmless twice, and with a way back."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figgo_ops.calendars._google_errors import SCOPE as ASKED_FOR
from figgo_ops.desk.setup.google import CONSOLE, SCOPE, GoogleSetup, script, sections, shell_literal
from figgo_ops.errors import UsageError
from tests.desk.cloud_shell import NUMBER, ORGANIZATION, WRITING, Shell
from tests.desk.test_setup_exchange import TEXT, UNSEEN, named

EXAMPLE = GoogleSetup(project="acme-figgo", title="Congés dans les agendas")
"""The names on the runbook page."""

OLD = "iam.disableServiceAccountKeyCreation"
KEY = "figgo-ops.json"
ANSWERS = {5: "exception", 6: "key", 8: "end", 11: "withdraw"}
TITLES = [one.title for one in sections(EXAMPLE)]

pytestmark = pytest.mark.skipif(not shutil.which("bash"), reason="no bash here, which Cloud Shell is")

SETUPS = st.builds(
    GoogleSetup,
    project=st.from_regex(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", fullmatch=True),
    account=st.from_regex(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", fullmatch=True),
    title=named(24),
    key=named(60, "/").filter(lambda name: name not in (".", "..")),
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def paste(shell: Shell, *numbers: int, setup: GoogleSetup = EXAMPLE, **answers: str) -> str:
    """Paste these sections one after the other; what is shown. Nobody answers but as said."""
    parts = sections(setup)
    return "".join(shell.paste(parts[one - 1].text, answers.get(f"to{one}", "")) for one in numbers)


def lasting(shell: Shell) -> dict[str, Any]:
    """What there is in Google Cloud, whatever was asked."""
    return {name: value for name, value in shell.state.items() if name != "calls"}


def writes(shell: Shell) -> list[str]:
    """What changed something, or tried to."""
    plain = [" ".join(word for word in words if word[:1] != "-") for words in shell.state["calls"]]
    return [words for words in plain if {*words.split()} & {*WRITING}]


class TestNames:
    @given(name=TEXT)
    def test_a_literal_means_the_name_to_a_real_shell(self, name: str) -> None:
        told = subprocess.run(
            ["bash", "--norc", "-c", f"printf '%s\\0' {shell_literal(name)} end"],
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert told.stdout == f"{name}\0end\0".encode()

    @given(setup=SETUPS)
    def test_what_runs_is_the_same_whatever_the_names_are(self, setup: GoogleSetup) -> None:
        """So nothing of a name is ever a command, an expanded text or a comment."""
        lines, usual = (_skeleton(script(one)).split("\n") for one in (setup, EXAMPLE))
        assert [(line, meant) for line, meant in zip(lines, usual, strict=True) if line != meant] == []

    def test_literals_are_the_only_place_of_an_apostrophe(self) -> None:
        """Or a shell would begin and end them elsewhere than the test before this one does."""
        assert "'" not in _skeleton(script(EXAMPLE))

    def test_unpleasant_names_arrive_whole_as_one_argument_each(self, shell: Shell) -> None:
        title = "L'été !ls $(touch owned) `touch owned` \\ \"; touch owned; # é"
        setup = replace(EXAMPLE, title=title, key="-it's $(touch owned).json")
        shown = paste(shell, 2, 3, 4, 6, setup=setup, to6="key")
        assert shell.state["title"] == title
        assert shell.files() == {setup.key}
        removal = next(line for line in shown.splitlines() if line.startswith("rm "))
        shell.paste(removal)
        assert shell.files() == set()

    @pytest.mark.parametrize("field", ["title", "key"])
    @given(bad=st.characters(whitelist_categories=["Cc", "Cs", "Zl", "Zp"]) | st.sampled_from(sorted(UNSEEN)))
    def test_what_ends_a_line_or_cannot_be_seen_is_refused_by_the_name_of_its_field(
        self, field: str, bad: str
    ) -> None:
        with pytest.raises(UsageError) as refused:
            _with(field, f"Léa{bad}B")
        assert refused.value.message.startswith(f"{field}: character 4 is U+{ord(bad):04X}")
        assert bad not in refused.value.message

    @pytest.mark.parametrize(
        ("field", "name", "says"),
        [
            ("project", "", "is none that Google takes"),
            ("project", "acme", "is none that Google takes"),
            ("project", "Acme-figgo", "is none that Google takes"),
            ("project", "acme-figgo-", "is none that Google takes"),
            ("project", "a" * 31, "is none that Google takes"),
            ("project", "acme-figgo\n", "is none that Google takes"),
            ("project", "acme'; calc; '", "is none that Google takes"),
            ("account", "--quiet", "is none that Google takes"),
            ("account", "svc@acme.fr", "is none that Google takes"),
            ("title", " ", "must not be blank"),
            ("title", "é" * 60, "120 bytes, where 100 may be"),
            ("key", "", "must not be blank"),
            ("key", "../figgo.json", "is not the name of a file"),
            ("key", "..", "is not the name of a file"),
        ],
    )
    def test_what_cannot_be_a_name_is_refused_by_the_name_of_its_field(
        self, field: str, name: str, says: str
    ) -> None:
        with pytest.raises(UsageError, match=re.escape(says)) as refused:
            _with(field, name)
        assert refused.value.message.startswith(f"{field}: ")
        assert refused.value.remedy


class TestPasting:
    def test_section_after_section_ends_with_an_account_a_key_and_what_the_console_wants(
        self, shell: Shell
    ) -> None:
        shown = paste(shell, *range(1, 10), to6="key")
        state = shell.state
        assert (state["project"], state["account"]) == ("acme-figgo", EXAMPLE.email)
        assert state["title"] == "Congés dans les agendas"
        assert {"calendar-json.googleapis.com", "iam.googleapis.com"} == {*state["services"]}
        assert (len(state["keys"]), shell.files()) == (1, {KEY})
        assert f"Client ID      {NUMBER}\nOAuth scopes   {ASKED_FOR}\n" in shown
        assert "WARNING" not in shown

    def test_pasted_twice_it_changes_nothing_more(self, shell: Shell) -> None:
        paste(shell, 2, 3, 4, 6, to6="key")
        before = lasting(shell)
        shown = paste(shell, *range(1, 10), to6="key")
        assert lasting(shell) == before
        assert "There is a file of that name already" in shown

    def test_only_the_sections_that_set_up_renew_or_withdraw_change_anything(self, shell: Shell) -> None:
        paste(shell, 2, 3, 4, 6, to6="key")
        before, tried = lasting(shell), writes(shell)
        for number, title in enumerate(TITLES, 1):
            if "nothing is changed" in title or "asks first" in title:
                paste(shell, number)
        assert (lasting(shell), writes(shell)) == (before, tried)

    @pytest.mark.parametrize("number", [2, 3, 4, 6, 7, 9, 11])
    def test_a_section_pasted_too_early_breaks_nothing_and_says_what_is_missing(
        self, shell: Shell, number: int
    ) -> None:
        setup_first = {3: "section 2", 4: "sections 2 and 3", 7: "section 4"}
        shown = paste(shell, number, to6="key", to11="withdraw")
        assert setup_first.get(number, "") in shown
        assert [*filter(None, (shell.state["account"], shell.state["keys"], shell.state["services"]))] == []
        assert shell.files() == set()

    def test_a_project_that_is_somebody_elses_is_not_touched(self, shell: Shell) -> None:
        shell.change(taken=["acme-figgo"])
        shown = paste(shell, 2, 3, 4)
        assert "already in use" in shown
        assert writes(shell) == ["projects create acme-figgo"]

    def test_a_project_that_is_being_deleted_is_left_alone(self, shell: Shell) -> None:
        shell.change(project="acme-figgo", lifecycle="DELETE_REQUESTED")
        shown = paste(shell, 2, 3, 4)
        assert "being deleted" in shown
        assert writes(shell) == []

    def test_nothing_that_gcloud_could_ask_swallows_what_is_pasted_next(self, shell: Shell) -> None:
        for number in range(1, 12):
            shell.paste(sections(EXAMPLE)[number - 1].text, ANSWERS.get(number, ""))
        calls = shell.state["calls"]
        assert len(calls) > 25
        assert [words for words in calls if words[-1] != "--quiet"] == []

    def test_a_section_ends_where_it_asks(self) -> None:
        asking = [one.text for one in sections(EXAMPLE) if "read -r" in one.text]
        assert [one.title for one in sections(EXAMPLE) if one.text in asking] == [
            title for title in TITLES if "asks first" in title
        ]
        for text in asking:
            question = text.rindex("\nif read -r -p '")
            assert re.findall(r"^\S+", text[question:], re.MULTILINE) == ["if", "fi"]

    def test_every_change_stands_behind_a_test_for_what_is_there(self) -> None:
        for number, one in enumerate(sections(EXAMPLE), 1):
            for line in one.text.splitlines():
                if re.search(rf"gcloud .*\b({'|'.join(WRITING)})\b", line):
                    assert line.startswith("    "), (number, line)

    def test_sections_that_name_one_another_name_the_right_one(self) -> None:
        mentioned = {
            (here, int(number))
            for here, one in enumerate(sections(EXAMPLE), 1)
            for some in re.findall(r"sections? (\d+(?: and \d+)?)", one.text)
            for number in some.split(" and ")
        }
        assert mentioned == {(3, 2), (4, 2), (4, 3), (5, 6), (5, 8), (6, 5), (7, 4), (8, 5), (10, 6)}
        told = {int(number) for text in CONSOLE for number in re.findall(r"section (\d+)", text)}
        assert told == {7}
        assert [TITLES[number - 1].partition(":")[0] for number in (2, 3, 4, 5, 6, 7, 8)] == [
            "The project",
            "The programming interfaces",
            "The service account",
            "An exception, if a policy refuses keys",
            "The key",
            "For the Admin console",
            "The end of the exception",
        ]

    def test_nothing_is_left_to_be_filled_in(self) -> None:
        assert not re.search(r"<[a-z]+>", script(EXAMPLE))
        assert len(TITLES) == 11

    def test_bash_finds_no_mistake_in_the_whole(self, tmp_path: Path) -> None:
        file = tmp_path / "set-up.sh"
        file.write_text(script(EXAMPLE), encoding="utf-8")
        told = subprocess.run(["bash", "-n", str(file)], capture_output=True, check=False, timeout=60)
        assert (told.returncode, told.stderr) == (0, b"")


class TestKeys:
    @pytest.mark.parametrize("refusing", [[one] for one in ORGANIZATION] + [[*ORGANIZATION]])
    def test_where_a_policy_refuses_keys_an_exception_is_made_used_and_ended(
        self, shell: Shell, refusing: list[str]
    ) -> None:
        shell.change(refuses=refusing)
        shown = paste(shell, 2, 3, 4, 6, to6="key")
        assert "section 5 makes an exception" in shown
        assert shell.files() == set()
        paste(shell, 5, to5="exception")
        assert shell.state["exceptions"] == refusing
        paste(shell, 6, to6="key")
        assert (len(shell.state["keys"]), shell.files()) == (1, {KEY})
        paste(shell, 8, 8, to8="end")
        assert (shell.state["exceptions"], len(shell.state["keys"])) == ([], 1)

    def test_a_policy_that_could_not_be_read_is_not_replaced(self, shell: Shell) -> None:
        shell.change(refuses=[OLD], unreadable=True)
        shown = paste(shell, 2, 3, 5, to5="exception")
        assert shown.count("could not be read. Nothing was changed.") == 2
        assert [words for words in writes(shell) if "set-policy" in words] == []

    def test_where_no_policy_refuses_keys_no_exception_is_made(self, shell: Shell) -> None:
        shown = paste(shell, 2, 3, 5, to5="exception")
        assert shown.count("does not refuse keys here") == 2
        assert (shell.state["exceptions"], shell.files()) == ([], set())

    def test_only_its_owner_reads_the_key_file(self, shell: Shell) -> None:
        paste(shell, 2, 3, 4, 6, to6="key")
        assert (shell.folder / KEY).stat().st_mode & 0o077 == 0

    def test_a_key_goes_only_when_another_one_is_left(self, shell: Shell) -> None:
        paste(shell, 2, 3, 4, 6, to6="key")
        (old,) = shell.state["keys"]
        assert "It is the only key" in paste(shell, 10, to10=old)
        (shell.folder / KEY).unlink()
        paste(shell, 6, to6="key")
        for wrong in ("no-such-key", old[:-1], ".*", "--help"):
            assert "There is no such key" in paste(shell, 10, to10=wrong)
        assert len(shell.state["keys"]) == 2
        paste(shell, 10, to10=old)
        assert (len(shell.state["keys"]), old in shell.state["keys"]) == (1, False)


class TestWayBack:
    def test_withdrawing_takes_account_and_keys_and_prints_the_number_to_bring_them_back(
        self, shell: Shell
    ) -> None:
        paste(shell, 2, 3, 4, 6, to6="key")
        assert NUMBER in paste(shell, 11, to11="withdraw")
        assert (shell.state["account"], shell.state["keys"]) == ("", [])
        assert shell.state["project"] == "acme-figgo"

    @pytest.mark.parametrize("word", ["", "yes", "Withdraw", "withdraw it"])
    def test_any_other_word_leaves_everything_as_it_is(self, shell: Shell, word: str) -> None:
        paste(shell, 2, 3, 4, 6, to6="key")
        before = lasting(shell)
        paste(shell, 11, 8, 5, to11=word, to8=word, to5=word)
        assert lasting(shell) == before


def test_the_scope_to_paste_is_exactly_the_one_that_is_asked_for() -> None:
    """A scope that differs in one letter, or one more of them, has every token refused or is too wide."""
    assert ASKED_FOR == SCOPE == "https://www.googleapis.com/auth/calendar.events.owned"
    assert {*re.findall(r"https://\S*?/auth/[\w.]+", script(EXAMPLE))} == {ASKED_FOR}
    assert [text for text in CONSOLE if text.endswith(f" {ASKED_FOR}")] == [CONSOLE[3]]


def _skeleton(text: str) -> str:
    """The script with a mark in place of each literal."""
    return re.sub(r"'[^']*'(?:\\''[^']*')*", "\0", text)


def _with(field: str, name: str) -> GoogleSetup:
    """The example with another name."""
    return replace(EXAMPLE, **{field: name})
