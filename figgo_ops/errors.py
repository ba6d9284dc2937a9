"""What can go wrong, by who must act.

Every error names the tenant, mailbox or file, says the cause in plain words and carries the next step:

    FiggoOpsError                 70  ours: tell the makers
      UsageError                   2  the person at the keyboard: command, tenant file, secret reference
        SecretUnavailable          2  the reference leads nowhere, or to a file that others may read
      Refused                      3  the person who may decide: limits, stale plan, paused tenant
      CredentialRefused            4  the customer's administrator: key, password, certificate
        RightsMissing              4  the customer's administrator: role, delegation, scope
      TenantBusy                   5  nobody: another run holds the tenant, wait
      Unreachable                  7  the network, or nobody: wait and run again
      Incomplete                   1  nobody: a read was cut or changed under us, run again
      RowFailed                    1  the provider said no to one event, or to one mailbox
        MailboxAbsent              0  nobody: the provider says that there is no such mailbox
        MailboxElsewhere           1  the customer's administrator: where the mailbox is, its licence
"""


class FiggoOpsError(Exception):
    """Something a person should read.

    Attributes:
        message: what happened, to whom, with numbers; never a secret.
        remedy: the next step, one imperative sentence.
        code: short stable name for programs.
        exit: the process exit code that this error alone would give.
    """

    code = "internal"
    exit = 70

    def __init__(self, message: str, remedy: str = "", *, code: str = "") -> None:
        self.message, self.remedy = _writable(message), _writable(remedy)
        super().__init__(self.message)
        self.code = code or type(self).code

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.remedy, self.code)


def _writable(text: str) -> str:
    """The text without halves of surrogate pairs, which others may send and no file or kernel takes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _rebuild(kind: type[FiggoOpsError], message: str, remedy: str, code: str) -> FiggoOpsError:
    return kind(message, remedy, code=code)


class UsageError(FiggoOpsError):
    """The command, the tenant file or a reference in it is wrong."""

    code, exit = "usage", 2


class SecretUnavailable(UsageError):
    """A secret reference leads nowhere, or to a file that others may read."""

    code = "secret-unavailable"


class Refused(FiggoOpsError):
    """The run could go on, but must not without a person's word."""

    code, exit = "refused", 3


class CredentialRefused(FiggoOpsError):
    """The other side does not know this key, password or certificate. Remembered: never tried twice."""

    code, exit = "credential-refused", 4


class RightsMissing(CredentialRefused):
    """The credential is known but may not do this. Not remembered: one attempt per run."""

    code = "rights-missing"


class TenantBusy(FiggoOpsError):
    """Another apply or sync holds the tenant."""

    code, exit = "tenant-busy", 5


class Unreachable(FiggoOpsError):
    """Nobody answered, or not in the other side's language (a proxy's page, a wrong certificate)."""

    code, exit = "unreachable", 7


class Incomplete(FiggoOpsError):
    """A read did not come to its end; nothing may be concluded from it."""

    code, exit = "incomplete", 1


class RowFailed(FiggoOpsError):
    """One event or one mailbox failed; the others go on."""

    code, exit = "failed", 1


class MailboxAbsent(RowFailed):
    """The provider says that this mailbox does not exist: information, not an error for ever."""

    code, exit = "absent", 0


class MailboxElsewhere(RowFailed):
    """The provider says that the mailbox is not in its reach: it is somewhere else, or has no licence."""

    code = "elsewhere"


class Stopped(KeyboardInterrupt):
    """SIGTERM arrived: the same orderly end as Ctrl-C, told apart by the exit code."""

    exit = 143


EXIT_ORDER = (70, 2, 4, 7, 3, 5, 1, 6)


def worst_exit(exits: list[int]) -> int:
    """The exit code of a run in which several apply: the first of 70, 2, 4, 7, 3, 5, 1, 6; else 0."""
    return next((code for code in EXIT_ORDER if code in exits), 0)
