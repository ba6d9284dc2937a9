"""Looking at some events of Exchange again: by their ids, or by their keys."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from figgo_ops.calendars import _exchange_requests as requests
from figgo_ops.calendars._exchange_errors import Denied
from figgo_ops.calendars._exchange_items import CARRIED, LISTED, has_attachments, ids_of, marker_of
from figgo_ops.calendars._exchange_read import pages
from figgo_ops.calendars._exchange_refusal import Refusal
from figgo_ops.calendars._exchange_soap import Answer
from figgo_ops.calendars._exchange_wire import TRIES, Wire
from figgo_ops.calendars._exchange_xml import Element
from figgo_ops.calendars._lost import Lost
from figgo_ops.errors import FiggoOpsError, RowFailed
from figgo_ops.plan import Change, Existing, Mailbox

_Find = Callable[[str, Sequence[str], int, Sequence[str]], Element]

Now = Answer | FiggoOpsError
"""What an event is now: the answer to a question about it, or why there was none."""


class Looker:
    """Looks over one wire, from any thread; raises nothing: what could not be seen is told in its place."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def now(self, events: Iterable[tuple[Mailbox, str]], fields: Sequence[str]) -> dict[str, Now]:
        """What these events are now, by id; those of one mailbox share a request."""
        ids: dict[Mailbox, list[str]] = defaultdict(list)
        for mailbox, own in events:
            ids[mailbox].append(own)
        found: dict[str, Now] = {}
        for mailbox, asked in ids.items():
            found |= self._asked(mailbox, asked, fields)
        return found

    def _asked(self, mailbox: Mailbox, ids: list[str], fields: Sequence[str]) -> dict[str, Now]:
        """One request, and another for those items that Exchange did not come to."""
        found: dict[str, Now] = {}
        attempt = 0
        while ids and attempt < TRIES:
            found |= self._once(mailbox, ids, fields)
            missed = {own: one for own in ids if isinstance(one := found[own], Refusal) and one.passing}
            if any(one.too_fast or not one.not_reached for one in missed.values()):
                self._wire.busy(max(one.back_off or 0.0 for one in missed.values()) or None, attempt)
            attempt = 0 if len(missed) < len(ids) else attempt + 1
            ids = list(missed)
        return found

    def _once(self, mailbox: Mailbox, ids: list[str], fields: Sequence[str]) -> dict[str, Now]:
        try:
            answers: Sequence[Now] = self._wire.call(
                "GetItem", mailbox, lambda _address: requests.get([(own, "") for own in ids], fields)
            )
        except Denied as denied:
            if denied.refusal.too_large and len(ids) > 1:
                half = len(ids) // 2
                return {
                    **self._once(mailbox, ids[:half], fields),
                    **self._once(mailbox, ids[half:], fields),
                }
            answers = [denied.error] * len(ids)
        except Lost as failure:
            answers = [failure.error] * len(ids)
        except FiggoOpsError as error:
            # The calendar as a whole is lost; the next call says so, these events still need an answer.
            answers = [error] * len(ids)
        if len(answers) != len(ids):
            answers = [_miscounted(mailbox)] * len(ids)
        return dict(zip(ids, answers, strict=True))

    def keyed(
        self, mailbox: Mailbox, keys: Sequence[str]
    ) -> tuple[dict[str, list[Element]], FiggoOpsError | None]:
        """The items in the calendar with one of these keys, and why there may be more of them."""
        return self._keyed(mailbox, keys, requests.find_keys)

    def deleted(self, events: Iterable[Existing]) -> dict[str, Now]:
        """What goes along from these events, by the id each had, if their owner's bin still has them."""
        found: dict[str, Now] = {}
        for mailbox, group in groupby(sorted(events, key=_mailbox), key=_mailbox):
            asked = list(group)
            there, _ = self._keyed(mailbox, [one.key_text for one in asked], requests.find_deleted)
            for one in asked:
                same = [
                    ids_of(item)[0] for item in there.get(one.key_text, ()) if marker_of(item) == _marker(one)
                ]
                if same:  # the last of several went last
                    found[one.id] = self.now([(mailbox, same[-1])], CARRIED)[same[-1]]
        return {own: one for own, one in found.items() if not isinstance(one, Refusal | FiggoOpsError)}

    def _keyed(
        self, mailbox: Mailbox, keys: Sequence[str], find: _Find
    ) -> tuple[dict[str, list[Element]], FiggoOpsError | None]:
        def ask(address: str, offset: int) -> Element:
            return find(address, keys, offset, LISTED)

        try:
            items, totals = pages(self._wire, mailbox, ask)
        except (Denied, Lost) as failure:
            return {}, failure.error
        except FiggoOpsError as error:
            # As in `_once`; or the pages do not add up.
            return {}, error
        found: dict[str, list[Element]] = defaultdict(list)
        for item in items.values():
            found[marker_of(item)[0]].append(item)
        return found, None if totals == {len(items)} else _not_all(mailbox)


def taken_back(changes: Iterable[Change], now: Mapping[str, Now]) -> list[Existing]:
    """The events that a run removed, that shall be there again and are not in the calendar now."""
    removed = [change.carries for change in changes if change.old_marker and change.carries]
    return [one for one in removed if one.key_text and not has_attachments(one) and _is_gone(now[one.id])]


def _is_gone(now: Now) -> bool:
    return isinstance(now, Refusal) and now.gone


def _mailbox(event: Existing) -> Mailbox:
    return event.mailbox


def _marker(event: Existing) -> tuple[str, str]:
    return event.key_text, event.print_text


def _not_all(mailbox: Mailbox) -> RowFailed:
    return RowFailed(f"{mailbox}: Exchange did not say all that is there.", "Run again.")


def _miscounted(mailbox: Mailbox) -> RowFailed:
    return RowFailed(f"{mailbox}: Exchange did not answer for each event it was asked about.", "Run again.")
