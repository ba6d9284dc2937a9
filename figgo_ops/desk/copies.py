"""The executed copy of a notebook and its page: nothing secret, nothing personal, nothing fetched.

This is the only door to nbformat and nbconvert.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from figgo_ops.desk import endings, kernel, pages
from figgo_ops.errors import UsageError

NotebookNode: Any = nbformat.NotebookNode
_format: Any = nbformat
"""The library is only half annotated."""

STATUS_TAG = "figgo-ops-status"
_BANNER = "papermill-error-cell-tag"
_BAR = re.compile(r"^.*\d%\|.*\|.*(?:\n|\Z)", re.MULTILINE)  # a progress bar that has come to its end
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# What a terminal obeys or what turns the order of a line: neither shows itself on a page.
_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def read(path: Path) -> Any:
    """The notebook in this file.

    Raises:
        UsageError: it is none.
    """
    try:
        return _format.read(path, as_version=4)
    except (_format.reader.NotJSONError, _format.ValidationError, AttributeError, OSError) as error:
        where = pages.shown_path(path)
        raise UsageError(
            f"{where} cannot be read as a notebook.", "Give the path of an .ipynb file."
        ) from error


def substance(path: Path) -> str:
    """Digest of what a notebook says and does, outputs and metadata left out; "" for a file that is none."""
    try:
        cells = [(cell.cell_type, cell.source) for cell in read(path).cells]
    except UsageError:
        return ""
    return hashlib.sha256(repr(cells).encode()).hexdigest()


def saved(running: Path, source: Path) -> Any:
    """What was saved of a run or, when nothing readable was, the notebook as it would have run."""
    for path in (running, source):
        try:
            return read(path)
        except UsageError:
            continue
    return _format.v4.new_notebook()


def tidy(notebook: Any) -> None:
    """Leave what a reader may see: no secret, no user name in a path, no colour codes, no stack of ours."""
    # papermill's own banner says nothing when a kernel dies, and its red link fails contrast
    notebook.cells = [cell for cell in notebook.cells if _BANNER not in cell.metadata.get("tags", ())]
    for cell in notebook.cells:
        cell.source = _readable(cell.source)
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(_output, cell.outputs) if output.get("text") != ""]


def _output(output: Any) -> Any:
    output.update(_readable(dict(output)))
    if output.output_type == "stream":
        output.text = _BAR.sub("", output.text)
    if output.output_type == "error" and endings.is_ours(output) and len(output.traceback) > 2:
        output.traceback = [output.evalue]
    return output


def stamp(notebook: Any, facts: Mapping[str, Any]) -> None:
    """Replace what papermill noted by our own facts, and say on top how the run ended."""
    number = 0
    for cell in notebook.cells:
        number += cell.cell_type == "code"
        seconds = cell.metadata.get("papermill", {}).get("duration")
        own = {"number": number, "seconds": seconds} if cell.cell_type == "code" else {}
        cell.metadata = NotebookNode(tags=cell.metadata.get("tags", []), figgo_ops=own)
    python = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook.metadata = NotebookNode(
        kernelspec=python, language_info={"name": "python"}, figgo_ops=dict(facts)
    )
    lines = [f"**{facts['status']}** (exit code {facts['exit']})", facts["message"], facts["remedy"]]
    text = "\n\n".join(_plain_markdown(line) if n else line for n, line in enumerate(lines) if line)
    told = _format.v4.new_markdown_cell(text, id="status", metadata={"tags": [STATUS_TAG]})
    notebook.cells.insert(0, told)
    if notebook.nbformat_minor < 5:  # older ones have no cell ids
        notebook.nbformat_minor = 5
        for n, cell in enumerate(notebook.cells[1:], 1):
            cell.setdefault("id", f"cell-{n}")


def written(notebook: Any) -> str:
    """The notebook as the text of a file."""
    text: str = _format.writes(notebook)
    return text + "\n"


def html(notebook: Any, facts: Mapping[str, Any]) -> str:
    """The notebook as one page: inputs folded, every value escaped, how it ended on top."""
    shown = ("tenant", "mode", "home", "exit", "status", "message", "remedy", "again")
    values = {name: facts[name] for name in shown} | {"started": facts["started"][:10]}
    foot = [
        ("Run", facts["run"]),
        ("Tenant", " ".join(part for part in (facts["tenant"], facts["mode"]) if part)),
        ("Home", facts["home"]),
        ("Parameters", ", ".join(f"{name} = {value!r}" for name, value in facts["parameters"].items())),
        ("Started", f"{facts['started'][:19].replace('T', ' ')}, took {facts['seconds']} s"),
        ("Zone", "UTC for the run; events name their own"),
        ("Python", facts["versions"]["Python"]),
    ]
    frame = pages.frame(_title(notebook, facts), values, foot)
    text, _ = exporter().from_notebook_node(notebook, {"page": {**frame, "ours": endings.OUR_NAMES}})
    return str(text)


def exporter() -> Any:
    """The exporter with our template; the first takes most of a second, so a waiting runner asks early."""
    from nbconvert import HTMLExporter

    make: Any = HTMLExporter
    return make(
        template_name="figgo",
        extra_template_basedirs=[str(pages.TEMPLATES)],
        exclude_anchor_links=True,
    )


def _title(notebook: Any, facts: Mapping[str, Any]) -> str:
    headings = (re.match(r"# (.+)", cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    heading = next((found[1] for found in headings if found), Path(facts["notebook"]).stem)
    return " · ".join(part for part in (heading, facts["tenant"], facts["status"]) if part)


def _readable(value: Any) -> Any:
    """Clean every string in a JSON value, on the way taking colours and the user's folder out."""
    if isinstance(value, str):
        shown = _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", _COLOURS.sub("", value))
        return kernel.clean_text(shown.replace(f"{Path.home()}/", "~/"))
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if isinstance(value, dict):
        return {name: _readable(item) for name, item in value.items()}
    return value


def _plain_markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!$&])", r"\\\1", text)
