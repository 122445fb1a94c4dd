"""The notebook, run from its first cell to its last, as a page with what it printed and drew."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from infra.documents.places import DOCS, ROOT

NOTEBOOK = DOCS / "notebooks" / "explore.py"
TIMEOUT_S = 120
STDOUT, CHAT = "stdout", "INFO:tensorflow:"


def run_notebook(page: Path) -> None:
    """
    Run it in a kernel of its own and write the page; pictures lie beside it.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the message has it, and its error.
    """
    import jupytext
    from nbclient import NotebookClient
    from traitlets.config import Config

    notebook = jupytext.read(NOTEBOOK)
    with tempfile.TemporaryDirectory(prefix="kernel-") as place:  # sockets of its own, no port
        ours = {"transport": "ipc", "connection_file": f"{place}/k.json"}
        NotebookClient(
            notebook,
            timeout=TIMEOUT_S,
            kernel_name="python3",
            resources={"metadata": {"path": ROOT}},
            config=Config({"ConnectionFileMixin": ours}),
        ).execute(stderr=subprocess.DEVNULL)  # libraries chat; errors of cells come otherwise
    page.parent.mkdir(parents=True, exist_ok=True)
    parts = [_cell(cell, page, number) for number, cell in enumerate(notebook.cells)]
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _cell(cell: Any, page: Path, number: int) -> str:
    if cell.cell_type != "code":
        return str(cell.source)
    printed = "".join(o.text for o in cell.outputs if o.output_type == "stream" if o.name == STDOUT)
    kept = [line for line in printed.splitlines() if not line.startswith(CHAT)]
    drawn = [_output(output, page, number) for output in cell.outputs]
    parts = [f"```python\n{cell.source}\n```", _text("\n".join(kept)), *drawn]
    return "\n\n".join(filter(None, parts))


def _output(output: Any, page: Path, number: int) -> str:
    """What a cell drew or answered."""
    data = output.get("data", {})
    if "image/png" in data:
        picture = page.with_name(f"{page.stem}-{number}.png")
        picture.write_bytes(base64.b64decode(data["image/png"]))
        return f"![what this cell draws]({picture.name})"
    return _text(data.get("text/plain", ""))


def _text(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```" if text.strip() else ""
