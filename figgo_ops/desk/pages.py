"""The frame of every page that leaves us: whose it is, how it ended, and no request to anywhere."""

import base64
import hashlib
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

import figgo_ops
from figgo_ops import tenants
from figgo_ops.errors import UsageError
from figgo_ops.home import VARIABLE, Home

TEMPLATES = Path(__file__).parent / "templates"
_OWN = TEMPLATES / "figgo"

REHEARSAL, LIVE = "REHEARSAL", "LIVE"


def mode_of(home: Path, tenant: str) -> str:
    """REHEARSAL or LIVE; "" when the tenant's file cannot be read."""
    try:
        return REHEARSAL if tenants.load(Home(home), tenant).rehearsal else LIVE
    except UsageError:
        return ""


def here() -> Path:
    """The home this process works in."""
    return Path(os.environ.get(VARIABLE) or "~/figgo-ops").expanduser().absolute()


def whose(tenant: str, home: Path | None = None) -> dict[str, str]:
    """What the first line of every page says: tenant, REHEARSAL or LIVE, home."""
    home = home or here()
    mode = mode_of(home, tenant) if tenant else ""
    return {"tenant": tenant, "mode": mode, "home": shown_path(home)}


def home_option(home: Path) -> list[str]:
    """What a command line needs to work in this home: nothing in the default one."""
    return [] if home == Path("~/figgo-ops").expanduser() else ["--home", str(home)]


def shown_path(path: Path) -> str:
    """A path without the name of the person whose machine this is."""
    user = Path.home()
    return f"~/{path.relative_to(user)}" if path != user and path.is_relative_to(user) else str(path)


def frame(title: str, values: Mapping[str, Any], facts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """What the templates call `page`.

    Args:
        values: any of tenant, mode, home, started, exit, status, message, remedy, again.
        facts: lines of the foot, names and values; versions are added.
    """
    lines = [(name, value) for name, value in facts if value]
    return {**values, "title": title, "css": _css(), "facts": [*lines, ("figgo_ops", figgo_ops.__version__)]}


def page(frame: Mapping[str, Any], parts: Iterable[str], script: str = "") -> str:
    """A whole page of finished HTML parts.

    Args:
        frame: as made by `frame`.
        parts: HTML, every value in it escaped.
        script: the one script that may run; its digest is what the page's policy allows.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shown = {**frame, "script": script, "script_hash": f"sha256-{digest}" if script else ""}
    return _environment().get_template("page.html.j2").render(page=shown, parts=list(parts))


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(_OWN), autoescape=True)


@cache
def _css() -> str:
    return (_OWN / "style.css").read_text(encoding="utf-8")
