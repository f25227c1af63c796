"""Writes a checkpoint of the tiny model beside itself, in a folder of the installed Paddle's name.

`python -m tests.compat.saved.write` wrote the folders here, with each of these versions.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle

from tests.compat import tiny


def write(folder: Path) -> None:
    """Writes model.pdparams and model.pdopt after two steps, as PaddleSeg's train does."""
    paddle.seed(0)
    model = tiny.tiny_model()
    schedule = paddle.optimizer.lr.PolynomialDecay(0.01, decay_steps=4)
    optimizer = tiny.sgd(model, schedule)
    for _ in range(2):
        model(paddle.ones([1, 3, 5, 7]))[0].mean().backward()
        optimizer.step()
        optimizer.clear_grad()
        schedule.step()
    state = optimizer.state_dict()
    state["LR_Scheduler"]["last_lr"] = np.float64(state["LR_Scheduler"]["last_lr"])
    paddle.save(model.state_dict(), str(folder / "model.pdparams"))
    paddle.save(state, str(folder / "model.pdopt"))
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    paddle.save(arrays, str(folder / "arrays.pdparams"))


if __name__ == "__main__":
    write(Path(__file__).parent / f"paddle-{paddle.__version__}" / "iter_2")
