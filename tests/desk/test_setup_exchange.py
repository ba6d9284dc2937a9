"""What an administrator of Exchange pastes: right for any name, and harmless twice."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figgo_ops.desk.setup.exchange import Below, ExchangeSetup, MembersOf, script, sections
from figgo_ops.desk.setup.powershell import literal, opath
from figgo_ops.errors import UsageError
from tests.desk import shell_text

EXAMPLE = ExchangeSetup(
    account="svc-figgo",
    domain="CORP",
    whom=MembersOf("Congés synchronisés"),
    host="mail.corp.example",
)
"""The names on the runbook page."""

UNIT = replace(EXAMPLE, whom=Below("corp.example/Équipes"), log_on="basic")
BOTH = pytest.mark.parametrize("setup", [EXAMPLE, UNIT], ids=["group", "unit"])

WRITING = ("New-", "Set-", "Remove-", "Enable-", "Disable-")
OF_THE_WINDOW = ("Set-ADServerSettings", "Remove-Variable")
"""Change what this window looks at and remembers, and nothing else."""

UNSEEN = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
HARD = st.sampled_from(
    [*"'\u2018\u2019\u201a\u201b\"\u201c\u201d\u201e`$(){}[]<>;|&#@%,.-= éàœ", "$(", "<scope>", "<#"]
)
SOFT = st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"], blacklist_characters=[*UNSEEN])

TEXT = st.lists(HARD | SOFT).map("".join)


def named(longest: int, without: str = "") -> st.SearchStrategy[str]:
    """Names that a directory might hold, most of them unpleasant."""
    pieces = st.lists(HARD | SOFT, min_size=1, max_size=min(longest, 12)).map("".join)
    return pieces.map(lambda text: re.sub(f"[{re.escape(without)}]", "", text) if without else text).filter(
        lambda text: bool(text.strip()) and len(text) <= longest
    )


SETUPS = st.builds(
    ExchangeSetup,
    account=named(20, "\\/@"),
    domain=named(40, "\\/@"),
    whom=st.builds(MembersOf, named(60) | named(30).map("CN={0},OU=Congés,DC=corp".format))
    | st.builds(Below, named(60)),
    host=st.just("mail.corp.example"),
    log_on=st.sampled_from(["ntlm", "basic"]),
    scope=named(64),
    assignment=named(64),
    policy=named(64),
)


class TestNames:
    @given(name=TEXT)
    def test_a_literal_means_the_name_and_ends_where_the_name_does(self, name: str) -> None:
        assert shell_text.tokens(f"{literal(name)} ;") == [
            shell_text.Token("literal", name),
            shell_text.Token("code", " ;"),
        ]

    @given(name=TEXT)
    def test_a_filter_in_a_literal_means_the_name_too(self, name: str) -> None:
        (meant,) = shell_text.literals(literal(f"Name -eq {opath(name)} -or Alias -eq 'x'"))
        assert shell_text.values(meant) == [name, "x"]

    @given(setup=SETUPS)
    def test_what_runs_is_the_same_whatever_the_names_are(self, setup: ExchangeSetup) -> None:
        """So nothing of a name is ever a command, an expanded text or a comment."""
        like = replace(EXAMPLE if isinstance(setup.whom, MembersOf) else UNIT, log_on=setup.log_on)
        lines, usual = (shell_text.skeleton(script(one)).split("\n") for one in (setup, like))
        assert [(line, meant) for line, meant in zip(lines, usual, strict=True) if line != meant] == []

    @given(setup=SETUPS)
    def test_every_name_arrives_whole_and_in_its_place(self, setup: ExchangeSetup) -> None:
        read = shell_text.literals(script(setup))
        assert {setup.account, setup.domain, f"{setup.domain}\\{setup.account}"} <= {*read}
        assert {setup.scope, setup.assignment, setup.policy} <= {*read}
        assert _meant(setup) <= {*read, *(value for text in read for value in shell_text.values(text))}

    @pytest.mark.parametrize(
        "group",
        ["CN=O'Neill's,OU=Congés,DC=corp", 'CN=a\u2019 $(calc) `" ; {x} | & #,DC=corp', "Équipe d'été"],
    )
    def test_a_group_is_looked_for_by_what_was_given(self, group: str) -> None:
        text = script(replace(EXAMPLE, whom=MembersOf(group)))
        (found,) = [read for read in shell_text.literals(text) if " -eq '" in read]
        fields = ["DistinguishedName"] if "DC=" in group else ["Name", "DisplayName"]
        assert re.findall(r"(\w+) -eq '", found) == fields
        assert {*shell_text.values(found)} == {group}

    def test_the_groups_own_name_from_the_directory_is_quoted_before_it_is_compared(self) -> None:
        """It is not known here, so the script itself doubles the quotes."""
        quoted = """"MemberOfGroup -eq '" + $found[0].DistinguishedName.Replace("'", "''") + "'\""""
        assert script(EXAMPLE).count("MemberOfGroup") == script(EXAMPLE).count(quoted) == 2

    @given(
        field=st.sampled_from(["account", "domain", "scope", "assignment", "policy", "group", "unit"]),
        bad=st.characters(whitelist_categories=["Cc", "Cs", "Zl", "Zp"]) | st.sampled_from(sorted(UNSEEN)),
    )
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
            ("scope", "  ", "must not be blank"),
            ("group", "", "must not be blank"),
            ("assignment", "a" * 65, "65 characters, where 64 may be"),
            ("account", "a" * 21, "21 characters, where 20 may be"),
            ("account", "CORP\\svc-figgo", "more than one name"),
            ("domain", "svc@corp.example", "more than one name"),
            ("host", "https://mail.corp.example/EWS", "not the name of a host"),
            ("host", "mail.corp.example'; calc", "not the name of a host"),
        ],
    )
    def test_what_cannot_be_a_name_is_refused_by_the_name_of_its_field(
        self, field: str, name: str, says: str
    ) -> None:
        with pytest.raises(UsageError, match=re.escape(says)) as refused:
            _with(field, name)
        assert refused.value.message.startswith(f"{field}: ")
        assert refused.value.remedy

    def test_a_longest_name_is_taken(self) -> None:
        assert script(replace(EXAMPLE, account="a" * 20, scope="s" * 64))


class TestPasting:
    @BOTH
    def test_only_the_sections_that_set_up_or_withdraw_change_anything(self, setup: ExchangeSetup) -> None:
        changing = [one.title.split(":")[0].split(",")[0] for one in sections(setup) if _writes(one.text)]
        assert changing == [
            "The service account",
            "The scope",
            "The role",
            "The log-on method of Exchange Web Services",
            "Throttling",
            "Withdraw all of it",
        ]

    @BOTH
    def test_every_change_stands_behind_a_test_for_what_is_there(self, setup: ExchangeSetup) -> None:
        """Setting a password never to expire is the exception: saying it twice says the same."""
        bold = [
            line.split()[0]
            for section in sections(setup)
            for line, depth in _lines(section.text)
            if depth == 0 and _writes(line)
        ]
        assert bold == ["Set-ADUser"]

    @BOTH
    def test_the_role_is_never_given_without_its_scope(self, setup: ExchangeSetup) -> None:
        giving = [
            line for line, _ in _all_lines(setup) if re.search(r"(New|Set)-ManagementRoleAssignment", line)
        ]
        assert len(giving) == 2
        assert all("-CustomRecipientWriteScope ''" in line for line in giving)

    @BOTH
    def test_an_empty_line_follows_every_statement_of_several_lines_and_is_in_none(
        self, setup: ExchangeSetup
    ) -> None:
        """An old console waits for one at the end, and gives up at one in the middle."""
        for section in sections(setup):
            lines = [*_lines(section.text), ("", 0)]
            for (before, _), (line, depth) in pairwise(lines):
                going_on = depth > 0 or before.endswith("|")
                assert bool(line) or not going_on, (section.title, before)
                ends = depth == 0 and re.match(r"\}|    ", before) and not before.endswith("|")
                assert not (ends and line and not line.startswith("}")), (section.title, line)

    @BOTH
    def test_no_line_begins_with_the_rest_of_a_statement(self, setup: ExchangeSetup) -> None:
        assert [line for line, _ in _all_lines(setup) if re.match(r"\s*(else|catch|finally|\|)", line)] == []

    @BOTH
    def test_a_section_ends_where_it_asks(self, setup: ExchangeSetup) -> None:
        """What is pasted behind a question would be taken for its answer."""
        asking = [one.text for one in sections(setup) if re.search("Read-Host|Get-Credential", one.text)]
        assert len(asking) == 4
        for text in asking:
            statements = re.split(r"\n\n+", shell_text.bare(text).strip())
            assert re.search("Read-Host|Get-Credential", statements[-1])
            assert not re.search("Read-Host|Get-Credential", "".join(statements[:-1]))

    @BOTH
    def test_no_command_of_exchange_runs_inside_another_ones_pipeline(self, setup: ExchangeSetup) -> None:
        inside = re.findall(
            r"(?:Where-Object|ForEach-Object|[en] =) \{([^}]*)\}", shell_text.bare(script(setup))
        )
        assert len(inside) > 10
        assert [text for text in inside if re.search(r"[A-Z][a-z]+-[A-Z]", text)] == []

    @BOTH
    def test_sections_are_mentioned_by_their_numbers(self, setup: ExchangeSetup) -> None:
        titles = [re.split("[,:]", one.title)[0] for one in sections(setup)]
        named = [
            (titles[here], titles[int(number) - 1])
            for here, one in enumerate(sections(setup))
            for some in re.findall(r"sections? (\d+(?: and \d+)?)", one.text)
            for number in some.split(" and ")
        ]
        assert named == [
            ("The service account", "The password of the service account"),
            ("The role", "The password of the service account"),
            ("The role", "The service account"),
            ("The role", "The scope"),
            ("Verify", "The scope"),
        ]

    @BOTH
    def test_no_secret_is_in_the_script_or_could_be_typed_into_it(self, setup: ExchangeSetup) -> None:
        text = script(setup)
        assert not re.search("AsPlainText|ConvertTo-SecureString|NetworkCredential", text)
        assert re.findall(r"\bPassword\b\s*=?\s*(\S+)", shell_text.bare(text)) == ["$credential.Password"]

    def test_what_is_withdrawn_is_what_was_made_and_users_go_before_what_they_use(self) -> None:
        *made, withdrawn = (shell_text.bare(one.text) for one in sections(EXAMPLE))
        kinds = re.findall(r"Remove-(\w+) -Identity", withdrawn)
        assert kinds == ["ManagementRoleAssignment", "ManagementScope", "ThrottlingPolicy"]
        created = {*re.findall(r"New-(\w+)", "".join(made))}
        assert created - {*kinds} == {"Mailbox"}
        order = [withdrawn.index(word) for word in ("-ThrottlingPolicy $null", "Remove-ThrottlingPolicy")]
        assert order == sorted(order)
        assert "Disable-ADAccount" in withdrawn

    @pytest.mark.parametrize(
        ("log_on", "method"), [("ntlm", "WindowsAuthentication"), ("basic", "BasicAuthentication")]
    )
    def test_only_the_log_on_method_that_is_used_is_switched_on(self, log_on: str, method: str) -> None:
        text = script(_with("log_on", log_on))
        assert re.findall(r"-(\w+Authentication) \$true", text) == [method]
        assert f"-not $directory.{method}" in text

    @BOTH
    def test_each_kind_of_scope_asks_the_directory_its_own_way(self, setup: ExchangeSetup) -> None:
        text = script(setup)
        assert ("Get-DistributionGroup" in text) == isinstance(setup.whom, MembersOf)
        assert ("Get-OrganizationalUnit" in text) == isinstance(setup.whom, Below)
        assert len(sections(setup)) == 10
        assert not re.search(r"<[a-z]+>", text)

    @pytest.mark.skipif(not shutil.which("pwsh"), reason="no PowerShell (pwsh) here to ask")
    @BOTH
    def test_powershell_itself_finds_no_mistake_and_reads_the_same_literals(
        self, setup: ExchangeSetup, tmp_path: Path
    ) -> None:
        text = script(replace(setup, scope="O'Neill\u2019s $(x) `\" ; {é} | &"))
        path = tmp_path / "set-up.ps1"
        path.write_text(text, encoding="utf-8-sig")
        asked = subprocess.run(
            ["pwsh", "-NoProfile", "-NonInteractive", "-Command", _ASK, str(path)],
            capture_output=True,
            check=True,
            encoding="utf-8",
        )
        told = json.loads(asked.stdout)
        assert told["mistakes"] == []
        assert told["literals"] == shell_text.literals(text)


_ASK = """& { param($path)
[Console]::OutputEncoding = [Text.Encoding]::UTF8
$tokens = $null; $mistakes = $null
$null = [Management.Automation.Language.Parser]::ParseFile($path, [ref]$tokens, [ref]$mistakes)
$literals = @($tokens | Where-Object { $_.Kind -eq 'StringLiteral' } | ForEach-Object { $_.Value })
ConvertTo-Json @{ mistakes = @($mistakes | ForEach-Object { "$_" }); literals = $literals }
}"""


def _with(field: str, name: str) -> ExchangeSetup:
    """The example with another name."""
    if field in ("group", "unit"):
        whom = MembersOf(name) if field == "group" else Below(name)
        return replace(EXAMPLE, whom=whom)
    return replace(EXAMPLE, **{field: name})  # type: ignore[arg-type]


def _meant(setup: ExchangeSetup) -> set[str]:
    return {setup.whom.group if isinstance(setup.whom, MembersOf) else setup.whom.unit}


def _writes(text: str) -> bool:
    commands = re.findall(r"(?<![\w-])[A-Z][a-z]+-[A-Z]\w+", shell_text.bare(text))
    return any(one.startswith(WRITING) and one not in OF_THE_WINDOW for one in commands)


def _lines(text: str) -> list[tuple[str, int]]:
    """What runs, line by line without comments, and how deep in braces and brackets each line begins."""
    lines: list[tuple[str, int]] = []
    depth = 0
    for line in shell_text.bare(re.sub(r"(?m)^ *#.*\n", "", text)).rstrip("\n").split("\n"):
        lines.append((line.rstrip(), depth))
        depth += sum(line.count(mark) for mark in "({[") - sum(line.count(mark) for mark in ")}]")
    assert depth == 0
    return lines


def _all_lines(setup: ExchangeSetup) -> list[tuple[str, int]]:
    return [pair for section in sections(setup) for pair in _lines(section.text)]
