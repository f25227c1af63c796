"""PaddleSeg's builder: what cannot be built is named, with its arguments."""

from __future__ import annotations

import pytest
from paddleseg.cvlibs import SegBuilder

from paddle_ann import compat


class Settings:
    """As much of PaddleSeg's Config as the builder reads of it."""

    def __init__(self, **sections):
        self.dic = sections

    def __getattr__(self, name):
        return dict(self.dic.get(name.replace("_cfg", ""), {}))


@pytest.fixture
def unmended():
    compat.revert()
    yield
    compat.apply()


BLOCK = {"type": "RandomPaddingCrop", "crop_size": [32]}
CAMVID = {"type": "CamVid"}
SCHEDULE = {"type": "PolynomialDecay", "learning_rate": "a", "warmup_iters": 1}
SCHEDULE["warmup_start_lr"] = None


def test_without_the_mend_the_arguments_are_not_named(unmended):
    with pytest.raises(RuntimeError) as error:
        SegBuilder(None).build_component(BLOCK)
    assert "[32]}" not in str(error.value) and "Check these" not in str(error.value)


def test_block_and_arguments_are_named():
    with pytest.raises(RuntimeError, match=r"RandomPaddingCrop cannot be built from .*\[32\]}"):
        SegBuilder(None).build_component(BLOCK)


def test_the_innermost_block_is_named_and_once():
    block = {"type": "MixedLoss", "losses": [{"type": "CrossEntropyLoss", "x": 1}], "coef": [1]}
    with pytest.raises(RuntimeError) as error:
        SegBuilder(None).build_component(block)
    assert str(error.value).startswith("CrossEntropyLoss cannot be built from {'x': 1}: ")
    assert str(error.value).count("cannot be built") == 1


def test_our_own_errors_keep_type_and_text():
    block = {"type": "ANN", "num_classes": 1, "backbone": {"type": "ResNet18_vd"}}
    with pytest.raises(ValueError, match="^ANN: num_classes must be at least 2; received 1"):
        SegBuilder(None).build_component(block)


@pytest.mark.parametrize(
    ("name", "sections"),
    [
        ("lr_scheduler", {"lr_scheduler": SCHEDULE, "iters": 3}),
        ("model", {"model": {"type": "ANN", "backbone": None}, "train_dataset": CAMVID}),
        ("loss", {"loss": {"types": [3], "coef": [1]}, "train_dataset": CAMVID}),
    ],
)
def test_a_part_names_its_section(name, sections):
    with pytest.raises(RuntimeError, match=f"^{name} cannot be built from {{"):
        getattr(SegBuilder(Settings(**sections)), name)


def test_a_type_that_is_no_name():
    with pytest.raises(ValueError, match=r"No component has the type \['ANN'\]"):
        SegBuilder(None).build_component({"type": ["ANN"]})
