"""Ours against the real `paddleseg.models.ANN`: blocks, head and whole networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from paddle import nn
from paddleseg import models as paddleseg_models
from paddleseg.models import ann as paddleseg_ann
from paddleseg.models import backbones

import paddle_ann
from paddle_ann.benchmark import macs, workloads
from paddle_ann.benchmark.case import MEMORY, TIME, Case, Goal, Settings, Workload
from paddle_ann.benchmark.sizes import sizes
from paddle_ann.benchmark.weights import fill
from paddle_ann.models import ANN, ANNHead

THEIRS, OURS = "PaddleSeg", "ours"
DROPOUT = 0.05
GROUP = "against PaddleSeg"


def cases(settings: Settings) -> Iterator[Case]:
    """Yields every case of the group."""
    yield from block_cases(settings)
    yield from head_cases(settings)
    yield from network_cases(settings)


# -- blocks ---------------------------------------------------------------------------------------


def block_cases(settings: Settings) -> Iterator[Case]:
    """Yields AFNB and APNB, forward, and forward with backward."""
    goals = {"AFNB": (1.8, 1.6), "APNB": (2.0, 1.7)}
    for name, (forward, both) in goals.items():
        for title, form, goal, batch in (
            ("forward", workloads.evaluation, forward, settings.eval_batch),
            ("forward + backward", workloads.backward, both, settings.train_batch),
        ):
            sides = {
                side: partial(block, settings, name, side, form, batch) for side in (THEIRS, OURS)
            }
            yield Case(
                f"{name}, {title}, batch {batch}", sides, {TIME: Goal(goal)}, (TIME, MEMORY), GROUP
            )


def block(
    settings: Settings, name: str, side: str, form: Callable[..., Workload], batch: int
) -> Any:
    """Builds a block of one side."""
    w = sizes(settings.quick).head
    theirs, fusion = side == THEIRS, name == "AFNB"
    channels = (w.low, w.high, w.high) if fusion else (w.inter, w.inter)
    module = paddleseg_ann if theirs else paddle_ann.nn
    layer = fill(getattr(module, name)(*channels, w.key, w.value, DROPOUT))
    counted = (w, channels[0], channels[-2], channels[-1])
    parts = macs.plain_block(*counted) if theirs else macs.cheap_block(*counted, not fusion)
    shapes = [[batch, c, w.height, w.width] for c in channels[:-1]]
    return form(layer, lambda inputs: layer(*inputs), shapes, batch * macs.total(parts))


# -- head -----------------------------------------------------------------------------------------


def head_cases(settings: Settings) -> Iterator[Case]:
    """Yields the head: evaluation in both forms of ours, and a training step."""
    for form, goal in (("training", 1.6), ("inference", 2.1)):
        yield Case(
            f"head, eval, {form} form, batch {settings.eval_batch}",
            {
                THEIRS: partial(head_evaluation, settings, THEIRS, "plain"),
                OURS: partial(head_evaluation, settings, OURS, form),
            },
            {TIME: Goal(goal)},
            (TIME, MEMORY),
            GROUP,
        )
    yield Case(
        f"head, train step, batch {settings.train_batch}",
        {side: partial(head_training, settings, side) for side in (THEIRS, OURS)},
        {TIME: Goal(1.25), MEMORY: Goal(0.70, inverse=True)},
        (TIME, MEMORY),
        GROUP,
    )


def head_evaluation(settings: Settings, side: str, form: str) -> Workload:
    """Builds a head in evaluation; `form` as in `macs.head`."""
    w, batch = sizes(settings.quick).head, settings.eval_batch
    layer = head(w, side)
    # PaddleSeg's head runs the auxiliary head in evaluation too, and throws the result away.
    counted = batch * macs.total(macs.head(w, form, auxiliary=side == THEIRS))
    if form == "inference":
        layer = inference_head(layer, w)
    return workloads.evaluation(layer, layer, head_shapes(w, batch), counted)


def head_training(settings: Settings, side: str) -> Workload:
    """Builds a head with its loss and the backward pass."""
    w, batch = sizes(settings.quick).head, settings.train_batch
    layer = head(w, side)
    form = "plain" if side == THEIRS else "training"
    counted = batch * macs.total(macs.head(w, form, auxiliary=True))
    return workloads.training_step(layer, layer, head_shapes(w, batch), counted, update=False)


def head(w: macs.Widths, side: str) -> nn.Layer:
    """Builds a head with the shared weights."""
    make = paddleseg_ann.ANNHead if side == THEIRS else ANNHead
    return fill(make(w.classes, (0, 1), (w.low, w.high), w.key, w.inter, w.pool_sizes, True))


def head_shapes(w: macs.Widths, batch: int) -> list[list[int]]:
    """Returns the shapes of the two maps a head reads."""
    return [[batch, channels, w.height, w.width] for channels in (w.low, w.high)]


def inference_head(layer: ANNHead, w: macs.Widths) -> nn.Layer:
    """Returns the head of `paddle_ann.fuse`, which takes whole networks."""
    network = ANN(w.classes, Maps([w.low, w.high]), (0, 1), w.key, w.inter, w.pool_sizes)
    network.head = layer
    network.eval()
    return paddle_ann.fuse(network).head


class Maps(nn.Layer):
    """A backbone that returns the maps it is given."""

    def __init__(self, feat_channels: Sequence[int]) -> None:
        super().__init__()
        self.feat_channels = list(feat_channels)

    def forward(self, x: Any) -> Any:
        """Return `x`."""
        return x


# -- whole networks -------------------------------------------------------------------------------


def network_cases(settings: Settings) -> Iterator[Case]:
    """Yields whole networks: evaluation in both forms of ours, and a training step."""
    table = sizes(settings.quick)
    for backbone in table.backbones:
        goal = backbone == "ResNet50_vd"
        title = f"ANN-{backbone} {table.image}x{table.image}"
        for form in ("training", "inference"):
            yield Case(
                f"{title}, eval, {form} form, batch {settings.eval_batch}",
                {
                    THEIRS: partial(network_evaluation, settings, backbone, THEIRS, "plain"),
                    OURS: partial(network_evaluation, settings, backbone, OURS, form),
                },
                {TIME: Goal(1.35)} if goal and form == "inference" else {},
                (TIME, MEMORY),
                GROUP,
            )
        yield Case(
            f"{title}, train step, batch {settings.train_batch}",
            {
                s: partial(network_training, settings, backbone, s, table.image)
                for s in (THEIRS, OURS)
            },
            {TIME: Goal(1.10), MEMORY: Goal(0.85, inverse=True)} if goal else {},
            (TIME, MEMORY),
            GROUP,
        )


def network_evaluation(settings: Settings, backbone: str, side: str, form: str) -> Workload:
    """Builds a whole network in evaluation."""
    layer = network(settings, backbone, side)
    layer.eval()
    if form == "inference":
        layer = paddle_ann.fuse(layer)
    shape = [settings.eval_batch, 3, *[sizes(settings.quick).image] * 2]
    return workloads.evaluation(layer, lambda inputs: layer(*inputs), [shape], 0)


def network_training(settings: Settings, backbone: str, side: str, image: int) -> Workload:
    """Builds a whole network with loss, backward pass and update."""
    layer = network(settings, backbone, side)
    shape = [settings.train_batch, 3, image, image]
    return workloads.training_step(layer, lambda inputs: layer(*inputs), [shape], 0, update=True)


def network(settings: Settings, backbone: str, side: str) -> nn.Layer:
    """Builds a whole network of output stride 8 with the shared weights."""
    w = sizes(settings.quick).head
    make = paddleseg_models.ANN if side == THEIRS else ANN
    body = getattr(backbones, backbone)(output_stride=8)
    return fill(make(w.classes, body, (2, 3), w.key, w.inter, w.pool_sizes))
