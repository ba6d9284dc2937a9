"""JupyterLab's one-letter commands kept out of forms, where a letter chooses from a list.

A notebook takes every key that is pressed outside of text as a command: on a list of providers, x cuts the
cell with the form in it, and an arrow walks to the next cell.
"""

import json
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

SETTING = "@jupyterlab/shortcuts-extension/shortcuts"
_PLUGINS = ("notebook-extension/tracker.json", "mainmenu-extension/plugin.json")
_ANYWHERE = (" :focus", " :focus:not(:read-write)")
_OUTSIDE = ":not(.figgo-form *)"

Shortcut = Mapping[str, Any]


def shortcuts(mine: Iterable[Shortcut]) -> list[Shortcut]:
    """The engineer's own shortcuts, and those of notebooks with forms left out of their reach.

    Args:
        mine: as the settings have them; what an earlier start added is made anew.
    """
    listed = list(mine)
    added = {_keys(one) for one in listed if one["selector"].endswith(_OUTSIDE) and not one.get("disabled")}
    ours = (*_ANYWHERE, _OUTSIDE)
    kept = [one for one in listed if _keys(one) not in added or not one["selector"].endswith(ours)]
    taken = {_keys(one) for one in kept}
    return kept + [one for one in _moved_out(_shipped()) if _keys(one) not in taken]


def _moved_out(shipped: Iterable[Shortcut]) -> Iterator[Shortcut]:
    for one in shipped:
        if one["selector"].endswith(_ANYWHERE) and any(one.get("keys", ())):
            yield {**one, "disabled": True}
            yield {**one, "selector": one["selector"] + _OUTSIDE}


def _keys(one: Shortcut) -> tuple[str, ...]:
    return one["command"], *one.get("keys", ())


def _shipped() -> Iterator[Shortcut]:
    """The shortcuts of notebooks and kernels, as the JupyterLab that is installed has them."""
    schemas = Path(sysconfig.get_path("data"), "share", "jupyter", "lab", "schemas", "@jupyterlab")
    for file in (schemas / plugin for plugin in _PLUGINS):
        if file.is_file():
            yield from json.loads(file.read_text("utf-8")).get("jupyter.lab.shortcuts", ())
