"""The rules of Figgo's that no documentation settles: each is a switch, its first value the likely one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHOICES: Mapping[str, tuple[Any, ...]] = {
    "half_day_key": ("isAM", "isAm"),
    "date_text": ("date-time", "date"),
    "timestamps": ("UTC", "Europe/Paris"),
    "default_leaves": ("active", "approved", "all"),
    "leave_id": ("period", "owner"),
    "period_ends": ("asked", "standing"),
    "rest_rows": (False, True),
    "since_filters": (True, False),
    "max_page": (int,),
    "default_page": (1000, 10),
    "error_body": ("problem", "text", "empty", "html"),
    "missing_filter": ("refused", "empty"),
    "unknown_user": (404, 500),
    "structure_v3": (410, 404, "working"),
    "header": (True, False),
    "shuffle": (True, False),
    "rate_limit": (int,),
    "rate_seconds": (int,),
    "retry_after": ("seconds", "date", "absent"),
    "slow_rows": (int,),
    "slow_days": (int,),
    # What the key's role at Lucca may not read, and whether that is refused or merely shows nothing.
    "unreadable": ("", "people", "leaves", "userdates", "legal entities"),
    "unreadable_answer": ("refused", "empty"),
    "address": ("any", "refused"),  # whether a filter before Figgo takes the client's address
}
DEFAULTS: Mapping[str, Any] = {
    "max_page": 1000,
    "rate_limit": 50,
    "rate_seconds": 60,
    "slow_rows": 10**9,
    "slow_days": 310,
}
