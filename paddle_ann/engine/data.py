"""The order of the samples and the randomness of their augmentation, both known for any iteration.

A training that is resumed must read what the uninterrupted one would have read. The order of an
epoch is PaddleSeg's: `DistributedBatchSampler` shuffles by the epoch's number. The augmentation of
each sample is seeded by the training's seed and the number of the draw, so it depends neither on
how many processes read nor on what they read before.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import paddle

from paddle_ann.engine import processes

# Held while a sample is read in this process's reader thread, which draws from the same global
# generators as the main thread.
RANDOM_LOCK = threading.RLock()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the reader thread from the random states; waits for the sample that it reads."""
    with processes.connect().during("reading data"):
        RANDOM_LOCK.acquire()
    try:
        yield
    finally:
        RANDOM_LOCK.release()


class Draw(int):
    """The index of a sample that knows which draw of the whole training it is."""

    number: int

    def __new__(cls, index: int, number: int) -> Draw:
        """Make the index with the number of its draw."""
        draw = super().__new__(cls, index)
        draw.number = number
        return draw

    def __reduce__(self) -> tuple[Any, ...]:
        return Draw, (int(self), self.number)


class TrainingBatches:
    """The batches of one process from the first to the last of the training, across epochs.

    Args:
        dataset: the training set.
        batch_size: samples of one process and batch.
        start: batches that an earlier part of the training has read.
        stop: batches of the whole training.
        world: processes that share the data.
        rank: this one's number.
    """

    def __init__(
        self, dataset: Any, batch_size: int, start: int, stop: int, world: int = 1, rank: int = 0
    ) -> None:
        self._sampler = paddle.io.DistributedBatchSampler(
            dataset, batch_size, num_replicas=world, rank=rank, shuffle=True, drop_last=True
        )
        self.batch_size, self.start, self.stop = batch_size, start, stop
        self.world, self.rank = world, rank
        self._epoch = -1
        self._batches: list[list[int]] = []

    @property
    def per_epoch(self) -> int:
        """Batches of one epoch."""
        return len(self._sampler)

    def batch(self, number: int) -> list[Draw]:
        """Return the samples of batch `number`, counted from 0 over the whole training."""
        epoch, position = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            self._sampler.set_epoch(epoch)
            self._epoch, self._batches = epoch, list(self._sampler)
        first = (number * self.world + self.rank) * self.batch_size
        return [Draw(index, first + i) for i, index in enumerate(self._batches[position])]

    def __iter__(self) -> Iterator[list[Draw]]:
        return (self.batch(number) for number in range(self.start, self.stop))

    def __len__(self) -> int:
        return self.stop - self.start


class SeededSamples(paddle.io.Dataset):
    """A data set whose augmentation depends on the seed and the draw alone.

    Args:
        dataset: the training set; its transforms draw from `random` and `numpy.random`.
        seed: the training's seed.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, draw: Draw) -> Any:
        with RANDOM_LOCK:
            before = random.getstate(), np.random.get_state()
            mixed = np.random.SeedSequence([self.seed, draw.number]).generate_state(2)
            random.seed(int(mixed[0]))
            np.random.seed(mixed[1])
            try:
                return self.dataset[int(draw)]
            finally:
                random.setstate(before[0])
                np.random.set_state(before[1])

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:  # file_list and classes, for error messages
        if name == "dataset":  # not there yet while this object is unpickled
            raise AttributeError(name)
        return getattr(self.dataset, name)


def make_loader(samples: SeededSamples, batches: TrainingBatches, num_workers: int) -> Any:
    """Make the one reader of a whole training, so that no epoch waits for processes to start.

    The processes hand over plain arrays. With Paddle's shared memory they would allocate tensors,
    under a lock that another thread of the training may hold while they are forked: they then wait
    for ever, and the training with them.
    """
    return paddle.io.DataLoader(
        samples,
        batch_sampler=batches,
        num_workers=num_workers,
        return_list=True,
        use_shared_memory=False,
    )


@contextlib.contextmanager
def reading(loader: Any) -> Iterator[Iterator[Any]]:
    """Read from a loader; its threads and processes end with this context, read out or not."""
    reader = iter(loader)
    try:
        yield _waiting(reader)
    finally:
        reader._try_shutdown_all()


def _waiting(reader: Iterator[Any]) -> Iterator[Any]:
    """Read, and let it be known while it is waited for."""
    group, end = processes.connect(), object()
    while True:
        with group.during("reading data"):
            thing = next(reader, end)
        if thing is end:
            return
        yield thing


def draw_seed() -> int:
    """Choose a seed that `numpy.random.seed` decides, without drawing from numpy's generator."""
    generator = np.random.RandomState()
    generator.set_state(np.random.get_state())
    return int(generator.randint(0, 2**31 - 1))
