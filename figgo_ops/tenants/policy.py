"""How leaves become events for a tenant, from what its file says of events and zones.

Pure: no input or output, no clock.
"""

from collections.abc import Sequence

from figgo_ops.events import Hours, Policy, TypeRule
from figgo_ops.tenants.file import EventsSection, ZoneSection


def policy_of(timezone: str, look: EventsSection, zones: Sequence[ZoneSection]) -> Policy:
    """The policy; where two zones name one person or legal entity, the first wins."""
    later_first = zones[::-1]
    return Policy(
        timezone=timezone,
        title=look.title,
        show_type=look.show_type,
        whole_days=look.whole_days,
        hours=Hours(look.hours.morning, look.hours.afternoon),
        pending=look.pending,
        private=look.private,
        show_as=look.show_as,
        rules=tuple(TypeRule(**rule.model_dump()) for rule in look.type),
        zone_by_employee={who: zone.timezone for zone in later_first for who in zone.employees},
        zone_by_legal_entity={unit: zone.timezone for zone in later_first for unit in zone.legal_entities},
    )
