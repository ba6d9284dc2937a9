"""The page of a certificate: what an off-boarding removed, did not reach, and what stays until when."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from figgo_ops.desk import pages
from figgo_ops.desk.reports import Note, Part
from figgo_ops.desk.runs import write_text
from figgo_ops.desk.tables import Table
from figgo_ops.recall import certificate

Document = Mapping[str, Any]


def beside(path: Path, home: Path) -> Path:
    """Write the page beside a certificate; its path.

    Args:
        path: of the certificate.
        home: whose tenant file says whether it is a rehearsal.
    """
    found: Document = json.loads(path.read_text(encoding="utf-8"))
    page = path.with_suffix(".html")
    write_text(page, rendered(found, home))
    return page


def rendered(found: Document, home: Path) -> str:
    """The certificate as one page that asks nothing of any network."""
    whom = f"employee {found['employee']} of {found['tenant']}" if found["employee"] else found["tenant"]
    shown = pages.frame(f"Off-boarding certificate: {whom}", pages.whose(found["tenant"], home), [])
    return pages.page(shown, [part.html() for part in _parts(found)])


def _parts(found: Document) -> Iterable[Part]:
    yield Note(_verdict(found), tuple(_facts(found)))
    yield _table(
        found, "not-reached", "Places that could not be reached", ("Mailbox", "Why"), _not_reached(found)
    )
    yield _table(found, "stays", "Events that stay", ("Mailbox", "From", "To", "Key", "Why"), _stays(found))
    absent = ([mailbox] for mailbox in found["absent"])
    yield _table(found, "absent", "Mailboxes that do not exist any more", ("Mailbox",), absent)
    bins = ([one["calendar"], _until(one)] for one in found["bins"])
    yield _table(
        found, "bins", "What the providers still keep of deleted events", ("Calendar", "Until"), bins
    )
    yield Note(
        "How to check this certificate",
        lines=(
            f"The checksum is the SHA-256 of {certificate.FILE} without its member checksum.",
            "It is taken over UTF-8 JSON, members sorted by name, no white space between them.",
            f"jq -cjS 'del(.checksum)' {certificate.FILE} | sha256sum",
        ),
    )


def _until(kept: Document) -> str:
    if kept.get("owner_empties"):
        return f"each owner empties their bin; not before {kept['until']}"
    return str(kept["until"]) or "it keeps none"


def _verdict(found: Document) -> str:
    if not found["complete"]:
        missed, left = found["unreached"], found["left"]
        return f"Not complete: {missed} places were not reached, {left} events are still there."
    given_up = f"; {found['given_up']} places were given up" if found["unreached"] else ""
    return f"Complete: no event of ours is left in any place that was reached{given_up}."


def _facts(found: Document) -> Iterable[tuple[str, str]]:
    yield "Figgo", found["figgo"]
    yield "Run", found["run"]
    yield "Verified", found["verified"]
    yield "Events removed in this run", str(found["removed"])
    yield "Mailboxes read afterwards", str(found["read"])
    for verdict, number in found["left_alone"].items():
        yield f"Left alone: {verdict}", str(number)
    yield "Checksum", found["checksum"]


def _not_reached(found: Document) -> Iterable[list[str]]:
    return ([one["mailbox"], one["why"]] for one in found["not_reached"])


def _stays(found: Document) -> Iterable[list[str]]:
    return ([one["mailbox"], one["start"], one["end"], one["key"], one["why"]] for one in found["stays"])


def _table(
    found: Document, name: str, caption: str, columns: tuple[str, ...], rows: Iterable[list[str]]
) -> Table:
    return Table(name, caption, pd.DataFrame(list(rows), columns=list(columns)), tenant=found["tenant"])
