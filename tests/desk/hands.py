"""Somebody who fills in a form, finding everything by its label, in the messages a browser would send."""

import html
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import ipywidgets

from figgo_ops.desk.forms.view import Form
from figgo_ops.sandbox.home import CLIENT_ID, SERVICE_ACCOUNT, TENANT_ID
from tests.rehearsal import TENANT, Corail

SHOWN = (ipywidgets.HTML, ipywidgets.Box)
"""What is only looked at."""


def plain(content: str) -> str:
    """HTML as somebody reads it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", content)).split())


def walk(widget: Any) -> Iterator[Any]:
    """A widget and all that is shown in it, in the order of the page."""
    if widget.layout.display == "none":
        return
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


class Hands:
    """Hands on one form."""

    def __init__(self, form: Form) -> None:
        self.form = form

    def controls(self) -> list[Any]:
        """Everything that can be filled in or pressed, in the order of the page."""
        return [one for one in walk(self.form.box) if not isinstance(one, SHOWN)]

    def labels(self) -> list[str]:
        """What stands on each of them."""
        return [one.description for one in self.controls()]

    def control(self, label: str, which: int = 0) -> Any:
        """The control of this label."""
        found = [one for one in self.controls() if one.description == label]
        assert len(found) > which, f"no {label!r} among {self.labels()}"
        return found[which]

    def fill(self, label: str, value: Any, which: int = 0) -> None:
        """Type, choose or tick."""
        control = self.control(label, which)
        if isinstance(control, ipywidgets.Dropdown):
            control.set_state({"index": control._options_values.index(value)})
        elif isinstance(value, date) or value is None:
            control.value = value
        else:
            control.set_state({"value": value})

    def type(self, label: str, text: str, which: int = 0) -> None:
        """Type letter by letter."""
        for length in range(1, len(text) + 1):
            self.fill(label, text[:length], which)

    def send(self, content: bytes, which: int = 0) -> None:
        """Choose a file for the field of a secret."""
        told = {"name": "a.json", "type": "", "size": len(content), "content": memoryview(content)}
        uploads = [one for one in self.controls() if isinstance(one, ipywidgets.FileUpload)]
        uploads[which].set_state({"value": [{**told, "last_modified": 0}]})

    def press(self, label: str, which: int = 0) -> None:
        """Press a button."""
        control = self.control(label, which)
        assert isinstance(control, ipywidgets.Button)
        assert not control.disabled
        control.click()

    def beside(self, label: str, which: int = 0) -> str:
        """What is said beside a field."""
        control = self.control(label, which)
        (line,) = (one for one in walk(self.form.box) if control in getattr(one, "children", ()))
        return plain(" ".join(one.value for one in line.children if isinstance(one, ipywidgets.HTML)))

    def page(self) -> str:
        """Everything that is to be read."""
        return " ".join(plain(one.value) for one in walk(self.form.box) if isinstance(one, ipywidgets.HTML))

    # What the customer of the rehearsal answers

    def customer(self, corail: Corail, name: str) -> None:
        """Tenant, zone, Figgo and its key."""
        self.fill("Show what is rarely needed", True)
        self.fill("Tenant", name)
        self.fill("Time zone", "Europe/Paris")
        self.fill("Figgo address", corail.stage.urls["figgo"])
        self.fill("Host in keys", "corail.ilucca.net")
        self.fill("Authority file", str(corail.stage.ca_file))
        self.fill("API key: value", key_of(corail))
        self.fill("Start", date(2026, 6, 1))

    def google(self, corail: Corail, which: int = 0) -> None:
        """A calendar of Google."""
        self._calendar("google", "google", corail, which)
        self.send(secret_of(corail, "google.json").encode())
        urls = {"API root": corail.stage.urls["google"], "Token URL": f"{corail.stage.urls['google']}/token"}
        for label, url in urls.items():
            self.fill(label, url)

    def exchange(self, corail: Corail, which: int = 0) -> None:
        """A calendar of Exchange."""
        self._calendar("exchange", "exchange", corail, which)
        self.fill("URL", f"{corail.stage.urls['exchange']}/EWS/Exchange.asmx")
        self.fill("User", SERVICE_ACCOUNT)
        self.fill("Password: value", secret_of(corail, "exchange.password"))

    def microsoft365(self, corail: Corail, which: int = 0) -> None:
        """A calendar of Microsoft 365, with a secret."""
        self._calendar("microsoft365", "microsoft 365", corail, which)
        self.fill("Tenant id", TENANT_ID)
        self.fill("Client id", CLIENT_ID)
        self.fill("Certificate", "")
        self.fill("Client secret", f"file:{TENANT}-other.secret")
        self.fill("Client secret: value", secret_of(corail, "microsoft365.secret"))
        self.fill("API root", corail.stage.urls["microsoft365"])
        self.fill("Authority", corail.stage.urls["microsoft365"])

    def checklist(self) -> None:
        """The vendor's sync is off, look-alikes are answered."""
        self.fill("Lucca's own sync off", date(2026, 11, 1))
        self.fill("Look-alikes", "ignore")

    def _calendar(self, kind: str, name: str, corail: Corail, which: int) -> None:
        self.fill("Calendar", name, which)
        self.fill("Provider", kind, which)
        self.fill("CA file", str(corail.stage.ca_file), which)


def key_of(corail: Corail, role: str = "") -> str:
    """An API key of the company's Figgo, as its administrator reads it out."""
    return secret_of(corail, f"figgo-{role}.key" if role else "figgo.key")


def secret_of(corail: Corail, name: str) -> str:
    """A secret as the customer knows it."""
    return (corail.home.secrets / f"{TENANT}-{name}").read_text().strip()
