"""What a search can see: the test images are out of its reach."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from model import folder_entries
from model.arrays import load_arrays
from model.config import TrainConfig
from model.images import BadDataset, open_images
from model.tune.training_split import load_training_arrays, open_training_split
from tests.conftest import encoded, picture


def test_files_of_test_images_are_not_even_opened(folder_of, tmp_path, monkeypatch):
    root, opened_paths = folder_of(cat=16, dog=16), []
    real = folder_entries.bytes_of
    monkeypatch.setattr(
        folder_entries,
        "bytes_of",
        lambda system, paths: opened_paths.extend(paths) or real(system, paths),
    )

    arrays = load_training_arrays(open_training_split(str(root)), TrainConfig(), tmp_path)

    assert len(arrays.labels) == 24
    assert {Path(path).relative_to(root).parts[0] for path in opened_paths} == {"train"}


@pytest.mark.parametrize("has_split_column", [True, False])
def test_rows_of_the_test_split_are_not_decoded(tmp_path, has_split_column):
    for split in ("train", "test"):
        images = [encoded(picture(n)) if split == "train" else b"no image" for n in range(6)]
        columns = {"image": images, "label": ["cat", "dog"] * 3}
        if has_split_column:
            columns["split"] = [split] * 6
        name = f"{split}.parquet" if not has_split_column else f"part-{split}.parquet"
        parquet.write_table(arrow.table(columns), tmp_path / name)

    arrays = load_training_arrays(open_training_split(str(tmp_path)), TrainConfig(), tmp_path)

    assert len(arrays.labels) == 6
    assert (arrays.test_images, arrays.test_digest) == (0, "")


def test_a_search_learns_from_the_very_arrays_of_a_release(sample, tmp_path):
    ours = load_training_arrays(open_training_split(sample), TrainConfig(), tmp_path)
    theirs = load_arrays(open_images(sample), TrainConfig(), tmp_path)

    np.testing.assert_array_equal(ours.pixels, theirs.pixels)
    np.testing.assert_array_equal(ours.labels, theirs.labels)


def test_the_test_split_cannot_be_asked_for(sample):
    chunks = list(open_training_split(sample).chunks())

    for split in (None, "train"):
        found = [image.split for chunk in chunks for image in chunk.read(split)]
        assert set(found) == {"train"}
    with pytest.raises(ValueError, match="test split cannot be read here"):
        chunks[0].read("test")


def test_one_class_is_not_enough(folder_of, tmp_path):
    with pytest.raises(BadDataset, match="1 classes"):
        load_training_arrays(open_training_split(str(folder_of(cat=8))), TrainConfig(), tmp_path)
