"""What the super administrator of a Google Workspace pastes and types, so that we may write calendars.

One service account in a project of its own, whose one right is a line in the Admin console: our scope, for
all users of the domain. Google has no command for that line, so a script does what comes before and after it,
and `CONSOLE` says the rest. The script holds no secret, creates only what is not there yet, renews, and ends
with the way back. Its form follows from Cloud Shell:

- A pasted line runs although the one before it failed: every write stands behind a test for what it needs.
- What is pasted behind a question becomes its answer, so a section ends where it asks.
- gcloud would ask whether to switch on an interface, and take the next pasted line for the answer: `--quiet`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from figgo_ops.desk.setup.powershell import Section, check_name, filled, joined, split
from figgo_ops.errors import UsageError

SCOPE = "https://www.googleapis.com/auth/calendar.events.owned"
"""What the adapter asks for; where the Admin console does not list exactly this, every token is refused."""

CONSOLE = (
    "Sign in to admin.google.com as a super administrator.",
    "Security > Access and data control > API controls > Manage Domain Wide Delegation > Add new.",
    "Client ID: the number that section 7 prints.",
    f"OAuth scopes, this one alone: {SCOPE}",
    "Authorize. An error means that the number is of another account, or the scope was not copied whole.",
    "Where multi-party approval is on, another super administrator must approve it: nothing acts before.",
    "Where apps are restricted: API controls > App access control > Configure new app > client ID: Trusted.",
)
"""The steps for which there is no command."""

_SCRIPT = Path(__file__).parent.parent / "templates" / "google.sh"
_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")

# How long Google lets the shown name of a service account be (in bytes), and Cloud Shell the name of a file.
_TITLE, _FILE = 100, 255


@dataclass(frozen=True, slots=True)
class GoogleSetup:
    """What the customer decided.

    Attributes:
        project: id of a project of its own, there already or still free in all of Google Cloud.
        account: of the service account, without the part that Google adds.
        title: what Google shows as its name.
        key: name of the key file that the administrator makes.

    Raises:
        UsageError: a name that cannot be one; the message says which.
    """

    project: str
    account: str = "figgo-ops"
    title: str = "Figgo leaves in calendars"
    key: str = "figgo-ops.json"

    def __post_init__(self) -> None:
        _check_id("project", self.project)
        _check_id("account", self.account)
        check_name("title", self.title, _TITLE)
        if len(self.title.encode()) > _TITLE:
            raise UsageError(
                f"title: {len(self.title.encode())} bytes, where {_TITLE} may be.", "Shorten the title."
            )
        check_name("key", self.key, _FILE)
        if "/" in self.key or self.key in (".", ".."):
            raise UsageError(f"key: {self.key!r} is not the name of a file.", "Give it without folders.")

    @property
    def email(self) -> str:
        """The address by which Google knows the service account."""
        return f"{self.account}@{self.project}.iam.gserviceaccount.com"


def shell_literal(text: str) -> str:
    """The text as one word of a shell, in which nothing is expanded and which nothing in it can end."""
    return "'" + text.replace("'", "'\\''") + "'"


def script(setup: GoogleSetup) -> str:
    """The whole script."""
    return joined(split(_SCRIPT.read_text(encoding="utf-8"))[0], sections(setup))


def sections(setup: GoogleSetup) -> tuple[Section, ...]:
    """The script in the parts that are pasted one after the other."""
    values = _values(setup)
    _, every = split(_SCRIPT.read_text(encoding="utf-8"))
    return tuple(filled(section, values) for section in every)


def _values(setup: GoogleSetup) -> dict[str, str]:
    file = shell_literal(f"./{setup.key}")  # a name that begins with a hyphen would be an option
    return {
        "project": shell_literal(setup.project),
        "account": shell_literal(setup.account),
        "email": shell_literal(setup.email),
        "title": shell_literal(setup.title),
        "file": file,
        "shown": shell_literal(file),
        "scope": shell_literal(SCOPE),
    }


def _check_id(field: str, name: str) -> None:
    if not _ID.fullmatch(name):
        raise UsageError(
            f"{field}: {name!r} is none that Google takes.",
            "Give 6 to 30 of a-z, 0-9 and hyphens, a letter first and no hyphen last.",
        )
