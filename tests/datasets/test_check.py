"""Bad files are named before the first iteration, and good ones pass."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import paddle
import pytest
from paddleseg.datasets import ADE20K, PascalVOC
from paddleseg.datasets import Dataset as SegDataset
from PIL import Image

from paddle_ann.datasets import CamVid, check_files, opencv, toy_voc
from paddle_ann.datasets.check import check_dataset, check_pair


@pytest.fixture
def root(tmp_path):
    return toy_voc.generate(tmp_path / "toy", num_train=7, num_val=3, size=(37, 43))


@pytest.fixture
def pair(root):
    """Image and label path of the third sample."""
    return voc(root).file_list[2]


def voc(root, mode="train"):
    return PascalVOC([], str(root), mode)


def save_label(path, array):
    Image.fromarray(np.asarray(array, np.uint8)).save(path)


def check(pair):
    return check_pair(*pair, num_classes=21)


def both(root, pair, error, *parts):
    """The same error from the single check and from the check of the whole data set."""
    for run in (lambda: check(pair), lambda: check_dataset(voc(root))):
        with pytest.raises(error) as caught:
            run()
        for part in parts:
            assert part in str(caught.value)


def test_good_data_passes_and_nothing_is_changed(root):
    before = {
        p: (hashlib.sha256(p.read_bytes()).digest(), p.stat().st_mtime_ns)
        for p in root.rglob("*")
        if p.is_file()
    }
    result = check_dataset(voc(root))
    assert (result.pairs, result.decoded, result.warnings) == (7, 7, [])
    assert "7 of them" in str(result)
    assert before == {
        p: (hashlib.sha256(p.read_bytes()).digest(), p.stat().st_mtime_ns)
        for p in root.rglob("*")
        if p.is_file()
    }


@pytest.mark.parametrize("which", [0, 1])
def test_missing(root, pair, which):
    (root / pair[which]).unlink()
    both(root, pair, FileNotFoundError, pair[which], "is missing", "dataset_root")


@pytest.mark.parametrize("which", [0, 1])
def test_zero_bytes(root, pair, which):
    open(pair[which], "w").close()
    both(root, pair, ValueError, pair[which], "0 bytes")


@pytest.mark.parametrize("which", [0, 1])
def test_not_an_image(root, pair, which):
    with open(pair[which], "w") as file:
        file.write("<html>404 Not Found</html>")
    both(root, pair, ValueError, pair[which], "cannot be read as an image")


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("keep", [0.6, 0.98])
def test_truncated(root, pair, which, keep):
    with open(pair[which], "rb") as file:
        content = file.read()
    with open(pair[which], "wb") as file:
        file.write(content[: int(keep * len(content))])
    both(root, pair, ValueError, pair[which], "truncated")
    with pytest.raises(ValueError, match="truncated"):  # found without spending time on pixels
        check_dataset(voc(root), budget_s=0.0)


def test_png_with_a_flipped_bit(root, pair):
    content = bytearray(open(pair[1], "rb").read())
    content[content.index(b"IDAT") + 9] ^= 1
    open(pair[1], "wb").write(content)
    both(root, pair, ValueError, pair[1], "damaged")


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_an_image_that_opencv_cannot_read(root, pair, kind):
    picture = Image.open(pair[0]).convert("L")
    picture = picture.convert("F") if kind == "TIFF" else picture
    picture.save(pair[0], kind)
    both(root, pair, ValueError, pair[0], f"is a {kind} file", "Save it as JPEG or PNG")


def test_label_of_another_size(root, pair):
    save_label(pair[1], np.zeros((43, 37)))
    both(root, pair, ValueError, *pair, "37x43", "43x37", "must be equal")


def test_photo_that_is_turned_by_exif(root, pair):
    # OpenCV turns it while reading, PaddleSeg does not turn the label.
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(pair[0]).save(pair[0], exif=exif)
    both(root, pair, ValueError, pair[0], "EXIF")


@pytest.mark.parametrize("orientation", [1, 6])
def test_tiff_that_is_turned(root, pair, orientation):
    picture = Image.open(pair[0])
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(pair[0], "TIFF", exif=exif)
    label = np.asarray(Image.open(pair[1]))
    save_label(pair[1], label if orientation == 1 else label.T)  # as OpenCV will turn the image
    check(pair)
    assert voc(root)[2]["img"].shape[1:] == voc(root)[2]["label"].shape
    save_label(pair[1], label.T if orientation == 1 else label)
    both(root, pair, ValueError, "they must be equal")


def test_rgb_label(root, pair):
    save_label(pair[1], np.zeros((37, 43, 3)))
    both(root, pair, ValueError, pair[1], "colour picture (mode RGB)", "one channel")


def test_label_beyond_the_classes(root, pair):
    label = np.zeros((37, 43))
    label[:2, :5], label[7, :3] = 21, 200
    save_label(pair[1], label)
    both(
        root,
        pair,
        ValueError,
        pair[1],
        "21 (10 pixels), 200 (3 pixels)",
        "num_classes 21",
        "0 … 20",
    )


def test_16_bit_label(pair):
    Image.fromarray(np.full((37, 43), 300, np.uint16)).save(pair[1])
    with pytest.raises(ValueError, match=r"300 \(1591 pixels\)"):
        check(pair)


def test_doubtful_labels_are_warned_of(root):
    files = [label for _, label in voc(root).file_list]
    label = np.zeros((37, 43))
    label[5:9] = 255
    save_label(files[1], label)
    save_label(files[3], label)
    save_label(files[4], np.full((37, 43), 255))
    first, second = check_dataset(voc(root)).warnings
    assert first.startswith("1 of 7 labels: all pixels are ignored") and files[4] in first
    assert second.startswith("2 of 7 labels: only 0 and 255") and files[1] in second
    assert check(voc(root).file_list[1]) == ["only 0 and 255"]


def test_names_with_chinese_and_spaces(tmp_path):
    folder = tmp_path / "街 景"
    folder.mkdir()
    pair = str(folder / "图 片.jpg"), str(folder / "标 签.png")
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).save(pair[0])
    save_label(pair[1], np.ones((5, 7)))
    assert check_pair(*pair, num_classes=2) == []


def test_many_faults_come_in_one_error(root):
    files = voc(root).file_list
    for image, _ in files[:6]:
        (root / image).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        check_dataset(voc(root))
    text = str(caught.value)
    assert (
        text.startswith("6 of 7 samples are unusable:")
        and "and 1 more; tools/check_data.py" in text
    )
    assert all(image in text for image, _ in files[:5])
    save_label(files[6][1], np.zeros((3, 3)))
    with pytest.raises(ValueError, match="7 of 7"):
        check_dataset(voc(root))


def test_budget(root, monkeypatch):
    many = voc(root)
    many.file_list = many.file_list * 100
    clock = iter(range(10**6))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    result = check_dataset(many, budget_s=4.0)
    assert result.pairs == 700
    assert 0 < result.decoded < 700


def test_a_data_set_is_checked_once(root):
    dataset = voc(root)
    first = check_dataset(dataset)
    (root / dataset.file_list[0][0]).unlink()
    assert check_dataset(dataset) is first
    with pytest.raises(FileNotFoundError):
        check_dataset(voc(root))


def test_empty_and_unlisted_data_sets(root):
    empty = voc(root)
    empty.file_list = []
    with pytest.raises(ValueError, match="PascalVOC.*has no samples"):
        check_dataset(empty)

    class Plain(paddle.io.Dataset):
        def __len__(self):
            return 3

    assert check_dataset(Plain()).pairs == 0


def make_ade(tmp_path, ids):
    for kind in ("images", "annotations"):
        (tmp_path / kind / "training").mkdir(parents=True)
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).save(tmp_path / "images/training/a.jpg")
    label = np.zeros((5, 7), np.uint8)
    label[0, : len(ids)] = ids
    save_label(tmp_path / "annotations/training/a.png", label)
    return ADE20K([], str(tmp_path), "train")


def test_ade20k_is_checked_after_its_shift(tmp_path):
    assert check_dataset(make_ade(tmp_path / "good", [1, 150])).decoded == 1
    with pytest.raises(ValueError, match=r"a.png holds 150 \(1 pixels\)"):
        check_dataset(make_ade(tmp_path / "bad", [1, 151]))


def test_camvid_void_is_fine_and_12_is_not(tmp_path):
    for name in ("train", "trainannot"):
        (tmp_path / name).mkdir()
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).save(tmp_path / "train/a.png")
    (tmp_path / "train.txt").write_text("train/a.png trainannot/a.png\n")
    label = np.zeros((5, 7))
    label[1], label[2] = 11, 10
    save_label(tmp_path / "trainannot/a.png", label)

    def never(data):
        raise AssertionError("the user's transforms have no part in the check")

    assert check_dataset(CamVid([never], str(tmp_path))).warnings == []
    label[2, :2] = 12
    save_label(tmp_path / "trainannot/a.png", label)
    with pytest.raises(ValueError, match=r"holds 12 \(2 pixels\)"):
        check_dataset(CamVid([], str(tmp_path)))
    save_label(tmp_path / "trainannot/a.png", label[:3])
    with pytest.raises(ValueError, match="7x3"):
        check_dataset(CamVid([], str(tmp_path)))


def test_test_mode_without_labels(root, tmp_path):
    image = voc(root).file_list[0][0]
    (tmp_path / "test.txt").write_text(f"{image}\n")
    dataset = SegDataset("test", "/", [], 21, test_path=str(tmp_path / "test.txt"))
    assert check_dataset(dataset).decoded == 1


def test_a_bitmap_that_only_pillow_reads_is_refused(tmp_path):
    """One byte of the header is missing (found by fuzzing): OpenCV gives it up."""
    path = tmp_path / "a.bmp"
    Image.new("L", (41, 37)).save(path)
    whole = path.read_bytes()
    assert check_files.decode(str(path)).shape == (37, 41)
    path.write_bytes(whole[:34] + whole[35:])
    assert opencv.read(str(path)) is None and check_files.decode_label(str(path)).size
    with pytest.raises(ValueError, match="a BMP file that OpenCV.*cannot read"):
        check_files.decode(str(path))
