"""The process of vdirsyncer's diff, run by the Python of build/bench: two storages, nothing changed."""

import asyncio
import json
import resource
import sys
import time

from vdirsyncer.storage.memory import MemoryStorage  # type: ignore[import-not-found]
from vdirsyncer.sync import sync  # type: ignore[import-not-found]
from vdirsyncer.sync.status import SqliteStatus  # type: ignore[import-not-found]
from vdirsyncer.vobject import Item  # type: ignore[import-not-found]

_ITEM = "\r\n".join(
    (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "BEGIN:VEVENT",
        "UID:{uid}",
        "DTSTART;VALUE=DATE:20260105",
        "DTEND;VALUE=DATE:20260110",
        "SUMMARY:Absent",
        "END:VEVENT",
        "END:VCALENDAR",
    )
)


async def measured(events: int) -> dict[str, float]:
    """CPU of one sync that finds nothing, and the most memory this process ever held."""
    one_side, other_side, status = MemoryStorage(), MemoryStorage(), SqliteStatus()
    known = {}
    for number in range(events):
        uid = f"acme.ilucca.net/{number // 20}/{number}/20260105A"
        item = Item(_ITEM.format(uid=uid))
        known[uid] = (*await one_side.upload(item), *await other_side.upload(item))
    status.load_legacy_status(known)
    del known
    begun = time.process_time()
    await sync(one_side, other_side, status)
    cpu = time.process_time() - begun
    found = sum(1 for _ in status.iter_old())
    assert found == events, f"{found} of {events} events are still known"
    return {"cpu": cpu, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measured(int(sys.argv[1])))))
