"""Diagnostics of what is on this machine: the tenant file, the secrets it refers to, what was confirmed."""

from dataclasses import dataclass

from figgo_ops import secrets
from figgo_ops.checks import CUSTOMER, SUPPORT, Check, of
from figgo_ops.errors import SecretUnavailable
from figgo_ops.session import Session
from figgo_ops.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Kept:
    """What is on this machine, looked at.

    Attributes:
        checks: the tenant file, what the customer confirmed, every secret.
        failed: names of checks of secrets that cannot be used, by the references.
    """

    tenant: Tenant
    checks: list[Check]
    failed: dict[str, str]

    def closed(self, owner: str) -> str:
        """Why Figgo, or the calendar of this name, cannot be asked; "" when its secrets are there."""
        return next((f"see {check.name}" for check in self.of(owner)), "")

    def of(self, owner: str) -> list[Check]:
        """The failed checks of the secrets that Figgo, or the calendar of this name, is asked with."""
        mine = {self.failed.get(reference) for reference in _used_by(self.tenant, owner)}
        return [check for check in self.checks if check.name in mine]


def kept(session: Session) -> Kept:
    """The tenant file, what the customer confirmed, every secret it refers to."""
    tenant = session.tenant
    kinds = ", ".join(f"{one.name} ({one.kind})" for one in tenant.calendars)
    tried = f"read {tenant.file}"
    found = [Check("tenant file", "ok", f"{tenant.state}, calendars: {kinds}", tried=tried)]
    if tenant.state == "draft":
        found.append(_confirmed(tenant))
    secrets = {reference: _secret(session, reference) for reference in references(tenant)}
    failed = {reference: check.name for reference, check in secrets.items() if check.status == "failed"}
    return Kept(tenant, [*found, *secrets.values()], failed)


def references(tenant: Tenant) -> list[str]:
    """Every secret reference in the tenant file, each once, in its order."""
    found = [*secrets.references(tenant.figgo.model_dump())]
    for calendar in tenant.calendars:
        found += secrets.references(calendar.own.model_dump())
    return list(dict.fromkeys(found))


def _used_by(tenant: Tenant, owner: str) -> set[str]:
    if owner == "Figgo":
        return {tenant.figgo.api_key}
    return set(secrets.references(tenant.calendar(owner).own.model_dump()))


def _confirmed(tenant: Tenant) -> Check:
    """What must be settled with the customer before the first load."""
    since, tried = tenant.checklist.vendor_sync_off, "looked for vendor_sync_off in the tenant file"
    if since:
        return Check("vendor's own sync", "ok", f"confirmed to be off since {since}", tried=tried)
    return Check(
        "vendor's own sync",
        "warning",
        "nobody confirmed that Lucca's own calendar synchronization is off for these legal entities: with "
        "both on, every leave would be in the calendars twice",
        "Have it switched off in Lucca, then write the day as vendor_sync_off below [checklist] of the file.",
        CUSTOMER,
        "vendor-sync",
        tried,
    )


def _secret(session: Session, reference: str) -> Check:
    name, tried = f"secret {reference}", "resolved the reference; its value is not shown"
    try:
        session.home.secret(reference)
    except SecretUnavailable as error:
        return Check(name, "failed", error.message, error.remedy, SUPPORT, _code(reference, error), tried)
    return of(name, None, "is there, and nobody else may read it", tried=tried)


def _code(reference: str, error: SecretUnavailable) -> str:
    return (
        "secret-open"
        if reference.startswith("file:") and "may be read by others" in error.message
        else error.code
    )
