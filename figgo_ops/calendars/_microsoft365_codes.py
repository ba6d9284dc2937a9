"""What each refusal of Microsoft Graph that may meet a calendar means to a person."""

from dataclasses import dataclass

from figgo_ops.calendars._microsoft365_refusal import GONE, MOVING, NOBODY, STALE, STORE, UNREACHED
from figgo_ops.errors import (
    FiggoOpsError,
    MailboxAbsent,
    MailboxElsewhere,
    RightsMissing,
    RowFailed,
    Unreachable,
    UsageError,
)


@dataclass(frozen=True, slots=True)
class Case:
    """Refusals that mean the same to a person.

    Attributes:
        codes: Microsoft's own, or "HTTP 404" and the like.
        cause: may name {client}, {tenant}, {code} and {said}, Microsoft's sentence.
        name: code of the error, for programs.
        words: one of them is in Microsoft's sentence, in lower case; none when the code says enough.
    """

    codes: tuple[str, ...]
    kind: type[FiggoOpsError]
    cause: str
    remedy: str
    name: str
    words: tuple[str, ...] = ()


LATER = "Run again later; see Service health in the Microsoft 365 admin center if it stays."
PLAN = "Plan again."
MAKERS = "Plan again; if it stays, tell the makers."
_ROLE = (
    "`New-ManagementRoleAssignment -App {client} -Role 'Application Calendars.ReadWrite' "
    "-CustomResourceScope UsersWithFiggoSync`"
)
_WHERE = "`Get-Recipient MAILBOX | fl RecipientTypeDetails`"
_DELETED = "`Get-EXOMailbox -SoftDeletedMailbox` and `Get-EXOMailbox -InactiveMailboxOnly`"
_TOLD_APART = (
    f"Have the administrator look at {_WHERE} in Exchange Online: MailUser or RemoteUserMailbox is on "
    "premises (give it a `[[calendar]]` of kind exchange, or have it moved), GuestMailUser is a guest (put "
    "the person into `[scope] except`), UserMailbox is being set up (run again tomorrow), and where there "
    f"is nothing it needs a licence with Exchange Online, or is listed by {_DELETED}."
)

_FORBIDDEN = (
    Case(
        ("ErrorAccessDenied",),
        RightsMissing,
        "an application access policy keeps application {client} from this mailbox",
        "Have the administrator look at `Get-ApplicationAccessPolicy` and `Test-ApplicationAccessPolicy "
        "-AppId {client} -Identity MAILBOX`, and widen the policy or replace it by RBAC for Applications; "
        "it may take 24 hours.",
        "access-policy",
        ("[raop]", "accesspolicy settings"),
    ),
    Case(
        ("ErrorAccessDenied",),
        RightsMissing,
        "the organization lets only some programs in, and figgo-ops is not among them: "
        "EwsApplicationAccessPolicy, which counts for Graph too, refuses its user agent",
        "Have the administrator read both lists (`Get-OrganizationConfig | fl Ews*`), then add `figgo-ops*` "
        "to EwsAllowList beside what is there, or take it out of EwsBlockList (`Set-OrganizationConfig`).",
        "agent-blocked",
        ("useragent", "user agent", "allowlist", "blocklist", "access to odata is disabled"),
    ),
    Case(
        ("ErrorAccessDenied", "ErrorInsufficientPermissionsInAccessToken"),
        RightsMissing,
        "application {client} may not reach this mailbox ({code}): the mailbox is outside the scope "
        "UsersWithFiggoSync, or the application has no role for calendars (`Application EWS.AccessAsApp` is "
        "not enough), or either was changed less than 2 hours ago",
        "Have the administrator run `Test-ServicePrincipalAuthorization -Identity {client} -Resource "
        "MAILBOX`: if InScope is False make the mailbox itself a member of the group, as a group inside the "
        f"group does not count; if nothing is listed give the role ({_ROLE}); if it is True wait up to 2 "
        "hours.",
        "outside-scope",
    ),
    Case(
        ("Authorization_RequestDenied",),
        RightsMissing,
        "application {client} may not ask the directory ({code})",
        "Grant it `User.Read.All` (application permission, with admin consent) in the Entra admin center.",
        "directory-denied",
    ),
    Case(
        ("Authorization_IdentityNotFound", "Authorization_IdentityDisabled"),
        RightsMissing,
        "application {client} has no service principal in the organization {tenant}, or it is disabled "
        "({code})",
        "Have the administrator look at Enterprise applications in the Entra admin center, and make it again "
        "with `New-MgServicePrincipal -AppId {client}` if it is not there.",
        "no-service-principal",
    ),
    Case(
        ("HTTP 403",),
        RightsMissing,
        "Microsoft Graph forbids it ({code}{said})",
        "Have the administrator check the roles of application {client} "
        "(`Test-ServicePrincipalAuthorization -Identity {client}`) and the policies that concern it.",
        "forbidden",
    ),
)

_TOKEN = (
    Case(
        ("InvalidAuthenticationToken",),
        UsageError,
        "the token is meant for another service than the one that was asked",
        "Take api_root and authority out of the tenant file, or make both name the same cloud.",
        "wrong-audience",
        ("audience",),
    ),
    Case(
        ("InvalidAuthenticationToken",),
        RightsMissing,
        "conditional access has taken the token of application {client} back",
        "Have the administrator look at the application's sign-in log, and let it in from this machine's "
        "address.",
        "conditional-access",
        ("continuous access evaluation", "locationcondition", "outdatedpolicies"),
    ),
    Case(
        ("InvalidAuthenticationToken", "HTTP 401"),
        RightsMissing,
        "Microsoft Graph does not accept the token of application {client}, even a new one ({code}{said})",
        "Compare this machine's clock with the true time, then run again; if it stays, see whether the "
        "application was changed or disabled in the Entra admin center.",
        "token-refused",
    ),
    Case(
        ("OrganizationFromTenantGuidNotFound",),
        UsageError,
        "the organization {tenant} has no Exchange Online",
        "Correct tenant_id in the tenant file; if it is right, its mailboxes are on premises (kind exchange) "
        "or it needs a subscription with Exchange Online.",
        "no-exchange-online",
    ),
)

_MAILBOX = (
    Case(
        tuple(sorted(UNREACHED)),
        MailboxElsewhere,
        "Exchange Online does not hold this mailbox any more, or not yet: it is on premises, or was deleted, "
        "or is kept as inactive ({code})",
        f"Have the administrator look at {_WHERE}: MailUser or RemoteUserMailbox is on premises (give it a "
        "`[[calendar]]` of kind exchange, or have it moved); else it may be listed by "
        f"{_DELETED} (restore it, or end the person's contract in Figgo).",
        "elsewhere",
        ("soft-deleted", "soft deleted", "inactive"),
    ),
    Case(
        ("ResourceNotFound",),
        MailboxElsewhere,
        "the person is known, but Exchange Online finds no mailbox: it is on premises, has no licence, is "
        "being set up, or belongs to a guest ({code})",
        _TOLD_APART,
        "elsewhere",
    ),
    Case(
        tuple(sorted(UNREACHED - {"ResourceNotFound"})),
        MailboxElsewhere,
        "Exchange Online has no such mailbox to offer: it is on premises, has no licence, is being set up, "
        "or belongs to a guest ({code})",
        _TOLD_APART,
        "elsewhere",
    ),
    Case(
        tuple(sorted(NOBODY)),
        MailboxAbsent,
        "Exchange Online knows no such user: a typing mistake, a leaver, or a sign-in name that differs from "
        "the mail address ({code})",
        "Compare the address with `Get-MgUser -Filter \"mail eq 'ADDRESS'\" | fl Mail,UserPrincipalName`; "
        "correct it in Figgo, or end the person's contract there.",
        "absent",
    ),
    Case(
        ("ErrorAccountDisabled", "AccountDisabled", "ErrorAccountSuspend"),
        RowFailed,
        "the account of this mailbox is disabled ({code})",
        "Have it enabled in the Microsoft 365 admin center, or put the person into `[scope] except`.",
        "account-disabled",
    ),
    Case(
        tuple(sorted(MOVING)),
        RowFailed,
        "the mailbox is being moved, or was just now ({code})",
        "Run again when `Get-MoveRequest` or `Get-MigrationUser` shows the move as completed; if there is "
        f"none, look at {_WHERE} for a mailbox on premises.",
        "mailbox-moving",
    ),
    Case(
        ("ErrorFolderNotFound", "ErrorNoCalendar", "ErrorCalendarFolderNotFound"),
        RowFailed,
        "the mailbox has no calendar yet",
        "Have the owner open the calendar once, then run again.",
        "no-calendar",
    ),
)

_WAIT = (
    Case(
        ("HTTP 429", "ApplicationThrottled", "TooManyRequests", "activityLimitReached", "ErrorServerBusy"),
        RowFailed,
        "Microsoft wants fewer requests from application {client}",
        "Run again later; if it happens often, set fewer threads in the tenant file and see what else uses "
        "this application.",
        "too-fast",
    ),
    Case(
        tuple(sorted(STORE)),
        Unreachable,
        "the database of this mailbox cannot be reached ({code})",
        LATER,
        "mailbox-down",
    ),
    Case(
        ("HTTP 408", "ErrorTimeoutExpired", "HTTP 504"),
        Unreachable,
        "Microsoft Graph did not finish in time ({code})",
        LATER,
        "too-slow",
    ),
    Case(
        ("HTTP 407",),
        UsageError,
        "a proxy before Microsoft Graph wants a log-on of its own ({code})",
        "Have the proxy let this machine through to graph.microsoft.com and login.microsoftonline.com, or "
        "name them in the environment variable NO_PROXY.",
        "proxy-log-on",
    ),
    Case(
        ("HTTP 424",), RowFailed, "Microsoft Graph did not come to this request ({code})", PLAN, "not-reached"
    ),
)

_EVENT = (
    Case((*GONE, "HTTP 410"), RowFailed, "the event is not in the calendar any more", PLAN, "gone"),
    Case(
        (*STALE, "HTTP 412", "HTTP 409"),
        RowFailed,
        "the event was changed meanwhile",
        PLAN,
        "changed-meanwhile",
    ),
    Case(
        ("ErrorDuplicateTransactionId",),
        RowFailed,
        "an earlier sending made this event, and it could not be found",
        PLAN,
        "made-before",
    ),
    Case(("HTTP 423",), RowFailed, "the event is locked at the moment ({code}{said})", PLAN, "locked"),
    Case(
        ("ErrorQuotaExceeded", "quotaLimitReached", "HTTP 507"),
        RowFailed,
        "the mailbox is full ({code})",
        "Have the owner tidy up, or the mailbox enlarged by its licence or quota "
        "(`Get-EXOMailboxStatistics`, `Set-Mailbox -ProhibitSendReceiveQuota`).",
        "mailbox-full",
    ),
    Case(
        ("HTTP 413", "ErrorMessageSizeExceeded", "ErrorRequestStreamTooBig", "RequestEntityTooLarge"),
        RowFailed,
        "the request is larger than Microsoft Graph, or a proxy before it, allows ({code})",
        "Have the limits of proxies raised; if there is none, tell the makers.",
        "too-large",
    ),
    Case(
        (
            "ErrorCalendarEndDateIsEarlierThanStartDate",
            "ErrorCalendarDurationIsTooLong",
            "ErrorCalendarOutOfRange",
            "ErrorValueOutOfRange",
        ),
        RowFailed,
        "Exchange Online takes no event with these dates ({code}{said})",
        "Look at the dates of the leave in Figgo; if they are right, tell the makers.",
        "bad-dates",
    ),
    Case(
        ("TimeZoneNotSupportedException", "ErrorCalendarInvalidTimeZone", "ErrorTimeZone"),
        RowFailed,
        "Exchange Online does not know the time zone of the event ({code})",
        "Choose another timezone in the tenant file; if it is a usual one, tell the makers.",
        "bad-zone",
    ),
    Case(
        ("ErrorItemSave", "ErrorItemCorrupt", "ErrorCorruptData", "ErrorPropertyValidationFailure"),
        RowFailed,
        "Exchange Online does not take the event as it is ({code}{said})",
        "Look at the event in the calendar, then plan again; if it stays, tell the makers.",
        "bad-data",
    ),
    Case(
        ("ErrorCannotDeleteObject",),
        RowFailed,
        "the event cannot be deleted",
        "Have the administrator look for a hold on the mailbox; the owner may have to delete the event.",
        "not-deletable",
    ),
    Case(
        ("HTTP 400", "HTTP 405", "HTTP 406", "HTTP 411", "HTTP 415", "HTTP 422", "HTTP 501"),
        RowFailed,
        "Microsoft Graph does not understand the request ({code}{said})",
        MAKERS,
        "not-understood",
    ),
)

CASES = (*_FORBIDDEN, *_TOKEN, *_MAILBOX, *_WAIT, *_EVENT)
"""The first that fits is meant, so of two with one code the one with words comes first."""

STRANGE = Case(
    (),
    Unreachable,
    "something other than Microsoft Graph answered ({code}): a proxy, a filter or a login page",
    "Have graph.microsoft.com and login.microsoftonline.com let through on port 443, and check api_root "
    "if the tenant file has it.",
    "strange-answer",
)
OUT_OF_ORDER = Case((), Unreachable, "Microsoft Graph is out of order ({code}{said})", LATER, "server-error")
UNKNOWN = Case((), RowFailed, "Microsoft Graph said no ({code}{said})", MAKERS, "unknown-refusal")
