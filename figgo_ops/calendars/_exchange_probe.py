"""Probing Exchange: one log-on, one mailbox that must open, one that must not."""

from collections.abc import Iterator

from figgo_ops.calendars import _exchange_requests as requests
from figgo_ops.calendars import _probing as probing
from figgo_ops.calendars._exchange_errors import Denied
from figgo_ops.calendars._exchange_items import zone_setting
from figgo_ops.calendars._exchange_read import marked
from figgo_ops.calendars._exchange_wire import Wire
from figgo_ops.calendars._lost import Lost
from figgo_ops.checks import CUSTOMER, Check, of
from figgo_ops.errors import FiggoOpsError
from figgo_ops.plan import Listing, Mailbox

_AT_THE_DOOR = frozenset({"address-blocked", "client-certificate", "token-refused"})
"""Codes of what is refused before anybody is let in as who they are."""

_NARROW = (
    "Have the administrator give the role ApplicationImpersonation with a scope (see `Get-ManagementScope`, "
    "`Set-ManagementRoleAssignment -CustomRecipientWriteScope`) and look for a second assignment without one."
)
_NARROW_ONLINE = (
    "Have the administrator take back a consent to EWS in the Entra admin center, and give the role "
    "`Application EWS.AccessAsApp` with a scope (`New-ManagementRoleAssignment -CustomResourceScope`)."
)


class Prober:
    """What diagnostics show of one calendar.

    Args:
        online: whether this is Exchange Online.
    """

    def __init__(self, wire: Wire, name: str, *, online: bool) -> None:
        self._wire, self._name, self._online = wire, name, online

    def probe(self, mailbox: str, outside: str) -> Iterator[Check]:
        """The five checks; see the port."""
        whom = Mailbox(self._name, mailbox)
        asked = probing.Asked(
            f"logged on as {self._wire.account}, once",
            f"acted for {mailbox}",
            f"listed our events in the calendar of {mailbox}",
        )
        found = self._met(whom)
        yield from probing.checks(
            found,
            asked,
            self._wire.version,
            lambda: self._outside(outside),
            lambda _listing: self._zone(whom),
        )

    def _met(self, mailbox: Mailbox) -> probing.Met:
        try:
            events = tuple(marked(self._wire, mailbox))
            return probing.Met(Listing(mailbox, events, primary=self._wire.primary(mailbox)))
        except Lost as lost:
            return probing.met(lost, logged_on=self._wire.proven)
        except Denied as denied:
            return self._refused(denied, mailbox)
        except FiggoOpsError as error:
            behind = error.__cause__
            if isinstance(behind, Denied):
                return self._refused(behind, mailbox)
            return probing.met(error, logged_on=self._wire.proven)

    def _refused(self, denied: Denied, mailbox: Mailbox) -> probing.Met:
        """How far we came; the door is tried without a log-on where the refusal does not say."""
        refusal = denied.refusal
        if refusal.level != "http":
            return probing.met(denied, logged_on=True)
        if denied.error.code == "ews-blocked":
            denied = self._without_log_on(denied, mailbox)
        let_in = refusal.status == 403 and denied.error.code not in _AT_THE_DOOR
        return probing.met(denied, logged_on=let_in)

    def _without_log_on(self, denied: Denied, mailbox: Mailbox) -> Denied:
        """The same refusal, or that of a stranger: IIS turns an address away before it asks who comes."""
        try:
            refusal = self._wire.offered(mailbox)
        except (Denied, Lost):
            return denied
        return Denied(refusal, self._wire.error(refusal, mailbox)) if refusal.status == 403 else denied

    def _outside(self, address: str) -> Check:
        if not address:
            return probing.outside_unnamed()
        remedy = _NARROW_ONLINE if self._online else _NARROW
        return probing.outside(self._met(Mailbox(self._name, address)), address, remedy, who=CUSTOMER)

    def _zone(self, mailbox: Mailbox) -> Check:
        """The zone that its owner chose on the web, if they ever did."""
        tried = "asked what its owner chose on the web"
        try:
            answer = self._wire.one("GetUserConfiguration", mailbox, lambda _address: requests.options())
        except Denied as denied:
            if denied.refusal.gone:
                return of("time zone", None, "not chosen on the web", tried=tried)
            return probing.zone_unread(denied, tried)
        except Lost as lost:
            return probing.zone_unread(lost, tried)
        return of("time zone", None, zone_setting(answer) or "not known here", tried=tried)
