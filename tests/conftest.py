"""How hard Hypothesis searches, and the seed it searches with."""

import os
import random

import pytest
from hypothesis import HealthCheck, settings

SEED = "HYPOTHESIS_SEED"

# No deadline anywhere: a busy machine must not turn a true law into a failure.
settings.register_profile(
    "dev",
    max_examples=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("ci", settings.get_profile("dev"), max_examples=150, database=None)
settings.register_profile("proof", settings.get_profile("dev"), max_examples=1000, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """One seed for the whole run, also in its parallel workers, which inherit the environment."""
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = os.environ.setdefault(
            SEED, str(random.SystemRandom().getrandbits(32))
        )


def pytest_report_header(config: pytest.Config) -> str:
    profile = os.environ.get("HYPOTHESIS_PROFILE", "dev")
    return f"hypothesis: profile {profile}, repeat with --hypothesis-seed={config.option.hypothesis_seed}"
