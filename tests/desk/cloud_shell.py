"""Cloud Shell for a script: bash, and a gcloud that knows one project and is as strict as the real one.

Run as a program it is that gcloud; its memory is a JSON file beside it.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NUMBER = "108234567890123456789"
EMPTY: dict[str, Any] = {
    "project": "",
    "services": [],
    "account": "",
    "title": "",
    "keys": [],
    "refuses": [],
    "exceptions": [],
    "unreadable": False,
    "made": 0,
    "calls": [],
}
ORGANIZATION = ("iam.disableServiceAccountKeyCreation", "iam.managed.disableServiceAccountKeyCreation")


@dataclass(frozen=True, slots=True)
class Shell:
    """A folder with that gcloud in it; scripts run there."""

    folder: Path

    def __post_init__(self) -> None:
        self.change()
        gcloud = self.folder / "bin" / "gcloud"
        gcloud.parent.mkdir()
        gcloud.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{__file__}" "$@"\n')
        gcloud.chmod(0o755)

    @property
    def state(self) -> dict[str, Any]:
        """What there is in Google Cloud, and every call."""
        found: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return found

    def change(self, **what: Any) -> None:
        """Have it so."""
        known = self.state if (self.folder / "state.json").exists() else EMPTY
        (self.folder / "state.json").write_text(json.dumps({**known, **what}))

    def paste(self, text: str, answer: str = "") -> str:
        """Run this text as bash does, somebody answering its question; everything that is shown."""
        done = subprocess.run(
            ["bash", "--norc", "-c", text],
            cwd=self.folder,
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "STATE": str(self.folder / "state.json"),
                "TMPDIR": str(self.folder),
            },
            input=f"{answer}\n",
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return done.stdout + done.stderr

    def files(self) -> set[str]:
        """What lies in the folder beside the program and its memory."""
        return {path.name for path in self.folder.iterdir()} - {"bin", "state.json"}


class _NoError(Exception):
    """What gcloud says before it ends with 1."""


def _project(state: dict[str, Any], name: str) -> None:
    if state["project"] != name:
        raise _NoError(f"NOT_FOUND or PERMISSION_DENIED: project {name}")


def _account(state: dict[str, Any], name: str) -> None:
    if not name or state["account"] != name:
        raise _NoError(f"NOT_FOUND: {name}")


def _projects_describe(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _project(state, name)
    return str(state.get("lifecycle", "ACTIVE"))


def _projects_create(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    if state["project"] == name or name in state.get("taken", []):
        raise _NoError(f"The project ID {name} is already in use.")
    state["project"] = name
    return ""


def _services_enable(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _project(state, options["project"])
    state["services"] = sorted({*state["services"], *name.split()})
    return ""


def _services_list(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _project(state, options["project"])
    wanted = options["filter"].removeprefix("config.name=")
    return "\n".join(one for one in state["services"] if one == wanted)


def _account_describe(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _account(state, name)
    return NUMBER if options.get("format") == "value(uniqueId)" else f"{name} {NUMBER} False"


def _account_create(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _project(state, options["project"])
    if "iam.googleapis.com" not in state["services"]:
        raise _NoError("API [iam.googleapis.com] not enabled on project.")
    if state["account"]:
        raise _NoError("ALREADY_EXISTS")
    state["account"] = f"{name}@{options['project']}.iam.gserviceaccount.com"
    state["title"] = options["display-name"]
    return ""


def _account_delete(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _account(state, name)
    state["account"], state["keys"] = "", []
    return ""


def _keys_create(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _account(state, options["iam-account"])
    for constraint in state["refuses"]:
        if constraint not in state["exceptions"]:
            raise _NoError(f"FAILED_PRECONDITION: Key creation is not allowed: {constraint}")
    state["made"] += 1
    state["keys"].append(f"{state['made']:040x}")
    Path(name).write_text(json.dumps({"type": "service_account", "client_id": NUMBER}))
    return ""


def _keys_list(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _account(state, options["iam-account"])
    return "\n".join(state["keys"])


def _keys_delete(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _account(state, options["iam-account"])
    state["keys"].remove(name)
    return ""


def _policy_describe(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _policies(state, options)
    if "effective" in options:
        return str(name in state["refuses"] and name not in state["exceptions"])
    if name not in state["exceptions"]:
        raise _NoError("NOT_FOUND: Requested entity was not found.")
    return f"name: projects/x/policies/{name}"


def _policy_set(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _policies(state, options)
    text = Path(name).read_text()
    found = re.fullmatch(r"name: projects/(.*)/policies/(.*)\nspec:\n  rules:\n  - enforce: false\n", text)
    if not found or found[2] not in ORGANIZATION:
        raise _NoError(f"INVALID_ARGUMENT: {text}")
    _project(state, found[1])
    state["exceptions"].append(found[2])
    return ""


def _policy_delete(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    _policies(state, options)
    state["exceptions"].remove(name)
    return ""


def _policies(state: dict[str, Any], options: dict[str, str]) -> None:
    _project(state, options["billing-project"])
    if "orgpolicy.googleapis.com" not in state["services"]:
        raise _NoError("API [orgpolicy.googleapis.com] not enabled on project.")
    if state["unreadable"]:
        raise _NoError("PERMISSION_DENIED: orgpolicy.policy.get")


def _said(state: dict[str, Any], name: str, options: dict[str, str]) -> str:
    return "admin@acme.example"


_COMMANDS: dict[str, Callable[[dict[str, Any], str, dict[str, str]], str]] = {
    "config get-value": _said,
    "projects describe": _projects_describe,
    "projects create": _projects_create,
    "projects get-iam-policy": _said,
    "services enable": _services_enable,
    "services list": _services_list,
    "iam service-accounts describe": _account_describe,
    "iam service-accounts create": _account_create,
    "iam service-accounts delete": _account_delete,
    "iam service-accounts keys create": _keys_create,
    "iam service-accounts keys list": _keys_list,
    "iam service-accounts keys delete": _keys_delete,
    "org-policies describe": _policy_describe,
    "org-policies set-policy": _policy_set,
    "org-policies delete": _policy_delete,
}
WRITING = ("create", "enable", "delete", "set-policy")


def _gcloud(words: list[str]) -> int:
    memory = Path(os.environ["STATE"])
    state = json.loads(memory.read_text())
    state["calls"].append(words)
    options = {name[2:]: value for name, _, value in (one.partition("=") for one in words if one[:2] == "--")}
    plain = [one for one in words if one[:2] != "--"]
    command = max((one for one in _COMMANDS if plain[: len(one.split())] == one.split()), key=len)
    exit_code = 0
    try:
        shown = _COMMANDS[command](state, " ".join(plain[len(command.split()) :]), options)
        print(shown, end="\n" if shown else "")
    except _NoError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        exit_code = 1
    memory.write_text(json.dumps(state))
    return exit_code


if __name__ == "__main__":
    sys.exit(_gcloud(sys.argv[1:]))
