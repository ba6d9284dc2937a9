"""How long the machines search."""

from hypothesis import settings

PROVIDERS = 4
"""So many machines there are; in a short search they share the examples among them."""

LONG = 1000


def searched() -> settings:
    """As the profile says: a long search is as long for each provider."""
    most = settings().max_examples
    if most >= LONG:
        return settings(max_examples=most, stateful_step_count=25)
    return settings(max_examples=most // PROVIDERS, stateful_step_count=11)
