"""Images are those of their digest, before and after; their bytes are digested once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from data_checks.unchanged import Changed, Unchanged


@dataclass
class FakeImages:
    """A data set that is asked for its digest."""

    content: str
    listing: str | None
    digested: list[str] = field(default_factory=list)

    def digest(self) -> str:
        self.digested.append(self.content)
        return self.content

    def mark(self) -> str | None:
        return self.listing


@pytest.mark.parametrize("listing", [None, "etags"])
def test_images_that_stay_are_digested_once(listing):
    images = FakeImages("one", listing)

    Unchanged(lambda _: images, "here", images, "one")()

    assert images.digested == ["one"]


@pytest.mark.parametrize("listing", [None, "etags"])
def test_images_that_change_meanwhile_are_refused(listing):
    before, after = FakeImages("one", listing), FakeImages("two", listing and "others")
    confirm = Unchanged(lambda _: after, "here", before, "one")

    with pytest.raises(Changed, match="here changed since: its digest was one, and is two"):
        confirm()


def test_the_same_bytes_written_anew_are_the_same_images():
    before, after = FakeImages("one", "etags"), FakeImages("one", "others")

    Unchanged(lambda _: after, "here", before, "one")()

    assert after.digested == ["one"]


def test_a_listing_of_other_images_is_refused_before_they_are_looked_at():
    images = FakeImages("two", "etags")

    with pytest.raises(Changed, match="its digest was one, and is two"):
        Unchanged(lambda _: images, "here", images, "one")


def test_images_that_have_no_mark_at_all_are_compared_afterwards():
    class Plain:
        def digest(self) -> str:
            return "one"

    Unchanged(lambda _: Plain(), "here", Plain(), "one")()
