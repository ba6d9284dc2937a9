"""How far this machine's clock is from a service's, by the date on any answer of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from figgo_ops.network.trouble import shown

NOTICED, HARMFUL = timedelta(minutes=2), timedelta(minutes=5)
"""What is worth a word, and what tokens and log-ons are refused for."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Told:
    """The time that an answer told.

    Attributes:
        ahead: how far the service's clock is ahead of ours, less than zero where it is behind.
        seen: its header fields.
    """

    at: datetime
    ahead: timedelta
    seen: str

    @property
    def words(self) -> str:
        """How far and in which direction ours is off."""
        return f"{spelt(abs(self.ahead))} {'behind' if self.ahead > timedelta() else 'ahead'}"

    @property
    def theirs(self) -> str:
        """The same as said of the service's clock."""
        return f"{spelt(abs(self.ahead))} {'ahead' if self.ahead > timedelta() else 'behind'}"

    @property
    def remedy(self) -> str:
        """What to do with this machine's clock."""
        way = "forward" if self.ahead > timedelta() else "back"
        return f"Set this machine's clock {way} by {spelt(abs(self.ahead))} and let it follow a time server"


def told(head: bytes, before: datetime, after: datetime) -> Told | None:
    """What an answer says about the time; None when it says nothing that can be read.

    Args:
        head: status line and header fields.
        before: when it was asked, by our clock; UTC.
        after: when it had come.
    """
    fields = _fields(head)
    try:
        said = parsedate_to_datetime(fields.get("date", ""))
    except (ValueError, OverflowError):
        return None
    aged = fields.get("age", "")
    # A cache answers with the date of long ago, and says how long.
    age = (
        timedelta(seconds=int(aged)) if aged.isascii() and aged.isdigit() and len(aged) < 10 else timedelta()
    )
    at = said.replace(tzinfo=said.tzinfo or UTC) + age
    seen = f"Date: {fields['date']}" + (f", Age: {aged}" if age else "")
    return Told(at, _ahead(at, before, after), shown(seen))


def _ahead(at: datetime, before: datetime, after: datetime) -> timedelta:
    """The least difference that explains it: an answer takes time, and a date has whole seconds."""
    if at > after:
        return at - after
    return min(at + _SECOND - before, timedelta())


def _fields(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def spelt(length: timedelta) -> str:
    """A length of time in its two largest units."""
    seconds = int(length.total_seconds())
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    units = ((days, "day"), (hours, "hour"), (minutes, "minute"), (seconds % 60, "second"))
    said = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in units if count]
    return " ".join(said[:2]) or "0 seconds"
