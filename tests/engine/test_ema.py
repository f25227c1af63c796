"""The moving average: PaddleSeg's numbers, and integers that follow."""

from __future__ import annotations

import numpy as np
import paddle

from paddle_ann.engine.ema import MovingAverage


class Counted(paddle.nn.Layer):
    """A parameter and an integer buffer, as a counter of batches."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = self.create_parameter([3])
        self.register_buffer("seen", paddle.zeros([1], "int64"))


def test_floats_are_averaged_and_integers_copied():
    model = Counted()
    average = MovingAverage(model)
    model.weight.set_value(paddle.to_tensor([1.0, 2.0, 3.0]))
    model.seen.set_value(paddle.to_tensor([2]))
    average.start(model)
    assert average.model.seen.tolist() == [2]
    expected = model.weight.numpy()
    for iteration in (1, 2, 3):
        model.weight.set_value(model.weight + 1)
        model.seen.set_value(model.seen + 5)
        average.update(model, iteration)
        decay = min(1 - 1 / (iteration + 1), 0.999)
        expected = decay * expected + (1 - decay) * model.weight.numpy()
    assert np.allclose(average.model.weight.numpy(), expected, atol=1e-6)
    assert average.model.seen.tolist() == [17] and average.model.seen.dtype == paddle.int64
