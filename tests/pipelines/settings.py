"""The variables that docs/pipelines.md asks for: a table of names, and what they are."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def settings() -> list[str]:
    """Names of the variables of a variable group, as the page lists them."""
    text = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    table = text.partition("| variable |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
