"""What a person does on Prefect's pages, in a real browser: start, watch, approve, cancel."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import browser, needs_browser
from tests.flows.conftest import processes_of, url_of, version_at
from tests.flows.pages import Pages

pytestmark = [pytest.mark.slow, needs_browser]
WITHIN_MS = 90_000  # the worker looks every two seconds, and TensorFlow's import takes some


@pytest.fixture
def page() -> Iterator[Page]:
    with browser(1400, 1200) as page:
        yield page


def test_a_release_is_started_from_its_form_watched_looked_at_and_approved(page, pages, pictures):
    begin(page, pages, pictures, name="boots", epochs=4)
    field(page, "approval (Optional)").get_by_role("switch").click()
    submit(page)

    expect(page.get_by_text("release boots")).to_be_visible(timeout=WITHIN_MS)
    expect(page.get_by_text("epoch 4/4")).to_be_visible(timeout=WITHIN_MS)
    resume = page.get_by_role("button", name="Resume")
    expect(resume).to_be_visible(timeout=WITHIN_MS)
    run = page.url

    page.get_by_text("Artifacts", exact=True).click()
    for name in ("data-checks", "test-gate", "training", "verdict"):
        expect(page.get_by_role("link", name=name)).to_be_visible()
    page.get_by_role("link", name="approval").click()
    expect(page.get_by_text("May boots go live in local?").first).to_be_visible()
    expect(page.get_by_role("row", name=re.compile(r"accuracy.*at least"))).to_be_visible()

    page.goto(run)
    resume.click()
    form = page.get_by_role("dialog")
    expect(form.get_by_role("row", name="serves now nothing")).to_be_visible()
    field(page, "Release it (Optional)").get_by_role("switch").click()
    field(page, "Who decides").locator("textarea").fill("Ann")
    field(page, "Why").locator("textarea").fill("better on boots")
    form.get_by_role("button", name="Submit").click()

    expect(page.get_by_text("approved by Ann: better on boots")).to_be_visible(timeout=WITHIN_MS)
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=WITHIN_MS)
    assert version_at(url_of(pages.checkout, "boots"))["name"] == "boots"


def test_a_run_is_cancelled_by_its_button(page, pages, pictures):
    begin(page, pages, pictures, name="long", epochs=900)
    submit(page)
    expect(page.get_by_text(re.compile("epoch 2/900"))).to_be_visible(timeout=WITHIN_MS)

    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Confirm").click()

    expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible(timeout=WITHIN_MS)
    assert not [words for words in processes_of(pages.checkout).values() if "model.train" in words]


def begin(page: Page, pages: Pages, pictures, *, name: str, epochs: int) -> None:
    """Fill in the form of the deployment, up to its button."""
    server = pages.checkout.url.removesuffix("/api")
    page.goto(f"{server}/deployments/deployment/{pages.deployment('release/local')['id']}")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    field(page, "data (Optional)").locator("textarea").fill(str(pictures))
    named = field(page, "name (Optional)")
    named.get_by_role("button", name="str").click()
    named.locator("textarea").fill(name)
    field(page, "Epochs (Optional)").locator("input").fill(str(epochs))
    field(page, "Batch Size (Optional)").locator("input").fill("8")
    field(page, "Patience (Optional)").locator("input").fill("0")


def submit(page: Page) -> None:
    """Press the form's button, and go to the page of the run that it made."""
    with page.expect_response(re.compile("/create_flow_run$"), timeout=WITHIN_MS) as answer:
        page.get_by_role("button", name="Submit").click()
    assert answer.value.ok, answer.value.text()
    # By the button that tells of it one gets there too; it goes away after some seconds.
    page.goto(re.sub("/deployments/.*", f"/runs/flow-run/{answer.value.json()['id']}", page.url))


def field(page: Page, label: str) -> Locator:
    """A field of a form by its label; those that hold others come before them in the page."""
    named = page.get_by_text(label, exact=True)
    return page.locator(".schema-form-property").filter(has=named).last
