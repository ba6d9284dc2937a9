"""Probing Microsoft 365: one log-on, one mailbox that must open, one that must not."""

from collections.abc import Iterator

from figgo_ops.calendars import _probing as probing
from figgo_ops.calendars._lost import Lost
from figgo_ops.calendars._microsoft365_errors import Denied
from figgo_ops.calendars._microsoft365_events import existing, ours
from figgo_ops.calendars._microsoft365_lanes import Steps
from figgo_ops.calendars._microsoft365_read import found, zone_setting
from figgo_ops.calendars._microsoft365_turns import Turns
from figgo_ops.calendars._microsoft365_wire import Wire
from figgo_ops.checks import CUSTOMER, Check, of
from figgo_ops.errors import FiggoOpsError, Incomplete
from figgo_ops.plan import Listing, Mailbox
from figgo_ops.transport import chain

_OF_LOG_ON = frozenset(
    {"token-refused", "conditional-access", "no-service-principal", "wrong-audience", "no-exchange-online"}
)
"""What Graph itself says of an application that it does not take for logged on."""

_NARROW = (
    "Have the administrator remove the consent to Calendars.ReadWrite in the Entra admin center, which opens "
    "every mailbox, and give the role with a scope (`Test-ServicePrincipalAuthorization`, "
    "`New-ManagementRoleAssignment -CustomResourceScope UsersWithFiggoSync`); it may take 2 hours."
)

_Read = Listing | Denied | Lost | Incomplete


class Prober:
    """What diagnostics show of one calendar."""

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire, self._name = wire, name

    def probe(self, mailbox: str, outside: str) -> Iterator[Check]:
        """The five checks; see the port."""
        whom = Mailbox(self._name, mailbox)
        asked = probing.Asked(
            f"asked for a token of {self._wire.application}, once",
            f"asked Microsoft Graph for the calendar of {mailbox}",
            f"listed our events in the calendar of {mailbox}",
        )
        yield from probing.checks(
            self._met(whom), asked, "", lambda: self._outside(outside), lambda _listing: self._zone(whom)
        )

    def _met(self, mailbox: Mailbox) -> probing.Met:
        try:
            [read] = Turns[_Read](self._wire, 1).run([(mailbox, [[self._read(mailbox)]])])
        except FiggoOpsError as stopped:
            return probing.met(stopped, logged_on=self._logged_on(stopped, stopped))
        if isinstance(read, Listing):
            return probing.Met(read)
        error = read if isinstance(read, Incomplete) else read.error
        return probing.met(read, logged_on=self._logged_on(read, error))

    def _read(self, mailbox: Mailbox) -> Steps[_Read]:
        try:
            items = yield from found(self._wire.root, mailbox, ours())
            there = [existing(mailbox, item) for item in items]
        except (Denied, Lost, Incomplete) as trouble:
            return trouble
        return Listing(mailbox, tuple(one for one in there if one.key_text))

    def _logged_on(self, trouble: BaseException, error: FiggoOpsError) -> bool:
        denied = next((link for link in chain(trouble) if isinstance(link, Denied)), None)
        if denied is None:
            return self._wire.signed_in
        return denied.refusal.level != "token" and error.code not in _OF_LOG_ON

    def _outside(self, address: str) -> Check:
        if not address:
            return probing.outside_unnamed()
        return probing.outside(self._met(Mailbox(self._name, address)), address, _NARROW, who=CUSTOMER)

    def _zone(self, mailbox: Mailbox) -> Check:
        """The zone that its owner chose, where the application may know it."""
        [zone] = Turns[str](self._wire, 1).run([(mailbox, [[zone_setting(mailbox)]])])
        unknown = "not known: the application may not read mailbox settings"
        return of("time zone", None, zone or unknown, tried="asked which zone its owner chose")
