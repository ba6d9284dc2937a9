"""What may happen to a run: how it goes wrong, and when."""

from dataclasses import dataclass

ANSWERS = {
    "busy": ("status", 503),
    "too many": ("status", 429),
    "forbidden": ("status", 403),
    "done, yet refused": ("status-after", 503),
    "not sent": ("drop-before", None),
    "not answered": ("drop-after", None),
    "cut": ("cut-body", None),
    "half a document": ("cut-json", None),
    "a page": ("html", None),
}
"""What a service may answer instead of the truth: the kind of a fault, and its value."""

FIGGO = ["busy", "not sent", "half a document", "a page"]
"""Those that one retry of a whole run mends, at Figgo."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """A run, and what goes wrong with it.

    Attributes:
        what: "nothing"; "answer": the provider answers writes wrongly; "line": it is cut in a write;
            "late": creations arrive late; "read": the provider answers reads wrongly; "figgo": Figgo does;
            "death": the process dies.
        answer: one of `ANSWERS`.
        after: so many writes go well (or so many reads).
        lasting: it goes on until the run is over, else it happens once.
        worded: a plan is looked at and confirmed, where a sync would do without.
        again: ten minutes pass after a death; another run ends before late creations arrive.
    """

    what: str
    answer: str
    after: int
    lasting: bool
    worded: bool
    again: bool
