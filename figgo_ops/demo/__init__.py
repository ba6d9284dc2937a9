"""The rehearsal company on its own, under JupyterLab, and as the story that `figgo-ops demo` tells.

The one importer of the sandbox.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from figgo_ops import tenants
from figgo_ops.demo.story import TENANT, Story, said
from figgo_ops.errors import UsageError
from figgo_ops.home import VARIABLE, Home
from figgo_ops.ledger import Ledger
from figgo_ops.sandbox import Rehearsal, serve

_MARK = ".figgo-ops-demo"


def stand(home: str | None) -> int:
    """Run the rehearsal company in the foreground until SIGTERM.

    Raises:
        UsageError: a file that an earlier rehearsal left in the home was damaged.
    """
    place = _rehearsal_home(home)
    with _understood(place.path):
        serve(place.path, sys.stdout)
    return 0


def lab(home: str | None, port: int | None, *, rehearsal: bool) -> int:
    """JupyterLab in this home until it is closed, with the rehearsal company beside it if that is wanted.

    Raises:
        UsageError: JupyterLab is not installed, or as `stand`.
    """
    from figgo_ops.desk import lab as jupyter

    if not rehearsal:
        jupyter.lab(Home.open(home).path, port)
    place = _rehearsal_home(home)
    ready = jupyter.prepared(place.path, port)
    with _understood(place.path):
        company = Rehearsal(place.path)
    with company:
        said("\n".join([f"REHEARSAL  tenant {TENANT}  home {company.home}", *ready.said]))
        with subprocess.Popen(ready.command, env=ready.environment) as child:
            # The child hears Ctrl-C itself, and asks before it ends.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, lambda *_received: child.terminate())
            code = child.wait()
    return code if code >= 0 else 128 - code


def _rehearsal_home(given: str | None) -> Home:
    """A home for the rehearsal company, apart from real tenants unless said otherwise.

    Its calendars begin empty each time, so what the ledger knows of them is forgotten.
    """
    home = Home.open(given or os.environ.get(VARIABLE) or "~/figgo-ops-rehearsal")
    if TENANT in tenants.names(home):
        tenant = tenants.load(home, TENANT)
        if not tenant.rehearsal:
            raise UsageError(f"{tenant.file} is a real tenant's, not the rehearsal company's.", _ELSEWHERE)
        ledger = Ledger.open(home.ledger)
        ledger.forget_tenant(TENANT)
        ledger.close()
        tenants.write_state(tenant, "draft")
    return home


@contextmanager
def _understood(home: Path) -> Iterator[None]:
    """Say in plain words why the rehearsal company does not start."""
    try:
        yield
    except ValueError as error:
        raise UsageError(f"The rehearsal company cannot start in {home}: {error}.", _ELSEWHERE) from error


_ELSEWHERE = "Mend or remove what it names, or choose another home: --home DIR"


def tell(out: Path) -> list[Path]:
    """Tell the whole journey; home and reports are left in `out`. Gives the reports.

    Raises:
        UsageError: the folder holds something that no demo made.
        FiggoOpsError: the journey did not go as told.
    """
    folder = _emptied(out.absolute())
    with Rehearsal(folder / "home") as company:
        # A day's commands told in seconds: Figgo's fifty requests a minute would make the listener wait.
        company.figgo.switch("rate_limit", 1000)
        story = Story(company, Home.open(str(folder / "home")))
        story.diagnosed()
        story.first_load()
        story.nothing_twice()
        story.live()
        story.by_hand()
        story.audited()
        story.taken_back()
        story.moved()
        story.end()
    return story.reports


def _emptied(folder: Path) -> Path:
    """A folder for the demo; what an earlier demo left there goes, nothing else."""
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
            raise UsageError(f"{folder} holds files that no demo made.", _OTHER_FOLDER)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        (folder / _MARK).touch()
    except OSError as error:
        raise UsageError(f"{folder} cannot be used: {error.strerror or error}.", _OTHER_FOLDER) from error
    return folder


_OTHER_FOLDER = "Choose another folder: demo --out DIR"
