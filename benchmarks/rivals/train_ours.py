"""Our loop over the same network, with the same constant learning rate as the others."""

import sys

from model import devices

devices.before_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from idx import BATCH, RATE, load, measure  # noqa: E402

from model.batches import training_batches  # noqa: E402
from model.epoch import Epochs  # noqa: E402
from model.network import baseline  # noqa: E402
from model.quicken import quickened  # noqa: E402

folder, epochs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
images, labels, test, truth = load(folder)
keras.utils.set_random_seed(seed)
network = baseline(images.shape[1:], 10)
twin = quickened(network, devices.precision("float32" if "--float32" in sys.argv else "auto"))
optimizer = keras.optimizers.AdamW(RATE, weight_decay=0.0)
optimizer.build(twin.trainable_variables)
loops = Epochs(twin, optimizer, tf.distribute.get_strategy(), 0.0)


def train(epoch):
    order = np.random.default_rng((seed, epoch)).permutation(len(images))
    loops.train(training_batches(images, labels, order, batch_size=BATCH, augment="none",
                                 seed=(seed, epoch)))  # fmt: skip


def accuracy():
    """Of the user's network in single precision: what is saved and served."""
    network.set_weights(twin.get_weights())
    answers = network.predict(test, batch_size=500, verbose=0).argmax(1)
    return (answers == truth).mean()


measure(epochs, train, accuracy, len(images))
