"""What the tests of killed, stopped and suspended runs begin with."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from tests.kills.campaign import Campaign
from tests.kills.tally import Size

SEED = int(os.environ.get("FIGGO_OPS_KILLS_SEED", "2026"))


def today() -> date:
    """The real day: other processes go by the real clock."""
    return datetime.now(UTC).date()


@contextmanager
def moved(folder: Path, seed: int) -> Iterator[Campaign]:
    """Nine people, their calendars filled, and then everybody moved."""
    with Campaign(folder, Size(0, 180, seed, loading=0), today()) as made:
        made.load()
        for _ in range(3):
            made.people.move(made.people.ids)
        yield made
