"""Batches by ``tf.data``: shuffled indices, one gather a batch, augmentation inside the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_SHIFT_SHARE = 1 / 14  # of a side: 2 pixels of 28
THREADS = 4  # that change images
PLAIN = 256  # images of a batch that nothing is learned from


def training_batches(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int32],
    order: NDArray[np.int64],
    *,
    batch_size: int | NDArray[np.int64],
    augment: str,
    seed: tuple[int, int],
    numbers: tuple[int, int] = (0, 1),
) -> Any:
    """
    One epoch of batches in the given order.

    Gathering a batch of uint8 by its indices is faster than slicing and stacking single images;
    the network normalises them.

    Args:
        pixels: shape (images, height, width, channels).
        labels: shape (images,).
        order: indices of the images, in the order of this epoch.
        batch_size: images of every batch, or of each, which in all are as many as ``order``.
        seed: of the augmentation; another one each epoch.
        numbers: of the first batch, and how much higher that of each next one is: two batches
            with the same number and seed would be changed alike.
    """

    gather = _gather(pixels, labels)
    found = _cut(order, batch_size).map(gather)
    if augment != "none":
        first, step = numbers
        found = found.enumerate().map(
            lambda at, batch: (_change(batch[0], augment, seed, first + step * at), batch[1]),
            num_parallel_calls=THREADS,
        )
    return _untuned(found.prefetch(4))


def plain_batches(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int32],
    order: NDArray[np.int64],
    size: int | NDArray[np.int64] = PLAIN,
) -> Any:
    """Batches in order, unchanged: for validation."""
    return _untuned(_cut(order, size).map(_gather(pixels, labels)).prefetch(4))


def _cut(order: NDArray[np.int64], size: int | NDArray[np.int64]) -> Any:
    """The indices of each batch."""
    import tensorflow as tf

    if isinstance(size, int):
        return tf.data.Dataset.from_tensor_slices(order).batch(size)
    ends = np.cumsum(size)
    with tf.device("CPU"):
        whole = tf.constant(order)
    places = tf.data.Dataset.from_tensor_slices((ends - size, ends))
    return places.map(lambda begin, end: whole[begin:end])


def _untuned(batches: Any) -> Any:
    """
    Without the thread that tunes a pipeline as it runs: there is nothing left to tune here.

    At the end of an epoch it is waited for, and now and then it sleeps until its next turn (in
    TensorFlow 2.21): up to half a minute in which nothing is learned.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)


def _gather(pixels: NDArray[np.uint8], labels: NDArray[np.int32]) -> Any:
    import tensorflow as tf

    if isinstance(pixels, np.memmap):  # larger than memory: only what is asked for is read

        def read(indices: Any) -> Any:
            batch = tf.numpy_function(lambda i: pixels[np.sort(i)], [indices], tf.uint8)
            batch.set_shape((None, *pixels.shape[1:]))
            return batch, tf.gather(labels, tf.sort(indices))

        return read
    with tf.device("CPU"):
        images, classes = tf.constant(pixels), tf.constant(labels)
    return lambda indices: (tf.gather(images, indices), tf.gather(classes, indices))


def _change(batch: Any, augment: str, seed: tuple[int, int], step: Any) -> Any:
    """Mirror half of the images and shift each by some pixels, as asked."""
    import tensorflow as tf

    count = tf.shape(batch)[0]
    key = tf.stack([tf.constant(seed[0] * 100_003 + seed[1], tf.int64), step])
    mirror = tf.zeros([count], tf.bool)
    shift = tf.zeros([count, 2])
    if "flip" in augment:
        mirror = tf.random.stateless_uniform([count], key) < 0.5
    if "shift" in augment:
        height, width = batch.shape[1:3]
        reach = [max(1, round(side * MOST_SHIFT_SHARE)) for side in (width, height)]
        drawn = [
            tf.random.stateless_uniform([count], key + n, -most, most + 1, tf.int32)
            for n, most in enumerate(reach, start=1)
        ]
        shift = tf.cast(tf.stack(drawn, axis=1), tf.float32)
    width = tf.cast(tf.shape(batch)[2], tf.float32)
    sign = tf.where(mirror, -1.0, 1.0)
    offset = tf.where(mirror, width - 1 - shift[:, 0], shift[:, 0])
    zero, one = tf.zeros([count]), tf.ones([count])
    rows = tf.stack([sign, zero, offset, zero, one, shift[:, 1], zero, zero], axis=1)
    changed = tf.raw_ops.ImageProjectiveTransformV3(
        images=batch, transforms=rows, output_shape=tf.shape(batch)[1:3], fill_value=0.0,
        interpolation="NEAREST", fill_mode="NEAREST",
    )  # fmt: skip
    return tf.ensure_shape(changed, batch.shape)
