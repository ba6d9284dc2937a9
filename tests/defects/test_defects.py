"""Every planted defect fits the tree as it is, and a trial believes nothing but a test that failed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.defects import RULES, patches
from tests.defects.__main__ import drawn, main
from tests.defects.patches import MOST_LINES, PatchError, load, parsed
from tests.defects.trial import ROOT, TrialError, first_failure, tried, unsound

PATCH = """The answer is one too many.

Rule: look, then act
Tests: tests/test_answer.py
--- a/figgo_ops/__init__.py
+++ b/figgo_ops/__init__.py
@@ -3,3 +3,3 @@

 def answer() -> int:
-    return 42
+    return 43
"""
PACKAGE = "import math\n\n\ndef answer() -> int:\n    return 42\n\n\ndef other() -> int:\n    return 42\n"
TEST = "from figgo_ops import answer\n\n\ndef test_the_answer_is_known():\n    assert answer() == 42\n"
REST = "def test_nothing():\n    pass\n"


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A small project with one function and one test of it."""
    small = tmp_path / "small"
    for name, text in (("figgo_ops/__init__.py", PACKAGE), ("tests/test_answer.py", TEST)):
        (small / name).parent.mkdir(parents=True, exist_ok=True)
        (small / name).write_text(text, encoding="utf-8")
    (small / "tests" / "test_rest.py").write_text(REST, encoding="utf-8")
    (small / "pyproject.toml").write_text('[tool.pytest.ini_options]\nmarkers = ["proof", "browser"]\n')
    yield small
    assert (small / "figgo_ops" / "__init__.py").read_text(encoding="utf-8") == PACKAGE, (
        "planted outside a copy"
    )


def write(tree: Path, name: str, text: str) -> None:
    (tree / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", patches.names())
def test_a_defect_is_small_fits_the_tree_and_names_its_rule_and_tests(name: str) -> None:
    defect = load(name)
    changed = defect.applied(ROOT)
    assert all(text != (ROOT / file).read_text(encoding="utf-8") for file, text in changed.items())
    assert 1 <= defect.size <= MOST_LINES
    assert all(file.startswith("figgo_ops/") for file in changed), "a test or a page is no product"
    assert all((ROOT / test).is_file() for test in defect.tests)


def test_there_are_many_defects_each_of_its_own_and_no_rule_is_without_one() -> None:
    defects = [load(name) for name in patches.names()]
    assert len(defects) >= 25
    assert len({defect.hunks for defect in defects}) == len(defects)
    assert {defect.rule for defect in defects} == set(RULES)


def test_a_defect_that_a_test_notices_is_caught_by_that_test(tree: Path) -> None:
    verdict = tried(parsed("one-too-many", PATCH), tree)
    assert (verdict.caught, verdict.narrow) == ("tests/test_answer.py::test_the_answer_is_known", True)


def test_a_defect_its_own_tests_miss_may_be_caught_by_the_others(tree: Path) -> None:
    write(tree, "tests/test_rest.py", TEST)
    write(tree, "tests/test_answer.py", REST)
    verdict = tried(parsed("one-too-many", PATCH), tree)
    assert (verdict.caught, verdict.narrow) == ("tests/test_rest.py::test_the_answer_is_known", False)


@pytest.mark.parametrize("unseen", ["proof", "browser"])
def test_a_defect_that_only_long_or_browser_tests_notice_survives(tree: Path, unseen: str) -> None:
    write(tree, "tests/test_answer.py", REST)
    marked = TEST.replace("def test", f"@pytest.mark.{unseen}\ndef test").replace(
        "from", "import pytest\nfrom", 1
    )
    write(tree, "tests/test_long.py", marked)
    assert tried(parsed("one-too-many", PATCH), tree).caught == ""


@pytest.mark.parametrize(
    "test",
    [
        "import figgo_ops_never\n",
        "def test_it() -> None\n",
        "def test_it():\n    nothing_of_that_name\n",
        "def test_it():\n    import figgo_ops.never\n",
        "def test_it(unknown_fixture):\n    pass\n",
        "import pytest\n\n\n@pytest.fixture\ndef odd():\n    assert 0\n\n\ndef test_it(odd):\n    pass\n",
        "",
    ],
    ids=["import", "syntax", "name", "late import", "unknown fixture", "fixture", "no test"],
)
def test_what_keeps_a_test_from_judging_is_no_catch(tree: Path, test: str) -> None:
    write(tree, "tests/test_answer.py", test)
    with pytest.raises(TrialError, match="no test judged it"):
        tried(parsed("one-too-many", PATCH), tree)


def test_tests_that_import_another_trees_package_prove_nothing(tree: Path) -> None:
    (tree / "elsewhere" / "figgo_ops").mkdir(parents=True)
    write(tree, "elsewhere/figgo_ops/__init__.py", "def answer() -> int:\n    return 0\n")
    copy = tree.parent / "copy"
    copy.mkdir()
    (copy / "tests").symlink_to(tree / "tests")
    (copy / "figgo_ops").symlink_to(tree / "elsewhere" / "figgo_ops")
    with pytest.raises(TrialError, match="which is not in the copy"):
        first_failure(copy, ["tests/test_answer.py"])


def test_a_trial_inherits_nothing_that_would_lead_it_elsewhere(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "figgo_ops").mkdir()
    write(tmp_path, "figgo_ops/__init__.py", PACKAGE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("HYPOTHESIS_PROFILE", "proof")
    first = "import os\n\n\ndef test_it():\n    assert 'HYPOTHESIS_PROFILE' not in os.environ\n"
    write(tree, "tests/test_first.py", first)
    patch = PATCH.replace("tests/test_answer.py", "tests/test_first.py tests/test_answer.py")
    assert tried(parsed("one-too-many", patch), tree).caught.endswith("::test_the_answer_is_known")


def test_a_test_that_fails_without_the_defect_is_unsound(tree: Path) -> None:
    write(tree, "tests/test_wolf.py", TEST.replace("42", "44"))
    caught = [
        "tests/test_answer.py::test_the_answer_is_known",
        "tests/test_wolf.py::test_the_answer_is_known",
    ]
    assert unsound(caught[:1], tree) == ""
    assert unsound(caught, tree) == caught[1]
    assert unsound([], tree) == ""


@pytest.mark.parametrize(
    ("package", "said"),
    [
        (PACKAGE.replace("answer() -> int", "answer() -> float"), "its lines no more"),
        (PACKAGE + PACKAGE, "its lines 2 times"),
        (PACKAGE.replace("    return 42\n\n\ndef o", "    return 41\n\n\ndef o"), "its lines no more"),
    ],
    ids=["context changed", "twice", "the line itself changed"],
)
def test_a_patch_that_does_not_fit_exactly_once_is_out_of_date(
    tmp_path: Path, package: str, said: str
) -> None:
    (tmp_path / "figgo_ops").mkdir()
    write(tmp_path, "figgo_ops/__init__.py", package)
    with pytest.raises(PatchError, match=f"one-too-many is out of date: figgo_ops/__init__.py has {said}"):
        parsed("one-too-many", PATCH).applied(tmp_path)


def test_a_patch_of_a_file_that_is_gone_is_out_of_date(tmp_path: Path) -> None:
    with pytest.raises(PatchError, match=r"there is no figgo_ops/__init__\.py"):
        parsed("one-too-many", PATCH).applied(tmp_path)


def test_a_patch_changes_the_lines_it_names_and_no_others(tree: Path) -> None:
    (changed,) = parsed("one-too-many", PATCH).applied(tree).values()
    assert changed == PACKAGE.replace("42", "43", 1)


def test_two_places_of_one_file_change_together(tree: Path) -> None:
    more = "@@ -8,2 +8,2 @@\n def other() -> int:\n-    return 42\n+    return 0\n"
    defect = parsed("both", PATCH + more)
    (changed,) = defect.applied(tree).values()
    assert (defect.size, changed) == (2, PACKAGE.replace("42", "43", 1).replace("42", "0", 1))


def test_a_patch_that_leaves_no_python_is_refused(tree: Path) -> None:
    with pytest.raises(PatchError, match="without meaning"):
        parsed("broken", PATCH.replace("return 43", "return ((")).applied(tree)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Rule: look, then act\n", "", "names no rule"),
        ("look, then act", "be careful", "names no rule: 'be careful'"),
        ("Tests: tests/test_answer.py\n", "", "lacks"),
        ("The answer is one too many.\n", "\n", "lacks"),
        ("--- a/", "-- a/", "lacks"),
        (" def answer", "def answer", "no unified diff: def answer"),
        ("+++ b/figgo_ops/__init__.py\n", "", "no file is named"),
    ],
)
def test_a_patch_file_that_lacks_something_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(PatchError, match=said):
        parsed("one-too-many", PATCH.replace(old, new))


def test_a_share_is_the_same_for_the_same_seed_and_no_larger_than_all() -> None:
    defects = [load(name) for name in patches.names()]
    four = drawn(defects, 4, 7)
    assert (len(four), four) == (4, drawn(defects, 4, 7))
    assert four != drawn(defects, 4, 8)
    assert drawn(defects, 10_000, 7) == defects


def test_the_command_lists_what_it_would_plant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--share", "3", "--seed", "5"]) == 0
    drawing, *rows = capsys.readouterr().out.splitlines()
    assert drawing == "3 defects drawn; repeat with --share 3 --seed 5"
    assert [row.split()[0] for row in rows] == [d.name for d in drawn([*map(load, patches.names())], 3, 5)]


def test_a_defect_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-defect"]) == 2
    assert "no-such-defect: there is no such defect" in capsys.readouterr().err


def test_the_command_says_what_was_caught_and_what_survived(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tree.parent / "patches"
    folder.mkdir()
    write(folder, "one-too-many.patch", PATCH)
    write(folder, "somewhere-else.patch", PATCH.replace("answer()", "other()"))
    monkeypatch.setattr(patches, "FOLDER", folder)
    monkeypatch.setattr("tests.defects.__main__.ROOT", tree)
    monkeypatch.setattr("tests.defects.__main__.tried", lambda defect: tried(defect, tree))
    monkeypatch.setattr("tests.defects.__main__.unsound", lambda caught: unsound(caught, tree))
    assert main([]) == 1
    said = capsys.readouterr().out
    assert "tests/test_answer.py::test_the_answer_is_known" in said
    assert "1 of 2 caught.\nSurvived all tests: somewhere-else" in said
    assert main(["one-too-many"]) == 0
    monkeypatch.setattr("tests.defects.__main__.unsound", lambda caught: next(iter(caught)))
    assert main(["one-too-many"]) == 2
    assert "also fails without any defect" in capsys.readouterr().err
    write(folder, "two-too-many.patch", PATCH.replace("-    return 42", "-    return 41"))
    assert main([]) == 2
    told = capsys.readouterr()
    assert (told.out, "two-too-many is out of date" in told.err) == ("", True), "known before any trial"
