"""A tiny Pascal VOC, a tiny model, and six iterations of PaddleSeg's train, evaluate and predict.

Run as a script (`tiny.py ROOT OUT [WORKERS]`) it writes the data set, trains, evaluates in every
way and predicts; the tests run it with and without the fixes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (37, 41)


def write_voc(root: Path, names: list[str], list_text: str | None = None) -> Path:
    """Write ROOT/VOC2012 with one image and one palette mask per name; classes 0, 3, 7 and 255."""
    voc = root / "VOC2012"
    folders = [voc / name for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation")]
    for folder in folders:
        folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in names:
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3), "uint8")).save(folders[0] / f"{name}.jpg")
        mask = rng.choice(np.array([0, 3, 7, 255], "uint8"), SIZE)
        picture = Image.fromarray(mask, mode="L").convert("P")
        picture.putdata(mask.ravel().tolist())
        picture.putpalette([i for i in range(256) for _ in range(3)])
        picture.save(folders[1] / f"{name}.png")
    for split in ("train", "val", "trainval"):
        text = "\n".join(names) + "\n" if list_text is None else list_text
        (folders[2] / f"{split}.txt").write_bytes(text.encode())
    return root


def tiny_model(num_classes: int = 21, outputs: int = 1):
    """A 1x1 convolution with batch normalisation; `outputs` logits in training."""
    import paddle

    class Tiny(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.num_classes = num_classes
            self.norm = paddle.nn.BatchNorm2D(3)
            self.conv = paddle.nn.Conv2D(3, num_classes, 1)

        def forward(self, x):
            logit = self.conv(self.norm(x))
            return [logit] * (outputs if self.training else 1)

    return Tiny()


def cross_entropies(count: int = 1) -> dict:
    from paddleseg.models.losses import CrossEntropyLoss

    return {"types": [CrossEntropyLoss() for _ in range(count)], "coef": [1.0] * count}


def voc(root: Path, mode: str = "train", crop: int | None = 32):
    import paddleseg.transforms as T
    from paddleseg.datasets import PascalVOC

    crops = [T.RandomPaddingCrop(crop_size=(crop, crop))] if crop and mode != "val" else []
    return PascalVOC([*crops, T.Normalize()], dataset_root=str(root), mode=mode)


def sgd(model, rate: float = 0.01):
    import paddle

    return paddle.optimizer.Momentum(rate, parameters=model.parameters())


def main(root: Path, out: Path, workers: int = 0) -> None:
    import paddle_ann  # noqa: F401  first: it mends what is imported next

    # isort: split
    from paddleseg.core import evaluate, predict, train

    write_voc(root, [f"image{i}" for i in range(5)])
    model = tiny_model(outputs=2)
    train(
        model,
        voc(root),
        voc(root, "val"),
        sgd(model),
        save_dir=str(out),
        iters=6,
        batch_size=2,
        save_interval=3,
        log_iters=2,
        num_workers=workers,
        use_vdl=True,
        losses=cross_entropies(2),
    )
    ways = (
        {},
        {"aug_eval": True, "scales": [1, 1.5], "flip_horizontal": True},
        {"is_slide": True, "crop_size": (24, 20), "stride": (16, 16)},
    )
    for way in ways:
        print("mIoU", way, evaluate(model, voc(root, "val"), **way)[0])
    import paddleseg.transforms as T

    images = sorted(str(path) for path in (root / "VOC2012/JPEGImages").iterdir())
    predict(
        model,
        str(out / "best_model/model.pdparams"),
        T.Compose([T.Normalize()]),
        images,
        save_dir=str(out / "pictures"),
        aug_pred=True,
        scales=1,
    )
    print("pictures", len(list((out / "pictures/pseudo_color_prediction").iterdir())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
