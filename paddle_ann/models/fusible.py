"""What the inference form can represent, checked layer by layer before anything is folded."""

from __future__ import annotations

from paddle import nn


def check_fusible(head: nn.Layer) -> None:
    """Raise ValueError if a head holds what `fuse` cannot represent, naming the layer."""
    for name, layer in head.named_sublayers():
        if layer._forward_pre_hooks or layer._forward_post_hooks:
            raise ValueError(
                f"head.{name} has forward hooks, which the inference form would leave out. "
                "Remove them (hook.remove(), remove_weight_norm(...)) before fuse()."
            )
    conv_bns = [("context.0", head.context[0], 3)]
    for name, block in blocks_of(head):
        if len(block.stages) != 1:
            raise ValueError(
                f"head.{name} has {len(block.stages)} attention stages; fuse() takes blocks of one."
            )
        stage = block.stages[0]
        if getattr(stage, "scale", 1) != 1:
            raise ValueError(f"head.{name} pools its input by {stage.scale}; fuse() takes 1.")
        conv_bns.append((f"{name}.conv_bn", block.conv_bn, 1))
        conv_bns += [(f"{name}.f_{k}", getattr(stage, f"f_{k}"), 1) for k in ("key", "query")]
        check_conv(f"{name}.f_value", stage.f_value, 1)
        check_conv(f"{name}.W", stage.W, 1)
    for name, layer, size in conv_bns:
        check_conv(f"{name}._conv", layer._conv, size)
        if not hasattr(layer._batch_norm, "_variance"):
            raise ValueError(
                f"head.{name}._batch_norm must be a batch norm; received "
                f"{type(layer._batch_norm).__name__}, which cannot be folded into a convolution."
            )
    check_conv("cls", head.cls, 1)


def blocks_of(head: nn.Layer) -> list[tuple[str, nn.Layer]]:
    """List the head's attention blocks by name."""
    blocks = [("fusion", head.fusion)] if hasattr(head, "fusion") else []
    return blocks + ([("context.1", head.context[1])] if len(head.context) > 1 else [])


def check_conv(name: str, conv: nn.Layer, size: int) -> None:
    """Raise ValueError if a layer is no plain convolution of this kernel size."""
    plain = (
        isinstance(conv, nn.Conv2D)
        and list(conv.weight.shape[2:]) == [size, size]
        and conv._groups == 1
        and set(_flat(conv._stride) + _flat(conv._dilation)) == {1}
    )
    if not plain:
        raise ValueError(
            f"head.{name} must be a plain {size}x{size} convolution of stride 1; received {conv}."
        )


def pool_sizes_of(stage: nn.Layer) -> tuple[int, ...]:
    """Return the pool sizes that an attention, ours or PaddleSeg's, samples with."""
    sampling = getattr(stage, "sampling", None)
    return tuple(stage.psp_size) if sampling is None else sampling.pool_sizes


def _flat(value: int | list[int]) -> list[int]:
    return [value] if isinstance(value, int) else list(value)
