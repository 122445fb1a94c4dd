"""What `make docs` writes into the checkout, and what a test compares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from infra.documents.command_line import cli_text
from infra.documents.events import events_page
from infra.documents.evidence import evidence_page
from infra.documents.exit_codes import exit_codes_page
from infra.documents.http_api import http_api_page
from infra.documents.places import DOCS, ROOT
from infra.documents.settings_page import env_example, settings_page
from infra.documents.structure import structure_page

REFERENCE = DOCS / "reference"
WRITTEN: dict[Path, Callable[[], str]] = {
    DOCS / "cli.txt": cli_text,
    DOCS / "project-structure.md": structure_page,
    REFERENCE / "settings.md": settings_page,
    REFERENCE / "http-api.md": http_api_page,
    REFERENCE / "events.md": events_page,
    REFERENCE / "exit-codes.md": exit_codes_page,
    REFERENCE / "evidence.md": evidence_page,
    ROOT / ".env.example": env_example,
}


def write() -> list[Path]:
    """Write each file that is not as the code says; name those that changed."""
    changed = []
    for file, made in WRITTEN.items():
        text = made()
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            changed.append(file)
    return changed
