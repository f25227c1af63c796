"""Several processes that train or evaluate together: meeting, exchanging, failing as one.

`paddle.distributed.launch` starts them. Tensors go by Paddle's collectives; all else goes by the
key store that Paddle keeps in process 0, because on a CPU a collective gives up after 30 seconds,
which is too short for a process that waits while another writes a checkpoint or reads slow data.
"""

from __future__ import annotations

import contextlib
import functools
import pickle
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import paddle

from paddle_ann.engine import store
from paddle_ann.engine.signals import Interrupted, StopSignals
from paddle_ann.engine.watch import Watch

GOODBYE_S = 10.0  # that process 0, which keeps the store, stays for the others
LINGER_S = 3.0  # that process 0 stays after a failure, for the others to hear of it
_BROKEN = re.compile(r"gloo|nccl|does not answer", re.IGNORECASE)

Thing = TypeVar("Thing")
Function = TypeVar("Function", bound=Callable[..., Any])


class OtherProcessFailed(RuntimeError):
    """Another process has failed, and this one cannot go on without it."""


class Size(NamedTuple):
    """How many processes there are, and this one's number."""

    world: int
    rank: int


def size() -> Size:
    """Return how many processes the launcher has started; 1 without one."""
    environment = paddle.distributed.ParallelEnv()
    return Size(environment.nranks, environment.rank)


class Group:
    """The processes of a job. Within its context each one notices when another one fails.

    All methods are called in all processes, in the same order.

    Args:
        world: how many there are.
        rank: this one's number.
    """

    def __init__(self, world: int = 1, rank: int = 0) -> None:
        self.world, self.rank = world, rank
        self.watch: Watch | None = None
        self._store: Any = None
        self._depth = self._jobs = self._meetings = 0
        self._flags = [0, 0]

    # -- one context for a training or an evaluation ----------------------------------------------

    def __enter__(self) -> Group:
        if self._depth == 0 and self.world > 1:
            self._open()
        self._depth += 1
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._depth -= 1
        if self._depth or self.watch is None:
            return
        watch, self.watch = self.watch, None
        try:
            if error is None or isinstance(error, Interrupted):
                self._say_goodbye(watch)
                return
            reason = self._reason(error, watch)
        finally:
            watch.close()
        if reason is not None:
            raise OtherProcessFailed(reason) from error

    def listen(self, stop: StopSignals) -> None:
        """Pass a signal that asks one process to stop on to the others."""
        if self.watch is not None:
            self.watch.signals = stop

    # -- meeting and exchanging -------------------------------------------------------------------

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
        """Return what every process has, in their order."""
        if self.world == 1:
            return [thing]
        self._store.set(f"thing{self.rank}", pickle.dumps(thing))
        self.meet()
        found = [pickle.loads(self._store.get(f"thing{rank}")) for rank in range(self.world)]
        self.meet()
        return found

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

    # -- inside -----------------------------------------------------------------------------------

    def _open(self) -> None:
        """Connect to the others and wait for them."""
        paddle.distributed.init_parallel_env()
        self._jobs += 1
        self._meetings, self._flags = 0, [0, 0]
        prefix = f"paddle_ann/{self._jobs}/"
        self._store = store.connect(prefix)
        self.watch = Watch(prefix, self.world, self.rank)
        self.watch.start()
        try:
            self.meet()
        except BaseException:
            watch, self.watch = self.watch, None
            watch.close()
            raise
        store.hasten(store.address()[1])  # all connections are there now

    def _wait(self, name: str, count: int, seconds: float = float("inf")) -> bool:
        """Wait until a counter has reached `count`; tell whether it has."""
        start, pause = time.monotonic(), min(0.0005 * self.world, 0.05)
        while self._store.add(name, 0) < count:
            if self.watch is not None and self.watch.failure is not None:
                raise OtherProcessFailed(self.watch.failure)
            if time.monotonic() - start > seconds:
                return False
            time.sleep(pause)
        return True

    def _say_goodbye(self, watch: Watch) -> None:
        """Leave so that no process misses the store, or takes the end of another for a failure."""
        with contextlib.suppress(store.StoreGone):
            self._store.add("done", 1)
            self._wait("done", self.world, GOODBYE_S)
            watch.close()
            if self.rank:
                self._store.add("left", 1)
            else:
                self._wait("left", self.world - 1, GOODBYE_S)

    def _reason(self, error: BaseException, watch: Watch) -> str | None:
        """Tell the others of an error, or return whose failure it comes from."""
        if isinstance(error, OtherProcessFailed):
            return None
        if isinstance(error, RuntimeError) and _BROKEN.search(str(error)):
            found = watch.find_failure()
            if found is not None:
                return found
        watch.report(f"{type(error).__name__}: {error}")
        if self.rank == 0:
            time.sleep(LINGER_S)
        return None


_group: Group | None = None  # one for good, as Paddle's own


def connect() -> Group:
    """Return the group that this process belongs to; alone it is a group of one."""
    global _group
    if _group is None or (_group.world, _group.rank) != size():
        _group = Group(*size())
    return _group


def in_a_group(function: Function) -> Function:
    """Let a function run within the group's context."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with connect():
            return function(*args, **kwargs)

    return cast(Function, wrapped)
