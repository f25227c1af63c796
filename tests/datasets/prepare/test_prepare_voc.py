"""From archives to folders: complete, read by PascalVOC, kept when there, never written over."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from paddleseg.datasets import PascalVOC
from PIL import Image

from paddle_ann.datasets import prepare, toy_voc
from paddle_ann.datasets.prepare import ChecksumError, Counts, prepare_voc

from . import conftest
from .conftest import AUG, COUNTS, TRAIN, VAL, Archives, digest


@pytest.fixture(scope="module")
def ready(archives: Archives, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished folder; not to be written to."""
    root = tmp_path_factory.mktemp("ready")
    done = prepare_voc(root, **archives.given(), workers=2)
    assert done.counts == COUNTS and done.dataset_root == root / "VOCdevkit"
    return root


@pytest.fixture
def root(archives: Archives, tmp_path: Path) -> Path:
    """A finished folder to spoil."""
    prepare_voc(tmp_path / "d", **archives.given(), workers=1)
    return tmp_path / "d"


def masks(root: Path, name: str) -> Path:
    return root / "VOCdevkit/VOC2012/SegmentationClassAug" / f"{name}.png"


def sets(root: Path, name: str) -> Path:
    return root / "VOCdevkit/VOC2012/ImageSets/Segmentation" / f"{name}.txt"


def test_masks_are_sbds_and_vocs_own_in_vocs_palette(ready: Path) -> None:
    found = {p.stem for p in masks(ready, "x").parent.iterdir()}
    assert found == {*TRAIN, *VAL, *AUG}
    for name in AUG:
        with Image.open(masks(ready, name)) as image:
            assert image.mode == "P" and image.getpalette() == toy_voc.VOC_PALETTE
            np.testing.assert_array_equal(np.asarray(image), conftest.sbd_ids(name))
    for name in TRAIN + VAL:
        own = ready / "VOCdevkit/VOC2012/SegmentationClass" / f"{name}.png"
        assert masks(ready, name).read_bytes() == own.read_bytes()


def test_nothing_to_validate_on_is_trained_on(ready: Path) -> None:
    assert sets(ready, "aug").read_text().split() == AUG
    assert sets(ready, "trainaug").read_text().split() == TRAIN + AUG


def test_pascal_voc_reads_every_mode(ready: Path) -> None:
    for mode, count in (("train", 3), ("val", 2), ("trainval", 5), ("trainaug", 8)):
        dataset = PascalVOC([], str(ready / "VOCdevkit"), mode)
        assert len(dataset) == count
        sample = dataset[count - 1]
        assert sample["label"].shape[-2:] == sample["img"].shape[-2:] == (101, 131)
    np.testing.assert_array_equal(sample["label"].squeeze(), conftest.sbd_ids(AUG[-1]))


def test_only_the_data_set_is_left(ready: Path) -> None:
    assert sorted(p.name for p in ready.iterdir()) == [".prepare_voc", "VOCdevkit"]
    assert sorted(p.name for p in (ready / ".prepare_voc").iterdir()) == [
        "lock",
        "masks.json",
        "voc.json",
    ]


def test_a_second_run_needs_no_archive_and_writes_nothing(ready: Path, archives: Archives) -> None:
    files = {p: p.stat().st_mtime_ns for p in (ready / "VOCdevkit").rglob("*")}
    assert prepare_voc(ready, **archives.options()).counts == COUNTS
    assert {p: p.stat().st_mtime_ns for p in (ready / "VOCdevkit").rglob("*")} == files


def test_missing_files_are_made_anew(root: Path, ready: Path, archives: Archives) -> None:
    masks(root, AUG[1]).unlink()
    masks(root, VAL[0]).unlink()
    sets(root, "aug").unlink()
    sets(root, "val").unlink()
    (root / "VOCdevkit/VOC2012/JPEGImages" / f"{AUG[0]}.jpg").unlink()
    with pytest.raises(FileNotFoundError, match="--download.*--voc_archive"):
        prepare_voc(root, **archives.options())
    prepare_voc(root, **archives.given())
    assert digest(root) == digest(ready)


def test_a_removed_folder_is_made_anew(root: Path, ready: Path, archives: Archives) -> None:
    os.rename(root / "VOCdevkit", root / "gone")
    prepare_voc(root, **archives.given())
    assert digest(root) == digest(ready)


@pytest.mark.parametrize(
    "name", ["SegmentationClassAug/2008_000003.png", "JPEGImages/2008_000003.jpg"]
)
def test_a_changed_file_is_named_and_stays(root: Path, archives: Archives, name: str) -> None:
    path = root / "VOCdevkit/VOC2012" / name
    path.write_bytes(path.read_bytes()[:-1])
    before = digest(root)
    with pytest.raises(FileExistsError, match=f"1 files were changed.*{path.name}"):
        prepare_voc(root, **archives.given())
    assert digest(root) == before
    path.unlink()
    assert prepare_voc(root, **archives.given()).counts == COUNTS


def test_vocs_folder_unpacked_by_somebody_else_is_used(
    ready: Path, archives: Archives, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["tar", "xf", archives.voc_path, "-C", tmp_path], check=True)
    prepare_voc(tmp_path, **{**archives.given(), "voc_archive": None})
    assert "not unpacked by this tool" in capsys.readouterr().err
    assert digest(tmp_path) == digest(ready)


def test_half_a_folder_of_somebody_else_is_refused(archives: Archives, tmp_path: Path) -> None:
    subprocess.run(["tar", "xf", archives.voc_path, "-C", tmp_path], check=True)
    (tmp_path / "VOCdevkit/VOC2012/JPEGImages" / f"{VAL[1]}.jpg").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=f"1 files are missing or empty, first {VAL[1]}"):
        prepare_voc(tmp_path, **archives.given())


def test_somebody_elses_masks_and_lists_stay(archives: Archives, tmp_path: Path) -> None:
    subprocess.run(["tar", "xf", archives.voc_path, "-C", tmp_path], check=True)
    masks(tmp_path, "x").parent.mkdir()
    masks(tmp_path, "mine").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="not made by this tool"):
        prepare_voc(tmp_path, **archives.given())
    assert masks(tmp_path, "mine").read_bytes() == b"mine"
    os.rename(masks(tmp_path, "x").parent, tmp_path / "away")
    sets(tmp_path, "aug").write_text("2008_000002\n")
    with pytest.raises(FileExistsError, match="aug.txt has other names"):
        prepare_voc(tmp_path, **archives.given())
    sets(tmp_path, "aug").write_text("\n".join(reversed(AUG)))  # PaddleSeg writes them in any order
    prepare_voc(tmp_path, **archives.options())
    assert sets(tmp_path, "aug").read_text() == "\n".join(reversed(AUG))


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (Counts(4, 2, 8), "train.txt: it has 3 names; there must be 4"),
        (Counts(3, 7, 8), "val.txt: it has 2 names; there must be 7"),
        (Counts(3, 2, 9), "SBD's names give 8 names; there must be 9"),
    ],
)
def test_counts_are_checked(
    archives: Archives, tmp_path: Path, counts: Counts, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        prepare_voc(tmp_path, **{**archives.given(), "counts": counts})
    assert not masks(tmp_path, "x").parent.exists()


def test_the_published_counts_are_the_default() -> None:
    assert prepare.VOC_COUNTS == Counts(1464, 1449, 10582)
    assert prepare.VOC2012.md5 == "6cd6e144f989b92b3379bac3b3de84fd"
    assert prepare.SBD.md5 == "82b4d87ceb2ed10f6038a1cba92111cb"


def test_without_sbd(archives: Archives, tmp_path: Path) -> None:
    done = prepare_voc(tmp_path, **{**archives.given(), "sbd": None})
    assert done.counts == Counts(3, 2, 0) and not sets(tmp_path, "aug").exists()
    assert "mode: train," in prepare.advice(done)


@pytest.mark.parametrize("which", ["voc", "sbd"])
def test_nothing_is_downloaded_unasked(archives: Archives, tmp_path: Path, which: str) -> None:
    options = {**archives.given(), f"{which}_archive": None}
    way = f"--download.*http://127.0.0.1:9/none.*--{which}_archive PATH"
    with pytest.raises(FileNotFoundError, match=way):
        prepare_voc(tmp_path / "d", **options)
    assert not (tmp_path / "d").exists()
    options[f"{which}_archive"] = tmp_path / "typo"
    with pytest.raises(FileNotFoundError, match=f"--{which}_archive .*typo: there is no such"):
        prepare_voc(tmp_path / "d", **options, download=True)


def test_a_wrong_archive_is_named_with_both_sums_and_stays(
    archives: Archives, tmp_path: Path
) -> None:
    mine = tmp_path / "VOCtrainval_11-May-2012.tar"
    mine.write_bytes(b"mine")
    options = {**archives.given(), "voc_archive": None}
    sums = f"md5 is {hashlib.md5(b'mine').hexdigest()}, not {options['voc'].md5}"
    with pytest.raises(ChecksumError, match=sums):
        prepare_voc(tmp_path, **options, download=True)
    assert mine.read_bytes() == b"mine"


def test_arguments(archives: Archives, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="workers is 0"):
        prepare_voc(tmp_path, **archives.given(), workers=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="file is a file"):
        prepare_voc(tmp_path / "file", **archives.given())
    with pytest.raises(ValueError, match="xxx cannot be the root of the data: File name too long"):
        prepare_voc(tmp_path / ("x" * 300), **archives.given())
    with pytest.raises(FileNotFoundError, match="--voc_archive x*: there is no such file"):
        prepare_voc(tmp_path, **{**archives.given(), "voc_archive": "x" * 300})


def test_a_damaged_record_is_named(root: Path, archives: Archives) -> None:
    (root / ".prepare_voc/masks.json").write_text("[1]")
    with pytest.raises(ValueError, match="masks.json is damaged. Remove it"):
        prepare_voc(root, **archives.given())


def test_too_little_room_is_told_before(
    archives: Archives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = dataclasses.make_dataclass("Usage", ["free"])(1000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: full)
    with pytest.raises(RuntimeError, match=r"Unpacking VOC.* needs 0.07 GB .* 0.00 GB are free"):
        prepare_voc(tmp_path, **archives.given())
    assert not list(tmp_path.rglob("*.jpg"))


def test_a_disk_that_fills_up_on_the_way(
    archives: Archives, ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, left = os.replace, 23

    def limited(part: Path, name: Path) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(28, "No space left on device")
        replace(part, name)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", limited)
        with pytest.raises(RuntimeError, match="is full. Make room and run again"):
            prepare_voc(tmp_path, **archives.given())
    prepare_voc(tmp_path, **archives.given())
    assert digest(tmp_path) == digest(ready)


def test_two_runs_at_once_are_refused(archives: Archives, tmp_path: Path) -> None:
    from paddle_ann.datasets.prepare.files import only_run

    with only_run(tmp_path / ".prepare_voc"):
        with pytest.raises(RuntimeError, match=f"another run .*process {os.getpid()}"):
            prepare_voc(tmp_path, **archives.given())
    assert prepare_voc(tmp_path, **archives.given()).counts == COUNTS


def test_paddle_is_not_imported() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tools'); import prepare_voc; prepare_voc.load_package();"
        "print([m for m in ('paddle', 'paddleseg', 'paddle_ann', 'cv2') if m in sys.modules])"
    )
    repository = Path(__file__).resolve().parents[3]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("[]\n", "")
