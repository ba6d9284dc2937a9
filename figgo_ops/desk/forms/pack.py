"""The part of the onboarding form that writes the set-up pack for the customer's administrator."""

from typing import Any

from figgo_ops.desk.forms import controls
from figgo_ops.desk.forms.controls import Field
from figgo_ops.desk.onboarding.live import Company
from figgo_ops.desk.setup import pack as setup_pack
from figgo_ops.desk.setup.pack import Given, Need
from figgo_ops.home import Home
from figgo_ops.tenants import Tenant


class PackPart:
    """What has to be asked for the pack, and the button that writes it; empty until a draft was saved."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._tenant: Tenant | None = None
        self._names: dict[int, str] = {}
        self.fields: dict[tuple[str, str], Field] = {}
        self.write = controls.button("Write the set-up pack", self._write)
        self.written = controls.html()
        self.box = controls.column()

    def offer(self, tenant: Tenant, company: Company | None) -> None:
        """Ask what this draft does not say and its pack needs."""
        self._tenant = tenant
        self._names = dict(company.names) if company else {}
        before = {key: one.value for key, one in self.fields.items()}
        self.fields = {}
        for need in setup_pack.needed(tenant):
            key = need.calendar, need.field
            self.fields[key] = _asked(need, before.get(key, ""))
        help_text = (
            "One page and a script per calendar, for the customer's administrator. No secret is in it."
        )
        rows: list[Any] = [one.box for one in self.fields.values()]
        self.box.children = (
            controls.heading("Set-up pack", help_text),
            *rows,
            controls.row(self.write),
            self.written,
        )

    def _write(self) -> None:
        if self._tenant is None:
            return
        given: dict[str, dict[str, str]] = {}
        for (calendar, field), one in self.fields.items():
            given.setdefault(calendar, {})[field] = one.value
        with controls.told_in(self.written):
            told = {calendar: Given(**said) for calendar, said in given.items()}
            page = setup_pack.write(self._home, self._tenant, told, entities=self._names)
            words = f"Written: {page} and the scripts beside it. Send the folder to the customer."
            controls.show(self.written, controls.sentence(words, "good", "status"))


def _asked(need: Need, value: str) -> Field:
    label = f"{need.field.capitalize()} ({need.calendar})"
    return Field(controls.text(value), label, _nothing, need.meaning)


def _nothing() -> None:
    """Hear of a change and do nothing: it is read when the pack is written."""
