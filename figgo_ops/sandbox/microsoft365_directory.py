"""What Graph tells of a person beside the calendar: the directory's entry, and the mailbox's settings."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from figgo_ops.sandbox.exchange_store import Mailbox
from figgo_ops.sandbox.microsoft365_call import Answer, GraphError

_USER = ("displayName", "givenName", "id", "mail", "surname", "userPrincipalName")
_LICENCE = {"disabledPlans": [], "skuId": "05e9a617-0261-4cee-bb44-138d3ef5d965"}
_NAMES = uuid.UUID("00000003-0000-0000-c000-000000000000")
_SETTINGS = ("mailboxSettings",)
_ZONE = ("mailboxSettings", "timeZone")


def describe_user(
    address: str, mailbox: Mailbox | None, query: Mapping[str, str], switches: Mapping[str, Any], root: str
) -> Answer:
    """Answer for /users/{address}; GraphError without the directory permission, or without such a person."""
    if not switches["directory"]:
        raise GraphError(
            403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
        )
    if mailbox is None or mailbox.state in ("unknown", "soft-deleted"):
        text = f"Resource '{address}' does not exist or one of its queried objects is not present."
        raise GraphError(404, "Request_ResourceNotFound", text)
    known = _entry(mailbox)
    asked = query["$select"].split(",") if query.get("$select") else _USER
    unknown = [name for name in asked if name not in known]
    if unknown:
        text = f"Could not find a property named '{unknown[0]}' on type 'microsoft.graph.user'."
        raise GraphError(400, "BadRequest", text)
    shown = {name: known[name] for name in asked}
    return Answer(200, {"@odata.context": f"{root}/$metadata#users/$entity", **shown})


def describe_settings(mailbox: Mailbox, path: tuple[str, ...], address: str, root: str) -> Answer:
    """Answer for the mailbox settings; GraphError for a path that is none of theirs."""
    # Nobody has chosen a zone yet where the owner never opened Outlook on the web.
    zone = mailbox.windows_zone if mailbox.uses_web else ""
    context = f"{root}/$metadata#users('{address}')/mailboxSettings"
    if path == _SETTINGS:
        return Answer(200, {"@odata.context": context, "timeZone": zone})
    if path != _ZONE:
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{path[-1]}'.")
    return Answer(200, {"@odata.context": f"{context}/timeZone", "value": zone})


def _entry(mailbox: Mailbox) -> dict[str, Any]:
    name, _, domain = mailbox.mail.partition("@")
    given, _, family = (part.capitalize() for part in name.partition("."))
    guest, licensed = (
        mailbox.state == "guest",
        mailbox.online and mailbox.state not in ("guest", "unlicensed"),
    )
    principal = f"{name}_{domain}#EXT#@guests.example" if guest else mailbox.mail
    return {
        "id": str(uuid.uuid5(_NAMES, mailbox.mail)),
        "accountEnabled": mailbox.state != "disabled",
        "assignedLicenses": [_LICENCE] if licensed else [],
        "displayName": f"{given} {family}".strip(),
        "givenName": given,
        "surname": family,
        "mail": mailbox.mail,
        "onPremisesSyncEnabled": True if not mailbox.online else None,
        "proxyAddresses": [f"SMTP:{mailbox.mail}", *sorted(f"smtp:{alias}" for alias in mailbox.aliases)],
        "userPrincipalName": principal,
        "userType": "Guest" if guest else "Member",
    }
