"""What Exchange's refusals mean, and who can do something about each."""

from figgo_ops.calendars._exchange_codes import ADDRESS, CASES, MAKERS, Case
from figgo_ops.calendars._exchange_refusal import Refusal
from figgo_ops.calendars._exchange_statuses import http_case
from figgo_ops.calendars._lost import Denial
from figgo_ops.calendars._said import said
from figgo_ops.errors import FiggoOpsError, MailboxAbsent, RightsMissing, RowFailed


class Denied(Denial):
    """Exchange refused, and what that means for a person."""

    def __init__(self, refusal: Refusal, error: FiggoOpsError) -> None:
        super().__init__(error)
        self.refusal = refusal

    @property
    def seen(self) -> str:
        """Exchange's code, or the status, and what else it said."""
        refusal = self.refusal
        word = f"HTTP {refusal.status}" if refusal.level == "http" else refusal.word
        reasons = (refusal.policy, refusal.server and f"{refusal.server} answered")
        return ", ".join((word + said(refusal.text), *filter(None, reasons)))


def meaning(
    refusal: Refusal, whom: str, *, user: str = "", auth: str = "", url: str = "", online: bool = False
) -> FiggoOpsError:
    """The error a person should read.

    Args:
        whom: the mailbox, and the calendar that reaches it.
        user: name of the service account.
        auth: the log-on method that the tenant file says.
        url: of EWS, as the tenant file says it.
        online: whether this is Exchange Online, where some refusals mean something else.
    """
    case = _case(refusal, auth, online=online)
    facts = {
        "user": user or "the service account",
        "url": url or "the url",
        "auth": auth,
        "code": refusal.word or "no code given",
        "said": said(refusal.text),
        "primary": refusal.primary or "the mailbox's primary address",
        "offered": " and ".join(refusal.offered),
        "location": refusal.location or "another page",
        "at": f"; {refusal.server} answered" if refusal.server else "",
    }
    return case.kind(f"{whom}: {case.cause.format(**facts)}.", case.remedy.format(**facts), code=case.name)


def _case(refusal: Refusal, auth: str, *, online: bool) -> Case:
    without_soap = http_case(refusal, auth, online=online)
    if without_soap:
        return without_soap
    return (_ONLINE.get(refusal.word) if online else None) or CASES.get(refusal.word, _UNKNOWN)


_UNKNOWN = Case((), RowFailed, "Exchange said no ({code}{said}){at}", MAKERS, "unknown-refusal")

_OUTSIDE = Case(
    ("ErrorImpersonateUserDenied", "ErrorImpersonationDenied", "ErrorAccessDenied"),
    RightsMissing,
    "the application may not act for this mailbox: its role does not cover it, "
    "and Exchange Online knows ApplicationImpersonation no more",
    "Give the application the role `Application EWS.AccessAsApp` for this mailbox "
    "(`New-ManagementRoleAssignment -App`; up to 2 hours), or change to kind microsoft365.",
    "outside-scope",
)
_NOT_THERE = Case(
    ("ErrorNonExistentMailbox",),
    MailboxAbsent,
    "Exchange Online has no such mailbox: a typing mistake, a leaver, no licence, or it is still on premises",
    ADDRESS,
    "absent",
)
_ONLINE = {code: case for case in (_OUTSIDE, _NOT_THERE) for code in case.codes}
"""What means something else in Exchange Online."""
