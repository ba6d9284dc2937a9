"""A support bundle helps the makers and names nobody: no person, mailbox, title or secret is in it."""

import json
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figgo_ops import sync, tenants
from figgo_ops.checks import CUSTOMER, Check, Deadline
from figgo_ops.desk.diagnostics import Ask, Diagnosis, bundle, examine, surroundings
from figgo_ops.desk.diagnostics.bundle import Hidden
from figgo_ops.errors import UsageError
from figgo_ops.leaves import Person
from figgo_ops.session import Session
from tests.desk.fleets import GOOGLE, TODAY, Fleet, at, diagnosis, fleet
from tests.privacy import canaries
from tests.rehearsal import Corail

ZOE = Person(7, "Zoé Lefèvre", "zoe.lefevre@acme.example", "M7", 1)
NOEL = Person(12, "Noël O'Brien-d'Été", "noel@acme.example", "M12", 1)
OWN_WORDS = """
[events]
title = "Chez mamie"

[[events.type]]
match = "Arrêt maladie*"
title = "Absence médicale"

[scope]
only = [7, "zoe.lefevre@acme.example"]
except = [12]

[[zone]]
employees = [4711]
timezone = "America/Martinique"
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Fleet]:
    """A home with one tenant, whose file says more than the makers may know."""
    with fleet(tmp_path) as made:
        made.tenant("acme", GOOGLE, more=OWN_WORDS)
        yield made


def written(home: Fleet, *checks: Check, people: tuple[Person, ...] = (ZOE, NOEL)) -> Path:
    with Session(home.home, "acme", clock=home.clock) as session:
        return bundle.write(session, diagnosis("acme", *checks), home.home.path / "acme.zip", people)


def content(path: Path) -> dict[str, str]:
    """Every member by name."""
    with zipfile.ZipFile(path) as kept:
        return {name: kept.read(name).decode() for name in kept.namelist()}


def member(path: Path, name: str) -> Any:
    return json.loads(content(path)[f"{name}.json"])


class TestWhatIsInIt:
    def test_everything_that_about_lists_is_there_and_nothing_else(self, home: Fleet) -> None:
        texts = content(written(home))
        listed = set(re.findall(r"^(\w+\.json) ", texts["about.txt"], re.MULTILINE))
        assert listed | {"about.txt"} == set(texts)
        assert all(json.loads(text) is not None for name, text in texts.items() if name.endswith(".json"))

    def test_no_path_says_who_works_here(self, home: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/home/marie.dupont")
        tried = f"read {home.home.tenants}/acme.toml, then /home/marie.dupont/ca.pem"
        path = written(home, at(tried=tried))
        assert member(path, "checks")[-1]["tried"] == "read (home)/tenants/acme.toml, then ~/ca.pem"
        assert str(home.home.path) not in "".join(content(path).values())

    def test_checks_keep_their_names_codes_hosts_and_order(self, home: Fleet) -> None:
        seen = "HTTP 403 from https://acme.ilucca.net/api, request id 3f2a"
        one = at(
            code="delegation-missing", cause="No.", remedy="Grant it.", tried="asked", seen=seen, page="p"
        )
        found = member(written(home, one), "checks")
        assert [check["name"] for check in found] == ["tenant file", "calendar 1: rights"]
        assert (found[1]["code"], found[1]["seen"], found[1]["who"]) == ("delegation-missing", seen, CUSTOMER)

    def test_of_runs_there_are_codes_and_counts(self, home: Fleet) -> None:
        run = home.ran("acme", TODAY - TODAY.replace(day=22), 3, created=4)
        (one,) = member(written(home), "runs")
        assert (one["run"], one["exit"], one["counts"], one["version"]) == (run, 3, {"created": 4}, "1.0")
        assert one["asked"] == {"kind": "plan", "today": "2026-11-22", "selected": 2}

    def test_what_was_held_is_counted_not_told(self, home: Fleet) -> None:
        run = home.ran("acme", TODAY - TODAY.replace(day=22), None)
        held = [{"key": "acme.ilucca.net/7/101/20261019A", "action": "remove", "error": "ask Zoé Lefèvre"}]
        home.ledger.end_run(run, 3, {"created": 0, "held": held}, home.clock.now())
        (one,) = member(written(home), "runs")
        assert (one["held"], one["counts"]) == (1, {"created": 0})

    def test_the_lines_of_health_are_there_by_day(self, home: Fleet) -> None:
        home.diagnosed("acme")
        assert member(written(home), "health")[str(TODAY)]["checks"] == {"ok": 9, "failed": 0}

    def test_the_tenant_file_is_there_without_what_it_says_of_people(self, home: Fleet) -> None:
        found = member(written(home), "tenant")
        assert found["figgo"]["host"] == "acme.ilucca.net"
        assert found["figgo"]["api_key"] == "file:figgo.key"
        assert found["calendar"][0]["service_account"] == "file:google.json"
        assert len(found["scope"]["only"]) == 2
        assert all(re.fullmatch("value [0-9a-f]{10}", one) for one in found["scope"]["only"])
        assert found["zone"][0]["timezone"] == "America/Martinique"

    def test_a_usual_title_stays_readable(self, home: Fleet) -> None:
        home.tenant("acme", GOOGLE, more='[events]\ntitle = "Absent"\nshow_type = true')
        assert member(written(home), "tenant")["events"] == {"title": "Absent", "show_type": True}

    def test_it_says_what_this_machine_is_like(self, home: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://jeanne:canary-proxy-password@proxy.acme.example:3128")
        for name in surroundings.TRUST:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/acme.pem")
        found = member(written(home), "environment")
        assert found["proxies"]["HTTPS_PROXY"] == "proxy.acme.example:3128"
        assert found["trust"] == ["REQUESTS_CA_BUNDLE"]
        assert found["libraries"]["httpx"][0].isdigit()
        assert found["ledger"].startswith("sqlite")

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("proxy:8080", "proxy:8080"),
            ("http://u:p@[::1]:1", "::1:1"),
            ("http://", "set, but no address"),
            ("http://x:port", "set, but no address"),
        ],
    )
    def test_a_proxy_is_an_address_whatever_its_variable_holds(
        self, monkeypatch: pytest.MonkeyPatch, home: Fleet, value: str, shown: str
    ) -> None:
        monkeypatch.setenv("ALL_PROXY", value)
        assert surroundings.facts(home.home, home.clock.now())["proxies"]["ALL_PROXY"] == shown


class TestWhatIsNotInIt:
    def test_names_mails_titles_ids_and_the_engineer_are_in_no_member(self, home: Fleet) -> None:
        home.ran("acme", TODAY - TODAY.replace(day=22), 1)
        causes = at(
            cause="Zoé Lefèvre (employee 7): zoe.lefevre@acme.example is suspended",
            seen="ACME\\ZOE.LEFEVRE, key acme.ilucca.net/4711/101/20261019A",
            tried="asked for the working days of person 4711",
        )
        every = "\n".join(content(written(home, causes)).values())
        for word in (
            *("Zoé", "Lefèvre", "zoe.lefevre", "ZOE", "@acme", "employee 7", "4711", "jeanne", "svc-figgo"),
            *("mamie", "maladie", "médicale"),
        ):
            assert word not in every, word

    def test_no_secret_is_in_any_member_however_it_got_into_a_sentence(self, home: Fleet) -> None:
        leaky = at(cause="refused canary-figgo-key-of-all", seen="Authorization: Bearer abcdef0123456789")
        path = written(home, leaky)
        found = canaries.Searcher(canaries.secrets_in(home.home.secrets)).found(
            {name: text.encode() for name, text in content(path).items()}
        )
        assert found == []
        assert "abcdef0123456789" not in "".join(content(path).values())
        assert "[secret:file:figgo.key]" in content(path)["checks.json"]

    def test_a_secret_that_looks_like_an_address_is_taken_out_whole(self, home: Fleet) -> None:
        password = "Vog3l;jeanne@canary.example?rest-of-it"
        home.home.store("file:exchange.password", password)
        every = "".join(content(written(home, at(cause=f"no: {password}"))).values())
        assert not [part for part in ("Vog3l", "jeanne", "rest-of-it") if part in every]

    def test_one_person_has_one_hash_in_one_bundle_and_another_in_the_next(self, home: Fleet) -> None:
        twice = at(cause="a: zoe.lefevre@acme.example"), at(name="x", cause="b: Zoe.Lefevre@acme.example")
        one, two = (
            re.findall(r"mailbox [0-9a-f]{10}", content(written(home, *twice))["checks.json"]) for _ in "ab"
        )
        assert len(one) == 2
        assert one[0] == one[1]
        assert one[0] != two[0]

    @given(
        name=st.text(
            st.characters(categories=("L", "Nd"), include_characters=" '-."), min_size=4, max_size=30
        ),
        local=st.from_regex(r"[a-z]{2,12}\.[a-z]{2,12}", fullmatch=True),
        number=st.integers(1000, 10**9),
        before=st.sampled_from(["", "refused ", "calendar 1: ", "(", "“", "key x/", "\\"]),
        after=st.sampled_from(["", ".", ")", ": no", "'s", "\n", ", and"]),
    )
    def test_whoever_somebody_is_a_sentence_about_them_does_not_say_it(
        self, name: str, local: str, number: int, before: str, after: str
    ) -> None:
        somebody = Person(number, f"Q{name}Q", f"{local}@acme.example", "M", 1)
        hide = Hidden([somebody])
        for word in (somebody.name, somebody.mail or "", local, local.upper()):
            assert word not in hide.text(f"{before}{word}{after}")
        assert str(number) not in hide.text(f"{before}employee {number}{after}")
        assert str(number) not in hide.text(f"acme.ilucca.net/{number}/3/20261019A{after}")


class TestTheFile:
    def test_only_its_owner_may_read_it(self, home: Fleet) -> None:
        path = written(home)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.is_absolute()

    def test_an_earlier_bundle_is_replaced(self, home: Fleet) -> None:
        written(home)
        assert member(written(home, at(code="x")), "checks")[1]["code"] == "x"

    def test_a_file_that_is_no_bundle_is_left_alone(self, home: Fleet) -> None:
        path = home.home.path / "acme.zip"
        path.write_text("somebody's", encoding="utf-8")
        with pytest.raises(UsageError, match="no bundle"):
            written(home)
        assert path.read_text(encoding="utf-8") == "somebody's"

    def test_a_folder_that_cannot_be_written_to_is_told(self, home: Fleet) -> None:
        (home.home.path / "file").write_text("", encoding="utf-8")
        with Session(home.home, "acme", clock=home.clock) as session, pytest.raises(UsageError):
            bundle.write(session, diagnosis("acme"), home.home.path / "file" / "acme.zip")


def test_nothing_of_the_rehearsal_companys_people_or_secrets_is_in_the_bundle_of_a_busy_tenant(
    tmp_path: Path,
) -> None:
    """After a load, a held sync, an audit and a diagnosis of every mailbox, with one of them suspended."""
    from figgo_ops import audit

    with Corail(tmp_path) as corail:
        corail.activate()
        corail.load()
        people = corail.stage.company.people
        hero = corail.case("whole-day").person
        corail.stage.google.set_state(corail.mail(hero), "suspended")
        corail.rewrite("[limits]", f'[scope]\nexcept = ["{corail.mail(hero)}", {hero}]\n\n[limits]')
        corail.cancel(*corail.members(1))
        corail.sync()
        with corail.session() as session:
            audit.audit(session, sync.Ask())
            found = examine(session, Ask(mailboxes=True))
            found.deadlines.append(Deadline(f"what {corail.mail(hero)} had", TODAY, "Ask."))
            assert found.mailboxes
            path = bundle.write(session, found, tmp_path / "corail.zip", _people(corail, found))
            assert tenants.load(corail.home, "corail").scope.excluded
        texts = {name: text.encode() for name, text in content(path).items()}
        secrets = canaries.secrets_in(corail.home.secrets)
    every = b"\n".join(texts.values()).decode()
    for one in people.values():
        full = f"{one.first_name} {one.last_name}"
        for word in filter(None, (full, f"{one.last_name} {one.first_name}", one.mail)):
            assert word not in every, word
    assert not re.search(r"[\w.-]+@[\w-]+\.\w+", every)
    assert canaries.Searcher(secrets).found(texts) == []
    assert json.loads(texts["runs.json"])[0]["held"] > 0, "the scene has nothing to hide"


def _people(corail: Corail, found: Diagnosis) -> list[Person]:
    assert found.people
    return [*found.people, replace(ZOE, name="Somebody Else")]
