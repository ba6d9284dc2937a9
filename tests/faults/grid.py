"""What can go wrong, with which question, and which of the two go together.

A provider joins by a row of `PROVIDERS`; faults, judging and printing are shared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from zlib import crc32

from tests.faults.world import DOUBTFUL, HEROINE, HERS, PLAIN

Dialect = Literal["google", "oauth", "figgo", "exchange", "iis", "graph", "entra"]
Level = Literal["request", "connection", "page", "moving", "item", "batch", "token"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of question that a run asks.

    Attributes:
        again: whether the question before writing is meant, not the one while looking.
        nth: which of several like it, counted from 0.
        amid: whether it is asked between writes.
        writes: whether it changes a calendar.
        repeats: whether it may be sent again when nobody knows what became of it.
        later: the query of every page but the first, as a pattern; "" where there is only one, ANY where
            the query does not tell.
        dialect: in which form it is refused.
    """

    name: str
    service: str
    method: str
    path: str
    principal: str = "*"
    again: bool = False
    nth: int = 0
    amid: bool = False
    writes: bool = False
    repeats: bool = True
    later: str = ""
    body: bool = True
    setting: str = PLAIN
    dialect: Dialect = "figgo"


_PASSING = frozenset(
    {"dns", "refused", "drop-before", "drop-after", "reset-before", "reset-after"}
    | {"silence", "late-commit", "cut-body", "html", "cut-json", "item", "spoilt", "worn"}
)
_BUSY = "ErrorServerBusy"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that goes wrong.

    Attributes:
        kind: of `sandbox.faults`, or "dns", "refused", "moving", "item", "spoilt" or "worn".
        after: whether the write was carried out, or will be.
        late: whether a write that was put off arrives only after the next run.
    """

    name: str
    kind: str
    value: object = None
    level: Level = "request"
    after: bool = False
    late: bool = False

    @property
    def passes(self) -> bool:
        """Whether asking again helps, so that one strike must not show in the run at all."""
        return self.kind in _PASSING or self._said("status") in (429, 500, 502, 503, 504)

    @property
    def in_soap(self) -> bool:
        """Whether Exchange says it in its own words."""
        return self._said("code") is not None

    @property
    def in_batch(self) -> bool:
        """Whether it strikes one item of many, or what answers many."""
        return self.level == "batch" or (self.level == "item" and not self.in_soap)

    @property
    def of_creations(self) -> bool:
        """Whether it is about the name by which Graph knows a creation again."""
        return self._said("way") == "arriving twice"

    @property
    def leaves_doubt(self) -> bool:
        """Whether nothing was carried out, or not yet, and nobody can tell."""
        stands = self.after or self.kind in ("cut-body", "cut-json")
        plain = self.level == "connection" or self._said("status") == 429 or self._said("code") == _BUSY
        return self.kind == "late-commit" or (self.passes and not stands and not plain)

    def _said(self, name: str) -> object:
        return self.value.get(name) if isinstance(self.value, Mapping) else None


def _status(name: str, status: int, kind: str = "status", **more: object) -> Trouble:
    return Trouble(name, kind, {"status": status, **more}, after=kind == "status-after")


def _spoilt(name: str, way: str, *, after: bool = False, **more: object) -> Trouble:
    return Trouble(name, "spoilt", {"way": way, **more}, "batch", after=after)


_HTML: Mapping[str, Any] = {
    "body": "<html><h1>502 Bad Gateway</h1></html>",
    "headers": {"Content-Type": "text/html"},
}

_TRANSIENT: Mapping[str, Any] = {"code": "ErrorInternalServerTransientError"}

TROUBLES: tuple[Trouble, ...] = (
    Trouble("DNS failure", "dns", level="connection"),
    Trouble("connection refused", "refused", level="connection"),
    Trouble("certificate expired", "certificate", "expired", "connection"),
    Trouble("certificate of another name", "certificate", "wrong-name", "connection"),
    Trouble("certificate self-signed", "certificate", "self-signed", "connection"),
    Trouble("hung up before commit", "drop-before"),
    Trouble("hung up after commit", "drop-after", after=True),
    Trouble("reset before commit", "reset-before"),
    Trouble("reset after commit", "reset-after", after=True),
    Trouble("silence before commit", "silence", "before"),
    Trouble("silence after commit", "silence", "after", after=True),
    Trouble("late commit", "late-commit", after=True),
    Trouble("commit after the next run", "late-commit", after=True, late=True),
    Trouble("slow drip", "drip", 0),
    Trouble("cut body", "cut-body"),
    _status("400", 400),
    _status("401", 401),
    _status("403 rights", 403, flavour="rights"),
    _status("403 quota", 403, flavour="quota"),
    _status("404", 404),
    _status("408", 408),
    _status("409", 409),
    _status("410", 410),
    _status("412", 412),
    _status("429 with seconds", 429, wait="seconds"),
    _status("429 with a date", 429, wait="date"),
    _status("429 with nothing", 429),
    _status("500 before commit", 500),
    _status("500 after commit", 500, "status-after"),
    _status("502 in HTML", 502, **_HTML),
    _status("503 before commit", 503),
    _status("503 after commit", 503, "status-after"),
    _status("504", 504),
    Trouble("200 in HTML", "html"),
    Trouble("200 with cut JSON or XML", "cut-json"),
    Trouble("second page fails", "status", {"status": 503}, "page"),
    Trouble("second page breaks off", "cut-body", level="page"),
    Trouble("pages move", "moving", level="moving"),
    _status("SOAP: busy, with seconds", 500, code=_BUSY, back_off=40),
    _status("SOAP: busy, with nothing", 500, code=_BUSY),
    _status("SOAP: before commit", 500, **_TRANSIENT),
    _status("SOAP: after commit", 500, "status-after", **_TRANSIENT),
    Trouble("item: busy, with seconds", "item", {"code": _BUSY, "back_off": 40}, "item"),
    Trouble("item: before commit", "item", _TRANSIENT, "item"),
    Trouble("item: 429 with seconds", "item", {"status": 429, "retry_after": 40}, "item"),
    Trouble("item: 429 with nothing", "item", {"status": 429}, "item"),
    Trouble("item: 503 before commit", "item", {"status": 503}, "item"),
    Trouble("item: 503 after commit", "item", {"status": 503, "commit": True}, "item", after=True),
    Trouble("item: 401", "item", {"status": 401}, "item"),
    _spoilt("item: missing, not done", "unasked"),
    _spoilt("item: missing, done", "unanswered", after=True),
    _spoilt("item: a page", "garbled"),
    _spoilt("item: no status", "shapeless"),
    _spoilt("item: two with one id", "told twice"),
    _spoilt("half of a batch, not done", "half asked"),
    _spoilt("half of a batch, done", "half answered", after=True),
    _spoilt("duplicate, told by 409", "arriving twice", after=True, repeated=409),
    _spoilt("duplicate, told by 400", "arriving twice", after=True, repeated=400),
    Trouble("token expired", "worn", "expired", "token"),
    Trouble("token revoked", "worn", "revoked", "token"),
)

ANY = "*"
_EVENTS = "*/calendars/primary/events"
_TOKEN, _OFFSET = "*pageToken=*", "*paging=[1-9]*"


def _google(name: str, method: str, path: str = _EVENTS, **more: object) -> Operation:
    return Operation(name, "google", method, path, HEROINE, **{"dialect": "google", **more})  # type: ignore[arg-type]


def _exchange(name: str, place: str, **more: object) -> Operation:
    path = f"*/Exchange.asmx{place}"
    return Operation(name, "exchange", "POST", path, **{"principal": HEROINE, "dialect": "exchange", **more})  # type: ignore[arg-type]


def _graph(name: str, method: str, **more: object) -> Operation:
    return Operation(
        name,
        "microsoft365",
        "POST",
        f"*/$batch/{method}",
        HERS,
        **{"dialect": "graph", **more},  # type: ignore[arg-type]
    )


def _entra(name: str, method: str, place: str) -> Operation:
    return Operation(name, "microsoft365", method, place, dialect="entra")


PROVIDERS: Mapping[str, tuple[Operation, ...]] = {
    "google": (
        _google("token", "POST", "/token", dialect="oauth"),
        _google("list", "GET", later=_TOKEN),
        _google("list again", "GET", later=_TOKEN, again=True),
        _google("create", "POST", writes=True),
        _google("update", "PUT", f"{_EVENTS}/*", writes=True),
        _google("remove", "DELETE", f"{_EVENTS}/*", writes=True, body=False),
        _google("settle", "GET", f"{_EVENTS}/*", amid=True, setting=DOUBTFUL),
    ),
    "exchange": (
        _exchange("methods", "", principal="", dialect="iis"),
        _exchange("log-on", "", dialect="iis"),
        _exchange("challenge", "", nth=1, dialect="iis"),
        _exchange("list", "/FindItem", later=ANY),
        _exchange("list again", "/FindItem", later=ANY, again=True),
        _exchange("create", "/CreateItem", writes=True, repeats=False),
        _exchange("update", "/UpdateItem", writes=True),
        _exchange("look", "/GetItem", amid=True),
        _exchange("remove", "/DeleteItem", writes=True),
        _exchange("settle", "/FindItem", amid=True, setting=DOUBTFUL),
    ),
    "microsoft365": (
        _entra("discovery", "GET", "*/openid-configuration"),
        _entra("token", "POST", "*/oauth2/v2.0/token"),
        _graph("list", "GET", later=ANY),
        _graph("list again", "GET", later=ANY, again=True),
        _graph("create", "POST", writes=True),
        _graph("update", "PATCH", writes=True),
        _graph("remove", "DELETE", writes=True),
        _graph("settle", "GET", amid=True, setting=DOUBTFUL),
    ),
    "figgo": (
        Operation("people", "figgo", "GET", "/api/v3/users", later=_OFFSET),
        Operation("entities", "figgo", "GET", "*/api/establishments", later="*page=[2-9]*"),
        Operation("leaves", "figgo", "GET", "/api/v3/leaves", later=_OFFSET),
        Operation("userdates", "figgo", "GET", "/api/v3/userdates"),
        Operation("people again", "figgo", "GET", "/api/v3/users", later=_OFFSET, again=True),
        Operation("leaves again", "figgo", "GET", "/api/v3/leaves", later=_OFFSET, again=True),
    ),
}

REASONS: Mapping[str, str] = {
    "a": "a read changes nothing, so before and after its commit are one, and it cannot arrive late",
    "b": "the answer has no body that could be cut",
    "c": "the answer is never more than one page",
    "d": "the service has no such refusal; its quota answers 429",
    "e": "only Exchange speaks SOAP, and only to whom it has let in",
    "f": "only Graph takes batches, and only from whom it gave a token",
    "g": "no token goes along, or its end is the row 401",
    "h": "only a creation has a name that Graph knows again",
}


def reason(trouble: Trouble, operation: Operation) -> str | None:
    """Why this cell makes no sense, as a letter of `REASONS`; None when it must be run."""
    if trouble.after and not operation.writes:
        return "a"
    if trouble.kind in ("cut-body", "cut-json") and not operation.body:
        return "b"
    if trouble.level in ("page", "moving") and not operation.later:
        return "c"
    if trouble.name == "403 quota" and operation.dialect != "google":
        return "d"
    return _other_tongue(trouble, operation)


def _other_tongue(trouble: Trouble, operation: Operation) -> str | None:
    if trouble.in_soap and operation.dialect != "exchange":
        return "e"
    if operation.dialect != "graph" and (trouble.in_batch or trouble.level == "token"):
        return "f" if trouble.in_batch else "g"
    return "h" if trouble.of_creations and operation.name != "create" else None


def cells(provider: str) -> list[tuple[Trouble, Operation]]:
    """All cells of one provider that must be run."""
    return [(t, o) for o in PROVIDERS[provider] for t in TROUBLES if reason(t, o) is None]


SHARES = 5


def in_share(provider: str, trouble: Trouble, operation: Operation, seed: object) -> bool:
    """Whether `make test` plays this cell under this seed.

    Figgo's are played always. Of a calendar's it is every fifth, of each trouble and of each operation, and
    five seeds that follow one another play all.
    """
    number = int(str(seed)) if str(seed).isdecimal() else crc32(str(seed).encode())
    place = TROUBLES.index(trouble) + PROVIDERS[provider].index(operation)
    return provider == "figgo" or (place + number) % SHARES == 0


LETTERS: Mapping[str, str] = {
    "=": "right at once",
    "r": "failed by name, repaired by the next run",
    "w": "failed by name, repaired by the run after ten minutes of waiting",
    "c": "a refused credential, repaired by a run with --retry-credential",
    "x": "broke a rule",
}

Cells = Mapping[tuple[str, str, str], str]
"""Letters by provider, trouble and operation."""


def lines(found: Cells, seed: object = "") -> list[str]:
    """The grid as it is printed; a cell that was not run in this session is a dot."""
    printed = []
    for provider, operations in PROVIDERS.items():
        if not any(key[0] == provider for key in found):
            continue
        printed += ["", f"{provider:<28}" + "".join(f"{o.name:<13}" for o in operations)]
        for trouble in TROUBLES:
            row = (_shown(found, provider, trouble, operation) for operation in operations)
            printed.append(f"{trouble.name:<28}" + "".join(f"{one:<13}" for one in row).rstrip())
    return [*printed, "", *_legend(found, seed)] if printed else []


def _shown(found: Cells, provider: str, trouble: Trouble, operation: Operation) -> str:
    why = reason(trouble, operation)
    return f"n/a {why}" if why else found.get((provider, trouble.name, operation.name), ".")


def _legend(found: Cells, seed: object) -> list[str]:
    total = "".join(found.values())
    counts = [f"  {letter} {total.count(letter):>4} {words}" for letter, words in LETTERS.items()]
    why = [f"  n/a {letter}: {words}" for letter, words in REASONS.items()]
    left = sum(len(cells(provider)) for provider in {key[0] for key in found}) - len(found)
    share = f"`make proof` plays all; which fifth `make test` plays follows from --hypothesis-seed={seed}"
    return [
        "first letter: the fault strikes once; second letter: it stays until after the run",
        *counts,
        *why,
        f"  {len(found)} cells, {len(total)} faults played",
        *([f"  . {left:>4} cells not played in this run: {share}"] if left else []),
    ]
