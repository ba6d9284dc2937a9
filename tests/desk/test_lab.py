"""What `figgo-ops lab` prepares: the engineer's own copies, and a JupyterLab that keeps no secret."""

import json
import stat
from pathlib import Path

import pytest

from figgo_ops.desk import lab, shipped
from figgo_ops.home import VARIABLE
from tests.desk.books import notebook

SHIPPED = [f"{path.name}: copied" for path in sorted(shipped("notebooks").glob("*.ipynb"))]


def test_notebooks_are_copied_once_and_left_alone_afterwards(tmp_path: Path) -> None:
    assert lab.copied(tmp_path) == SHIPPED
    assert lab.copied(tmp_path) == []


def test_a_notebook_that_was_only_run_counts_as_not_edited(tmp_path: Path) -> None:
    lab.copied(tmp_path)
    path = tmp_path / lab.FIRST
    content = json.loads(path.read_text())
    content["cells"][-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["ran\n"]}]
    path.write_text(json.dumps(content))
    assert lab.copied(tmp_path) == []
    assert "ran" in path.read_text()


def test_an_edited_notebook_is_kept_and_named(tmp_path: Path) -> None:
    lab.copied(tmp_path)
    notebook(tmp_path / lab.FIRST, "mine()")
    (line,) = lab.copied(tmp_path)
    assert "kept as you edited it" in line
    assert "mine()" in (tmp_path / lab.FIRST).read_text()


def test_a_notebook_of_an_earlier_version_is_updated_unless_it_was_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path / "older"
    older.mkdir()
    notebook(older / lab.FIRST, "old()")
    with monkeypatch.context() as patch:
        patch.setattr(lab, "shipped", lambda _kind: older)
        lab.copied(tmp_path / "mine")
    assert f"{lab.FIRST}: updated" in lab.copied(tmp_path / "mine")
    assert "old()" not in (tmp_path / "mine" / lab.FIRST).read_text()


def test_the_lab_listens_here_only_keeps_no_widget_state_and_works_in_this_home(tmp_path: Path) -> None:
    ready = lab.prepared(tmp_path, 8899)
    assert "--ServerApp.ip=127.0.0.1" in ready.command
    assert "--ServerApp.port=8899" in ready.command
    assert ready.environment[VARIABLE] == str(tmp_path)
    settings = Path(ready.environment["JUPYTERLAB_SETTINGS_DIR"])
    plugin = json.loads(
        (settings / "@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings").read_text()
    )
    assert plugin["saveState"] is False
    profile = Path(ready.environment["IPYTHONDIR"], "profile_default", "ipython_kernel_config.py")
    assert "HistoryManager.enabled = False" in profile.read_text()
    assert stat.S_IMODE((tmp_path / "notebooks").stat().st_mode) == 0o700


def test_settings_an_engineer_made_stay_but_widget_state_is_never_saved(tmp_path: Path) -> None:
    lab.prepared(tmp_path)
    folder = tmp_path / "jupyter" / "settings" / "@jupyter-widgets" / "jupyterlab-manager"
    file = folder / "plugin.jupyterlab-settings"
    file.write_text(json.dumps({"saveState": True, "other": 1}))
    lab.prepared(tmp_path)
    assert json.loads(file.read_text()) == {"saveState": False, "other": 1}
