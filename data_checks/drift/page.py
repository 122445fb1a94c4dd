"""The page about one endpoint: one HTML file that needs no other."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #0f172a; background: #fff }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; font-size: .9rem } img { max-width: 100% }
td, th { border-bottom: 1px solid #e2e8f0; padding: .3rem .8rem .3rem 0; text-align: left }
.drift { color: #b91c1c } .steady { color: #15803d }
"""


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading, some lines, a table, a picture (PNG); each may be empty."""

    title: str
    lines: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    picture: bytes = b""


def page(title: str, state: str, sections: Sequence[Section]) -> str:
    """HTML of the page; every text is escaped."""
    parts = [
        "<!doctype html>", '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f'<h1>{escape(title)}: <span class="{escape(state)}">{escape(state)}</span></h1>',
    ]  # fmt: skip
    for section in sections:
        parts.append(f"<h2>{escape(section.title)}</h2>")
        parts += [f"<p>{escape(line)}</p>" for line in section.lines]
        if section.rows:
            parts.append(_table(section.columns, section.rows))
        if section.picture:
            data = base64.b64encode(section.picture).decode()
            alt = escape(section.title)
            parts.append(f'<p><img alt="{alt}" src="data:image/png;base64,{data}"></p>')
    return "\n".join([*parts, "</body></html>", ""])


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
