"""A legal entity moves to another calendar; the move is killed, once or twice, and gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.kills.company import Moment
from tests.kills.tally import LISTINGS, SERVICES, Tally, WentWrongError

if TYPE_CHECKING:
    from tests.kills.campaign import Campaign

ANYWHERE = ("routed", "read", "ledger", "time", "front")
"""How moments are chosen; where mailboxes only stay what they are, hardly anything is written."""

WHERE_WRITTEN = (*ANYWHERE, "record", "arrived", *("arriving", "leaving") * 3)

TARGETS = {
    "google": ("exchange", "microsoft365"),
    "exchange": ("google", "google", "google", "microsoft365"),
    "microsoft365": ("google", "google", "google", "exchange"),
}
"""Where people of each service move to: within Outlook seldom, as that is the customer's own work."""

WAYS = ("apply", "move", "sync")

SYNCS = 4
"""So many are enough: what is left behind goes once its successor was read back."""


class Move:
    """One move, from the plan to the count.

    Attributes:
        source, target: the services that the tenant file names before and after.
    """

    def __init__(self, campaign: Campaign) -> None:
        self.campaign, self.chance = campaign, campaign.chance
        self.people, self.stage = campaign.people, campaign.stage
        self.entity = self.chance.choice(sorted(self.people.kinds))
        self.source = self.people.kinds[self.entity]
        self.target = self.chance.choice(TARGETS[self.source])
        self.members = self.people.members(self.entity)
        self.acted = False

    @property
    def words(self) -> Sequence[object]:
        """The command that plans it."""
        return "move", "corail", "--to", SERVICES[self.target], "--legal-entity", self.entity

    def run(self) -> Tally:
        """Plan, apply, kill, go on, count.

        Raises:
            WentWrongError: the count is not clean, or nothing comes to an end.
        """
        campaign = self.campaign
        if campaign.behind:
            campaign.up_to_date()
        self._happens()
        if self.chance.random() < 0.25:
            campaign.strike(self.words, everyone=True, during="look ")
        act = self.planned()
        self.stage.note_moved([str(self.people.twin.person(number).mail) for number in self.members])
        for _ in range(self.chance.choice((1, 1, 2))):
            self._struck(act)
        self.people.kinds = self.stage.kinds()
        self.acted = self.chance.random() < 0.4
        if self.acted:
            self._happens()
        self._gone_on(act)
        campaign.behind.difference_update(self.members)
        return campaign.counted(self.members)

    def _happens(self) -> None:
        """Some people do something, and the customer migrates some mailboxes."""
        self.campaign.act(self.members)
        if self.chance.random() < 0.5:
            self.campaign.migrate(self.members, 3)

    def planned(self) -> tuple[str, ...]:
        """Look at it; gives the command that applies it."""
        seen: dict[str, Any] = self.campaign.ended(*self.words).document
        return "apply", seen["file"], "--confirm", seen["checksum"]

    def _struck(self, act: Sequence[object]) -> None:
        outlook = "google" not in (self.source, self.target)
        kind = self.campaign.dealt(ANYWHERE if outlook else WHERE_WRITTEN)
        self.campaign.strike(act, everyone=True, kind=kind, aim=self._aim(kind), during="move ")

    def _aim(self, kind: str) -> Moment | None:
        """The request to strike at: the routing was just written, events come, have come, or go."""
        at, how = self.chance.choice((1, 2, 3, 5)), self.campaign.how
        came, left = self._service(self.target), self._service(self.source)
        match kind:
            case "routed":
                return Moment("figgo", "*", self.chance.randint(1, 3), "after")
            case "arriving":
                return Moment(came, "WRITE", at, how(came))
            case "arrived":
                # The second pass lists each of them again; four at least share a batch.
                lists = -(-len(self.members) // (4 if left == "microsoft365" else 1))
                return Moment(left, LISTINGS[left], lists + at, "after")
            case "leaving":
                return Moment(left, "WRITE", at, how(left))
        return None

    def _service(self, named: str) -> str:
        """Where most of these people's mailboxes are behind the calendar that the tenant file names."""
        if named == "google":
            return named
        online = len(self.people.online.intersection(self.members))
        return "microsoft365" if 2 * online > len(self.members) else "exchange"

    def _gone_on(self, act: Sequence[object]) -> None:
        """By whatever comes next: the same apply, another move, or plain syncs.

        Raises:
            WentWrongError: that leaves something undone.
        """
        campaign, way = self.campaign, self.campaign.dealt(WAYS)
        campaign.tally.moves[way] += 1
        if way == "move":
            act = self.planned()
        if way == "apply" and self.acted:
            campaign.tried(act, self.members)  # what changed since the look is stale
        elif way != "sync":
            campaign.to_the_end(act, self.members)
            self.people.kinds = self.stage.kinds()
            if self.people.kinds[self.entity] != self.target:
                raise WentWrongError(f"{act} left legal entity {self.entity} at {self.people.kinds}")
            return
        self.people.kinds = self.stage.kinds()
        for _ in range(SYNCS):
            done = campaign.caught_up(self.members)
            if not (done["created"] or done["updated"] or done["deleted"]):
                return
        raise WentWrongError(f"{SYNCS} syncs did not end the move of legal entity {self.entity}")
