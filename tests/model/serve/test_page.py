"""The page on which a person drops an image, in a real browser."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import browser, needs_browser

pytestmark = needs_browser


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What the browser's console complained of."""
    return []


@pytest.fixture(scope="module")
def page(complaints) -> Iterator[Page]:
    with browser(complaints=complaints) as page:
        yield page


def test_a_chosen_image_gets_its_answer(page, complaints, service, pictures):
    page.goto(service.url)
    image = next(pictures.glob("test/bright/*.png"))

    page.locator("#file").set_input_files(image)

    expect(page.locator("#result")).to_be_visible()
    expect(page.locator("#bars .row b")).to_have_text(["bright", "dark"])
    expect(page.locator("#model")).to_contain_text("version 7")
    expect(page.locator("#curl")).to_contain_text(service.url)
    assert complaints == []


def test_an_example_is_one_key_away_and_its_command_needs_no_file(page, complaints, service):
    page.goto(service.url)
    first = page.locator("#examples button").first

    first.press("Enter")
    expect(page.locator("#curl")).to_have_text(re.compile('"data"'))
    shown = page.locator("#bars .row b").first.inner_text()
    command = page.locator("#curl").inner_text()
    answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602

    assert json.loads(answer.stdout)["predictions"][0]["label"] == shown
    assert shown == first.locator("img").get_attribute("alt")
    assert complaints == []


def test_a_file_that_is_no_image_is_told(page, service, tmp_path):
    page.goto(service.url)
    (tmp_path / "words.png").write_text("no image")

    page.locator("#file").set_input_files(tmp_path / "words.png")

    expect(page.locator("#problem")).to_contain_text("not an image")
    expect(page.locator("#result")).to_be_hidden()


def test_it_fits_a_phone(page, service):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(service.url)

    width = page.evaluate("document.documentElement.scrollWidth")

    assert width <= page.evaluate("window.innerWidth")
