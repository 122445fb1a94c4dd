"""Our loop over the same network, with the same constant learning rate as the others."""

import sys

import keras
import numpy as np
import tensorflow as tf
from idx import BATCH, RATE, load, measure

from model import devices
from model.batches import training_batches
from model.epoch import Epochs
from model.network import baseline
from model.quicken import quickened

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
