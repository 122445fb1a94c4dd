"""What stands in the documents: blocks, commands, headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from infra.documents.places import PAGES, ROOT

PARSER = MarkdownIt("commonmark").enable("table")
SHELL = ("sh", "bash")


@dataclass(frozen=True)
class Block:
    """A block of code in a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def tokens(page: Path) -> list[Token]:
    return PARSER.parse(page.read_text(encoding="utf-8"))


def blocks() -> list[Block]:
    """All of them, of every page."""
    return [
        Block(page, (token.map or [0])[0] + 1, token.info.strip(), token.content)
        for page in PAGES
        for token in tokens(page)
        if token.type in ("fence", "code_block")
    ]


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    found: dict[str, int] = {}
    for before, token in zip([None, *tokens(page)], tokens(page), strict=False):
        if before is not None and before.type == "heading_open":
            text = "".join(child.content for child in token.children or [])
            slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            found[slug] = found.get(slug, -1) + 1
    return {slug if not n else f"{slug}-{n}" for slug, last in found.items()
            for n in range(last + 1)}  # fmt: skip


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command that a page shows, in a block of shell or within a sentence, with its place."""
    for block in blocks():
        if block.language in SHELL:
            for line in block.text.replace("\\\n", " ").splitlines():
                yield from ((str(block), words) for words in _commands(line))
    for page in PAGES:
        for token in tokens(page):
            for child in token.children or []:
                if child.type == "code_inline":
                    place = f"{page.relative_to(ROOT)}: {child.content}"
                    yield from ((place, words) for words in _commands(child.content))


def _commands(line: str) -> Iterator[list[str]]:
    """The commands of a line, in words; a placeholder such as <digest> is one word."""
    plain = re.sub(r"<[^<>|]*>", "PLACEHOLDER", line)
    try:
        lexer = shlex.shlex(plain, posix=True, punctuation_chars="|;&")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return  # an apostrophe of a sentence: no command
    command: list[str] = []
    for word in [*words, ";"]:
        if set(word) <= set("|;&"):
            if command:
                yield command
            command = []
        elif command or not re.fullmatch(r"[A-Z_]+=.*", word):  # variables before a command
            command.append(word)
