"""
The site: docs/ with README.md as its first page, made by Zensical, with nothing from elsewhere.

Documents link to files of the checkout, which are no part of docs/: each becomes a page that shows
it. So the folder that is given to Zensical is prepared first (docs/adr/0013).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from infra.documents import links
from infra.documents.command_line import as_page
from infra.documents.notebook import NOTEBOOK, run_notebook
from infra.documents.places import DOCS, PAGES, ROOT

CONFIG = Path(__file__).with_name("zensical.toml")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SHIM, SHIM_ELSEWHERE = (
    Path(__file__).with_name("iframe-worker.js"), "https://unpkg.com/iframe-worker/shim",
)  # fmt: skip


class BadSite(RuntimeError):
    """The site was not made, or not without a warning; the message has what was said."""


def build_site(out: Path) -> Path:
    """
    Make the site anew.

    Args:
        out: a folder of its own, which is emptied.

    Returns:
        Its first page.

    Raises:
        BadLink, BadSite.
    """
    out = out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    prepare(out / "pages")
    (out / CONFIG.name).write_text(CONFIG.read_text(encoding="utf-8"), encoding="utf-8")
    program = Path(sys.executable).with_name("zensical")
    done = subprocess.run(
        [program, "build", "--clean", "--strict", "--config-file", out / CONFIG.name],
        cwd=out, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = COLOUR.sub("", done.stdout + done.stderr)
    if done.returncode or "warning" in said.lower():
        raise BadSite(f"zensical ended with {done.returncode}:\n{said}")
    _keep_here(out / "site")
    return out / "site" / "index.html"


def _keep_here(site: Path) -> None:
    """Zensical's pages fetch a shim for their search from elsewhere; ours have it beside them."""
    (site / "404.html").unlink()  # for a server at whose root the site is
    shutil.copyfile(SHIM, site / SHIM.name)
    for file in site.rglob("*.html"):
        near = os.path.relpath(site / SHIM.name, file.parent)
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(SHIM_ELSEWHERE, near), encoding="utf-8")


def prepare(pages: Path) -> None:
    """Write every page of the site as Markdown, and the pictures."""
    written: set[Path] = set()
    rest = [*PAGES, ROOT / "CHANGELOG.md", NOTEBOOK, DOCS / "cli.txt"]
    while rest:
        file = rest.pop()
        if file in written:
            continue
        written.add(file)
        place = pages / links.place_of(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".md":
            place.write_text(links.for_the_site(file), encoding="utf-8")
            rest += [target for target, _ in links.targets(file)]
        elif file.suffix == ".png":
            shutil.copyfile(file, place)
        elif file == NOTEBOOK:
            run_notebook(place)
        elif file == DOCS / "cli.txt":
            place.write_text(as_page(file.read_text(encoding="utf-8")), encoding="utf-8")
        else:
            place.write_text(links.shown(file), encoding="utf-8")
    (pages / "adr" / "index.md").write_text(_decisions(), encoding="utf-8")


def _decisions() -> str:
    """The decisions, each by its title."""
    lines = ["# Decisions\n"]
    for file in sorted((DOCS / "adr").glob("*.md")):
        title = file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        number, _, name = title.partition(". ")
        lines.append(f"* {number}: [{name}]({file.name})")
    return "\n".join(lines) + "\n"


def main() -> int:
    """``make docs``."""
    from infra.documents.written import write

    for file in write():
        print(f"written   {file.relative_to(ROOT)}")
    print(f"site      {build_site(ROOT / 'build' / 'documents').relative_to(ROOT)}")
    return 0
