"""Several processes that train together: gathering, agreeing, equal buffers."""

from __future__ import annotations

from typing import Any

import paddle


def world() -> tuple[int, int]:
    """Return how many processes train together, and this one's number."""
    environment = paddle.distributed.ParallelEnv()
    return environment.nranks, environment.rank


def start(model: paddle.nn.Layer, processes: int) -> paddle.DataParallel | None:
    """Return the network with gradients averaged over processes; None for one process."""
    if processes == 1:
        return None
    paddle.distributed.init_parallel_env()
    return paddle.DataParallel(model)


def gather(thing: Any, processes: int) -> list[Any]:
    """Return what every process has, in their order."""
    if processes == 1:
        return [thing]
    found: list[Any] = []
    paddle.distributed.all_gather_object(found, thing)
    return found
