"""JupyterLab on the engineer's copies of the notebooks: no news, no questions, no saved widget state."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from ipykernel.kernelspec import write_kernel_spec

from figgo_ops.desk import copies, lab_keys, runs, shipped
from figgo_ops.errors import UsageError
from figgo_ops.home import VARIABLE

FIRST = "initialization.ipynb"
_NOTED = ".shipped.json"

_SETTINGS: Mapping[str, Mapping[str, object]] = {
    "@jupyterlab/notebook-extension/tracker": {"autoStartDefaultKernel": True},
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # With saved state a password typed into a form would be in the file
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": False},
}

_OPTIONS = (
    "--ServerApp.ip=127.0.0.1",
    f"--LabApp.default_url=/lab/tree/{FIRST}",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)


@dataclass(frozen=True, slots=True)
class Lab:
    """A JupyterLab ready to be started.

    Attributes:
        said: what became of the notebooks, one line each.
    """

    command: list[str]
    environment: dict[str, str]
    said: list[str]


def lab(home: Path, port: int | None = None) -> NoReturn:
    """Become JupyterLab in this home.

    Raises:
        UsageError: JupyterLab is not installed.
    """
    ready = prepared(home, port)
    sys.stderr.writelines(f"{line}\n" for line in ready.said)
    sys.stderr.flush()
    os.execve(ready.command[0], ready.command, ready.environment)  # noqa: S606 - no shell is wanted


def prepared(home: Path, port: int | None = None) -> Lab:
    """Copy the notebooks and write the configuration, for whoever starts JupyterLab.

    Args:
        port: to listen on, on this machine only; the first free one from 8888 on unless said.

    Raises:
        UsageError: JupyterLab is not installed.
    """
    if find_spec("jupyterlab") is None:
        raise UsageError("JupyterLab is not installed.", "Install it: pip install 'figgo_ops[lab]'")
    said = copied(home / "notebooks")
    environment = _configured(home / "jupyter")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={home / 'notebooks'}", *_OPTIONS]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    return Lab(command, {**os.environ, **environment, VARIABLE: str(home)}, said)


def copied(folder: Path) -> list[str]:
    """Bring the engineer's notebooks up to date; edited ones stay. One line for each that differs."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    noted = runs.read_json(folder / _NOTED)
    said = []
    for source in sorted(shipped("notebooks").glob("*.ipynb")):
        target, new = folder / source.name, copies.substance(source)
        old = copies.substance(target) if target.exists() else ""
        if old in ("", noted.get(source.name, "")) and old != new:
            runs.write_text(target, source.read_text(encoding="utf-8"))
            noted[source.name] = new
            said.append(f"{source.name}: {'updated' if old else 'copied'}")
        elif old != new:
            said.append(f"{source.name}: kept as you edited it; the one of this version is {source}")
    runs.write_json(folder / _NOTED, noted)
    return said


def _settings(folder: Path, name: str) -> Path:
    """The file of one plugin's settings."""
    file = folder / "settings" / f"{name}.jupyterlab-settings"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return file


def _configured(folder: Path) -> dict[str, str]:
    """Write the configuration; the variables that make JupyterLab find it."""
    for name, content in _SETTINGS.items():
        file = _settings(folder, name)
        runs.write_json(file, {**runs.read_json(file), **content})
    keys = _settings(folder, lab_keys.SETTING)
    kept = runs.read_json(keys)
    runs.write_json(keys, {**kept, "shortcuts": lab_keys.shortcuts(kept.get("shortcuts", ()))})
    profile = folder / "ipython" / "profile_default"
    profile.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Or every cell that is run, typed secrets included, is kept in a history
    runs.write_text(profile / "ipython_kernel_config.py", "get_config().HistoryManager.enabled = False\n")
    spec = folder / "data" / "kernels" / "python3"
    if not spec.exists():
        write_kernel_spec(spec)
    kernel = json.loads((spec / "kernel.json").read_text(encoding="utf-8"))
    runs.write_json(spec / "kernel.json", {**kernel, "argv": [sys.executable, *kernel["argv"][1:]]})
    return {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_PATH": str(folder / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
