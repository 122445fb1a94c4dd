"""A batch of any size is answered as each of its images would be alone."""

from __future__ import annotations

import numpy as np
import pytest

from model.scorer import Scorer
from model.serve import engine
from model.serve.engine import Engine
from tests.conftest import picture

SHAPE = (16, 16, 1)


@pytest.fixture(scope="module")
def pixels():
    return np.stack([np.asarray(picture(n))[..., None] for n in range(70)])


@pytest.mark.parametrize("images", [1, 2, 3, 7, 32, 33, 70])
def test_any_size_is_answered_in_order(model_folder, pixels, images):
    made = Engine(model_folder)
    made.warm(SHAPE)

    found = made.predict(pixels[:images])

    expected = Scorer(model_folder).predict(pixels[:images])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_large_model_is_not_copied_for_each_size(model_folder, pixels, monkeypatch):
    size = (model_folder / "model.tflite").stat().st_size
    monkeypatch.setattr(engine, "MOST_BYTES", 2 * size)
    made = Engine(model_folder)

    assert [size for size, _ in made._parts] == [2, 1]
    np.testing.assert_allclose(
        made.predict(pixels[:5]), Scorer(model_folder).predict(pixels[:5]), atol=1e-6
    )
