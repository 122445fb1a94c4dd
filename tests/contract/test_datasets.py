"""What every backend promises of its data sets."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from data_checks.limits import Limits
from model.images import open_images
from tasks.errors import Refused
from tests.conftest import encoded, picture
from tests.contract.conftest import only_in_azure


def test_the_same_images_have_the_same_digest(backend, around, pictures):
    one, two = (backend.datasets.identify(around.put(pictures), None) for _ in range(2))

    assert one == two
    assert (one.name, one.images, one.labels) == ("light", 48, ("bright", "dark"))


def test_a_name_may_be_given(backend, around, pictures):
    assert backend.datasets.identify(around.put(pictures), "lamps").name == "lamps"


def test_what_is_not_there_is_refused(backend, around, tmp_path):
    with pytest.raises(Refused, match="does not exist"):
        backend.datasets.identify(around.put(tmp_path / "none"), None)


def test_a_report_stays_under_its_key(backend, around, pictures):
    dataset = backend.datasets.identify(around.put(pictures), None)
    said: list[str] = []

    report = backend.datasets.check(dataset, Limits(), None, "some-key", said.append)

    assert report.passed
    assert (backend.datasets.reports("some-key") / "report.json").is_file()


def test_images_that_changed_since_they_were_digested_have_no_report(backend, around, folder_of):
    root = folder_of("changing", dark=16, light=16)
    dataset = backend.datasets.identify(around.put(root), None)
    (root / "train" / "dark" / "0000.png").write_bytes(encoded(picture(99)))
    around.put(root)

    with pytest.raises(Refused, match="changed while it was checked: its digest was "):
        backend.datasets.check(dataset, Limits(), None, "another-key", print)

    assert not (backend.datasets.reports("another-key") / "report.json").is_file()


@only_in_azure
def test_every_address_of_the_same_images_has_the_same_digest(backend, around, pictures, tmp_path):
    blobs, volume = around.put(pictures), around.put_in_volume(pictures)
    account = around.cloud.storage.account
    lake = f"abfss://images@{account}.dfs.core.windows.net/{pictures.name}"

    found = [backend.datasets.identify(uri, None) for uri in (blobs, lake, volume)]

    assert {each.digest for each in found} == {open_images(str(pictures)).digest()}
    assert {each.name for each in found} == {"light"}


@only_in_azure
def test_a_short_address_is_of_the_account_of_the_settings(backend, around, pictures, monkeypatch):
    """The process may have that of another environment in its own, or none."""
    uri, account = around.put(pictures), around.cloud.storage.account
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "stanother")

    found = backend.datasets.identify(uri, None)

    assert found.uri == f"abfss://images@{account}.dfs.core.windows.net/{pictures.name}"
    assert found.digest == open_images(str(pictures)).digest()
    assert backend.datasets.check(found, Limits(), None, "key", print).images == found.images


@only_in_azure
def test_images_in_a_volume_are_checked_with_the_limits_beside_them(
    backend, around, pictures, sample
):
    folder = around.put_in_volume(pictures)
    table = around.put_in_volume(Path(sample).parent)
    limits = around.cloud.runs.path(f"{folder}/data_checks.toml")
    limits.write_text("least_train_images = 1000\n")

    few, enough = (backend.datasets.identify(uri, None) for uri in (folder, table))
    reports = [
        backend.datasets.check(each, backend.datasets.limits(each), None, each.name, print)
        for each in (few, enough)
    ]

    assert [report.passed for report in reports] == [False, True]
    assert [report.images for report in reports] == [few.images, enough.images]


@only_in_azure
def test_images_whose_listing_is_unchanged_are_not_read_again(backend, around, pictures, tmp_path):
    from adlfs import AzureBlobFileSystem

    uri = around.put(pictures)

    def digest() -> str:
        shutil.rmtree(tmp_path / "state" / "azure" / "digests", ignore_errors=True)
        AzureBlobFileSystem.clear_instance_cache()  # as in another process
        return backend.datasets.identify(uri, None).digest

    true = digest()
    backend.datasets.check(backend.datasets.identify(uri, None), Limits(), None, "key", print)
    (kept,) = (name for name in around.cloud.blobs() if name.startswith("digests/"))
    around.cloud.put("mlops", kept, b"as it was noted")
    assert digest() == "as it was noted"

    around.put(pictures)  # the same bytes, written anew

    assert digest() == true
