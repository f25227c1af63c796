"""Distance to the machine: the head's arithmetic rate beside the best matrix product's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import paddle

from paddle_ann.benchmark import paddleseg_cases
from paddle_ann.benchmark.case import SHARE, Case, Goal, Settings, Workload
from paddle_ann.benchmark.sizes import sizes

OURS = paddleseg_cases.OURS
GROUP = "share of the machine"


def cases(settings: Settings) -> Iterator[Case]:
    """Yields our head's three ways of running beside matrix products."""
    products = {
        "GEMM {}x{}x{}".format(*size): partial(gemm, *size) for size in sizes(settings.quick).gemm
    }
    heads = {
        f"head, eval, training form, batch {settings.eval_batch}": partial(
            paddleseg_cases.head_evaluation, settings, OURS, "training"
        ),
        f"head, eval, inference form, batch {settings.eval_batch}": partial(
            paddleseg_cases.head_evaluation, settings, OURS, "inference"
        ),
        f"head, train step, batch {settings.train_batch}": partial(
            paddleseg_cases.head_training, settings, OURS
        ),
    }
    for name, make in heads.items():
        sides = {**products, OURS: make}
        yield Case(f"share of GEMM: {name}", sides, {SHARE: Goal(0.75)}, (SHARE,), GROUP)


def gemm(m: int, k: int, n: int) -> Workload:
    """Builds a product of (m, k) with (k, n) in float32."""
    a, b = paddle.randn([m, k]), paddle.randn([k, n])
    return Workload(lambda: paddle.matmul(a, b), macs=m * k * n)
