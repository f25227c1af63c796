"""A process that saves checkpoints of a small real model for ever: the tests kill it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle

from paddle_ann.checkpoint import CheckpointStore, save_model, save_state

SIZES = (101, 97)


class Net(paddle.nn.Layer):
    def __init__(self, sizes: tuple[int, int] = SIZES) -> None:
        super().__init__()
        self.fc = paddle.nn.Linear(*sizes)
        self.bn = paddle.nn.BatchNorm1D(sizes[1])


def content(iteration: int) -> np.ndarray:
    """What the weights of an iteration must be."""
    rng = np.random.default_rng(iteration)
    return rng.standard_normal(SIZES).astype("float32")


def write(net: Net, iteration: int):
    def fill(folder: Path) -> None:
        net.fc.weight.set_value(content(iteration))
        save_model(folder, net)
        save_state(folder, {"iteration": iteration, "seed": content(iteration)[0]})

    return fill


def write_for_ever(folder: Path, first: int, started) -> None:
    """Save iter_N and best_model in turn, and an iteration again every now and then."""
    paddle.set_device("cpu")
    store, net = CheckpointStore(folder, keep=3), Net()
    store.recover()
    started.set()
    iteration = first
    while True:
        store.save(iteration, write(net, iteration))
        store.save_named("best_model", write(net, iteration), iteration)
        if iteration % 3 == 0:
            store.save(iteration, write(net, iteration))
        iteration += 1
