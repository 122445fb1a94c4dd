"""The twin that learns is the user's network: same answers, same gradients, quicker ways."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from model import devices
from model.network import NETWORKS
from model.quicken import gives_logits, quickened
from tests.conftest import ROOT

pytestmark = pytest.mark.long
SHAPE, CLASSES = (16, 20, 3), 4


@pytest.fixture(scope="module")
def batch():
    random = np.random.default_rng(3)
    return random.integers(0, 256, (12, *SHAPE), np.uint8), np.arange(12, dtype=np.int32) % CLASSES


@pytest.fixture(scope="module", params=list(NETWORKS))
def pair(request):
    import keras

    keras.utils.set_random_seed(5)
    model = NETWORKS[request.param](SHAPE, CLASSES)
    return model, quickened(model)


def test_the_twin_has_the_same_weights_and_answers(pair, batch):
    model, twin = pair
    images, _ = batch

    logits = np.asarray(twin(images, training=False))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    assert gives_logits(twin)
    assert [v.shape for v in twin.variables] == [v.shape for v in model.variables]
    np.testing.assert_allclose(shares, np.asarray(model(images, training=False)), atol=1e-5)


def test_the_twin_learns_what_keras_would(pair, batch):
    """Gradients of one step, and the statistics that batch normalization keeps."""
    import tensorflow as tf

    model, twin = pair
    images, labels = batch
    before = model.get_weights()
    found = []
    for network, has_logits in ((model, False), (twin, True)):
        network.set_weights(before)
        with tf.GradientTape() as tape:
            answers = network(images, training=True)
            loss = tf.reduce_mean(
                tf.keras.losses.sparse_categorical_crossentropy(labels, answers, has_logits)
            )
        gradients = tape.gradient(loss, network.trainable_variables)
        found.append(([np.asarray(g) for g in gradients], network.get_weights()))
        network.set_weights(before)

    (theirs, kept), (ours, also_kept) = found
    for one, other in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4, rtol=2e-3)
    for one, other in zip(kept, also_kept, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-2)  # theirs divide by n, ours by n - 1


def test_its_pooling_has_the_gradient_of_tensorflow():
    import keras
    import tensorflow as tf

    plain = keras.Sequential([keras.Input((8, 6, 5)), keras.layers.MaxPooling2D(2)])
    twin = quickened(plain)
    images = tf.random.normal((3, 8, 6, 5), seed=1)
    upstream = tf.random.normal((3, 4, 3, 5), seed=2)
    found = []
    for network in (plain, twin):
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(network(images) * upstream)
        found.append(tape.gradient(total, images).numpy())

    assert type(twin.layers[0]).__name__ == "MaskedMaxPooling2D"
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("options", [{"pool_size": 3}, {"pool_size": 2, "strides": 1}])
def test_other_poolings_stay_as_they_are(options):
    import keras

    layer = keras.layers.MaxPooling2D(**options)
    twin = quickened(keras.Sequential([keras.Input((9, 9, 1)), layer]))

    assert type(twin.layers[0]) is keras.layers.MaxPooling2D


def test_layers_that_draw_keep_their_state_in_its_place():
    import keras

    inside = [keras.Input((4, 4, 1)), keras.layers.Dropout(0.3), keras.layers.Flatten()]
    plain = keras.Sequential([*inside, keras.layers.Dense(2, activation="softmax")])

    twin = quickened(plain)

    assert [v.name for v in twin.variables] == [v.name for v in plain.variables]
    twin.set_weights(plain.get_weights())


def test_a_network_of_a_class_of_its_own_is_left_alone():
    import keras

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.answer = keras.layers.Dense(2, activation="softmax")

        def call(self, images):
            return self.answer(keras.ops.mean(keras.ops.cast(images, "float32"), (1, 2)))

    own = Own()

    assert quickened(own) is own
    own(np.zeros((1, 4, 4, 1)))
    assert not gives_logits(own)


def test_precision_is_what_was_asked_for_or_what_pays():
    assert devices.precision("float32") == "float32"
    assert devices.precision("bfloat16") == "mixed_bfloat16"
    assert devices.precision("auto") in ("float32", "mixed_bfloat16")


SHARED = """
import numpy as np, tensorflow as tf
devices = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(devices[0], [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
from model.batches import plain_batches
from model.epoch import Epochs
from model.quicken import quickened
random = np.random.default_rng(0)
pixels = random.integers(0, 256, (50, 8, 8, 1), np.uint8)
labels = (pixels.mean(axis=(1, 2, 3)) > 127).astype(np.int32)
found = []
for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    with strategy.scope():
        keras.utils.set_random_seed(1)
        network = keras.Sequential([
            keras.Input((8, 8, 1), dtype="uint8"), keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")])
        twin = quickened(network)
        optimizer = keras.optimizers.AdamW(1e-2)
        optimizer.build(twin.trainable_variables)
        epochs = Epochs(twin, optimizer, strategy, 0.1)
    for _ in range(2):
        trained = epochs.train(plain_batches(pixels, labels, np.arange(50), 16))
    judged = epochs.judge(plain_batches(pixels, labels, np.arange(50), 16))
    found.append((np.array([*trained, *judged]), twin.get_weights()))
(one, mine), (two, theirs) = found
np.testing.assert_allclose(one, two, rtol=1e-5)
for a, b in zip(mine, theirs, strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)
print("equal")
"""


def test_two_devices_that_share_the_batches_learn_the_same():
    """In a process of its own, for devices are laid out before TensorFlow starts."""
    done = subprocess.run(
        [sys.executable, "-c", SHARED], cwd=ROOT, capture_output=True, text=True, timeout=200
    )

    assert done.stdout.strip().endswith("equal"), done.stderr[-3000:]
