"""`python -m figgo_ops.sandbox --home DIR`: the rehearsal company in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from figgo_ops.sandbox.rehearsal import serve


def main() -> None:
    """Read the arguments and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m figgo_ops.sandbox", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the folder to work in; made if missing")
    parser.add_argument("--people", type=int, help="that many people without a story instead of Corail's own")
    arguments = parser.parse_args()
    serve(arguments.home, sys.stdout, arguments.people)


if __name__ == "__main__":
    main()
