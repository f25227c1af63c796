"""Distance to the machine: the head's rate beside a matrix product's, the backbone's share.

The backbone is Paddle's and PaddleSeg's, convolution almost all of it: what of a whole network's
time goes into it is out of the head's reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import paddle

from paddle_ann.benchmark import paddleseg_cases, workloads
from paddle_ann.benchmark.case import MEMORY, SHARE, TIME, Case, Goal, Settings, Workload
from paddle_ann.benchmark.sizes import sizes

OURS = paddleseg_cases.OURS
GROUP = "share of the machine"
BACKBONE, ALONE = "share of the backbone", "backbone alone"


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
    yield from backbone_cases(settings)


def backbone_cases(settings: Settings) -> Iterator[Case]:
    """Yields whole networks beside their backbones alone."""
    table = sizes(settings.quick)
    for name in table.backbones:
        title = f"backbone's share: ANN-{name} {table.image}x{table.image}"
        yield Case(
            f"{title}, eval, inference form, batch {settings.eval_batch}",
            {
                ALONE: partial(backbone, settings, name, training=False),
                OURS: partial(
                    paddleseg_cases.network_evaluation, settings, name, OURS, "inference"
                ),
            },
            group=BACKBONE,
        )
        yield Case(
            f"{title}, train step, batch {settings.train_batch}",
            {
                ALONE: partial(backbone, settings, name, training=True),
                OURS: partial(paddleseg_cases.network_training, settings, name, OURS, table.image),
            },
            quantities=(TIME, MEMORY),
            group=BACKBONE,
        )


def backbone(settings: Settings, name: str, training: bool) -> Workload:
    """Builds a network's backbone alone: forward, with `training` forward and backward."""
    network = paddleseg_cases.network(settings, name, OURS)
    image = sizes(settings.quick).image
    form = workloads.backward if training else workloads.evaluation
    batch = settings.train_batch if training else settings.eval_batch

    def call(inputs: Sequence[paddle.Tensor]) -> paddle.Tensor:
        return network.backbone(*inputs)[-1]  # the other maps are on the way to the last

    workload = form(network.backbone, call, [[batch, 3, image, image]], 0)
    return replace(workload, output=None)


def gemm(m: int, k: int, n: int) -> Workload:
    """Builds a product of (m, k) with (k, n) in float32."""
    a, b = paddle.randn([m, k]), paddle.randn([k, n])
    return Workload(lambda: paddle.matmul(a, b), macs=m * k * n)
