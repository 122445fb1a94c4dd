"""A real browser without a window: Playwright drives the Chromium that is packaged by Debian."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")

needs_browser = pytest.mark.skipif(
    not BROWSER and not os.environ.get("CI"), reason="needs Chromium (Debian: chromium)"
)


@contextlib.contextmanager
def browser(
    width: int = 1000, height: int = 900, complaints: list[str] | None = None
) -> Iterator[Page]:
    """
    A browser with a window of that size, in pixels.

    Args:
        complaints: what its console says beyond information is noted there.
    """
    with (
        sync_playwright() as playwright,
        # No sandbox: a container's root may not make one; the pages are our own.
        playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-dev-shm-usage"]
        ) as it,
    ):
        page = it.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(20_000)
        if complaints is not None:
            page.on("console", lambda said: said.type in {"error", "warning"}
                    and complaints.append(said.text))  # fmt: skip
            page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
