"""What an answer means that is not SOAP: a refused log-on, a closed door, a wrong address, a server down."""

from figgo_ops.calendars._exchange_codes import LATER, Case
from figgo_ops.calendars._exchange_refusal import Refusal
from figgo_ops.errors import CredentialRefused, RightsMissing, Unreachable, UsageError

_ACCEPTED_AS = {"": {"ntlm", "negotiate", "basic"}, "ntlm": {"ntlm", "negotiate"}}
"""By which names a method may be offered; NTLM is also spoken inside Negotiate. "" is any that we know."""


def http_case(refusal: Refusal, auth: str, *, online: bool) -> Case | None:
    """What this answer means; None when Exchange said it in SOAP, or the status says nothing."""
    if refusal.word == "HTTP 401":
        return _log_on(refusal, auth, online=online)
    if refusal.word == "HTTP 403":
        return _forbidden(refusal, online=online)
    if refusal.error_page:
        return _ERROR_PAGE
    otherwise = _OUT_OF_ORDER if refusal.word.startswith("HTTP 5") else None
    return _CASES.get(refusal.word, otherwise)


def _log_on(refusal: Refusal, auth: str, *, online: bool) -> Case:
    if "locked out" in refusal.text.casefold():
        return _LOCKED
    if online:
        return _TOKEN_REFUSED
    if _ACCEPTED_AS.get(auth, {auth}).isdisjoint(refusal.offered):
        return _not_offered(auth, refusal.offered)
    return _PASSWORD


def _not_offered(auth: str, offered: tuple[str, ...]) -> Case:
    wanted = "does not offer the log-on method {auth}" if auth else "offers no log-on method that we know"
    what = f"{wanted}, only {{offered}}" if offered else "offers no log-on method"
    remedy = next((text for method, text in _INSTEAD if method in offered), f"Have {_WINDOWS}.")
    return Case((), UsageError, f"{{url}} {what} (HTTP 401)", remedy, "method-not-offered")


def _forbidden(refusal: Refusal, *, online: bool) -> Case:
    if refusal.policy:
        return _SWITCHED_OFF if "disabled" in refusal.policy.casefold() else _NOT_LISTED
    hint = next((case for words, case in _HINTS if words in refusal.text.casefold()), None)
    if hint is None and refusal.stranger:
        return _AT_THE_DOOR
    return hint or (_FORBIDDEN_ONLINE if online else _FORBIDDEN)


_WINDOWS = (
    "Windows authentication enabled for EWS (`Set-WebServicesVirtualDirectory -WindowsAuthentication $true`)"
)
_BASIC = "Basic authentication enabled for EWS (`Set-WebServicesVirtualDirectory -BasicAuthentication $true`)"
_INSTEAD = (
    ("ntlm", f'Set auth = "ntlm" in the tenant file, or have {_BASIC}.'),
    ("negotiate", f'Set auth = "ntlm" in the tenant file, or have {_BASIC}.'),
    ("basic", f'Set auth = "basic" in the tenant file, or have {_WINDOWS}.'),
    ("bearer", f"If the mailboxes are in the cloud change to kind microsoft365, else have {_WINDOWS}."),
)

_LOCKED = Case(
    (),
    CredentialRefused,
    "the account {user} is locked out in Active Directory",
    "Have it unlocked (`Unlock-ADAccount`) and what locked it found, then run with `--retry-credential`.",
    "account-locked",
)
_PASSWORD = Case(
    (),
    CredentialRefused,
    "the log-on of {user} is refused (HTTP 401), and Exchange does not say why: the password is wrong, has "
    "expired or must be changed, the account is locked, disabled or may not log on from here, or Extended "
    "Protection does not bear a proxy that decrypts; the administrator finds the reason in the Security log, "
    "event 4625, as sub-status (C000006A wrong, C0000071 expired, C0000224 must be changed, C0000234 locked, "
    "C0000072 disabled, C000035B Extended Protection), or in the log of IIS as sc-win32-status",
    "Have the administrator look up and mend the reason, then store the password with "
    "`figgo-ops secret set`, or run with `--retry-credential` if it is the same.",
    "log-on-refused",
)
_TOKEN_REFUSED = Case(
    (),
    RightsMissing,
    "Exchange Online does not accept the application's token (HTTP 401): the permission for EWS is missing, "
    "or the token is meant for another service",
    "Give the application the role `Application EWS.AccessAsApp`, or change to kind microsoft365.",
    "token-refused",
)
_SWITCHED_OFF = Case(
    (),
    RightsMissing,
    "EWS is switched off for this mailbox or its organization (EwsEnabled); Exchange Online ends EWS on "
    "2027-04-01",
    "Change to kind microsoft365, or bridge the time until then with `Set-OrganizationConfig -EwsEnabled "
    "$true` and the application's id in EwsAllowedAppIDs.",
    "ews-disabled",
)
_NOT_LISTED = Case(
    (),
    RightsMissing,
    "a policy blocks EWS: the application's id is not in EwsAllowedAppIDs, or its user agent not "
    "in EwsAllowList (Exchange does not say which); Exchange Online ends EWS for all on 2027-04-01",
    "Change to kind microsoft365, or complete both lists (`Set-OrganizationConfig`; it may take 24 hours).",
    "ews-not-listed",
)
_FORBIDDEN_ONLINE = Case(
    (),
    RightsMissing,
    "Exchange Online forbids EWS (HTTP 403): the licence has none (F1, F3, Kiosk), or an application access "
    "policy or conditional access forbids it; Exchange Online ends EWS for all on 2027-04-01",
    "Change to kind microsoft365, or check licence and policies of the mailbox.",
    "ews-forbidden",
)
_FORBIDDEN = Case(
    (),
    RightsMissing,
    "EWS is forbidden (HTTP 403): it is disabled (EwsEnabled), EwsApplicationAccessPolicy refuses the user "
    "agent figgo-ops, or IIS or a firewall does not take this machine's address",
    "Have the administrator check `Get-OrganizationConfig | fl Ews*`, `Get-CASMailbox | fl Ews*` and the IP "
    "restrictions of the EWS virtual directory in IIS.",
    "ews-blocked",
)
_ADDRESS_BLOCKED = Case(
    (),
    RightsMissing,
    "the server does not take requests from this machine's address (HTTP 403)",
    "Have this machine's address allowed in the IP restrictions of the EWS virtual directory in IIS.",
    "address-blocked",
)
_AT_THE_DOOR = Case(
    (),
    RightsMissing,
    "the server, or a firewall before it, turns this machine away before anybody logs on (HTTP 403)",
    "Have this machine's address allowed in the IP restrictions of the EWS virtual directory in IIS.",
    "address-blocked",
)
_CLIENT_CERTIFICATE = Case(
    (),
    RightsMissing,
    "the server wants a client certificate (HTTP 403), and figgo-ops has none",
    "Have client certificates ignored for the EWS virtual directory in IIS.",
    "client-certificate",
)
_HINTS = (
    ("403.6 ", _ADDRESS_BLOCKED),
    ("ip address", _ADDRESS_BLOCKED),
    ("403.7 ", _CLIENT_CERTIFICATE),
    ("client certificate", _CLIENT_CERTIFICATE),
)
"""Words of the pages of IIS, in lower case; it shows them only where detailed errors are on."""

_URL = (
    "Correct url in the tenant file: it usually is https://HOST/EWS/Exchange.asmx, "
    "see `Get-WebServicesVirtualDirectory | fl InternalUrl,ExternalUrl`."
)
_FORM = (
    "Correct url in the tenant file (usually https://HOST/EWS/Exchange.asmx), or have the proxy let EWS "
    "through without its form."
)
_ERROR_PAGE = Case(
    (), Unreachable, "the front end of Exchange reports a fault of its own{at}", LATER, "front-end-error"
)
_OUT_OF_ORDER = Case(
    (),
    Unreachable,
    "Exchange, or a proxy before it, is out of order ({code}{said}){at}",
    LATER,
    "server-error",
)

_ALL = (
    Case(
        ("redirect",),
        UsageError,
        "{url} sends us on to {location}: the web mail, or a proxy's log-on page, but not EWS",
        _FORM,
        "redirect",
    ),
    Case(("HTTP 404", "HTTP 405"), UsageError, "there is no EWS at {url} ({code})", _URL, "wrong-url"),
    Case(
        ("HTTP 407",),
        UsageError,
        "a proxy before {url} wants a log-on of its own ({code})",
        "Have the proxy let this machine through, or name the server in the environment variable NO_PROXY.",
        "proxy-log-on",
    ),
    Case(
        ("HTTP 456",),
        CredentialRefused,
        "Exchange blocks the account {user} ({code})",
        "Have the administrator unblock it, then run with `--retry-credential`.",
        "account-blocked",
    ),
    Case(
        ("HTTP 408",), Unreachable, "Exchange waited too long for the request ({code}){at}", LATER, "too-slow"
    ),
    Case(
        ("HTTP 502", "HTTP 504"),
        Unreachable,
        "the proxy or load balancer before Exchange does not reach it ({code})",
        LATER,
        "gateway-error",
    ),
    Case(("HTTP 503",), Unreachable, "EWS is down or being restarted ({code}){at}", LATER, "ews-down"),
)
_CASES = {code: case for case in _ALL for code in case.codes}
