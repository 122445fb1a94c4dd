"""A real browser without a window: Chromium and its driver, as Debian and others package them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

DRIVER = shutil.which("chromedriver")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")

needs_browser = pytest.mark.skipif(
    not (DRIVER and BROWSER) and not os.environ.get("CI"),
    reason="needs Chromium and chromedriver (Debian: chromium-driver)",
)


@contextlib.contextmanager
def browser(width: int = 1000, height: int = 900) -> Iterator[webdriver.Chrome]:
    """A browser with a window of that size, in pixels."""
    options = Options()
    options.binary_location = BROWSER or "chromium"
    # No sandbox: a container's root may not make one; the pages are our own.
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.add_argument(f"--window-size={width},{height}")
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()
