"""What the support engineer holds: notebooks, their runs, tables, charts and pages."""

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(kind: Literal["notebooks", "runbooks"]) -> Path:
    """The folder of notebooks or runbooks that came with this version.

    A wheel carries them inside the package; a checkout keeps them beside it.
    """
    inside = _PACKAGE / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind
