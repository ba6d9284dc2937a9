"""How hard Hypothesis searches and with which seed, no keyring, and signals as processes expect them."""

import os
import random
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SCHEMA = "FIGGO_OPS_EWS_SCHEMA"
METADATA = "FIGGO_OPS_GRAPH_METADATA"
SEED = "HYPOTHESIS_SEED"
USUAL_SEED = 20261122
"""The same search each time, so that a change is what makes a test fail; the long search draws its own."""

# The keyring of whoever runs the tests is none of theirs; one that a test defines is for that test alone.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

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


def published(name: str) -> Path | None:
    """A folder of what Microsoft publishes, which is not ours and stays outside the repository."""
    above = (parent / "shared" / "reference" / name for parent in Path(__file__).parents[1:])
    return next((folder for folder in above if folder.is_dir()), None)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """One seed and the same schemas for the whole run, also in its parallel workers, which inherit them."""
    if config.option.hypothesis_seed is None:
        long = os.environ.get("HYPOTHESIS_PROFILE") == "proof"
        drawn = random.SystemRandom().getrandbits(32) if long else USUAL_SEED
        config.option.hypothesis_seed = os.environ.setdefault(SEED, str(drawn))
    for variable, name in ((SCHEMA, "ews-schema"), (METADATA, "graph-metadata")):
        if variable not in os.environ and (folder := published(name)):
            os.environ[variable] = str(folder)
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

    if printed := grid.lines(cells.told(reports), terminalreporter.config.option.hypothesis_seed):
        terminalreporter.section("faults over sockets")
        terminalreporter.write_line("\n".join(printed))


def pytest_report_header(config: pytest.Config) -> list[str]:
    profile = os.environ.get("HYPOTHESIS_PROFILE", "dev")
    schema = os.environ.get(SCHEMA) or "not found, SOAP is not validated"
    metadata = os.environ.get(METADATA) or "not found, JSON is not validated"
    return [
        f"hypothesis: profile {profile}, repeat with --hypothesis-seed={config.option.hypothesis_seed}",
        f"EWS schema: {schema}",
        f"Graph metadata: {metadata}",
    ]
