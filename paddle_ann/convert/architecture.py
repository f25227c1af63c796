"""The network that a file's tensors belong to: depth, widths and classes read off their shapes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from numpy import ndarray
from paddle import nn

from paddle_ann.backbones import ResNet
from paddle_ann.convert.sources import Source
from paddle_ann.models import ANN, ANNHead, ANNNet, ANNNetHead
from paddle_ann.models.annnet import ContextAttention
from paddle_ann.nn import AFNB, APNB

Arrays = Mapping[str, ndarray]
Options = dict[str, Any]

_CLASSES = {
    ("whole", "ANN"): ANN,
    ("whole", "ANNNet"): ANNNet,
    ("head", "ANN"): ANNHead,
    ("head", "ANNNet"): ANNNetHead,
    ("afnb", "ANN"): AFNB,
    ("afnb", "ANNNet"): ContextAttention,
    ("apnb", "ANN"): APNB,
    ("apnb", "ANNNet"): ContextAttention,
}
_NOT_GIVEN = {"backbone", "pretrained"}  # arguments that the file replaces


def build(
    part: str, arrays: Arrays, source: Source, overrides: Options
) -> tuple[nn.Layer, Options]:
    """Build the network, or the part of one, that holds these arrays.

    Args:
        part: "whole", "backbone", "head", "afnb" or "apnb".
        arrays: By our names, those of the part.
        source: Where they come from, for what shapes cannot tell.
        overrides: Arguments of the network or its backbone that replace what was found.

    Returns:
        The layer with its initial weights, and its arguments, as in a YAML file.

    Raises:
        TypeError: If there is no such argument.
        ValueError: If tensors are missing that tell the architecture.
    """
    if part == "backbone":
        return _make(ResNet, {**source.backbone, **resnet_options(arrays)}, overrides)
    kind = str(source.model)
    make = _CLASSES[part, kind]
    found = {**_renamed(source.network, make), **_DESCRIBE[part](arrays, kind)}
    overrides = _renamed(overrides, make)
    if part != "whole":
        return _make(make, found, overrides)
    of_backbone = {name: overrides[name] for name in overrides if name in _arguments(ResNet)}
    rest = {name: value for name, value in overrides.items() if name not in of_backbone}
    inner = {name[9:]: array for name, array in arrays.items() if name.startswith("backbone.")}
    backbone, config = build("backbone", inner, source, of_backbone)
    model, options = _make(make, {**found, "backbone": backbone}, rest)
    return model, {**options, "backbone": config}


def _make(make: Any, found: Options, overrides: Options) -> tuple[nn.Layer, Options]:
    known = _arguments(make)
    for name in overrides:
        if name not in known or name in _NOT_GIVEN:
            names = ", ".join(sorted(known - _NOT_GIVEN))
            raise TypeError(f"{make.__name__} has no argument {name!r} to give; it has {names}.")
    options = {name: value for name, value in found.items() if name in known}
    options.update(overrides)
    defaults = inspect.signature(make).parameters
    shown = {name: v for name, v in options.items() if v != defaults[name].default}
    return make(**options), {"type": make.__name__, **shown}


def _arguments(make: Any) -> set[str]:
    return set(inspect.signature(make).parameters)


def _renamed(options: Options, make: Any) -> Options:
    """Give `psp_size`, as PaddleSeg's models have it, the name that blocks have for it."""
    names = ("psp_size", "pool_sizes")
    known = next((name for name in names if name in _arguments(make)), names[0])
    return {known if name in names else name: value for name, value in options.items()}


# -- what shapes tell -----------------------------------------------------------------------------


def resnet_options(arrays: Arrays) -> Options:
    """Read the arguments of `ResNet` off its weights.

    Raises:
        ValueError: If they do not fit together: what is built is about as large as the file.
    """
    bottleneck = "layer1.0.conv3.weight" in arrays
    stem = [f"stem.{i}.weight" for i in (0, 3, 6)] if "stem.0.weight" in arrays else None
    stem_shapes = [_shape(arrays, name) for name in stem or ["conv1.weight"]]
    expansion = 1
    if bottleneck:
        outputs, width = _shape(arrays, "layer1.0.conv3.weight")[:2]
        expansion = max(outputs // width, 1)
    inputs, blocks, widths = stem_shapes[-1][0], [], []
    for stage in (1, 2, 3, 4):
        numbers = {k.split(".")[1] for k in arrays if k.startswith(f"layer{stage}.")}
        blocks.append(len(numbers))
        widths.append(_shape(arrays, f"layer{stage}.0.conv1.weight")[0])
        for number in range(len(numbers)):
            block = f"layer{stage}.{number}.conv"
            _shape(arrays, f"{block}1.weight", widths[-1], inputs)
            _shape(arrays, f"{block}2.weight", widths[-1], widths[-1])
            inputs = widths[-1] * expansion
            if bottleneck:
                _shape(arrays, f"{block}3.weight", inputs, widths[-1])
    options = {
        "blocks": tuple(blocks),
        "bottleneck": bottleneck,
        "stem_channels": tuple(shape[0] for shape in stem_shapes),
        "stage_channels": tuple(widths),
        # The pool in front of a ResNet-D shortcut has no weights, but a number.
        "pool_shortcut": any(k.endswith("downsample.2.weight") for k in arrays),
        "in_channels": stem_shapes[0][1],
    }
    return {**options, "expansion": expansion} if bottleneck else options


def _attention(arrays: Arrays, block: str, kind: str) -> tuple[int, int, int, int, int]:
    """Read low, high, output, key and value channels off the weights of a block."""
    stage = f"{block}stages.0." if kind == "ANN" else block
    key_channels, low = _shape(arrays, f"{stage}f_key._conv.weight")[:2]
    query = "f_query" if f"{stage}f_query._conv.weight" in arrays else "f_key"  # where shared
    high = _shape(arrays, f"{stage}{query}._conv.weight", key_channels)[1]
    value_channels = _shape(arrays, f"{stage}f_value.weight", None, low)[0]
    out = _shape(arrays, f"{stage}W.weight", None, value_channels)[0]
    if kind == "ANN":
        _shape(arrays, f"{block}conv_bn._conv.weight", out, out + high)
    return low, high, out, key_channels, value_channels


def _afnb(arrays: Arrays, kind: str) -> Options:
    names = ("low_in_channels", "high_in_channels", "out_channels", "key_channels")
    return dict(zip((*names, "value_channels"), _attention(arrays, "", kind)))


def _apnb(arrays: Arrays, kind: str) -> Options:
    options = _afnb(arrays, kind)
    if kind == "ANN":
        del options["high_in_channels"]
        return {"in_channels": options.pop("low_in_channels"), **options}
    return {**options, "high_in_channels": None}  # query and key are shared


def _head(arrays: Arrays, kind: str) -> Options:
    low, high, *_ = _attention(arrays, "fusion.", kind)
    return {
        "backbone_indices": (0, 1),
        "backbone_channels": (low, high),
        **_head_options(arrays, kind),
    }


def _whole(arrays: Arrays, kind: str) -> Options:
    inner = {name[5:]: array for name, array in arrays.items() if name.startswith("head.")}
    return _head_options(inner, kind)


def _head_options(arrays: Arrays, kind: str) -> Options:
    low, high, _, key_channels, value_channels = _attention(arrays, "fusion.", kind)
    num_classes, inter_channels = _shape(arrays, "cls.weight")[:2]
    _shape(arrays, "context.0._conv.weight", inter_channels, high)
    found = _attention(arrays, "context.1.", kind)
    fitting = (inter_channels,) * 3 + (key_channels, value_channels)
    if found != fitting:
        raise ValueError(
            "The tensors do not fit together: APNB (context.1) has the input, query, output, key "
            f"and value channels {found}; by the others they should be {fitting}."
        )
    widths: Options = {"key_channels": key_channels, "value_channels": value_channels}
    if kind == "ANN":
        widths = {"key_value_channels": key_channels}
        if value_channels != key_channels:
            widths["value_channels"] = value_channels
    auxiliary = any(name.startswith("auxlayer.") for name in arrays)
    options = {"num_classes": num_classes, "inter_channels": inter_channels, **widths}
    if auxiliary:
        channels = _shape(arrays, "auxlayer.conv_bn_relu._conv.weight", None, low)[0]
        if channels != low // 2:
            options["auxiliary_channels"] = channels
    return {**options, "enable_auxiliary_loss": auxiliary}


_DESCRIBE = {"whole": _whole, "head": _head, "afnb": _afnb, "apnb": _apnb}


def _shape(
    arrays: Arrays, name: str, outputs: int | None = None, inputs: int | None = None
) -> tuple[int, ...]:
    """Return the shape of a convolution's weight, which must have these channels where given."""
    array = arrays.get(name)
    if array is None or array.ndim != 4 or array.size == 0:
        found = "is missing" if array is None else f"has the shape {list(array.shape)}"
        raise ValueError(
            f"The file is incomplete: {name} (our name), a convolution's weight that tells the "
            f"architecture, {found}."
        )
    for wanted, channels, what in zip((outputs, inputs), array.shape, ("outputs", "inputs")):
        if wanted is not None and wanted != channels:
            raise ValueError(
                f"The tensors do not fit together: {name} (our name) has the shape "
                f"{list(array.shape)}; by the others it should have {wanted} {what}."
            )
    return array.shape
