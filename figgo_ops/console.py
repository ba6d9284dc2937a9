"""What people see while they wait: lines and progress bars, all of it on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from tqdm import tqdm

from figgo_ops.figgo import Progress
from figgo_ops.secrets import REDACTOR
from figgo_ops.session import Step
from figgo_ops.words import plain


class Terminal:
    """Lines and progress bars on stderr; bars only where somebody watches."""

    def say(self, line: str) -> None:
        """Show one line."""
        tqdm.write(plain(REDACTOR.clean(line)), file=sys.stderr)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Step]:
        """Count with rate and remaining time."""
        with tqdm(total=total, desc=what, unit="", disable=None, leave=False, file=sys.stderr) as shown:
            yield lambda: _count(shown)

    def reading(self, progress: Progress) -> None:
        """One line that is written over, where somebody watches."""
        if sys.stderr.isatty():
            of = f"{progress.done_requests} of about {progress.expected_requests} requests"
            sys.stderr.write(f"\rFiggo: {progress.what}, {of}".ljust(79)[:79] + "\r")


class Cell:
    """Progress below a notebook's cell: one bar per kind of work, which ends as one line of text."""

    def say(self, line: str) -> None:
        """Show one line; not on stderr, which notebooks show in red."""
        sys.stdout.write(plain(REDACTOR.clean(line)) + "\n")

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Step]:
        """Count with rate and remaining time; in text, since an executed copy freezes widgets at nothing."""
        with tqdm(total=total, desc=what, mininterval=1.0, file=sys.stdout) as shown:
            yield lambda: _count(shown)

    def reading(self, progress: Progress) -> None:
        """Reading is announced before it begins; single requests would only fill the page."""


def _count(bar: "tqdm[NoReturn]") -> None:
    bar.update()
