"""The order of the samples and the seeds of their augmentation."""

from __future__ import annotations

import pickle
import random

import numpy as np
import paddle
import pytest

from paddle_ann.engine.data import Draw, SeededSamples, TrainingBatches, draw_seed, make_loader


class Noise(paddle.io.Dataset):
    """Samples that hold their index and draw from both global generators."""

    def __init__(self, length: int = 11) -> None:
        self.length = length

    def __getitem__(self, index: int) -> dict:
        return {"img": np.array([index, np.random.rand(), random.random()])}

    def __len__(self) -> int:
        return self.length


def read(start: int, stop: int, workers: int = 0, seed: int = 7, world: int = 1, rank: int = 0):
    batches = TrainingBatches(Noise(), 3, start, stop, world, rank)
    loader = make_loader(SeededSamples(Noise(), seed), batches, workers)
    return np.stack([batch["img"].numpy() for batch in loader])


def paddleseg_order(epochs: int, world: int = 1, rank: int = 0) -> list[list[int]]:
    sampler = paddle.io.DistributedBatchSampler(
        Noise(), 3, num_replicas=world, rank=rank, shuffle=True, drop_last=True
    )
    return [batch for _ in range(epochs) for batch in sampler]


@pytest.mark.parametrize(("world", "rank"), [(1, 0), (2, 0), (2, 1)])
def test_the_order_is_that_of_paddleseg(world, rank):
    expected = paddleseg_order(4, world, rank)
    batches = TrainingBatches(Noise(), 3, 0, len(expected), world, rank)
    assert [[int(i) for i in batch] for batch in batches] == expected


def test_a_later_start_reads_what_the_whole_run_reads():
    whole = read(0, 13)
    assert np.array_equal(whole[5:], read(5, 13))
    assert len(np.unique(whole[:, :, 1])) == whole[:, :, 1].size  # every draw its own numbers


@pytest.mark.parametrize("workers", [1, 2])
def test_reader_processes_change_nothing(workers):
    assert np.array_equal(read(2, 9), read(2, 9, workers))


def test_seeds_and_ranks_differ():
    assert not np.array_equal(read(0, 3)[:, :, 1], read(0, 3, seed=8)[:, :, 1])
    numbers = [read(0, 1, world=2, rank=rank)[0, :, 1] for rank in (0, 1)]
    assert not set(numbers[0]) & set(numbers[1])


def test_reading_leaves_the_global_generators_alone():
    np.random.seed(3)
    random.seed(3)
    expected = np.random.rand(), random.random()
    np.random.seed(3)
    random.seed(3)
    SeededSamples(Noise(), 7)[Draw(4, 19)]
    assert (np.random.rand(), random.random()) == expected


def test_a_draw_goes_through_pickle():
    draw = pickle.loads(pickle.dumps(Draw(4, 19)))
    assert (draw, draw.number) == (4, 19)


def test_the_seed_comes_from_numpys_without_drawing():
    np.random.seed(5)
    seed = draw_seed()
    assert seed == draw_seed()
    np.random.seed(6)
    assert seed != draw_seed()


def test_reader_processes_allocate_no_tensor():
    """One that is forked while another thread allocates would wait for Paddle's lock for ever."""
    loader = make_loader(SeededSamples(Noise(), 7), TrainingBatches(Noise(), 3, 0, 3), 2)
    assert not loader.use_shared_memory
