"""What the fuzz tests train: a backbone of a few weights, seven small pictures, their settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paddle
from paddle import nn
from paddleseg.cvlibs import manager

from paddle_ann.config import load

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
TOY = next((CONFIGS / "ann").glob("ann_resnet18_os8_toyvoc_*.yml"))


class FuzzBackbone(nn.Layer):
    """Four outputs at strides 2, 4, 8 and 8."""

    def __init__(
        self, output_stride: int = 8, in_channels: int = 3, pretrained: str | None = None
    ) -> None:
        super().__init__()
        self.feat_channels = [3, 5, 7, 11]
        widths = [in_channels, *self.feat_channels]
        self.stages = nn.LayerList(
            nn.Conv2D(a, b, 3, stride=2 if i < 3 else 1, padding=1)
            for i, (a, b) in enumerate(zip(widths, widths[1:]))
        )

    def forward(self, x: paddle.Tensor) -> list[paddle.Tensor]:
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs


def register() -> None:
    """Makes FuzzBackbone known to configurations."""
    manager.BACKBONES.add_component(FuzzBackbone)


def settings(root: object) -> dict[str, Any]:
    """The toy configuration, one iteration of it, on FuzzBackbone."""
    found = load(TOY, opts=["batch_size=2", "iters=1"]).dic
    found["loss"]["types"] = found["loss"]["types"][:1]  # as the file has it
    found["model"].update(inter_channels=8, key_value_channels=4)
    found["model"]["backbone"] = {"type": "FuzzBackbone", "output_stride": 8, "pretrained": None}
    for section in ("train_dataset", "val_dataset"):
        found[section]["dataset_root"] = str(root)
    return found
