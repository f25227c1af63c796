"""`evaluate`: PaddleSeg's numbers, the same in batches of any size, and named errors."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import paddle
import paddleseg.core
import pytest
from paddleseg.core import infer
from paddleseg.models.backbones import ResNet18_vd

from paddle_ann.engine import evaluate, tallies
from paddle_ann.engine.evaluation import WAITING, batches
from paddle_ann.models import ANN
from tests.helpers import in_mode, randomize

CLASSES = 5
SIZES = [(37, 41), (31, 43), (37, 41), (31, 43), (37, 41), (29, 29), (37, 41), (31, 43), (37, 41)]
RESIZED = (53, 47)
WAYS = {
    "plain": {},
    "aug": {"aug_eval": True, "scales": [1, 1.5], "flip_horizontal": True, "flip_vertical": True},
    "slide": {"is_slide": True, "crop_size": (23, 19), "stride": (17, 13)},
    "aug and slide": {
        **{"aug_eval": True, "scales": 1.25, "flip_horizontal": True},
        **{"is_slide": True, "crop_size": (31, 29), "stride": (29, 23)},
    },
}


class Mixed(paddle.io.Dataset):
    """Random images of several sizes; some labels and whole classes are ignored or absent."""

    num_classes, ignore_index = CLASSES, 255

    def __init__(self, sizes=SIZES, resized=None, labels=(0, 1, 2, 3, 4, 255)) -> None:
        generator = np.random.default_rng(7)
        self.samples = []
        for size in sizes:
            label = generator.choice(np.array(labels, "uint8"), (1, *size))
            info = [] if resized is None else [("resize", size), ("padding", (resized[0], size[1]))]
            image = generator.normal(size=(3, *(resized or size))).astype("float32")
            self.samples.append({"img": image, "label": label, "trans_info": info})

    def __getitem__(self, index):
        return dict(self.samples[index])

    def __len__(self):
        return len(self.samples)


class Plain(paddle.nn.Layer):
    """Two convolutions with a batch norm between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = paddle.nn.Conv2D(3, 7, 3, padding=1)
        self.norm = paddle.nn.BatchNorm2D(7)
        self.last = paddle.nn.Conv2D(7, CLASSES, 3, padding=1)

    def forward(self, x):
        logits = self.last(paddle.nn.functional.relu(self.norm(self.first(x))))
        return [logits] * (2 if self.training else 1)


def models():
    small = {"inter_channels": 8, "key_value_channels": 8}
    return {
        "conv": randomize(Plain()),
        "ann": ANN(num_classes=CLASSES, backbone=ResNet18_vd(output_stride=8), **small),
    }


@pytest.fixture
def counted(monkeypatch):
    """The confusion matrix of the latest evaluation."""
    found = {}
    original = tallies.Confusion.total

    def total(self, group):
        found["matrix"] = original(self, group)
        return found["matrix"]

    monkeypatch.setattr(tallies.Confusion, "total", total)
    return lambda *args, **kwargs: (evaluate(*args, print_detail=False, **kwargs), found["matrix"])


@pytest.fixture(scope="module")
def theirs():
    """PaddleSeg's `evaluate` with its narrow fixes and nothing else."""
    spec = importlib.util.find_spec("paddleseg.core.val")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.evaluate


def test_it_is_paddlesegs_evaluate():
    assert paddleseg.core.evaluate is evaluate
    assert sys.modules["paddleseg.core.val"].evaluate is evaluate
    assert sys.modules["paddleseg.core.train"].evaluate is evaluate


@pytest.mark.parametrize("resized", [None, RESIZED], ids=["as they are", "resized"])
@pytest.mark.parametrize("way", WAYS)
def test_the_numbers_are_paddlesegs(theirs, way, resized):
    model, data = randomize(Plain()), Mixed(resized=resized)
    ours = evaluate(model, data, print_detail=False, batch_size=4, **WAYS[way])
    for mine, expected in zip(ours, theirs(model, data, print_detail=False, **WAYS[way])):
        np.testing.assert_array_equal(mine, expected)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        *(("conv", way) for way in WAYS),
        ("ann", "plain"),
        *(pytest.param("ann", way, marks=pytest.mark.slow) for way in list(WAYS)[1:]),
    ],
)
def test_the_counts_do_not_depend_on_the_batch_size(counted, name, way):
    model = models()[name]
    data = Mixed(SIZES if way == "plain" else SIZES[:5], None if "slide" in way else RESIZED)
    one, several, many = (counted(model, data, batch_size=size, **WAYS[way]) for size in (1, 4, 16))
    assert one[1].sum() == sum((s["label"] != 255).sum() for s in data.samples)
    np.testing.assert_array_equal(one[1], several[1])
    np.testing.assert_array_equal(one[1], many[1])
    assert one[0][0] == several[0][0] == many[0][0]


@pytest.mark.parametrize("workers", [0, 2])
def test_readers(counted, workers):
    data = Mixed(resized=RESIZED)
    expected = counted(in_mode(randomize(Plain()), False), data)[1].sum()
    assert counted(randomize(Plain()), data, num_workers=workers, batch_size=3)[1].sum() == expected


def test_every_layer_gets_its_mode_back(counted):
    model = Plain()
    model.train()
    model.norm.eval()
    counted(model, Mixed())
    assert model.training and model.first.training and not model.norm.training

    class Broken(Plain):
        def forward(self, x):
            raise RuntimeError("broken")

    broken = Broken()
    with pytest.raises(RuntimeError, match="broken"):
        counted(broken, Mixed())
    assert broken.training and paddle.is_grad_enabled()


def sample(size, info=()):
    return {"img": np.zeros((3, *size)), "label": np.zeros((1, *size)), "trans_info": list(info)}


def test_batches_are_of_one_size_and_history():
    sizes = [(2, 3), (3, 2), (2, 3), (5, 7), (2, 3)]
    found = list(batches((sample(size) for size in sizes), 2))
    assert [[s["img"].shape[1:] for s in batch] for batch in found] == [
        *([(2, 3), (2, 3)], [(3, 2)], [(5, 7)], [(2, 3)])
    ]
    padded = sample((2, 3), [("padding", (2, 2))])
    assert [len(batch) for batch in batches([sample((2, 3)), padded], 2)] == [1, 1]


def test_few_images_wait():
    """With every size once or twice, memory stays bounded and the largest group goes first."""
    read = []

    def samples():
        for i in [5, *range(20), 5]:
            read.append(i)
            yield sample((2, i + 2))

    first = next(batches(samples(), 3))
    assert len(read) == WAITING * 3
    assert [s["img"].shape[2] for s in first] == [7, 7]
    assert sum(map(len, batches(samples(), 3))) == 22


def test_log_lines_are_those_of_paddleseg(theirs, capfd):
    model, data = randomize(Plain()), Mixed(labels=(0, 1, 3, 255))
    theirs(model, data)
    expected = capfd.readouterr()
    evaluate(model, data)
    found = capfd.readouterr()
    own = "classes present 4/5 (policy 'present' for the others)"
    lines = [text.split("\t", 1)[-1] for text in found.out.splitlines() if own not in text]
    assert lines == [text.split("\t", 1)[-1] for text in expected.out.splitlines()]
    assert own in found.out
    assert f"{len(data)}/{len(data)}" in found.err and "batch_cost" in found.err
    evaluate(model, data, print_detail=False)
    assert capfd.readouterr() == ("", "")


def test_area_under_the_curve(theirs, capfd):
    model, whole = randomize(Plain()), Mixed(SIZES[:1] * 3, labels=range(CLASSES))
    theirs(model, whole, auc_roc=True)
    expected = capfd.readouterr().out.split("Auc_roc: ")[1][:6]
    evaluate(model, whole, auc_roc=True, batch_size=2)
    assert capfd.readouterr().out.split("Auc_roc: ")[1][:6] == expected
    evaluate(model, Mixed(), auc_roc=True)  # several sizes, ignored pixels: PaddleSeg's fails
    assert 0 < float(capfd.readouterr().out.split("Auc_roc: ")[1][:6]) < 1
    with pytest.raises(ValueError, match=r"no pixel of the classes \[2, 4\]"):
        evaluate(model, Mixed(labels=(0, 1, 3)), auc_roc=True)


@pytest.mark.parametrize(
    ("data", "given", "error", "message"),
    [
        (Mixed([]), {}, ValueError, "nothing to evaluate"),
        (Mixed(labels=(255,)), {}, ValueError, "nothing to evaluate"),
        (Mixed(), {"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        (Mixed(), {"batch_size": 1.5}, TypeError, "batch_size must be an integer"),
        (Mixed(), {"precision": "fp8"}, ValueError, "fp32, fp16, bf16, auto"),
        (Mixed(), {"aug_eval": True, "scales": []}, ValueError, "scales must be"),
        (Mixed(), {"is_slide": True}, ValueError, "crop_size=.*None"),
        (Mixed(labels=(0, 7)), {}, ValueError, "label"),
    ],
)
def test_named_errors(data, given, error, message):
    with pytest.raises(error, match=f"(?i){message}"):
        evaluate(Plain(), data, **given)


def test_a_mask_of_another_size_and_a_sample_without_one():
    data = Mixed()
    data.samples[4]["label"] = data.samples[4]["label"][:, :-1]
    with pytest.raises(ValueError, match=r"predictions have the shape \[1, 1, 37, 41\].*36, 41"):
        evaluate(Plain(), data)
    del data.samples[4]["trans_info"]
    with pytest.raises(ValueError, match=r"sample 4 has no trans_info"):
        evaluate(Plain(), data)


def test_sliding_windows_over_several_images():
    """Each image of a batch as if it were alone."""
    paddle.seed(3)
    images, model = paddle.randn([3, 3, 11, 13]), in_mode(Plain(), False)
    batch = infer.slide_inference(model, images, (5, 7), (3, 5))
    alone = [infer.slide_inference(model, image[None], (5, 7), (3, 5)) for image in images]
    assert batch.shape == [3, 5, 11, 13]
    assert (batch == paddle.concat(alone)).all()
    with pytest.raises(TypeError, match="logits must be one of"):
        infer.slide_inference(lambda x: x, images, (5, 7), (3, 5))
