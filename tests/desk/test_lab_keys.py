"""JupyterLab's one-letter commands do nothing inside a form, and are what they were elsewhere."""

import json
from pathlib import Path

import pytest

from figgo_ops.desk import lab, lab_keys

CUT = "notebook:cut-cell"


@pytest.fixture(autouse=True)
def _installed() -> None:
    pytest.importorskip("jupyterlab", reason="JupyterLab is an extra")


def test_every_command_without_a_modifier_is_kept_outside_of_forms() -> None:
    made = lab_keys.shortcuts([])
    moved = {one["command"] for one in made if not one.get("disabled")}
    assert {CUT, "notebook:delete-cell", "notebook:move-cursor-down", "kernelmenu:interrupt"} <= moved
    for one in made:
        twin = {**one, "disabled": True, "selector": one["selector"].removesuffix(":not(.figgo-form *)")}
        assert one.get("disabled") or twin in made, "the command that is replaced would still be heard"
        assert one.get("disabled") or one["selector"].endswith(":not(.figgo-form *)")


def test_a_second_start_adds_nothing() -> None:
    once = lab_keys.shortcuts([])
    assert lab_keys.shortcuts(once) == once


def test_what_an_engineer_changed_stays() -> None:
    (usual,) = (one for one in lab_keys.shortcuts([]) if one["command"] == CUT and one.get("disabled"))
    for own in (usual, {"command": CUT, "keys": ["Ctrl 9"], "selector": "body"}):
        made = lab_keys.shortcuts([own])
        assert own in made
        again = [one for one in made if one["command"] == CUT and one["keys"] == own["keys"]]
        assert again == [own], "what was switched off by hand is not switched on again"
        assert lab_keys.shortcuts(made) == made


def test_the_lab_is_told(tmp_path: Path) -> None:
    file = tmp_path / "jupyter" / "settings" / f"{lab_keys.SETTING}.jupyterlab-settings"
    lab.prepared(tmp_path)
    kept = json.loads(file.read_text())
    assert kept["shortcuts"] == lab_keys.shortcuts([])
    file.write_text(json.dumps({**kept, "other": 1}))
    lab.prepared(tmp_path)
    assert json.loads(file.read_text()) == {**kept, "other": 1}
