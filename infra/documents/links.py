"""Links of the documents: where they lead in the checkout, and where on the site."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from infra.documents.places import DOCS, ROOT

INDEX, COMMAND_LINE, SOURCES = "index.md", "reference/command-line.md", "source"
FENCE = re.compile(r"^ *(`{3,}|~{3,})")
SPAN_OR_LINK = re.compile(r"(?P<code>`+[^`]+`+)|\]\((?P<target>[^)\s#]*)(?P<anchor>#[^)\s]*)?\)")
OUTSIDE = re.compile(r"[a-z]+:")
LANGUAGES = {
    ".py": "python", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json",
    ".in": "text", ".txt": "text", ".lua": "lua", ".html": "html",
}  # fmt: skip


class BadLink(ValueError):
    """A link that leads nowhere; the message names page and target."""


def place_of(file: Path) -> str:
    """Where a file of the checkout lies on the site: a page, or a picture as it is."""
    if file == ROOT / "README.md":
        return INDEX
    if file == DOCS / "cli.txt":
        return COMMAND_LINE
    if file.is_relative_to(DOCS) and file.suffix in (".md", ".png"):
        return file.relative_to(DOCS).as_posix()
    if file.is_relative_to(DOCS / "notebooks"):
        return f"notebooks/{file.stem}.md"
    parts = [part.lstrip(".") for part in file.relative_to(ROOT).parts]  # hidden ones are left out
    inside = "/".join([SOURCES, *parts])
    return inside if file.suffix == ".md" else f"{inside}.md"


def each_link(text: str, change: Callable[[str, str], str]) -> str:
    """
    The text with each link changed; what stands in code stays as it is.

    Args:
        change: takes target and anchor (each may be empty), answers both in one.
    """

    def changed(found: re.Match[str]) -> str:
        if found["code"]:
            return found[0]
        return f"]({change(found['target'], found['anchor'] or '')})"

    lines, fence = [], ""
    for line in text.splitlines():
        mark = FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
        elif not fence:
            line = SPAN_OR_LINK.sub(changed, line)
        lines.append(line)
    return "\n".join(lines) + "\n"


def targets(page: Path) -> list[tuple[Path, str]]:
    """
    The files of the checkout to which a page links, each with its anchor.

    Raises:
        BadLink: one of them does not exist.
    """
    found: list[tuple[Path, str]] = []

    def note(target: str, anchor: str) -> str:
        if not OUTSIDE.match(target):
            found.append((_file(page, target), anchor.removeprefix("#")))
        return target + anchor

    each_link(page.read_text(encoding="utf-8"), note)
    return found


def for_the_site(page: Path) -> str:
    """A page of the checkout with its links as they are on the site."""
    here = PurePosixPath(place_of(page)).parent

    def change(target: str, anchor: str) -> str:
        if not target or OUTSIDE.match(target):
            return target + anchor
        return os.path.relpath(place_of(_file(page, target)), here) + anchor

    return each_link(page.read_text(encoding="utf-8"), change)


def shown(file: Path) -> str:
    """A page that shows a file of the checkout which is no document."""
    name = file.relative_to(ROOT).as_posix()
    text = file.read_text(encoding="utf-8").rstrip()
    fence = "`" * 4
    return f"# {name}\n\n{fence}{LANGUAGES.get(file.suffix, 'text')}\n{text}\n{fence}\n"


def _file(page: Path, target: str) -> Path:
    file = (page.parent / target).resolve() if target else page
    if not file.is_file():
        raise BadLink(f"{page.relative_to(ROOT)} links to {target}, which is no file")
    if not file.is_relative_to(ROOT):
        raise BadLink(f"{page.relative_to(ROOT)} links to {target}, out of the checkout")
    return file
