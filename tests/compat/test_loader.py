"""Errors while reading samples reach the caller, for every kind and number of workers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import paddle
import paddleseg.transforms as T
import psutil
import pytest
from paddleseg.datasets import PascalVOC

from paddle_ann.compat.samples import NamingDataset, check_label_values
from tests.compat import tiny

ROOT = Path(__file__).resolve().parents[2]
KINDS = {
    "value": ("ValueError", "bad sample"),
    "key": ("KeyError", "bad sample"),
    "os": ("FileNotFoundError", "/nonexistent"),
    "unicode": ("RuntimeError", "UnicodeDecodeError"),
    "stop": ("RuntimeError", "StopIteration"),
    "label": ("ValueError", "holds 7"),
}
SCRIPT = """
import sys, threading, time, paddle_ann, paddle, numpy as np
class Set(paddle.io.Dataset):
    num_classes, ignore_index = 3, 255
    file_list = [[f'a{i}.jpg', f'a{i}.png'] for i in range(6)]
    def __len__(self): return 6
    def __getitem__(self, i):
        if i == 3:
            if kind == 'value': raise ValueError('bad sample')
            if kind == 'key': raise KeyError('bad sample')
            if kind == 'os': open('/nonexistent')
            if kind == 'unicode': b'\\xff'.decode('utf8')
            if kind == 'stop': raise StopIteration
            if kind == 'label': return {'label': np.full((2, 2), 7)}
            if kind == 'die': import os; os._exit(9)
        return {'label': np.zeros((2, 3 if kind == 'shape' and i == 3 else 2), 'int64')}
for kind in sys.argv[2].split(','):
    loader = paddle.io.DataLoader(Set(), batch_size=2, num_workers=int(sys.argv[1]))
    try:
        print(kind, 'batches', len(list(loader)))
    except Exception as error:
        print(kind, type(error).__name__, str(error).replace(chr(10), ' '))
    deadline = time.monotonic() + 20  # the workers' queues close in threads of their own
    while threading.active_count() > 1 and time.monotonic() < deadline: time.sleep(0.01)
    print(kind, 'threads', threading.active_count(), threading.enumerate()[1:])
"""


def read(workers, kinds, timeout=90, **env):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(workers), ",".join(kinds)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_every_kind_of_error_surfaces_with_its_type_message_and_files(workers):
    done = read(workers, [*KINDS, "shape", "none"])
    lines = done.stdout.splitlines()
    for kind, (name, message) in KINDS.items():
        (line,) = [line for line in lines if line.startswith(f"{kind} {name}")]
        assert message in line and "sample 3, a3.jpg, a3.png" in line
    (line,) = [line for line in lines if line.startswith("shape ValueError")]
    assert "label (2, 2); label (2, 3)" in line
    assert "none batches 3" in lines  # the reader works after the failures
    assert [line for line in lines if " threads " in line] == [
        f"{kind} threads 1 []" for kind in [*KINDS, "shape", "none"]
    ]
    assert done.stderr == "" and done.returncode == 0


def test_a_worker_that_dies_is_named():
    assert "die RuntimeError A data reading process died" in read(2, ["die"]).stdout


def test_without_the_fix_it_hangs():
    with pytest.raises(subprocess.TimeoutExpired):
        read(0, ["value"], timeout=15, PADDLE_ANN_COMPAT="off")


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (T.ResizeStepScaling(-1, -1), "error: OpenCV.* ResizeStepScaling .min_scale_factor -1,"),
        (T.Padding([3, 3]), "Padding .target_size .3, 3.,"),
    ],
)
def test_a_transform_that_fails_is_named(tmp_path, transform, words):
    dataset = PascalVOC([transform], str(tiny.write_voc(tmp_path / "voc", ["a"])), "train")
    with pytest.raises((RuntimeError, ValueError)) as caught:
        NamingDataset(dataset)[0]
    assert re.search(f"{words}.*, reading sample 0, .*a.jpg", str(caught.value), re.DOTALL)


def test_a_picture_without_pixels_is_named(tmp_path):
    crop = T.RandomPaddingCrop(crop_size=[0, 32])
    dataset = PascalVOC([crop], str(tiny.write_voc(tmp_path / "voc", ["a"])), "train")
    with pytest.raises(ValueError, match=r"(?s)no pixel left: .*\(3, 32, 0\).*a.jpg"):
        NamingDataset(dataset)[0]


class Labels(paddle.io.Dataset):
    num_classes, ignore_index = 3, 255


@pytest.mark.parametrize("values", [[0, 1, 2], [0, 255], [2, 2]])
def test_good_labels_pass(values):
    check_label_values({"label": np.array(values, "uint8")}, Labels())


@pytest.mark.parametrize("values", [[0, 3], [-1, 0], [254, 255]])
def test_bad_labels_are_named(values):
    with pytest.raises(ValueError, match=f"holds {values[0] if values[0] in (-1, 254) else 3}"):
        check_label_values({"label": np.array(values)}, Labels())


def test_samples_without_integer_labels_are_not_looked_at():
    check_label_values({"label": np.array([9.5])}, Labels())
    check_label_values((1, 2), Labels())
    check_label_values({"label": np.array([9])}, object())


READ = """
import os, signal, sys, time
import numpy as np
import paddle
import paddle_ann
import psutil

class Slow(paddle.io.Dataset):
    def __getitem__(self, index):
        return np.zeros(3)
    def __len__(self):
        return 64

reader = iter(paddle.io.DataLoader(Slow(), batch_size=2, num_workers=2))
next(reader)
print(*(child.pid for child in psutil.Process().children()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("fixes", ["off", "all"])
def test_readers_of_a_killed_process_end(fixes):
    environment = {**os.environ, "PADDLE_ANN_COMPAT": fixes, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", READ]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as killed:
        readers = [int(pid) for pid in killed.stdout.readline().split()]
    assert len(readers) == 2 and killed.returncode == -signal.SIGKILL
    wait = time.monotonic() + 5
    while any(map(alive, readers)) and time.monotonic() < wait:
        time.sleep(0.05)
    left = [pid for pid in readers if alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert bool(left) == (fixes == "off"), left
