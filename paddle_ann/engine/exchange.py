"""Meeting and exchanging: what the processes of a job do together.

Tensors go by Paddle's collectives; all else goes by the key store that Paddle keeps in process 0,
because on a CPU a collective gives up after 30 seconds, which is too short for a process that waits
while another writes a checkpoint or reads slow data. What comes out of the store is read as data:
who reaches its port can write into it.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import time
from collections.abc import Callable
from typing import Any, TypeVar

import paddle

from paddle_ann import pickles
from paddle_ann.engine.phase import Phase
from paddle_ann.engine.watch import Watch

Thing = TypeVar("Thing")


class OtherProcessFailed(RuntimeError):
    """Another process has failed, and this one cannot go on without it."""


class Exchange:
    """Processes that wait for each other. Methods are called in all of them, in the same order.

    Args:
        world: how many there are.
        rank: this one's number.

    Attributes:
        watch: tells of failures of the others, while it is there.
        phase: what this process is doing.
    """

    def __init__(self, world: int, rank: int) -> None:
        self.world, self.rank = world, rank
        self.watch: Watch | None = None
        self.phase = Phase()
        self._store: Any = None
        self._begin()

    def _begin(self) -> None:
        """Begin to count anew, with a new store."""
        self._meetings, self._flags = 0, [0, 0]

    def during(self, name: str, waits: bool = True) -> contextlib.AbstractContextManager[None]:
        """Do something that the other processes, and the user, may have to wait for.

        Args:
            name: as in 'has been ... for 60 s'.
            waits: whether a line says so when it takes longer than a minute.
        """
        return self.phase.during(name, waits)

    def meet(self, flag: bool = False) -> bool:
        """Wait until every process is here.

        Args:
            flag: something to tell.

        Returns:
            Whether any of them raised its flag: the same in all.

        Raises:
            OtherProcessFailed: if one will not come.
        """
        if self.world == 1:
            return flag
        self._meetings += 1
        side = self._meetings % 2  # nobody adds here before all have read, at the next meeting
        if flag:
            self._store.add(f"flag{side}", 1)
        self._store.add("met", 1)
        self._wait("met", self.world * self._meetings)
        before, self._flags[side] = self._flags[side], self._store.add(f"flag{side}", 0)
        return self._flags[side] > before

    def gather(self, thing: Any) -> list[Any]:
        """Return what every process has, in their order.

        Args:
            thing: numbers, texts, arrays, and lists, tuples and dictionaries of them.

        Raises:
            OtherProcessFailed: if one will not come.
            RuntimeError: if something else stands in the store than such data.
        """
        if self.world == 1:
            return [thing]
        self._store.set(f"thing{self.rank}", pickle.dumps(thing))
        self.meet()
        found = [self._read(rank) for rank in range(self.world)]
        self.meet()
        return found

    def _read(self, rank: int) -> Any:
        try:
            return pickles.load(io.BytesIO(self._store.get(f"thing{rank}")))
        except ValueError as error:
            raise RuntimeError(
                f"What stands in the key store as process {rank}'s is no data of ours: {error}. "
                "See that no other program reaches the port of --master."
            ) from None

    def share(self, thing: Any) -> Any:
        """Return what process 0 has."""
        return self.gather(thing if self.rank == 0 else None)[0]

    def of_main(self, function: Callable[[], Thing]) -> Thing:
        """Call a function in process 0, while the others wait, and return its result in all."""
        return self.share(function() if self.rank == 0 else None)

    def mean(self, number: float) -> float:
        """Return the mean of a number over the processes."""
        return sum(self.gather(number)) / self.world

    def add_up(self, tensor: paddle.Tensor) -> paddle.Tensor:
        """Return the sum of a tensor over the processes."""
        if self.world > 1:
            self.meet()
            paddle.distributed.all_reduce(tensor)
        return tensor

    def make_equal(self, tensors: list[paddle.Tensor]) -> None:
        """Give every process what process 0 has in these tensors."""
        if self.world == 1:
            return
        self.meet()
        kinds: dict[Any, list[paddle.Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault(tensor.dtype, []).append(tensor)
        for alike in kinds.values():
            flat = paddle.concat([tensor.detach().reshape([-1]) for tensor in alike])
            paddle.distributed.broadcast(flat, src=0)
            parts = paddle.split(flat, [tensor.size for tensor in alike])
            for tensor, part in zip(alike, parts):
                tensor.set_value(part.reshape(tensor.shape))

    def parallel(self, model: paddle.nn.Layer) -> paddle.DataParallel | None:
        """Return the network with gradients averaged over the processes; None in a group of one.

        Its weights become those of process 0.
        """
        self.meet()
        return paddle.DataParallel(model) if self.world > 1 else None

    def _wait(self, name: str, count: int, seconds: float = float("inf")) -> bool:
        """Wait until a counter has reached `count`; tell whether it has."""
        start, pause = time.monotonic(), min(0.0005 * self.world, 0.05)
        with self.during("waiting for the other processes"):
            while self._store.add(name, 0) < count:
                if self.watch is not None and self.watch.failure is not None:
                    raise OtherProcessFailed(self.watch.failure)
                if time.monotonic() - start > seconds:
                    return False
                time.sleep(pause)
        return True
