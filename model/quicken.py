"""
The same network with quicker layers, for training on CPUs.

A user writes plain Keras. Two of its layers have slow ways there: the gradient of max pooling, and
batch normalization, which Keras composes of many small operations. The network that is trained is a
twin with other code in these places and the same variables in the same order; what is saved and
served is the user's own network, with the twin's weights.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras import Layer, Model


def quickened(model: Model, precision: str = "float32") -> Model:
    """
    A twin of ``model``, with its weights, that answers logits where ``model`` ends in a softmax.

    A network of a class of its own is returned as it is: only its user knows its parts.

    Args:
        precision: Keras policy of all layers but the last, which stays in single precision.
    """
    import keras

    if not isinstance(model, (keras.Sequential, keras.src.models.functional.Functional)):
        return model
    quick = functools.partial(_quick, last=model.layers[-1], precision=precision)
    twin = keras.models.clone_model(model, clone_function=quick)
    twin.set_weights(model.get_weights())
    return twin


def gives_logits(model: Model) -> bool:
    """Are the answers of the twin logits, or still probabilities?"""
    import keras

    last = model.layers[-1] if model.layers else None
    return isinstance(last, keras.layers.Dense) and last.activation is keras.activations.linear


def _quick(layer: Layer, last: Layer, precision: str) -> Layer:
    import keras

    config = layer.get_config()
    kind = type(layer)
    if layer is not last and precision != "float32" and "dtype" in config:
        config["dtype"] = precision
    if layer is last and kind is keras.layers.Dense and config["activation"] == "softmax":
        return keras.layers.Dense.from_config({**config, "activation": "linear"})
    if kind is keras.layers.BatchNormalization and config["axis"] in (-1, 3):
        return _classes()[0].from_config(config)
    if kind is keras.layers.MaxPooling2D and _halves(layer):
        return _classes()[1].from_config(config)
    return kind.from_config(config)


def _halves(layer: Any) -> bool:
    """Does it take the largest of each two by two?"""
    height, width = layer.input.shape[1:3]
    return (
        layer.pool_size == layer.strides == (2, 2)
        and layer.data_format == "channels_last"
        and isinstance(height, int)
        and isinstance(width, int)
        and height % 2 == width % 2 == 0
    )


@functools.cache
def _classes() -> tuple[type[Layer], type[Layer]]:
    """The layers, made when TensorFlow is loaded."""
    import keras
    import tensorflow as tf

    class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
        """One operation forward and one backward."""

        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            if training is not True or len(inputs.shape) != 4 or not (self.center and self.scale):
                return super().call(inputs, training=training, mask=mask)
            answer, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
            )
            for kept, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
                kept.assign(kept * self.momentum + now * (1.0 - self.momentum))
            return answer

    class MaskedMaxPooling2D(keras.layers.MaxPooling2D):  # type: ignore[misc]
        """Two by two, with a gradient that compares instead of searching."""

        def call(self, inputs: Any) -> Any:
            return _largest_of_four(inputs)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def _largest_of_four(images: Any) -> Any:
        largest = tf.nn.max_pool2d(images, 2, 2, "VALID")

        def gradient(upstream: Any) -> Any:
            _, height, width, channels = tf.unstack(tf.shape(largest))
            rows = (-1, height, 2, width * 2 * channels)

            def doubled(values: Any) -> Any:
                """Each value twice in its row, and the row ready to stand beside two."""
                twice = tf.concat([values, values], axis=-1)
                return tf.reshape(twice, (-1, height, 1, width * 2 * channels))

            is_largest = tf.reshape(images, rows) == doubled(largest)
            chosen = tf.where(is_largest, doubled(upstream), tf.zeros((), upstream.dtype))
            return tf.reshape(chosen, tf.shape(images))

        return largest, gradient

    return FusedBatchNormalization, MaskedMaxPooling2D
