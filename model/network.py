"""
Your networks: write a function, add its name to ``NETWORKS``, train it with ``--network NAME``.

A network takes raw intensities (uint8, 0..255) and answers probabilities. Whatever prepares the
pixels is a layer of it, so training and service cannot differ. Every network listed here is tested
by tests/model/test_learning.py before a release trains it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
            *block(filters=48),
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def block(filters: int) -> list[Layer]:
    """
    Convolution of 3 by 3, batch normalisation, half the size, ReLU.

    The largest of four, then ReLU: the very answer of ReLU first, at a quarter of its work.
    """
    from keras import layers

    return [
        layers.Conv2D(filters, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),  # follows within an epoch, also on small data
        layers.MaxPooling2D(2),
        layers.ReLU(),
    ]


def residual(shape: Shape, classes: int, filters: tuple[int, int, int] = (32, 48, 96)) -> Model:
    """
    Five convolutions of 3 by 3, two of them with a short cut around: slower, and better by far.

    Args:
        filters: of each stage, in multiples of 16, which processors take in one go: 24 would cost
            as much as 32.
    """
    from keras import Input, Model, layers

    first, second, third = filters
    taken = Input(shape, dtype="uint8")
    values = layers.Rescaling(1 / 127.5, offset=-1)(taken)
    values = _convolved(values, first, pool=True)
    values = _convolved(values, second)
    values = layers.Add()([values, _convolved(values, second)])
    values = layers.MaxPooling2D(2)(values) if min(values.shape[1:3]) > 1 else values
    values = _convolved(values, third)
    values = layers.Add()([values, _convolved(values, third)])
    values = layers.GlobalMaxPooling2D()(values)
    return Model(taken, layers.Dense(classes, activation="softmax")(values))


def _convolved(values: Any, filters: int, *, pool: bool = False) -> Any:
    from keras import layers

    values = layers.Conv2D(filters, 3, padding="same", use_bias=False)(values)
    values = layers.BatchNormalization(momentum=0.9)(values)
    values = layers.MaxPooling2D(2)(values) if pool else values
    return layers.ReLU()(values)


NETWORKS: dict[str, Callable[[Shape, int], Model]] = {
    "baseline": baseline,
    "residual": residual,
}
