"""What Microsoft's refusals mean, and who can do something about each."""

from figgo_ops.calendars._lost import Denial
from figgo_ops.calendars._microsoft365_codes import CASES, OUT_OF_ORDER, STRANGE, UNKNOWN, Case
from figgo_ops.calendars._microsoft365_refusal import Refusal
from figgo_ops.calendars._microsoft365_sign_in import NO_TOKEN, SIGN_IN
from figgo_ops.calendars._said import said
from figgo_ops.errors import FiggoOpsError


class Denied(Denial):
    """Microsoft refused, and what that means for a person."""

    def __init__(self, refusal: Refusal, error: FiggoOpsError) -> None:
        super().__init__(error)
        self.refusal = refusal

    @property
    def seen(self) -> str:
        """Status, Microsoft's code and sentence, and what its support asks for."""
        refusal = self.refusal
        # Of the sign-in service the library does not hand the status on.
        status = "token refused" if refusal.level == "token" else f"HTTP {refusal.status}"
        return f"{status} {refusal.code}".strip() + said(refusal.text) + _reference(refusal)


def meaning(refusal: Refusal, whom: str, *, client: str, tenant: str) -> FiggoOpsError:
    """The error a person should read.

    Args:
        whom: the mailbox, and the calendar that reaches it.
        client: id of the application, to be pasted into commands.
        tenant: the organization, as the tenant file names it.
    """
    case = _sign_in_case(refusal) if refusal.level == "token" else _graph_case(refusal)
    facts = {
        "client": client,
        "tenant": tenant,
        "code": refusal.code or f"HTTP {refusal.status}",
        "said": said(refusal.text),
    }
    cause = case.cause.format(**facts) + _reference(refusal)
    return case.kind(f"{whom}: {cause}.", case.remedy.format(**facts), code=case.name)


def _sign_in_case(refusal: Refusal) -> Case:
    return next((case for case in SIGN_IN if refusal.code in case.codes), NO_TOKEN)


def _graph_case(refusal: Refusal) -> Case:
    status = f"HTTP {refusal.status}"
    if refusal.policy and refusal.code in ("", "ErrorAccessDenied"):
        return _AGENT_BLOCKED
    if refusal.level == "http" and not refusal.code and refusal.status not in _WITHOUT_WORDS:
        return STRANGE if refusal.status < 500 else OUT_OF_ORDER
    by_code = (case for case in CASES if refusal.code in case.codes and _fits(case, refusal))
    by_status = (case for case in CASES if status in case.codes and not case.words)
    otherwise = OUT_OF_ORDER if refusal.status >= 500 else UNKNOWN
    return next(by_code, None) or next(by_status, otherwise)


def _fits(case: Case, refusal: Refusal) -> bool:
    return not case.words or any(words in refusal.text.casefold() for words in case.words)


def _reference(refusal: Refusal) -> str:
    if not refusal.request_id:
        return ""
    return f"; {'trace' if refusal.level == 'token' else 'request'} id {refusal.request_id}"


_AGENT_BLOCKED = next(case for case in CASES if case.name == "agent-blocked")
_WITHOUT_WORDS = frozenset({407, 408, 413, 429, 503, 504})
"""Said without Graph's JSON too, and as clear without it."""
