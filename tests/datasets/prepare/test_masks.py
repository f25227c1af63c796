"""SBD's files, right ones and others."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from paddle_ann.datasets.prepare import mask_worker, masks
from paddle_ann.datasets.prepare.mask_worker import read_mask

from .conftest import mat, png, sbd_ids

IDS = np.arange(21, dtype=np.uint8).reshape(3, 7)


def stored(path: Path, content: object, name: str = "GTcls") -> Path:
    savemat(path, {name: content})
    return path


def test_ids_come_out_as_they_went_in(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(mat(IDS))
    np.testing.assert_array_equal(read_mask(tmp_path / "a.mat"), IDS)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"Segmentation": IDS + 1}, "not all from 0 to 20"),
        ({"Segmentation": IDS.astype(np.int16) - 1}, "not all from 0 to 20"),
        ({"Segmentation": IDS.astype(float)}, "no matrix of integers"),
        ({"Segmentation": np.zeros((3, 7, 2), np.uint8)}, "no matrix of integers"),
        ({"Segmentation": np.zeros((0, 7), np.uint8)}, "not all from 0 to 20"),
        ({"Segmentation": "text"}, "no matrix of integers"),
        ({"Boundaries": IDS}, "no GTcls.Segmentation"),
        (IDS, "no GTcls.Segmentation"),
    ],
)
def test_another_structure_is_named(tmp_path: Path, content: object, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"a\.mat.*{reason}"):
        read_mask(stored(tmp_path / "a.mat", content))


def test_no_such_structure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no GTcls.Segmentation \(KeyError"):
        read_mask(stored(tmp_path / "a.mat", {"Segmentation": IDS}, "GTinst"))


@pytest.mark.parametrize("content", [b"", b"<html>", b"MATLAB 7.3 MAT-file" + bytes(500)])
def test_no_mat_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(ValueError, match="no GTcls.Segmentation"):
        read_mask(tmp_path / "a.mat")


def test_damaged_mat_files_never_pass_for_something_else(tmp_path: Path) -> None:
    """Every byte changed in turn: the old mask, or one of our errors."""
    whole, path = mat(IDS), tmp_path / "a.mat"
    passed = 0
    for position in range(0, len(whole), 3):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        try:
            np.testing.assert_array_equal(read_mask(path), IDS)
            passed += 1
        except ValueError as error:
            assert str(path) in str(error)
    assert 0 < passed < len(whole) // 3


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "a.mat", "wb") as file:
        file.truncate(mask_worker.LARGEST_MAT + 1)
    with pytest.raises(ValueError, match="has 8388609 bytes"):
        read_mask(tmp_path / "a.mat")


@pytest.fixture
def convert(tmp_path: Path):
    """Converts masks of given names, whose files and pictures lie in tmp_path."""
    for name in "abc":
        (tmp_path / f"{name}.mat").write_bytes(mat(sbd_ids("2007_1")))
        Image.new("RGB", (131, 101)).save(tmp_path / f"{name}.jpg")
    (tmp_path / "like.png").write_bytes(png(IDS))

    def convert(*names: str, workers: int = 2) -> Path:
        out = tmp_path / "out"
        masks.convert_all([*names], tmp_path, tmp_path, out, tmp_path / "like.png", workers)
        return out

    return convert


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_any_number_of_processes(convert, workers: int) -> None:
    out = convert("a", "b", "c", workers=workers)
    assert sorted(p.name for p in out.iterdir()) == ["a.png", "b.png", "c.png"]


def test_grey_masks_stay_grey(convert, tmp_path: Path) -> None:
    Image.fromarray(IDS).save(tmp_path / "like.png")
    with Image.open(convert("a") / "a.png") as image:
        assert image.mode == "L"
    Image.new("RGB", (3, 7)).save(tmp_path / "like.png")
    with pytest.raises(ValueError, match="like.png has mode 'RGB'"):
        convert("b")


def test_another_size_than_the_picture(convert, tmp_path: Path) -> None:
    Image.new("RGB", (101, 131)).save(tmp_path / "b.jpg")
    with pytest.raises(ValueError, match=r"1 of 3 masks .*b.mat is 131x101 .*b.jpg 101x131"):
        convert("a", "b", "c")


def test_a_half_written_mask_is_written_again(convert) -> None:
    out = convert("a", "b")
    whole, before = (out / "a.png").read_bytes(), (out / "b.png").stat().st_mtime_ns
    (out / "a.png").write_bytes(whole[:-5] + bytes(5))
    convert("a", "b")
    assert (out / "a.png").read_bytes() == whole
    assert (out / "b.png").stat().st_mtime_ns == before


def test_a_file_that_unpacks_to_gigabytes(convert, tmp_path: Path) -> None:
    """64 MB of zeros in 63 kB, with the room of a small machine."""
    buffer = io.BytesIO()
    zeros = np.zeros((8009, 8009), np.uint8)
    savemat(buffer, {"GTcls": {"Segmentation": zeros}}, do_compression=True)
    (tmp_path / "b.mat").write_bytes(buffer.getvalue())
    script = tmp_path / "worker.py"
    text = Path(mask_worker.__file__).read_text().replace("4 << 30", "130 << 20")
    script.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masks, "_WORKER", script)
        with pytest.raises(ValueError, match="b.mat unpacks to more than 136314880"):
            convert("a", "b")


def test_a_process_that_dies_is_told(convert, monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen

    def shot(*args, **kwargs):
        process = start(*args, **kwargs)
        os.kill(process.pid, signal.SIGKILL)
        return process

    monkeypatch.setattr(subprocess, "Popen", shot)
    with pytest.raises(RuntimeError, match=r"ended early \(exit codes \[-9, -9\]\); 0 of 3"):
        convert("a", "b", "c")


def test_ctrl_c_leaves_no_process(convert, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen] = []
    start = subprocess.Popen

    def interrupted(*args, **kwargs):
        if started:
            raise KeyboardInterrupt
        started.append(start(*args, **kwargs))
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert("a", "b", "c")
    assert started[0].poll() == -signal.SIGKILL  # at once, and not when its work is done


def test_a_worker_without_a_reader_ends(convert, tmp_path: Path) -> None:
    """As when the parent was killed: the pipe's other end is closed."""
    convert("a")
    jobs = tmp_path / "jobs.json"
    folders = {key: str(tmp_path) for key in ("mats", "pictures", "masks", "parts")}
    names = ["a", *["b"] * 5000]
    jobs.write_text(json.dumps({**folders, "palette": None, "names": names}))
    reading, writing = os.pipe()
    command = [sys.executable, masks._WORKER, jobs, "0", "1"]
    process = subprocess.Popen(command, stdout=writing)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    start = time.monotonic()
    assert process.wait(timeout=20) == 1
    assert time.monotonic() - start < 5


def test_a_full_disk_is_no_fault_of_sbds(convert, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["", "[Errno 28] No space left on device"]
    monkeypatch.setattr(masks, "_run", lambda *args: (lines, [0]))
    with pytest.raises(OSError, match="No space left on device: .*out"):
        convert("a", "b")
