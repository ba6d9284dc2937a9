"""The v4 structure resources of the Figgo stand-in: establishments, legal units, departments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from figgo_ops.sandbox.company import Company
from figgo_ops.sandbox.figgo_query import BadQueryError

Query = Mapping[str, tuple[str, ...]]

PARAMETERS = {"id", "legalunitid", "search", "isarchived", "page", "limit", "fields.root"}
DEFAULT_LIMIT, LARGEST_LIMIT = 10, 100
COUNTRIES = {
    "FR": {"id": 250, "name": "France", "defaultTimeZone": "Europe/Paris"},
    "CH": {"id": 756, "name": "Suisse", "defaultTimeZone": "Europe/Zurich"},
}
COMPANIES = {1: ("Corail SAS", "FR"), 2: ("Corail (Suisse) SA", "CH")}


def answer(company: Company, visible: frozenset[int] | None, resource: str, query: Query) -> dict[str, Any]:
    """One page of a resource, as seen by a role that knows the legal entities `visible` (None: all)."""
    unknown = sorted(set(query) - PARAMETERS)
    if unknown:
        raise BadQueryError(f"Unknown parameter '{unknown[0]}'")
    rows = _ROWS[resource](company, visible)
    return _page([row for row in rows if _matches(row, query)], query)


def _establishments(company: Company, visible: frozenset[int] | None) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "name": one.name,
            "code": f"E{one.id}",
            "legalUnitId": one.company_id,
            "legalUnit": {"id": one.company_id, "name": COMPANIES[one.company_id][0]},
            "isArchived": False,
        }
        for one in company.legal_entities.values()
        if visible is None or one.id in visible
    ]


def _legal_units(_company: Company, _visible: frozenset[int] | None) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "name": name,
            "code": f"C{number}",
            "countryId": COUNTRIES[country]["id"],
            "country": COUNTRIES[country],
            "isArchived": False,
        }
        for number, (name, country) in COMPANIES.items()
    ]


def _departments(company: Company, _visible: frozenset[int] | None) -> list[dict[str, Any]]:
    return [
        {"id": one.id, "name": one.name, "code": f"D{one.id}", "parentId": None, "isActive": True}
        for one in company.departments.values()
    ]


_ROWS = {"establishments": _establishments, "legal-units": _legal_units, "departments": _departments}


def _matches(row: dict[str, Any], query: Query) -> bool:
    texts = {name: ",".join(values).lower() for name, values in query.items()}
    ids = texts.get("id", str(row["id"])).split(",")
    units = texts.get("legalunitid", str(row.get("legalUnitId"))).split(",")
    archived = texts.get("isarchived", "false").split(",")
    return (
        str(row["id"]) in ids
        and str(row.get("legalUnitId")) in units
        and str(row.get("isArchived", False)).lower() in archived
        and texts.get("search", "") in row["name"].lower()
    )


def _page(rows: list[dict[str, Any]], query: Query) -> dict[str, Any]:
    number = _number(query, "page", 1)
    limit = _number(query, "limit", DEFAULT_LIMIT)
    if limit > LARGEST_LIMIT:
        raise BadQueryError(f"The limit must be between 1 and {LARGEST_LIMIT}")
    start = (number - 1) * limit
    page: dict[str, Any] = {
        "items": rows[start : start + limit],
        "prev": _cursor(number - 1) if number > 1 else None,
        "next": _cursor(number + 1) if start + limit < len(rows) else None,
    }
    if "count" in ",".join(query.get("fields.root", ())).split(","):
        page["count"] = len(rows)
    return page


def _number(query: Query, name: str, default: int) -> int:
    text = query.get(name, (str(default),))[-1].removeprefix("!")
    if not text.isdecimal() or int(text) < 1:
        raise BadQueryError(f"'{text}' is no value for '{name}'")
    return int(text)


def _cursor(number: int) -> str:
    """Cursors look like no number, so that nobody counts with them."""
    return f"!{number}"
