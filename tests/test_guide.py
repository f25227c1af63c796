"""The script of "Guide To Asymmetric Non-local Neural Networks Using PaddleSeg", shortened.

As users write it: PaddleSeg's data set, transforms, losses, `train` and `predict`, after
`import paddle_ann`; smaller pictures and a smaller backbone, six iterations.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import paddle_ann
from paddle_ann.datasets import toy_voc


@pytest.fixture
def pascalvoc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(toy_voc.generate("data/pascalvoc", num_train=9, num_val=2, size=(67, 59)))


def test_the_guide(pascalvoc: str) -> None:
    import paddleseg.transforms as T
    from paddle import optimizer as optim
    from paddleseg.core import predict, train
    from paddleseg.datasets import PascalVOC
    from paddleseg.models.backbones import ResNet18_vd
    from paddleseg.models.losses import CrossEntropyLoss

    ANN = paddle_ann.models.ANN

    transforms = [T.Resize(target_size=(64, 64)), T.Normalize()]
    train_data = PascalVOC(dataset_root=pascalvoc, transforms=transforms, mode="train")
    validation_data = PascalVOC(dataset_root=pascalvoc, transforms=transforms, mode="val")

    model = ANN(num_classes=21, backbone=ResNet18_vd(), pretrained=None)

    losses = {"types": [CrossEntropyLoss(), CrossEntropyLoss()], "coef": [1, 1]}
    optimizer = optim.Momentum(
        optim.lr.PolynomialDecay(0.01, power=0.9, decay_steps=1000, end_lr=0),
        parameters=model.parameters(),
        momentum=0.9,
        weight_decay=4.0e-5,
    )
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}

    train(
        model=model,
        train_dataset=train_data,
        val_dataset=validation_data,
        optimizer=optimizer,
        save_dir="output",
        iters=6,
        batch_size=4,
        save_interval=3,
        log_iters=2,
        losses=losses,
        use_vdl=True,
    )
    after = model.state_dict()
    moved = [name for name in before if not np.array_equal(after[name].numpy(), before[name])]
    assert len(moved) > 0.9 * len(before)
    assert Path("output/iter_6/model.pdparams").is_file()
    assert Path("output/best_model/model.pdparams").is_file()
    assert list(Path("output").glob("vdlrecords.*"))

    model = ANN(num_classes=21, backbone=ResNet18_vd())
    folder = f"{pascalvoc}/VOC2012/JPEGImages/"
    names = sorted(os.listdir(folder))[:3]
    predict(
        model,
        model_path="output/best_model/model.pdparams",
        transforms=T.Compose(transforms),
        image_list=[folder + name for name in names],
        image_dir=folder,
        save_dir="output/results",
    )
    for name in names:
        with Image.open(f"output/results/pseudo_color_prediction/{Path(name).stem}.png") as mask:
            assert mask.size == (59, 67)
        assert Path(f"output/results/added_prediction/{name}").is_file()
