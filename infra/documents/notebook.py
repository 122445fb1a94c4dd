"""The notebook, run from its first cell to its last, as a page with what it printed and drew."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from infra.documents.places import DOCS, ROOT

NOTEBOOK = DOCS / "notebooks" / "explore.py"
TIMEOUT_S = 120


def run_notebook(page: Path) -> None:
    """
    Run it in a kernel of its own and write the page; pictures lie beside it.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the message has it, and its error.
    """
    import jupytext
    from nbclient import NotebookClient

    notebook = jupytext.read(NOTEBOOK)
    NotebookClient(
        notebook, timeout=TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": ROOT}}
    ).execute()
    page.parent.mkdir(parents=True, exist_ok=True)
    parts = [_cell(cell, page, number) for number, cell in enumerate(notebook.cells)]
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _cell(cell: Any, page: Path, number: int) -> str:
    if cell.cell_type != "code":
        return str(cell.source)
    outputs = [_output(output, page, number) for output in cell.outputs]
    return "\n\n".join([f"```python\n{cell.source}\n```", *filter(None, outputs)])


def _output(output: Any, page: Path, number: int) -> str:
    """What a cell printed, answered or drew; what it said to standard error is left out."""
    if output.output_type == "stream":
        return _text(output.text) if output.name == "stdout" else ""
    data = output.get("data", {})
    if "image/png" in data:
        picture = page.with_name(f"{page.stem}-{number}.png")
        picture.write_bytes(base64.b64decode(data["image/png"]))
        return f"![what this cell draws]({picture.name})"
    return _text(data.get("text/plain", ""))


def _text(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```" if text.strip() else ""
