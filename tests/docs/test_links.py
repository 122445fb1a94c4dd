"""Every link leads somewhere, to its heading too, and every page is found from the first one."""

from __future__ import annotations

import re

import pytest

from infra.documents.links import BadLink, each_link, targets
from infra.documents.places import DOCS, PAGES, ROOT
from infra.documents.site import CONFIG
from tests.docs.reading import anchors


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_a_file_and_to_a_heading_of_it(page):
    for file, anchor in targets(page):
        if anchor and file.suffix == ".md" and file.is_file():
            assert anchor in anchors(file), f"{page.name} links to {file.name}#{anchor}"


@pytest.mark.parametrize("link", ["none.md", "../../../../../../../etc/hostname"])
def test_a_link_that_leads_nowhere_is_named(tmp_path, monkeypatch, link):
    monkeypatch.setattr("infra.documents.links.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(f"[here](page.md) and [there]({link})\n", encoding="utf-8")

    with pytest.raises(BadLink, match=re.escape(f"page.md links to {link}")):
        targets(page)


def test_links_in_code_are_none():
    seen = []
    text = each_link(
        "[a](x.md#y) `[b](z)`\n```\n[c](z)\n```\n", lambda *link: (seen.append(link), "w")[1]
    )

    assert (seen, text) == ([("x.md", "#y")], "[a](w) `[b](z)`\n```\n[c](z)\n```\n")


def test_every_page_stands_in_the_navigation():
    listed = CONFIG.read_text(encoding="utf-8")
    pages = [page.relative_to(DOCS).as_posix() for page in PAGES if page.is_relative_to(DOCS)]

    lost = [page for page in pages if not page.startswith("adr/") and f'"{page}"' not in listed]

    assert lost == []
