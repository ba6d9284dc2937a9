"""Clear what we know of a tenant or of one person: ledger rows, plans and runs."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from figgo_ops.session import Session


def forget(session: Session, employee: int | None = None) -> None:
    """Clear everything about the session's tenant or, of it, about one employee only.

    Plans and runs cannot be cleared of one person: those that mention them go whole.
    """
    name = session.tenant.name
    words = _words(session, employee) if employee is not None else _ANYTHING
    for path in session.home.plans.glob(f"{name}-plan-*.json"):
        if _tenant_of(path) == name and _mentions(path, words):
            path.unlink()
    for folder in session.home.runs.iterdir():
        if _tenant_of(folder / "result.json") == name and any(
            _mentions(path, words) for path in folder.rglob("*")
        ):
            shutil.rmtree(folder)
    if employee is None:
        session.ledger.forget_tenant(name)
    else:
        session.ledger.forget_employee(name, employee)
    session.ledger.scrub()


_ANYTHING = re.compile("")


def _words(session: Session, employee: int) -> re.Pattern[str]:
    """What the person is called in plans and runs: by key, by address, and by id behind or without a name."""
    places = session.ledger.places(session.tenant.name).get(employee, ())
    called = [f"{session.tenant.figgo.host}/{employee}/", *(place.address for place in places)]
    words = [re.escape(word) for word in called]
    return re.compile("|".join([*words, rf"\({employee}\)", rf"employee\W{{1,5}}{employee}(?!\d)"]))


def _tenant_of(path: Path) -> str:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(document.get("tenant", "")) if isinstance(document, dict) else ""


def _mentions(path: Path, words: re.Pattern[str]) -> bool:
    return path.is_file() and words.search(path.read_text(encoding="utf-8", errors="replace")) is not None
