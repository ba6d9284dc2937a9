"""What an administrator of Microsoft 365 pastes: right for any name, harmless twice, and never too wide."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figgo_ops.calendars._microsoft365_wire import AGENT
from figgo_ops.desk.setup.microsoft365 import Microsoft365Setup, script, sections
from figgo_ops.errors import UsageError
from tests.desk import shell_text
from tests.desk.test_setup_exchange import UNSEEN, named

EXAMPLE = Microsoft365Setup(organization="acme.onmicrosoft.com", group="Congés synchronisés")
"""The names on the runbook page."""

NAMES = ("group", "certificate", "application", "scope", "assignment", "settings", "bridge")
WRITING = ("New-", "Set-", "Remove-", "Enable-", "Update-", "Add-")
CALENDARS = "ef54d2bf-783f-4e0f-bca1-3210c0444d99"
EVERY_MAILBOX = {CALENDARS, "dc890d15-9560-4a4c-9b7f-a736ec74ec40"}
"""Calendars.ReadWrite of Microsoft Graph, full_access_as_app of Exchange Online."""


@st.composite
def setups(draw: st.DrawFn) -> Microsoft365Setup:
    """Decisions with unpleasant names."""
    drawn = {field: draw(named(64)) for field in NAMES}
    three = ("assignment", "settings", "bridge")
    for number, field in enumerate(three):
        drawn[field] = f"{drawn[field][:60]}{number}"
    return Microsoft365Setup(organization=draw(st.sampled_from(["acme.fr", "a" * 8])), **drawn)


class TestNames:
    @given(setup=setups())
    def test_what_runs_is_the_same_whatever_the_names_are(self, setup: Microsoft365Setup) -> None:
        """So nothing of a name is ever a command, an expanded text or a comment."""
        lines, usual = (shell_text.skeleton(script(one)).split("\n") for one in (setup, EXAMPLE))
        assert [(line, meant) for line, meant in zip(lines, usual, strict=True) if line != meant] == []

    @given(setup=setups())
    def test_every_name_arrives_whole_and_in_its_place(self, setup: Microsoft365Setup) -> None:
        read = shell_text.literals(script(setup))
        assert {setup.organization, *(getattr(setup, field) for field in NAMES)} <= {*read}
        like = shell_text.literals(script(EXAMPLE))
        moved = {(old, new) for old, new in zip(like, read, strict=True) if old != new}
        mine = {old: new for old, new in moved if " -eq '" not in old}
        assert mine == {
            was: now
            for field in ("organization", *NAMES)
            if (was := getattr(EXAMPLE, field)) != (now := getattr(setup, field))
        }

    @given(group=named(64))
    def test_the_group_is_looked_for_by_what_was_given(self, group: str) -> None:
        text = script(replace(EXAMPLE, group=group))
        filters = [read for read in shell_text.literals(text) if read.startswith("Name -eq '")]
        assert len(filters) == 2
        for one in filters:
            assert shell_text.values(one) == [group, group]
            assert " -or DisplayName -eq '" in one

    def test_no_name_of_ours_stands_where_text_is_expanded(self) -> None:
        """Filters for the directory hold an id that Microsoft made; names are compared in this window."""
        expanded = [one.text for one in shell_text.tokens(script(EXAMPLE)) if one.kind == "expanded"]
        filters = [text for text in expanded if " eq " in text]
        assert {*filters} == {"\"appId eq '$($apps[0].AppId)'\"", "\"appId eq '$($registered.AppId)'\""}
        assert (
            script(EXAMPLE).count("Get-MgApplication -All") == script(EXAMPLE).count("Get-MgApplication") - 2
        )

    def test_the_groups_own_name_from_the_directory_is_quoted_before_it_is_compared(self) -> None:
        """It is not known here, so the script itself doubles the quotes."""
        quoted = """"MemberOfGroup -eq '" + $found[0].DistinguishedName.Replace("'", "''") + "'\""""
        assert script(EXAMPLE).count("MemberOfGroup") == script(EXAMPLE).count(quoted) == 2

    @given(
        field=st.sampled_from(NAMES),
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
            ("application", "a" * 65, "65 characters, where 64 may be"),
            ("certificate", "a" * 261, "261 characters, where 260 may be"),
            ("organization", "", "neither a domain nor an id"),
            ("organization", "https://acme.onmicrosoft.com", "neither a domain nor an id"),
            ("organization", "acme.fr'; calc", "neither a domain nor an id"),
            ("organization", "acme.onmicrosoft.us", "sovereign cloud"),
            ("organization", "Acme.partner.onmschina.CN", "sovereign cloud"),
        ],
    )
    def test_what_cannot_be_a_name_is_refused_by_the_name_of_its_field(
        self, field: str, name: str, says: str
    ) -> None:
        with pytest.raises(UsageError, match=re.escape(says)) as refused:
            _with(field, name)
        assert refused.value.message.startswith(f"{field}: ")
        assert refused.value.remedy

    @pytest.mark.parametrize(("one", "other"), [("assignment", "bridge"), ("settings", "bridge")])
    def test_two_role_assignments_of_one_name_are_refused_whatever_the_case(
        self, one: str, other: str
    ) -> None:
        """Exchange tells them apart by name alone, and not by case."""
        with pytest.raises(UsageError, match="two of these role assignments have one name"):
            _with(one, getattr(EXAMPLE, other).upper())

    def test_an_organization_may_be_named_by_domain_or_id(self) -> None:
        for organization in ("acme.fr", "11111111-2222-4333-8444-555555555555"):
            assert f"-TenantId '{organization}'" in script(replace(EXAMPLE, organization=organization))


class TestPasting:
    def test_only_the_sections_that_set_up_renew_or_withdraw_change_anything(self) -> None:
        changing = [number for number, one in enumerate(sections(EXAMPLE), 1) if _writes(one.text)]
        assert changing == [4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15]
        silent = [one.title for one in sections(EXAMPLE) if not _writes(one.text)]
        assert [re.split("[,:]", title)[0] for title in silent] == ["Look", "Sign in", "Look", "Verify"]

    def test_every_change_stands_behind_a_test_for_what_is_there(self) -> None:
        for section in sections(EXAMPLE):
            for line, depth in _lines(section.text):
                assert depth > 0 or not _writes(line), (section.title, line)

    def test_the_optional_the_lasting_and_the_last_are_asked_for(self) -> None:
        """A question stands before every change in these, and its answer is a word, not a key pressed."""
        asked = [one for one in sections(EXAMPLE) if one.title.endswith("asks first")]
        words = [re.findall(r"\(Read-Host 'Type (\w+) [^']*'\) -eq '(\w+)'", one.text) for one in asked]
        assert [len(pairs) for pairs in words] == [1] * 6
        assert [pair[0] == pair[1] for [pair] in words] == [True] * 6
        for one in asked:
            asking = next(here for here, (line, _) in enumerate(_lines(one.text)) if "Read-Host" in line)
            assert not any(_writes(line) for line, _ in _lines(one.text)[:asking])

    def test_every_role_is_given_within_the_scope_only(self) -> None:
        giving = [line for line, _ in _all_lines() if re.search(r"(New|Set)-ManagementRoleAssignment", line)]
        assert len(giving) == 6
        assert all("-CustomResourceScope ''" in line for line in giving)
        given = {
            shell_text.literals(line)[0]
            for line in script(EXAMPLE).split("\n")
            if "    $role = '" in f"    {line}"
        }
        assert given == {
            "Application Calendars.ReadWrite",
            "Application MailboxSettings.Read",
            "Application EWS.AccessAsApp",
        }
        for title, name in (
            ("The role, within", EXAMPLE.assignment),
            ("The role for mailbox settings", EXAMPLE.settings),
            ("EWS", EXAMPLE.bridge),
        ):
            named = re.findall(r"ManagementRoleAssignment -(?:Name|Identity) '(\w+)'", _section(title))
            assert named == [name, name]

    def test_roles_and_pointer_take_the_ids_of_the_enterprise_application(self) -> None:
        """Those of the app registration look alike and do not work."""
        text = script(EXAMPLE)
        assert re.findall(r"-App (\S+)", text) == ["$service.Id"] * 3
        assert re.findall(r"New-ServicePrincipal -AppId (\S+) -ObjectId (\S+)", text) == [
            ("$service.AppId", "$service.Id")
        ]
        made = re.findall(r"\$service = (\w+-\w+)", text)
        assert {*made} == {"Get-MgServicePrincipal", "New-MgServicePrincipal"}

    def test_no_consent_is_ever_asked_for_or_granted(self) -> None:
        bare = shell_text.bare(script(EXAMPLE))
        assert "RequiredResourceAccess" not in bare
        assert not re.search(r"New-Mg\w*(AppRoleAssign|Oauth2Permission)", bare)
        signed_in = re.findall(r"-Scopes (\S+)", script(EXAMPLE))
        assert signed_in == [
            "'Application.ReadWrite.All'",
            "'Application.ReadWrite.All','AppRoleAssignment.ReadWrite.All'",
        ]

    def test_the_role_is_refused_beside_a_consent_for_every_mailbox(self) -> None:
        """Grants are a union; only where an access policy narrows the consent the role may come first."""
        role = _section("The role, within")
        refusals = [line.strip() for line, _ in _lines(role) if line.startswith("} elseif")]
        assert refusals == [
            "} elseif ($scope.Count -ne 1) {",
            "} elseif ($null -eq $consents) {",
            "} elseif ($wide.Count -gt 0 -and $policies.Count -eq 0) {",
            "} elseif ($held.Count -eq 0) {",
        ]
        for title in ("The role, within", "Verify", "From an application access policy"):
            text = _section(title)
            assert {
                one for one in shell_text.literals(text) if re.fullmatch(r"[\da-f-]{36}", one)
            } == EVERY_MAILBOX

    @pytest.mark.parametrize(
        ("command", "read"),
        [
            (
                "Update-MgApplication",
                "Get-MgApplication -ApplicationId $apps[0].Id -Property Id,AppId,KeyCredentials",
            ),
            ("New-MgApplication", "Get-MgApplication -All -PageSize 999"),
            (
                "Set-OrganizationConfig -EwsEnabled",
                "Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy",
            ),
            ("Remove-ApplicationAccessPolicy", "Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId"),
        ],
    )
    def test_what_hangs_on_a_list_is_done_only_when_the_list_was_read(self, command: str, read: str) -> None:
        """A failed reading leaves the variable empty of anything, even of an empty list."""
        using = [one for one in sections(EXAMPLE) if command in one.text]
        assert using
        for section in using:
            before = [line.strip() for line in section.text.partition(command)[0].split("\n")]
            reading = max(
                here for here, line in enumerate(before) if read in line and "-ErrorAction Stop" in line
            )
            variable = before[reading].split(" = ")[0]
            assert f"{variable} = $null" in before[:reading]
            assert any(re.search(rf"{re.escape(variable)}\b", line) for line in before[reading + 1 :])

    def test_the_list_for_ews_keeps_whoever_is_on_it(self) -> None:
        bridge = _section("EWS, no more than a bridge")
        written = "$merged = @($listed + $service.AppId | Sort-Object -Unique)"
        order = [
            bridge.index(part)
            for part in ("-split '[,\\s]+'", written, "-EwsAllowedAppIDs ($merged -join ',')")
        ]
        assert order == sorted(order)
        withdrawn = _section("Withdraw")
        assert "$_ -ne $service.AppId" in withdrawn
        assert "$others.Count -gt 0 -and $others.Count -lt $listed.Count" in withdrawn

    def test_the_bridge_names_its_end_and_refuses_after_it(self) -> None:
        bridge = next(one for one in sections(EXAMPLE) if one.title.startswith("EWS"))
        assert "2027-04-01" in bridge.title
        assert "(Get-Date) -ge [datetime]'2027-04-01'" in bridge.text

    def test_a_new_certificate_comes_beside_the_old_one_and_the_old_one_goes_by_itself(self) -> None:
        assert "-KeyCredentials ($kept + $new)" in _section("The application and its certificate")
        renewed = _section("The certificates before")
        assert "-KeyCredentials $only" in renewed
        assert "if ($only.Count -ne 1) {" in renewed

    def test_the_consent_goes_before_the_policy_and_both_after_the_role(self) -> None:
        text = shell_text.bare(_section("From an application access policy"))
        order = [
            text.index(part)
            for part in (
                "$held.Count -eq 0",
                "Remove-MgServicePrincipalAppRoleAssignment",
                "$left = @(Get-",
                "$left.Count -gt 0",
                "Remove-ApplicationAccessPolicy",
            )
        ]
        assert order == sorted(order)

    def test_what_is_withdrawn_is_what_was_made_and_users_go_before_what_they_use(self) -> None:
        *made, withdrawn = (shell_text.bare(one.text) for one in sections(EXAMPLE))
        kinds = re.findall(r"Remove-(?:Mg)?(\w+) ", withdrawn)
        assert kinds == ["ManagementRoleAssignment", "ManagementScope", "ServicePrincipal", "Application"]
        created = {*re.findall(r"New-(?:Mg)?(\w+)", "".join(made))}
        assert created - {*kinds} == {"DistributionGroup"}
        ours = f"$ours = '{EXAMPLE.assignment}','{EXAMPLE.settings}','{EXAMPLE.bridge}'\n"
        assert ours in _section("Withdraw")

    def test_an_allow_list_gets_an_entry_that_lets_our_program_in(self) -> None:
        text = _section("The user agent")
        (entry,) = re.findall(r"-EwsAllowList @\{ Add = '([^']*)' \}", text)
        assert fnmatchcase(AGENT, entry)
        assert re.findall(r"'([^']*)' -like \$_", text) == [AGENT, AGENT]

    def test_no_secret_is_in_the_script_and_a_private_key_is_not_taken(self) -> None:
        text = script(EXAMPLE)
        assert not re.search("AsPlainText|ConvertTo-SecureString|NetworkCredential|ApplicationPassword", text)
        registered = _section("The application and its certificate")
        assert "-match 'PRIVATE KEY'" in registered
        assert "$certificate.HasPrivateKey" in registered
        assert registered.index("PRIVATE KEY") < registered.index("New-MgApplication")

    def test_an_empty_line_follows_every_statement_of_several_lines_and_is_in_none(self) -> None:
        """An old console waits for one at the end, and gives up at one in the middle."""
        for section in sections(EXAMPLE):
            lines = [*_lines(section.text), ("", 0)]
            for (before, _), (line, depth) in pairwise(lines):
                going_on = depth > 0 or before.endswith("|")
                assert bool(line) or not going_on, (section.title, before)
                ends = depth == 0 and re.match(r"\}|    ", before) and not before.endswith("|")
                assert not (ends and line and not line.startswith("}")), (section.title, line)

    def test_no_line_begins_with_the_rest_of_a_statement(self) -> None:
        assert [line for line, _ in _all_lines() if re.match(r"\s*(else|catch|finally|\|)", line)] == []

    def test_a_section_ends_where_it_asks(self) -> None:
        """What is pasted behind a question would be taken for its answer."""
        asking = [one.text for one in sections(EXAMPLE) if "Read-Host" in one.text]
        assert len(asking) == 7
        for text in asking:
            statements = re.split(r"\n\n+", shell_text.bare(text).strip())
            assert "Read-Host" in statements[-1]
            assert "Read-Host" not in "".join(statements[:-1])

    def test_no_command_runs_inside_another_ones_pipeline(self) -> None:
        inside = re.findall(r"Where-Object \{([^}]*)\}", shell_text.bare(script(EXAMPLE)))
        assert len(inside) > 30
        assert [text for text in inside if re.search(r"[A-Z][a-z]+-[A-Z]", text)] == []

    def test_sections_are_mentioned_by_their_numbers(self) -> None:
        titles = [re.split("[,:]", one.title)[0] for one in sections(EXAMPLE)]
        mentioned = {
            (titles[here], titles[int(number) - 1])
            for here, one in enumerate(sections(EXAMPLE))
            for some in re.findall(r"sections? (\d+(?: (?:and|to) \d+)?)", one.text)
            for number in re.split(" and | to ", some)
        }
        application, pointer = "The application and its certificate", "The application"
        role, scope, verify = "The role", "The scope", "Verify"
        policy, settings, bridge = (
            "From an application access policy to the scope",
            "The role for mailbox settings",
            "EWS",
        )
        assert mentioned == {
            ("Look", "Sign in"),
            ("Look", "The user agent"),
            (application, "Sign in"),
            (application, role),
            (pointer, "Sign in"),
            (pointer, application),
            (role, application),
            (role, pointer),
            (role, scope),
            (role, verify),
            (role, policy),
            (settings, application),
            (settings, role),
            (verify, "Look"),
            (policy, "Look"),
            (policy, role),
            (policy, verify),
            ("The certificates before the one in the file", application),
            (bridge, application),
            (bridge, role),
            ("Withdraw all of it", "Sign in"),
            ("Withdraw all of it", "Look"),
        }

    def test_nothing_is_left_to_be_filled_in(self) -> None:
        assert not re.search(r"<[a-z]+>", script(EXAMPLE))
        assert len(sections(EXAMPLE)) == 15

    def test_the_versions_of_the_modules_and_the_clouds_are_told_and_checked(self) -> None:
        head = script(EXAMPLE).partition("\n\n")[0]
        for word in ("7.6", "5.1", "GCC High", "21Vianet", "not covered"):
            assert word in head
        look = _section("Look: the modules")
        assert "[version]'3.10.1'" in look
        assert "Microsoft.Graph.Applications" in look
        assert "$context.Environment -ne 'Global'" in _section("Sign in")

    @pytest.mark.skipif(not shutil.which("pwsh"), reason="no PowerShell (pwsh) here to ask")
    def test_powershell_itself_finds_no_mistake_and_reads_the_same_literals(self, tmp_path: Path) -> None:
        text = script(replace(EXAMPLE, scope="O'Neill\u2019s $(x) `\" ; {é} | &"))
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


def _with(field: str, name: str) -> Microsoft365Setup:
    """The example with another name."""
    return replace(EXAMPLE, **{field: name})


def _section(title: str) -> str:
    """The text of the one section whose title begins so."""
    (found,) = (one.text for one in sections(EXAMPLE) if one.title.startswith(title))
    return found


def _writes(text: str) -> bool:
    commands = re.findall(r"(?<![\w-])[A-Z][a-z]+-[A-Z]\w+", shell_text.bare(text))
    return any(one.startswith(WRITING) for one in commands)


def _lines(text: str) -> list[tuple[str, int]]:
    """What runs, line by line without comments, and how deep in braces and brackets each line begins."""
    lines: list[tuple[str, int]] = []
    depth = 0
    for line in shell_text.bare(re.sub(r"(?m)^ *#.*\n", "", text)).rstrip("\n").split("\n"):
        lines.append((line.rstrip(), depth))
        depth += sum(line.count(mark) for mark in "({[") - sum(line.count(mark) for mark in ")}]")
    assert depth == 0
    return lines


def _all_lines() -> list[tuple[str, int]]:
    return [pair for section in sections(EXAMPLE) for pair in _lines(section.text)]
