"""Which runbook page says more about a cause, by the code of its check.

Pure: a table. A page explains every code that leads to it; tests hold both against the codes there are.
"""

from collections.abc import Mapping

OTHERWISE = "diagnostics"
"""The page of whatever has no page of its own; it explains how to read a check at all."""

_TOLD: Mapping[str, tuple[str, ...]] = {
    "tenant-file-and-secrets": (
        *("usage", "secret-unavailable", "secret-open", "credential-remembered", "host-changed"),
        *("unknown-legal-entity", "ca-file", "url"),
    ),
    "cannot-be-reached": (
        *("dns-unknown", "dns-silent", "no-route", "port-refused", "port-silent", "cut"),
        *("address-refused", "address-blocked", "redirect", "wrong-url", "unreachable", "strange-answer"),
        *("proxy-unreachable", "proxy-refused", "proxy-log-on", "proxy-inspects"),
        *("proxy-no-way", "proxy-password", "proxy-unusable"),
        *("server-error", "server-overloaded", "directory-down", "ews-down", "front-end-error"),
        *("gateway-error", "sign-in-down", "too-fast", "too-many", "wait"),
    ),
    "certificates": (
        *("certificate", "certificate-expired", "certificate-not-yet", "certificate-self-signed"),
        *("certificate-unknown-authority", "certificate-chain", "certificate-other-name"),
        *("client-certificate", "tls-old", "tls-none", "tls-silent", "tls-failed"),
    ),
    "clock": ("clock", "server-clock"),
    "figgo-access": (
        *("key-refused", "key-malformed", "role-too-narrow", "empty-source", "no-leaves", "not-visible"),
        *("too-slow", "bad-query", "gone", "incomplete", "moved-while-read"),
        *("no-items", "no-count", "no-row", "field-missing", "field-unreadable"),
    ),
    "google-delegation": (
        *("delegation-missing", "scope-too-small", "api-disabled", "client-blocked"),
        *("key-unknown", "account-unknown"),
    ),
    "exchange-log-on": ("password-expired", "account-locked", "account-blocked", "method-not-offered"),
    "exchange-impersonation": (
        *("impersonation-denied", "impersonation-failed", "access-denied"),
        *("directory", "account-invalid", "too-many-groups"),
    ),
    "exchange-online-ews": (
        *("ews-disabled", "ews-not-listed", "ews-forbidden", "ews-blocked", "organization-blocked"),
        "ews-end",
    ),
    "microsoft-365-sign-in": (
        *("unknown-tenant", "unknown-client", "secret-wrong", "secret-expired", "certificate-refused"),
        *("consent-missing", "application-disabled", "graph-disabled", "assignment-missing"),
        *("conditional-access", "log-on-method", "wrong-authority", "wrong-scope", "wrong-audience"),
        *("no-service-principal", "no-exchange-online"),
    ),
    "microsoft-365-scope": ("access-policy", "agent-blocked", "directory-denied", "forbidden"),
    "mailboxes": (
        *("absent", "user-unknown", "user-deleted", "elsewhere", "two-mailboxes", "suddenly-empty"),
        *("alias", "bad-address", "account-disabled", "suspended", "calendar-off", "usage-limits"),
        *("mailbox-moving", "mailbox-down", "mailbox-full", "calendar-full", "no-calendar", "damaged"),
        *("not-deletable", "other-site", "old-server", "old-mailbox-server"),
        *("no-mail", "no-mailbox", "shared-mailbox", "migrated", "zone-differs"),
    ),
    "deadlines": ("deadline", "certificate-ends", "credential-until", "access-withdrawn", "withdrawn"),
    "onboarding": ("vendor-sync",),
}
"""For each page the codes that lead to it."""

_REFUSED = ("credential-refused", "log-on-refused", "no-token", "token-refused")
_RIGHTS = ("rights-missing", "outside-scope", "scope-too-wide", "outside-untold", "withdrawn")
_OF_KIND: Mapping[str, Mapping[str, str]] = {
    "google": {
        **dict.fromkeys((*_REFUSED, *_RIGHTS), "google-delegation"),
    },
    "exchange": {
        **dict.fromkeys(_REFUSED, "exchange-log-on"),
        **dict.fromkeys(_RIGHTS, "exchange-impersonation"),
        "token-refused": "exchange-online-ews",
        "too-slow": "cannot-be-reached",
        "gone": OTHERWISE,
    },
    "microsoft365": {
        **dict.fromkeys(_REFUSED, "microsoft-365-sign-in"),
        **dict.fromkeys(_RIGHTS, "microsoft-365-scope"),
        "too-slow": "cannot-be-reached",
        "gone": OTHERWISE,
    },
}
"""What means something else at each provider."""

PAGES: Mapping[str, str] = {code: page for page, codes in _TOLD.items() for code in codes}
"""Code to page, without ending."""


def page(code: str, kind: str = "") -> str:
    """Name of the runbook page about a cause; "" of a good check, which has no code.

    Args:
        kind: of the calendar that the check is about; some codes mean another thing at another provider.
    """
    if not code:
        return ""
    return _OF_KIND.get(kind, {}).get(code) or PAGES.get(code, OTHERWISE)
