"""Charts that print, resize, follow the page's colours and can be read aloud.

This is the only door to matplotlib.
"""

import html
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from figgo_ops.plan import Action

ACTIONS: tuple[Action, ...] = ("create", "update", "remove")

# Three colours of the Okabe-Ito set, which stay apart for colour-blind eyes, and hatching for print.
_LOOKS = (("#009e73", ""), ("#e69f00", ".."), ("#d55e00", "//"))
_INK = "#345678"  # stands for the colour of the text around the chart until the drawing is put there

CHANGES: Mapping[str, str] = {action: f"to {action}" for action in ACTIONS}

Counts = Mapping[tuple[date, str], int]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as SVG, and the words for whoever does not see it."""

    svg: str
    words: str

    def __repr__(self) -> str:
        return self.words

    def _repr_html_(self) -> str:
        return f"<figure>{self.svg}</figure>" if self.svg else f"<p>{html.escape(self.words)}</p>"

    def html(self, folder: Path | None = None) -> str:
        """The same for a page."""
        return self._repr_html_()


def by_month(
    events: Iterable[tuple[date, str]],
    series: Mapping[str, str] = CHANGES,
    none: str = "Events per month: none would change.",
) -> Chart:
    """Events by the month of their day, one colour per series.

    Args:
        events: the day of each, and its series.
        series: at most three, each with the words it is called by.
        none: what is said where there are no events.
    """
    found = Counter((day.replace(day=1), name) for day, name in events)
    if not found:
        return Chart("", none)
    months = _months(min(found)[0], max(found)[0])
    said = [f"{month:%b %Y}: {words}" for month in months if (words := _words(found, month, series))]
    words = f"Events per month. {'; '.join(said)}."
    return Chart(_inline(_drawn(months, found, series), words), words)


def _months(first: date, last: date) -> list[date]:
    found = [first]
    while found[-1] < last:
        found.append((found[-1] + timedelta(days=31)).replace(day=1))
    return found


def _words(found: Counts, month: date, series: Mapping[str, str]) -> str:
    return ", ".join(
        f"{found[month, name]} {words}" for name, words in series.items() if (month, name) in found
    )


def _drawn(months: Sequence[date], found: Counts, series: Mapping[str, str]) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mine: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "figgo_ops", "font.size": 9}
    mine |= dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), _INK)
    with mpl.rc_context(mine):
        figure = Figure(figsize=(9, 2.8), layout="constrained")
        axes = figure.add_subplot()
        heights = _bars(axes, months, found, series)
        _frame(axes, months, heights)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return drawn.getvalue()


def _bars(axes: Any, months: Sequence[date], found: Counts, series: Mapping[str, str]) -> list[int]:
    """Draw the bars one on the other; their heights in all."""
    below = [0] * len(months)
    for (name, words), (colour, hatch) in zip(series.items(), _LOOKS, strict=False):
        heights = [found.get((month, name), 0) for month in months]
        if any(heights):
            look = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.8}
            axes.bar(range(len(months)), heights, bottom=below, width=0.7, label=words, **look)
            below = [sum(pair) for pair in zip(below, heights, strict=True)]
    return below


def _frame(axes: Any, months: Sequence[date], heights: Sequence[int]) -> None:
    above = {"ha": "center", "va": "bottom", "xytext": (0, 1), "textcoords": "offset points"}
    for n, height in enumerate(heights):
        if height:
            axes.annotate(str(height), (n, height), **above)
    step = 1 + len(months) // 18
    axes.set_xticks(range(0, len(months), step), [_tick(n, month) for n, month in enumerate(months)][::step])
    axes.set_ylabel("events")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_INK)
    axes.margins(y=0.15)
    axes.legend(frameon=False, ncols=3, loc="upper right", bbox_to_anchor=(1, 1.18))


def _tick(n: int, month: date) -> str:
    """The month; the year only where it begins."""
    return f"{month:%b\n%Y}" if n == 0 or month.month == 1 else f"{month:%b}"


def _inline(svg: str, words: str) -> str:
    """The drawing as a part of a page: named for screen readers, its text in the page's colour and font."""
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font: \1 system-ui, sans-serif", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(words, quote=True)}"', 1)
