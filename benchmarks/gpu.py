"""
``python -m benchmarks.gpu``: the networks of model/network.py on one GPU, and time to an accuracy.

By Keras on JAX, which learns a whole epoch in one call of the GPU; the recipe is that of
``benchmarks.accuracy``. It needs nothing but keras, jax, numpy and psutil: run it in an environment
of its own. Each length of training has its own one-cycle schedule, and the test images judge its
end, once. Fashion-MNIST as IDX files, in ``--data``.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np

from benchmarks.results import append, table
from benchmarks.rivals.idx import load
from model.network import NETWORKS, residual

DATA = "/usr/share/datasets/fashion-mnist"
RATE, DECAY, SMOOTHING, MOST_SHIFT, WARM_UP_SHARE = 0.003, 0.05, 0.05, 2, 0.2
WIDE = {f"residual-x{n}": partial(residual, filters=(32 * n, 48 * n, 96 * n)) for n in (2, 3)}
NAMED: dict[str, Any] = {**NETWORKS, **WIDE}


@dataclass
class Run:
    """One training: test accuracy at its end, its seconds but those of compiling, its rate."""

    accuracy: float
    seconds: float
    images_per_s: float


def main() -> None:
    """Train, print, and note the table in results.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--data", default=DATA, help="folder of IDX files [%(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="each with a seed [%(default)s]")
    parser.add_argument("--batch", type=int, default=64, help="images a step [%(default)s]")
    parser.add_argument("--train", nargs="+", default=["residual:14"], metavar="NAME:EPOCHS",
                        help=f"which, how long [%(default)s]: {', '.join(NAMED)}")  # fmt: skip
    parser.add_argument("--policy", default="float32", help="Keras's, of dtypes [%(default)s]")
    given = parser.parse_args()
    keras.config.set_dtype_policy(given.policy)
    data = load(given.data)
    rows = []
    for name, _, epochs in (word.rpartition(":") for word in given.train):
        runs = []
        for seed in range(given.rounds):
            runs.append(trained(name, data, int(epochs), given.batch, seed))
            print(f"{name}, {epochs} epochs, seed {seed}: {runs[-1]}", flush=True)
        rows.append([name, epochs, *_figures(runs)])
    head = ["network", "epochs", "images/s", "seconds", "test accuracy, mean (least … most)"]
    text = table(head, rows)
    print(f"\n{text}")
    words = (f"--rounds {given.rounds} --batch {given.batch} --policy {given.policy} "
             f"--train {' '.join(given.train)}")  # fmt: skip
    where = f"{jax.devices()[0].device_kind}, JAX {jax.__version__}, Keras {keras.__version__}"
    append("gpu", f"{where}\n\n{text}", f"python -m benchmarks.gpu {words}")


def trained(name: str, data: tuple[Any, ...], epochs: int, batch: int, seed: int) -> Run:
    """Train the network ``name`` on the training images, and judge it by the test images."""
    keras.utils.set_random_seed(seed)
    network = _with_logits(NAMED[name]((28, 28, 1), 10))
    kept = np.random.default_rng(seed).permutation(len(data[0]))[: round(len(data[0]) * 0.9)]
    images, labels = (jnp.asarray(part[kept]) for part in data[:2])  # the rest is for validation
    steps = len(labels) // batch
    optimizer = keras.optimizers.AdamW(_one_cycle(steps * epochs), weight_decay=DECAY)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(network.trainable_variables)
    state = [
        [each.value for each in variables]
        for variables in (
            network.trainable_variables, network.non_trainable_variables, optimizer.variables
        )
    ]  # fmt: skip
    epoch = _epoch(network, optimizer, images, labels, steps, batch)
    key = jax.random.key(seed)
    compiled = epoch.lower(state, key).compile()
    seconds = []
    for _ in range(epochs):
        key, mine = jax.random.split(key)
        began = time.perf_counter()
        state, loss = jax.block_until_ready(compiled(state, mine))
        seconds.append(time.perf_counter() - began)
        if not math.isfinite(float(loss)):
            raise SystemExit(f"{name} diverged in epoch {len(seconds)}: loss {loss}")
    tests, truth = data[2:]
    answers = [
        network.stateless_call(state[0], state[1], tests[at : at + 1000], training=False)[0]
        for at in range(0, len(truth), 1000)
    ]
    accuracy = float(np.mean(np.argmax(np.concatenate(answers), axis=1) == truth))
    return Run(accuracy, sum(seconds), steps * batch / statistics.median(seconds))


def _epoch(network: Any, optimizer: Any, images: Any, labels: Any, steps: int, batch: int) -> Any:
    """A compiled function: all steps of one epoch, in an order drawn from its key."""

    def loss_of(learned: Any, kept: Any, seen: Any, truth: Any) -> Any:
        answers, kept = network.stateless_call(learned, kept, seen, training=True)
        logs = jax.nn.log_softmax(answers.astype(jnp.float32))
        right = jnp.take_along_axis(logs, truth[:, None], axis=1)[:, 0]
        return -jnp.mean((1 - SMOOTHING) * right + SMOOTHING * logs.mean(axis=1)), kept

    def step(state: Any, drawn: Any) -> Any:
        (learned, kept, slots), (indices, key) = state, drawn
        seen = _changed(images[indices], key)
        told, gradients = jax.value_and_grad(loss_of, has_aux=True)(
            learned, kept, seen, labels[indices]
        )
        learned, slots = optimizer.stateless_apply(slots, gradients, learned)
        return [learned, told[1], slots], told[0]

    @jax.jit  # type: ignore[untyped-decorator]
    def epoch(state: Any, key: Any) -> Any:
        order, changes = jax.random.split(key)
        shuffled = jax.random.permutation(order, len(labels))[: steps * batch]
        each = (shuffled.reshape(steps, batch), jax.random.split(changes, steps))
        state, losses = jax.lax.scan(step, state, each)
        return state, losses.mean()

    return epoch


def _changed(images: Any, key: Any) -> Any:
    """Half of the images mirrored, each shifted by up to two pixels; edges go on outwards."""
    mirror, shift = jax.random.split(key)
    is_mirrored = jax.random.bernoulli(mirror, 0.5, (len(images), 1, 1, 1))
    images = jnp.where(is_mirrored, images[:, :, ::-1], images)
    around = ((0, 0), (MOST_SHIFT, MOST_SHIFT), (MOST_SHIFT, MOST_SHIFT), (0, 0))
    wider = jnp.pad(images, around, mode="edge")
    offsets = jax.random.randint(shift, (len(images), 2), 0, 2 * MOST_SHIFT + 1)
    return jax.vmap(
        lambda image, at: jax.lax.dynamic_slice(image, (at[0], at[1], 0), images.shape[1:])
    )(wider, offsets)


def _with_logits(network: Any) -> Any:
    """The same network, but for the softmax at its end."""
    network.layers[-1].activation = keras.activations.linear
    return network


def _one_cycle(steps: int) -> Any:
    rise = round(steps * WARM_UP_SHARE)
    return keras.optimizers.schedules.CosineDecay(
        RATE / 10, steps - rise, alpha=1e-3, warmup_target=RATE, warmup_steps=rise
    )


def _figures(runs: list[Run]) -> list[str]:
    found = [run.accuracy for run in runs]
    return [
        f"{statistics.median(run.images_per_s for run in runs):,.0f}",
        f"{statistics.median(run.seconds for run in runs):.1f}",
        f"{statistics.mean(found):.4f} ({min(found):.4f} … {max(found):.4f})",
    ]


if __name__ == "__main__":
    main()
