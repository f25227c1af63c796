"""k batches of b are one batch of k·b, where nothing looks across the batch."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle import nn

from paddle_ann.engine import Callback, Interrupted, TrainOptions
from tests.engine import toy
from tests.engine.test_guard import Kept
from tests.engine.test_resume import Signal

SIZE = 11


class Plain(nn.Layer):
    """No batch norm, no dropout; two outputs in training."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2D(3, 5, 3, padding=1), nn.ReLU())
        self.cls, self.aux = nn.Conv2D(5, toy.CLASSES, 1), nn.Conv2D(5, toy.CLASSES, 1)

    def forward(self, x):
        x = self.stem(x)
        return [self.cls(x), self.aux(x)] if self.training else [self.cls(x)]


class Random(paddle.io.Dataset):
    """As many labelled pixels in each sample, since a loss is the mean over those of its batch."""

    num_classes, ignore_index = toy.CLASSES, 255

    def __init__(self, length: int = 13) -> None:
        self.length = length
        self.file_list = []

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        label = rng.integers(0, toy.CLASSES, (SIZE, SIZE))
        label[: index % SIZE] = np.roll(label[: index % SIZE], 1, 0)
        return {"img": rng.normal(size=(3, SIZE, SIZE)).astype("float32"), "label": label}

    def __len__(self):
        return self.length


@pytest.fixture(autouse=True)
def no_check_of_files(monkeypatch):
    from paddle_ann.engine import data_checks

    monkeypatch.setattr(data_checks, "check_data", lambda name, dataset: None)


@pytest.mark.parametrize(("count", "size"), [(2, 3), (3, 2), (6, 1)])
def test_equals_one_batch(tmp_path, count, size):
    def train(out, batch_size, accumulate):
        paddle.seed(3)
        model, kept = Plain(), Kept()
        optimizer = paddle.optimizer.Momentum(
            0.05, parameters=model.parameters(), weight_decay=1e-3,
            grad_clip=nn.ClipGradByGlobalNorm(0.5),
        )  # fmt: skip
        toy.run(
            None, tmp_path / out, model=model, optimizer=optimizer, train_dataset=Random(),
            batch_size=batch_size, options=TrainOptions(accumulate=accumulate), iters=2,
            callbacks=[kept],
        )  # fmt: skip
        return kept

    one, parts = train("one", count * size, 1), train("parts", size, count)
    assert parts.rates == one.rates and len(parts.states) == 2
    assert parts.norms == pytest.approx(one.norms, rel=1e-5)
    for iteration in (1, 2):
        for name, value in one.states[iteration].items():
            assert np.abs(value - parts.states[iteration][name]).max() <= 1e-6, name


def test_throughput_counts_all_samples(tmp_path):
    records = []

    class Records(Callback):
        def on_log(self, run, record):
            records.append((record["ips"] * record["batch_cost"], len(run.samples)))

    options = TrainOptions(accumulate=3)
    toy.run(
        None, tmp_path / "out", train_dataset=Random(), options=options, iters=2,
        callbacks=[Records()],
    )  # fmt: skip
    assert records == [(pytest.approx(6), 3)] * 2


def test_stopped_and_resumed_is_exact(tmp_path):
    """With batch norm, dropout and augmentation; an epoch has 3 batches of the 7 images."""
    root = tmp_path / "voc"
    given = {"options": TrainOptions(accumulate=3), "iters": 7, "save_interval": 3}
    whole, parts = Kept(), Kept()
    toy.run(root, tmp_path / "whole", callbacks=[whole], **given)
    with pytest.raises(Interrupted):
        toy.run(root, tmp_path / "out", callbacks=[Signal(4)], **given)
    toy.run(root, tmp_path / "out", callbacks=[parts], resume_model="auto", seed=99, **given)
    toy.assert_same(whole.states[7], parts.states[7])


def test_another_number_is_another_configuration(tmp_path):
    root = tmp_path / "voc"
    toy.run(root, tmp_path / "out", options=TrainOptions(accumulate=3), iters=2)
    with pytest.raises(ValueError, match="accumulate: 3 then, 1 now"):
        toy.run(root, tmp_path / "out", resume_model="auto")
