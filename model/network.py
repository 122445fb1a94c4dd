"""
Your networks: write a function, add its name to ``NETWORKS``, train it with ``--network NAME``.

A network takes raw intensities (uint8, 0..255) and answers probabilities. Whatever prepares the
pixels is a layer of it, so training and service cannot differ. Every network listed here is tested
by tests/model/test_learning.py before a release trains it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras import Layer, Model

Shape = tuple[int, int, int]  # height, width, channels


def baseline(shape: Shape, classes: int) -> Model:
    """Two blocks of convolution, then one dense layer: small, quick, hard to beat by much."""
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input(shape, dtype="uint8"),
            layers.Rescaling(1 / 127.5, offset=-1),  # 0..255 becomes -1..1
            *block(filters=16),
            *block(filters=32),
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def block(filters: int) -> list[Layer]:
    """Convolution of 5 by 5, batch normalisation, ReLU, and half the size."""
    from keras import layers

    return [
        layers.Conv2D(filters, 5, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),  # follows within an epoch, also on small data
        layers.ReLU(),
        layers.MaxPooling2D(2),
    ]


NETWORKS: dict[str, Callable[[Shape, int], Model]] = {
    "baseline": baseline,
}
