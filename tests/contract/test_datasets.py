"""What every backend promises of its data sets."""

from __future__ import annotations

import pytest

from data_checks.limits import Limits
from tasks.errors import Refused


def test_the_same_images_have_the_same_digest(backend, pictures):
    one, two = (backend.datasets.identify(str(pictures), None) for _ in range(2))

    assert one == two
    assert (one.name, one.images, one.labels) == ("light", 48, ("bright", "dark"))


def test_a_name_may_be_given(backend, pictures):
    assert backend.datasets.identify(str(pictures), "lamps").name == "lamps"


def test_what_is_not_there_is_refused(backend, tmp_path):
    with pytest.raises(Refused, match="does not exist"):
        backend.datasets.identify(str(tmp_path / "none"), None)


def test_a_report_stays_under_its_key(backend, pictures):
    dataset = backend.datasets.identify(str(pictures), None)
    said: list[str] = []

    report = backend.datasets.check(dataset, Limits(), None, "some-key", said.append)

    assert report.passed
    assert (backend.datasets.reports("some-key") / "report.json").is_file()
