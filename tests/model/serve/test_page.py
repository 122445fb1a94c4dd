"""The page on which a person drops an image, in a real browser."""

from __future__ import annotations

import json
import subprocess

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import browser, needs_browser

pytestmark = needs_browser
WITHIN_S = 20


@pytest.fixture(scope="module")
def page(service):
    with browser() as driver:
        yield driver


def test_a_chosen_image_gets_its_answer(page, service, pictures):
    page.get(service.url)
    image = next(pictures.glob("test/bright/*.png"))

    page.find_element(By.ID, "file").send_keys(str(image))
    wait = WebDriverWait(page, WITHIN_S)
    wait.until(lambda d: d.find_element(By.ID, "result").is_displayed())

    rows = page.find_elements(By.CSS_SELECTOR, "#bars .row b")
    assert [row.text for row in rows] == ["bright", "dark"]
    assert "version 7" in page.find_element(By.ID, "model").text
    assert service.url in page.find_element(By.ID, "curl").text
    assert page.get_log("browser") == []


def test_an_example_is_one_key_away_and_its_command_needs_no_file(page, service):
    page.get(service.url)
    wait = WebDriverWait(page, WITHIN_S)
    wait.until(lambda d: d.find_element(By.ID, "examples").is_displayed())
    first = page.find_element(By.CSS_SELECTOR, "#examples button")

    first.send_keys(Keys.ENTER)
    wait.until(lambda d: '"data"' in d.find_element(By.ID, "curl").text)
    shown = page.find_element(By.CSS_SELECTOR, "#bars .row b").text
    command = page.find_element(By.ID, "curl").text
    answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602

    assert json.loads(answer.stdout)["predictions"][0]["label"] == shown
    assert shown == first.find_element(By.TAG_NAME, "img").get_attribute("alt")
    assert page.get_log("browser") == []


def test_a_file_that_is_no_image_is_told(page, service, tmp_path):
    page.get(service.url)
    (tmp_path / "words.png").write_text("no image")

    page.find_element(By.ID, "file").send_keys(str(tmp_path / "words.png"))
    wait = WebDriverWait(page, WITHIN_S)
    wait.until(lambda d: d.find_element(By.ID, "problem").is_displayed())

    assert "not an image" in page.find_element(By.ID, "problem").text
    assert not page.find_element(By.ID, "result").is_displayed()


def test_it_fits_a_phone(page, service):
    page.set_window_size(390, 800)
    page.get(service.url)

    width = page.execute_script("return document.documentElement.scrollWidth")

    assert width <= page.execute_script("return window.innerWidth")
