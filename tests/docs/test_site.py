"""The site: made without a warning, whole, and with nothing from elsewhere."""

from __future__ import annotations

import re
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import expect

from infra.documents.site import build_site
from tests.browser import browser, needs_browser

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
ELSEWHERE = re.compile(r"(https?:)?//")


class Page(HTMLParser):
    """Where a page links, what it loads, and which ids it has."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if found := given.get("id"):
            self.ids.add(found)
        if tag == "a" and (target := given.get("href")):
            self.links.append(target)
        if tag in LOADED and (target := given.get(LOADED[tag])):
            self.loads.append(target)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> dict[Path, Page]:
    first = build_site(tmp_path_factory.mktemp("documents"))
    return {file: Page(file) for file in first.parent.rglob("*.html")}


def test_it_is_made_without_a_warning_and_every_link_in_it_leads_somewhere(site):
    lost = []
    for file, page in site.items():
        for link in page.links:
            path, _, anchor = urllib.parse.unquote(link).partition("#")
            if ELSEWHERE.match(path) or path.startswith("mailto:"):
                continue
            target = (file.parent / path).resolve() if path else file
            page_there = site.get(target)
            if not target.is_file() or (page_there and anchor and anchor not in page_there.ids):
                lost.append(f"{file.name}: {link}")

    assert len(site) > 40
    assert lost == []


def test_nothing_is_loaded_from_elsewhere(site):
    loaded = {load for page in site.values() for load in page.loads}
    root = min(site, key=lambda file: len(file.parts)).parent
    styles = "".join(file.read_text(encoding="utf-8") for file in root.rglob("*.css"))

    assert [load for load in loaded if ELSEWHERE.match(load)] == []
    assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)]*", styles) == []


@needs_browser
def test_opened_as_a_file_its_search_finds_and_nothing_is_fetched_from_elsewhere(site):
    first = min(site, key=lambda file: len(file.parts))
    complaints: list[str] = []
    with browser(complaints=complaints) as page:
        page.goto(first.as_uri(), wait_until="networkidle")
        page.keyboard.press("/")
        page.keyboard.type("idempotency")
        expect(page.get_by_text("Nothing is paid for twice").first).to_be_visible()

    assert complaints == []


def test_the_notebook_shows_what_it_printed_and_drew(site):
    (file,) = (file for file in site if file.name == "explore.html")
    text = file.read_text(encoding="utf-8")

    assert "test accuracy 0." in text
    assert len([load for load in site[file].loads if load.startswith("explore-")]) == 4
