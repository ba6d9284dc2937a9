"""What a notebook says about its result, to people and to the runner at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from figgo_ops.desk import runs
from figgo_ops.desk.endings import RESULT_TYPE
from figgo_ops.desk.reports import Part


@dataclass(frozen=True, slots=True)
class Verdict:
    """The last thing a notebook shows: its run ends with this exit code.

    Attributes:
        message: what came out, in one line.
        remedy: the next step; "" when there is none.
        document: what programs may rely on, in the command line's JSON shapes.
        parts: what a person reads.
    """

    exit: int
    message: str
    remedy: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()

    def __repr__(self) -> str:
        return "\n\n".join([self.message, *map(repr, self.parts)])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        where = os.environ.get(runs.VARIABLE)
        folder = Path(where) if where else None
        return {
            "text/plain": repr(self),
            "text/html": "\n".join(part.html(folder) for part in self.parts),
            RESULT_TYPE: {
                **self.document,
                "exit": self.exit,
                "message": self.message,
                "remedy": self.remedy,
            },
        }
