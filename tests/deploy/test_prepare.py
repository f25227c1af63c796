"""The bundle prepares and restores in NumPy as PaddleSeg does by OpenCV and Paddle."""

from __future__ import annotations

import numpy as np
import paddle
import paddleseg.transforms as T
import pytest
from paddleseg.core.infer import reverse_transform

from paddle_ann.deploy import preprocessing
from paddle_ann.deploy.runner.prepare import prepare, prepared_size, restore
from paddle_ann.deploy.runner.steps import check_steps
from tests.deploy.toy import picture

NORMALIZE = T.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
PREPARATIONS = {
    "only normalise": [T.Normalize()],
    "resize": [T.Resize((61, 83)), NORMALIZE],
    "halve": [T.Resize((48, 32)), NORMALIZE],
    "normalise, then nearest": [NORMALIZE, T.Resize((131, 37), interp="NEAREST")],
    "ratio": [T.Resize((61, 83), keep_ratio=True), NORMALIZE],
    "divisor": [T.Resize((61, 83), size_divisor=32), NORMALIZE],
    "by long": [T.ResizeByLong(131), NORMALIZE],
    "by short": [T.ResizeByShort(53), NORMALIZE],
    "by short, limited": [T.ResizeByShort(53, max_size=71), NORMALIZE],
    "limit down": [T.LimitLong(max_long=71), NORMALIZE],
    "limit up": [T.LimitLong(min_long=151), NORMALIZE],
    "limit not": [T.LimitLong(max_long=500, min_long=20), NORMALIZE],
    "pad": [T.Padding((149, 151)), NORMALIZE],
    "pad, then resize": [T.Padding((149, 151), 3), T.Resize((71, 53)), NORMALIZE],
    "resize, then pad": [T.ResizeByLong(101), NORMALIZE, T.Padding((113, 127), -0.5)],
    "pad to a ratio": [T.PaddingByAspectRatio(1.5), NORMALIZE],
}


@pytest.mark.parametrize("size", [(65, 97), (127, 63), (64, 96)])
@pytest.mark.parametrize("name", PREPARATIONS)
def test_prepares_and_restores_as_paddleseg_does(name, size):
    transforms, rgb = PREPARATIONS[name], picture(*size)
    expected = T.Compose(transforms, to_rgb=False)({"img": rgb.astype("float32")})
    steps = preprocessing.describe(transforms)
    image, trace = prepare(rgb, steps)
    assert image.dtype == np.float32 and image.shape == expected["img"].shape
    assert prepared_size(*size, steps) == image.shape[1:]
    assert np.abs(image - expected["img"]).max() < 1e-4

    logits = np.random.RandomState(3).randn(5, *image.shape[1:]).astype("float32")
    pred = paddle.to_tensor(logits[None])
    back = reverse_transform(pred, expected["trans_info"], mode="bilinear").numpy()[0]
    restored = restore(logits, trace)
    assert restored.shape == (5, *size)
    assert np.abs(restored - back).max() < 1e-4
    assert restore(logits.argmax(0), trace).shape == size


def test_a_picture_too_large_to_pad_is_refused():
    steps = preprocessing.describe([T.Padding((61, 41)), T.Normalize()])
    with pytest.raises(ValueError, match="97x65 pixels .width x height., larger than the 61x41"):
        prepare(picture(65, 97), steps)


def test_objects_settings_and_compose_are_described_alike():
    settings = [{"type": "Resize", "target_size": (61, 83)}, {"type": "Normalize", "mean": (0.4,)}]
    objects = [T.Resize((61, 83)), T.Normalize(mean=(0.4,))]
    described = preprocessing.describe(settings)
    assert described == preprocessing.describe(objects)
    assert described == preprocessing.describe(T.Compose(objects))
    assert described[0] == {
        **{"type": "Resize", "target_size": [61, 83], "keep_ratio": False},
        **{"size_divisor": None, "interp": "LINEAR"},
    }


@pytest.mark.parametrize(
    "transforms, message",
    [
        ([T.Resize()], "exactly one Normalize.*there are 0"),
        ([T.Normalize(), T.Normalize()], "exactly one Normalize.*there are 2"),
        ([T.RandomHorizontalFlip(), T.Normalize()], "'RandomHorizontalFlip' cannot be exported"),
        ([T.Resize(interp="CUBIC"), T.Normalize()], "interp='CUBIC'"),
        ([{"type": "Normalize", "mean": [0.5, 0.5]}], r"mean=\[0.5, 0.5\]"),
        ([{"type": "Normalize", "std": [0.5, 0.0, 0.5]}], r"std="),
        ([{"type": "Normalize", "mean": [float("nan")] * 3}], "mean="),
        ([{"type": "Normalize", "sdt": [0.5]}], "no argument sdt"),
        ([{"type": "Resize", "target_size": [0, 5]}, T.Normalize()], "target_size="),
        (T.Compose([T.Normalize()], to_rgb=False), "RGB"),
    ],
)
def test_what_cannot_be_stored_is_refused(transforms, message):
    with pytest.raises(ValueError, match=message):
        preprocessing.describe(transforms)


@pytest.mark.parametrize("transforms", [None, "Normalize", 3, [lambda data: data]])
def test_what_is_no_list_of_transforms_is_a_type_error(transforms):
    with pytest.raises(TypeError):
        preprocessing.describe(transforms)


def test_training_and_validation_must_normalise_alike():
    one, other = {"type": "Normalize"}, {"type": "Normalize", "mean": [0.5] * 3, "std": [0.5] * 3}
    preprocessing.check_same_normalize([{"type": "RandomBlur"}, one], [other])
    with pytest.raises(ValueError, match="normalises the training images"):
        preprocessing.check_same_normalize([one], [{**other, "std": [0.229, 0.224, 0.225]}])
    with pytest.raises(ValueError, match="train_dataset.transforms must hold exactly one"):
        preprocessing.check_same_normalize([], [one])


def test_steps_of_a_stranger_are_checked():
    for steps in (None, {}, [3], [{}], [{"type": ["Resize"]}], [{"type": "__import__"}]):
        with pytest.raises(ValueError):
            check_steps(steps)
