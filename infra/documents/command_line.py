"""docs/cli.txt: the help of every command, as a terminal shows it."""

from __future__ import annotations

import os
import subprocess
import sys

from flows.cli import COMMANDS
from infra.documents.places import ROOT

WIDTH = 100
ASKED = "$ python -m flows "


def cli_text() -> str:
    """The help of the command line and of every command, in a width of its own."""
    parts = []
    for words in [[], *[[name] for name in COMMANDS]]:
        command = [sys.executable, "-m", "flows", *words, "--help"]
        environment = {**os.environ, "COLUMNS": str(WIDTH), "TERM": "dumb", "NO_COLOR": "1"}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        lines = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
        parts.append(f"{ASKED}{' '.join([*words, '--help'])}\n\n{lines}\n")
    return "\n".join(parts)


def as_page(text: str) -> str:
    """``docs/cli.txt`` as a page with a heading for each command, for the site."""
    parts = [
        "# Command line",
        "`python -m flows COMMAND`. Exit codes are in [exit codes](exit-codes.md).",
    ]
    for part in text.split(ASKED)[1:]:
        asked, _, said = part.partition("\n\n")
        name = asked.removesuffix("--help").strip() or "python -m flows"
        parts += [f"## {name}", f"```text\n{ASKED}{asked}\n\n{said.strip()}\n```"]
    return "\n\n".join(parts) + "\n"
