"""What the benchmark of the deployment works on: pictures, weights, and the exports of both sides.

All is generated, so that the command needs nothing but itself. The weights are those of
`weights.fill`, the classifier shifted so that all classes occur: one for which a single class wins
everywhere would agree whatever happened before it.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddleseg import models as paddleseg_models
from paddleseg import transforms
from paddleseg.deploy.export import WrappedModel
from paddleseg.models import backbones

from paddle_ann.benchmark.weights import fill
from paddle_ann.datasets import toy_voc
from paddle_ann.deploy import export
from paddle_ann.deploy.conversion import run_child
from paddle_ann.deploy.reading import read
from paddle_ann.deploy.runner.engines import ONNX, PARAMETERS, PROGRAMS
from paddle_ann.models import ANN

CLASSES = 21
_TO_ONNX = (
    "import sys, paddle2onnx; paddle2onnx.export(*sys.argv[1:4], opset_version=13, "
    "optimize_tool='none')"
)


class Material:
    """The files of one comparison.

    Args:
        folder: they are made below it; what is there already stays.
        backbone: name of one of PaddleSeg's.
        size: side of the square pictures in pixels.
        images: how many there are.

    Attributes:
        folder: as given.
        images: the pictures, JPEG.
        weights: for both networks.
        ours: our export, a bundle.
        theirs: PaddleSeg's export, with a conversion to ONNX.
        int8: our graph, its weights and activations quantised by ONNX Runtime, where ml_dtypes is
            installed, which that needs.
    """

    def __init__(self, folder: Path, backbone: str, size: int, images: int) -> None:
        self.folder = folder / f"{backbone}_{size}"
        self.backbone, self.size = backbone, size
        self.weights = self.folder / "model.pdparams"
        self.ours, self.theirs = self.folder / "ours", self.folder / "theirs"
        self.int8 = self.folder / "int8"
        root = toy_voc.generate(
            self.folder / f"toy_{images}", num_train=images, num_val=1, size=(size, size)
        )
        self.images = sorted((root / "VOC2012/JPEGImages").glob("toy_train_*"))

    def paddleseg_model(self) -> nn.Layer:
        """Build PaddleSeg's network, without the weights."""
        return self._build(paddleseg_models.ANN)

    def transforms(self) -> list[Any]:
        """Return the preparation, for both sides."""
        return [transforms.Normalize()]

    def make(self) -> None:
        """Write weights and exports."""
        if not self.weights.exists():
            model = fill(self._build(ANN))
            model.eval()
            spread_classes(model, self._batch(self.images[0]))
            paddle.save(model.state_dict(), str(self.weights))
        if not self.ours.exists():
            export(
                self._load(ANN),
                self.ours,
                transforms=self.transforms(),
                images=[str(path) for path in self.images[:1]],
            )
        if not self.theirs.exists():
            export_paddleseg(self._load(paddleseg_models.ANN), self.theirs, self.size)
        if not self.int8.exists() and importlib.util.find_spec("ml_dtypes"):
            quantise(self.ours, self.int8)

    def _build(self, kind: Any) -> Any:
        return kind(CLASSES, getattr(backbones, self.backbone)(output_stride=8))

    def _load(self, kind: Any) -> Any:
        model = self._build(kind)
        model.set_state_dict(paddle.load(str(self.weights)))
        model.eval()
        return model

    def _batch(self, path: Path) -> paddle.Tensor:
        data = {"img": read(path).astype(np.float32)}
        for transform in self.transforms():
            data = transform(data)
        return paddle.to_tensor(data["img"].transpose(2, 0, 1)[None])


def spread_classes(model: Any, batch: paddle.Tensor) -> None:
    """Shift the classifier so that every class has the same mean score on a batch."""
    with paddle.no_grad():
        mean = model(batch)[0].mean([0, 2, 3])
        model.head.cls.bias.set_value(model.head.cls.bias - mean)


def export_paddleseg(model: nn.Layer, folder: Path, size: int) -> None:
    """Export as PaddleSeg's tools/export.py does by default (argmax), and convert to ONNX.

    Batch, height and width are fixed: with free ones paddle2onnx ends with an error on the
    adaptive pooling of PaddleSeg's network. Fixed ones are the faster for it.

    Raises:
        RuntimeError: if the conversion fails.
    """
    draft = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    spec = [paddle.static.InputSpec([1, 3, size, size], "float32")]
    wrapped = WrappedModel(model, "argmax")
    static = paddle.jit.to_static(wrapped, input_spec=spec, full_graph=True)
    paddle.jit.save(static, str(draft / "model"))
    program = next(name for name in PROGRAMS if (draft / name).is_file())
    files: Sequence[object] = [draft / name for name in (program, PARAMETERS, ONNX)]
    run_child(["-c", _TO_ONNX, *files], "paddle2onnx could not convert PaddleSeg's export", draft)
    draft.rename(folder)


def quantise(bundle: Path, folder: Path) -> None:
    """Write the graph with 8-bit weights, and activations that are rounded as they come."""
    from onnxruntime.quantization import quantize_dynamic

    draft = folder.with_name(f"{folder.name}.part")
    draft.mkdir(exist_ok=True)
    quantize_dynamic(bundle / ONNX, draft / ONNX)
    draft.rename(folder)
