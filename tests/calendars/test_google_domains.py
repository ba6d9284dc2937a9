"""An address of a domain we may not act for is refused in the words that also say: no delegation at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from figgo_ops.errors import FiggoOpsError, RightsMissing
from tests.calendars.contract import ANNE, ZOE, all_day, creation
from tests.calendars.stages import GoogleStage

STRANGER, ANOTHER = "aaron@elsewhere.example", "abel@abroad.example"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[GoogleStage]:
    stage = GoogleStage(tmp_path)
    yield stage
    stage.close()


def read(stage: GoogleStage, *addresses: str) -> dict[str, FiggoOpsError | None]:
    return {one.mailbox.address: one.error for one in stage.calendar.read(addresses)}


@pytest.mark.parametrize(
    "addresses",
    [(STRANGER, ANNE, ZOE), (STRANGER, ANNE), (STRANGER, ANOTHER, ANNE), (ANNE, STRANGER)],
    ids=["rarer", "as common", "one of three", "last"],
)
def test_a_foreign_domain_stops_nobody_else(stage: GoogleStage, addresses: tuple[str, ...]) -> None:
    for address, error in read(stage, *addresses).items():
        assert type(error) is (type(None) if address in (ANNE, ZOE) else RightsMissing), address


@pytest.mark.parametrize("ours", [10, 11], ids=["as common", "the most common"])
def test_missing_delegation_costs_one_attempt_for_each_of_the_most_common_domains(
    stage: GoogleStage, ours: int
) -> None:
    stage.google.tokens.granted.clear()
    theirs = [f"user.{number}@elsewhere.example" for number in range(10)]
    mails = [f"user.{number}@corail.example" for number in range(ours)]
    for mail in mails:
        stage.google.add_user(mail)
    with pytest.raises(RightsMissing):
        list(stage.connect(threads=1).read([*theirs, *mails]))
    assert len(stage.calls()) == (2 if ours == 10 else 1)


def test_a_write_before_any_read_stops_at_missing_delegation(stage: GoogleStage) -> None:
    stage.google.tokens.granted.clear()
    changes = [creation(stage, address, all_day()) for address in (STRANGER, ANNE, ZOE)]
    with pytest.raises(RightsMissing):
        list(stage.connect(threads=1).write(changes))
    assert len(stage.calls()) == 1
