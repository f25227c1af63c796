"""Several processes that train or evaluate together, and fail as one.

`paddle.distributed.launch` starts them.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import paddle

from paddle_ann.engine import listener, store
from paddle_ann.engine.exchange import Exchange, OtherProcessFailed
from paddle_ann.engine.phase import Patience
from paddle_ann.engine.signals import Interrupted, StopSignals
from paddle_ann.engine.watch import Watch

GOODBYE_S = 10.0  # that process 0, which keeps the store, stays for the others
LINGER_S = 3.0  # that process 0 stays after a failure, for the others to hear of it
_BROKEN = re.compile(r"gloo|nccl|does not answer", re.IGNORECASE)

Function = TypeVar("Function", bound=Callable[..., Any])


class Size(NamedTuple):
    """How many processes there are, and this one's number."""

    world: int
    rank: int


def size() -> Size:
    """Return how many processes the launcher has started; 1 without one."""
    environment = paddle.distributed.ParallelEnv()
    return Size(environment.nranks, environment.rank)


class Group(Exchange):
    """The processes of a job. Within its context each one notices when another one fails.

    It also says so when it waits for long; a group of one does so too.

    All methods are called in all processes, in the same order.

    Args:
        world: how many there are.
        rank: this one's number.
    """

    def __init__(self, world: int = 1, rank: int = 0) -> None:
        super().__init__(world, rank)
        self._alone = contextlib.ExitStack()  # what helps a process that waits
        self._depth = self._jobs = 0

    def __enter__(self) -> Group:
        if self._depth == 0:
            who = f"Process {self.rank} of {self.world}" if self.world > 1 else "This process"
            with contextlib.ExitStack() as stack:
                stack.enter_context(contextlib.closing(listener.Listener()))
                patience = Patience(who, self.phase, self._describe_others)
                patience.start()
                stack.callback(patience.close)
                self._open()
                self._alone = stack.pop_all()
        self._depth += 1
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._depth -= 1
        if self._depth:
            return
        self._alone.close()
        if self.watch is None:
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

    def _open(self) -> None:
        """Connect to the others and wait for them."""
        if self.world == 1:
            return
        with self.during("looking for the other processes"):
            paddle.distributed.init_parallel_env()
        self._jobs += 1
        self._begin()
        prefix = f"paddle_ann/{self._jobs}/"
        self._store = store.connect(prefix)
        self.watch = Watch(prefix, self.world, self.rank, self.phase)
        self.watch.start()
        try:
            self.meet()
        except BaseException:
            watch, self.watch = self.watch, None
            watch.close()
            raise
        store.hasten(store.address()[1])  # all connections are there now

    def _describe_others(self) -> str:
        return self.watch.describe_others() if self.watch is not None else ""

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
        phase = getattr(error, "phase", str(self.phase))
        who = f"Process {self.rank} of {self.world}"
        text = f"{who} failed while {phase}: {type(error).__name__}: {error}"
        sys.stderr.write(f"\n{text}\n")  # PaddleSeg's logger is silent in all but one process
        watch.report(text)
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
