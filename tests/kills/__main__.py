"""`python -m tests.kills --kills 1000 --leaves 10000 --seed N`: the long campaign, with its progress."""

import argparse
import random
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.kills.campaign import Campaign
from tests.kills.tally import Size, WentWrongError


def main() -> int:
    """Kill; exit 1 when the second client found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--leaves", type=int, default=10_000, help="half-days of Figgo")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    size = Size(options.kills, options.leaves, options.seed)
    print(f"{size.kills} kills, {size.leaves} leaves of {size.people} people, seed {size.seed}", flush=True)
    shown = 0
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Campaign(Path(folder), size, datetime.now(UTC).date()) as campaign:
                for tally in campaign.run():
                    if tally.kills.total() >= shown:
                        print(tally, flush=True)
                        shown = tally.kills.total() + size.kills // 40
                print(f"done: {campaign.tally}")
        except WentWrongError as wrong:
            print(f"WENT WRONG: {wrong}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
