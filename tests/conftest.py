"""How hard Hypothesis searches, the seed it searches with, and signals as processes expect them."""

import os
import random
import signal

import pytest
from hypothesis import HealthCheck, settings

SEED = "HYPOTHESIS_SEED"
USUAL_SEED = 20261122
"""The same search each time, so that a change is what makes a test fail; the long search draws its own."""

# No deadline anywhere: a busy machine must not turn a true law into a failure.
settings.register_profile(
    "dev",
    max_examples=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("proof", settings.get_profile("dev"), max_examples=1000, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """One seed for the whole run, also in its parallel workers, which inherit the environment."""
    if config.option.hypothesis_seed is None:
        long = os.environ.get("HYPOTHESIS_PROFILE") == "proof"
        drawn = random.SystemRandom().getrandbits(32) if long else USUAL_SEED
        config.option.hypothesis_seed = os.environ.setdefault(SEED, str(drawn))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Started in the background; the processes under test would inherit deafness to Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the fault matrix, if any of its cells was run."""
    stats = terminalreporter.stats
    reports = [one for one in stats.get("passed", []) + stats.get("failed", []) if one.user_properties]
    if not reports:
        return
    from tests.faults import cells, grid

    if printed := grid.lines(cells.told(reports)):
        terminalreporter.section("faults over sockets")
        terminalreporter.write_line("\n".join(printed))


def pytest_report_header(config: pytest.Config) -> str:
    profile = os.environ.get("HYPOTHESIS_PROFILE", "dev")
    return f"hypothesis: profile {profile}, repeat with --hypothesis-seed={config.option.hypothesis_seed}"
