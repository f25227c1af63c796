"""Files that cannot be read, and lists that can: Compose, the list files, the transforms."""

from __future__ import annotations

import os

import numpy as np
import paddleseg.transforms as T
import pytest
from paddleseg.datasets import Dataset, PascalVOC
from PIL import Image

from paddle_ann.compat.lists import read_lines, read_pairs, split_pair
from paddle_ann.datasets import opencv
from tests.compat import tiny


@pytest.fixture
def pair(tmp_path):
    rng = np.random.default_rng(1)
    image, mask = tmp_path / "a.jpg", tmp_path / "a.png"
    Image.fromarray(rng.integers(0, 256, (31, 43, 3), "uint8")).save(image)
    Image.fromarray(rng.integers(0, 3, (31, 43), "uint8")).save(mask)
    return image, mask


def compose(image, mask=None):
    return T.Compose([])({"img": str(image), **({"label": str(mask)} if mask else {})})


def test_a_good_pair_is_read_as_cv2_and_pil_do(pair):
    import cv2

    data = compose(*pair)
    expected = cv2.imread(str(pair[0]))[..., ::-1].transpose(2, 0, 1)
    assert data["img"].dtype == np.float32 and (data["img"] == expected).all()
    assert (data["label"] == np.asarray(Image.open(pair[1]))).all()


def test_missing_files(pair, tmp_path):
    with pytest.raises(FileNotFoundError, match="gone.jpg"):
        compose(tmp_path / "gone.jpg")
    with pytest.raises(FileNotFoundError, match="gone.png"):
        compose(pair[0], tmp_path / "gone.png")


@pytest.mark.parametrize("which", [0, 1])
def test_cut_short(pair, which):
    data = pair[which].read_bytes()
    pair[which].write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=f"a.{'jpg' if which == 0 else 'png'} is .*truncated"):
        compose(*pair)


def test_not_an_image(pair):
    pair[0].write_text("hello")
    with pytest.raises(ValueError, match="a.jpg cannot be read as an image"):
        compose(*pair)


def test_floats_are_no_colours(pair, tmp_path):
    path = tmp_path / "a.pfm"
    Image.open(pair[0]).convert("L").convert("F").save(path, "PPM")
    with pytest.raises(ValueError, match="a.pfm is read as no colours"):
        compose(path)


def test_a_name_that_is_no_utf_8(pair, tmp_path, monkeypatch):
    import cv2

    monkeypatch.setattr(cv2, "imread", lambda *given: pytest.fail("here the process would end"))
    odd = pair[0].rename(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))
    with pytest.raises(ValueError, match=r"image .*caf\\udce9.jpg' .* not in UTF-8"):
        compose(odd)
    with pytest.raises(ValueError, match="not in UTF-8"):
        opencv.read(str(odd))


def test_rgb_mask(pair):
    Image.open(pair[1]).convert("RGB").save(pair[1])
    with pytest.raises(ValueError, match="a.png is a colour picture.*class ids"):
        compose(*pair)


def test_palette_and_bilevel_masks_are_fine(pair):
    for mode, kind in (("P", np.uint8), ("1", np.uint8)):
        Image.open(pair[1]).convert(mode).save(pair[1])
        assert compose(*pair)["label"].dtype == kind


def test_mask_of_another_size(pair):
    Image.fromarray(np.zeros((30, 43), "uint8")).save(pair[1])
    with pytest.raises(ValueError, match="a.png is 43x30.*a.jpg is 43x31"):
        compose(*pair)


def test_arrays_are_passed_through():
    assert T.Compose([])({"img": np.zeros((3, 5, 3), "float32")})["img"].shape == (3, 3, 5)


# -- lists ----------------------------------------------------------------------------------------


@pytest.fixture
def listed(tmp_path):
    def make(text, names=("a.jpg", "a.png"), mode="train", encoding="utf-8", **kwargs):
        for name in names:
            (tmp_path / name).touch()
        path = tmp_path / f"{mode}.txt"
        path.write_bytes(text.encode(encoding))
        kwargs[f"{mode}_path"] = str(path)
        made = Dataset(mode, str(tmp_path), [], 3, **kwargs)
        return [[name and os.path.basename(name) for name in pair] for pair in made.file_list]

    return make


@pytest.mark.parametrize(
    "text",
    [
        "a.jpg a.png",
        "a.jpg a.png\n\n \n",
        "a.jpg a.png\r\n",
        "\ufeffa.jpg a.png\n",
        "a.jpg\ta.png\n",
        "a.jpg   a.png\n",
        "\n\na.jpg \t a.png",
    ],
)
def test_lists_that_simply_work(listed, text):
    assert listed(text) == [["a.jpg", "a.png"]]


def test_spaces_and_chinese(listed):
    names = ["my image.jpg", "my image.png", "图像 一.jpg", "标签.png"]
    text = "my image.jpg my image.png\n图像 一.jpg 标签.png\n"
    assert listed(text, names) == [names[:2], names[2:]]


def test_other_separator_and_test_mode(listed):
    assert listed("my image.jpg,a.png", ["my image.jpg", "a.png"], separator=",") == [
        ["my image.jpg", "a.png"]
    ]
    assert listed("my image.jpg\na.jpg a.png\n", ["my image.jpg"], mode="test") == [
        ["my image.jpg", None],
        ["a.jpg", "a.png"],
    ]


def test_lines_that_cannot_be_split_name_list_and_line(listed):
    with pytest.raises(ValueError, match=r"train.txt, line 3, 'x y z'"):
        listed("a.jpg a.png\n\nx y z\n")
    with pytest.raises(ValueError, match=r"line 1, 'a.jpg': an image and a label"):
        listed("a.jpg\n")
    with pytest.raises(ValueError, match="is empty"):
        listed("\n \n")


def test_ambiguous_split(tmp_path):
    for name in ("a", "b c", "a b", "c"):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="2 ways"):
        split_pair("a b c", " ", str(tmp_path))


def test_a_line_of_thousands_of_words_is_refused_at_once(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("word " * 30_000)
    with pytest.raises(ValueError, match="line 1, .*149,999 letters") as error:
        read_pairs(str(path), " ", str(tmp_path), True)
    assert len(str(error.value)) < 600


def test_a_name_with_the_separator_of_our_own_copy(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("a\x1f.jpg a.png\n")
    with pytest.raises(ValueError, match=r"line 1, .*control character \\x1f"):
        read_pairs(str(path), " ", str(tmp_path), True)


def test_missing_and_empty_roots(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        Dataset("train", str(tmp_path / "nowhere"), [], 3, train_path="x")
    with pytest.raises(FileNotFoundError, match=r"train.txt does not exist.*holds nothing"):
        PascalVOC([], dataset_root=str(tmp_path))
    (tmp_path / "other").mkdir()
    with pytest.raises(FileNotFoundError, match="holds other"):
        PascalVOC([], dataset_root=str(tmp_path))


def test_other_encodings_are_refused_by_name(tmp_path):
    (tmp_path / "list.txt").write_bytes("图像数据一".encode("gbk"))
    with pytest.raises(ValueError, match="list.txt"):
        read_lines(str(tmp_path / "list.txt"))


@pytest.mark.parametrize("text", ["a 一\r\nb\r\n\r\n", "\ufeffa 一\nb", "a 一\nb\n"])
def test_voc_lists(tmp_path, text):
    tiny.write_voc(tmp_path, ["a 一", "b"], text)
    dataset = PascalVOC([T.Normalize()], dataset_root=str(tmp_path))
    assert len(dataset) == 2 and dataset[0]["label"].shape == tiny.SIZE


# -- transforms -----------------------------------------------------------------------------------


def test_category_max_ratio_crops_image_and_label_alike():
    marks = np.arange(40 * 50, dtype="float32").reshape(40, 50)
    for seed in range(5):
        np.random.seed(seed)
        data = {"img": np.stack([marks] * 3, -1), "label": marks.copy(), "gt_fields": ["label"]}
        crop = T.RandomPaddingCrop((23, 17), category_max_ratio=0.5)
        data = crop(data)
        assert data["img"].shape == (17, 23, 3) and (data["img"][..., 1] == data["label"]).all()


def test_resize_by_short_forgets_a_long_image():
    resize = T.ResizeByShort(short_size=20, max_size=40)
    for width, expected in ((200, (4, 40)), (25, (20, 25))):
        data = {"img": np.zeros((20, width, 3), "float32"), "trans_info": []}
        assert resize(data)["img"].shape[:2] == expected
