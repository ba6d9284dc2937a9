"""What can go wrong: each kind names its exit code, and the worst of several decides."""

import copy
import pickle
import random

import pytest

from figgo_ops import errors
from figgo_ops.errors import EXIT_ORDER, FiggoOpsError, Refused, UsageError, worst_exit

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FiggoOpsError)]
EXITS = {
    "FiggoOpsError": 70,
    "UsageError": 2,
    "SecretUnavailable": 2,
    "Refused": 3,
    "CredentialRefused": 4,
    "RightsMissing": 4,
    "TenantBusy": 5,
    "Unreachable": 7,
    "Incomplete": 1,
    "RowFailed": 1,
    "MailboxAbsent": 0,
    "MailboxElsewhere": 1,
}


def test_every_kind_gives_the_exit_code_that_schedulers_rely_on() -> None:
    assert {kind.__name__: kind.exit for kind in KINDS} == EXITS


def test_no_two_kinds_share_a_code_name() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_an_error_says_what_happened_and_keeps_the_next_step_apart() -> None:
    error = Refused("acme: 40 removals.", "Look at them again.")
    assert (str(error), error.remedy, error.code) == ("acme: 40 removals.", "Look at them again.", "refused")


def test_an_error_can_name_its_situation_more_precisely_than_its_kind() -> None:
    assert Refused("Too old.", code="plan-old").code == "plan-old"
    assert Refused("Too old.").code == "refused"


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_the_way_between_processes(kind: type[FiggoOpsError]) -> None:
    """A worker on another machine sends it back; a bare Exception would lose the remedy."""
    error = kind("Zoé: refusé.", "Ask.", code="special")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is kind
        assert (str(twin), twin.message, twin.remedy, twin.code) == ("Zoé: refusé.",) * 2 + (
            "Ask.",
            "special",
        )


def test_a_secret_that_leads_nowhere_is_a_mistake_of_the_person_at_the_keyboard() -> None:
    assert issubclass(errors.SecretUnavailable, UsageError)


def test_missing_rights_are_a_matter_for_the_administrator_like_a_refused_key() -> None:
    assert issubclass(errors.RightsMissing, errors.CredentialRefused)


def test_a_run_in_which_nothing_went_wrong_ends_with_zero() -> None:
    assert worst_exit([]) == 0
    assert worst_exit([0, 0]) == 0


@pytest.mark.parametrize(
    ("worse", "better"),
    [(70, 2), (2, 4), (4, 7), (7, 3), (3, 5), (5, 1), (1, 6), (6, 0)],
)
def test_the_worse_of_two_exit_codes_decides(worse: int, better: int) -> None:
    assert worst_exit([worse, better]) == worst_exit([better, worse]) == worse


def test_every_exit_code_of_an_error_has_a_rank() -> None:
    """A code without a rank would be lost among others and look like success."""
    assert {kind.exit for kind in KINDS} - {0} <= set(EXIT_ORDER)


def test_the_order_in_which_errors_happened_does_not_matter() -> None:
    for seed in range(20):
        exits = random.Random(seed).choices([0, *EXIT_ORDER], k=4)
        assert worst_exit(exits) == worst_exit(sorted(exits)) == worst_exit(exits[::-1])
