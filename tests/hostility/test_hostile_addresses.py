"""Whatever is in an address: a request leads to that mailbox alone, and its leave is there once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from figgo_ops import sync
from figgo_ops.errors import UsageError
from figgo_ops.events import Key
from figgo_ops.leaves import part_name
from figgo_ops.result import Result
from tests.calendars.contract import ANNE, MONDAY, all_day, creation, listed, write, written
from tests.calendars.stage_microsoft365 import Microsoft365Stage
from tests.machine.files import served_by
from tests.rehearsal import Corail, drawn, key_of

ADDRESSES = {
    "apostrophe": "o'neill@corail.example",
    "condition": "x'or(1eq1)or'@corail.example",
    "percent": "50%@corail.example",
    "encoded": "a%2fevents%3f@corail.example",
    "traversal": "../admin@corail.example",
    "dots": "..@corail.example",
    "encoded-dots": "%2e%2e@corail.example",
    "slash": "admin/events@corail.example",
    "backslash": "corail\\admin@corail.example",
    "hash": "c#@corail.example",
    "query": "admin?$top=1@corail.example",
    "options": "a&$filter=true&$top=0@corail.example",
    "plus": "anne+figgo@corail.example",
    "equals": "=1+1@corail.example",
    "batch": "$batch@corail.example",
    "accents": "zoé.éléonore@corail.example",
    "decomposed": "zoe\u0301@corail.example",
    "wide": "山田太郎@corail.example",
    "braces": "{id}@corail.example",
    "quote": 'a"b@corail.example',
    "semicolon": "a;b:c,d@corail.example",
    "long": f"{'j' * 64}@{'corail.' * 26}example",
}
UNUSABLE = ("a b@corail.example", "a\r\nif-match:*@corail.example", "zoé", "@corail.example")
OTHERS = ("admin@corail.example", "anne@corail.example", "a@corail.example", "zoe@corail.example")
"""Mailboxes that a careless spelling would lead to; nobody of the company has them."""

DAY, LATER = date(2026, 12, 7), date(2026, 12, 14)
DAYS = timedelta(days=1)


@pytest.fixture(scope="module")
def people() -> dict[str, int]:
    """Filled by `corail`: the id of each address's person, by label."""
    return {}


@pytest.fixture(scope="module")
def corail(tmp_path_factory: pytest.TempPathFactory, people: dict[str, int]) -> Iterator[Corail]:
    """A company at Microsoft 365 in which everybody has such an address, and a day off."""
    folder = tmp_path_factory.mktemp("addresses")
    with Corail(folder, people=0) as before:
        text = before.file.read_text(encoding="utf-8")
        before.file.write_text(served_by(text, "microsoft365"), encoding="utf-8")
    with Corail(folder, people=0) as made:
        made.stage.figgo.switch("rate_limit", 10**6)
        made.activate()
        for other in OTHERS:
            made.stage.microsoft365.add_mailbox(other)
        for label, address in ADDRESSES.items():
            people[label] = made.stage.hire("Zoé", label, 1, address).id
            made.stage.enter_by_hr(people[label], DAY)
        for address in UNUSABLE:
            made.stage.enter_by_hr(made.stage.company.hire("Zoé", "Nulle part", 1, address).id, DAY)
        yield made


@pytest.fixture(scope="module")
def served(corail: Corail) -> Corail:
    """Everybody's day off is written, though the answer to the first batch of creations is lost."""
    corail.fault("microsoft365", "drop-after", path="*/POST")
    result = corail.load()
    assert (sync.exit_of(result), result.created, result.unreadable) == (0, len(ADDRESSES), [])
    return corail


def confirmed(corail: Corail) -> Result:
    """Look, and act on all that was seen, removals too."""
    seen = corail.plan()
    return corail.apply(seen, removals=sum(change.counted for change in seen.changes))


@pytest.mark.parametrize("label", ADDRESSES)
def test_a_leave_is_in_the_mailbox_of_its_address_and_once(
    served: Corail, people: dict[str, int], label: str
) -> None:
    (event,) = served.events(people[label])
    assert key_of(event).startswith(f"corail.ilucca.net/{people[label]}/")


def test_nobody_else_was_ever_asked_for(served: Corail) -> None:
    graph = served.stage.microsoft365
    assert {mailbox for _, mailbox, _ in graph.asked} == set(ADDRESSES.values())
    assert {path.split("/")[1] for _, _, path in graph.asked} == {"events"}
    assert [graph.content(other) for other in OTHERS] == [[]] * len(OTHERS)
    assert graph.violations == []


def test_a_second_sync_writes_nothing_and_what_changes_is_found_again(
    served: Corail, people: dict[str, int]
) -> None:
    served.forget_calls()
    assert (served.sync().unchanged, served.writes()) == (len(ADDRESSES), [])
    served.fault("microsoft365", "drop-after", path="*/DELETE")
    for number in people.values():
        (period,) = (one for one in served.stage.company.periods.values() if one.owner.id == number)
        served.stage.company.remove_half_days(period.id, [(DAY, "AM"), (DAY, "PM")])
        served.stage.enter_by_hr(number, LATER)
    assert sync.exit_of(confirmed(served)) == 0
    assert {drawn(event) for number in people.values() for event in served.events(number)} == {f"{LATER}"}
    assert {len(served.events(number)) for number in people.values()} == {1}


def test_who_has_no_address_that_could_be_one_is_named_and_nobody_is_asked_for_them(served: Corail) -> None:
    why = [skip.reason for skip in served.plan().skipped]
    assert why == ["Figgo holds no usable mail address"] * len(UNUSABLE)


HOSTS = ("o'neill.net", "x'or'", "x' or ep/value ne '", "x') or (subject ne '", "%27&$top=0#", 'x"}]')


@pytest.mark.parametrize("host", HOSTS)
def test_an_event_is_looked_for_by_its_key_whatever_is_in_it(tmp_path: Path, host: str) -> None:
    """No tenant file has such a host; should one have it some day, nothing else is found in its place."""
    stage = Microsoft365Stage(tmp_path)
    try:
        written(stage, ANNE, all_day())
        made = [creation(stage, ANNE, all_day(MONDAY + n * DAYS)) for n in (7, 14)]
        keys = [Key(host, 7, number, part_name(MONDAY + number * DAYS, "A")) for number in (7, 14)]
        stage.fault("drop-after", path="*/POST")
        outcomes = write(stage, *(replace(one, key=key) for one, key in zip(made, keys, strict=True)))
        assert [one.status for one in outcomes] == ["done", "done"]
        found = {one.id: one.key_text for one in listed(stage, ANNE)}
        assert [found[one.id] for one in outcomes] == list(map(str, keys))
        assert len(found) == 3
    finally:
        stage.close()


@pytest.mark.parametrize("host", ["o'neill.ilucca.net", "a.net' or 'x", "a/b.net", "a%27.net", "a.net?x"])
def test_no_host_that_could_leave_a_condition_is_taken_from_a_tenant_file(corail: Corail, host: str) -> None:
    """Keys, by which events are looked for, begin with it; the rest of them are numbers and days."""
    before = corail.file.read_text(encoding="utf-8")
    corail.rewrite('host = "corail.ilucca.net"', f'host = "{host}"')
    try:
        with pytest.raises(UsageError) as refused:
            corail.plan()
        assert "host" in refused.value.message
    finally:
        corail.file.write_text(before, encoding="utf-8")
