"""PyTorch to Paddle: a ready model from a peer's file, and an account of every key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from paddle import nn
from paddleseg.models.backbones.resnet_vd import ResNet_vd

from paddle_ann.convert.architecture import build, resnet_options
from paddle_ann.convert.filling import fill
from paddle_ann.convert.matching import match
from paddle_ann.convert.reading import read_state
from paddle_ann.convert.renaming import move
from paddle_ann.convert.report import Report
from paddle_ann.convert.sources import find_source
from paddle_ann.convert.tables import RESNET_VD

_VD_LAYERS = {(3, 4, 6, 3): 50, (3, 4, 23, 3): 101, (3, 8, 36, 3): 152, (3, 12, 48, 3): 200}


def from_torch(
    path: str | Path, source: str = "mmseg", trust: bool = False, **overrides: Any
) -> tuple[nn.Layer, Report]:
    """Make a model of this package from a peer's weights.

    Depth, widths, class count and auxiliary head are read off the tensors. A file may also hold
    only a part of the network: the backbone, the head, AFNB or APNB.

    Args:
        path: A `.pth`, `.npz` or `.safetensors` file. It is read as data; see `read_state`.
        source: "mmseg" (mmsegmentation's ANN), "authors" (github.com/MendelXu/ANN), "tutorial"
            (the CamVid tutorial's ANNNet), "torchvision" or "timm" (their ResNets; `resnet50d`
            and deeper become PaddleSeg's ResNet_vd where they have its widths).
        trust: Read a `.pth` by `torch.load`, which runs any code that is in it.
        **overrides: Arguments of the model or of its backbone that tensors cannot tell and the
            source's default does not fit, e.g. `align_corners=True`, `output_stride=16`.

    Returns:
        The model in eval mode, and the report.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or is not this source's.
        TypeError: If there is no such argument.
    """
    find_source(source)
    state = read_state(path, trust)
    try:
        return from_state(state, source, **overrides)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def from_state(
    state: Mapping[str, np.ndarray], source: str = "mmseg", **overrides: Any
) -> tuple[nn.Layer, Report]:
    """Do what `from_torch` does, for a state dict of arrays that was read already."""
    peer = find_source(source)
    found = match(state, source)
    layers = resnet_vd_layers(found.arrays) if source == "timm" else None
    if layers is None:
        arrays, names = found.arrays, found.names
        model, config = build(found.part, arrays, peer, overrides)
    else:
        arrays, names = move(found.arrays, RESNET_VD), found.names
        names = dict(zip(names, move(dict.fromkeys(names.values()), RESNET_VD)))
        options = {**peer.backbone, **overrides}
        model = ResNet_vd(layers=layers, **options)
        config = {"type": f"ResNet{layers}_vd", **options}
    model.eval()
    zeroed, initial = fill(model, arrays)
    report = Report(source, found.part, config, names, found.dropped, zeroed, initial)
    return model, report


def resnet_vd_layers(arrays: Mapping[str, np.ndarray]) -> int | None:
    """Return the depth of PaddleSeg's ResNet_vd, which has fixed widths, if it can hold these."""
    options = resnet_options(arrays)
    fits = (
        options["pool_shortcut"]
        and options.get("expansion") == 4
        and options["stem_channels"] == (32, 32, 64)
        and options["stage_channels"] == (64, 128, 256, 512)
    )
    return _VD_LAYERS.get(options["blocks"]) if fits else None
