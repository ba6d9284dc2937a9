"""What each response code of Exchange that may meet a calendar means to a person."""

from dataclasses import dataclass

from figgo_ops.calendars._exchange_refusal import GONE, STALE, TOO_FAST
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    MailboxAbsent,
    RightsMissing,
    RowFailed,
    Unreachable,
    UsageError,
)


@dataclass(frozen=True, slots=True)
class Case:
    """Refusals that mean the same to a person.

    Attributes:
        codes: Exchange's own, or "HTTP 404" and the like.
        cause: may name {user}, {url}, {code}, {said} (Exchange's sentence), {at} (the server) and others.
        name: code of the error, for programs.
    """

    codes: tuple[str, ...]
    kind: type[FiggoOpsError]
    cause: str
    remedy: str
    name: str


LATER = "Run again later; ask the administrator how the Exchange server is if it stays."
_PLAN = "Plan again."
MAKERS = "Plan again; if it stays, tell the makers."
ADDRESS = "Check the address with `Get-Mailbox`; correct it in Figgo, or end the person's contract there."
_IMPERSONATION = (
    "Have the administrator check `Get-ManagementRoleAssignment -Role ApplicationImpersonation "
    "-GetEffectiveUsers | fl EffectiveUserName,CustomRecipientWriteScope` and put the mailbox into the scope."
)

_WHO = (
    Case(
        ("ErrorImpersonateUserDenied",),
        RightsMissing,
        "{user} may not act for this mailbox: the role ApplicationImpersonation is missing, "
        "or the mailbox is outside its scope",
        _IMPERSONATION,
        "outside-scope",
    ),
    Case(
        ("ErrorImpersonationDenied",),
        RightsMissing,
        "this Exchange server does not let {user} act for others",
        _IMPERSONATION,
        "impersonation-denied",
    ),
    Case(
        ("ErrorImpersonationFailed",),
        RightsMissing,
        "Exchange failed to act for this mailbox: its directory or the trust of forests is not in order",
        "Have the administrator check the directory, the trusts and the account of EWS's application pool.",
        "impersonation-failed",
    ),
    Case(
        ("ErrorOrganizationAccessBlocked",),
        RightsMissing,
        "Exchange blocks access to the whole organization, as it does before it removes one",
        "Ask the administrator whether the organization still uses this Exchange.",
        "organization-blocked",
    ),
    Case(
        ("ErrorPasswordExpired", "ErrorPasswordChangeRequired"),
        CredentialRefused,
        "the password of {user} has expired or must be changed",
        "Have a password set that never expires, and store it with `figgo-ops secret set`.",
        "password-expired",
    ),
    Case(
        ("ErrorNonExistentMailbox",),
        MailboxAbsent,
        "Exchange has no such mailbox: a typing mistake, a leaver, a mailbox that was moved to the cloud, "
        "or, on Exchange 2013 and then for all, {user} has no mailbox of its own",
        ADDRESS,
        "absent",
    ),
    Case(
        ("ErrorNonPrimarySmtpAddress",),
        RowFailed,
        "the address is an alias of {primary}",
        "Put {primary} into Figgo in its place.",
        "alias",
    ),
    Case(
        (
            "ErrorInvalidSmtpAddress",
            "ErrorInvalidUserPrincipalName",
            "ErrorInvalidUserSid",
            "ErrorInvalidExchangeImpersonationHeaderData",
        ),
        RowFailed,
        "Exchange finds the address malformed",
        "Correct the address in Figgo.",
        "bad-address",
    ),
    Case(
        ("ErrorAccountDisabled",),
        RowFailed,
        "the account of this mailbox is disabled",
        "Have it enabled (`Enable-ADAccount`), or put the person into `[scope] except`.",
        "account-disabled",
    ),
    Case(
        ("ErrorAccessDenied", "ErrorCreateItemAccessDenied"),
        RowFailed,
        "{user} reached the mailbox but may not do this in its calendar",
        _IMPERSONATION,
        "access-denied",
    ),
    Case(
        ("ErrorMailboxConfiguration", "ErrorMissingExchangePrincipal", "ErrorCannotFindUser"),
        RowFailed,
        "the directory's entry of this mailbox is not in order ({code}{said})",
        "Have the administrator check what `Get-Mailbox` and `Get-User` say of it.",
        "directory",
    ),
    Case(
        ("ErrorCallerIsInvalidADAccount",),
        RowFailed,
        "the directory that Exchange asks has no valid account {user}",
        "Have the administrator check what `Get-ADUser` says of it.",
        "account-invalid",
    ),
    Case(
        ("ErrorProxyGroupSidLimitExceeded",),
        RowFailed,
        "the mailbox is in another Active Directory site, and {user} is in more than 3,000 groups",
        "Have the administrator take {user} out of groups that it does not need.",
        "too-many-groups",
    ),
)

_WHERE = (
    Case(
        (
            "ErrorNoRespondingCASInDestinationSite",
            "ErrorCrossSiteRequest",
            "ErrorNoApplicableProxyCASServersAvailable",
            "ErrorNoDestinationCASDueToKerberosRequirements",
            "ErrorNoDestinationCASDueToSSLRequirements",
            "ErrorNoDestinationCASDueToVersionMismatch",
            "ErrorProxyRequestNotAllowed",
            "ErrorProxyRequestProcessingFailed",
            "ErrorProxyServiceDiscoveryFailed",
            "ErrorProxySoapException",
        ),
        RowFailed,
        "the mailbox is in another Active Directory site, and the servers there do not answer or want to be "
        "asked directly ({code}{said})",
        "Have the administrator check that site's servers, or add a `[[calendar]]` with that site's url.",
        "other-site",
    ),
    Case(
        ("ErrorMailboxMoveInProgress",),
        RowFailed,
        "the mailbox is being moved",
        "Run again when `Get-MoveRequest` shows the move as completed.",
        "mailbox-moving",
    ),
    Case(
        ("ErrorInvalidServerVersion",),
        UsageError,
        "the server is older than Exchange 2013 SP1, the oldest one that works",
        "Name the url of a newer server; `Get-ExchangeServer | fl Name,AdminDisplayVersion` lists them.",
        "old-server",
    ),
    Case(
        (
            "ErrorInvalidSchemaVersionForMailboxVersion",
            "ErrorWrongServerVersion",
            "ErrorWrongServerVersionDelegate",
        ),
        RowFailed,
        "the mailbox is on a server of another version, which cannot answer ({code}{said})",
        "Have the mailbox moved to a server of 2013 SP1 or later; if it is on one, tell the makers.",
        "old-mailbox-server",
    ),
    Case(
        ("ErrorFolderNotFound", "ErrorSavedItemFolderNotFound", "ErrorNoCalendar"),
        RowFailed,
        "the mailbox has no calendar, or {user} may not see it",
        "Have the owner open the calendar once, and the rights of {user} checked if it stays.",
        "no-calendar",
    ),
)

_WAIT = (
    Case(
        tuple(sorted(TOO_FAST)),
        RowFailed,
        "Exchange wants fewer requests from {user}",
        "Run again later; if it happens often, have a wider throttling policy set for {user} "
        "(`New-ThrottlingPolicy`, `Set-ThrottlingPolicyAssociation`).",
        "too-fast",
    ),
    Case(
        ("ErrorMailboxStoreUnavailable", "ErrorMailboxFailover", "ErrorConnectionFailed"),
        Unreachable,
        "the database of this mailbox cannot be reached{at}",
        LATER,
        "mailbox-down",
    ),
    Case(
        ("ErrorADUnavailable", "ErrorADOperation"),
        Unreachable,
        "Exchange cannot ask its Active Directory{at}",
        LATER,
        "directory-down",
    ),
    Case(
        ("ErrorInsufficientResources", "ErrorNotEnoughMemory"),
        Unreachable,
        "the Exchange server is overloaded{at}",
        LATER,
        "server-overloaded",
    ),
    Case(
        ("ErrorInternalServerTransientError", "ErrorInternalServerError", "ErrorServiceUnavailable"),
        Unreachable,
        "Exchange is out of order ({code}{said}){at}",
        LATER,
        "server-error",
    ),
    Case(
        ("ErrorTimeoutExpired", "ErrorClientDisconnected"),
        Unreachable,
        "Exchange did not finish in time{at}",
        LATER,
        "too-slow",
    ),
    Case(
        ("ErrorBatchProcessingStopped",),
        RowFailed,
        "Exchange stopped at an earlier event and did not come to this one",
        "Mend what is said of the earlier event, then plan again.",
        "not-reached",
    ),
)

_EVENT = (
    Case(tuple(sorted(GONE)), RowFailed, "the event is not in the calendar any more", _PLAN, "gone"),
    Case(tuple(sorted(STALE)), RowFailed, "the event was changed meanwhile", _PLAN, "changed-meanwhile"),
    Case(
        ("ErrorQuotaExceeded",),
        RowFailed,
        "the mailbox is full",
        "Have the owner tidy up, or the quota raised (`Set-Mailbox -ProhibitSendReceiveQuota`).",
        "mailbox-full",
    ),
    Case(
        ("ErrorMessagePerFolderCountReceiveQuotaExceeded",),
        RowFailed,
        "the calendar holds as many items as one folder may",
        "Have the owner tidy up; `Set-Mailbox -MailboxMessagesPerFolderCountReceiveQuota` sets that limit.",
        "calendar-full",
    ),
    Case(
        ("ErrorRequestStreamTooBig", "ErrorMessageSizeExceeded", "ErrorDataSizeLimitExceeded", "HTTP 413"),
        RowFailed,
        "the request is larger than Exchange, or a proxy before it, allows ({code})",
        "Have the limits of IIS (`uploadReadAheadSize`, `maxRequestLength`) and of proxies raised.",
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
        "Exchange takes no event with these dates ({code}{said})",
        "Look at the dates of the leave in Figgo; if they are right, tell the makers.",
        "bad-dates",
    ),
    Case(
        ("ErrorCalendarInvalidTimeZone", "ErrorTimeZone"),
        RowFailed,
        "Exchange does not know the time zone of the event",
        "Choose another timezone in the tenant file; if it is a usual one, tell the makers.",
        "bad-zone",
    ),
    Case(
        ("ErrorCalendarViewRangeTooBig", "ErrorExceededFindCountLimit"),
        RowFailed,
        "Exchange does not show so much of a calendar at once ({code})",
        "Plan with a later `--from`, or with fewer days in `[events] horizon`.",
        "range-too-big",
    ),
    Case(
        ("ErrorItemCorrupt", "ErrorCorruptData", "ErrorFolderCorrupt", "ErrorCalendarInvalidPropertyState"),
        RowFailed,
        "something in the calendar is damaged ({code}{said})",
        "Have the mailbox mended with `New-MailboxRepairRequest`.",
        "damaged",
    ),
    Case(
        ("ErrorCannotDeleteObject", "ErrorCannotDeleteTaskOccurrence"),
        RowFailed,
        "the event cannot be deleted",
        "Have the administrator look for a hold on the mailbox; the owner may have to delete the event.",
        "not-deletable",
    ),
    Case(
        (
            "ErrorItemSave",
            "ErrorItemSavePropertyError",
            "ErrorPropertyUpdate",
            "ErrorCalendarInvalidRecurrence",
            "ErrorRecurrenceHasNoOccurrence",
            "ErrorMailRecipientNotFound",
            "ErrorContentConversionFailed",
            "ErrorMimeContentConversionFailed",
        ),
        RowFailed,
        "Exchange does not take the event as it is ({code}{said})",
        "Look at the event in the calendar, then plan again; if it stays, tell the makers.",
        "bad-data",
    ),
    Case(
        (
            "ErrorSchemaValidation",
            "ErrorIncorrectSchemaVersion",
            "ErrorInvalidRequest",
            "ErrorInvalidOperation",
            "ErrorInvalidId",
            "ErrorInvalidIdMalformed",
            "ErrorInvalidExtendedProperty",
            "ErrorInvalidExtendedPropertyValue",
            "ErrorInvalidValueForProperty",
            "ErrorRestrictionTooLong",
            "ErrorRestrictionTooComplex",
            "ErrorUnsupportedPathForQuery",
            "HTTP 400",
        ),
        RowFailed,
        "Exchange does not understand the request ({code}{said})",
        MAKERS,
        "not-understood",
    ),
)

CASES = {code: case for case in (*_WHO, *_WHERE, *_WAIT, *_EVENT) for code in case.codes}
