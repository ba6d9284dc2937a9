"""Arrows never point back, each library has one door, and looking at the package costs nothing."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import figgo_ops

ROOT = Path(figgo_ops.__file__).parent

PURE = (
    *("leaves", "events", "unshown", "plan", "compare", "units", "found", "diff", "limits", "roster"),
    *("errors", "checks", "unread", "verdicts"),
    *("recall.takeback", "explaining.reasons", "explaining.waiting", "explaining.judging"),
)
THINKING = {
    "collections",
    "dataclasses",
    "datetime",
    "fnmatch",
    "functools",
    "hashlib",
    "itertools",
    "operator",
    "pathlib",  # plan.py says where a plan was saved; what a path can do is forbidden below
    "typing",
    "unicodedata",
    "zoneinfo",
}
DOING = {
    *("open", "print", "input", "exec", "eval", "__import__"),
    *("now", "today", "utcnow", "monotonic", "sleep", "random", "getenv", "connect", "urlopen"),
    *("read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "exists", "iterdir", "glob"),
}

LAYERS = (
    ("errors",),
    ("checks",),
    ("causes", "home", "network", "pacing", "secrets", "transport"),
    ("leaves",),
    ("events",),
    ("unshown",),
    ("plan",),
    ("compare", "units", "found"),
    ("diff", "limits", "roster", "planfile"),
    ("result", "verdicts"),
    ("calendars", "figgo", "ledger", "tenants"),
    ("session",),
    ("look", "reading", "view"),
    ("act", "planning", "recall"),
    ("audit", "sync"),
    ("explaining",),
    ("realtime",),
    ("desk",),
    ("demo",),
    ("commands",),
    ("__main__",),
)
"""The journey, from what knows least to what knows most; a module imports from its own layer or below."""

DOORS = {
    "alembic": ("ledger", "migrations"),
    "certifi": ("calendars._exchange",),
    "cryptography": ("sandbox", "calendars", "network"),
    "dask": ("workers",),
    "distributed": ("workers",),
    "exchangelib": ("calendars.exchange", "calendars._exchange"),
    "google": ("calendars.google", "calendars._google"),
    "google_auth_httplib2": ("calendars.google", "calendars._google"),
    "googleapiclient": ("calendars.google", "calendars._google"),
    "httplib2": ("calendars.google", "calendars._google"),
    "httpx": ("transport",),
    "ipykernel": ("desk",),
    "ipywidgets": ("desk",),
    "IPython": ("desk",),
    "jinja2": ("desk",),
    "keyring": ("secrets",),
    "lxml": ("sandbox", "calendars.exchange", "calendars._exchange"),
    "matplotlib": ("desk",),
    "msal": ("calendars.microsoft365", "calendars._microsoft365"),
    "nbclient": ("desk",),
    "nbconvert": ("desk",),
    "nbformat": ("desk",),
    "oauthlib": ("calendars._exchange",),
    "pandas": ("desk",),
    "papermill": ("desk",),
    "psycopg": ("ledger",),
    "pydantic": ("calendars", "secrets", "session", "tenants"),
    "requests": ("calendars._exchange",),
    "spnego": ("calendars._exchange",),
    "sqlalchemy": ("ledger", "migrations"),
    "tomlkit": ("tenants",),
    "traitlets": ("desk",),
    "tzlocal": ("calendars._microsoft365",),
    "urllib3": ("calendars._exchange",),
}
"""Who may import what; a name ending in a module of a provider stands for all modules that begin so."""

ONE_MODULE = ("httpx", "jinja2", "keyring", "papermill", "tomlkit")


def name_of(path: Path) -> str:
    """A module's dotted name below the package, "" for the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the package, parsed."""
    return {
        name_of(path): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in ROOT.rglob("*.py")
    }


def imports(module: str) -> Iterator[str]:
    """The dotted names that a module imports anywhere, functions included."""
    for node in ast.walk(trees()[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively: {ast.unparse(node)}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(module: str) -> set[str]:
    """The modules of the package that a module imports; "" where it is the package itself."""
    inside = (name.partition(".")[2] for name in imports(module) if name.split(".")[0] == "figgo_ops")
    return {name if name in trees() else name.rpartition(".")[0] for name in inside} - {module}


def libraries(module: str) -> set[str]:
    """The third-party libraries that a module imports."""
    return {name.split(".")[0] for name in imports(module)} - sys.stdlib_module_names - {"figgo_ops"}


def top(module: str) -> str:
    return module.partition(".")[0]


def layer(module: str) -> int | None:
    """Where in the journey a module stands; None where the journey does not name it."""
    return next((number for number, names in enumerate(LAYERS) if top(module) in names), None)


def behind(module: str, door: str) -> bool:
    return module == door or module.startswith((f"{door}.", f"{door}_"))


def provider(module: str) -> str:
    """The provider a module of calendars/ belongs to; "" for what providers share."""
    name = module.split(".")[1].lstrip("_").split("_")[0]
    return name if f"calendars.{name}" in trees() else ""


MODULES = sorted(trees())


class TestPurity:
    @pytest.mark.parametrize("module", PURE)
    def test_a_pure_module_imports_only_what_thinks(self, module: str) -> None:
        outside = {name.split(".")[0] for name in imports(module)} - {"figgo_ops"}
        assert outside <= THINKING
        assert own(module) <= set(PURE)

    @pytest.mark.parametrize("module", PURE)
    def test_a_pure_module_reads_no_clock_and_no_file(self, module: str) -> None:
        """Today is an argument."""
        calls = [node.func for node in ast.walk(trees()[module]) if isinstance(node, ast.Call)]
        names = {
            func.id if isinstance(func, ast.Name) else func.attr
            for func in calls
            if isinstance(func, ast.Name | ast.Attribute)
        }
        assert names & DOING == set()


class TestDirection:
    @pytest.mark.parametrize("module", MODULES)
    def test_no_arrow_points_back(self, module: str) -> None:
        mine = layer(module)
        above = {
            other for other in own(module) if mine is not None and (theirs := layer(other)) and theirs > mine
        }
        assert above == set()

    def test_modules_import_each_other_in_one_direction_only(self) -> None:
        """The rehearsal company aside, which is one small world."""
        waiting = {module: own(module) - {""} for module in MODULES if module and top(module) != "sandbox"}
        while free := [module for module, others in waiting.items() if not others & waiting.keys()]:
            for module in free:
                del waiting[module]
        assert waiting == {}

    @pytest.mark.parametrize("module", [m for m in MODULES if top(m) not in {"commands", "demo"}])
    def test_only_the_command_line_the_demo_and_the_desk_know_the_desk(self, module: str) -> None:
        assert module.startswith("desk") or not any(other.startswith("desk") for other in own(module))

    @pytest.mark.parametrize("module", [m for m in MODULES if top(m) == "sandbox"])
    def test_the_rehearsal_company_knows_nothing_of_us(self, module: str) -> None:
        """A shared bug would hide itself."""
        assert {top(other) for other in own(module)} <= {"sandbox"}

    def test_only_the_demo_knows_the_rehearsal_company(self) -> None:
        outside = [module for module in MODULES if top(module) != "sandbox"]
        guests = {top(module) for module in outside if any(top(other) == "sandbox" for other in own(module))}
        assert guests <= {"demo"}

    @pytest.mark.parametrize("module", [m for m in MODULES if top(m) in {"calendars", "figgo"}])
    def test_source_and_calendars_do_not_know_each_other(self, module: str) -> None:
        other_end = {"calendars": "figgo", "figgo": "calendars"}[top(module)]
        assert other_end not in {top(other) for other in own(module)}

    def test_nothing_imports_a_provider_by_name(self) -> None:
        """A file in calendars/ is a provider; who knew which there are would have to learn the next."""
        guests = {
            (module, other)
            for module in MODULES
            for other in own(module)
            if other.startswith("calendars.") and not module.startswith("calendars.")
        }
        assert guests == set()


class TestDoors:
    @pytest.mark.parametrize("module", MODULES)
    def test_each_library_is_used_behind_its_door(self, module: str) -> None:
        strays = {
            library
            for library in libraries(module) - {"tqdm"}
            if not any(behind(module, door) for door in DOORS.get(library, ()))
        }
        assert strays == set()

    @pytest.mark.parametrize(
        "library",
        [*ONE_MODULE, "tqdm"],
    )
    def test_some_libraries_are_known_to_one_module_only(self, library: str) -> None:
        assert len([module for module in MODULES if library in libraries(module)]) <= 1

    @pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("calendars.")])
    def test_a_provider_does_not_know_another(self, module: str) -> None:
        others = {provider(other) for other in own(module) if other.startswith("calendars.")}
        assert others <= {provider(module), ""}

    def test_importing_the_package_loads_no_library_and_none_of_our_modules(self) -> None:
        script = "import sys, figgo_ops; print(*sys.modules)"
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        loaded = {name.split(".")[0] for name in run.stdout.split()}
        assert "figgo_ops" in loaded
        assert loaded & (DOORS.keys() | {"tqdm"}) == set()
        assert [name for name in run.stdout.split() if name.startswith("figgo_ops.")] == []

    @pytest.mark.parametrize("module", PURE)
    def test_importing_a_pure_module_loads_no_library(self, module: str) -> None:
        script = f"import sys, figgo_ops.{module}; print(*sys.modules)"
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        loaded = {name.split(".")[0] for name in run.stdout.split()}
        assert loaded & (DOORS.keys() | {"tqdm"}) == set()
