"""Names of the classes of data sets that have none themselves."""

from __future__ import annotations

import paddleseg.datasets as published
import pytest
from paddleseg.datasets import PascalVOC

from paddle_ann.datasets import toy_voc
from paddle_ann.datasets.class_names import CLASS_NAMES
from paddle_ann.visualize import class_names


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_there_is_a_name_for_each_class_of_paddleseg(name):
    assert len(set(CLASS_NAMES[name])) == getattr(published, name).NUM_CLASSES


def test_names_of_pascal_voc(tmp_path):
    root = toy_voc.generate(tmp_path / "voc", num_train=2, num_val=1, size=(37, 43))
    assert class_names(PascalVOC([], str(root)))[1] != "aeroplane"  # the toy shapes have their own
    (root / "toy_voc.json").unlink()
    names = class_names(PascalVOC([], str(root)))
    assert (names[0], names[15], names[20]) == ("background", "person", "tv monitor")


def test_another_data_set_of_that_name_has_numbers():
    class Mine:
        num_classes = 3

    Mine.__name__ = "PascalVOC"
    assert class_names(Mine()) == ("class 0", "class 1", "class 2")
