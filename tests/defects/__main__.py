"""Plant defects one at a time and print which test caught each; exit 1 when one survives."""

import argparse
import random
import secrets
import sys

from tests.defects.patches import Defect, PatchError, load, names
from tests.defects.trial import ROOT, TrialError, Verdict, tried, unsound


def main(arguments: list[str] | None = None) -> int:
    """0: all caught; 1: a survivor; 2: a patch is out of date, or a trial proves nothing; 130: stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.defects", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="defects to plant; all of them unless said")
    parser.add_argument("--share", type=int, metavar="N", help="only so many, drawn by the seed")
    parser.add_argument("--seed", type=int, metavar="S", help="repeats a share that was drawn before")
    parser.add_argument("--list", action="store_true", help="list them and plant none")
    options = parser.parse_args(arguments)
    try:
        chosen = [load(name) for name in options.names or names()]
        if options.share is not None:
            seed = secrets.randbelow(10**6) if options.seed is None else options.seed
            chosen = drawn(chosen, options.share, seed)
            print(f"{len(chosen)} defects drawn; repeat with --share {options.share} --seed {seed}")
        if options.list:
            print("\n".join(f"{defect.name:{_width(chosen)}}  {defect.rule}" for defect in chosen))
            return 0
        return _planted(chosen)
    except (PatchError, TrialError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def drawn(defects: list[Defect], number: int, seed: int) -> list[Defect]:
    """So many of the defects, in their order; the same for the same seed."""
    picked = random.Random(seed).sample(range(len(defects)), min(number, len(defects)))
    return [defects[n] for n in sorted(picked)]


def _planted(chosen: list[Defect]) -> int:
    for defect in chosen:
        defect.applied(ROOT)  # better known now than after the trials of the others
    width = _width(chosen)
    print(f"{'defect':{width}}  seconds  rule it breaks -> test that caught it")
    verdicts = [_told(tried(defect), width) for defect in chosen]
    survivors = [verdict.defect.name for verdict in verdicts if not verdict.caught]
    print(f"{len(verdicts) - len(survivors)} of {len(verdicts)} caught.")
    if survivors:
        print(f"Survived all tests: {', '.join(survivors)}")
    if wolf := unsound(verdict.caught for verdict in verdicts if verdict.caught):
        raise TrialError(f"{wolf} also fails without any defect: it proves nothing.")
    return int(bool(survivors))


def _told(verdict: Verdict, width: int) -> Verdict:
    where = verdict.caught or "SURVIVED"
    wide = "" if verdict.narrow or not verdict.caught else " (not by the tests it names)"
    row = f"{verdict.defect.name:{width}}  {verdict.seconds:7.1f}  {verdict.defect.rule} -> {where}{wide}"
    print(row, flush=True)
    return verdict


def _width(defects: list[Defect]) -> int:
    return max((len(defect.name) for defect in defects), default=0)


if __name__ == "__main__":
    sys.exit(main())
