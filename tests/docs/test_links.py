"""Every link leads somewhere, to its heading too, and every page is found from the first one."""

from __future__ import annotations

import pytest

from infra.documents.links import targets
from infra.documents.places import DOCS, PAGES, ROOT
from infra.documents.site import CONFIG
from tests.docs.reading import anchors


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_a_file_and_to_a_heading_of_it(page):
    for file, anchor in targets(page):
        if anchor and file.suffix == ".md" and file.is_file():
            assert anchor in anchors(file), f"{page.name} links to {file.name}#{anchor}"


def test_a_link_that_leads_nowhere_is_named():
    from infra.documents.links import BadLink, each_link

    seen = []
    text = each_link(
        "[a](x.md#y) `[b](z)`\n```\n[c](z)\n```\n", lambda *link: (seen.append(link), "w")[1]
    )

    assert (seen, text) == ([("x.md", "#y")], "[a](w) `[b](z)`\n```\n[c](z)\n```\n")
    assert issubclass(BadLink, ValueError)


def test_every_page_stands_in_the_navigation():
    listed = CONFIG.read_text(encoding="utf-8")
    pages = [page.relative_to(DOCS).as_posix() for page in PAGES if page.is_relative_to(DOCS)]

    lost = [page for page in pages if not page.startswith("adr/") and f'"{page}"' not in listed]

    assert lost == []
