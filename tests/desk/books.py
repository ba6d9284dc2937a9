"""Notebooks made for one test."""

from pathlib import Path

import nbformat

PARAMETERS = 'tenant: str = "corail"  # name of the tenant file\ncount: int = 3  # how many'


def notebook(path: Path, *code: str, parameters: str = PARAMETERS) -> Path:
    """A notebook with a heading, a parameters cell and these code cells."""
    made = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    cell, words = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    made.cells = [
        words("# A rehearsal\n\nWhat it is for.", id="title"),  # type: ignore[no-untyped-call]
        cell(parameters, id="parameters", metadata={"tags": ["parameters"]}),  # type: ignore[no-untyped-call]
        *(cell(source, id=f"cell-{n}") for n, source in enumerate(code)),  # type: ignore[no-untyped-call]
    ]
    nbformat.write(made, path)  # type: ignore[no-untyped-call]
    return path


def outputs(path: Path) -> list[dict[str, object]]:
    """Every output in an executed copy, in order."""
    cells = nbformat.read(path, as_version=4).cells  # type: ignore[no-untyped-call]
    return [dict(output) for cell in cells for output in cell.get("outputs", ())]
