"""Tables that a notebook shows, a page carries and a spreadsheet opens.

Whatever a customer's data holds, every value is shown as text: no markup, no formula, nothing invisible.
"""

import html
import io
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pandas as pd

from figgo_ops import words
from figgo_ops.desk import pages, runs

INLINE_ROWS = 500
PAGE_ROWS = 20_000
"""Beyond this many rows a browser itself becomes the bottleneck; the CSV file has them all."""

_GROUP = ": "
_FORMULA = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")  # full-width ones work as well
_SIGNS = {"create": "+", "update": "~", "remove": "\N{MINUS SIGN}"}
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})

# JupyterLab sets tables flush right and knows no colours of ours; pages have a style sheet of their own.
_IN_LAB = """<style>
.jp-RenderedHTMLCommon table.figgo { margin: 0; }
.jp-RenderedHTMLCommon table.figgo :is(th, td, caption) { text-align: left; vertical-align: top; }
.jp-RenderedHTMLCommon table.figgo .number { text-align: right; }
.jp-RenderedHTMLCommon table.figgo caption { font-weight: 600; padding: .4em .5em; white-space: nowrap; }
.jp-RenderedHTMLCommon table.figgo .note { font-weight: 400; }
.jp-RenderedHTMLCommon table.figgo .sign { display: inline-block; width: 1.2em; }
.jp-RenderedHTMLCommon table.figgo .create { color: var(--jp-success-color0); }
.jp-RenderedHTMLCommon table.figgo .update { color: var(--jp-warn-color0); }
.jp-RenderedHTMLCommon table.figgo .remove { color: var(--jp-error-color0); }
</style>"""

_FILTER = """
const field = document.getElementById("filter"), rows = [...document.querySelectorAll("tbody tr")];
const shown = document.getElementById("shown"), spelled = number => number.toLocaleString("en");
const texts = rows.map(row => row.textContent.toLowerCase());
function filter() {
  const words = field.value.toLowerCase().split(/\\s+/);
  let count = 0;
  rows.forEach((row, n) => {
    row.hidden = !words.every(word => texts[n].includes(word));
    count += !row.hidden;
  });
  shown.textContent = spelled(count) + " of " + spelled(rows.length) + " rows";
}
field.addEventListener("input", filter);
if (field.value) filter();
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        name: short, for file names.
        caption: what the rows are.
        frame: the rows; a column named "Before: dates" stands under the heading "Before". The column "Change"
            holds create, update or remove.
        note: a sentence beside the caption; what is said when there are no rows.
        tenant: whose rows they are; "" when nobody's alone.
        filtered: a page where rows can be looked for is made however few there are.
    """

    name: str
    caption: str
    frame: pd.DataFrame
    note: str = ""
    tenant: str = ""
    filtered: bool = False

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        if not len(self):
            return f"{self.caption}: none"
        columns = list(map(str, self.frame.columns))
        return f"{self.caption}\n{words.table(self.frame.itertuples(index=False), columns)}"

    def _repr_html_(self) -> str:
        folder = os.environ.get(runs.VARIABLE)
        return self.html(Path(folder)) if folder else _IN_LAB + self.html()

    def html(self, folder: Path | None = None) -> str:
        """The table as HTML, at most 500 rows of it.

        Args:
            folder: where files may be put beside the page that will hold this; all rows go there as CSV, and
                as a page of their own when they are too many.
        """
        if not len(self):
            return f"<p><strong>{visible(self.caption)}:</strong> {visible(self.note or 'none')}</p>"
        more = len(self) - INLINE_ROWS
        said = f"{more:,} more rows are not shown here." if more > 0 else ""
        if folder:
            said = self._files(folder, said)
        return self._table(self.frame.head(INLINE_ROWS), folder is not None) + said

    def csv(self) -> str:
        """The table for a spreadsheet, which finds no formula in it."""
        columns = {column: [_cell(value) for value in self.frame[column]] for column in self.frame.columns}
        text = io.StringIO()
        pd.DataFrame(columns).to_csv(text, index=False, lineterminator="\r\n")
        return text.getvalue()

    def _files(self, folder: Path, said: str) -> str:
        # A byte order mark, or spreadsheets take the accents for something else
        runs.write_text(folder / f"{self._stem}.csv", "\ufeff" + self.csv())
        if not said and not self.filtered:
            return ""
        runs.write_text(folder / f"{self._stem}.html", self._page())
        what = f"All {len(self):,} rows on a page that can be filtered"
        return f'<p class="more">{said} <a href="{self._stem}.html">{visible(self.caption)}: {what}</a></p>'

    @property
    def _stem(self) -> str:
        return f"report-{self.name}"

    def _page(self) -> str:
        rows = self.frame.head(PAGE_ROWS)
        cut = f"<p>The first {PAGE_ROWS:,} of {len(self):,} rows; the CSV file has them all.</p>"
        search = '<p><label>Show rows with <input id="filter" type="search"></label> '
        search += f'<span id="shown" role="status">{len(rows):,} rows</span></p>'
        parts = [cut if len(rows) < len(self) else "", search, self._table(rows, True)]
        return pages.page(pages.frame(self.caption, pages.whose(self.tenant), []), parts, _FILTER)

    def _table(self, rows: pd.DataFrame, csv: bool) -> str:
        note = f' <span class="note">{visible(self.note)}</span>' if self.note else ""
        link = f' <a class="csv" href="{self._stem}.csv">CSV</a>' if csv else ""
        caption = f"{visible(self.caption)}{note}{link}"
        columns = _telling(rows)
        rows = rows[columns]
        body = "\n".join(_row(columns, values) for values in rows.itertuples(index=False, name=None))
        label = html.escape(self.caption, quote=True)
        return (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table class="figgo">'
            f"<caption>{caption}</caption><thead>{_head(columns, self._numbers())}</thead>"
            f"<tbody>{body}</tbody></table></div>"
        )

    def _numbers(self) -> set[str]:
        return {c for c in self.frame.columns if pd.api.types.is_numeric_dtype(self.frame[c])}


def _telling(rows: pd.DataFrame) -> list[str]:
    """The columns to show: a group in which no row says anything is left out."""
    columns = [str(column) for column in rows.columns]
    telling = {_group(column) for column in columns if _GROUP not in column or (rows[column] != "").any()}
    return [column for column in columns if _group(column) in telling]


def _group(column: str) -> str:
    return column.partition(_GROUP)[0]


def visible(value: object) -> str:
    """A value as HTML text: escaped, with what nobody would see spelled out.

    Direction marks can make a name read as another one, so they are spelled out as well.
    """
    spelled = re.split(r"([^\x20-\x7e]+)", str(value))
    return "".join(_spelled(part) if n % 2 else html.escape(part) for n, part in enumerate(spelled))


def _spelled(text: str) -> str:
    return "".join(
        "<br>" if c == "\n" else f'<span class="odd">[U+{ord(c):04X}]</span>' if _is_odd(c) else c
        for c in text
    )


def _is_odd(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE


def _cell(value: object) -> object:
    """A value for a spreadsheet: an apostrophe before what begins like a formula makes it text."""
    if not isinstance(value, str):
        return value
    text = words.plain(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or value.startswith(_FORMULA) else text


def _head(columns: list[str], numbers: Iterable[str]) -> str:
    groups = [(name, list(group)) for name, group in groupby(columns, _group)]
    if all(_GROUP not in column for column in columns):
        return "<tr>" + "".join(_heading(column, column in numbers) for column in columns) + "</tr>"
    top = "".join(
        f'<th scope="colgroup" colspan="{len(group)}">{visible(name)}</th>'
        if _GROUP in group[0]
        else f'<th scope="col" rowspan="2">{visible(name)}</th>'
        for name, group in groups
    )
    below = "".join(_heading(column, False) for column in columns if _GROUP in column)
    return f"<tr>{top}</tr><tr>{below}</tr>"


def _heading(column: str, number: bool) -> str:
    kind = ' class="number"' if number else ""
    return f'<th scope="col"{kind}>{visible(column.rpartition(_GROUP)[2])}</th>'


def _row(columns: list[str], values: Iterable[object]) -> str:
    cells = [_data(column, value) for column, value in zip(columns, values, strict=True)]
    first = cells[0].replace("<td", '<th scope="row"', 1).removesuffix("</td>") + "</th>"
    return f"<tr>{first}{''.join(cells[1:])}</tr>"


def _data(column: str, value: object) -> str:
    if column == "Change" and value in _SIGNS:
        sign = f'<span class="sign" aria-hidden="true">{_SIGNS[str(value)]}</span>'
        return f'<td class="action {value}">{sign}{value}</td>'
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td class="number">{value:,}</td>'
    kind = ' class="date"' if column.lower().endswith("dates") else ""
    return f"<td{kind}><bdi>{visible(value)}</bdi></td>" if value else f"<td{kind}></td>"
