"""Keras as most people write it: fit on arrays, or the tf.data of its tutorials."""

import sys

import keras
import tensorflow as tf
from idx import BATCH, RATE, load, measure
from keras import layers

folder, epochs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
images, labels, test, truth = load(folder)
keras.utils.set_random_seed(seed)


def block(filters):
    return [
        layers.Conv2D(filters, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
        layers.MaxPooling2D(2),
    ]


model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Rescaling(1 / 127.5, offset=-1),
        *block(16),
        *block(48),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])
if "--numpy" in sys.argv:

    def train(_):
        model.fit(images, labels, batch_size=BATCH, verbose=0)
else:
    batches = tf.data.Dataset.from_tensor_slices((images, labels))
    batches = batches.shuffle(len(images)).batch(BATCH).prefetch(tf.data.AUTOTUNE)

    def train(_):
        model.fit(batches, verbose=0)


measure(
    epochs, train, lambda: model.evaluate(test, truth, batch_size=500, verbose=0)[1], len(images)
)
