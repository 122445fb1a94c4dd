"""What each step leaves to look at in the Prefect UI: Markdown with tables, plots and links."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

from prefect.artifacts import create_markdown_artifact
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL

LARGEST_PICTURE_BYTES = 400_000


def show_page(key: str, title: str, markdown: str) -> None:
    """Leave a Markdown page under ``key``."""
    create_markdown_artifact(key=key, markdown=f"# {title}\n\n{markdown}", description=title)


def page_of_run(run: UUID) -> str:
    """The address of a flow run's page."""
    pages = PREFECT_UI_URL.value() or str(PREFECT_API_URL.value()).removesuffix("/api")
    return f"{pages}/runs/flow-run/{run}"


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |")
    return "\n".join(lines)


def picture(path: Path, title: str) -> str:
    """The picture itself inside Markdown: the UI may run on another machine than the file."""
    if not path.is_file() or path.stat().st_size > LARGEST_PICTURE_BYTES:
        return f"*{title}: `{path.name}`*"
    data = base64.b64encode(path.read_bytes()).decode()
    return f"![{title}](data:image/png;base64,{data})"
